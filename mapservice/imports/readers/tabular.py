"""Rows of cells with a header somewhere above them: what CSV files and sheets have in common."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from mapservice.errors import SourceError
from mapservice.imports.attributes import kind_of
from mapservice.imports.codes import looks_like_code
from mapservice.imports.columns import count_recognised
from mapservice.imports.dates import is_day, read_date
from mapservice.imports.readers.tables import MAX_COLUMNS, SourceRecord, SourceTable, storable
from mapservice.imports.text import folded

# Titles, notes and groups of columns may stand above the header.
HEADER_WITHIN = 10

PERSON_HEADERS = frozenset({"nom", "noms", "name", "nom prenom", "nom et prenom", "identite"})
OF_PERSONS = re.compile(r"\b(?:contact|referent|responsable|interlocut|correspondant|personne)")

# How many of some header cells name a role that is known.
Recogniser = Callable[[list[str]], int]


@dataclass(frozen=True, slots=True)
class DelimitedRow:
    """The cells of one record, with what its quotes needed; `rejected` when it has none."""

    cells: list[str]
    note: str = ""
    rejected: str = ""


@dataclass(frozen=True, slots=True)
class TableHeader:
    """The names of the columns, unique and never empty, and how many rows that are not blank end
    with them. `known`: how many name a role."""

    columns: tuple[str, ...]
    rows: int
    known: int
    problems: tuple[str, ...]


def is_blank(row: DelimitedRow) -> bool:
    """A line of nothing, or of separators alone."""
    return not row.rejected and all(not cell or cell.isspace() for cell in row.cells)


def find_header(first: Sequence[DelimitedRow], recognised: Recogniser, name: str) -> TableHeader:
    """The header among the first rows that are not blank: the first one, unless a row soon below
    it names more columns that are known.

    Raises SourceError where there is none.
    """
    if not first:
        raise SourceError(f"{name}: the file is empty")
    if first[0].rejected:
        raise SourceError(f"{name}: the header {first[0].rejected}")
    known = [recognised(row.cells) for row in first]
    # A row of merged cells above the header, half of them empty, holds groups of columns or the
    # table's own title.
    width = max(len(row.cells) for row in first)
    top = [cell for cell in first[0].cells if cell.strip()]
    is_sparse = width > 1 and len(top) * 2 <= width
    ahead = 1 if is_sparse else 2
    best = known.index(max(known)) if max(known) >= known[0] + ahead else 0
    names, groups = first[best].cells, first[best - 1].cells if best else []
    if not best and len(top) == 1 and width > 2:
        # A lone title above a header without a word that is known: a header has a text in most of
        # its cells.
        texts = [sum(any(map(str.isalpha, cell)) for cell in row.cells) for row in first]
        best = next((index for index, count in enumerate(texts) if count * 2 > width), 0)
        names = first[best].cells

    if not best and not known[0] and _holds_data(names, first[1:]):
        columns, _ = _unique([""] * width, [])
        told = "there is no header: the first row is one like the others, and is read"
        return TableHeader(columns, 0, 0, (told,))

    # Two rows may make one header: the second says more of what the first one groups.
    rows = best + 1
    if rows < len(first) and (joined := _joined(names, first[rows].cells)):
        if recognised(joined) > known[best] or _names_parts(names, first[rows].cells):
            names, groups, rows = joined, names, rows + 1
    elif best and sum(bool(cell.strip()) for cell in groups) > 1:
        names = [
            cell if cell.strip() else groups[index] if index < len(groups) else ""
            for index, cell in enumerate(names)
        ]
    columns, problems = _unique(names, groups)
    if len(columns) > MAX_COLUMNS:
        raise SourceError(f"{name}: has {len(columns)} columns; at most {MAX_COLUMNS} are read")
    return TableHeader(columns, rows, recognised(list(columns)), problems)


def table_of(
    name: str,
    rows: Callable[[int], Iterator[DelimitedRow]],
    recognised: Recogniser,
    separator: str = "",
    *,
    is_sheet: bool = False,
) -> SourceTable:
    """The table of some rows, asked for with how wide they are (0: not known yet).

    `recognised` settles which row is the header. `is_sheet`: a cell beyond the header is one of a
    column without a name, where in a text a separator is not quoted. Raises SourceError for a table
    without rows or with a hopeless layout.
    """
    first = list(islice((row for row in rows(0) if not is_blank(row)), HEADER_WITHIN))
    header = find_header(first, recognised, name)
    columns = header.columns
    if is_sheet:
        width = min(max(len(row.cells) for row in rows(0)), MAX_COLUMNS)
        columns = _unique([*columns, *[""] * (width - len(columns))], [])[0]

    def records() -> Iterator[SourceRecord]:
        before = header.rows
        for line, row in enumerate(rows(len(columns)), start=1):
            if before:
                before -= not is_blank(row)
            elif not is_blank(row) or len(row.cells) > 1:
                yield _record(columns, row, line)

    total = sum(1 for _ in records())
    if total == 0:
        raise SourceError(f"{name}: has a header and no row below it")
    return SourceTable(columns, records, total, header.problems, separator)


def _holds_data(names: Sequence[str], below: Sequence[DelimitedRow]) -> bool:
    """Whether a cell of the first row is data of the same kind as nearly all below it."""
    if len(below) < 2:
        return False
    for index, cell in enumerate(names):
        kind = _data_kind(cell)
        under = [row.cells[index] for row in below if index < len(row.cells)]
        filled = [_data_kind(one) for one in under if one.strip()]
        if kind and len(filled) > 1 and filled.count(kind) >= 0.8 * len(filled):
            return True
    return False


def _data_kind(cell: str) -> str:
    """What no column is called: a code, an exact number, a day, an address; "" for all else.

    Years and small numbers are names of columns ("2023", "1").
    """
    cell = cell.strip()
    if len(cell) > 200:
        return ""
    if re.fullmatch(r"https?://\S+|\S+@\S+\.\w+", cell):
        return "address"
    if len(cell) == len("35238") and looks_like_code(cell):
        return "code"
    if re.fullmatch(r"-?\d{1,3}[.,]\d{3,}", cell):
        return "degrees"
    return "day" if not cell.isdigit() and is_day(read_date(cell) or "") else ""


def _names_parts(names: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a row that `_joined` allows names parts of groups ("2023": "Budget", "Public").

    A row of data says something in the columns that are no groups, or holds numbers.
    """
    width = max(len(names), len(below))
    upper = [*names, *[""] * (width - len(names))]
    lower = [*below, *[""] * (width - len(below))]
    alone = [
        bool(over.strip()) and (index + 1 == width or bool(upper[index + 1].strip()))
        for index, over in enumerate(upper)
    ]
    parts = [under for under, is_alone in zip(lower, alone, strict=True) if not is_alone]
    named = [cell for cell in parts if cell.strip()]
    return any(alone) and len(named) > 1 and all(any(map(str.isalpha, cell)) for cell in named)


def _joined(names: Sequence[str], below: Sequence[str]) -> list[str] | None:
    """The header of two rows: `below` where it says something, which it may only where `names`
    says nothing, the same, or begins a group."""
    width = max(len(names), len(below))
    upper = [*names, *[""] * (width - len(names))]
    lower = [*below, *[""] * (width - len(below))]
    joined = []
    for index, (over, under) in enumerate(zip(upper, lower, strict=True)):
        begins_group = index + 1 < width and not upper[index + 1].strip() and lower[index + 1]
        if under.strip() and over.strip() and over != under and not begins_group:
            return None
        joined.append(under if under.strip() else over)
    return joined if any(cell.strip() for cell in lower) else None


def _unique(names: Sequence[str], groups: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names that are never empty; those that are alike are told apart by the group above them."""
    plain = [
        " ".join(storable(cell).split())[:200] or f"colonne {position}"
        for position, cell in enumerate(names, start=1)
    ]
    group = ""
    over = []
    for index in range(len(plain)):
        cell = " ".join(storable(groups[index]).split()) if index < len(groups) else ""
        group = cell or group
        over.append(group)
    counted = Counter(plain)
    plain = [
        f"{over[index]} {name}"[:200]
        if counted[name] > 1 and over[index] not in ("", name)
        else name
        for index, name in enumerate(plain)
    ]
    # A name under "Contact" is that of somebody, which its own header does not say.
    plain = [
        f"{over[index]} {name}"[:200]
        if folded(name) in PERSON_HEADERS and OF_PERSONS.search(folded(over[index]))
        else name
        for index, name in enumerate(plain)
    ]
    # A name that says nothing by itself ("Prévu") takes the group that it is a part of ("Budget").
    # One text above the whole table is its title, and no group.
    parts = Counter(over)
    is_grouped = sum(bool(cell.strip()) for cell in groups) > 1
    plain = [
        f"{group} {name}"[:200]
        if is_grouped and group and parts[group] > 1 and group not in name and _says_little(name)
        else name
        for group, name in zip(over, plain, strict=True)
    ]
    seen: Counter[str] = Counter()
    columns: list[str] = []
    problems: list[str] = []
    for name in plain:
        seen[name] += 1
        if seen[name] > 1:
            problems.append(f"column {name!r} appears more than once")
            name = f"{name} ({seen[name]})"
        columns.append(name)
    return tuple(columns), tuple(dict.fromkeys(problems))


def _says_little(name: str) -> bool:
    """Whether neither a field nor a kind of column is called so."""
    return not count_recognised([name]) and kind_of(name) is None


def _record(columns: tuple[str, ...], row: DelimitedRow, line: int) -> SourceRecord:
    cells = [storable(cell) for cell in row.cells]
    extra = [cell for cell in cells[len(columns) :] if cell.strip()]
    padded = cells[: len(columns)] + [""] * (len(columns) - len(cells))
    notes = (row.note,) if row.note else ()
    rejected = row.rejected
    if extra:
        rejected = (
            f"row has {len(cells)} cells for {len(columns)} columns: a separator inside a cell"
            " is not quoted"
        )
    values = dict(zip(columns, padded, strict=True))
    return SourceRecord(values, None, None, notes, rejected, line=line)
