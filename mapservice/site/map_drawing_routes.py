"""The drawing of the home page's map with events and groups, before the live map is there."""

from dataclasses import replace
from datetime import UTC, datetime

from flask import Blueprint, Response, request

from mapservice.errors import InvalidInput
from mapservice.events.tile_routes import event_spots
from mapservice.groups.tile_routes import group_spots
from mapservice.i18n import gettext as _
from mapservice.initiatives.filters import PageRequest
from mapservice.initiatives.params import read_filters
from mapservice.site.map_gatherings import events_of, groups_of
from mapservice.static_maps.routes import DRAWN_BY, SpotTiles, drawn_listing
from mapservice.tiles.far_spots import FarSpots
from mapservice.tiles.map_kinds import SHOWN_KINDS, MapKind, parse_kinds
from mapservice.web.edge import services

blueprint = Blueprint("map_drawings", __name__)


@blueprint.get("/dessins/ensemble.svg")
def drawing() -> Response:
    """What the live map of a filter shows first, of the kinds that `voir` names."""
    now = datetime.now(UTC)
    kinds = parse_kinds(request.args.getlist(SHOWN_KINDS))
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection, SHOWN_KINDS, *DRAWN_BY)
        if paging != PageRequest():
            raise InvalidInput("limit", "a drawing has no pages")
        everywhere = replace(filters, bbox=None)
        coming, there = events_of(everywhere), groups_of(everywhere)
        far = services().of(FarSpots)
        spots: dict[MapKind, SpotTiles] = {}
        if MapKind.EVENTS in kinds and coming:
            spots[MapKind.EVENTS] = lambda at, tile: event_spots(at, tile, coming, now, far)
        if MapKind.GROUPS in kinds and there:
            spots[MapKind.GROUPS] = lambda at, tile: group_spots(at, tile, there, now, far)
        return drawn_listing(
            connection,
            filters,
            has_initiatives=MapKind.INITIATIVES in kinds,
            spots=spots,
            title=_("Carte"),
        )
