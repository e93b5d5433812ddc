"""Orders for reports, which the job of exports makes and keeps."""

from pathlib import Path
from uuid import UUID
from zipfile import ZipFile

from sqlalchemy import Connection, Engine

from mapservice.errors import NotFound
from mapservice.publishing.exports import queries as exports
from mapservice.publishing.exports import service as exporting
from mapservice.publishing.exports.model import BundleFormat, ExportJob
from mapservice.publishing.exports.service import ExportTerms
from mapservice.publishing.reports.model import ReportView


def ask(engine: Engine, view: ReportView, base_url: str, terms: ExportTerms) -> ExportJob:
    """One in the making or fresh, else a new one.

    Raises ServiceUnavailable when too many wait, TooManyRequests when too many of theirs do.
    """
    with engine.begin() as connection:
        return exporting.order(connection, BundleFormat.REPORT, view.query, base_url, terms)


def find(connection: Connection, identifier: str) -> ExportJob:
    """Raises NotFound, also for an export that is no report."""
    try:
        found = exports.find(connection, UUID(identifier))
    except ValueError:
        found = None
    if found is None or found.format is not BundleFormat.REPORT:
        raise NotFound("There is no such report, or it has expired.")
    return found


def archive(home: Path, one: ExportJob) -> Path:
    """The path of the finished archive. Raises NotFound."""
    path = exporting.folder(home) / one.file_name
    if one.file_url is None or not path.is_file():
        raise NotFound("This report is not made yet, or no longer kept.")
    return path.resolve()


def content(home: Path, one: ExportJob, name: str) -> bytes:
    """One file of a report. Raises NotFound."""
    with ZipFile(archive(home, one)) as files:
        return files.read(name)
