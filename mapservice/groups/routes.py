"""`/groupes`: the list, and the same for machines. One group: `site/group_routes.py`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.geocoding.service import GeocoderCache
from mapservice.groups import formats, queries
from mapservice.groups import words as wording
from mapservice.groups.filters import GroupFilters, GroupPageRequest, parse, with_about
from mapservice.groups.model import GroupOpenness, GroupState, LocalGroup
from mapservice.i18n import gettext as _
from mapservice.i18n import quoted, theme_label
from mapservice.initiatives.filters import ABOUT, ListingSort
from mapservice.initiatives.model import Theme
from mapservice.initiatives.params import NamedTerritory, with_known_places
from mapservice.initiatives.place_asked import (
    COMMUNE,
    PLACE,
    PLACE_PAIRS,
    PLACE_PARAMETERS,
    PlaceAround,
    farther,
    parts_of,
    place_around,
    place_asked,
    within_reach,
)
from mapservice.initiatives.place_words import around_words
from mapservice.tiles.map_kinds import SHOWN_KINDS, MapKind
from mapservice.web import edge
from mapservice.web.atom import AtomFeed, atom
from mapservice.web.edge import base_url, same_for_all, services

blueprint = Blueprint("groups", __name__)

PAGE_SIZE, MAX_PAGE_SIZE = 20, 1000
GEOJSON_SIZE, ATOM_SIZE = 500, 50
FRESH_SECONDS = 300
ATOM = "application/atom+xml; charset=utf-8"


def read_filters(connection: Connection, *beside: str) -> tuple[GroupFilters, GroupPageRequest]:
    """Filters and paging of the present request, with places that exist and are known by name.

    Raises InvalidInput naming the parameter.
    """
    filters, paging = parse(
        pair for pair in request.args.items(multi=True) if pair[0] not in beside
    )
    return with_about(filters, with_known_places(connection, filters.about)), paging


@blueprint.get("/groupes")
def listing() -> ResponseReturnValue:
    """Groups that are not archived, or whatever the filter asks for.

    A place that is typed (`lieu`) leads to what lies around its commune.
    """
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection, *PLACE_PARAMETERS)
        geocoders = services().of(GeocoderCache)
        asked = None
        if request.args.get(PLACE, "").strip():
            asked = place_asked(connection, geocoders, request.args[PLACE])
        if asked and asked.here:
            return redirect(_around(connection, filters, asked.here), HTTPStatus.SEE_OTHER)
        around = place_around(connection, geocoders, filters.about, request.args)
        if filters.about.near is None and asked is None:
            same_for_all()
        limit = paging.limit or PAGE_SIZE
        if limit > MAX_PAGE_SIZE:
            raise InvalidInput("limit", f"pages for people hold at most {MAX_PAGE_SIZE}")
        page = queries.find_page(connection, filters, limit, now, paging.cursor)
        if around:
            # Metres from the middle of communes would be metres from nowhere.
            page = replace(page, items=[replace(one, distance=None) for one in page.items])
        total = queries.count(connection, filters, now)
        anywhere = replace(
            filters.about,
            territory=(),
            near=None,
            radius=None,
            bbox=None,
            sort=ListingSort.RECENT,
        )
        pairs = filters.to_pairs()
        sample = sample_of(page.items)
        here = around.here if around else {}
        return render_template(
            "groups/list.html",
            page=page,
            filters=filters,
            pairs=pairs,
            total=total,
            more=total >= queries.COUNTED_UP_TO,
            first=paging.cursor is None,
            next_url=next_address("/groupes", filters, page, paging, here),
            title=listing_title(filters, around),
            around=around,
            asked=asked,
            choices=[
                (one, _around(connection, filters, {COMMUNE: one.commune}))
                for one in (asked.choices if asked else ())
            ],
            farther=_farther(filters, around),
            parts=parts_of(around, lambda one: _around(connection, filters, one)),
            place_carried=[(name, told) for name, told in pairs if name not in PLACE_PAIRS],
            everywhere=f"/groupes{query_of(replace(filters, about=anywhere))}",
            map_address=_map_address(filters),
            themes=list(Theme),
            states=list(GroupState),
            opennesses=list(GroupOpenness),
            start_address=start_address(filters, around),
            list_address=f"/groupes{query_of(filters, here)}",
            group_address=lambda ending="": f"/groupes{ending}{query_of(filters)}",
            sample=sample,
            sample_words=_("ces groupes n’existent pas.")
            if sample == "all"
            else _("certains de ces groupes n’existent pas."),
            indexed=not pairs and not asked and paging == GroupPageRequest(),
            canonical=f"{base_url()}/groupes",
            **words(now),
        )


def _farther(filters: GroupFilters, around: PlaceAround | None) -> str:
    """The list of a wider circle around the same place, "" where there is none."""
    about = farther(around, filters.about)
    if around is None or about is None:
        return ""
    return f"/groupes{query_of(replace(filters, about=about), around.here)}"


def _around(connection: Connection, filters: GroupFilters, here: Mapping[str, str]) -> str:
    about = within_reach(connection, services().of(GeocoderCache), filters.about, here)
    return f"/groupes{query_of(replace(filters, about=about), here)}"


def _map_address(filters: GroupFilters) -> str:
    """The home page's map of the same; "" where it has no words for all that is asked."""
    pairs = filters.to_pairs()
    if any(name not in ABOUT for name, _text in pairs):
        return ""
    return f"/?{urlencode([*pairs, (SHOWN_KINDS, MapKind.GROUPS)], safe=',:')}"


@blueprint.get("/groupes.geojson")
def as_geojson() -> Response:
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        limit = _limit(paging, GEOJSON_SIZE)
        page = queries.find_page(connection, filters, limit, now, paging.cursor)
    following = next_address("/groupes.geojson", filters, page, paging)
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [formats.feature(one, base_url(), now) for one in page.items],
        "numberReturned": len(page.items),
    }
    if following:
        document["links"] = [{"rel": "next", "href": base_url() + following, "type": edge.GEOJSON}]
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    response = edge.whole_answer(body, edge.GEOJSON)
    if following:
        response.headers["Link"] = f'<{base_url()}{following}>; rel="next"'
    return response


@blueprint.get("/groupes.csv")
def as_csv() -> Response:
    """All that the filter finds, sent as it is read; `limit` ends it sooner."""
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
    base = base_url()

    def blocks(connection: Connection) -> Any:
        left, cursor = paging.limit or 10**9, paging.cursor
        yield formats.HEADER.encode()
        while left > 0:
            page = queries.find_page(connection, filters, min(left, MAX_PAGE_SIZE), now, cursor)
            if page.items:
                yield formats.csv_text(page.items, base, now)
            left, cursor = left - len(page.items), page.next
            if cursor is None:
                return

    return edge.stream_answer(edge.CSV, "groupes.csv", blocks)


@blueprint.get("/groupes.atom")
def as_atom() -> Response:
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        limit = _limit(paging, ATOM_SIZE)
        page = queries.find_page(connection, filters, limit, now, paging.cursor)
    following = next_address("/groupes.atom", filters, page, paging)
    base = base_url()
    feed = AtomFeed(
        title=f"{services().settings.site_name} · {listing_title(filters)}",
        author=services().settings.site_name,
        url=f"{base_url()}{request.full_path.rstrip('?')}",
        page=f"{base_url()}/groupes{query_of(filters)}",
        next=base_url() + following if following else None,
        entries=[formats.atom_entry(one, base, wording.place_words(one)) for one in page.items],
    )
    return edge.whole_answer(atom(feed), ATOM, FRESH_SECONDS)


def words(now: datetime) -> dict[str, Any]:
    """What templates of groups call."""
    return {
        "now": now,
        "group_place": wording.place_words,
        "group_how_far": wording.how_far,
        "group_state_words": wording.state_words,
        "group_state_label": wording.state_label,
        "group_status_label": wording.status_label,
        "openness_label": wording.openness_label,
        "standing_label": wording.standing_label,
        "organisation_words": wording.organisation_words,
        "audience_words": wording.audience_label,
        "message_state_label": wording.message_state_label,
        "moment_words": wording.moment_words,
        "sent_words": wording.sent_words,
    }


def listing_title(filters: GroupFilters, around: PlaceAround | None = None) -> str:
    """What a list of the filter is called; `around` is the place that its circle surrounds."""
    about = filters.about
    parts = [
        *(ref.name for ref in about.territory if isinstance(ref, NamedTerritory)),
        *(theme_label(theme) for theme in about.theme),
        *([quoted(about.q)] if about.q else []),
        *([around_words(around)] if about.near else []),
        *(wording.state_label(state) for state in filters.state),
    ]
    return _("Groupes : %(about)s", about=", ".join(parts)) if parts else _("Groupes locaux")


def start_address(filters: GroupFilters, around: PlaceAround | None = None) -> str:
    """The form that starts a group, in the commune that the list is about."""
    if around and around.parameter == COMMUNE:
        return f"/groupes/creer?commune={around.code}"
    named = [ref for ref in filters.about.territory if isinstance(ref, NamedTerritory)]
    alone = len(named) == 1 and named[0].level == "commune"
    return f"/groupes/creer?commune={named[0].code}" if alone else "/groupes/creer"


def sample_of(items: Sequence[LocalGroup]) -> str:
    """Whether what is shown is made up: all, some, or "" for none."""
    made_up = [one.is_made_up for one in items]
    if not any(made_up):
        return ""
    return "all" if all(made_up) else "some"


def query_of(filters: GroupFilters, beside: Mapping[str, str] | None = None) -> str:
    """The filter's canonical query string; `beside` are parameters of the page."""
    pairs = [*filters.to_pairs(), *(beside or {}).items()]
    return f"?{urlencode(pairs, safe=',:')}" if pairs else ""


def next_address(
    path: str,
    filters: GroupFilters,
    page: queries.GroupPage,
    paging: GroupPageRequest,
    beside: Mapping[str, str] | None = None,
) -> str | None:
    if page.next is None:
        return None
    pairs = [*filters.to_pairs(), *(beside or {}).items()]
    pairs += [("limit", str(paging.limit))] if paging.limit else []
    return f"{path}?{urlencode([*pairs, ('cursor', page.next.encode())], safe=',:')}"


def _limit(paging: GroupPageRequest, default: int) -> int:
    limit = paging.limit or default
    if limit > MAX_PAGE_SIZE:
        raise InvalidInput("limit", f"must be at most {MAX_PAGE_SIZE}")
    return limit
