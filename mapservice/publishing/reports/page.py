"""The report as one self-contained HTML page; see `templates/reports`."""

import base64
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection

from mapservice.publishing.reports import words
from mapservice.publishing.reports.model import ReportLine, TerritoryReport
from mapservice.settings import asset_folder
from mapservice.static_maps.folium_map import offline_map
from mapservice.static_maps.report_drawing import choropleth
from mapservice.static_maps.report_model import COLOURS, HATCH, PAPER, UNKNOWN, ReportArea

FONT = Path(__file__).resolve().parents[2] / "static" / "fonts" / "atkinson-next-normal.woff2"
# Initiatives named in the head of the report, among all.
FOREMOST = 10
# Rows of the table that a printer gets; the screen has them all.
PRINTED_ROWS = 120


def render(connection: Connection, report: TerritoryReport) -> str:
    """The page; it fetches nothing, whatever opens it.

    A printer gets the map drawn, as a live one keeps to the window that it was looked at in; the
    connection serves to draw its base.
    """
    outlines, title = report.outlines, words.title(report)
    told = words.FIGURES[report.view.figure]
    on_paper = choropleth(connection, areas(report), outlines.bounds, title, told, outlines.archive)
    drawn = offline_map(
        areas(report), outlines.ground, outlines.bounds, outlines.names, outlines.archive
    )
    return (
        _templates()
        .get_template("report.html")
        .render(
            report=report,
            words=words,
            map=drawn,
            map_on_paper=base64.b64encode(on_paper.encode()).decode(),
            font=base64.b64encode(FONT.read_bytes()).decode(),
            colours=COLOURS,
            hatch=HATCH,
            paper=PAPER,
            unknown=UNKNOWN,
            foremost=foremost(report),
            holders=holders(report),
            printed=PRINTED_ROWS,
        )
    )


def areas(report: TerritoryReport) -> list[ReportArea]:
    """The areas of the map; a territory without an outline is in the table alone."""
    shapes = report.outlines.areas
    return [
        ReportArea(line.code, report.shade(line), shapes[line.code])
        for line in report.lines
        if line.code in shapes
    ]


def foremost(report: TerritoryReport) -> list[tuple[ReportLine, int]]:
    """The most supported initiatives of all, each as its line and its place there."""
    every = [(line, at) for line in report.lines for at in range(len(line.most_supported))]
    ranked = sorted(every, key=lambda pair: -pair[0].most_supported[pair[1]].supporters)
    return [pair for pair in ranked if pair[0].most_supported[pair[1]].supporters][:FOREMOST]


def holders(report: TerritoryReport, most: int | None = None) -> list[ReportLine]:
    """Territories that have an initiative to name, the first ones of the table, by name."""
    named = [line for line in report.lines if line.most_supported][:most]
    return sorted(named, key=lambda line: line.name)


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(asset_folder("templates").resolve() / "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
