"""What takes place soon at a place: for pages of territories and of initiatives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Connection

from mapservice.events import queries
from mapservice.events.filters import EventFilters
from mapservice.events.model import Event
from mapservice.events.recurrence import wall_time
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.local_days import DaysAsked, span_of
from mapservice.initiatives.place_asked import around_commune
from mapservice.territories.model import Level, TerritoryRef

SHOWN = 3
# So many of the next ones are read at once: hardly a place has more before the weekend is over.
LOOKED_AT = 12
# On every clock, whatever day it is.
WEEKEND_IS_OVER = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class EventsSoon:
    """`this_weekend` says which days `items` are of; else they are the next ones of any day.

    `around`: within `NEAR_METRES` of the commune's label point; else in the territory. `pairs` are
    the filter of the list that holds all of them.
    """

    items: Sequence[Event]
    this_weekend: bool
    around: bool
    pairs: Sequence[tuple[str, str]]


def events_soon(connection: Connection, ref: TerritoryRef, now: datetime) -> EventsSoon:
    """This weekend's, or the next where there is none."""
    about = InitiativeFilters(territory=(ref,))
    around = ref.level is Level.COMMUNE
    if around:
        about = around_commune(connection, about, ref.code)
    weekend = EventFilters(about=about, when=DaysAsked.WEEKEND)
    later = EventFilters(about=about)
    page = queries.find_page(connection, later, LOOKED_AT, now)
    shown = [one for one in page.items if _is_this_weekend(one, now)]
    if len(shown) < SHOWN and page.next and page.next.starts_at < now + WEEKEND_IS_OVER:
        # More of the weekend may come after those that were read.
        found = queries.find_page(connection, weekend, LOOKED_AT, now).items
        shown = [one for one in found if one.ends_at > now]
    if shown:
        return EventsSoon(shown[:SHOWN], True, around, weekend.to_pairs())
    return EventsSoon(page.items[:SHOWN], False, around, later.to_pairs())


def _is_this_weekend(one: Event, now: datetime) -> bool:
    """By the clock there, as the filter for the weekend has it."""
    span = span_of(DaysAsked.WEEKEND, wall_time(now, one.zone).date())
    return one.ends_local > _midnight(span.first) and one.starts_local < _midnight(span.end)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def of_initiative(connection: Connection, initiative: UUID, now: datetime) -> Sequence[Event]:
    """The next dates of what belongs to an initiative."""
    wanted = EventFilters(initiative=initiative)
    return queries.find_page(connection, wanted, 2 * SHOWN, now).items
