"""Whole CSV files through the geocoder: each row back with what was found.

The commands and the address API's CSV endpoints share `CsvTable`; the commands write UTF-8 with
commas whatever they read.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path

from sqlalchemy import Connection

from mapservice.errors import SourceError
from mapservice.geocoding.csv_dialect import Answers, Cells, CsvDialect, CsvDialectHints, CsvTable
from mapservice.geocoding.matching.engine import RECENT, Geocoder
from mapservice.geocoding.model import GeocodeQuery
from mapservice.geocoding.parallel import on_cores
from mapservice.geocoding.service import Locator
from mapservice.territories.queries import communes_at

MATCH_COLUMNS = ("insee", "name", "precision", "score", "status")
POINT_COLUMNS = ("insee", "name")
# Rows that one process takes at a time, and rows up to which a file is too short to be shared out.
CHUNK_ROWS = 250
FEW_ROWS = 1000

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class FileGeocoding:
    """How to go about a file: `progress` takes the number of rows and yields what advances it.

    It is opened once processes are forked, so that it may start threads.
    """

    progress: Callable[[int], AbstractContextManager[Advance]]
    processes: int = 1


def geocode_file(
    locator: Callable[[], Locator], source: Path, column: str, target: Path, work: FileGeocoding
) -> None:
    """Adds `MATCH_COLUMNS`; `insee` is the first answer, empty only when there is none.

    `locator` is asked for once the file has been read through and found sound.
    """
    with _opened(source) as table:
        place = table.position(column, column)
        answered = _answering(locator().geocoder)
        with on_cores(answered, work.processes if table.total > FEW_ROWS else 1) as share_out:

            def answers(rows: Sequence[Cells]) -> Iterable[Sequence[str]]:
                texts = [row[place] for row in rows]
                starts = range(0, len(texts), CHUNK_ROWS)
                return chain.from_iterable(share_out(texts[i : i + CHUNK_ROWS] for i in starts))

            with work.progress(table.total) as advance:
                _write(table, MATCH_COLUMNS, answers, target, advance)


def _answering(geocoder: Geocoder) -> Callable[[Sequence[str]], list[Sequence[str]]]:
    """The cells of `MATCH_COLUMNS`; a text seen a moment ago is not worked out again."""

    @lru_cache(RECENT)
    def answer(text: str) -> Sequence[str]:
        match = geocoder.match(GeocodeQuery(text=text))
        name = match.best.place.commune_name if match.best and match.commune else ""
        score, precision, status = f"{match.score:.4f}", str(match.precision), str(match.status)
        return (match.commune, name, precision, score, status)

    return lambda texts: [answer(text) for text in texts]


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
def _opened(path: Path) -> Iterator[CsvTable]:
    """Raises SourceError or InvalidInput before the first row."""
    try:
        source = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror}") from None
    with source:
        yield CsvTable.read(source, path.name, CsvDialectHints())


def _write(
    table: CsvTable, added: Sequence[str], answers: Answers, target: Path, advance: Advance
) -> None:
    """Whole or not at all, so that a target may be the source itself."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as out:
            for rows, block in table.answered(added, answers, CsvDialect()):
                out.write(block)
                advance(rows)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
