"""Every listing as an Atom feed and as a calendar, under the same query string as its page."""

from collections.abc import Callable
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n import gettext as _
from mapservice.i18n import quoted, theme_label
from mapservice.initiatives import queries
from mapservice.initiatives.filters import (
    InitiativeFilters,
    ListingSort,
    PageRequest,
    parse_territory,
)
from mapservice.initiatives.params import NamedTerritory, read_filters
from mapservice.initiatives.place_words import precision_words
from mapservice.media.routes import photo_shared
from mapservice.notifications.feeds import formats
from mapservice.notifications.feeds.formats import FeedEntry, ListingFeed
from mapservice.territories.lineage import queries as lineage_queries
from mapservice.web import edge
from mapservice.web.edge import base_url, only_parameters, services

blueprint = Blueprint("feeds", __name__)

ATOM = "application/atom+xml; charset=utf-8"
CALENDAR = "text/calendar; charset=utf-8"
# Feed readers poll, so a page of a feed is short; a calendar has no further pages.
ATOM_SIZE = 50
CALENDAR_SIZE = 500
MAX_SIZE = 1000
FRESH_SECONDS = 900
# A former code may one day be in force again.
REDIRECT_SECONDS = 86_400


@blueprint.get("/initiatives.atom")
def atom() -> Response:
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        feed = _feed(connection, filters, paging, ATOM_SIZE)
    return edge.whole_answer(formats.atom(feed), ATOM, FRESH_SECONDS)


@blueprint.get("/initiatives.ics")
def calendar() -> Response:
    """One page only: calendar programs cannot follow a link to the next."""
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        if paging.cursor is not None:
            raise InvalidInput("cursor", "a calendar has no pages")
        feed = _feed(connection, filters, paging, CALENDAR_SIZE)
    return edge.whole_answer(formats.calendar(feed), CALENDAR, FRESH_SECONDS)


@blueprint.get("/territoires/<level>/<code>.atom")
def territory_atom(level: str, code: str) -> ResponseReturnValue:
    return _of_territory(level, code, ATOM_SIZE, ATOM, formats.atom)


@blueprint.get("/territoires/<level>/<code>.ics")
def territory_calendar(level: str, code: str) -> ResponseReturnValue:
    return _of_territory(level, code, CALENDAR_SIZE, CALENDAR, formats.calendar)


def _of_territory(
    level: str, code: str, size: int, media: str, written: Callable[[ListingFeed], bytes]
) -> ResponseReturnValue:
    """A former code of a commune redirects to the feed of the present one."""
    only_parameters()
    with services().autocommit.connect() as connection:
        try:
            found = lineage_queries.of_today(connection, parse_territory(f"{level}:{code}"))
        except InvalidInput as unknown:
            raise NotFound(unknown.reason) from None
        place = NamedTerritory(found.level, found.code, found.name, found.bounds)
        if place.code != code:
            endpoint = str(request.endpoint)
            moved = redirect(url_for(endpoint, level=place.level, code=place.code))
            moved.headers["Cache-Control"] = f"public, max-age={REDIRECT_SECONDS}"
            return moved
        filters = InitiativeFilters(territory=(place,))
        feed = _feed(connection, filters, PageRequest(), size)
    return edge.whole_answer(written(feed), media, FRESH_SECONDS)


def _feed(
    connection: Connection, filters: InitiativeFilters, paging: PageRequest, size: int
) -> ListingFeed:
    limit = paging.limit or size
    if limit > MAX_SIZE:
        raise InvalidInput("limit", f"feeds hold at most {MAX_SIZE}")
    found = queries.find_page(connection, filters, limit, paging.cursor)
    more = [("limit", str(limit))] if paging.limit else []
    following = None
    if found.next:
        cursor = ("cursor", found.next.encode())
        following = _address("/initiatives.atom", filters, *more, cursor)
    # The title says what the feed is about, for people who follow several.
    about = [
        *(ref.name for ref in filters.territory if isinstance(ref, NamedTerritory)),
        *(theme_label(theme) for theme in filters.theme),
        *([quoted(filters.q)] if filters.q else []),
        *([_("autour d’un lieu")] if filters.near else []),
        *([_("les plus soutenues")] if filters.sort is ListingSort.SUPPORTED else []),
    ]
    return ListingFeed(
        title=" · ".join([services().settings.site_name, *about]),
        author=services().settings.site_name,
        language="fr",
        url=f"{base_url()}{request.full_path.rstrip('?')}",
        page=_address("/initiatives", filters),
        next=following,
        entries=[
            FeedEntry(
                initiative=one,
                theme=theme_label(one.theme),
                place=precision_words(one),
                url=f"{base_url()}{one.url}",
                photo=f"{base_url()}{photo_shared(one.cover)}" if one.cover else "",
            )
            for one in found.items
        ],
    )


def _address(path: str, filters: InitiativeFilters, *more: tuple[str, str]) -> str:
    query = urlencode([*filters.to_pairs(), *more], safe=",:")
    return f"{base_url()}{path}{'?' if query else ''}{query}"
