"""The map, the list, one initiative: pages for people."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, url_for
from markupsafe import Markup
from sqlalchemy import Connection

from mapservice.accounts.roles import permissions
from mapservice.contributions.proposals import queries as proposals
from mapservice.contributions.supports import queries as supports
from mapservice.errors import InvalidInput, NotFound
from mapservice.initiatives import near_areas, queries
from mapservice.initiatives.filters import (
    InitiativeFilters,
    ListingCursor,
    ListingSort,
    PageRequest,
)
from mapservice.initiatives.markdown import to_html
from mapservice.initiatives.model import Theme
from mapservice.initiatives.params import query_string, read_filters
from mapservice.initiatives.queries import Initiative
from mapservice.moderation.queries import is_within
from mapservice.rollups import queries as activity
from mapservice.rollups import territory_queries
from mapservice.rollups.model import RollupScope
from mapservice.site import linked_data
from mapservice.territories import queries as territories
from mapservice.territories.model import TerritoryRef
from mapservice.tiles.live_map import listing_map, place_map
from mapservice.web.edge import base_url, only_parameters, services

blueprint = Blueprint("initiatives", __name__)

PAGE_SIZE = 20
MAX_PAGE_SIZE = 1000
NEARBY = 4
# Of what the rollups cannot tell, no more is counted: a reader gains nothing from the rest.
COUNTED_UP_TO = 5_000


@dataclass(frozen=True, slots=True)
class ListPage:
    """What a template shows of a listing; `total` is a least one where there are `more`."""

    items: list[Initiative]
    total: int
    more: bool
    next_url: str | None
    first: bool


@blueprint.get("/")
def home() -> str:
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        return render_template(
            "home.html",
            **_listed(connection, filters, paging),
            communes=_communes(connection, filters),
            map_config=listing_map(filters, _chosen(filters)),
            canonical=f"{base_url()}/",
            linked_data=linked_data.site(),
        )


@blueprint.get("/initiatives")
def listing() -> str:
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        listed = _listed(connection, filters, paging)
        listed |= _touching(connection, filters, listed["page"])
    told = replace(filters, q="", bbox=None, near=None, radius=None, sort=ListingSort.RECENT)
    return render_template(
        "initiatives/list.html",
        **listed,
        canonical=f"{base_url()}/initiatives{query_string(told)}",
        indexed=told == filters and paging == PageRequest(),
        linked_data=linked_data.listing(listed["page"].items),
    )


@blueprint.get("/initiatives/<identifier>")
def detail(identifier: str) -> Response:
    only_parameters()
    with services().autocommit.connect() as connection:
        initiative = queries.find(connection, _uuid(identifier))
        if initiative is None:
            return _moved(connection, _uuid(identifier))
        here = initiative.id
        may_decide = permissions.decides_within(lambda reach: is_within(connection, here, reach))
        page = render_template(
            "initiatives/detail.html",
            may_decide=may_decide,
            initiative=initiative,
            former_place=queries.former_place(connection, initiative.id),
            description_html=Markup(to_html(initiative.description)),
            nearby=queries.nearest(connection, initiative, NEARBY),
            sample=queries.sample_share(connection),
            map_config=_place_config(connection, initiative),
            author=proposals.author(connection, initiative.id),
            share=supports.share(connection, initiative.id),
            canonical=base_url() + initiative.url,
            linked_data=linked_data.initiative(initiative),
        )
    response = make_response(page)
    if may_decide:
        response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.get("/methode")
def method() -> str:
    only_parameters()
    with services().autocommit.connect() as connection:
        years, unknown = territory_queries.vintages(connection)
        return render_template(
            "about.html",
            population_years=years,
            population_unknown=unknown,
            sample=queries.sample_share(connection),
            source=territories.source_in_force(connection),
        )


def _listed(
    connection: Connection, filters: InitiativeFilters, paging: PageRequest
) -> dict[str, Any]:
    """What the list shows, alone or beside the map."""
    facets = _facets(connection, filters)
    return {
        "page": _page(connection, filters, paging, facets),
        "filters": filters,
        "facets": list(facets.items()),
        "sample": queries.sample_share(connection),
    }


def _touching(connection: Connection, filters: InitiativeFilters, page: ListPage) -> dict[str, Any]:
    """What may lie in a box that holds the place of none: known to territories with ground in it.

    The map tints these, so that the page must not call the box empty; they are named beside the
    list, which holds what the filter finds and nothing else.
    """
    if filters.bbox is None or page.total or not page.first:
        return {}
    return {"touching": near_areas.within(connection, filters)}


def _facets(connection: Connection, filters: InitiativeFilters) -> dict[Theme, int]:
    if filters.counted:
        return activity.facets(connection, filters)
    counts = dict(queries.count_by_theme(connection, filters, COUNTED_UP_TO))
    return {theme: counts.get(theme, 0) for theme in Theme}


def _page(
    connection: Connection,
    filters: InitiativeFilters,
    paging: PageRequest,
    facets: dict[Theme, int],
) -> ListPage:
    limit = paging.limit or PAGE_SIZE
    if limit > MAX_PAGE_SIZE:
        raise InvalidInput("limit", f"pages for people hold at most {MAX_PAGE_SIZE}")
    found = queries.find_page(connection, filters, limit, paging.cursor)
    return ListPage(
        items=list(found.items),
        total=sum(facets[theme] for theme in filters.theme or facets),
        more=not filters.counted and sum(facets.values()) >= COUNTED_UP_TO,
        next_url=_next_url("/initiatives", filters, paging.limit, found.next),
        first=paging.cursor is None,
    )


def _next_url(
    path: str, filters: InitiativeFilters, limit: int | None, cursor: ListingCursor | None
) -> str | None:
    if cursor is None:
        return None
    pairs = filters.to_pairs() + ([("limit", str(limit))] if limit else [])
    return f"{path}?{urlencode([*pairs, ('cursor', cursor.encode())], safe=',:')}"


def _communes(connection: Connection, filters: InitiativeFilters) -> int | None:
    """How many communes have at least one that matches; None where that takes too long to count."""
    if filters.counted:
        return activity.totals(connection, RollupScope.of(filters)).communes
    return queries.count_communes(connection, filters, COUNTED_UP_TO)


def _chosen(filters: InitiativeFilters) -> TerritoryRef | None:
    return filters.territory[0] if len(filters.territory) == 1 else None


def _place_config(connection: Connection, initiative: Initiative) -> dict[str, Any]:
    drawing = url_for("drawings.initiative_svg", identifier=str(initiative.id))
    return place_map(connection, initiative.territory, initiative.point, drawing=drawing)


def _moved(connection: Connection, identifier: UUID) -> Response:
    """To what it was merged into. That may be undone, so nobody is to remember it: 302, no cache.

    Raises NotFound for what is not merged.
    """
    found = queries.moved_to(connection, identifier)
    if found is None:
        raise NotFound("There is no such initiative, or it is not public.")
    location = url_for("initiatives.detail", identifier=found)
    return Response(
        status=HTTPStatus.FOUND, headers={"Location": location, "Cache-Control": "no-store"}
    )


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such initiative.") from None
