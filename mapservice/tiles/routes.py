"""Tiles and their TileJSON. Rows count from the north (XYZ)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.initiatives.filters import InitiativeFilters, RollupScope, parse
from mapservice.initiatives.grid import FIGURES_CREDIT, INITIATIVES_CREDIT, TERRITORIES_CREDIT, Tile
from mapservice.initiatives.model import Theme
from mapservice.initiatives.params import with_known_places
from mapservice.tiles import (
    activity_queries,
    density_queries,
    ground_labels,
    queries,
    territory_queries,
)
from mapservice.tiles.spot_queries import MAX_ZOOM, SpotLayer
from mapservice.tiles.tile_cache.store import ChangeExtent
from mapservice.web import edge
from mapservice.web.edge import base_url, only_parameters, services, tile_answer

blueprint = Blueprint("tiles", __name__, url_prefix="/tiles")

# Metropolitan France and the overseas départements.
BOUNDS = [-63.2, -21.5, 55.9, 51.2]
INITIATIVES_MAX_ZOOM = queries.DETAIL_ZOOM
TERRITORIES_MAX_ZOOM = 12
TERRITORY_FRESH_SECONDS = 86_400
SPOTS_FRESH_SECONDS = 60
CREDITS = {
    "initiatives": INITIATIVES_CREDIT,
    "density": INITIATIVES_CREDIT,
    "territories": TERRITORIES_CREDIT,
    "activity": FIGURES_CREDIT,
}


@blueprint.get("/initiatives.json")
def initiatives_tilejson() -> Response:
    with services().autocommit.connect() as connection:
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
    layers = [_layer("initiatives", fields, INITIATIVES_MAX_ZOOM)]
    return _tilejson("initiatives", layers, INITIATIVES_MAX_ZOOM, _query(filters))


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
    labels = {name: name for name in ground_labels.LABEL_FIELDS}
    layers.append({"id": "labels", "fields": labels, "minzoom": 0, "maxzoom": TERRITORIES_MAX_ZOOM})
    return _tilejson("territories", layers, TERRITORIES_MAX_ZOOM, "")


@blueprint.get("/activity.json")
def activity_tilejson() -> Response:
    with services().autocommit.connect() as connection:
        filters = _tile_filters(connection)
    RollupScope.of(filters)  # a filter that tiles refuse is refused here too
    fields = {
        "level": "level of the territory: region, departement, epci or commune, by zoom",
        "code": "its INSEE or SIREN code",
        "name": "its name",
        "population": "its inhabitants; absent where unknown",
        "population_year": "the year that they are of; absent where unknown or several",
        "initiatives": "initiatives; 0 says that there is none",
        "supporters": "confirmed supporters; 0 says that there is none",
        "per_10000_inhabitants": "initiatives per 10,000 inhabitants; absent where nobody lives",
    }
    last = activity_queries.MAX_ZOOM
    return _tilejson("activity", [_layer("activity", fields, last)], last, _query(filters))


@blueprint.get("/density.json")
def density_tilejson() -> Response:
    with services().autocommit.connect() as connection:
        filters = density_queries.only_kept(_tile_filters(connection))
    fields = {"count": "how many initiatives lie in the cell of a fine grid: the point's weight"}
    last = density_queries.MAX_ZOOM
    return _tilejson("density", [_layer("density", fields, last)], last, _query(filters))


@blueprint.get("/initiatives/<z>/<x>/<y>.pbf")
def initiatives_mvt(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    filters = _parsed()
    with services().reader(generic_plan=filters.has_generic_plan).connect() as connection:
        if filters.territory:
            filters = with_known_places(connection, filters)
        content = queries.initiatives_mvt(connection, tile, filters)
    return tile_answer(content, edge.MVT, None if filters.goes_by_clock else tile)


@blueprint.get("/initiatives/<z>/<x>/<y>.geojson")
def initiatives_geojson(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    filters = _parsed()
    with services().reader(generic_plan=filters.has_generic_plan).connect() as connection:
        if filters.territory:
            filters = with_known_places(connection, filters)
        content = queries.initiatives_geojson(connection, tile, filters)
    return tile_answer(content, edge.GEOJSON, None if filters.goes_by_clock else tile)


@blueprint.get("/territories/<z>/<x>/<y>.pbf")
def territories_mvt(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    only_parameters()
    with services().autocommit.connect() as connection:
        content = territory_queries.territories_mvt(connection, tile)
    return tile_answer(content, edge.MVT, ChangeExtent.NOWHERE, TERRITORY_FRESH_SECONDS)


@blueprint.get("/territories/<z>/<x>/<y>.geojson")
def territories_geojson(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    only_parameters()
    with services().autocommit.connect() as connection:
        content = territory_queries.territories_geojson(connection, tile)
    return tile_answer(content, edge.GEOJSON, ChangeExtent.NOWHERE, TERRITORY_FRESH_SECONDS)


@blueprint.get("/activity/<z>/<x>/<y>.pbf")
def activity_mvt(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    with services().autocommit.connect() as connection:
        scope = RollupScope.of(_tile_filters(connection))
        content = activity_queries.activity_mvt(connection, tile, scope)
    return tile_answer(content, edge.MVT, ChangeExtent.ANYWHERE)


@blueprint.get("/activity/<z>/<x>/<y>.geojson")
def activity_geojson(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    with services().autocommit.connect() as connection:
        scope = RollupScope.of(_tile_filters(connection))
        content = activity_queries.activity_geojson(connection, tile, scope)
    return tile_answer(content, edge.GEOJSON, ChangeExtent.ANYWHERE)


@blueprint.get("/density/<z>/<x>/<y>.pbf")
def density_mvt(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    with services().autocommit.connect() as connection:
        filters = density_queries.only_kept(_tile_filters(connection))
        content = density_queries.density_mvt(connection, tile, filters)
    return tile_answer(content, edge.MVT, None if filters.goes_by_clock else tile)


@blueprint.get("/density/<z>/<x>/<y>.geojson")
def density_geojson(z: str, x: str, y: str) -> Response:
    tile = Tile.parse(z, x, y)
    with services().autocommit.connect() as connection:
        filters = density_queries.only_kept(_tile_filters(connection))
        content = density_queries.density_geojson(connection, tile, filters)
    return tile_answer(content, edge.GEOJSON, None if filters.goes_by_clock else tile)


def _layer(name: str, fields: dict[str, str], last_zoom: int) -> dict[str, Any]:
    return {"id": name, "fields": fields, "minzoom": 0, "maxzoom": last_zoom}


def _query(filters: InitiativeFilters) -> str:
    return urlencode(filters.to_pairs(), safe=",:")


def _tile_filters(connection: Connection) -> InitiativeFilters:
    """The filter of a tile, naming real places."""
    return with_known_places(connection, _parsed())


def _parsed() -> InitiativeFilters:
    """The filter of a tile; a tile is no page, so it takes no limit."""
    filters, paging = parse(request.args.items(multi=True))
    if paging.limit is not None or paging.cursor is not None:
        raise InvalidInput("limit" if paging.limit is not None else "cursor", "tiles have no pages")
    return filters


def _tilejson(name: str, layers: list[dict[str, Any]], max_zoom: int, query: str) -> Response:
    suffix = f"?{query}" if query else ""
    return edge.whole_answer(
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
                "attribution": CREDITS[name],
                "vector_layers": layers,
            }
        ),
        edge.JSON,
    )


# --- What tiles of events and of groups answer, whose rooms stand above ---------------------------


def spots_tilejson(
    layer: SpotLayer,
    pairs: Sequence[tuple[str, str]],
    fields: Mapping[str, str],
    credit: str,
    description: str = "",
) -> Response:
    """TileJSON 3 of a layer under a filter, `pairs`; `fields` tells what a feature says."""
    query = urlencode(pairs, safe=",:")
    suffix = f"?{query}" if query else ""
    document = {
        "tilejson": "3.0.0",
        "name": layer.name,
        **({"description": description} if description else {}),
        "scheme": "xyz",
        "tiles": [f"{base_url()}/tiles/{layer.name}/{{z}}/{{x}}/{{y}}.pbf{suffix}"],
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
        "bounds": BOUNDS,
        "center": [2.4, 46.6, 5],
        "attribution": credit,
        "vector_layers": [
            {"id": layer.name, "fields": dict(fields), "minzoom": 0, "maxzoom": MAX_ZOOM}
        ],
    }
    return edge.whole_answer(json.dumps(document, ensure_ascii=False), edge.JSON)


def spots_tile(content: bytes) -> Response:
    """A tile; 204 where there is nothing."""
    if not content:
        headers = {"Cache-Control": f"public, max-age={SPOTS_FRESH_SECONDS}"}
        return Response(status=204, headers=headers)
    return edge.whole_answer(content, edge.MVT, SPOTS_FRESH_SECONDS)


def spots_collection(content: str) -> Response:
    return edge.whole_answer(content, edge.GEOJSON, SPOTS_FRESH_SECONDS)
