"""Tiles of groups and their TileJSON."""

from datetime import UTC, datetime

from flask import Blueprint, Response
from sqlalchemy import Connection

from mapservice.db.group_tables import local_group
from mapservice.errors import InvalidInput
from mapservice.groups.filters import GroupFilters
from mapservice.groups.queries import in_tile
from mapservice.groups.routes import read_filters
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import GROUPS_CREDIT, Tile
from mapservice.tiles import routes as tiles
from mapservice.tiles import spot_queries
from mapservice.tiles.far_spots import LAST_FAR_ZOOM, FarSpots
from mapservice.tiles.spot_queries import SpotHits, SpotLayer, TileSpots
from mapservice.web.edge import services

blueprint = Blueprint("group_tiles", __name__, url_prefix="/tiles")

LAYER = SpotLayer("groups", local_group, "name")
FIELDS = {
    "count": "how many groups are placed there",
    "id": "UUID of a group that is there alone",
    "name": "its name",
    "theme": "theme of all of them, if they share one",
    "precision": "the finest thing known of their place, if they share it",
}


@blueprint.get("/groups.json")
def tilejson() -> Response:
    with services().autocommit.connect() as connection:
        filters = _filters(connection)
    archived = "Without state: groups that are not archived."
    return tiles.spots_tilejson(LAYER, filters.to_pairs(), FIELDS, GROUPS_CREDIT, archived)


@blueprint.get("/groups/<z>/<x>/<y>.pbf")
def mvt(z: str, x: str, y: str) -> Response:
    tile, now = Tile.parse(z, x, y), datetime.now(UTC)
    with services().autocommit.connect() as connection:
        found = _spots(connection, tile, _filters(connection), now, services().of(FarSpots))
        return tiles.spots_tile(spot_queries.spots_mvt(connection, LAYER, tile, found))


@blueprint.get("/groups/<z>/<x>/<y>.geojson")
def geojson(z: str, x: str, y: str) -> Response:
    tile, now = Tile.parse(z, x, y), datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, far = _filters(connection), services().of(FarSpots)
        return tiles.spots_collection(group_spots(connection, tile, filters, now, far))


def group_spots(
    connection: Connection, tile: Tile, filters: GroupFilters, now: datetime, far: FarSpots
) -> str:
    """The spots of a tile as GeoJSON, EPSG:4326."""
    found = _spots(connection, tile, filters, now, far)
    return spot_queries.spots_geojson(connection, LAYER, tile, found)


def _spots(
    connection: Connection, tile: Tile, filters: GroupFilters, now: datetime, far: FarSpots
) -> SpotHits | TileSpots:
    themes = filters.about.theme
    if tile.z > LAST_FAR_ZOOM or filters != GroupFilters(about=InitiativeFilters(theme=themes)):
        return in_tile(filters, now, tile)
    everything = in_tile(GroupFilters(), now, Tile(0, 0, 0))
    return far.of_tile(connection, LAYER, tile, lambda: everything, themes)


def _filters(connection: Connection) -> GroupFilters:
    filters, paging = read_filters(connection)
    if paging.limit is not None or paging.cursor is not None:
        raise InvalidInput("limit" if paging.limit is not None else "cursor", "tiles have no pages")
    return filters
