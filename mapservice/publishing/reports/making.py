"""Making reports: five files from the figures of one moment, whole or not at all.

Needs folium, Typst and GDAL, which processes that answer requests do without.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy import Connection

from mapservice.publishing.exports.formats import Advance
from mapservice.publishing.exports.model import ExportJob
from mapservice.publishing.exports.unfinished import beside, publish
from mapservice.publishing.reports import page, paper, sheets
from mapservice.publishing.reports.model import ReportFile, ReportView, TerritoryReport
from mapservice.publishing.reports.queries import read
from mapservice.tiles.basemap.service import Basemap

ARCHIVE = "zip"
SUFFIXES = (*map(str, ReportFile), ARCHIVE)

Make = Callable[[Connection, ExportJob, Path, Callable[[int], None], Advance], None]


def maker(site_name: str, basemap: Basemap) -> Make:
    """The function that the job of exports calls for a report."""
    return partial(_make, site_name, basemap)


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
            path = folder / piece.file_name
            if piece is ReportFile.PAGE:
                path.write_text(page.render(connection, report), encoding="utf-8")
            elif piece is ReportFile.PAPER:
                path.write_bytes(paper.render(connection, report))
            elif piece is ReportFile.CSV:
                path.write_text(sheets.csv_text(report), encoding="utf-8")
            elif piece is ReportFile.WORKBOOK:
                sheets.write_workbook(report, path)
            else:
                sheets.write_layer(report, path)
            advance(1)
        made = folder / pieces[0].file_name
        if suffix == ARCHIVE:
            made = folder / f"packed.{ARCHIVE}"
            with ZipFile(made, "w", ZIP_DEFLATED) as files:
                for piece in pieces:
                    files.write(folder / piece.file_name, piece.file_name)
        publish(made, target)


def _make(
    site_name: str,
    basemap: Basemap,
    connection: Connection,
    one: ExportJob,
    target: Path,
    start: Callable[[int], None],
    advance: Advance,
) -> None:
    view = ReportView.of_query(one.filter)
    report = read(connection, view, one.base_url, site_name, basemap.served())
    save(connection, report, target, ARCHIVE, start, advance)
