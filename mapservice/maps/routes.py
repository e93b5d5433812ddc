"""Tiles and their TileJSON. Rows count from the north (XYZ)."""

import json
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response
from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.http import answers
from mapservice.http.params import base_url, only_parameters, read_filters
from mapservice.http.services import services
from mapservice.initiatives.filters import Filters
from mapservice.initiatives.model import Theme
from mapservice.maps import queries, territory_queries
from mapservice.maps.model import Tile

blueprint = Blueprint("tiles", __name__, url_prefix="/tiles")

# Metropolitan France and the overseas départements.
BOUNDS = [-63.2, -21.5, 55.9, 51.2]
INITIATIVES_MAX_ZOOM = queries.DETAIL_ZOOM
TERRITORIES_MAX_ZOOM = 12
TERRITORY_FRESH_SECONDS = 86_400


@blueprint.get("/initiatives.json")
def initiatives_tilejson() -> Response:
    with services().engine.connect() as connection:
        filters = _tile_filters(connection)
    fields = {
        "id": "UUID of an initiative shown by itself",
        "title": "its title",
        "theme": "its theme",
        "status": "its status",
        "precision": "the finest thing known of its place",
        "territory": "code of that territory, unless the place is a point",
        "count": "1, or how many initiatives a cluster stands for",
    } | {str(theme): f"how many of a cluster have the theme {theme}" for theme in Theme}
    layers = [
        {"id": "initiatives", "fields": fields, "minzoom": 0, "maxzoom": INITIATIVES_MAX_ZOOM}
    ]
    query = urlencode(filters.to_pairs(), safe=",:")
    return _tilejson("initiatives", layers, INITIATIVES_MAX_ZOOM, query)


@blueprint.get("/territories.json")
def territories_tilejson() -> Response:
    only_parameters()
    layers = [
        {
            "id": layer.name,
            "fields": {name: name for name in layer.attributes},
            "minzoom": layer.first_zoom,
            "maxzoom": TERRITORIES_MAX_ZOOM,
        }
        for layer in territory_queries.LAYERS
    ]
    names = ("level", "code", "name", "population")
    labels = {name: name for name in names}
    layers.append({"id": "labels", "fields": labels, "minzoom": 0, "maxzoom": TERRITORIES_MAX_ZOOM})
    return _tilejson("territories", layers, TERRITORIES_MAX_ZOOM, "")


@blueprint.get("/initiatives/<z>/<x>/<y>.pbf")
def initiatives_mvt(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    with services().engine.connect() as connection:
        content = queries.initiatives_mvt(connection, tile, _tile_filters(connection))
    return answers.whole(content, answers.MVT) if content else answers.no_tile()


@blueprint.get("/initiatives/<z>/<x>/<y>.geojson")
def initiatives_geojson(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    with services().engine.connect() as connection:
        content = queries.initiatives_geojson(connection, tile, _tile_filters(connection))
    return answers.whole(content, answers.GEOJSON)


@blueprint.get("/territories/<z>/<x>/<y>.pbf")
def territories_mvt(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    only_parameters()
    with services().engine.connect() as connection:
        content = territory_queries.territories_mvt(connection, tile)
    if not content:
        return answers.no_tile()
    return answers.whole(content, answers.MVT, TERRITORY_FRESH_SECONDS)


@blueprint.get("/territories/<z>/<x>/<y>.geojson")
def territories_geojson(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    only_parameters()
    with services().engine.connect() as connection:
        content = territory_queries.territories_geojson(connection, tile)
    return answers.whole(content, answers.GEOJSON, TERRITORY_FRESH_SECONDS)


def _tile_filters(connection: Connection) -> Filters:
    """The filter of a tile; a tile is no page, so it takes no limit."""
    filters, paging = read_filters(connection)
    if paging.limit is not None or paging.cursor is not None:
        raise InvalidInput("limit" if paging.limit is not None else "cursor", "tiles have no pages")
    return filters


def _tilejson(name: str, layers: list[dict[str, Any]], max_zoom: int, query: str) -> Response:
    suffix = f"?{query}" if query else ""
    return answers.whole(
        json.dumps(
            {
                "tilejson": "3.0.0",
                "name": name,
                "scheme": "xyz",
                "tiles": [f"{base_url()}/tiles/{name}/{{z}}/{{x}}/{{y}}.pbf{suffix}"],
                "minzoom": 0,
                "maxzoom": max_zoom,
                "bounds": BOUNDS,
                "center": [2.4, 46.6, 5],
                "attribution": "INSEE, IGN (Licence Ouverte 2.0)",
                "vector_layers": layers,
            }
        ),
        answers.JSON,
    )
