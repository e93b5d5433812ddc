"""The report as a PDF by Typst, with the same words and figures as the page.

Everything goes to `templates/reports/report.typ` as data, so no text of a citizen is ever markup.
"""

import json

import typst
from sqlalchemy import Connection

from mapservice.publishing.reports import words
from mapservice.publishing.reports.model import SupportedInitiative, TerritoryReport
from mapservice.publishing.reports.page import areas, foremost, holders
from mapservice.settings import asset_folder
from mapservice.static_maps.png import FONTS
from mapservice.static_maps.report_drawing import choropleth
from mapservice.static_maps.report_model import COLOURS, HATCH, PAPER, UNKNOWN

# Rows on paper; the files beside the report have every row. All départements fit.
PAPER_ROWS = 120
PAPER_HOLDERS = 40


def render(connection: Connection, report: TerritoryReport) -> bytes:
    """A4 pages; the connection serves to draw the base of the map."""
    view, title, told = report.view, words.title(report), words.FIGURES[report.view.figure]
    outlines = report.outlines
    drawn = choropleth(connection, areas(report), outlines.bounds, title, told, outlines.archive)
    content = {
        "site": report.site_name,
        "title": title,
        "made_up": words.made_up(report),
        "scope": [
            ["Période", words.period(view)],
            ["Thèmes", words.themes(view)],
            ["Chiffres du", words.moment(report.made_at)],
        ],
        "keys": words.key_figures(report),
        "figure": told,
        "legend": [[_swatch(shade), name] for shade, name in words.legend(report)],
        "explained": words.EXPLAINED if report.explained else "",
        "colours": [*COLOURS, UNKNOWN],
        "paper": PAPER,
        "hatch": HATCH,
        "foremost": [
            [*_named(report, line.most_supported[at]), line.name] for line, at in foremost(report)
        ],
        "columns": [words.LEVELS[view.by][0].capitalize(), *words.columns(report)],
        "rows": [
            [_swatch(report.shade(line)), words.name(line), *words.cells(line.figures)]
            for line in report.lines[:PAPER_ROWS]
        ],
        "beside": words.rows_beside(PAPER_ROWS, report),
        "whole": ["Ensemble", *words.cells(report.whole)],
        "holders": [
            [line.name, [_named(report, one) for one in line.most_supported]]
            for line in holders(report, PAPER_HOLDERS)
            if len(report.lines) > 1
        ],
        "notes": words.notes(report),
        "sources": words.sources(report),
    }
    made = typst.compile(
        asset_folder("templates").resolve() / "reports" / "report.typ",
        font_paths=[FONTS],
        ignore_system_fonts=True,
        sys_inputs={"report": json.dumps(content), "map": drawn},
        pdf_standards="ua-1",
        timestamp=int(report.made_at.timestamp()),
    )
    assert isinstance(made, bytes), "a PDF is one file"
    return made


def _swatch(shade: int | None) -> int:
    """-1 for hatching, else an index of the colours, of which the last stands for unknown."""
    return len(COLOURS) if shade is None else shade - 1


def _named(report: TerritoryReport, one: SupportedInitiative) -> list[str]:
    support = words.counted(one.supporters, "soutien", "soutiens")
    return [one.title, report.link(one), support]
