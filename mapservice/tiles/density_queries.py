"""Tiles for heatmaps: a point for each cell of a fine grid, weighted by how many lie in it.

Only counts kept per cell are read, so that a tile costs the same at any number of initiatives.
A tile has 32 x 32 cells, four times as fine as the grid of clusters; its points are where the
members of a cell are on average, and each initiative is counted in exactly one tile.
"""

from typing import Any

from sqlalchemy import Connection

from mapservice.db.engine import fill
from mapservice.errors import InvalidInput, NotFound
from mapservice.initiatives.filters import UNCOUNTED, InitiativeFilters
from mapservice.initiatives.grid import GRID_STEPS, Tile
from mapservice.initiatives.model import Theme
from mapservice.tiles.queries import EXTENT, LAST_KEPT_ZOOM

LAYER = "density"
# A tile is divided into 2^5 x 2^5 cells.
STEPS = 5
FINEST_ZOOM = LAST_KEPT_ZOOM + GRID_STEPS
# Nearer, cells of that fineness are not kept: a heatmap goes on with the tiles of this zoom.
MAX_ZOOM = FINEST_ZOOM - STEPS

# Kept counts and what changed since; sums are metres in EPSG:3857.
CELLS = """
    SELECT cell, sum(initiatives)::integer AS count,
           ST_SetSRID(ST_MakePoint(sum(sum_x) / sum(initiatives), sum(sum_y) / sum(initiatives)),
                      3857) AS point
      FROM (SELECT cell, theme, status, initiatives, sum_x, sum_y
              FROM rollup_cell
             WHERE zoom = {grid_zoom} AND cell >= %(first_cell)s AND cell < %(end_cell)s
             UNION ALL
            SELECT cell >> {shift}, theme, status, initiatives, sum_x, sum_y
              FROM rollup_delta
             WHERE cell >= %(first_delta)s AND cell < %(end_delta)s) AS kept
     WHERE status = ANY(%(statuses)s) AND theme = ANY(%(themes)s)
     GROUP BY cell
    HAVING sum(initiatives) > 0"""

MVT = """
    SELECT ST_AsMVT(feature, '{name}', {extent}, 'geom')
      FROM (SELECT count,
                   ST_AsMVTGeom(point, ST_TileEnvelope({z}, {x}, {y}), {extent}, 0, false) AS geom
              FROM ({cells}) AS filled
             ORDER BY cell) AS feature"""

GEOJSON = """
    SELECT json_build_object('type', 'FeatureCollection', 'features',
               coalesce(json_agg(json_build_object(
                   'type', 'Feature', 'id', concat_ws('/', {grid_zoom}, cell),
                   'geometry', ST_AsGeoJSON(ST_Transform(point, 4326), 6)::json,
                   'properties', json_build_object('count', count)) ORDER BY cell),
               '[]'::json))::text
      FROM ({cells}) AS filled"""


def only_kept(filters: InitiativeFilters) -> InitiativeFilters:
    """Raises InvalidInput naming a parameter that counts per cell cannot follow."""
    for field in ("territory", "since", "until", *UNCOUNTED):
        if getattr(filters, field):
            raise InvalidInput(field, "does not apply to density: it knows theme and status")
    return filters


def density_mvt(connection: Connection, tile: Tile, filters: InitiativeFilters) -> bytes:
    """The layer `density` of one tile, b"" where nothing lies. Raises NotFound beyond MAX_ZOOM."""
    return bytes(_run(connection, tile, filters, MVT))


def density_geojson(connection: Connection, tile: Tile, filters: InitiativeFilters) -> str:
    """The same points as a GeoJSON collection, EPSG:4326. Raises NotFound beyond MAX_ZOOM."""
    return str(_run(connection, tile, filters, GEOJSON))


def _run(connection: Connection, tile: Tile, filters: InitiativeFilters, output: str) -> Any:
    if tile.z > MAX_ZOOM:
        raise NotFound(f"Tiles of density end at zoom {MAX_ZOOM}; nearer maps stretch these.")
    grid_zoom = tile.z + STEPS
    first_cell, end_cell = tile.cells(grid_zoom)
    first_delta, end_delta = tile.cells(FINEST_ZOOM)
    values = {
        "first_cell": first_cell,
        "end_cell": end_cell,
        "first_delta": first_delta,
        "end_delta": end_delta,
        "statuses": [str(status) for status in filters.statuses],
        "themes": [str(theme) for theme in filters.theme or tuple(Theme)],
    }
    texts = {"name": LAYER, "cells": CELLS, "grid_zoom": str(grid_zoom), "extent": str(EXTENT)}
    numbers = {"z": str(tile.z), "x": str(tile.x), "y": str(tile.y)}
    shift = {"shift": str(2 * (FINEST_ZOOM - grid_zoom))}
    return connection.exec_driver_sql(fill(output, texts | numbers | shift), values).scalar_one()
