"""CSV files as they come and go: encoding, separator, quotes and newlines are found and kept.

A file is read through once before anything is answered, so that a broken one is refused whole,
naming the line; then it is read again, a batch of rows at a time, in constant memory.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import IO, Self

from mapservice.errors import InvalidInput

Cells = list[str]
Answers = Callable[[Sequence[Cells]], Iterable[Sequence[str]]]

SEPARATORS = ",;\t|"
BATCH_ROWS = 2000
MAX_COLUMNS = 1000
MAX_LINE = 1_000_000
SAMPLE_LINES = 50

# What can be both read and written without loss. Browsers take the last two for cp1252 as well.
ENCODINGS = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8-sig",
    "utf-16": "utf-16",
    "cp1252": "cp1252",
    "iso8859-15": "iso8859-15",
    "mac-roman": "mac-roman",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b")
# Stands between no two cells: reads a file of one column, whose cells may hold any separator.
_NO_SEPARATOR = "\x1f"
# A record of our own behind the last one: it arrives whole only if every quote was closed.
_END = "\x1e end \x1e"


@dataclass(frozen=True, slots=True)
class CsvDialectHints:
    """What the sender says of a file; what is empty is to be found out."""

    encoding: str = ""
    separator: str = ""
    quote: str = '"'
    with_bom: bool = False


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How a file is written. `quoted`: every cell is, whether it needs to be or not."""

    encoding: str = "utf-8"
    separator: str = ","
    quote: str = '"'
    newline: str = "\r\n"
    quoted: bool = False

    @property
    def charset(self) -> str:
        """The encoding's name on the web."""
        return {"utf-8-sig": "utf-8", "cp1252": "windows-1252", "mac-roman": "macintosh"}.get(
            self.encoding, self.encoding
        )

    @property
    def written_separator(self) -> str:
        return "," if self.separator == _NO_SEPARATOR else self.separator


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A file that was read through once and is sound; `field` names it in errors."""

    source: IO[bytes]
    field: str
    layout: CsvDialect
    columns: tuple[str, ...]
    total: int

    @classmethod
    def read(
        cls, source: IO[bytes], field: str, hints: CsvDialectHints, max_rows: int | None = None
    ) -> Self:
        """Raises InvalidInput naming `field`, or the option that does not fit the file."""
        encoding = _encoding(source, field, hints)
        try:
            return cls._checked(source, field, encoding, hints, max_rows)
        except UnicodeDecodeError:
            if hints.encoding:
                raise InvalidInput("encoding", f"{field} is not written in {encoding}") from None
        return cls._checked(source, field, "cp1252", hints, max_rows)

    @classmethod
    def _checked(
        cls,
        source: IO[bytes],
        field: str,
        encoding: str,
        hints: CsvDialectHints,
        max_rows: int | None,
    ) -> Self:
        sample = list(islice(_lines(source, field, encoding), SAMPLE_LINES))
        separator = hints.separator or _separator(sample, hints.quote)
        newline = "\r\n" if sample and sample[0].endswith("\r\n") else "\n"
        layout = CsvDialect(encoding, separator, hints.quote, newline)
        records = _records(_lines(source, field, encoding), field, layout)
        columns = next(records, None)
        if columns is None:
            raise InvalidInput(field, "is empty")
        if len(columns) > MAX_COLUMNS:
            raise InvalidInput(field, f"has {len(columns)} columns; at most {MAX_COLUMNS} are read")
        # A header with quotes around every cell tells that the whole file has them.
        quote = hints.quote
        quoted = (f"{quote}{name.replace(quote, quote * 2)}{quote}" for name in columns)
        is_quoted = sample[0].rstrip("\r\n") == separator.join(quoted)
        layout = replace(layout, quoted=is_quoted)
        total = 0
        for total, _ in enumerate(_rows(records, field, len(columns)), start=1):
            if max_rows is not None and total > max_rows:
                raise InvalidInput(field, f"has more than {max_rows} rows")
        return cls(source, field, layout, tuple(columns), total)

    def position(self, column: str, field: str) -> int:
        """Where a column stands. Raises InvalidInput naming `field` when there is none."""
        if column in self.columns:
            return self.columns.index(column)
        present = ", ".join(self.columns)[:500]
        raise InvalidInput(field, f"{self.field} has no column {column[:50]!r}, only {present}")

    def rows(self) -> Iterator[Cells]:
        """Every row, as wide as the header; blank lines are left out."""
        lines = _lines(self.source, self.field, self.layout.encoding)
        records = _records(lines, self.field, self.layout)
        next(records)
        return _rows(records, self.field, len(self.columns))

    def answered(
        self, added: Sequence[str], answers: Answers, layout: CsvDialect | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """The file with columns added, in batches: how many rows each holds, and its bytes.

        `answers` gives the cells of `added` for each row; a column that is there already is
        written over, as when a file comes a second time. `layout` None keeps the file's own.
        """
        layout = layout or self.layout
        columns = [*self.columns, *(name for name in added if name not in self.columns)]
        places = [columns.index(name) for name in added]
        encoder = codecs.getincrementalencoder(layout.encoding)(errors="replace")
        yield 0, encoder.encode(_written([columns], layout))
        rows = self.rows()
        while batch := list(islice(rows, BATCH_ROWS)):
            full = []
            for row, cells in zip(batch, answers(batch), strict=True):
                filled = row + [""] * (len(columns) - len(row))
                for place, cell in zip(places, cells, strict=True):
                    filled[place] = cell
                full.append(filled)
            yield len(batch), encoder.encode(_written(full, layout))


def _written(rows: Iterable[Cells], layout: CsvDialect) -> str:
    out = io.StringIO()
    csv.writer(
        out,
        delimiter=layout.written_separator,
        quotechar=layout.quote,
        quoting=csv.QUOTE_ALL if layout.quoted else csv.QUOTE_MINIMAL,
        lineterminator=layout.newline,
    ).writerows(rows)
    return out.getvalue()


def _encoding(source: IO[bytes], field: str, hints: CsvDialectHints) -> str:
    """From the file's own mark, else the sender's word, else UTF-8 until a byte says otherwise."""
    source.seek(0)
    start = source.read(4)
    if not start:
        raise InvalidInput(field, "is empty")
    if start.startswith(_ARCHIVES):
        raise InvalidInput(field, "is a spreadsheet or an archive; save it as CSV first")
    marked = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "")
    encoding = marked
    if not marked:
        try:
            encoding = ENCODINGS[codecs.lookup(hints.encoding or "utf-8").name]
        except (LookupError, ValueError):
            known = ", ".join(ENCODINGS)
            reason = f"{hints.encoding[:40]!r} is not one of {known}"
            raise InvalidInput("encoding", reason) from None
    return "utf-8-sig" if hints.with_bom and encoding == "utf-8" else encoding


def _lines(source: IO[bytes], field: str, encoding: str) -> Iterator[str]:
    """Lines with their ends; raises UnicodeDecodeError where UTF-8 is broken."""
    source.seek(0)
    errors = "replace" if encoding in ("cp1252", "mac-roman") else "strict"
    text = io.TextIOWrapper(source, encoding, errors, newline="")
    try:
        for number, line in enumerate(iter(lambda: text.readline(MAX_LINE), ""), start=1):
            if len(line) == MAX_LINE:
                raise InvalidInput(field, f"line {number} is longer than {MAX_LINE} characters")
            if "\x00" in line:
                raise InvalidInput(field, f"line {number} holds null characters: not a text file")
            yield line
    except UnicodeError as error:
        if isinstance(error, UnicodeDecodeError):
            raise
        raise InvalidInput("encoding", f"{field} is not written in {encoding}") from None
    finally:
        with suppress(ValueError):  # an error may outlive the file
            text.detach()


def _separator(sample: list[str], quote: str) -> str:
    """The one that splits the header, and the most rows into as many cells."""

    def fitness(separator: str) -> tuple[bool, float, int]:
        widths = [
            len(cells)
            for cells in csv.reader(sample, delimiter=separator, quotechar=quote)
            if cells
        ]
        if not widths:
            return (False, 0.0, 0)
        return (widths[0] > 1, widths.count(widths[0]) / len(widths), widths[0])

    try:
        best = max(SEPARATORS, key=fitness)
        return best if fitness(best)[0] else _NO_SEPARATOR
    except csv.Error:
        return ","  # the reading proper will name the line


def _records(lines: Iterator[str], field: str, layout: CsvDialect) -> Iterator[Cells]:
    """Every record that is not blank, the header first."""
    reader = csv.reader(chain(lines, (_END,)), delimiter=layout.separator, quotechar=layout.quote)
    try:
        for record in reader:
            if record == [_END]:
                return
            if record:
                yield record
    except csv.Error as error:
        raise InvalidInput(field, f"line {reader.line_num}: {error}") from None
    raise InvalidInput(field, "a quote is opened that is never closed")


def _rows(records: Iterator[Cells], field: str, width: int) -> Iterator[Cells]:
    """Short rows are filled up; cells beyond the header belong to no column."""
    for number, record in enumerate(records, start=1):
        if len(record) > width:
            if any(cell.strip() for cell in record[width:]):
                raise InvalidInput(
                    field,
                    f"row {number} has {len(record)} cells for {width} columns:"
                    " a separator inside a cell is not quoted",
                )
            record = record[:width]
        yield record + [""] * (width - len(record))
