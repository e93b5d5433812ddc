"""The one shape that every file format is brought to before its columns are understood."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from shapely.geometry.base import BaseGeometry

MAX_COLUMNS = 1_000


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One row as the file gave it: cells by column name, in the order of the file.

    `point` is the pair (x, y) of a point geometry, EPSG:4326 where the file declares a CRS,
    else as written. `shape` is any other geometry, in the same system: lines, polygons, several
    points; empty where it cannot be read. `notes` says what the format reader had to mend,
    `rejected` why the row cannot be trusted ("" when it can), `own_id` which initiative of this
    service it was taken from ("" for a file of anybody else). `line` is that of its sheet or of
    its text as a spreadsheet shows it, from 1; 0 where a format has none.
    """

    values: dict[str, str]
    point: tuple[float, float] | None = None
    shape: BaseGeometry | None = None
    notes: tuple[str, ...] = ()
    rejected: str = ""
    own_id: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A file opened as rows: `records()` starts again from the first row each time.

    `total` counts them, blank ones too. `separator` is that of a delimited text, else "".
    `platform` is the source that the rows name themselves, "" where that is none or several.
    """

    columns: tuple[str, ...]
    records: Callable[[], Iterator[SourceRecord]]
    total: int
    problems: tuple[str, ...] = field(default=())
    separator: str = ""
    platform: str = ""


def storable(text: str) -> str:
    """`text` without what PostgreSQL or UTF-8 cannot hold: NUL and lone surrogates."""
    if text.isascii():
        return text.replace("\x00", "")
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def number_text(value: float) -> str:
    """A number as a person writes it: a whole float loses its ".0"."""
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return str(int(value)) if is_whole else str(value)
