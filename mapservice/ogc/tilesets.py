"""Documents of OGC API Tiles: the matrix set WebMercatorQuad, and tilesets with their limits."""

import math
from typing import Any

from mapservice.errors import NotFound
from mapservice.maps.model import MAX_ZOOM
from mapservice.ogc.collections import COLLECTIONS, collection_named
from mapservice.ogc.documents import attribute_schema
from mapservice.ogc.links import GEOJSON, JSON, MVT, OGC_REL, Addresses, Link, as_json
from mapservice.ogc.model import FRANCE, Collection

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


def matrix_sets(at: Addresses) -> Document:
    path = f"/tileMatrixSets/{MATRIX_SET}"
    return {
        "links": as_json(at.own("/tileMatrixSets", title="Tile matrix sets")),
        "tileMatrixSets": [
            {
                "id": MATRIX_SET,
                "title": "Google Maps Compatible for the World",
                "uri": MATRIX_SET_URI,
                "crs": MERCATOR,
                "links": as_json([Link("self", at.of(path, f="json"), JSON)]),
            }
        ],
    }


def matrix_set(at: Addresses) -> Document:
    return {
        "id": MATRIX_SET,
        "title": "Google Maps Compatible for the World",
        "uri": MATRIX_SET_URI,
        "crs": MERCATOR,
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": [_matrix(zoom) for zoom in range(MAX_TILE_ZOOM + 1)],
        "links": as_json(at.own(f"/tileMatrixSets/{MATRIX_SET}")),
    }


def _matrix(zoom: int) -> Document:
    cell = 2 * HALF_METRES / TILE_PIXELS / 2**zoom
    return {
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


def tilesets(at: Addresses, path: str, title: str) -> Document:
    """The list of one: `path` is that of a collection, or "" for the whole data set."""
    return {
        "links": as_json(at.own(f"{path}/tiles", title=title)),
        "tilesets": [
            _described(title)
            | {
                "links": as_json(
                    [Link("self", at.of(f"{path}/tiles/{MATRIX_SET}", f="json"), JSON)]
                )
            }
        ],
    }


def tileset(at: Addresses, path: str, title: str, layers: tuple[Collection, ...]) -> Document:
    """One tileset with its layers and the tiles that it has anything in."""
    zooms = [one.zooms for one in layers if one.zooms]
    first, last = min(low for low, _ in zooms), max(high for _, high in zooms)
    return _described(title) | {
        "boundingBox": {
            "lowerLeft": FRANCE[:2],
            "upperRight": FRANCE[2:],
            "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        },
        "tileMatrixSetLimits": [_limits(zoom) for zoom in range(first, MAX_TILE_ZOOM + 1)],
        "layers": [_layer(one) for one in layers],
        "centerPoint": {"coordinates": [2.4, 46.6], "tileMatrix": str(min(5, last))},
        "links": as_json(_tileset_links(at, path)),
    }


def tiled_named(name: str) -> Collection:
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


def _tileset_links(at: Addresses, path: str) -> list[Link]:
    own = f"{path}/tiles/{MATRIX_SET}"
    tile = at.of(own) + "/{tileMatrix}/{tileRow}/{tileCol}"
    scheme = at.of(f"/tileMatrixSets/{MATRIX_SET}")
    geojson = Link("item", f"{tile}?f=geojson", GEOJSON, "Tiles, GeoJSON", templated=True)
    return [
        *at.own(own),
        Link("item", f"{tile}?f=mvt", MVT, "Tiles, Mapbox Vector Tile", templated=True),
        *([geojson] if path else []),
        Link(OGC_REL + "tiling-scheme", scheme, JSON, MATRIX_SET),
        *([Link(OGC_REL + "geodata", at.of(path), JSON)] if path else []),
    ]


def _layer(one: Collection) -> Document:
    first, last = one.zooms or (0, MAX_TILE_ZOOM)
    return {
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


def _limits(zoom: int) -> Document:
    """Rows and columns of the tiles that meet France and its overseas départements."""
    west, south, east, north = FRANCE
    return {
        "tileMatrix": str(zoom),
        "minTileRow": _row(north, zoom),
        "maxTileRow": _row(south, zoom),
        "minTileCol": _column(west, zoom),
        "maxTileCol": _column(east, zoom),
    }


def _column(longitude: float, zoom: int) -> int:
    return int((longitude + 180) / 360 * 2**zoom)


def _row(latitude: float, zoom: int) -> int:
    bent = math.asinh(math.tan(math.radians(latitude)))
    return int((1 - bent / math.pi) / 2 * 2**zoom)


# Collections that have tiles, as layers of the tiles of the whole data set.
TILED = tuple(one for one in COLLECTIONS.values() if one.zooms)
