"""`/coups-de-main`: who lacks hands near a place, for which skill, on which days."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.contributions.needs import call_queries, service
from mapservice.contributions.needs.call_model import CallFilters, parse
from mapservice.contributions.needs.model import NeedSkill
from mapservice.geocoding.service import GeocoderCache
from mapservice.i18n import gettext as _
from mapservice.initiatives import local_days
from mapservice.initiatives.model import Theme
from mapservice.initiatives.params import with_known_places
from mapservice.initiatives.place_asked import (
    COMMUNE,
    PLACE,
    PLACE_PAIRS,
    CommuneAround,
    commune_around,
    place_asked,
    within_reach,
)
from mapservice.web.edge import base_url, same_for_all, services

blueprint = Blueprint("need_calls", __name__)

PATH = "/coups-de-main"
PAGE_SIZE = 30


@blueprint.get(PATH)
def listing() -> ResponseReturnValue:
    """Needs with free places, the soonest first. A place that is typed leads to its surroundings.

    Nobody who comes is named, and what has no place is listed only where none is asked for.
    """
    with services().autocommit.connect() as connection:
        pairs = (one for one in request.args.items(multi=True) if one[0] not in (PLACE, COMMUNE))
        filters, cursor = parse(pairs)
        filters = replace(filters, about=with_known_places(connection, filters.about))
        asked = None
        if request.args.get(PLACE, "").strip():
            asked = place_asked(connection, services().of(GeocoderCache), request.args[PLACE])
        if asked and asked.commune:
            return redirect(_around(connection, filters, asked.commune), HTTPStatus.SEE_OTHER)
        around = commune_around(connection, filters.about, request.args.get(COMMUNE, ""))
        if filters.about.near is None and asked is None:
            same_for_all()
        moment = local_days.now()
        since = min(local_days.today(moment, area) for area in local_days.AREAS)
        page = call_queries.find_page(connection, filters, since, PAGE_SIZE, cursor)
        total = call_queries.count(connection, filters, since)
        choices = [
            (one, _around(connection, filters, one.commune))
            for one in (asked.choices if asked else ())
        ]
    told = filters.to_pairs()
    here = {COMMUNE: around.code} if around else {}
    anywhere = replace(filters.about, territory=(), near=None, radius=None, bbox=None)
    return render_template(
        "needs/calls.html",
        title=listing_title(around),
        items=[one for one in page.items if not service.is_over(one.target)],
        total=total,
        more=total >= call_queries.COUNTED_UP_TO,
        filters=filters,
        pairs=told,
        around=around,
        asked=asked,
        choices=choices,
        place_carried=[(name, text) for name, text in told if name not in PLACE_PAIRS],
        everywhere=_address(replace(filters, about=anywhere), {}),
        first=cursor is None,
        start=_address(filters, here),
        next_url=_address(filters, {**here, "cursor": page.next.encode()}) if page.next else "",
        skills=list(NeedSkill),
        themes=list(Theme),
        indexed=not told and not asked and cursor is None,
        canonical=f"{base_url()}{PATH}",
    )


def listing_title(around: CommuneAround | None) -> str:
    if around is None:
        return _("Coups de main")
    return _("Coups de main autour de %(name)s", name=around.full_name)


def _around(connection: Connection, filters: CallFilters, commune: str) -> str:
    wanted = replace(filters, about=within_reach(connection, filters.about, commune))
    return _address(wanted, {COMMUNE: commune})


def _address(filters: CallFilters, beside: Mapping[str, str]) -> str:
    pairs = [*filters.to_pairs(), *beside.items()]
    return f"{PATH}?{urlencode(pairs, safe=',:')}" if pairs else PATH
