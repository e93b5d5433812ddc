"""Distances on the ground and on the map: bounds that let an index answer for the spheroid.

EPSG:3857 stretches the ground by 1/cos(latitude), and by a little more or less north-south than
east-west, as the earth is not a ball. Within a circle both are bounded, so that a planar distance
tells of nearly every place that it lies inside or outside; only those in between need the exact,
far dearer one.
"""

from dataclasses import dataclass
from math import cos, radians
from typing import Self

# WGS 84: units of EPSG:3857 for a metre, times cos(latitude), range over these from east-west to
# north-south: a/N is 0.9966 to 1, a/M is 0.9966 to 1.0068 (N, M: the radii of curvature).
LEAST_STRETCH = 0.9965
MOST_STRETCH = 1.0068
METRES_PER_DEGREE = 110_500.0
# Beyond it the map's stretch runs away; nobody lives there.
LAST_LATITUDE = 80.0


@dataclass(frozen=True, slots=True)
class Stretch:
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
class Circle:
    """Around a position: its radius in metres and the inhabitants of the communes in it.

    A commune counts whole if its label point lies within the radius.
    """

    radius: float
    population: int
