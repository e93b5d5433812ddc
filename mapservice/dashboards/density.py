"""How many initiatives lie around each commune: a number that means the same at every zoom.

Of each commune: the initiatives of all communes whose middle is no further than a fixed number of
kilometres from its own, across every border. That is a kernel of fixed size on the ground, so a
colour stands for one count, in any month, at any zoom, on any page with the same radius; a heatmap
of points, whose radius is in pixels, cannot say so. The classes are those of all months together.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import partial
from math import cos, pi, radians

import numpy as np
from sqlalchemy import Connection

from mapservice.dashboards import queries
from mapservice.dashboards.classes import Floats, classify, told_apart
from mapservice.dashboards.expected import Counts
from mapservice.dashboards.model import DashboardView, counted
from mapservice.dashboards.territory_index import atlas, within
from mapservice.territories.model import Level
from mapservice.territories.queries import kept_of

# Kilometres around the middle of a commune, on maps of wide territories and of small ones.
WIDE, NEAR = 10, 5
EARTH_KM = 6371.0088
KM_PER_DEGREE = pi * EARTH_KM / 180


@dataclass(frozen=True, eq=False)
class DensityField:
    """Of the communes of a view's territory: how many initiatives lie within `radius` km.

    `breaks` are those of all months under the same themes and statuses.
    """

    codes: tuple[str, ...]
    counts: Counts
    breaks: tuple[float, ...]
    radius: int

    @property
    def classes(self) -> Counts:
        """1 and on; 0 where nothing lies around. Nothing is unknown."""
        return classify(self.counts.astype(float), self.breaks)


@dataclass(frozen=True, eq=False)
class NeighbourIndex:
    """Which places lie near each: those of the first, then those of the second, …; itself too."""

    lengths: Counts
    others: Counts

    def sums(self, counts: Counts) -> Counts:
        """Of each place: what it and all near it hold."""
        starts = np.cumsum(self.lengths) - self.lengths
        if not len(starts):
            return np.zeros(0, np.int64)
        found: Counts = np.add.reduceat(counts[self.others], starts).astype(np.int64)
        return found


def density(
    connection: Connection, view: DashboardView, breaks: tuple[float, ...] | None = None
) -> DensityField:
    """Of the communes of a view's territory; `breaks` spares finding those of all months."""
    km = radius(view)
    known = atlas(connection)
    communes = known[Level.COMMUNE]
    around = kept_of(connection).get(connection, _key(km), partial(_neighbours, km=km))
    at = np.arange(len(communes))
    if view.ref is not None:
        at = np.flatnonzero(within(known, view.ref, Level.COMMUNE))
    held = queries.commune_counts(connection, view.scope)
    counts = around.sums(held)[at]
    if breaks is None:
        if view.scope.since or view.scope.until:
            ever = replace(view.scope, since=None, until=None)
            every = around.sums(queries.commune_counts(connection, ever))[at]
        else:
            every = counts
        breaks = told_apart([counted(every)])
    return DensityField(tuple(communes.codes[one] for one in at), counts, breaks, km)


def radius(view: DashboardView) -> int:
    """Kilometres."""
    small = view.ref is not None and view.ref.level in (Level.EPCI, Level.COMMUNE)
    return NEAR if small else WIDE


def make_ready(connection: Connection) -> None:
    """Finds who is near whom before the first page asks."""
    for km in (WIDE, NEAR):
        kept_of(connection).get(connection, _key(km), partial(_neighbours, km=km))


def _key(km: int) -> Hashable:
    return (__name__, km)


def _neighbours(connection: Connection, km: int) -> NeighbourIndex:
    communes = atlas(connection)[Level.COMMUNE]
    return near(communes.lon, communes.lat, km)


def near(lon: Floats, lat: Floats, km: float) -> NeighbourIndex:
    """All pairs within so many kilometres of each other on the sphere; degrees EPSG:4326.

    Places are sorted into squares that are at least so wide, and compared with those of the nine
    squares around theirs.
    """
    if not len(lon):
        return NeighbourIndex(np.zeros(0, np.int64), np.zeros(0, np.int64))
    step = 1.000001 * km / KM_PER_DEGREE
    wide = step / max(cos(radians(float(np.abs(lat).max()) + step)), 0.01)
    rows = np.floor((lat + 90) / step).astype(np.int64) + 1
    columns = np.floor((lon + 180) / wide).astype(np.int64) + 1
    across = int(columns.max()) + 2
    squares = rows * across + columns
    order = np.argsort(squares, kind="stable")
    ordered = squares[order]
    points = _on_sphere(lon, lat)
    pairs = []
    for shift in (north * across + east for north in (-1, 0, 1) for east in (-1, 0, 1)):
        first = np.searchsorted(ordered, squares + shift, side="left")
        lengths = np.searchsorted(ordered, squares + shift, side="right") - first
        one = np.repeat(np.arange(len(lon)), lengths)
        starts = np.cumsum(lengths) - lengths
        other = order[np.arange(len(one)) - np.repeat(starts - first, lengths)]
        close = _chords(points[one], points[other]) <= km / EARTH_KM
        pairs.append((one[close], other[close]))
    ones, others = (np.concatenate(side) for side in zip(*pairs, strict=True))
    by_place = np.argsort(ones, kind="stable")
    return NeighbourIndex(np.bincount(ones, minlength=len(lon)), others[by_place].astype(np.int64))


def _on_sphere(lon: Floats, lat: Floats) -> Floats:
    """As points of a sphere of radius 1."""
    east, north = np.radians(lon), np.radians(lat)
    return np.stack(
        (np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)), axis=1
    )


def _chords(one: Floats, other: Floats) -> Floats:
    """Angles between them, which for so few kilometres a chord is as good as."""
    angles: Floats = np.sqrt(((one - other) ** 2).sum(axis=1))
    return angles
