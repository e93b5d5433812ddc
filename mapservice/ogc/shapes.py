"""Geometries written in a filter: checked, and with their bounding boxes in degrees."""

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import shapely
from pyproj import Transformer
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from mapservice.errors import InvalidInput
from mapservice.ogc.model import ReferenceSystem

FIELD = "filter"
# How deep the positions of each kind of geometry lie in its coordinates.
POSITIONS_AT = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
# The square of web mercator ends here; no system that we offer reaches further, in metres.
FARTHEST_METRES = 20_037_509.0
# Straight lines of a projected CRS are bent in degrees: the box is sought along this many pieces.
PIECES = 64
MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class FilterGeometry:
    """A valid geometry as GeoJSON text, x before y, in the system `srid`.

    `bounds` (west, south, east, north in degrees) holds all of it; None when that is not known.
    `is_mixed` tells that it is of more than one dimension.
    """

    geojson: str
    srid: int
    bounds: tuple[float, float, float, float] | None
    is_mixed: bool = False

    @classmethod
    def of(cls, geometry: BaseGeometry, crs: ReferenceSystem) -> Self:
        """Raises InvalidInput for a geometry that is empty, infinite or crosses itself."""
        if geometry.is_empty or not all(map(math.isfinite, geometry.bounds)):
            raise InvalidInput(FIELD, "has a geometry without a place")
        if not geometry.is_valid:
            reason = shapely.is_valid_reason(geometry)
            raise InvalidInput(FIELD, f"has a geometry that is not valid: {reason[:80]}")
        # A collection becomes one kind of geometry, where its parts have one dimension.
        plain = geometry
        if geometry.geom_type == "GeometryCollection":
            plain = shapely.union_all(list(_parts(geometry)))
        is_mixed = plain.geom_type == "GeometryCollection"
        west, south, east, north = geometry.bounds
        bounds: tuple[float, float, float, float] | None = (west, south, east, north)
        if not crs.geographic:
            longest = max(east - west, north - south) / PIECES
            pieces = shapely.segmentize(geometry, longest) if longest else geometry
            pairs = shapely.get_coordinates(pieces)
            longitudes, latitudes = _to_degrees(crs.srid).transform(pairs[:, 0], pairs[:, 1])
            west, south = float(longitudes.min()), float(latitudes.min())
            east, north = float(longitudes.max()), float(latitudes.max())
            around = MARGIN * max(east - west, north - south, MARGIN)
            bounds = (west - around, south - around, east + around, north + around)
        is_known = all(map(math.isfinite, (west, south, east, north)))
        return cls(shapely.to_geojson(plain), crs.srid, bounds if is_known else None, is_mixed)

    @classmethod
    def parse(cls, node: dict[str, Any], crs: ReferenceSystem) -> Self:
        """From GeoJSON or `{"bbox": […]}`, with the axes in the order of the CRS."""
        if "bbox" in node:
            return cls.of(_box(node["bbox"], crs), crs)
        _check_geometry(node, crs)
        try:
            geometry = shapely.force_2d(shapely.from_geojson(json.dumps(node)))
        except (ShapelyError, ValueError, TypeError) as refusal:
            reason = " ".join(str(refusal).split())[:80]
            raise InvalidInput(FIELD, f"has a geometry that cannot be read: {reason}") from None
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


def _box(sides: Any, crs: ReferenceSystem) -> BaseGeometry:
    """Four sides, or six with heights; west of east unless it crosses the antimeridian."""
    numbers = list(sides) if isinstance(sides, list) else []
    if not all(map(_is_number, numbers)):
        raise InvalidInput(FIELD, "has a box with a side that is not a number")
    if len(numbers) == len(("x", "y", "z")) * 2:
        del numbers[5], numbers[2]
    if len(numbers) != len(("x", "y")) * 2:
        raise InvalidInput(FIELD, "has a box that is not four or six numbers")
    if crs.north_first:
        numbers = [numbers[1], numbers[0], numbers[3], numbers[2]]
    west, south, east, north = numbers
    for corner in ((west, south), (east, north)):
        _check_within(*corner, crs)
    if south > north or (west > east and not crs.geographic):
        raise InvalidInput(FIELD, "has a box that does not give its lower corner first")
    if west <= east:
        return rectangle(west, south, east, north)
    halves = rectangle(west, south, 180.0, north), rectangle(-180.0, south, east, north)
    return shapely.union_all(halves)


def _check_geometry(node: dict[str, Any], crs: ReferenceSystem) -> None:
    """GeoJSON by its rules (RFC 7946, 3.1). Raises InvalidInput naming what breaks one."""
    kind = node.get("type")
    if kind == "GeometryCollection":
        parts = node.get("geometries")
        if not isinstance(parts, list) or not parts:
            raise InvalidInput(FIELD, "has an empty GeometryCollection")
        for part in parts:
            if not isinstance(part, dict):
                raise InvalidInput(FIELD, "has a GeometryCollection of what is no geometry")
            _check_geometry(part, crs)
        return
    if not isinstance(kind, str) or kind not in POSITIONS_AT:
        raise InvalidInput(FIELD, f"has a geometry of an unknown type, {str(kind)[:40]!r}")
    _check_coordinates(node.get("coordinates"), POSITIONS_AT[kind], kind, crs)


def _check_coordinates(given: Any, depth: int, kind: str, crs: ReferenceSystem) -> None:
    """Lists of lists, `depth` of them around each position."""
    if depth == 0:
        if (
            not isinstance(given, list)
            or len(given) not in (2, 3)
            or not all(map(_is_number, given))
        ):
            raise InvalidInput(
                FIELD, f"has a {kind} with a position that is not two or three numbers"
            )
        x, y = (given[1], given[0]) if crs.north_first else (given[0], given[1])
        _check_within(x, y, crs)
        return
    if not isinstance(given, list):
        raise InvalidInput(FIELD, f"has a {kind} whose coordinates are no list of lists")
    if not given:
        raise InvalidInput(FIELD, f"has an empty {kind}")
    for part in given:
        _check_coordinates(part, depth - 1, kind, crs)
    if depth == 1 and kind.endswith("LineString") and len(given) < len(("start", "end")):
        raise InvalidInput(FIELD, f"has a {kind} with a line of a single position")
    if depth == 1 and kind.endswith("Polygon"):
        if given[0] != given[-1]:
            raise InvalidInput(FIELD, f"has a {kind} with a ring that is not closed")
        if len(given) < len(("three corners", "and", "the first", "again")):
            raise InvalidInput(FIELD, f"has a {kind} with a ring of fewer than four positions")


def _check_within(x: float, y: float, crs: ReferenceSystem) -> None:
    """Degrees or metres that the reference system can have, east before north."""
    if crs.geographic:
        if not -180 <= x <= 180:
            raise InvalidInput(FIELD, f"has the longitude {x:g}, which is not within -180 and 180")
        if not -90 <= y <= 90:
            raise InvalidInput(FIELD, f"has the latitude {y:g}, which is not within -90 and 90")
    elif max(abs(x), abs(y)) > FARTHEST_METRES:
        raise InvalidInput(FIELD, f"has the position {x:g} {y:g}, which lies outside {crs.uri}")


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max  # neither NaN nor infinite, nor too long an integer


def _parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    """What collections in collections hold in the end."""
    for part in shapely.get_parts(geometry):
        if part.geom_type == "GeometryCollection":
            yield from _parts(part)
        else:
            yield part


@cache
def _to_degrees(srid: int) -> Transformer:
    return Transformer.from_crs(srid, 4326, always_xy=True)
