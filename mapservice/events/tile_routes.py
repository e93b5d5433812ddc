"""Tiles of events and their TileJSON."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response
from sqlalchemy import Connection

from mapservice.db.event_tables import event
from mapservice.errors import InvalidInput
from mapservice.events.filters import TILE_DAYS, EventFilters, within_days
from mapservice.events.queries import in_tile
from mapservice.events.routes import read_filters
from mapservice.i18n import gettext as _
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import EVENTS_CREDIT, Tile
from mapservice.static_maps.routes import DRAWN_BY, drawn_listing
from mapservice.tiles import routes as tiles
from mapservice.tiles import spot_queries
from mapservice.tiles.far_spots import LAST_FAR_ZOOM, FarSpan, FarSpots
from mapservice.tiles.map_kinds import MapKind
from mapservice.tiles.spot_queries import SpotHits, SpotLayer, TileSpots
from mapservice.web.edge import services

blueprint = Blueprint("event_tiles", __name__, url_prefix="/tiles")
drawings = Blueprint("event_drawings", __name__)

# How long what was read for far tiles serves later moments, while nothing is written.
READ_AHEAD = timedelta(days=1)
LAYER = SpotLayer("events", event, "title", moment="starts_at", end="ends_at")
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
        found = _spots(connection, tile, _filters(connection), now, services().of(FarSpots))
        return tiles.spots_tile(spot_queries.spots_mvt(connection, LAYER, tile, found))


@blueprint.get("/events/<z>/<x>/<y>.geojson")
def geojson(z: str, x: str, y: str) -> Response:
    tile, now = Tile.parse(z, x, y), datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, far = _filters(connection), services().of(FarSpots)
        return tiles.spots_collection(event_spots(connection, tile, filters, now, far))


@drawings.get("/dessins/evenements.svg")
def drawing() -> Response:
    """What the live map of a filter of events shows first."""
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, far = _filters(connection, *DRAWN_BY), services().of(FarSpots)
        return drawn_listing(
            connection,
            filters.about,
            has_initiatives=False,
            spots={MapKind.EVENTS: lambda there, tile: event_spots(there, tile, filters, now, far)},
            title=_("Carte des événements"),
        )


def event_spots(
    connection: Connection, tile: Tile, filters: EventFilters, now: datetime, far: FarSpots
) -> str:
    """The spots of a tile as GeoJSON, EPSG:4326; of `TILE_DAYS` where no days are asked for."""
    found = _spots(connection, tile, filters, now, far)
    return spot_queries.spots_geojson(connection, LAYER, tile, found)


def _spots(
    connection: Connection, tile: Tile, filters: EventFilters, now: datetime, far: FarSpots
) -> SpotHits | TileSpots:
    themes = filters.about.theme
    if tile.z > LAST_FAR_ZOOM or filters != EventFilters(about=InitiativeFilters(theme=themes)):
        return in_tile(within_days(filters, now), now, tile)
    shown = within_days(EventFilters(), now)
    assert isinstance(shown.end, datetime)
    until = shown.end + READ_AHEAD
    return far.of_tile(
        connection,
        LAYER,
        tile,
        lambda: in_tile(EventFilters(begin=now, end=until), now, Tile(0, 0, 0)),
        themes,
        FarSpan(now, shown.end, until),
    )


def _filters(connection: Connection, *beside: str) -> EventFilters:
    filters, paging = read_filters(connection, *beside)
    if paging.limit is not None or paging.cursor is not None:
        raise InvalidInput("limit" if paging.limit is not None else "cursor", "tiles have no pages")
    return filters
