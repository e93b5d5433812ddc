"""Tiles of figures: initiatives and supporters per territory, joined to outlines.

Far zooms show large territories, near ones small ones. A territory with none shows zeros; a rate
is absent where nobody lives. Counts come from the rollups, for the territories of the tile alone.
"""

from typing import Any

from sqlalchemy import Connection

from mapservice.db.engine import fill
from mapservice.initiatives.filters import RollupScope
from mapservice.initiatives.grid import Tile
from mapservice.rollups import epci_parts
from mapservice.rollups.queries import counts_by_code, part_counts, within
from mapservice.territories import epci_parts as territory_parts
from mapservice.territories.model import OUTLINE_ZOOMS, Level
from mapservice.tiles.territory_queries import BUFFER, EXTENT, TerritoryLayer, shown

LAYER = "activity"
# The first zoom at which each level is shown, the nearest first.
FIRST_ZOOMS = (
    (11, Level.COMMUNE),
    (9, Level.EPCI),
    (6, Level.DEPARTEMENT),
    (0, Level.REGION),
)
# Where a level is a layer by itself, it may be seen from farther: as far as tiles stay light.
OWN_FIRST_ZOOMS = {Level.REGION: 0, Level.DEPARTEMENT: 4, Level.EPCI: 8, Level.COMMUNE: 10}
ATTRIBUTES = (
    "code",
    "name",
    "population",
    "population_year",
    "initiatives",
    "supporters",
    "per_10000_inhabitants",
)
# Levels with so many territories that counts are read for those of the tile alone.
MANY = (Level.COMMUNE, Level.EPCI)
# Nearer tiles add nothing but precision of outlines that are full already.
MAX_ZOOM = 12

# One row a territory of the tile: figures and outline (EPSG:3857).
FIGURES = """
   (WITH place AS MATERIALIZED ({places})
    SELECT '{level}' AS level, place.code, name, population, population_year,
           coalesce(counts.initiatives, 0)::integer AS initiatives,
           coalesce(counts.supporters, 0)::integer AS supporters,
           round(10000.0 * coalesce(counts.initiatives, 0) / nullif(population, 0), 4)::float8
               AS per_10000_inhabitants,
           outline
      FROM place
      LEFT JOIN ({counts}) AS counts USING (code)
     WHERE {kept})"""

MVT = """
    SELECT ST_AsMVT(feature, '{name}', {extent}, 'geom')
      FROM (SELECT {attributes},
                   ST_AsMVTGeom(outline, ST_TileEnvelope({z}, {x}, {y}), {extent}, {buffer}, true)
                       AS geom
              FROM ({figures}) AS figure) AS feature
     WHERE geom IS NOT NULL"""

GEOJSON = """
    SELECT json_build_object('type', 'FeatureCollection', 'features',
               coalesce(json_agg(json_build_object(
                   'type', 'Feature', 'id', concat_ws(':', level, code),
                   'geometry', ST_AsGeoJSON(ST_Transform(geom, 4326), 6)::json,
                   'properties', json_build_object({pairs}))), '[]'::json))::text
      FROM (SELECT *, ST_ClipByBox2D(outline, ST_TileEnvelope({z}, {x}, {y})) AS geom
              FROM ({figures}) AS figure) AS clipped
     WHERE NOT ST_IsEmpty(geom)"""


def level_at(zoom: int) -> Level:
    """The level that the layer `activity` shows at a zoom."""
    return next(level for first, level in FIRST_ZOOMS if zoom >= first)


def activity_mvt(connection: Connection, tile: Tile, scope: RollupScope) -> bytes:
    """The layer `activity` of one tile; b"" for a tile without land."""
    return _mvt(connection, tile, LAYER, ("level", *ATTRIBUTES), _by_zoom(tile, scope))


def activity_geojson(connection: Connection, tile: Tile, scope: RollupScope) -> str:
    """The same features as a GeoJSON collection, EPSG:4326, an unknown rate as null."""
    return _geojson(connection, tile, ("level", *ATTRIBUTES), _by_zoom(tile, scope))


def level_mvt(
    connection: Connection, tile: Tile, name: str, level: Level, scope: RollupScope
) -> bytes:
    """One level at every zoom that is near enough for it, as the layer `name`; else b""."""
    if tile.z < OWN_FIRST_ZOOMS[level]:
        return b""
    return _mvt(connection, tile, name, ATTRIBUTES, _figures(tile, level, scope))


def level_geojson(connection: Connection, tile: Tile, level: Level, scope: RollupScope) -> str:
    """The same as a collection, EPSG:4326."""
    kept = "true" if tile.z >= OWN_FIRST_ZOOMS[level] else "false"
    return _geojson(connection, tile, ATTRIBUTES, _figures(tile, level, scope, kept))


_Sql = tuple[str, dict[str, Any]]


def _by_zoom(tile: Tile, scope: RollupScope) -> _Sql:
    """Four islands belong to no EPCI: where EPCI are shown, these communes fill the gap."""
    level = level_at(tile.z)
    figures, values = _figures(tile, level, scope)
    if level is Level.EPCI:
        islands, more = _figures(tile, Level.COMMUNE, scope, "epci IS NULL")
        return f"{figures} UNION ALL {islands}", values | more
    return figures, values


def _figures(tile: Tile, level: Level, scope: RollupScope, kept: str = "true") -> _Sql:
    names = ("code", "name", "population", "population_year", "epci", "departement", "region")
    layer = TerritoryLayer(LAYER, level, 0, names)
    if epci_parts.parted(level, scope):
        return _parts(tile, layer, scope)
    among = "SELECT code FROM place" if level in MANY else ""
    counts, values = counts_by_code(level, scope, among)
    inside, codes = within(level, scope, "place")
    texts = {"counts": counts, "places": shown(layer, tile), "kept": f"{kept} AND {inside}"}
    return fill(FIGURES, texts | {"level": str(level)}), values | codes


# EPCI inside and their parts, of those whose whole outline meets the tile.
PARTS = """
    SELECT inside.*, {outline} AS outline
      FROM ({places}) AS inside
      JOIN ({shown}) AS whole USING (code)"""


def _parts(tile: Tile, layer: TerritoryLayer, scope: RollupScope) -> _Sql:
    inside, codes = epci_parts.inside_of(scope)
    counts, values = part_counts(scope, inside, "place")
    zoom = next((zoom for zoom in OUTLINE_ZOOMS if zoom >= tile.z), OUTLINE_ZOOMS[-1])
    texts = {
        "outline": territory_parts.outline("inside", zoom, inside, "whole.outline"),
        "places": territory_parts.places(inside),
        "shown": shown(layer, tile),
    }
    filled = {"counts": counts, "places": fill(PARTS, texts), "kept": "outline IS NOT NULL"}
    return fill(FIGURES, filled | {"level": str(layer.level)}), values | codes


def _mvt(
    connection: Connection, tile: Tile, name: str, attributes: tuple[str, ...], figures: _Sql
) -> bytes:
    texts = {"name": name, "attributes": ", ".join(attributes)}
    return bytes(_run(connection, tile, MVT, texts, figures))


def _geojson(connection: Connection, tile: Tile, attributes: tuple[str, ...], figures: _Sql) -> str:
    pairs = ", ".join(f"'{name}', {name}" for name in attributes)
    return str(_run(connection, tile, GEOJSON, {"pairs": pairs}, figures))


def _run(
    connection: Connection, tile: Tile, output: str, texts: dict[str, str], figures: _Sql
) -> Any:
    """Texts are names and numbers of ours, never a request's."""
    statement, values = figures
    numbers = {"z": str(tile.z), "x": str(tile.x), "y": str(tile.y)}
    sizes = {"extent": str(EXTENT), "buffer": str(BUFFER)}
    made = fill(output, texts | {"figures": statement} | numbers | sizes)
    return connection.exec_driver_sql(made, values).scalar_one()
