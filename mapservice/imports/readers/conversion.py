"""Workbooks and Parquet files as lines of JSON: run as a process of its own, with limits.

`python -m mapservice.imports.readers.conversion workbook|parquet FILE` writes to standard output.
Hostile files make any reader of these formats ask for all memory there is (a cell in the last row
and column of a sheet is enough): so what reads them may have little, and nothing else runs in it.
Nothing is fetched, whatever a file names: links between workbooks and their formulas are left
alone, their last values are read.

A line is an object that begins a sheet or table, or a list of the texts of a row's cells, or
{"error": why}.
"""

import contextlib
import json
import re
import resource
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from html import unescape
from typing import IO, Any

MIB = 1024 * 1024
# Address space, seconds of a processor, bytes written.
MEMORY_BYTES = 480 * MIB
CPU_SECONDS = 240
OUTPUT_BYTES = 1024 * MIB
# All parts of a workbook, unpacked.
MAX_PARTS_BYTES = 400 * MIB
MAX_PARTS = 5_000
CHUNK_BYTES = MIB
# A cell of a sheet holds 32,767 characters at most, each of some bytes, and its formula 8,192.
MOST_CELL_BYTES = 8 * MIB
SAVED_VALUE = re.compile(rb"<v>[^<]")
HIDDEN_ROW = re.compile(rb'<(?:\w+:)?row\s[^>]*\bhidden="(?:1|true)"')
CELL_COLUMN = re.compile(rb'^[^>]*\br="([A-Z]{1,3})\d')
PARQUET_ROWS = 1_000
DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY", b"<!doctype")

MergedRange = tuple[tuple[int, int], tuple[int, int]]


class Unreadable(Exception):
    """Why a file is refused, to be read after its name."""


def main(kind: str, path: str) -> None:
    """Writes the rows of a file, or why there are none."""
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
    ):
        resource.setrlimit(limit, (most, most))
    convert: Callable[[str], Iterator[Any]] = _workbook if kind == "workbook" else _parquet
    try:
        for one in convert(path):
            _write(one)
    except Unreadable as error:
        _write({"error": str(error)})
    except MemoryError:
        _write({"error": "is too large to be read"})
    sys.stdout.flush()


def _write(one: Any) -> None:
    sys.stdout.write(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n")


def _workbook(path: str) -> Iterator[Any]:
    _check_parts(path)
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        workbook = CalamineWorkbook.from_path(path)
    except MemoryError:
        raise
    except Exception as error:
        raise Unreadable(f"the workbook cannot be read ({_words(error)})") from error
    unseen = _unseen(path)
    for about in workbook.sheets_metadata:
        if about.typ != SheetTypeEnum.WorkSheet:
            continue
        unsaved, hidden = unseen.get(about.name, ({}, 0))
        head = {"sheet": about.name, "unsaved": unsaved, "hidden_rows": hidden}
        if about.visible != SheetVisibleEnum.Visible:
            yield {**head, "hidden": True}
            continue
        try:
            sheet = workbook.get_sheet_by_name(about.name)
            yield {**head, "hidden": False}
            merged = [] if sheet.start is None else _below(sheet.merged_cell_ranges, sheet.start)
            yield from _filled(sheet.iter_rows(), merged)
        except MemoryError:
            raise
        except Exception as error:
            why = f"the sheet {about.name!r} cannot be read ({_words(error)})"
            raise Unreadable(why) from error


def _check_parts(path: str) -> None:
    """Refuses what unpacks to too much, and XML that declares anything: entities, documents."""
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS:
                raise Unreadable(f"the workbook has more than {MAX_PARTS} parts")
            if sum(part.file_size for part in parts) > MAX_PARTS_BYTES:
                raise Unreadable(f"unpacks to more than {MAX_PARTS_BYTES // MIB} MiB")
            for part in parts:
                is_markup = part.filename.lower().endswith((".xml", ".rels"))
                with archive.open(part) as stream:
                    tail = b""
                    while is_markup and (chunk := stream.read(CHUNK_BYTES)):
                        total += len(chunk)
                        if total > MAX_PARTS_BYTES:
                            raise Unreadable(f"unpacks to more than {MAX_PARTS_BYTES // MIB} MiB")
                        # UTF-16 has a NUL beside each sign.
                        seen = (tail + chunk).replace(b"\x00", b"")
                        if any(one in seen for one in DECLARATIONS):
                            raise Unreadable(
                                f"{part.filename!r} declares a document type or entities, which"
                                " no spreadsheet needs: it is not read"
                            )
                        tail = chunk[-32:]
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        # zipfile raises ten kinds of error on hostile archives, some of them undocumented.
        raise Unreadable("the workbook is damaged") from error


def _unseen(path: str) -> dict[str, tuple[dict[str, int], int]]:
    """By sheet of an XLSX file: formulas whose values nobody saved, by column, and hidden rows.

    A program wrote those formulas and no spreadsheet has computed them yet, so that their cells
    look empty; a filter hides rows that are read like all others.
    """
    found: dict[str, tuple[dict[str, int], int]] = {}
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
            return {}
        links = {
            link.get("Id"): link.get("Target", "").lstrip("/")
            for link in _elements(archive.read("xl/_rels/workbook.xml.rels"), "Relationship")
        }
        for sheet in _elements(archive.read("xl/workbook.xml"), "sheet"):
            link = next((value for name, value in sheet.items() if name.endswith(":id")), "")
            part = links.get(link, "")
            full = next((name for name in (f"xl/{part}", part) if name in names), "")
            if full:
                with archive.open(full) as stream:
                    found[sheet.get("name", "")] = _count_unseen(stream)
    return found


def _elements(markup: bytes, tag: str) -> Iterator[dict[str, str]]:
    """The attributes of each element of a small part that declares no entities."""
    for element in re.findall(rf"<(?:\w+:)?{tag}\s[^>]*>", markup.decode("utf-8", "replace")):
        yield {name: unescape(value) for name, value in re.findall(r'([\w:]+)="([^"]*)"', element)}


def _count_unseen(stream: IO[bytes]) -> tuple[dict[str, int], int]:
    """Formulas without a value by the letters of their column, and how many rows are hidden.

    Texts may be empty: `t="str"`, or a formula that says "".
    """
    counted: Counter[str] = Counter()
    hidden = 0
    rest = b""
    while chunk := stream.read(CHUNK_BYTES):
        cells = (rest + chunk).split(b"<c ")
        rest = b"<c " + cells.pop() if len(cells) > 1 else rest + chunk
        if len(rest) > MOST_CELL_BYTES:
            return {}, 0
        hidden += sum(len(HIDDEN_ROW.findall(cell)) for cell in cells)
        if len(cells) > 1:
            counted.update(filter(None, map(_unsaved_column, cells[1:])))
    counted.update(filter(None, map(_unsaved_column, rest.split(b"<c ")[1:])))
    return dict(counted), hidden + len(HIDDEN_ROW.findall(rest))


def _unsaved_column(cell: bytes) -> str:
    if b"<f" not in cell or b't="str"' in cell or SAVED_VALUE.search(cell):
        return ""
    place = CELL_COLUMN.search(cell)
    return place.group(1).decode() if place else "?"


def _below(ranges: list[MergedRange] | None, start: tuple[int, int]) -> list[MergedRange]:
    """Merged cells of one column over several rows, where `iter_rows` has them: its rows are those
    of the sheet from the first, its columns begin with the first that holds something.
    """
    _, left = start
    return [
        ((first, column - left), (last, column - left))
        for (first, column), (last, last_column) in ranges or []
        if column == last_column and last > first
    ]


def _filled(rows: Iterator[list[Any]], merged: list[MergedRange]) -> Iterator[list[str]]:
    """Rows as texts; what one cell says for several rows is said in each of them."""
    begins: dict[int, list[tuple[int, int]]] = {}
    for (first, column), (last, _) in merged:
        begins.setdefault(first, []).append((column, last))
    held: dict[int, tuple[int, str]] = {}
    for number, row in enumerate(rows):
        cells = [_cell(value) for value in row]
        for column, last in begins.get(number, []):
            if 0 <= column < len(cells):
                held[column] = (last, cells[column])
        for column, (last, text) in list(held.items()):
            if number > last:
                del held[column]
            elif not cells[column]:
                cells[column] = text
        yield cells


def _cell(value: Any) -> str:
    """A value as a person writes it: no ".0", a day without its midnight."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        is_whole = value.is_integer() and abs(value) < 1e15
        return str(int(value)) if is_whole else str(value)
    if isinstance(value, datetime):
        has_time = value.hour or value.minute or value.second
        return value.isoformat(" ", "minutes") if has_time else value.date().isoformat()
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, timedelta):
        minutes = round(value.total_seconds() / 60)
        return f"{minutes // 60:02}:{minutes % 60:02}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _parquet(path: str) -> Iterator[Any]:
    from arro3.io import read_parquet

    try:
        reader = read_parquet(path, batch_size=PARQUET_ROWS)
        schema = reader.schema
        about = json.loads((schema.metadata or {}).get(b"geo", b"{}") or b"{}")
        geometry = str(about.get("primary_column", "")) if isinstance(about, dict) else ""
        described = about.get("columns", {}).get(geometry, {}) if geometry else {}
    except MemoryError:
        raise
    except Exception as error:
        raise Unreadable(f"the Parquet file cannot be read ({_words(error)})") from error
    if geometry and described.get("encoding", "WKB") != "WKB":
        raise Unreadable(f"its geometries are written as {described['encoding']}, not as WKB")
    others = {name for name in about.get("columns", {}) if name != geometry} if geometry else set()
    boxes = {
        str(part[0])
        for part in described.get("covering", {}).get("bbox", {}).values()
        if isinstance(part, list) and part
    }
    columns = [
        field.name
        for field in (schema.field(index) for index in range(len(schema.names)))
        if field.name != geometry and field.name not in others | boxes
    ]
    yield {
        "columns": columns,
        "geometry": geometry,
        # Without a CRS, GeoParquet is in longitude and latitude; null is "not known".
        "crs": described.get("crs", "OGC:CRS84") if geometry else None,
    }
    try:
        for batch in reader:
            cells = [batch.column(name).to_pylist() for name in columns]
            shapes = batch.column(geometry).to_pylist() if geometry else [None] * batch.num_rows
            for index in range(batch.num_rows):
                shape = shapes[index]
                yield [
                    *(_plain(values[index]) for values in cells),
                    bytes(shape).hex() if shape is not None else "",
                ]
    except MemoryError:
        raise
    except Exception as error:
        raise Unreadable(f"the Parquet file is damaged ({_words(error)})") from error


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return ""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "|".join(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return "" if isinstance(value, float) and value != value else _cell(value)


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main(sys.argv[1], sys.argv[2])
