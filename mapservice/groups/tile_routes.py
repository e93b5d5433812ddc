"""Tiles of groups and their TileJSON."""

from datetime import UTC, datetime

from flask import Blueprint, Response
from sqlalchemy import Connection

from mapservice.db.group_tables import local_group
from mapservice.errors import InvalidInput
from mapservice.groups.filters import GroupFilters
from mapservice.groups.queries import in_tile
from mapservice.groups.routes import read_filters
from mapservice.initiatives.grid import GROUPS_CREDIT, Tile
from mapservice.tiles import routes as tiles
from mapservice.tiles import spot_queries
from mapservice.tiles.spot_queries import SpotLayer
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
        hits = in_tile(_filters(connection), now, tile)
        return tiles.spots_tile(spot_queries.spots_mvt(connection, LAYER, tile, hits))


@blueprint.get("/groups/<z>/<x>/<y>.geojson")
def geojson(z: str, x: str, y: str) -> Response:
    tile, now = Tile.parse(z, x, y), datetime.now(UTC)
    with services().autocommit.connect() as connection:
        return tiles.spots_collection(group_spots(connection, tile, _filters(connection), now))


def group_spots(connection: Connection, tile: Tile, filters: GroupFilters, now: datetime) -> str:
    """The spots of a tile as GeoJSON, EPSG:4326."""
    hits = in_tile(filters, now, tile)
    return spot_queries.spots_geojson(connection, LAYER, tile, hits)


def _filters(connection: Connection) -> GroupFilters:
    filters, paging = read_filters(connection)
    if paging.limit is not None or paging.cursor is not None:
        raise InvalidInput("limit" if paging.limit is not None else "cursor", "tiles have no pages")
    return filters
