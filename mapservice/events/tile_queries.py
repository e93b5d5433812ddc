"""Tiles of events: what takes place in one spot, or in one cell of a grid, together."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, literal_column, select

from mapservice.db.engine import compiled, fill
from mapservice.db.event_tables import event
from mapservice.events.filters import EventFilters
from mapservice.events.queries import where
from mapservice.initiatives.grid import CELL_ZOOM, Tile
from mapservice.tiles.queries import EXTENT

# Eight by eight cells a tile, as of initiatives.
GRID_STEPS = 3
# From here on what shares a spot alone is shown together.
DETAIL_ZOOM = 14
MAX_ZOOM = DETAIL_ZOOM

# `next` is when the first begins that takes place there; title and id where it is the only one.
GROUPED = """
SELECT count(*)::integer AS count, min(starts_at) AS next,
       CASE WHEN count(*) = 1 THEN min(id::text) END AS id,
       CASE WHEN count(*) = 1 THEN min(title) END AS title,
       CASE WHEN count(DISTINCT theme) = 1 THEN min(theme) END AS theme,
       CASE WHEN count(DISTINCT precision) = 1 THEN min(precision) END AS precision,
       avg(public_x) AS x, avg(public_y) AS y
  FROM (SELECT id, title, theme, precision, starts_at, cell, ST_X(anchor_3857) AS public_x,
               ST_Y(anchor_3857) AS public_y
          FROM ({hits}) AS hit) AS placed
 GROUP BY {group}"""

AS_MVT = """
SELECT ST_AsMVT(feature, 'events', {extent}, 'geom')
  FROM (SELECT count, to_char(next AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS next, id,
               title, theme, precision,
               ST_AsMVTGeom(ST_SetSRID(ST_MakePoint(x, y), 3857),
                            (SELECT ST_TileEnvelope({z}, {x}, {y})), {extent}, 0, false) AS geom
          FROM ({grouped}) AS spot
         ORDER BY count DESC, next, id) AS feature"""

AS_JSON = """
SELECT count, to_char(next AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS next, id, title,
       theme, precision,
       ST_AsGeoJSON(ST_Transform(ST_SetSRID(ST_MakePoint(x, y), 3857), 4326), 6) AS point
  FROM ({grouped}) AS spot
 ORDER BY count DESC, next, id"""


def events_mvt(connection: Connection, tile: Tile, filters: EventFilters, now: datetime) -> bytes:
    """The layer `events` of one tile; b"" when nothing takes place there."""
    statement, values = _grouped(tile, filters, now)
    numbers = {"z": str(tile.z), "x": str(tile.x), "y": str(tile.y), "extent": str(EXTENT)}
    made = fill(AS_MVT, numbers | {"grouped": statement})
    return bytes(connection.exec_driver_sql(made, values).scalar_one())


def events_geojson(connection: Connection, tile: Tile, filters: EventFilters, now: datetime) -> str:
    """The same features as a GeoJSON collection, EPSG:4326."""
    statement, values = _grouped(tile, filters, now)
    rows = connection.exec_driver_sql(fill(AS_JSON, {"grouped": statement}), values)
    features = []
    for row in rows:
        known: dict[str, Any] = dict(row._mapping)
        point = json.loads(known.pop("point"))
        features.append(
            {
                "type": "Feature",
                "geometry": point,
                "properties": {name: one for name, one in known.items() if one is not None},
            }
        )
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _grouped(tile: Tile, filters: EventFilters, now: datetime) -> tuple[str, dict[str, Any]]:
    first, end = tile.cells(CELL_ZOOM)
    hits: Select[Any] = (
        select(literal_column("event.*"))
        .select_from(event)
        .where(and_(*where(filters, now)), event.c.cell >= first, event.c.cell < end)
    )
    statement, values = compiled(hits)
    shift = 2 * (CELL_ZOOM - GRID_STEPS - tile.z)
    group = "cell" if tile.z >= DETAIL_ZOOM else f"cell >> {shift}"
    return fill(GROUPED, {"hits": statement, "group": group}), values
