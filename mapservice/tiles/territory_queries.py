"""The layers of official territories in one tile: outlines by zoom, and labels.

Outlines come simplified as coverages, so that neighbours share their border at every zoom.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from mapservice.db.engine import fill
from mapservice.initiatives.grid import Tile
from mapservice.territories.model import OUTLINE_ZOOMS, Level
from mapservice.tiles import ground_labels

EXTENT = 4096
BUFFER = 64


@dataclass(frozen=True, slots=True)
class TerritoryLayer:
    """One layer: which territories, from which zoom on, with which attributes.

    Where many are first seen at once they carry their code alone; the rest follows a zoom later.
    """

    name: str
    level: Level
    first_zoom: int
    attributes: tuple[str, ...]
    bare_zoom: int = -1

    def attributes_at(self, zoom: int) -> tuple[str, ...]:
        return self.attributes[:1] if zoom == self.bare_zoom else self.attributes


LAYERS = (
    TerritoryLayer(
        "communes",
        Level.COMMUNE,
        8,
        ("code", "name", "population", "population_year", "departement"),
        8,
    ),
    TerritoryLayer("epcis", Level.EPCI, 8, ("code", "name", "population", "population_year"), 8),
    TerritoryLayer(
        "departements",
        Level.DEPARTEMENT,
        4,
        ("code", "name", "population", "population_year", "region"),
    ),
    TerritoryLayer("regions", Level.REGION, 0, ("code", "name", "population", "population_year")),
)

LAYERS_BY_NAME = {layer.name: layer for layer in LAYERS}

OUTLINES = """
    SELECT {attributes},
           ST_AsMVTGeom(outline, ST_TileEnvelope({z}, {x}, {y}), {extent}, {buffer}, true) AS geom
      FROM ({shown}) AS shown"""

# The margin keeps what is drawn across the tile's edge: borders, and fills that meet there.
SIMPLIFIED = """
    SELECT {attributes}, shown.geom AS outline
      FROM territory_outline AS shown JOIN territory USING (level, code)
     WHERE shown.level = '{level}' AND shown.zoom = {zoom}
       AND shown.geom && ST_TileEnvelope({z}, {x}, {y}, margin => {margin})"""
FULL = """
    SELECT {attributes}, territory.outline_3857 AS outline
      FROM territory
     WHERE territory.level {levels} AND territory.level = '{level}'
       AND territory.outline_3857 && ST_TileEnvelope({z}, {x}, {y}, margin => {margin})"""

MVT_LAYER = """
    (SELECT coalesce(ST_AsMVT(feature, '{name}', {extent}, 'geom'), '')
       FROM ({features}) AS feature WHERE geom IS NOT NULL)"""
GEOJSON_LAYER = """
    SELECT json_build_object(
               'type', 'Feature', 'id', concat_ws(':', '{name}', code),
               'geometry', ST_AsGeoJSON(ST_Transform(geom, 4326), 6)::json,
               'properties', json_build_object('layer', '{name}', {pairs})) AS feature
      FROM ({features}) AS shown
     WHERE NOT ST_IsEmpty(geom)"""


def territories_mvt(connection: Connection, tile: Tile) -> bytes:
    """Layers of outlines and `labels`; b"" for a tile without land."""
    layers = [
        _fill(MVT_LAYER, tile, name=layer.name, features=_outlines(layer, tile))
        for layer in LAYERS
        if tile.z >= layer.first_zoom
    ]
    labels = _fill(
        """
        SELECT level, code, name, population, seat,
               ST_AsMVTGeom(point, ST_TileEnvelope({z}, {x}, {y}), {extent}, {buffer}, true) AS geom
          FROM ({labels}) AS label ORDER BY population DESC NULLS LAST, code""",
        tile,
        labels=_labels(tile),
    )
    layers.append(_fill(MVT_LAYER, tile, name="labels", features=labels))
    return bytes(connection.exec_driver_sql("SELECT " + " || ".join(layers)).scalar_one())


def territories_geojson(connection: Connection, tile: Tile) -> str:
    """The same outlines and labels as one collection, EPSG:4326, each with its `layer`."""
    parts = [_features(layer, tile) for layer in LAYERS if tile.z >= layer.first_zoom]
    points = _fill("SELECT *, point AS geom FROM ({labels}) AS label", tile, labels=_labels(tile))
    pairs = _pairs(ground_labels.LABEL_FIELDS)
    parts.append(_fill(GEOJSON_LAYER, tile, name="labels", pairs=pairs, features=points))
    return _collection(connection, parts)


def layer_mvt(connection: Connection, tile: Tile, name: str) -> bytes:
    """One layer by itself, without labels; b"" where it shows nothing."""
    layer = LAYERS_BY_NAME[name]
    if tile.z < layer.first_zoom:
        return b""
    drawn = _fill(MVT_LAYER, tile, name=layer.name, features=_outlines(layer, tile))
    return bytes(connection.exec_driver_sql(f"SELECT {drawn}").scalar_one())


def layer_geojson(connection: Connection, tile: Tile, name: str) -> str:
    """The same as a collection, EPSG:4326."""
    layer = LAYERS_BY_NAME[name]
    return _collection(connection, [_features(layer, tile)] if tile.z >= layer.first_zoom else [])


def _collection(connection: Connection, parts: list[str]) -> str:
    statement = fill(
        """
        SELECT json_build_object('type', 'FeatureCollection',
                                 'features', coalesce(json_agg(feature), '[]'::json))::text
          FROM ({parts}) AS made""",
        {"parts": " UNION ALL ".join(parts) or "SELECT NULL::json AS feature LIMIT 0"},
    )
    return str(connection.exec_driver_sql(statement).scalar_one())


def _features(layer: TerritoryLayer, tile: Tile) -> str:
    return _fill(
        GEOJSON_LAYER,
        tile,
        name=layer.name,
        pairs=_pairs(layer.attributes_at(tile.z)),
        features=_clipped(layer, tile),
    )


def _outlines(layer: TerritoryLayer, tile: Tile) -> str:
    return _fill(
        OUTLINES, tile, attributes=", ".join(layer.attributes_at(tile.z)), shown=shown(layer, tile)
    )


def _clipped(layer: TerritoryLayer, tile: Tile) -> str:
    template = """
        SELECT {attributes}, ST_ClipByBox2D(outline, ST_TileEnvelope({z}, {x}, {y})) AS geom
          FROM ({shown}) AS whole"""
    return _fill(
        template, tile, attributes=", ".join(layer.attributes_at(tile.z)), shown=shown(layer, tile)
    )


def shown(layer: TerritoryLayer, tile: Tile) -> str:
    """SQL of a layer's territories that meet a tile: attributes and `outline`, EPSG:3857."""
    zoom = next((zoom for zoom in OUTLINE_ZOOMS if zoom >= tile.z), None)
    return _fill(
        FULL if zoom is None else SIMPLIFIED,
        tile,
        attributes=", ".join(f"territory.{name}" for name in layer.attributes_at(tile.z)),
        level=layer.level,
        levels="= 'commune'" if layer.level is Level.COMMUNE else "<> 'commune'",
        zoom=str(zoom),
    )


def _labels(tile: Tile) -> str:
    envelope = "ST_TileEnvelope({z}, {x}, {y}, margin => {margin})"
    wider = f"ST_TileEnvelope({{z}}, {{x}}, {{y}}, margin => {1 / ground_labels.STEPS})"
    return _fill(ground_labels.labels(tile.z, envelope, wider), tile)


def _fill(template: str, tile: Tile, **texts: str) -> str:
    """Every text is ours (numbers and names from this module), never a request's."""
    numbers = {"z": str(tile.z), "x": str(tile.x), "y": str(tile.y)}
    sizes = {"extent": str(EXTENT), "buffer": str(BUFFER), "margin": f"{BUFFER / EXTENT}"}
    return fill(template, texts | numbers | sizes)


def _pairs(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}', {name}" for name in names)
