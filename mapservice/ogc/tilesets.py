"""OGC API Tiles: the matrix set WebMercatorQuad, tilesets with their limits, and their tiles.

Tiles come from the module that serves /tiles too.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mapservice.errors import NotFound
from mapservice.initiatives.filters import InitiativeFilters, RollupScope
from mapservice.initiatives.grid import MAX_ZOOM, Tile
from mapservice.ogc.collections import COLLECTIONS, collection_named
from mapservice.ogc.documents import attribute_schema
from mapservice.ogc.links import GEOJSON, JSON, MVT, OGC_REL, OgcAddresses, OgcLink, as_json
from mapservice.ogc.model import FRANCE, ItemsCollection
from mapservice.tiles import activity_queries, queries, territory_queries

MATRIX_SET = "WebMercatorQuad"
MATRIX_SET_URI = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
MERCATOR = "http://www.opengis.net/def/crs/EPSG/0/3857"
MAX_TILE_ZOOM = MAX_ZOOM
HALF_METRES = 20037508.342789244
TILE_PIXELS = 256
# Metres of a pixel that the OGC takes for the size of one on a screen.
STANDARD_PIXEL_METRES = 0.00028
LAST_LATITUDE = 85.051128

Document = dict[str, Any]


def matrix_sets(at: OgcAddresses) -> Document:
    path = f"/tileMatrixSets/{MATRIX_SET}"
    return {
        "links": as_json(at.own("/tileMatrixSets", title="Tile matrix sets")),
        "tileMatrixSets": [
            {
                "id": MATRIX_SET,
                "title": "Google Maps Compatible for the World",
                "uri": MATRIX_SET_URI,
                "crs": MERCATOR,
                "links": as_json([OgcLink("self", at.of(path), JSON)]),
            }
        ],
    }


def matrix_set(at: OgcAddresses) -> Document:
    matrices: list[Document] = []
    for zoom in range(MAX_TILE_ZOOM + 1):
        cell = 2 * HALF_METRES / TILE_PIXELS / 2**zoom
        matrices.append(
            {
                "id": str(zoom),
                "scaleDenominator": cell / STANDARD_PIXEL_METRES,
                "cellSize": cell,
                "cornerOfOrigin": "topLeft",
                "pointOfOrigin": [-HALF_METRES, HALF_METRES],
                "tileWidth": TILE_PIXELS,
                "tileHeight": TILE_PIXELS,
                "matrixWidth": 2**zoom,
                "matrixHeight": 2**zoom,
            }
        )
    return {
        "id": MATRIX_SET,
        "title": "Google Maps Compatible for the World",
        "uri": MATRIX_SET_URI,
        "crs": MERCATOR,
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": matrices,
        "links": as_json(at.own(f"/tileMatrixSets/{MATRIX_SET}")),
    }


def tilesets(at: OgcAddresses, path: str, title: str) -> Document:
    """The list of one: `path` is that of a collection, or "" for the whole data set."""
    return {
        "links": as_json(at.own(f"{path}/tiles", title=title)),
        "tilesets": [
            _described(title)
            | {
                "links": as_json(
                    [
                        OgcLink("self", at.of(f"{path}/tiles/{MATRIX_SET}"), JSON),
                        _scheme(at),
                    ]
                )
            }
        ],
    }


def tileset(
    at: OgcAddresses, path: str, title: str, layers: tuple[ItemsCollection, ...]
) -> Document:
    """One tileset with its layers and the tiles that it has anything in.

    `path` is that of its collection, "" for the whole data set, which has no GeoJSON tiles.
    """
    described: list[Document] = []
    for one in layers:
        first, last = one.zooms or (0, MAX_TILE_ZOOM)
        described.append(
            {
                "id": one.id,
                "title": one.title,
                "dataType": "vector",
                "geometryDimension": 0 if one.geometry == "Point" else 2,
                "minTileMatrix": str(first),
                "maxTileMatrix": str(last),
                "propertiesSchema": {
                    "type": "object",
                    "properties": {each.name: attribute_schema(each) for each in one.tiled},
                },
            }
        )
    own = f"{path}/tiles/{MATRIX_SET}"
    tile = at.of(own) + "/{tileMatrix}/{tileRow}/{tileCol}"
    links = at.own(own)
    links.append(OgcLink("item", f"{tile}?f=mvt", MVT, "Tiles, Mapbox Vector Tile", templated=True))
    if path:
        address = f"{tile}?f=geojson"
        links.append(OgcLink("item", address, GEOJSON, "Tiles, GeoJSON", templated=True))
    links.append(_scheme(at))
    if path:
        links.append(OgcLink(OGC_REL + "geodata", at.of(path), JSON))
    last = max(one.zooms[1] for one in layers if one.zooms)
    return _described(title) | {
        "boundingBox": {
            "lowerLeft": FRANCE[:2],
            "upperRight": FRANCE[2:],
            "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        },
        "tileMatrixSetLimits": [
            _limits(zoom).as_json() for zoom in range(_first_zoom(layers), MAX_TILE_ZOOM + 1)
        ],
        "layers": described,
        "centerPoint": {"coordinates": [2.4, 46.6], "tileMatrix": str(min(5, last))},
        "links": as_json(links),
    }


def tiled_named(name: str) -> ItemsCollection:
    """Raises NotFound for a collection without tiles."""
    one = collection_named(name)
    if one.zooms is None:
        raise NotFound(f"{one.id} has no tiles.")
    return one


def _described(title: str) -> Document:
    return {
        "title": title,
        "dataType": "vector",
        "crs": MERCATOR,
        "tileMatrixSetURI": MATRIX_SET_URI,
    }


def _scheme(at: OgcAddresses) -> OgcLink:
    path = f"/tileMatrixSets/{MATRIX_SET}"
    return OgcLink(OGC_REL + "tiling-scheme", at.of(path), JSON, MATRIX_SET)


def within_limits(layers: tuple[ItemsCollection, ...], tile: Tile) -> Tile:
    """The same tile. Raises NotFound outside the limits (OGC 20-057, /req/core/tc-error)."""
    if tile.z < _first_zoom(layers) or not _limits(tile.z).hold(tile):
        raise NotFound(f"{tile.z}/{tile.y}/{tile.x} lies outside the limits of this tileset.")
    return tile


def _first_zoom(layers: tuple[ItemsCollection, ...]) -> int:
    return min(one.zooms[0] for one in layers if one.zooms)


@dataclass(frozen=True, slots=True)
class _Limits:
    """Rows and columns of a zoom, both ends included."""

    zoom: int
    rows: tuple[int, int]
    columns: tuple[int, int]

    def hold(self, tile: Tile) -> bool:
        (top, bottom), (left, right) = self.rows, self.columns
        return top <= tile.y <= bottom and left <= tile.x <= right

    def as_json(self) -> Document:
        return {
            "tileMatrix": str(self.zoom),
            "minTileRow": self.rows[0],
            "maxTileRow": self.rows[1],
            "minTileCol": self.columns[0],
            "maxTileCol": self.columns[1],
        }


def _limits(zoom: int) -> _Limits:
    """The tiles that meet France and its overseas départements."""
    west, south, east, north = FRANCE
    return _Limits(
        zoom,
        rows=(_row(north, zoom), _row(south, zoom)),
        columns=(_column(west, zoom), _column(east, zoom)),
    )


def _column(longitude: float, zoom: int) -> int:
    return int((longitude + 180) / 360 * 2**zoom)


def _row(latitude: float, zoom: int) -> int:
    bent = math.asinh(math.tan(math.radians(latitude)))
    return int((1 - bent / math.pi) / 2 * 2**zoom)


# Layers of the tiles of the whole data set; figures would repeat the outlines of territories.
TILED = tuple(one for one in COLLECTIONS.values() if one.zooms and not one.counted)


def mvt(
    connection: Connection,
    layers: Iterable[ItemsCollection],
    tile: Tile,
    filters: InitiativeFilters,
) -> bytes:
    """One layer a collection; b"" when nothing lies there."""
    drawn: list[bytes] = []
    for one in layers:
        if one.level is None:
            drawn.append(queries.initiatives_mvt(connection, tile, filters))
        elif one.counted:
            scope = RollupScope.of(filters)
            drawn.append(activity_queries.level_mvt(connection, tile, one.id, one.level, scope))
        else:
            drawn.append(territory_queries.layer_mvt(connection, tile, one.id))
    return b"".join(drawn)


def geojson(
    connection: Connection, one: ItemsCollection, tile: Tile, filters: InitiativeFilters
) -> str:
    """The same features as a collection in WGS 84."""
    if one.level is None:
        return queries.initiatives_geojson(connection, tile, filters)
    if one.counted:
        return activity_queries.level_geojson(connection, tile, one.level, RollupScope.of(filters))
    return territory_queries.layer_geojson(connection, tile, one.id)
