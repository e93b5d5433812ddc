"""Points that several rows share, and points that are the centre of a territory: no places.

A file without streets is often given the centre of each commune as "its" point. Whether a point is
such a centre shows in the file as a whole, so its points are counted before its first row is saved:
32 bytes a row, whatever the rows hold.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, floor, hypot, radians

import numpy as np

from mapservice.imports.streets import street_key
from mapservice.imports.text import digest_number, folded
from mapservice.initiatives.model import SourceRow

# Steps of a degree, of a metre each: what is written with five decimals or seven is one point.
STEPS = 100_000
# How near a point must lie to a territory's known point, which files round to four decimals.
NEAR_POINT_M = 30.0
# The middle of a true outline is not that of a simplified one: they differ by a part of the size
# of the territory (`docs/imports.md` has the figures).
NEAR_MIDDLE_SHARE, NEAR_MIDDLE_M, FARTHEST_MIDDLE_M = 0.03, 60.0, 300.0
DEGREE_M = 111_195.0
# Degrees: wider than any centre reaches.
SQUARE = 0.01


@dataclass(frozen=True, slots=True)
class PointSighting:
    """One row at a point (EPSG:4326): its id at its source, its title, and the street it names."""

    lon: float
    lat: float
    source_id: str
    title: str
    street: str

    @classmethod
    def of(cls, row: SourceRow, source_id: str) -> "PointSighting | None":
        """None for a row without a point, or that is no initiative."""
        if row.lon is None or row.lat is None or row.rejected or row.skipped:
            return None
        street = street_key(row.address, row.city)
        return cls(row.lon, row.lat, source_id, row.title, street)


class SharedPoints:
    """How many rows share each point: those of a file, and those already imported of its source.

    A row that is repeated counts once. One that was imported before counts unless the file has its
    id, or its title at the same point: an edited row is not its own neighbour. `kept` are those.
    """

    def __init__(
        self, rows: Iterable[PointSighting] | bytes, kept: Iterable[PointSighting] = ()
    ) -> None:
        own = _table(rows if isinstance(rows, bytes) else packed(rows))
        former = _table(packed(kept))
        if len(former):
            known = np.isin(former[:, _WHO], own[:, _WHO])
            known |= np.isin(_titled(former), _titled(own))
            own = np.concatenate([own, former[~known]])
        _, first = np.unique(own[:, [_WHERE, _WHO]], axis=0, return_index=True)
        own = own[first]
        own = own[np.argsort(own[:, _WHERE], kind="stable")]
        # Most points are one row's alone: of these nothing is kept.
        places, starts, counts = np.unique(own[:, _WHERE], return_index=True, return_counts=True)
        several = counts > 1
        ends = (starts + counts)[several].tolist()
        spans = zip(starts[several].tolist(), ends, strict=True)
        self._spans = dict(zip(places[several].tolist(), spans, strict=True))
        self._streets = np.ascontiguousarray(own[:, _STREET])

    def why_shared(self, sighting: PointSighting) -> str:
        """Why the point cannot be the row's own place, or "".

        It is where no other row stands, or where more than half of those that do name its street.
        """
        span = self._spans.get(_point(sighting))
        if span is None:
            return ""
        low, high = span
        rows = high - low
        streets = Counter(self._streets[low:high].tolist())
        own = streets[_digest(sighting.street)] if sighting.street else 0
        if own * 2 > rows:
            return ""
        named = rows - streets[_NO_STREET]
        said = "without an address" if named == 0 else "that do not share one address"
        return f"the point is shared by {rows} rows {said}"


@dataclass(frozen=True, slots=True)
class KnownCentre:
    """A territory's known point or the middle of its outline, EPSG:4326; `within` in metres."""

    level: str
    code: str
    lon: float
    lat: float
    within: float
    what: str


class KnownCentres:
    """Where the centres of territories are, for points that are one of them."""

    def __init__(self, centres: Sequence[KnownCentre]) -> None:
        # By the squares that each one reaches into, so that a point asks its own square alone.
        self._squares: dict[tuple[int, int], list[KnownCentre]] = {}
        for one in centres:
            # A little wider than it is: the stretch goes by the latitude of the point asked about.
            north = one.within / DEGREE_M * 1.01
            east = north / _stretch(abs(one.lat) + north)
            for x in range(floor((one.lon - east) / SQUARE), floor((one.lon + east) / SQUARE) + 1):
                south = floor((one.lat - north) / SQUARE)
                for y in range(south, floor((one.lat + north) / SQUARE) + 1):
                    self._squares.setdefault((x, y), []).append(one)

    def at(self, lon: float, lat: float) -> KnownCentre | None:
        """The centre that a point is, the nearest one."""
        near = self._squares.get((floor(lon / SQUARE), floor(lat / SQUARE)))
        if near is None:
            return None
        stretch = _stretch(lat)
        metres = [(hypot((one.lon - lon) * stretch, one.lat - lat) * DEGREE_M, one) for one in near]
        found = [(distance, one) for distance, one in metres if distance <= one.within]
        return min(found, key=lambda pair: pair[0])[1] if found else None


def metres_apart(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Between two points (EPSG:4326) that lie near each other."""
    return hypot((lon - other_lon) * _stretch(lat), lat - other_lat) * DEGREE_M


def _stretch(lat: float) -> float:
    """How much shorter a degree of longitude is than one of latitude; bounded near the poles."""
    return max(0.1, cos(radians(lat)))


_WHERE, _WHO, _TITLE, _STREET = range(4)
_NO_STREET = 0


def packed(sightings: Iterable[PointSighting]) -> bytes:
    """What `SharedPoints` needs of each, 32 bytes; those of several are put one after another."""
    numbers = array("q")
    for one in sightings:
        numbers.extend(
            (_point(one), _digest(one.source_id), _digest(one.title), _digest(one.street))
        )
    return numbers.tobytes()


def _table(sightings: bytes) -> np.ndarray:
    return np.frombuffer(sightings, dtype=np.int64).reshape(-1, 4)


def _titled(table: np.ndarray) -> np.ndarray:
    """Point and title as one number."""
    return np.asarray(table[:, _WHERE] * 1_000_003 ^ table[:, _TITLE])


def _point(sighting: PointSighting) -> int:
    return (round(sighting.lon * STEPS) << 32) + round(sighting.lat * STEPS)


def _digest(text: str) -> int:
    return digest_number(folded(text))
