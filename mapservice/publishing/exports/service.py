"""Exports asked for: the row and the job that makes it are written in one transaction.

`making.py` makes them; it alone needs GDAL, which a process that answers requests does without.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.errors import InvalidInput, ServiceUnavailable, TooManyRequests
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.publishing.exports import queries
from mapservice.publishing.exports.model import (
    KEPT,
    MAX_OWN,
    MAX_WAITING,
    ORDERED,
    ExportJob,
    JobFormat,
)

TASK = "make_exports"
WAIT_SECONDS = 30  # until one of somebody's own may be done
LOCK_ASKING = "SELECT pg_advisory_xact_lock(hashtext('exports'), 2)"
DEFER = """
    SELECT procrastinate_defer_jobs_v1(ARRAY[
        ROW('default', :task, 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1])"""
INSERT = """
    INSERT INTO export (format, filter, base_url, kept, asker)
    VALUES (:format, :filter, :base_url, :kept, :asker)
    RETURNING id"""
# An order for the same file with a longer term extends the term of the existing one.
KEEP_LONGER = """
    UPDATE export
       SET kept = :kept,
           expires_at = CASE WHEN state = 'done' THEN finished_at + :kept ELSE expires_at END
     WHERE id = :id AND kept < :kept"""


def folder(home: Path) -> Path:
    """Where finished files lie, shared by the service and its worker."""
    return home / "exports"


@dataclass(frozen=True, slots=True)
class ExportTerms:
    """The terms of an order: how many others may wait before it, how long its file is kept.

    `asker` is a keyed digest of the person or network; None for what we order ourselves.
    """

    room: int = MAX_WAITING
    kept: timedelta = KEPT
    asker: bytes | None = None


FOR_ALL = ExportTerms()


def ask(
    engine: Engine,
    form: JobFormat,
    filters: InitiativeFilters,
    base_url: str,
    terms: ExportTerms = FOR_ALL,
) -> ExportJob:
    """The export of this filter: one that is under way or fresh, else a new one.

    Raises ServiceUnavailable when too many wait, TooManyRequests when too many of theirs do.
    """
    written = urlencode(filters.to_pairs(), safe=",:")
    with engine.begin() as connection:
        return order(connection, form, written, base_url, terms)


def order(
    connection: Connection,
    form: JobFormat,
    written: str,
    base_url: str,
    terms: ExportTerms = FOR_ALL,
) -> ExportJob:
    """The same for anything that is made: `written` is what it is made from, in one spelling."""
    connection.execute(text(LOCK_ASKING))
    found = queries.same(connection, form, written, base_url)
    if found:
        connection.execute(text(KEEP_LONGER), {"id": found.id, "kept": terms.kept})
        return found
    if terms.asker and queries.under_way(connection, terms.asker) >= MAX_OWN:
        raise TooManyRequests(
            f"You have {MAX_OWN} files under way already; please wait for one of them.",
            WAIT_SECONDS,
        )
    if queries.waiting(connection) >= terms.room:
        raise ServiceUnavailable("Too many exports wait already; please try again later.")
    bound = {
        "format": str(form),
        "filter": written,
        "base_url": base_url,
        "kept": terms.kept,
        "asker": terms.asker,
    }
    identifier: UUID = connection.execute(text(INSERT), bound).scalar_one()
    defer(connection)
    made = queries.find(connection, identifier)
    assert made is not None
    return made


def defer(connection: Connection) -> None:
    """Wakes a worker once the transaction is committed."""
    connection.execute(text(DEFER), {"task": TASK})


def parse_format(name: str) -> JobFormat:
    """Raises InvalidInput for a format that is not made by a job."""
    for known in ORDERED:
        if name == known:
            return known
    raise InvalidInput("format", f"{name[:20]!r} is not one of {', '.join(ORDERED)}")
