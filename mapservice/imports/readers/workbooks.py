"""Sheets of Excel and OpenDocument workbooks, and GeoParquet, read by a process of its own."""

import logging
from collections.abc import Iterator
from itertools import islice

from pyproj import CRS
from pyproj.exceptions import ProjError

from mapservice.errors import SourceError
from mapservice.imports.readers.content import FileContent
from mapservice.imports.readers.converted import ConvertedFile, convert
from mapservice.imports.readers.geojson import Projecting, to_wgs84
from mapservice.imports.readers.geometries import read_geometry
from mapservice.imports.readers.tables import MAX_COLUMNS, SourceRecord, SourceTable, storable
from mapservice.imports.readers.tabular import (
    HEADER_WITHIN,
    DelimitedRow,
    Recogniser,
    find_header,
    is_blank,
    table_of,
)

# So much of two headers must be alike for their sheets to be one table.
ALIKE = 0.7
# The sheet of a row, where several are read.
SHEET_COLUMN = "feuille"


def read_workbook(content: FileContent, recognised: Recogniser) -> SourceTable:
    """The rows of the sheet whose header names most that is known, and of sheets like it.

    Hidden sheets and sheets of another kind are left out, and named. Raises SourceError.
    """
    converted = convert(content, "workbook")
    problems: list[str] = []
    sheets: dict[str, int] = {}
    unsaved: dict[str, dict[str, int]] = {}
    for head, start in converted.parts():
        if head["hidden"]:
            problems.append(f"sheet {head['sheet']!r} is hidden: not read")
        else:
            sheets[head["sheet"]] = start
            unsaved[head["sheet"]] = head.get("unsaved", {})
            if hidden := head.get("hidden_rows", 0):
                problems.append(
                    f"sheet {head['sheet']!r}: hidden rows, which are read too: {hidden}"
                )
    tables: dict[str, SourceTable] = {}
    known: dict[str, int] = {}
    for sheet, start in sheets.items():
        first = [
            row for row in islice(_rows(converted, start), HEADER_WITHIN * 5) if not is_blank(row)
        ]
        if not first:
            continue
        try:
            tables[sheet] = _sheet_table(
                f"{content.name}, sheet {sheet!r}", converted, start, recognised
            )
        except SourceError as error:
            problems.append(f"sheet {sheet!r} is not read: {str(error).partition(': ')[2]}")
            continue
        known[sheet] = find_header(first[:HEADER_WITHIN], recognised, sheet).known
    if not tables:
        raise SourceError(
            f"{content.name}: no visible sheet holds a table"
            + "".join(f"; {problem}" for problem in problems)
        )
    best = max(tables, key=lambda sheet: (known[sheet], tables[sheet].total))
    chosen = [sheet for sheet in tables if _alike(tables[sheet].columns, tables[best].columns)]
    problems += [
        f"sheet {sheet!r} ({tables[sheet].total} rows) is not read: its columns are others than"
        f" those of {best!r}"
        for sheet in tables
        if sheet not in chosen
    ]
    problems += [problem for sheet in chosen for problem in tables[sheet].problems]
    problems += [
        f"sheet {sheet!r}: {sum(counts.values())} formulas (columns {', '.join(sorted(counts))})"
        " have no saved value and are read as empty: open the file in a spreadsheet, save it, and"
        " import it again"
        for sheet in chosen
        if (counts := unsaved[sheet])
    ]
    if len(chosen) == 1:
        table = tables[best]
        if len(sheets) > 1:
            problems.insert(0, f"sheet {best!r} is read")
        return SourceTable(table.columns, table.records, table.total, tuple(problems))
    columns = tuple(dict.fromkeys(name for sheet in chosen for name in tables[sheet].columns))
    mark = SHEET_COLUMN if SHEET_COLUMN not in columns else f"{SHEET_COLUMN} (2)"

    def records() -> Iterator[SourceRecord]:
        for sheet in chosen:
            for record in tables[sheet].records():
                values = {name: record.values.get(name, "") for name in columns}
                if any(values.values()):
                    values[mark] = storable(sheet)
                yield SourceRecord(values, None, None, record.notes, record.rejected)

    problems.insert(0, f"sheets {', '.join(map(repr, chosen))} are read as one table")
    total = sum(tables[sheet].total for sheet in chosen)
    return SourceTable((*columns, mark), records, total, tuple(problems))


def read_parquet(content: FileContent) -> SourceTable:
    """The rows of a Parquet file, with the geometries of a GeoParquet one. Raises SourceError."""
    logging.getLogger("pyogrio._io").setLevel(logging.CRITICAL)
    converted = convert(content, "parquet")
    ((head, start),) = converted.parts()
    columns = tuple(storable(name)[:200] for name in head["columns"])
    if not columns or len(columns) > MAX_COLUMNS:
        raise SourceError(
            f"{content.name}: has {len(columns)} columns; 1 to {MAX_COLUMNS} are read"
        )
    project: Projecting | None = None
    problems: tuple[str, ...] = ()
    if crs := head["crs"]:
        try:
            read = CRS.from_json_dict(crs) if isinstance(crs, dict) else CRS.from_user_input(crs)
            is_lonlat = read.is_geographic
            project = None if is_lonlat and str(crs) == "OGC:CRS84" else to_wgs84(read)
        except (ProjError, ValueError):
            problems = ("crs: is not known; coordinates are told by their range",)

    def records() -> Iterator[SourceRecord]:
        for *cells, shape in converted.rows(start):
            values = dict(zip(columns, map(storable, cells), strict=True))
            point, other, note = read_geometry(bytes.fromhex(shape) if shape else None, project)
            yield SourceRecord(values, point, other, (note,) if note else ())

    total = sum(1 for _ in converted.rows(start))
    if not total:
        raise SourceError(f"{content.name}: holds no row")
    return SourceTable(columns, records, total, problems)


def _sheet_table(
    name: str, converted: ConvertedFile, start: int, recognised: Recogniser
) -> SourceTable:
    return table_of(name, lambda _width: _rows(converted, start), recognised, is_sheet=True)


def _rows(converted: ConvertedFile, start: int) -> Iterator[DelimitedRow]:
    """Rows without the empty cells at their end, which formatted columns have by the hundred."""
    for cells in converted.rows(start):
        while cells and not cells[-1].strip():
            cells.pop()
        yield DelimitedRow(cells)


def _alike(columns: tuple[str, ...], others: tuple[str, ...]) -> bool:
    same = len(set(columns) & set(others))
    return same >= ALIKE * max(len(columns), len(others))
