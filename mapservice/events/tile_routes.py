"""Tiles of events and their TileJSON. Rows count from the north (XYZ)."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from flask import Blueprint, Response
from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.events.filters import EventFilters
from mapservice.events.routes import read_filters
from mapservice.events.tile_queries import MAX_ZOOM, events_geojson, events_mvt
from mapservice.initiatives.grid import EVENTS_CREDIT, Tile
from mapservice.tiles.routes import BOUNDS
from mapservice.web import edge
from mapservice.web.edge import base_url, services

blueprint = Blueprint("event_tiles", __name__, url_prefix="/tiles")

# What tiles hold that are asked for no days; their TileJSON says so.
TILE_DAYS = 30
FRESH_SECONDS = 60


@blueprint.get("/events.json")
def tilejson() -> Response:
    with services().autocommit.connect() as connection:
        filters = _filters(connection)
    query = urlencode(filters.to_pairs(), safe=",:")
    suffix = f"?{query}" if query else ""
    fields = {
        "count": "how many events take place there",
        "next": "when the first of them begins, UTC",
        "id": "UUID of an event that is there alone",
        "title": "its title",
        "theme": "theme of all of them, if they share one",
        "precision": "the finest thing known of their place, if they share it",
    }
    document = {
        "tilejson": "3.0.0",
        "name": "events",
        "description": (
            f"Without from, to or when: what takes place within {TILE_DAYS} days from now."
        ),
        "scheme": "xyz",
        "tiles": [f"{base_url()}/tiles/events/{{z}}/{{x}}/{{y}}.pbf{suffix}"],
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
        "bounds": BOUNDS,
        "center": [2.4, 46.6, 5],
        "attribution": EVENTS_CREDIT,
        "vector_layers": [{"id": "events", "fields": fields, "minzoom": 0, "maxzoom": MAX_ZOOM}],
    }
    return edge.whole_answer(json.dumps(document, ensure_ascii=False), edge.JSON)


@blueprint.get("/events/<z>/<x>/<y>.pbf")
def mvt(z: str, x: str, y: str) -> Response:
    tile, now = Tile.parse(z, x, y), datetime.now(UTC)
    with services().autocommit.connect() as connection:
        content = events_mvt(connection, tile, _within_days(_filters(connection), now), now)
    if not content:
        headers = {"Cache-Control": f"public, max-age={FRESH_SECONDS}"}
        return Response(status=204, headers=headers)
    return edge.whole_answer(content, edge.MVT, FRESH_SECONDS)


@blueprint.get("/events/<z>/<x>/<y>.geojson")
def geojson(z: str, x: str, y: str) -> Response:
    tile, now = Tile.parse(z, x, y), datetime.now(UTC)
    with services().autocommit.connect() as connection:
        content = events_geojson(connection, tile, _within_days(_filters(connection), now), now)
    return edge.whole_answer(content, edge.GEOJSON, FRESH_SECONDS)


def _filters(connection: Connection) -> EventFilters:
    filters, paging = read_filters(connection)
    if paging.limit is not None or paging.cursor is not None:
        raise InvalidInput("limit" if paging.limit is not None else "cursor", "tiles have no pages")
    return filters


def _within_days(filters: EventFilters, now: datetime) -> EventFilters:
    if filters.has_days:
        return filters
    return EventFilters(
        about=filters.about,
        begin=now,
        end=now + timedelta(days=TILE_DAYS),
        status=filters.status,
        mode=filters.mode,
        initiative=filters.initiative,
    )
