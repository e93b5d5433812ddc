"""The map, the list, one initiative; the same list as GeoJSON and CSV."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup
from sqlalchemy import Connection

from mapservice.activity import queries as activity
from mapservice.activity.model import Scope, Total
from mapservice.errors import InvalidInput, NotFound
from mapservice.geocoding.model import Precision
from mapservice.http import answers
from mapservice.http.maps import FRANCE, map_config
from mapservice.http.params import NamedTerritory, base_url, only_parameters, read_filters
from mapservice.http.services import services
from mapservice.initiatives import exports, queries
from mapservice.initiatives.filters import Cursor, Filters, Paging
from mapservice.initiatives.markdown import to_html
from mapservice.initiatives.queries import Initiative
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef

blueprint = Blueprint("initiatives", __name__)

PAGE_SIZE = 20
MAX_PAGE_SIZE = 1000
NEARBY = 4


@dataclass(frozen=True, slots=True)
class ListPage:
    """What a template shows of a listing."""

    items: list[Initiative]
    total: int
    next_url: str | None
    first: bool


@blueprint.get("/")
def home() -> str:
    with services().engine.connect() as connection:
        filters, paging = read_filters(connection)
        return render_template(
            "home.html",
            **_listed(connection, filters, paging),
            totals=_totals(connection, filters),
            map_config=map_config(filters, _bounds(filters), _chosen(filters)),
        )


@blueprint.get("/initiatives")
def listing() -> str:
    with services().engine.connect() as connection:
        filters, paging = read_filters(connection)
        return render_template("initiatives/list.html", **_listed(connection, filters, paging))


@blueprint.get("/initiatives/<identifier>")
def detail(identifier: str) -> str:
    only_parameters()
    with services().engine.connect() as connection:
        initiative = queries.find(connection, _uuid(identifier))
        if initiative is None:
            raise NotFound("There is no such initiative, or it is not public.")
        return render_template(
            "initiatives/detail.html",
            initiative=initiative,
            description_html=Markup(to_html(initiative.description)),
            nearby=queries.nearest(connection, initiative, NEARBY),
            sample=queries.sample_share(connection),
            map_config=_place_config(connection, initiative),
        )


@blueprint.get("/initiatives.geojson")
def geojson() -> Response:
    """A page when `limit` is given, with a link to the next; everything when it is not."""
    with services().engine.connect() as connection:
        filters, paging = read_filters(connection)
        if paging.limit is not None:
            page = exports.geojson_page(
                connection, filters, base_url(), paging.limit, paging.cursor
            )
            return _geojson_page(filters, paging, page)
    _refuse_bare_cursor(paging)
    return answers.stream(
        answers.GEOJSON,
        "initiatives.geojson",
        lambda connection: exports.geojson_stream(connection, filters, base_url()),
    )


@blueprint.get("/initiatives.csv")
def csv() -> Response:
    with services().engine.connect() as connection:
        filters, paging = read_filters(connection)
    _refuse_bare_cursor(paging)
    return answers.stream(
        answers.CSV,
        "initiatives.csv",
        lambda connection: exports.csv_stream(connection, filters, base_url(), paging.limit),
    )


@blueprint.get("/methode")
def method() -> str:
    only_parameters()
    with services().engine.connect() as connection:
        return render_template(
            "about.html",
            sample=queries.sample_share(connection),
            source=territories.source_in_force(connection),
        )


def _listed(connection: Connection, filters: Filters, paging: Paging) -> dict[str, Any]:
    """What the list shows, alone or beside the map."""
    return {
        "page": _page(connection, filters, paging),
        "filters": filters,
        "facets": list(activity.facets(connection, filters).items()),
        "sample": queries.sample_share(connection),
    }


def _page(connection: Connection, filters: Filters, paging: Paging) -> ListPage:
    limit = paging.limit or PAGE_SIZE
    if limit > MAX_PAGE_SIZE:
        raise InvalidInput("limit", f"pages for people hold at most {MAX_PAGE_SIZE}")
    found = queries.find_page(connection, filters, limit, paging.cursor)
    return ListPage(
        items=list(found.items),
        total=activity.total(connection, filters),
        next_url=_next_url("/initiatives", filters, paging.limit, found.next),
        first=paging.cursor is None,
    )


def _next_url(path: str, filters: Filters, limit: int | None, cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    pairs = filters.to_pairs() + ([("limit", str(limit))] if limit else [])
    return f"{path}?{urlencode([*pairs, ('cursor', cursor.encode())], safe=',:')}"


def _geojson_page(filters: Filters, paging: Paging, page: exports.FeaturePage) -> Response:
    next_path = _next_url("/initiatives.geojson", filters, paging.limit, page.next)
    here = f"{base_url()}{request.path}?{request.query_string.decode()}"
    links = [{"rel": "self", "href": here, "type": answers.GEOJSON}]
    if next_path:
        links.append({"rel": "next", "href": base_url() + next_path, "type": answers.GEOJSON})
    head = json.dumps({"numberReturned": page.returned, "links": links})[1:-1]
    body = f'{{"type":"FeatureCollection",{head},"features":[{page.features}]}}'
    response = answers.whole(body, answers.GEOJSON)
    if next_path:
        response.headers["Link"] = f'<{base_url()}{next_path}>; rel="next"'
    return response


def _refuse_bare_cursor(paging: Paging) -> None:
    if paging.cursor is not None:
        raise InvalidInput("cursor", "needs a limit")


def _totals(connection: Connection, filters: Filters) -> Total:
    """Of the territories chosen, whatever else is filtered: what there is to find."""
    scope = Filters(territory=filters.territory if filters.counted else ())
    return activity.totals(connection, Scope.of(scope))


def _chosen(filters: Filters) -> TerritoryRef | None:
    return filters.territory[0] if len(filters.territory) == 1 else None


def _bounds(filters: Filters) -> Sequence[float]:
    """West, south, east, north of what the filter is about."""
    if filters.bbox:
        box = filters.bbox
        return [box.west, box.south, box.east, box.north]
    named = [ref for ref in filters.territory if isinstance(ref, NamedTerritory)]
    if named:
        west, south, east, north = zip(*(ref.bounds for ref in named), strict=True)
        return [min(west), min(south), max(east), max(north)]
    if filters.near and filters.radius:
        reach = filters.radius / 111_000
        lon, lat = filters.near.lon, filters.near.lat
        return [lon - 1.5 * reach, lat - reach, lon + 1.5 * reach, lat + reach]
    return FRANCE


def _place_config(connection: Connection, initiative: Initiative) -> dict[str, Any]:
    ref = _finest(initiative)
    place = territories.find(connection, ref) if ref else None
    point = [initiative.lon, initiative.lat] if initiative.lon is not None else None
    return map_config(Filters(), place.bounds if place else FRANCE, ref, point=point)


def _finest(initiative: Initiative) -> TerritoryRef | None:
    name = "commune" if initiative.precision is Precision.POINT else str(initiative.precision)
    if name not in tuple(Level):
        return None
    return TerritoryRef(Level(name), getattr(initiative, name))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such initiative.") from None
