"""Reports made: five files from the figures of one moment, whole or not at all.

It needs folium, Typst and GDAL, which a process that answers requests does without.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy import Connection

from mapservice.publishing.exports.formats import Advance, beside, publish
from mapservice.publishing.exports.model import ExportJob
from mapservice.publishing.reports import page, paper, sheets
from mapservice.publishing.reports.model import ReportFile, ReportView, TerritoryReport
from mapservice.publishing.reports.queries import read

ARCHIVE = "zip"
SUFFIXES = (*map(str, ReportFile), ARCHIVE)

Make = Callable[[Connection, ExportJob, Path, Callable[[int], None], Advance], None]


def maker(site_name: str) -> Make:
    """What the job of exports calls for a report."""
    return partial(_make, site_name)


def save(
    connection: Connection,
    report: TerritoryReport,
    target: Path,
    suffix: str,
    start: Callable[[int], None],
    advance: Advance,
) -> None:
    """Writes one file, or all in an archive, to `target`, which a crash leaves as it was."""
    pieces = tuple(ReportFile) if suffix == ARCHIVE else (ReportFile(suffix),)
    start(len(pieces))
    with beside(target) as folder:
        for piece in pieces:
            _write(connection, report, piece, folder / piece.file_name)
            advance(1)
        made = folder / pieces[0].file_name
        if suffix == ARCHIVE:
            made = _packed(folder, pieces)
        publish(made, target)


def _make(
    site_name: str,
    connection: Connection,
    one: ExportJob,
    target: Path,
    start: Callable[[int], None],
    advance: Advance,
) -> None:
    report = read(connection, ReportView.of_query(one.filter), one.base_url, site_name)
    save(connection, report, target, ARCHIVE, start, advance)


def _write(connection: Connection, report: TerritoryReport, piece: ReportFile, path: Path) -> None:
    if piece is ReportFile.PAGE:
        path.write_text(page.render(report), encoding="utf-8")
    elif piece is ReportFile.PAPER:
        path.write_bytes(paper.render(connection, report))
    elif piece is ReportFile.CSV:
        path.write_text(sheets.csv_text(report), encoding="utf-8")
    elif piece is ReportFile.WORKBOOK:
        sheets.write_workbook(report, path)
    else:
        sheets.write_layer(report, path)


def _packed(folder: Path, pieces: tuple[ReportFile, ...]) -> Path:
    packed = folder / f"packed.{ARCHIVE}"
    with ZipFile(packed, "w", ZIP_DEFLATED) as files:
        for piece in pieces:
            files.write(folder / piece.file_name, piece.file_name)
    return packed
