"""Tiles of events and of groups: what stands in one spot, or in one cell of a grid, together."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Table, literal_column, select

from mapservice.db.engine import compiled, fill
from mapservice.initiatives.grid import CELL_ZOOM, Tile
from mapservice.tiles.queries import EXTENT

# Eight by eight cells a tile, as of initiatives.
GRID_STEPS = 3
# From here on what shares a spot alone is shown together.
DETAIL_ZOOM = 14
MAX_ZOOM = DETAIL_ZOOM


@dataclass(frozen=True, slots=True)
class SpotLayer:
    """A layer of a table with `anchor_3857` and its `cell`; `label` is what names one row.

    `moment` is the column of which each spot tells the first, as `next`, UTC; "" for none.
    """

    name: str
    table: Table
    label: str
    moment: str = ""


# Identifier and label where a spot holds but one.
GROUPED = """
SELECT count(*)::integer AS count{first},
       CASE WHEN count(*) = 1 THEN min(id::text) END AS id,
       CASE WHEN count(*) = 1 THEN min({label}) END AS {label},
       CASE WHEN count(DISTINCT theme) = 1 THEN min(theme) END AS theme,
       CASE WHEN count(DISTINCT precision) = 1 THEN min(precision) END AS precision,
       avg(public_x) AS x, avg(public_y) AS y
  FROM (SELECT id, {label}, theme, precision, cell{moment}, ST_X(anchor_3857) AS public_x,
               ST_Y(anchor_3857) AS public_y
          FROM ({hits}) AS hit) AS placed
 GROUP BY {group}"""
FIRST = """, to_char(min({moment}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS next"""

AS_MVT = """
SELECT ST_AsMVT(feature, '{name}', {extent}, 'geom')
  FROM (SELECT {columns},
               ST_AsMVTGeom(ST_SetSRID(ST_MakePoint(x, y), 3857),
                            (SELECT ST_TileEnvelope({z}, {x}, {y})), {extent}, 0, false) AS geom
          FROM ({grouped}) AS spot
         ORDER BY count DESC, {order}id) AS feature"""

AS_JSON = """
SELECT {columns},
       ST_AsGeoJSON(ST_Transform(ST_SetSRID(ST_MakePoint(x, y), 3857), 4326), 6) AS point
  FROM ({grouped}) AS spot
 ORDER BY count DESC, {order}id"""


def hits_of(layer: SpotLayer, tile: Tile) -> Select[Any]:
    """The rows of a layer that lie in a tile: for conditions to be added to."""
    first, end = tile.cells(CELL_ZOOM)
    own = layer.table
    found: Select[Any] = select(literal_column(f"{own.name}.*")).select_from(own)
    return found.where(own.c.cell >= first, own.c.cell < end)


def spots_mvt(connection: Connection, layer: SpotLayer, tile: Tile, hits: Select[Any]) -> bytes:
    """The layer in one tile; b"" where there is nothing."""
    statement, values = _filled(AS_MVT, layer, tile, hits)
    return bytes(connection.exec_driver_sql(statement, values).scalar_one())


def spots_geojson(connection: Connection, layer: SpotLayer, tile: Tile, hits: Select[Any]) -> str:
    """The same features as a GeoJSON collection, EPSG:4326."""
    statement, values = _filled(AS_JSON, layer, tile, hits)
    features = []
    for row in connection.exec_driver_sql(statement, values):
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


def _filled(
    template: str, layer: SpotLayer, tile: Tile, hits: Select[Any]
) -> tuple[str, dict[str, Any]]:
    statement, values = compiled(hits)
    shift = 2 * (CELL_ZOOM - GRID_STEPS - tile.z)
    shown = ("count", *(("next",) if layer.moment else ()), "id", layer.label, "theme", "precision")
    texts = {
        "name": layer.name,
        "columns": ", ".join(shown),
        "order": "next, " if layer.moment else "",
        "grouped": GROUPED,
        "first": FIRST if layer.moment else "",
        "moment": f", {layer.moment}" if layer.moment else "",
        "label": layer.label,
        "group": "cell" if tile.z >= DETAIL_ZOOM else f"cell >> {shift}",
        "hits": statement,
        "z": str(tile.z),
        "x": str(tile.x),
        "y": str(tile.y),
        "extent": str(EXTENT),
    }
    texts["first"] = fill(texts["first"], {"moment": layer.moment})
    return fill(template, texts), values
