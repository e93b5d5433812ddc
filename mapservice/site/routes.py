"""The map, the list, one initiative: pages for people."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions
from mapservice.contributions.needs import queries as needs
from mapservice.contributions.needs.model import NeedOwner
from mapservice.contributions.posts import queries as posts
from mapservice.contributions.posts.comment_routes import comments_open
from mapservice.contributions.posts.model import LISTED, SHOWN, PostKind
from mapservice.contributions.proposals import queries as proposals
from mapservice.contributions.supports import queries as supports
from mapservice.errors import NotFound
from mapservice.events.filters import TILE_DAYS
from mapservice.events.nearby import of_initiative
from mapservice.events.routes import words as event_words
from mapservice.groups import queries as groups
from mapservice.groups.routes import words as group_words
from mapservice.initiatives import near_areas, queries
from mapservice.initiatives.filters import (
    InitiativeFilters,
    ListingSort,
    PageRequest,
    RollupScope,
)
from mapservice.initiatives.local_days import today
from mapservice.initiatives.markdown import to_html
from mapservice.initiatives.model import Status
from mapservice.initiatives.params import query_string, read_filters
from mapservice.media import queries as photo_queries
from mapservice.media.routes import photo_shared
from mapservice.moderation.queries import is_within
from mapservice.publishing.exports.model import SheetFormat, StreamFormat
from mapservice.rollups import queries as activity
from mapservice.rollups import territory_queries
from mapservice.site import linked_data
from mapservice.site.listing import COUNTED_UP_TO, ListPage, list_page
from mapservice.site.map_gatherings import (
    kinds_config,
    map_events,
    map_groups,
    sample_words,
)
from mapservice.site.sharing.pages import HOME, LISTING, shared_initiative, shared_listing
from mapservice.site.sharing.pictures import initiative_picture, listing_picture
from mapservice.territories import queries as territories
from mapservice.territories.model import Level
from mapservice.tiles.live_map import listing_drawings, listing_map, place_map
from mapservice.tiles.map_kinds import (
    ONLY_INITIATIVES,
    SHOWN_KINDS,
    MapKind,
    kinds_text,
    parse_kinds,
    toggled,
)
from mapservice.tiles.tile_cache.store import CommuneExtent
from mapservice.web.edge import base_url, only_parameters, query_without, same_for_all, services

blueprint = Blueprint("initiatives", __name__)

NEARBY = 4
# Formats that a list has at an address of its own.
FILES = (*map(str, StreamFormat), *map(str, SheetFormat))


@blueprint.get("/")
def home() -> str:
    """The map and its list; `voir` says of which kinds, initiatives alone by default."""
    now = datetime.now(UTC)
    kinds = parse_kinds(request.args.getlist(SHOWN_KINDS))
    shown = kinds_text(kinds)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection, SHOWN_KINDS)
        _keep_unless_near(filters, kinds)
        # How many communes have one that matches; None where that takes too long to count.
        communes = (
            activity.totals(connection, RollupScope.of(filters)).communes
            if filters.counted
            else queries.count_communes(connection, filters, COUNTED_UP_TO)
        )
        chosen = filters.territory[0] if len(filters.territory) == 1 else None
        beside: dict[str, str] = {SHOWN_KINDS: shown} if shown else {}

        def address_here(filters: InitiativeFilters, **changes: object) -> str:
            return "/" + query_string(filters, **{**beside, **changes})

        config = listing_map(filters, chosen) | kinds_config(filters, kinds, now)
        if shown:
            config |= listing_drawings(filters, url_for("map_drawings.drawing"), beside)
        has_initiatives = MapKind.INITIATIVES in kinds
        coming = map_events(connection, filters, now) if MapKind.EVENTS in kinds else None
        there = map_groups(connection, filters, now) if MapKind.GROUPS in kinds else None
        listed = _listed(connection, filters, paging, HOME, beside)
        if shown:
            made_up = listed["sample"]
            listed |= sample_words(made_up, coming, there, has_initiatives=has_initiatives)
        return render_template(
            "home.html",
            **listed,
            communes=communes,
            kinds=kinds,
            kind_choices=[
                (kind, kind in kinds, kinds_text(toggled(kinds, kind))) for kind in MapKind
            ],
            shown_kinds=shown,
            dated_kinds=kinds_text((*kinds, MapKind.EVENTS)),
            address_here=address_here,
            map_events=coming,
            map_groups=there,
            map_days=TILE_DAYS,
            map_config=config,
            canonical=f"{base_url()}/",
            linked_data=linked_data.site(),
            **event_words(now) | group_words(now),
        )


@blueprint.get("/initiatives")
def listing() -> ResponseReturnValue:
    """The list; `f` leads to the same as a file."""
    if (form := request.args.get("f", "")) in FILES:
        rest = query_without("f")
        return redirect(f"/initiatives.{form}{'?' if rest else ''}{rest}", HTTPStatus.SEE_OTHER)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        _keep_unless_near(filters)
        listed = _listed(connection, filters, paging, LISTING)
        page: ListPage = listed["page"]
    told = replace(filters, q="", bbox=None, near=None, radius=None, sort=ListingSort.RECENT)
    return render_template(
        "initiatives/list.html",
        **listed,
        canonical=f"{base_url()}/initiatives{query_string(told)}",
        indexed=told == filters and paging == PageRequest(),
        linked_data=linked_data.listing(page.items),
    )


@blueprint.get("/initiatives/<identifier>")
def detail(identifier: str) -> Response:
    only_parameters()
    same_for_all()
    with services().autocommit.connect() as connection:
        try:
            known = UUID(identifier)
        except ValueError:
            raise NotFound("There is no such initiative.") from None
        initiative = queries.find(connection, known)
        if initiative is None:
            # To what it was merged into. That may be undone, so nobody is to remember it.
            found = queries.moved_to(connection, known)
            if found is None:
                raise NotFound("There is no such initiative, or it is not public.")
            location = url_for("initiatives.detail", identifier=found)
            headers = {"Location": location, "Cache-Control": "no-store"}
            return Response(status=HTTPStatus.FOUND, headers=headers)
        here, now = initiative.id, datetime.now(UTC)
        may_decide = permissions.decides_within(lambda reach: is_within(connection, here, reach))
        photos = photo_queries.public_of(connection, initiative.id) if initiative.cover else []
        author, person = proposals.author(connection, initiative.id), session.current_person()
        drawing = url_for("drawings.initiative_svg", identifier=str(initiative.id))
        page = render_template(
            "initiatives/detail.html",
            may_decide=may_decide,
            initiative=initiative,
            former_place=queries.former_place(connection, initiative.id),
            is_place_unsure=queries.is_place_unsure(connection, initiative.id),
            description_html=Markup(to_html(initiative.description)),
            events=of_initiative(connection, initiative.id, now),
            of_group=groups.of_initiative(connection, initiative.id),
            **event_words(now),
            nearby=queries.nearest(connection, initiative, NEARBY),
            sample=queries.sample_share(connection),
            map_config=place_map(
                connection, initiative.territory, initiative.point, drawing=drawing
            ),
            photos=photos,
            source_detail=queries.detail(connection, initiative.id),
            source_credit=queries.source_credit(connection, initiative.source_platform),
            author=author,
            needs=needs.of_owner(
                connection, NeedOwner.INITIATIVE, initiative.id, today(now, initiative.area)
            )
            if initiative.status is Status.PUBLISHED
            else [],
            **_life(connection, initiative.id, has_author=author is not None),
            share=supports.share(connection, initiative.id),
            own_support=supports.standing(connection, person.id, initiative.id) if person else None,
            shared=shared_initiative(initiative),
            picture=initiative_picture(initiative.id),
            canonical=base_url() + initiative.url,
            linked_data=linked_data.initiative(initiative, [photo_shared(one) for one in photos]),
        )
    response = make_response(page)
    if may_decide:
        response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.get("/initiatives/<uuid:identifier>/journal")
def news(identifier: UUID) -> str:
    """All its news, the newest first."""
    only_parameters()
    with services().autocommit.connect() as connection:
        initiative = queries.find(connection, identifier)
        if initiative is None:
            raise NotFound("There is no such initiative, or it is not public.")
        return render_template(
            "initiatives/news.html",
            initiative=initiative,
            author=proposals.author(connection, identifier),
            closing=posts.closing_of(connection, identifier),
            news=posts.news_of(connection, identifier, LISTED),
            more_news=0,
            comments_open=False,
        )


@blueprint.get("/methode")
def method() -> str:
    only_parameters()
    same_for_all()
    with services().autocommit.connect() as connection:
        years, unknown = territory_queries.vintages(connection)
        return render_template(
            "about.html",
            population_years=years,
            population_unknown=unknown,
            sample=queries.sample_share(connection),
            source=territories.source_in_force(connection),
        )


def _life(connection: Connection, identifier: UUID, *, has_author: bool) -> dict[str, Any]:
    """What was said of it since: nothing is asked for where nobody can say anything."""
    is_open = comments_open()
    comments = posts.comments_of(connection, identifier, LISTED) if is_open else []
    held: dict[str, Any] = {"comments_open": is_open, "comments": comments}
    if not has_author:
        return held | {"closing": None, "news": [], "more_news": 0}
    told = posts.news_of(connection, identifier, SHOWN + 1)
    more = posts.count(connection, identifier, PostKind.NEWS) if len(told) > SHOWN else 0
    closing = posts.closing_of(connection, identifier)
    return held | {"closing": closing, "news": told[:SHOWN], "more_news": more}


def _listed(
    connection: Connection,
    filters: InitiativeFilters,
    paging: PageRequest,
    path: str,
    beside: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What the list shows, alone or beside the map; `beside` are parameters of the page's address.

    Raises InvalidInput for too large a page.
    """
    page = list_page(connection, filters, paging)
    # A box that holds the place of none may still be touched: by initiatives known only to
    # territories with ground in it. The map tints these, so that the page must not call the
    # box empty; they are named beside the list, which holds what the filter finds alone.
    touching = None
    if filters.bbox is not None and not page.total and page.first:
        touching = near_areas.within(connection, filters)
    return {
        "touching": touching,
        "page": page,
        "filters": filters,
        "facets": page.facets,
        "sample": queries.sample_share(connection),
        "picture": listing_picture(filters),
        "shared": shared_listing(filters, path, beside),
    }


def _keep_unless_near(
    filters: InitiativeFilters, kinds: tuple[MapKind, ...] = ONLY_INITIATIVES
) -> None:
    """Where somebody stands is nobody else's page, and is not written down.

    What a commune's initiatives alone say is kept until one of them changes.
    """
    if filters.near is not None:
        return
    if (
        [one.level for one in filters.territory] == [Level.COMMUNE]
        and kinds == ONLY_INITIATIVES
        and not (filters.q or filters.bbox or filters.attr or filters.goes_by_clock)
    ):
        same_for_all(CommuneExtent(filters.territory[0].code))
    else:
        same_for_all()
