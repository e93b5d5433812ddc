"""What takes place soon at a place: for pages of territories and of initiatives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from mapservice.events import queries
from mapservice.events.filters import EventFilters
from mapservice.events.model import Event
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.local_days import DaysAsked
from mapservice.initiatives.place_asked import around_commune
from mapservice.territories.model import Level, TerritoryRef

SHOWN = 3


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
    page = queries.find_page(connection, weekend, SHOWN + 1, now)
    shown = [one for one in page.items if one.ends_at > now][:SHOWN]
    if shown:
        return EventsSoon(shown, True, around, weekend.to_pairs())
    later = EventFilters(about=about)
    found = queries.find_page(connection, later, SHOWN, now).items
    return EventsSoon(found, False, around, later.to_pairs())


def of_initiative(connection: Connection, initiative: UUID, now: datetime) -> Sequence[Event]:
    """The next dates of what belongs to an initiative."""
    wanted = EventFilters(initiative=initiative)
    return queries.find_page(connection, wanted, 2 * SHOWN, now).items
