"""Near me: what lies around a position that was given, typed or clicked; nothing of it is kept."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.geocoding.model import Candidate, MatchStatus, Query
from mapservice.http.maps import FRANCE, map_config
from mapservice.http.params import read_filters
from mapservice.http.services import services
from mapservice.initiatives import near_queries, queries
from mapservice.initiatives.filters import Cursor, Filters, LonLat, Paging
from mapservice.initiatives.model import Theme
from mapservice.initiatives.near import Circle
from mapservice.initiatives.queries import Initiative
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef
from mapservice.territories.queries import Territory

blueprint = Blueprint("near", __name__)

PATH = "/autour-de-moi"
PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_PLACE_LENGTH = 200
CHOICES = 6
# Where nothing lies in the circle, so many of the closest ones within this distance are shown.
FARTHEST = 300_000.0
SHOWN_FARTHER = 4
RADII = (1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0)


@dataclass(frozen=True, slots=True)
class Around:
    """What a page shows around a position; `farther` is filled where `items` has none."""

    items: list[Initiative]
    total: int
    facets: list[tuple[Theme, int]]
    next_url: str | None
    first: bool
    farther: list[Initiative]


@blueprint.get(PATH)
def near() -> ResponseReturnValue:
    """Without `near`, asks where; with `lieu`, finds the place and goes there."""
    with services().reader.connect() as connection:
        filters, paging = read_filters(connection, "lieu")
        place = _place()
        if filters.near is None or place:
            return _asked(connection, filters, place)
        return _answer(_around(connection, filters, filters.near, paging))


def _place() -> str:
    place = " ".join(request.args.get("lieu", "").split())
    if len(place) > MAX_PLACE_LENGTH:
        raise InvalidInput("lieu", f"is longer than {MAX_PLACE_LENGTH} characters")
    if "\x00" in place:
        raise InvalidInput("lieu", "must not contain a null character")
    return place


def _asked(connection: Connection, filters: Filters, place: str) -> ResponseReturnValue:
    """The page that asks where one is; or the way to the place that was typed."""
    candidates = _candidates(connection, place) if place else []
    if len(candidates) == 1:
        return _answer_redirect(_address(filters, candidates[0]))
    choices = [(one, _address(filters, one)) for one in candidates]
    shown = _page(connection, filters, FRANCE)
    return _answer(shown | {"place": place, "choices": choices, "centre": None})


def _candidates(connection: Connection, place: str) -> list[Candidate]:
    """The commune meant, alone where the words are sure of it."""
    locator = services().geocoders.current(connection)
    match = locator.geocoder.match(Query(text=place))
    if match.status is MatchStatus.NONE:
        return locator.geocoder.search(place, limit=CHOICES)
    sure = match.status is not MatchStatus.AMBIGUOUS
    placed = [one for one in match.candidates if one.place.lon is not None]
    return placed[: 1 if sure else CHOICES]


def _address(filters: Filters, chosen: Candidate) -> str:
    place = chosen.place
    position = LonLat(round(place.lon or 0.0, 4), round(place.lat or 0.0, 4))
    pairs = [(name, text) for name, text in filters.to_pairs() if name != "near"]
    return f"{PATH}?{urlencode([*pairs, ('near', str(position))], safe=',:')}"


def _around(
    connection: Connection, filters: Filters, here: LonLat, paging: Paging
) -> dict[str, Any]:
    adapted = not request.args.get("radius", "").strip()
    circle = _circle(connection, here, None if adapted else filters.radius)
    within = replace(filters, radius=circle.radius)
    shown = _page(connection, within, _bounds(here, circle.radius))
    shown["map_config"] |= {
        "point": [here.lon, here.lat],
        "radius": circle.radius,
        "drawing": f"/dessins/autour/{here}.svg?radius={circle.radius:.0f}",
    }
    # Links of a page whose radius adapts leave it out, so that it goes on adapting.
    linked = replace(filters, radius=None) if adapted else within
    return shown | {
        "filters": linked,
        "place": "",
        "choices": [],
        "centre": here,
        "holder": _holder(connection, here),
        "circle": circle,
        "adapted": adapted,
        "radii": RADII,
        "page": _listed(connection, within, linked, paging),
    }


def _holder(connection: Connection, here: LonLat) -> Territory | None:
    """The commune that the position lies in; None at sea or abroad."""
    found = territories.commune_at(connection, here.lon, here.lat)
    return territories.find(connection, TerritoryRef(Level.COMMUNE, found.insee)) if found else None


def _page(connection: Connection, filters: Filters, bounds: tuple[float, ...]) -> dict[str, Any]:
    return {
        "filters": filters,
        "sample": queries.sample_share(connection),
        "map_config": map_config(filters, bounds),
    }


def _circle(connection: Connection, here: LonLat, radius: float | None) -> Circle:
    if radius is None:
        return near_queries.circle(connection, here)
    return Circle(radius, near_queries.population(connection, here, radius))


def _listed(connection: Connection, filters: Filters, linked: Filters, paging: Paging) -> Around:
    limit = paging.limit or PAGE_SIZE
    if limit > MAX_PAGE_SIZE:
        raise InvalidInput("limit", f"pages for people hold at most {MAX_PAGE_SIZE}")
    found = queries.find_page(connection, filters, limit, paging.cursor)
    counts = dict(queries.count_by_theme(connection, filters))
    return Around(
        items=list(found.items),
        total=sum(counts.get(theme, 0) for theme in filters.theme or tuple(Theme)),
        facets=[(theme, counts.get(theme, 0)) for theme in Theme],
        next_url=_next_url(linked, paging.limit, found.next),
        first=paging.cursor is None,
        farther=[] if found.items or paging.cursor else _farther(connection, filters),
    )


def _farther(connection: Connection, filters: Filters) -> list[Initiative]:
    """The closest ones beyond a circle that holds none."""
    wider = replace(filters, radius=FARTHEST)
    return list(queries.find_page(connection, wider, SHOWN_FARTHER).items)


def _next_url(filters: Filters, limit: int | None, cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    more = [("limit", str(limit))] if limit else []
    pairs = [*filters.to_pairs(), *more, ("cursor", cursor.encode())]
    return f"{PATH}?{urlencode(pairs, safe=',:')}"


def _bounds(here: LonLat, radius: float) -> tuple[float, float, float, float]:
    reach = radius / 111_000
    wide = 1.5 * reach
    return (here.lon - wide, here.lat - reach, here.lon + wide, here.lat + reach)


def _answer(shown: dict[str, Any]) -> Response:
    """Where somebody is stays out of shared caches, and out of the address told to others."""
    response = Response(render_template("near.html", **shown))
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _answer_redirect(address: str) -> ResponseReturnValue:
    response = redirect(address, 302)
    response.headers["Cache-Control"] = "private, no-store"
    return response
