"""CSV and TSV: separator, header and quotes of real files, one bad row at a time.

`geocoding/csv_dialect.py` reads CSV too, and on purpose by other rules: its file goes back to its
sender with columns added, so it must be sound as a whole and in an encoding that can be written
without loss. Here a row is mended or refused alone, a file may mix encodings, titles may stand
above the header, and known column names settle the separator. Neither reading could replace the
other without refusing or accepting other files.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from mapservice.errors import SourceError
from mapservice.imports.readers.content import MAX_LINE_BYTES, FileContent, lines
from mapservice.imports.readers.tables import SourceTable
from mapservice.imports.readers.tabular import (
    HEADER_WITHIN,
    DelimitedRow,
    Recogniser,
    is_blank,
    table_of,
)

SEPARATORS = ",;\t|"
SNIFFED_LINES = 40
MAX_RECORD_LINES = 500
MAX_REPAIRS = 1_000

# A polygon in a cell is longer than what the csv module takes by default.
csv.field_size_limit(MAX_LINE_BYTES)


def read_delimited(content: FileContent, recognised: Recogniser) -> SourceTable:
    """The rows of a CSV or TSV file.

    `recognised` counts the header cells whose role is known; it settles the separator and
    which row is the header. Raises SourceError for a file without rows or with a hopeless
    layout.
    """
    sample = [line for line in islice(lines(content), SNIFFED_LINES) if line is not None]
    declared = sample[0].strip().lower() if sample else ""
    if declared.startswith("sep=") and len(declared) == 5:
        # Excel's own way to name the separator, in a line above the header.
        separator, above = declared[4], 1
    else:
        separator, above = max(SEPARATORS, key=lambda one: _fitness(sample, one, recognised)), 0

    def rows(width: int) -> Iterator[DelimitedRow]:
        parsed = _parsed(lines(content), separator, width, content.name)
        return _without_first(parsed) if above else parsed

    return table_of(content.name, rows, recognised, separator)


def _without_first(rows: Iterator[DelimitedRow]) -> Iterator[DelimitedRow]:
    """All rows but the first that holds something: it names the separator."""
    waiting = True
    for row in rows:
        if waiting and not is_blank(row):
            waiting = False
        else:
            yield row


def _fitness(sample: list[str], separator: str, recognised: Recogniser) -> tuple[int, float, int]:
    """Known header cells first, then how often rows are as wide as each other, then width."""
    rows = [row.cells for row in _parsed(iter(sample), separator, 0) if any(row.cells)]
    if not rows:
        return (0, 0.0, 0)
    known = max(recognised(row) for row in rows[:HEADER_WITHIN])
    width, agreeing = Counter(len(row) for row in rows).most_common(1)[0]
    return (known, agreeing / len(rows) if width > 1 else 0.0, width)


class _Tape:
    """Lines fed to the csv reader, remembering those of the record under way."""

    def __init__(self, source: Iterator[str | None]) -> None:
        self._source = source
        self._ahead: list[str | None] = []
        self._record: list[str | None] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._ahead.pop() if self._ahead else next(self._source)
        self._record.append(line)
        if line is None or len(self._record) > MAX_RECORD_LINES:
            raise csv.Error("too long")
        return line.replace("\x00", "") + "\n"

    def forget(self) -> None:
        """The record under way is whole."""
        self._record.clear()

    def rewind(self) -> str | None:
        """The first line of the record under way; the others will be read again."""
        first, *others = self._record
        self._ahead.extend(reversed(others))
        self._record.clear()
        return first


def _parsed(
    source: Iterator[str | None], separator: str, width: int, name: str = ""
) -> Iterator[DelimitedRow]:
    """Rows by the rules of CSV; where a row breaks them, that row alone is mended or refused."""
    tape = _Tape(source)
    repairs = 0
    while True:
        try:
            for cells in csv.reader(
                tape, delimiter=separator, strict=True, skipinitialspace=separator != "\t"
            ):
                tape.forget()
                yield DelimitedRow(cells)
        except csv.Error:
            repairs += 1
            if repairs > MAX_REPAIRS:
                raise SourceError(f"{name}: quotes are unbalanced throughout the file") from None
            yield _mended(tape.rewind(), separator, width)
        else:
            return


def _mended(line: str | None, separator: str, width: int) -> DelimitedRow:
    """One line on its own: escaped quotes, stray quotes, then quotes taken as plain signs."""
    if line is None:
        return DelimitedRow([], rejected="line is longer than can be read")
    readings = [
        _one_line(line, separator, escapechar="\\"),
        _one_line(line, separator, escapechar=None),
        line.replace("\x00", "").split(separator),
    ]
    for cells in readings:
        if len(cells) == width:
            return DelimitedRow(cells, note="row: its quotes are unbalanced or not doubled")
    return DelimitedRow(readings[-1], rejected="row: its quotes are unbalanced")


def _one_line(line: str, separator: str, escapechar: str | None) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, escapechar=escapechar), [])
    except csv.Error:
        return []
