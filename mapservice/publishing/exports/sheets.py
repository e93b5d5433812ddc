"""Lists as workbooks, XLSX and ODS, row by row, so that memory does not grow with them.

Columns are those of the other formats, `lon` and `lat` at the end. Days and moments (UTC) are
dates, numbers are numbers, all else is text and stays text: what a spreadsheet would take for a
formula has an apostrophe before it, as in CSV.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
import shapely
from sqlalchemy import Connection
from xlsxwriter import Workbook

from mapservice.initiatives.exports import FIELDS, FORMULA_SIGNS, WRITTEN, typed_rows
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.publishing.exports.model import SheetFormat
from mapservice.publishing.exports.unfinished import beside, publish

BATCH_ROWS = 5_000
COLUMNS = (*FIELDS, "lon", "lat")
DAYS = ("start_day", "end_day")
DECIMALS = 6
# What both kinds of programs open at most, the header included; more goes on another sheet.
SHEET_ROWS = 1_048_576
# Signs of a cell in XLSX; nothing of ours is longer.
CELL_LENGTH = 32_767
# Before that day the calendars of spreadsheets differ from ours, and from each other's.
FIRST_DAY = date(1900, 3, 1)
_ILLEGAL = {code: None for code in range(32) if code not in (9, 10, 13)} | {
    0xFFFE: None,
    0xFFFF: None,
}

Cell = str | int | float | bool | date | datetime | None
Advance = Callable[[int], None]


def write_sheet(
    connection: Connection,
    form: SheetFormat,
    filters: InitiativeFilters,
    base_url: str,
    target: Path,
    advance: Advance,
) -> None:
    """Writes the initiatives of a filter to `target`, which a crash leaves as it was."""
    rows = _rows(connection, filters, base_url, advance)
    with beside(target) as folder:
        made = folder / target.name
        if form is SheetFormat.XLSX:
            _write_xlsx(made, folder, rows)
        else:
            _write_ods(made, rows)
        publish(made, target)


def _rows(
    connection: Connection, filters: InitiativeFilters, base_url: str, advance: Advance
) -> Iterator[Sequence[Cell]]:
    for batch in typed_rows(connection, filters, base_url, BATCH_ROWS):
        points = shapely.from_wkb(np.array([row.point for row in batch], dtype=object))
        lons, lats = shapely.get_x(points), shapely.get_y(points)
        for row, lon, lat in zip(batch, lons, lats, strict=True):
            values = tuple(row)[:-1]
            cells = [_cell(name, value) for name, value in zip(FIELDS, values, strict=True)]
            yield [*cells, _degrees(lon), _degrees(lat)]
        advance(len(batch))


def _degrees(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), DECIMALS)


def _cell(name: str, value: Any) -> Cell:
    """As a spreadsheet is to hold it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if name in DAYS:
        value = date.fromisoformat(value)
    if isinstance(value, date):
        day = value.date() if isinstance(value, datetime) else value
        return value if day >= FIRST_DAY else value.isoformat()
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if name in WRITTEN and text.startswith(tuple(FORMULA_SIGNS)):
        text = f"'{text}"
    return text.translate(_ILLEGAL)


def _write_xlsx(path: Path, folder: Path, rows: Iterator[Sequence[Cell]]) -> None:
    options = {
        "constant_memory": True,
        "tmpdir": str(folder),
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with Workbook(path, options) as book:
        head = book.add_format({"bold": True, "bottom": 1})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet, at = None, SHEET_ROWS
        for number, row in enumerate(_with_an_empty_one(rows)):
            if at == SHEET_ROWS:
                sheet, at = book.add_worksheet(_sheet_name(number)), 1
                sheet.freeze_panes(1, 2)
                sheet.set_column(1, 2, 40)
                sheet.write_row(0, 0, COLUMNS, head)
            assert sheet is not None, "made with its first row"
            for column, value in enumerate(row):
                if isinstance(value, bool):
                    sheet.write_boolean(at, column, value)
                elif isinstance(value, datetime):
                    sheet.write_datetime(at, column, value, moment)
                elif isinstance(value, date):
                    sheet.write_datetime(at, column, value)
                elif isinstance(value, int | float):
                    sheet.write_number(at, column, value)
                elif value:
                    sheet.write_string(at, column, value[:CELL_LENGTH])
            at += 1


def _sheet_name(number: int) -> str:
    """Of the sheet that the row of this number begins, from 0."""
    return f"initiatives {number // (SHEET_ROWS - 1) + 1}" if number else "initiatives"


def _with_an_empty_one(rows: Iterator[Sequence[Cell]]) -> Iterator[Sequence[Cell]]:
    """A list of nothing still has its header: a row without a cell makes its sheet."""
    first = next(rows, None)
    yield first if first is not None else ()
    yield from rows


def _write_ods(path: Path, rows: Iterator[Sequence[Cell]]) -> None:
    """OpenDocument 1.3, written as it is streamed: no library does so in bounded memory."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        # First and not compressed, so that the type can be read at its place.
        archive.writestr("mimetype", SheetFormat.ODS.media_type, ZIP_STORED)
        archive.writestr("META-INF/manifest.xml", _MANIFEST)
        with archive.open("content.xml", "w", force_zip64=True) as file:
            file.write(_HEAD.encode())
            at = SHEET_ROWS
            for number, row in enumerate(_with_an_empty_one(rows)):
                if at == SHEET_ROWS:
                    name = _sheet_name(number)
                    end = "</table:table>" if number else ""
                    header = "".join(map(_ods_cell, COLUMNS))
                    begin = f'<table:table table:name="{name}"><table:table-row>{header}'
                    file.write(f"{end}{begin}</table:table-row>".encode())
                    at = 1
                cells = "".join(map(_ods_cell, row)) or "<table:table-cell/>"
                file.write(f"<table:table-row>{cells}</table:table-row>\n".encode())
                at += 1
            file.write(_TAIL.encode())


def _ods_cell(value: Cell) -> str:
    if value is None or value == "":
        return "<table:table-cell/>"
    if isinstance(value, str):
        # In a paragraph several spaces would become one; some readers drop tabs.
        spaced = escape(value.replace("\t", " ")).replace("  ", " <text:s/>")
        lines = "".join(f"<text:p>{line}</text:p>" for line in spaced.split("\n"))
        return f'<table:table-cell office:value-type="string">{lines}</table:table-cell>'
    if isinstance(value, bool):
        shown = str(value).lower()
        kind = f'office:value-type="boolean" office:boolean-value="{shown}"'
    elif isinstance(value, datetime):
        shown = value.isoformat(timespec="seconds")
        kind = f'table:style-name="moment" office:value-type="date" office:date-value="{shown}"'
    elif isinstance(value, date):
        shown = value.isoformat()
        kind = f'table:style-name="day" office:value-type="date" office:date-value="{shown}"'
    else:
        shown = repr(value)
        kind = f'office:value-type="float" office:value="{shown}"'
    return f"<table:table-cell {kind}><text:p>{shown}</text:p></table:table-cell>"


_NAMESPACES = " ".join(
    f"xmlns:{prefix}={quoteattr(f'urn:oasis:names:tc:opendocument:xmlns:{name}:1.0')}"
    for prefix, name in (
        ("office", "office"),
        ("table", "table"),
        ("text", "text"),
        ("style", "style"),
        ("number", "datastyle"),
    )
)
_DAY = (
    '<number:year number:style="long"/><number:text>-</number:text>'
    '<number:month number:style="long"/><number:text>-</number:text>'
    '<number:day number:style="long"/>'
)
_CLOCK = (
    '<number:text> </number:text><number:hours number:style="long"/>'
    '<number:text>:</number:text><number:minutes number:style="long"/>'
    '<number:text>:</number:text><number:seconds number:style="long"/>'
)
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<office:document-content {_NAMESPACES} office:version="1.3"><office:automatic-styles>'
    f'<number:date-style style:name="N1">{_DAY}</number:date-style>'
    f'<number:date-style style:name="N2">{_DAY}{_CLOCK}</number:date-style>'
    '<style:style style:name="day" style:family="table-cell" style:data-style-name="N1"/>'
    '<style:style style:name="moment" style:family="table-cell" style:data-style-name="N2"/>'
    "</office:automatic-styles><office:body><office:spreadsheet>"
)
_TAIL = "</table:table></office:spreadsheet></office:body></office:document-content>\n"
_MANIFEST = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'
    ' manifest:version="1.3"><manifest:file-entry manifest:full-path="/"'
    f' manifest:media-type="{SheetFormat.ODS.media_type}"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
    "</manifest:manifest>\n"
)
