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
    PLACE_PARAMETERS,
    PlaceAround,
    farther,
    parts_of,
    place_around,
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
        pairs = (one for one in request.args.items(multi=True) if one[0] not in PLACE_PARAMETERS)
        filters, cursor = parse(pairs)
        filters = replace(filters, about=with_known_places(connection, filters.about))
        geocoders = services().of(GeocoderCache)
        asked = None
        if request.args.get(PLACE, "").strip():
            asked = place_asked(connection, geocoders, request.args[PLACE])
        if asked and asked.here:
            return redirect(_around(connection, filters, asked.here), HTTPStatus.SEE_OTHER)
        around = place_around(connection, geocoders, filters.about, request.args)
        if filters.about.near is None and asked is None:
            same_for_all()
        moment = local_days.now()
        since = min(local_days.today(moment, area) for area in local_days.AREAS)
        page = call_queries.find_page(connection, filters, since, PAGE_SIZE, cursor)
        total = call_queries.count(connection, filters, since)
        choices = [
            (one, _around(connection, filters, {COMMUNE: one.commune}))
            for one in (asked.choices if asked else ())
        ]
        parts = parts_of(around, lambda one: _around(connection, filters, one))
    told = filters.to_pairs()
    here = around.here if around else {}
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
        parts=parts,
        farther=_farther(filters, around),
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


def listing_title(around: PlaceAround | None) -> str:
    if around is None:
        return _("Coups de main")
    return _("Coups de main autour de %(name)s", name=around.full_name)


def _farther(filters: CallFilters, around: PlaceAround | None) -> str:
    """The list of a wider circle around the same place, "" where there is none."""
    about = farther(around, filters.about)
    if around is None or about is None:
        return ""
    return _address(replace(filters, about=about), around.here)


def _around(connection: Connection, filters: CallFilters, here: Mapping[str, str]) -> str:
    about = within_reach(connection, services().of(GeocoderCache), filters.about, here)
    return _address(replace(filters, about=about), here)


def _address(filters: CallFilters, beside: Mapping[str, str]) -> str:
    pairs = [*filters.to_pairs(), *beside.items()]
    return f"{PATH}?{urlencode(pairs, safe=',:')}" if pairs else PATH
