"""The figures of a report as CSV, as a workbook and as a layer for GIS; the same names in all.

The names are those of `/activity`. Outlines are simplified ones, EPSG:4326.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyogrio.raw import write
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from mapservice.publishing.reports import words
from mapservice.publishing.reports.model import ReportLine, TerritoryReport

NAMES = (
    "level",
    "code",
    "name",
    "population",
    "initiatives",
    "supporters",
    "per_10000_inhabitants",
    "population_year",
    "partial",
)

LAYER = "territoires"


def csv_text(report: TerritoryReport) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(NAMES)
    rows.writerows(_row(report, line) for line in report.lines)
    return out.getvalue()


def write_workbook(report: TerritoryReport, path: Path) -> None:
    """Three sheets: figures, initiatives, method. Texts never become formulas or links."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(path, options) as book:
        head = book.add_format({"bold": True, "bottom": 2, "text_wrap": True, "valign": "bottom"})
        _write_figures(report, book.add_worksheet("Chiffres"), head, book)
        _write_initiatives(report, book.add_worksheet("Initiatives"), head)
        _write_method(report, book.add_worksheet("Méthode"), book)


def write_layer(report: TerritoryReport, path: Path) -> None:
    """A GeoPackage; a territory without an outline keeps its row."""
    rows = [_row(report, line) for line in report.lines]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(NAMES)
    write(
        path,
        np.array([_wkb(report, line) for line in report.lines], dtype=object),
        [
            np.array([_blank(name) if value is None else value for value in column], _kind(name))
            for name, column in zip(NAMES, columns, strict=True)
        ],
        NAMES,
        field_mask=[np.array([value is None for value in column], bool) for column in columns],
        layer=LAYER,
        driver="GPKG",
        geometry_type="MultiPolygon",
        crs="EPSG:4326",
        layer_metadata={"title": words.title(report), "period": words.period(report.view)},
    )


def _row(report: TerritoryReport, line: ReportLine) -> tuple[Any, ...]:
    shown = line.figures
    return (
        str(report.view.by),
        line.code,
        line.name,
        shown.population,
        shown.initiatives,
        shown.supporters,
        shown.rate,
        shown.years[0] if len(shown.years) == 1 else None,
        int(line.partial),
    )


def _blank(name: str) -> float:
    """What stands under the mask of an unknown number."""
    return float("nan") if _kind(name) == "float64" else 0


def _kind(name: str) -> str:
    if name in ("level", "code", "name"):
        return "object"
    return "float64" if name == "per_10000_inhabitants" else "int64"


def _wkb(report: TerritoryReport, line: ReportLine) -> bytes | None:
    shape = report.outlines.areas.get(line.code)
    if shape is None:
        return None
    outline = shapely.from_geojson(json.dumps(shape))
    parts = shapely.get_parts(outline)
    return bytes(shapely.to_wkb(shapely.MultiPolygon(list(parts))))


def _write_figures(report: TerritoryReport, sheet: Worksheet, head: Format, book: Workbook) -> None:
    whole = book.add_format({"num_format": "#,##0"})
    decimals = book.add_format({"num_format": "#,##0.00"})
    sheet.write_row(0, 0, NAMES, head)
    for number, line in enumerate(report.lines, 1):
        for column, value in enumerate(_row(report, line)):
            style = {3: whole, 4: whole, 5: whole, 6: decimals}.get(column)
            if value is not None:
                sheet.write(number, column, value, style)
    sheet.set_column(0, 1, 13)
    sheet.set_column(2, 2, 34)
    sheet.set_column(3, 8, 14)
    sheet.freeze_panes(1, 3)
    sheet.autofilter(0, 0, max(len(report.lines), 1), len(NAMES) - 1)


def _write_initiatives(report: TerritoryReport, sheet: Worksheet, head: Format) -> None:
    sheet.write_row(0, 0, ("code", "name", "title", "supporters", "url"), head)
    named = [(line, one) for line in report.lines for one in line.most_supported]
    for number, (line, one) in enumerate(named, 1):
        row = (line.code, line.name, one.title, one.supporters, report.link(one))
        sheet.write_row(number, 0, row)
    sheet.set_column(1, 1, 30)
    sheet.set_column(2, 2, 60)
    sheet.set_column(4, 4, 60)
    sheet.freeze_panes(1, 0)


def _write_method(report: TerritoryReport, sheet: Worksheet, book: Workbook) -> None:
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    title = book.add_format({"bold": True, "font_size": 14})
    lines = [
        f"Période : {words.period(report.view)}",
        f"Thèmes : {words.themes(report.view)}",
        f"Chiffres du {words.moment(report.made_at)}",
        *(f"Ensemble : {value} {name}" for name, value in words.key_figures(report)),
        *words.notes(report),
        *words.sources(report),
    ]
    sheet.write(0, 0, words.title(report), title)
    sheet.write_column(1, 0, lines, wrapped)
    sheet.set_column(0, 0, 90)
