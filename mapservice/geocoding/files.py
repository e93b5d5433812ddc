"""Whole CSV files through the geocoder: each row back with what was found.

The commands and the address API's CSV doors share `table.Table`; the commands write UTF-8 with
commas whatever they read.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from mapservice.errors import SourceError
from mapservice.geocoding.model import Match, Query
from mapservice.geocoding.service import Locator
from mapservice.geocoding.table import Answers, Cells, Layout, Table, Told
from mapservice.territories.queries import communes_at

MATCH_COLUMNS = ("insee", "name", "precision", "score", "status")
POINT_COLUMNS = ("insee", "name")

Advance = Callable[[int], None]


def geocode_file(
    locator: Locator, source: Path, column: str, target: Path, advance: Advance
) -> None:
    """Adds `MATCH_COLUMNS`; `insee` is the first answer, empty only when there is none."""
    with _opened(source) as table:
        place = table.position(column, column)

        def answers(rows: Sequence[Cells]) -> Iterable[Sequence[str]]:
            return map(_answer, locator.geocoder.bulk(Query(text=row[place]) for row in rows))

        _write(table, MATCH_COLUMNS, answers, target, advance)


def locate_file(
    connection: Connection,
    source: Path,
    columns: tuple[str, str],
    target: Path,
    advance: Advance,
) -> None:
    """Adds `POINT_COLUMNS` to rows of points (lon, lat in EPSG:4326); empty at sea or abroad."""
    with _opened(source) as table:
        lon, lat = (table.position(name, name) for name in columns)

        def answers(rows: Sequence[Cells]) -> Iterable[Sequence[str]]:
            for found in communes_at(connection, (point(row[lon], row[lat]) for row in rows)):
                yield (found.insee, found.name) if found else ("", "")

        _write(table, POINT_COLUMNS, answers, target, advance)


def point(lon: str, lat: str) -> tuple[float, float]:
    """Degrees from two cells; an unreadable one becomes NaN, which lies in no commune."""
    try:
        x, y = float(lon.replace(",", ".")), float(lat.replace(",", "."))
    except ValueError:
        return math.nan, math.nan
    sound = abs(x) <= 180 and abs(y) <= 90
    return (x, y) if sound else (math.nan, math.nan)


@contextmanager
def _opened(path: Path) -> Iterator[Table]:
    """Raises SourceError or InvalidInput before the first row."""
    try:
        source = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror}") from None
    with source:
        yield Table.read(source, path.name, Told())


def _write(
    table: Table, added: Sequence[str], answers: Answers, target: Path, advance: Advance
) -> None:
    """Whole or not at all, so that a target may be the source itself."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as out:
            for rows, block in table.answered(added, answers, Layout()):
                out.write(block)
                advance(rows)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _answer(match: Match) -> Sequence[str]:
    best = match.best
    return (
        match.commune,
        best.place.commune_name if best and match.commune else "",
        str(match.precision),
        f"{match.score:.4f}",
        str(match.status),
    )
