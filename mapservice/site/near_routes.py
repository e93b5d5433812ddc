"""Near me: what lies around a position that was given, typed or clicked; nothing of it is kept.

One value, `AroundCounts`, says what is there; the sentence, the list, the map and the figures of
the page are all made of it, so that none can say what another denies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.events.routes import words as event_wording
from mapservice.geocoding.model import GeocodeQuery, MatchStatus, Precision
from mapservice.geocoding.service import GeocoderCache
from mapservice.groups.routes import words as group_wording
from mapservice.i18n import gettext as _
from mapservice.initiatives import near_areas, near_queries, queries
from mapservice.initiatives.filters import InitiativeFilters, PageRequest
from mapservice.initiatives.model import Theme
from mapservice.initiatives.near import LAST_LATITUDE, AreaOnlyCount, AroundCounts, NearCircle
from mapservice.initiatives.params import read_filters
from mapservice.initiatives.place_asked import (
    COMMUNE,
    PLACE_PARAMETERS,
    POSTCODE,
    communes_of_postcode,
)
from mapservice.initiatives.place_words import area_words
from mapservice.initiatives.queries import Initiative
from mapservice.site.near_gatherings import GatheringsAround, gatherings_around
from mapservice.site.search.model import PlaceEntry
from mapservice.site.search.place_index import entry_of
from mapservice.site.search.places import tells_no_more
from mapservice.site.search.service import finder
from mapservice.territories import queries as territories
from mapservice.territories.coordinates import LonLat
from mapservice.territories.model import Level, TerritoryRef, of_commune
from mapservice.tiles.live_map import FRANCE, listing_drawings, map_config
from mapservice.web.edge import services

blueprint = Blueprint("near", __name__)

PATH = "/autour-de-moi"
PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_PLACE_LENGTH = 200
CHOICES = 6
# Where nothing lies in the circle, so many of the closest ones within this distance are shown.
FARTHEST = 300_000.0
SHOWN_FARTHER = 4
# Of what is known to a territory alone, so many are listed; the others are on its own list.
SHOWN_SOMEWHERE = 10
LINKED_AREAS = 24
RADII = (1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0)
# A commune so far off is no neighbour of the position; one so close may hold it, as outlines are
# simplified.
NEIGHBOUR = 200_000.0
AT_THE_EDGE = float(territories.OUTLINE_ACCURACY_M)


@dataclass(frozen=True, slots=True)
class AroundPage:
    """What a page shows around a position: `counts`, and some of what is counted there.

    `points` are those of this page of true points; `in_communes` and `wider` are known to a
    territory that the circle touches; `farther` is filled where no true point is. `gatherings` are
    the events and groups there, on the first page.
    """

    counts: AroundCounts
    points: list[Initiative]
    in_communes: list[Initiative]
    wider: list[Initiative]
    next_url: str | None
    first: bool
    farther: list[Initiative]
    gatherings: GatheringsAround | None


@dataclass(frozen=True, slots=True)
class PlaceChosen:
    """A commune, or all of a postcode (names by code), by the parameter of the page that says it;
    `of_name` in words."""

    parameter: str
    code: str
    of_name: str
    communes: Mapping[str, str]

    def circle(self, connection: Connection) -> tuple[LonLat, float]:
        """The smallest one around all of it: of a place that was typed no more is known."""
        found = near_queries.circle_of_communes(connection, self.communes)
        assert found is not None
        return found


@blueprint.get(PATH)
def near() -> ResponseReturnValue:
    """Without `near`, asks where; with `lieu`, `commune` or `postcode`, finds the place and goes
    there."""
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection, *PLACE_PARAMETERS, "adresse")
        place = " ".join(request.args.get("lieu", "").split())
        if len(place) > MAX_PLACE_LENGTH:
            raise InvalidInput("lieu", f"is longer than {MAX_PLACE_LENGTH} characters")
        if "\x00" in place:
            raise InvalidInput("lieu", "must not contain a null character")
        if filters.near is None or place:
            return _asked_where(connection, filters, place)

    # The circle alone decides which indexes serve: planning takes a third of what the page asks of
    # the database.
    is_plain = replace(filters, near=None, radius=None).is_empty
    with services().reader(generic_plan=is_plain).connect() as connection:
        return _answer(_around(connection, filters, filters.near, paging))


def _asked_where(
    connection: Connection, filters: InitiativeFilters, place: str
) -> ResponseReturnValue:
    """The way to the place that was chosen or typed; else the page that asks where one is."""
    chosen = _chosen(connection, request.args)
    if chosen and not place:
        return _answer_redirect(_address(connection, filters, chosen))
    meant, proposed = _meant(connection, place) if place else (None, [])
    if meant:
        here, more_was_said = meant
        found = _chosen(connection, here)
        assert found is not None
        return _answer_redirect(_address(connection, filters, found, more_was_said))
    named = [(one, PlaceChosen(COMMUNE, one.code, "", {one.code: one.name})) for one in proposed]
    choices = [(one, _address(connection, filters, place)) for one, place in named]
    shown = _page(connection, filters, FRANCE)
    return _answer(shown | {"place": place, "choices": choices, "centre": None})


def _chosen(connection: Connection, parameters: Mapping[str, str]) -> PlaceChosen | None:
    """What `commune` or `postcode` says. Raises InvalidInput where there is no such place."""
    code = parameters.get(COMMUNE, "")
    if code:
        found = None
        if code.isascii() and code.isalnum() and len(code) == 5:
            found = territories.find(connection, TerritoryRef(Level.COMMUNE, code.upper()))
        if found is None:
            raise InvalidInput(COMMUNE, "is not the code of a commune of today")
        of_name = of_commune(found.name, found.article)
        return PlaceChosen(COMMUNE, found.code, of_name, {found.code: found.name})
    code = parameters.get(POSTCODE, "")
    if code:
        communes = communes_of_postcode(connection, services().of(GeocoderCache), code)
        return PlaceChosen(POSTCODE, code, _("du code postal %(code)s", code=code), communes)
    return None


def _meant(
    connection: Connection, place: str
) -> tuple[tuple[dict[str, str], bool] | None, list[PlaceEntry]]:
    """The parameter of what the words say, and whether they say more; else communes to choose from.

    A name that is merely alike never leads there: Bruxelles is not Brutelles.
    """
    found = finder(connection, services().of(GeocoderCache)).find(place, CHOICES)
    if found.certain and found.best and found.best.entry.level is Level.COMMUNE:
        return ({COMMUNE: found.best.entry.code}, False), []
    locator = services().of(GeocoderCache).current(connection)
    if len(locator.communes_of_postcode(place)) > 1:
        return ({POSTCODE: place}, False), []
    match = locator.geocoder.match(GeocodeQuery(text=place))
    if match.status is MatchStatus.CERTAIN:
        best = match.candidates[0].place
        return ({COMMUNE: best.commune}, not tells_no_more(place, best)), []
    named = [hit.entry for hit in found.hits if hit.entry.level is Level.COMMUNE]
    more = [entry_of(one.place) for one in match.candidates]
    by_code = {one.code: one for one in reversed([*named, *more]) if one.level is Level.COMMUNE}
    ordered = dict.fromkeys(one.code for one in [*named, *more] if one.code in by_code)
    return None, [by_code[code] for code in ordered][:CHOICES]


def _address(
    connection: Connection,
    filters: InitiativeFilters,
    place: PlaceChosen,
    more_was_said: bool = False,
) -> str:
    """The address of the circle around a place."""
    middle, radius = place.circle(connection)
    told = {"near": str(middle), "radius": f"{radius:.0f}", place.parameter: place.code}
    told |= {"adresse": "inconnue"} if more_was_said else {}
    return f"{PATH}?{_pairs(filters, told)}"


def _pairs(filters: InitiativeFilters, told: Mapping[str, str]) -> str:
    kept = [(name, text) for name, text in filters.to_pairs() if name not in ("near", "radius")]
    return urlencode([*kept, *told.items()], safe=",:")


def _around(
    connection: Connection, filters: InitiativeFilters, here: LonLat, paging: PageRequest
) -> dict[str, Any]:
    adapted = not request.args.get("radius", "").strip()
    if adapted or filters.radius is None:
        circle = near_queries.circle(connection, here)
    else:
        inhabitants = near_queries.population(connection, here, filters.radius)
        circle = NearCircle(filters.radius, inhabitants)
    within = replace(filters, radius=circle.radius)
    # Links of a page whose radius adapts leave it out, so that it goes on adapting.
    linked = replace(filters, radius=None) if adapted else within
    page = _listed(connection, within, linked, paging)
    counts = page.counts

    # The place that the circle was drawn around, while it is still that very circle. Metres from
    # its middle would be metres from nowhere.
    place = _chosen(connection, request.args)
    if place and place.circle(connection) != (here, circle.radius):
        place = None
    if place:
        page = replace(page, points=[replace(one, distance=None) for one in page.points])

    # The commune that holds the position; at sea or abroad, one that is near.
    at = territories.commune_at(connection, here.lon, here.lat)
    holder = territories.find(connection, TerritoryRef(Level.COMMUNE, at.insee)) if at else None
    nearest = None if holder else near_queries.nearest_commune(connection, here)
    if nearest and nearest.metres > NEIGHBOUR:
        nearest = None

    # The map shows true points of the circle alone; communes that hold others are tinted, with
    # their number.
    reach = circle.radius / 111_000  # degrees of latitude
    wide = 1.5 * reach
    bounds = (here.lon - wide, here.lat - reach, here.lon + wide, here.lat + reach)
    exact = replace(within, precision=(Precision.POINT,))
    carried = [(name, text) for name, text in within.to_pairs() if name not in ("near", "sort")]
    drawing = f"/dessins/autour/{here}.svg?{urlencode(carried, safe=',:')}"
    themes = within.theme or tuple(Theme)
    somewhere = [
        {
            "code": one.area.code,
            "count": one.count(within.theme),
            "themes": {theme: count for theme, count in one.counts.items() if theme in themes},
            "at": list(one.mark) if one.mark else None,
        }
        for one in counts.communes
    ]
    shown_map = map_config(exact, bounds) | {
        "point": [here.lon, here.lat],
        "radius": circle.radius,
        "points": counts.point_count,
        "somewhere": somewhere,
        "drawing": drawing if abs(here.lat) <= LAST_LATITUDE else "",
        "is_here": place is None,
    }
    return _page(connection, within, bounds) | {
        "map_config": shown_map,
        "filters": linked,
        "place": "",
        "choices": [],
        "centre": here,
        "holder": holder,
        "nearest": nearest,
        "at_the_edge": AT_THE_EDGE,
        "around_place": place,
        "parts": [
            (name, f"{PATH}?{_pairs(filters, {COMMUNE: code})}")
            for code, name in (place.communes.items() if place else ())
        ],
        "address_unknown": bool(request.args.get("adresse")),
        "circle": circle,
        "adapted": adapted,
        "radii": RADII,
        "page": page,
        "told": {"commune": _one_area(counts.communes), "wider": _one_area(counts.wider)},
        "narrowed": not replace(linked, near=None, radius=None).is_empty,
        "linked_areas": LINKED_AREAS,
        **event_wording(datetime.now(UTC)),
        **group_wording(datetime.now(UTC)),
    }


def _one_area(held: Sequence[AreaOnlyCount]) -> str:
    """What holds the initiatives known to a territory alone, in words where it is one."""
    if len(held) != 1:
        return ""
    area = held[0].area
    return area_words(area.level, area.name, area.article)


def _page(
    connection: Connection, filters: InitiativeFilters, bounds: tuple[float, ...]
) -> dict[str, Any]:
    return {
        "filters": filters,
        "sample": queries.sample_share(connection),
        "map_config": map_config(filters, bounds, **listing_drawings(filters)),
    }


def _listed(
    connection: Connection,
    filters: InitiativeFilters,
    linked: InitiativeFilters,
    paging: PageRequest,
) -> AroundPage:
    limit = paging.limit or PAGE_SIZE
    if limit > MAX_PAGE_SIZE:
        raise InvalidInput("limit", f"pages for people hold at most {MAX_PAGE_SIZE}")
    assert filters.near is not None
    assert filters.radius is not None
    areas = near_areas.touched_by_circle(connection, filters.near, filters.radius)
    counts = near_areas.around(connection, filters, areas)
    exact = replace(filters, precision=(Precision.POINT,))
    found = queries.InitiativePage([], None)
    if counts.point_count:
        found = queries.find_page(connection, exact, limit, paging.cursor)
    next_url = None
    if found.next:
        more = [("limit", str(paging.limit))] if paging.limit else []
        pairs = [*linked.to_pairs(), *more, ("cursor", found.next.encode())]
        next_url = f"{PATH}?{urlencode(pairs, safe=',:')}"

    # The closest ones beyond a circle that holds no true point; true points, where the circle may
    # hold others.
    first, now = paging.cursor is None, datetime.now(UTC)
    farther: list[Initiative] = []
    points_asked = not filters.precision or Precision.POINT in filters.precision
    if first and not counts.point_count and (points_asked or not counts.somewhere_count):
        beyond = replace(filters, radius=FARTHEST)
        if counts.somewhere_count:
            beyond = replace(beyond, precision=(Precision.POINT,))
        farther = list(queries.find_page(connection, beyond, SHOWN_FARTHER).items)
    return AroundPage(
        counts=counts,
        points=list(found.items),
        in_communes=_known_to(connection, filters, counts.communes) if first else [],
        wider=_known_to(connection, filters, counts.wider) if first else [],
        next_url=next_url,
        first=first,
        farther=farther,
        gatherings=gatherings_around(connection, filters, areas, now) if first else None,
    )


def _known_to(
    connection: Connection, filters: InitiativeFilters, held: Sequence[AreaOnlyCount]
) -> list[Initiative]:
    return near_areas.items_known_to(connection, filters, held, SHOWN_SOMEWHERE)


def _answer(shown: dict[str, Any]) -> Response:
    """Where somebody is stays out of shared caches and of the Referer sent to other sites."""
    response = Response(render_template("near.html", **shown))
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _answer_redirect(address: str) -> ResponseReturnValue:
    response = redirect(address, 302)
    response.headers["Cache-Control"] = "private, no-store"
    return response
