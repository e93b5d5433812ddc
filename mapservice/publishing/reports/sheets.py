"""The figures of a report as CSV, as a workbook and as a GIS layer, with the same column names.

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

from mapservice.i18n import NO_BREAK
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
        whole = book.add_format({"num_format": "#,##0"})
        decimals = book.add_format({"num_format": "#,##0.00"})
        styles = {3: whole, 4: whole, 5: whole, 6: decimals}

        sheet = book.add_worksheet("Chiffres")
        sheet.write_row(0, 0, NAMES, head)
        for number, line in enumerate(report.lines, 1):
            for column, value in enumerate(_row(report, line)):
                if value is not None:
                    sheet.write(number, column, value, styles.get(column))
        sheet.set_column(0, 1, 13)
        sheet.set_column(2, 2, 34)
        sheet.set_column(3, 8, 14)
        sheet.freeze_panes(1, 3)
        sheet.autofilter(0, 0, max(len(report.lines), 1), len(NAMES) - 1)

        sheet = book.add_worksheet("Initiatives")
        sheet.write_row(0, 0, ("code", "name", "title", "supporters", "url"), head)
        named = [(line, one) for line in report.lines for one in line.most_supported]
        for number, (line, one) in enumerate(named, 1):
            row = (line.code, line.name, one.title, one.supporters, report.link(one))
            sheet.write_row(number, 0, row)
        sheet.set_column(1, 1, 30)
        sheet.set_column(2, 2, 60)
        sheet.set_column(4, 4, 60)
        sheet.freeze_panes(1, 0)

        sheet = book.add_worksheet("Méthode")
        lines = [
            f"Période{NO_BREAK}: {words.period(report.view)}",
            f"Thèmes{NO_BREAK}: {words.themes(report.view)}",
            f"Chiffres du {words.moment(report.made_at)}",
            *(f"Ensemble{NO_BREAK}: {value} {name}" for name, value in words.key_figures(report)),
            *words.notes(report),
            *words.sources(report),
        ]
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        sheet.write(0, 0, words.title(report), book.add_format({"bold": True, "font_size": 14}))
        sheet.write_column(1, 0, lines, wrapped)
        sheet.set_column(0, 0, 90)


def write_layer(report: TerritoryReport, path: Path) -> None:
    """A GeoPackage; a territory without an outline keeps its row."""
    rows = [_row(report, line) for line in report.lines]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(NAMES)
    outlines: list[bytes | None] = []
    for line in report.lines:
        shape = report.outlines.areas.get(line.code)
        outline = shapely.from_geojson(json.dumps(shape)) if shape else None
        parts = [] if outline is None else list(shapely.get_parts(outline))
        outlines.append(bytes(shapely.to_wkb(shapely.MultiPolygon(parts))) if shape else None)
    arrays = []
    for name, column in zip(NAMES, columns, strict=True):
        kind = "int64"
        if name in ("level", "code", "name"):
            kind = "object"
        elif name == "per_10000_inhabitants":
            kind = "float64"
        # The value under the mask of an unknown number; readers never see it.
        blank = float("nan") if kind == "float64" else 0
        arrays.append(np.array([blank if value is None else value for value in column], kind))
    write(
        path,
        np.array(outlines, dtype=object),
        arrays,
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
