"""Tiles of events and of groups: what stands in one spot, or in one cell of a grid, together."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, Table

from mapservice.db.engine import compiled, fill
from mapservice.initiatives.grid import CELL_ZOOM, Tile
from mapservice.tiles.queries import EXTENT

# Eight by eight cells a tile, as of initiatives.
GRID_STEPS = 3
# From here on what shares a spot alone is shown together.
DETAIL_ZOOM = 14
MAX_ZOOM = DETAIL_ZOOM


# Rows of a tile: `id, theme, precision, cell, anchor_3857`, and the moments of their layer.
SpotHits = Select[Any] | CompoundSelect[Any]


@dataclass(frozen=True, slots=True)
class TileSpots:
    """The spots of a tile, put together already: as many of each, at `xs` and `ys` (EPSG:3857).

    `alone` is the identifier of what a spot holds where that is one.
    """

    counts: Sequence[int] = ()
    firsts: Sequence[datetime | None] = ()
    xs: Sequence[float] = ()
    ys: Sequence[float] = ()
    alone: Sequence[str | None] = ()
    themes: Sequence[str | None] = ()
    precisions: Sequence[str | None] = ()


@dataclass(frozen=True, slots=True)
class SpotLayer:
    """A layer of a table whose rows have an `id`; `label` is what names one row.

    `moment` is the column of which each spot tells the first, as `next`, UTC; "" for none. `end` is
    that of when it is over.
    """

    name: str
    table: Table
    label: str
    moment: str = ""
    end: str = ""


# Identifier and label where a spot holds but one: that one is looked up by its cell, as to carry
# all identifiers along takes as long as all the rest. OFFSET 0 has it looked up once.
GROUPED = """
SELECT spot.*, spot.alone::text AS id,
       (SELECT own.{label} FROM {table} AS own WHERE own.id = spot.alone) AS {label}
  FROM (SELECT count{next}, x, y,
               CASE WHEN count = 1 THEN (SELECT hit.id FROM ({hits}) AS hit
                                          WHERE hit.cell = counted.cell LIMIT 1) END AS alone,
               CASE WHEN first_theme = last_theme THEN first_theme END AS theme,
               CASE WHEN first_precision = last_precision THEN first_precision END AS precision
          FROM (SELECT count(*)::integer AS count{first}, min(cell) AS cell,
                       min(theme COLLATE "C") AS first_theme, max(theme COLLATE "C") AS last_theme,
                       min(precision COLLATE "C") AS first_precision,
                       max(precision COLLATE "C") AS last_precision,
                       avg((anchor_3857::point)[0]) AS x, avg((anchor_3857::point)[1]) AS y
                  FROM ({hits}) AS hit
                 GROUP BY {group}) AS counted
        OFFSET 0) AS spot"""
# The same of spots that are put together already.
GIVEN = """
SELECT count{next}, x, y, theme, precision, alone::text AS id,
       (SELECT own.{label} FROM {table} AS own WHERE own.id = spot.alone) AS {label}
  FROM unnest(%(counts)s::integer[], %(firsts)s::timestamptz[], %(xs)s::float8[], %(ys)s::float8[],
              %(alone)s::uuid[], %(themes)s::text[], %(precisions)s::text[])
       AS spot (count, first, x, y, alone, theme, precision)"""
NEXT = """, to_char(first AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS next"""

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


def spots_mvt(
    connection: Connection, layer: SpotLayer, tile: Tile, found: SpotHits | TileSpots
) -> bytes:
    """The layer in one tile; b"" where there is nothing."""
    if isinstance(found, TileSpots) and not found.counts:
        return b""
    statement, values = _filled(AS_MVT, layer, tile, found)
    return bytes(connection.exec_driver_sql(statement, values).scalar_one())


def spots_geojson(
    connection: Connection, layer: SpotLayer, tile: Tile, found: SpotHits | TileSpots
) -> str:
    """The same features as a GeoJSON collection, EPSG:4326."""
    features = []
    statement, values = _filled(AS_JSON, layer, tile, found)
    is_empty = isinstance(found, TileSpots) and not found.counts
    for row in () if is_empty else connection.exec_driver_sql(statement, values):
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
    template: str, layer: SpotLayer, tile: Tile, found: SpotHits | TileSpots
) -> tuple[str, dict[str, Any]]:
    if isinstance(found, TileSpots):
        statement, values = "", asdict(found)
    else:
        statement, values = compiled(found)
    shift = 2 * (CELL_ZOOM - GRID_STEPS - tile.z)
    shown = ("count", *(("next",) if layer.moment else ()), "id", layer.label, "theme", "precision")
    texts = {
        "name": layer.name,
        "columns": ", ".join(shown),
        "order": "next, " if layer.moment else "",
        "grouped": GIVEN if isinstance(found, TileSpots) else GROUPED,
        "next": NEXT if layer.moment else "",
        "first": f", min({layer.moment}) AS first" if layer.moment else "",
        "table": layer.table.name,
        "label": layer.label,
        "group": "cell" if tile.z >= DETAIL_ZOOM else f"cell >> {shift}",
        "hits": statement,
        "z": str(tile.z),
        "x": str(tile.x),
        "y": str(tile.y),
        "extent": str(EXTENT),
    }
    return fill(template, texts), values
