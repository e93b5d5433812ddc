"""Tiles of events and their TileJSON."""

from datetime import UTC, datetime

from flask import Blueprint, Response
from sqlalchemy import Connection

from mapservice.db.event_tables import event
from mapservice.errors import InvalidInput
from mapservice.events.filters import TILE_DAYS, EventFilters, within_days
from mapservice.events.queries import in_tile
from mapservice.events.routes import read_filters
from mapservice.i18n import gettext as _
from mapservice.initiatives.grid import EVENTS_CREDIT, Tile
from mapservice.static_maps.routes import DRAWN_BY, drawn_listing
from mapservice.tiles import routes as tiles
from mapservice.tiles import spot_queries
from mapservice.tiles.map_kinds import MapKind
from mapservice.tiles.spot_queries import SpotLayer
from mapservice.web.edge import services

blueprint = Blueprint("event_tiles", __name__, url_prefix="/tiles")
drawings = Blueprint("event_drawings", __name__)

LAYER = SpotLayer("events", event, "title", moment="starts_at")
FIELDS = {
    "count": "how many events take place there",
    "next": "when the first of them begins, UTC",
    "id": "UUID of an event that is there alone",
    "title": "its title",
    "theme": "theme of all of them, if they share one",
    "precision": "the finest thing known of their place, if they share it",
}


@blueprint.get("/events.json")
def tilejson() -> Response:
    with services().autocommit.connect() as connection:
        filters = _filters(connection)
    days = f"Without from, to or when: what takes place within {TILE_DAYS} days from now."
    return tiles.spots_tilejson(LAYER, filters.to_pairs(), FIELDS, EVENTS_CREDIT, days)


@blueprint.get("/events/<z>/<x>/<y>.pbf")
def mvt(z: str, x: str, y: str) -> Response:
    tile, now = Tile.parse(z, x, y), datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters = within_days(_filters(connection), now)
        hits = in_tile(filters, now, tile)
        return tiles.spots_tile(spot_queries.spots_mvt(connection, LAYER, tile, hits))


@blueprint.get("/events/<z>/<x>/<y>.geojson")
def geojson(z: str, x: str, y: str) -> Response:
    tile, now = Tile.parse(z, x, y), datetime.now(UTC)
    with services().autocommit.connect() as connection:
        return tiles.spots_collection(event_spots(connection, tile, _filters(connection), now))


@drawings.get("/dessins/evenements.svg")
def drawing() -> Response:
    """What the live map of a filter of events shows first."""
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters = _filters(connection, *DRAWN_BY)
        return drawn_listing(
            connection,
            filters.about,
            has_initiatives=False,
            spots={MapKind.EVENTS: lambda there, tile: event_spots(there, tile, filters, now)},
            title=_("Carte des événements"),
        )


def event_spots(connection: Connection, tile: Tile, filters: EventFilters, now: datetime) -> str:
    """The spots of a tile as GeoJSON, EPSG:4326; of `TILE_DAYS` where no days are asked for."""
    wanted = within_days(filters, now)
    hits = in_tile(wanted, now, tile)
    return spot_queries.spots_geojson(connection, LAYER, tile, hits)


def _filters(connection: Connection, *beside: str) -> EventFilters:
    filters, paging = read_filters(connection, *beside)
    if paging.limit is not None or paging.cursor is not None:
        raise InvalidInput("limit" if paging.limit is not None else "cursor", "tiles have no pages")
    return filters
