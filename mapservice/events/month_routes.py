"""`/evenements/mois`: the days of a month, with how many events take place on each."""

from calendar import Calendar
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from mapservice.errors import InvalidInput
from mapservice.events import queries
from mapservice.events.filters import EventFilters, EventPageRequest
from mapservice.events.recurrence import PARIS, wall_time
from mapservice.events.routes import (
    MONTH,
    listing_title,
    month_address,
    query_of,
    read_filters,
    words,
)
from mapservice.events.words import weekdays
from mapservice.geocoding.service import GeocoderCache
from mapservice.i18n import clock_words, period
from mapservice.initiatives.place_asked import PLACE_PARAMETERS, place_around
from mapservice.web.edge import same_for_all, services

blueprint = Blueprint("event_months", __name__)

AHEAD = 12  # months that one can leaf through, as far as dates are made


@blueprint.get("/evenements/mois")
def month() -> ResponseReturnValue:
    """A month as a calendar on a wall: what the filter finds on each of its days.

    Raises InvalidInput naming the parameter; `month` is the present one or one of the twelve after.
    """
    now = datetime.now(UTC)
    today = wall_time(now, PARIS).date()
    first = _month_asked(request.args.get(MONTH, ""), today)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection, MONTH, *PLACE_PARAMETERS)
        if filters.has_days or paging != EventPageRequest():
            own = ("from", "to", "when", "limit", "cursor")
            wrong = next(name for name in own if name in request.args)
            raise InvalidInput(wrong, "does not go with a month")
        geocoders = services().of(GeocoderCache)
        around = place_around(connection, geocoders, filters.about, request.args)
        if filters.about.near is None:
            same_for_all()
        days = queries.days_of_month(connection, filters, first, now)
        here = around.here if around else {}
        return render_template(
            "events/month.html",
            filters=filters,
            month=first,
            named=period(f"{first:%Y-%m}"),
            weekdays=weekdays(),
            clock_words=clock_words,
            weeks=Calendar().monthdatescalendar(first.year, first.month),
            days=days,
            today=today,
            title=listing_title(filters, around),
            day_address=lambda day: _list_of(filters, here, day),
            month_address=lambda months: _turned(filters, here, first, months, today),
            list_address=_list_of(filters, here),
            **words(now),
        )


def _month_asked(text: str, today: date) -> date:
    """The first day of a month written 2026-12; of the present one where none is asked for."""
    present = today.replace(day=1)
    if not text:
        return present
    try:
        found = date.fromisoformat(f"{text}-01") if len(text) == len("2026-12") else None
    except ValueError:
        found = None
    if found is None:
        raise InvalidInput(MONTH, f"{text[:40]!r} is not a month such as 2026-12")
    if not present <= found <= _months_on(present, AHEAD):
        raise InvalidInput(MONTH, f"is not the present one or one of the {AHEAD} after it")
    return found


def _months_on(first: date, months: int) -> date:
    count = first.year * 12 + first.month - 1 + months
    return first.replace(year=count // 12, month=count % 12 + 1)


def _list_of(filters: EventFilters, here: Mapping[str, str], day: date | None = None) -> str:
    """The list of the same filter, of one day where it is told."""
    wanted = replace(filters, begin=day, end=None)
    last = day.isoformat() if day else None
    return f"/evenements{query_of(wanted, to=last, **here)}"


def _turned(
    filters: EventFilters, here: Mapping[str, str], first: date, months: int, today: date
) -> str | None:
    """The month so many after, or before, in the same filter; None beyond what can be asked for."""
    present, wanted = today.replace(day=1), _months_on(first, months)
    if not present <= wanted <= _months_on(present, AHEAD):
        return None
    return month_address(filters, here, f"{wanted:%Y-%m}" if wanted != present else "")
