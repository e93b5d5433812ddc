"""Points that several rows share, and points that are the centre of a territory: no places.

A file without streets is often given the centre of each commune as "its" point. Whether a point is
such a centre shows in the file as a whole, so its points are counted before its first row is saved:
32 bytes a row, whatever the rows hold.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from mapservice.imports.streets import street_key
from mapservice.imports.text import folded
from mapservice.initiatives.model import SourceRow

# Steps of a degree, of a metre each: what is written with five decimals or seven is one point.
STEPS = 100_000
# How near a point must lie to a territory's known point, which files round to four decimals.
NEAR_POINT_M = 30.0
# The middle of a true outline is not that of a simplified one: they differ by a part of the size
# of the territory (`docs/imports.md` has the figures).
NEAR_MIDDLE_SHARE, NEAR_MIDDLE_M, FARTHEST_MIDDLE_M = 0.03, 60.0, 300.0
DEGREE_M = 111_195.0


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

    def __init__(self, rows: Iterable[PointSighting], kept: Iterable[PointSighting] = ()) -> None:
        own, former = _table(rows), _table(kept)
        if len(former):
            known = np.isin(former[:, _WHO], own[:, _WHO])
            known |= np.isin(_titled(former), _titled(own))
            own = np.concatenate([own, former[~known]])
        _, first = np.unique(own[:, [_WHERE, _WHO]], axis=0, return_index=True)
        own = own[first]
        own = own[np.argsort(own[:, _WHERE], kind="stable")]
        self._points = np.ascontiguousarray(own[:, _WHERE])
        self._streets = np.ascontiguousarray(own[:, _STREET])

    def why_shared(self, sighting: PointSighting) -> str:
        """Why the point cannot be the row's own place, or "".

        It is where no other row stands, or where more than half of those that do name its street.
        """
        key = _point(sighting)
        low, high = np.searchsorted(self._points, (key, key + 1))
        rows = int(high - low)
        if rows < 2:
            return ""
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
        self._centres = centres
        self._tree = shapely.STRtree([shapely.Point(one.lon, one.lat) for one in centres])
        self._reach = max((one.within for one in centres), default=0.0) / DEGREE_M

    def at(self, lon: float, lat: float) -> KnownCentre | None:
        """The centre that a point is, the nearest one."""
        stretch = max(0.1, float(np.cos(np.radians(lat))))
        box = shapely.box(
            lon - self._reach / stretch, lat - self._reach,
            lon + self._reach / stretch, lat + self._reach,
        )  # fmt: skip
        near = [self._centres[index] for index in self._tree.query(box)]
        metres = [
            (float(np.hypot((one.lon - lon) * stretch, one.lat - lat)) * DEGREE_M, one)
            for one in near
        ]
        found = [(distance, one) for distance, one in metres if distance <= one.within]
        return min(found, key=lambda pair: pair[0])[1] if found else None


_WHERE, _WHO, _TITLE, _STREET = range(4)
_NO_STREET = 0


def _table(sightings: Iterable[PointSighting]) -> np.ndarray:
    packed = array("q")
    for one in sightings:
        packed.extend(
            (_point(one), _digest(one.source_id), _digest(one.title), _digest(one.street))
        )
    return np.frombuffer(packed, dtype=np.int64).reshape(-1, 4)


def _titled(table: np.ndarray) -> np.ndarray:
    """Point and title as one number."""
    return np.asarray(table[:, _WHERE] * 1_000_003 ^ table[:, _TITLE])


def _point(sighting: PointSighting) -> int:
    return (round(sighting.lon * STEPS) << 32) + round(sighting.lat * STEPS)


def _digest(text: str) -> int:
    if not text:
        return _NO_STREET
    words = folded(text).encode()
    return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "big", signed=True)
