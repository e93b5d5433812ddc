"""Geometries as GDAL and GeoParquet give them (WKB), brought to EPSG:4326."""

import shapely
from shapely.geometry.base import BaseGeometry

from mapservice.imports.readers.geojson import Projecting, projected
from mapservice.imports.readers.shapes import UNREADABLE


def read_geometry(
    wkb: bytes | None, project: Projecting | None
) -> tuple[tuple[float, float] | None, BaseGeometry | None, str]:
    """The point, or the shape that is none, or why there is neither."""
    geometry = shapely.from_wkb(wkb, on_invalid="ignore") if wkb is not None else None
    if geometry is None or geometry.is_empty:
        if wkb is None or geometry is not None:
            return None, None, ""
        return None, UNREADABLE, "geometry: cannot be read"
    if isinstance(geometry, shapely.MultiPoint) and len(geometry.geoms) == 1:
        geometry = geometry.geoms[0]
    if not isinstance(geometry, shapely.Point):
        flat = shapely.force_2d(geometry)
        shape = projected(flat, project) if project else flat
        shape = UNREADABLE if shape is None else shape
        return None, shape, f"geometry: a {geometry.geom_type} gives no true point, so no pin"
    pair = float(geometry.x), float(geometry.y)
    return project(*pair) if project else pair, None, ""
