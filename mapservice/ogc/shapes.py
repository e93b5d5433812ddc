"""Geometries that a filter writes down: checked, and with the box in degrees that holds them."""

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import shapely
from pyproj import Transformer
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from mapservice.errors import InvalidInput
from mapservice.ogc.model import Crs

FIELD = "filter"
# Straight lines of a projected CRS are bent in degrees: the box is sought along this many pieces.
PIECES = 64
MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class Shape:
    """A valid geometry as GeoJSON text, x before y, in the system `srid`.

    `bounds` (west, south, east, north in degrees) holds all of it; None when that is not known.
    """

    geojson: str
    srid: int
    bounds: tuple[float, float, float, float] | None

    @classmethod
    def of(cls, geometry: BaseGeometry, crs: Crs) -> Self:
        """Raises InvalidInput for a geometry that is empty, infinite or crosses itself."""
        if geometry.is_empty or not all(map(math.isfinite, geometry.bounds)):
            raise InvalidInput(FIELD, "has a geometry without a place")
        if not geometry.is_valid:
            reason = shapely.is_valid_reason(geometry)
            raise InvalidInput(FIELD, f"has a geometry that is not valid: {reason[:80]}")
        return cls(shapely.to_geojson(geometry), crs.srid, _bounds(geometry, crs))

    @classmethod
    def parse(cls, node: dict[str, Any], crs: Crs) -> Self:
        """From GeoJSON or `{"bbox": […]}`, with the axes in the order of the CRS."""
        if "bbox" in node:
            return cls.of(_box(node["bbox"], crs), crs)
        try:
            geometry = shapely.force_2d(shapely.from_geojson(json.dumps(node)))
        except (ShapelyError, ValueError, TypeError):
            raise InvalidInput(FIELD, "has a geometry that cannot be read") from None
        if crs.north_first:
            geometry = shapely.transform(geometry, lambda pairs: pairs[:, ::-1])
        return cls.of(geometry, crs)


def rectangle(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """A box; one without width or height is a line or a point."""
    if west == east and south == north:
        return shapely.Point(west, south)
    if west == east or south == north:
        return shapely.LineString([(west, south), (east, north)])
    return shapely.box(west, south, east, north)


def _box(sides: Any, crs: Crs) -> BaseGeometry:
    numbers = list(sides) if isinstance(sides, list) else []
    if not all(isinstance(side, int | float) and math.isfinite(side) for side in numbers):
        numbers = []
    if len(numbers) == len(("x", "y", "z")) * 2:
        del numbers[5], numbers[2]
    if len(numbers) != len(("x", "y")) * 2:
        raise InvalidInput(FIELD, "has a box that is not four or six numbers")
    if crs.north_first:
        numbers = [numbers[1], numbers[0], numbers[3], numbers[2]]
    west, south, east, north = numbers
    if south > north or (west > east and not crs.geographic):
        raise InvalidInput(FIELD, "has a box that does not give its lower corner first")
    if west <= east:
        return rectangle(west, south, east, north)
    halves = rectangle(west, south, 180.0, north), rectangle(-180.0, south, east, north)
    return shapely.union_all(halves)


def _bounds(geometry: BaseGeometry, crs: Crs) -> tuple[float, float, float, float] | None:
    west, south, east, north = geometry.bounds
    if crs.geographic:
        return (west, south, east, north)
    longest = max(east - west, north - south) / PIECES
    pieces = shapely.segmentize(geometry, longest) if longest else geometry
    pairs = shapely.get_coordinates(pieces)
    longitudes, latitudes = _to_degrees(crs.srid).transform(pairs[:, 0], pairs[:, 1])
    west, south = float(longitudes.min()), float(latitudes.min())
    east, north = float(longitudes.max()), float(latitudes.max())
    if not all(map(math.isfinite, (west, south, east, north))):
        return None
    around = MARGIN * max(east - west, north - south, MARGIN)
    return (west - around, south - around, east + around, north + around)


@cache
def _to_degrees(srid: int) -> Transformer:
    return Transformer.from_crs(srid, 4326, always_xy=True)
