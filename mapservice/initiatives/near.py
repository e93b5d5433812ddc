"""Distances on the ground and on the map: bounds that let an index answer for the spheroid.

EPSG:3857 stretches the ground by 1/cos(latitude), and by a little more or less north-south than
east-west, as the earth is not a ball. Within a circle both are bounded, so that a planar distance
tells of nearly every place that it lies inside or outside; only those in between need the exact,
far dearer one.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import cos, radians
from typing import Self

from mapservice.initiatives.model import Theme
from mapservice.territories.model import Level, TerritoryRef

# WGS 84: units of EPSG:3857 for a metre, times cos(latitude), range over these from east-west to
# north-south: a/N is 0.9966 to 1, a/M is 0.9966 to 1.0068 (N, M: the radii of curvature).
LEAST_STRETCH = 0.9965
MOST_STRETCH = 1.0068
METRES_PER_DEGREE = 110_500.0
# Beyond it the map's stretch runs away; nobody lives there.
LAST_LATITUDE = 80.0


@dataclass(frozen=True, slots=True)
class ScaleBounds:
    """How many units of EPSG:3857 a metre on the ground is, at least and at most."""

    least: float
    most: float

    @classmethod
    def around(cls, lon: float, lat: float, radius: float) -> Self | None:
        """Within `radius` metres of a position; None where the map ends or begins anew."""
        reach = 1.1 * radius / METRES_PER_DEGREE
        if abs(lat) + reach > LAST_LATITUDE:
            return None
        nearest, farthest = max(0.0, abs(lat) - reach), abs(lat) + reach
        if abs(lon) + reach / cos(radians(farthest)) > 180:
            return None
        return cls(LEAST_STRETCH / cos(radians(nearest)), MOST_STRETCH / cos(radians(farthest)))


@dataclass(frozen=True, slots=True)
class NearCircle:
    """Around a position: its radius in metres and the inhabitants of the communes in it.

    A commune counts whole if its label point lies within the radius.
    """

    radius: float
    population: int


@dataclass(frozen=True, slots=True)
class TouchedArea:
    """A territory that overlaps a circle or a box, whether or not it has initiatives.

    `cell` is that of its label point, where initiatives known to this territory and no better are
    shown; `inside` says that this point, by which area filters find them, lies within as well.
    """

    level: Level
    code: str
    name: str
    article: str
    cell: int
    inside: bool

    @property
    def ref(self) -> TerritoryRef:
        return TerritoryRef(self.level, self.code)


@dataclass(frozen=True, slots=True)
class AreaOnlyCount:
    """Initiatives known to one overlapping territory and no better: they may lie within or not.

    `counts` is by theme, as if the filter named none; `mark` (lon, lat, EPSG:4326) is on the part
    of its ground that is in the circle, for communes alone.
    """

    area: TouchedArea
    counts: Mapping[str, int]
    mark: tuple[float, float] | None = None

    def count(self, themes: tuple[Theme, ...] = ()) -> int:
        if not themes:
            return sum(self.counts.values())
        return sum(self.counts.get(theme, 0) for theme in themes)


# Without slots: what follows from its values is asked for many times, and worked out once.
@dataclass(frozen=True)
class AroundCounts:
    """What lies around a position: the one source of its sentence, list, map and figures.

    `points`, by theme, are true points within the circle; `somewhere` what is known to territories
    that it touches. `themes` are those that the filter names, () for all.
    """

    points: Mapping[str, int]
    somewhere: tuple[AreaOnlyCount, ...]
    themes: tuple[Theme, ...] = ()

    @property
    def point_count(self) -> int:
        return sum(self.points.get(theme, 0) for theme in self.themes or tuple(Theme))

    @cached_property
    def held(self) -> tuple[AreaOnlyCount, ...]:
        """Territories that hold some of the themes chosen, the finest level and most first."""
        found = [one for one in self.somewhere if one.count(self.themes)]
        order = list(Level)
        found.sort(key=lambda one: (order.index(one.area.level), -one.count(self.themes)))
        return tuple(found)

    @cached_property
    def communes(self) -> tuple[AreaOnlyCount, ...]:
        return tuple(one for one in self.held if one.area.level is Level.COMMUNE)

    @cached_property
    def wider(self) -> tuple[AreaOnlyCount, ...]:
        return tuple(one for one in self.held if one.area.level is not Level.COMMUNE)

    @cached_property
    def commune_count(self) -> int:
        return sum(one.count(self.themes) for one in self.communes)

    @cached_property
    def wider_count(self) -> int:
        return sum(one.count(self.themes) for one in self.wider)

    @property
    def somewhere_count(self) -> int:
        return self.commune_count + self.wider_count

    @property
    def total(self) -> int:
        return self.point_count + self.somewhere_count

    @property
    def facets(self) -> list[tuple[Theme, int]]:
        """Each theme as if none were chosen."""
        sums = Counter(dict(self.points))
        for one in self.somewhere:
            sums.update(one.counts)
        return [(theme, sums.get(theme, 0)) for theme in Theme]
