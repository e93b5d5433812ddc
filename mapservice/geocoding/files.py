"""Whole CSV files through the geocoder: each row back with what was found."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from mapservice.errors import InvalidInput, SourceError
from mapservice.geocoding.model import Match, Query
from mapservice.geocoding.service import Locator
from mapservice.territories.queries import communes_at

MATCH_COLUMNS = ("insee", "name", "precision", "score", "status")
POINT_COLUMNS = ("insee", "name")
BATCH_ROWS = 2000

Row = dict[str, str]


def geocode_file(
    locator: Locator, source: Path, column: str, target: Path, advance: Callable[[int], None]
) -> None:
    """Adds `MATCH_COLUMNS`; `insee` is the first answer, empty only when there is none."""
    columns, rows = _read(source, (column,))
    with target.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, _merged(columns, MATCH_COLUMNS))
        writer.writeheader()
        while batch := list(islice(rows, BATCH_ROWS)):
            matches = locator.geocoder.bulk(Query(text=row[column]) for row in batch)
            writer.writerows(
                row | _answer(match) for row, match in zip(batch, matches, strict=True)
            )
            advance(len(batch))


def locate_file(
    connection: Connection,
    source: Path,
    columns: tuple[str, str],
    target: Path,
    advance: Callable[[int], None],
) -> None:
    """Adds `POINT_COLUMNS` to rows of points (lon, lat in EPSG:4326); empty at sea or abroad."""
    names, rows = _read(source, columns)
    with target.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, _merged(names, POINT_COLUMNS))
        writer.writeheader()
        while batch := list(islice(rows, BATCH_ROWS)):
            points = [_point(row, columns) for row in batch]
            found = communes_at(connection, points)
            for row, located in zip(batch, found, strict=True):
                insee, name = (located.insee, located.name) if located else ("", "")
                writer.writerow(row | {"insee": insee, "name": name})
            advance(len(batch))


def _answer(match: Match) -> Row:
    best = match.best
    return {
        "insee": match.commune,
        "name": best.place.commune_name if best and match.commune else "",
        "precision": str(match.precision),
        "score": f"{match.score:.4f}",
        "status": str(match.status),
    }


def _read(path: Path, needed: Sequence[str]) -> tuple[list[str], Iterator[Row]]:
    """Column names and rows. Raises SourceError or InvalidInput before the first row."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        content = path.read_text(encoding="cp1252", errors="replace")
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror}") from None
    first = content.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=separator, restval="")
    columns = list(reader.fieldnames or ())
    for name in needed:
        if name not in columns:
            raise InvalidInput(name, f"{path.name} has no such column, only {', '.join(columns)}")
    return columns, _rows(reader, columns)


def _rows(reader: Iterable[Row], columns: Sequence[str]) -> Iterator[Row]:
    try:
        for row in reader:
            yield {name: row[name] or "" for name in columns}
    except csv.Error as error:
        raise SourceError(f"not a readable CSV file: {error}") from None


def _merged(columns: Sequence[str], added: Sequence[str]) -> list[str]:
    return [*columns, *(name for name in added if name not in columns)]


def _point(row: Row, columns: tuple[str, str]) -> tuple[float, float]:
    """An unreadable coordinate becomes NaN, which lies in no commune."""
    try:
        lon, lat = (float(row[name].replace(",", ".")) for name in columns)
    except ValueError:
        return math.nan, math.nan
    finite = math.isfinite(lon) and math.isfinite(lat)
    return (lon, lat) if finite else (math.nan, math.nan)
