"""Events and groups that answer a text: those that say its words, in its place, on its days."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mapservice.events import queries as events
from mapservice.events.filters import EventFilters
from mapservice.events.model import Event
from mapservice.events.recurrence import PARIS, wall_time
from mapservice.groups import queries as groups
from mapservice.groups.filters import GroupFilters
from mapservice.groups.model import LocalGroup
from mapservice.initiatives.filters import ABOUT, InitiativeFilters
from mapservice.initiatives.local_days import DaysAsked
from mapservice.initiatives.place_asked import around_commune
from mapservice.site.search.intent import TOMORROW, WEEKDAYS
from mapservice.territories.model import Level

# What events understand of a filter beside the words; of any other part they say nothing.
_SAID_OF_EVENTS = frozenset((*ABOUT, "when", "sort"))
_SAID_OF_GROUPS = frozenset((*ABOUT, "sort"))


@dataclass(frozen=True, slots=True)
class EventsFound:
    """The next date of each series that answers, in order of time.

    `pairs` are the filter of the list that holds them. `around`: none is in the commune itself,
    these lie within `place_asked.NEAR_METRES` of it. `without_words`: none says the words on those
    days, these are what else takes place then.
    """

    items: Sequence[Event] = ()
    pairs: Sequence[tuple[str, str]] = ()
    around: bool = False
    without_words: bool = False


@dataclass(frozen=True, slots=True)
class GroupsFound:
    """Groups that answer; `pairs` are the filter of the list that holds them."""

    items: Sequence[LocalGroup] = ()
    pairs: Sequence[tuple[str, str]] = ()


def find_events(
    connection: Connection, asked: InitiativeFilters, days: str, limit: int, now: datetime
) -> EventsFound:
    """Of the words, theme and place of `asked`, and of `days` as an intent says them, "" for any.

    None where the filter asks for what no event says, such as a price.
    """
    if not asks_of_events(asked):
        return EventsFound()
    wanted = _on_days(EventFilters(about=about_alone(asked), when=asked.when), days, now)
    ref = asked.territory[0] if len(asked.territory) == 1 else None
    is_commune = ref is not None and ref.level is Level.COMMUNE and not (asked.near or asked.bbox)
    commune = ref if is_commune else None
    wider = wanted
    if commune:
        wider = replace(wanted, about=around_commune(connection, wanted.about, commune.code))
    tries = [(wanted, False, False)]
    tries += [(wider, True, False)] if commune else []
    if wanted.has_days and asked.q:
        tries += [
            (replace(one, about=replace(one.about, q="")), around, True)
            for one, around, _ in tuple(tries)
        ]
    for one, around, without_words in tries:
        items = events.next_of_each_series(connection, one, limit, now)
        if items:
            return EventsFound(items, one.to_pairs(), around, without_words)
    return EventsFound()


def find_groups(
    connection: Connection, asked: InitiativeFilters, days: str, limit: int, now: datetime
) -> GroupsFound:
    """Of the words, theme and place of `asked`; none where days are asked for, which none has."""
    if days or not asks_of_groups(asked):
        return GroupsFound()
    wanted = GroupFilters(about=about_alone(asked))
    items = groups.find_page(connection, wanted, limit, now).items
    return GroupsFound(items, wanted.to_pairs())


def about_alone(asked: InitiativeFilters) -> InitiativeFilters:
    """What a filter says of words, theme and place, and nothing else."""
    return InitiativeFilters(
        q=asked.q,
        theme=asked.theme,
        territory=asked.territory,
        bbox=asked.bbox,
        near=asked.near,
        radius=asked.radius,
    )


def asks_of_events(asked: InitiativeFilters) -> bool:
    """Whether an event can answer all that a filter asks."""
    return all(name in _SAID_OF_EVENTS for name, _text in asked.to_pairs())


def asks_of_groups(asked: InitiativeFilters) -> bool:
    """Whether a group can answer all that a filter asks."""
    return all(name in _SAID_OF_GROUPS for name, _text in asked.to_pairs())


def _on_days(filters: EventFilters, days: str, now: datetime) -> EventFilters:
    """A day of the week is the next one, today included, by the clock of Paris."""
    if not days:
        return filters
    if days in tuple(DaysAsked):
        return replace(filters, when=DaysAsked(days))
    today = wall_time(now, PARIS).date()
    ahead = 1 if days == TOMORROW else (WEEKDAYS.index(days) - today.weekday()) % 7
    day = today + timedelta(days=ahead)
    return replace(filters, begin=day, end=day + timedelta(days=1), when=None)
