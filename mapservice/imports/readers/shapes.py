"""Geometries that are no point, read from GeoJSON and WKT.

Their middle is never taken for a place; which territories they lie in is asked of the outlines
(`placing.py`).
"""

import json
import math
import re
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape as from_mapping
from shapely.geometry.base import BaseGeometry

WELL_KNOWN = re.compile(
    r"(?:SRID=\d+;)?\s*(?:MULTI(?:POINT|LINESTRING|POLYGON)|LINESTRING|POLYGON|GEOMETRYCOLLECTION)"
    r"\s*(?:ZM?|M)?\s*\(",
    re.IGNORECASE,
)
# Its kind may stand after its coordinates; a nested list of these is no point.
GEOJSON = re.compile(
    r'\s*\{.{0,200}?(?:"coordinates"\s*:\s*\[\s*\['
    r'|"type"\s*:\s*"(?:Multi\w+|LineString|Polygon|GeometryCollection)")',
    re.DOTALL,
)


# Stands for a geometry that the file gives and nobody can read.
UNREADABLE = shapely.GeometryCollection()


def looks_like_shape(text: str) -> bool:
    """Whether a cell begins like a line, a polygon or several points, as WKT or GeoJSON."""
    return bool(WELL_KNOWN.match(text) or GEOJSON.match(text[:500]))


def read_shape(text: str) -> BaseGeometry | None:
    """The geometry of a cell, in its own coordinates; None where it cannot be read."""
    if not looks_like_shape(text):
        return None
    try:
        if text.lstrip().startswith("{"):
            return shape_of(json.loads(text))
        return _usable(shapely.from_wkt(re.sub(r"^\s*SRID=\d+;", "", text, flags=re.IGNORECASE)))
    except (ValueError, RecursionError, ShapelyError):
        return None


def shape_of(geometry: Any) -> BaseGeometry | None:
    """A GeoJSON geometry that is no point; None for a point, for nothing, and for a broken one."""
    if not isinstance(geometry, dict) or geometry.get("type") in (None, "Point"):
        return None
    try:
        return _usable(from_mapping(geometry))
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, ShapelyError):
        return None
    except RecursionError:
        return None


def first_vertex(shape: BaseGeometry) -> tuple[float, float]:
    """Enough to tell which system its coordinates are in."""
    x, y = shapely.get_coordinates(shape)[0]
    return float(x), float(y)


def _usable(geometry: BaseGeometry | None) -> BaseGeometry | None:
    """Flat, not empty, with finite coordinates, else None."""
    if geometry is None or geometry.is_empty or geometry.geom_type == "Point":
        return None
    flat: BaseGeometry = shapely.force_2d(geometry)
    if not all(math.isfinite(bound) for bound in flat.bounds):
        return None
    return flat
