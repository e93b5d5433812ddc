"""Events and groups around a position, beside the initiatives there and told apart from them.

As for initiatives, true points go by the circle, and what is known to a commune alone by the ground
that the commune has in it: the label point of a city lies kilometres from most of its streets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import Connection

from mapservice.events import queries as events
from mapservice.events.filters import EventFilters
from mapservice.events.model import Event
from mapservice.geocoding.model import Precision
from mapservice.groups import queries as groups
from mapservice.groups.filters import GroupFilters
from mapservice.groups.model import LocalGroup
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.near import TouchedArea
from mapservice.site.search.gatherings import about_alone, asks_of_events, asks_of_groups
from mapservice.territories.model import Level

SHOWN = 4
DAYS = 14
# Of more communes no list is linked to: its address would be too long to share.
LINKED_COMMUNES = 24


@dataclass(frozen=True, slots=True)
class GatheringsAround:
    """The next date of each series of events, in order of time, and groups, the newest first.

    `on_days`: the days were asked for; else they are the next `DAYS`. The addresses are those of
    the lists of the communes that the circle touches, "" where these are too many. `is_asked`: the
    filter asks for what events, or groups, say at all.
    """

    events: Sequence[Event] = ()
    events_url: str = ""
    on_days: bool = False
    events_asked: bool = False
    groups: Sequence[LocalGroup] = ()
    groups_url: str = ""
    groups_asked: bool = False


def gatherings_around(
    connection: Connection,
    filters: InitiativeFilters,
    areas: Sequence[TouchedArea],
    now: datetime,
) -> GatheringsAround:
    """`filters` holds `near` and `radius`; `areas` are the territories that this circle touches."""
    communes = tuple(area.ref for area in areas if area.level is Level.COMMUNE)
    exact = replace(about_alone(filters), precision=(Precision.POINT,))
    there = replace(
        exact, near=None, radius=None, territory=communes, precision=(Precision.COMMUNE,)
    )
    abouts = [exact, *([there] if communes and not filters.territory else [])]
    listed = replace(there, precision=()) if 0 < len(communes) <= LINKED_COMMUNES else None
    found = GatheringsAround()
    if asks_of_events(filters):
        days = EventFilters(when=filters.when)
        if not filters.when:
            days = EventFilters(begin=now, end=now + timedelta(days=DAYS))
        asked = [replace(days, about=about) for about in abouts]
        coming = events.next_of_each_series(connection, asked[0], SHOWN, now, *asked[1:])
        until = replace(days, begin=None, end=None) if not filters.when else days
        found = replace(
            found,
            events=coming,
            events_url=_address("/evenements", replace(until, about=listed)) if listed else "",
            on_days=filters.when is not None,
            events_asked=True,
        )
    if asks_of_groups(filters):
        wanted = [GroupFilters(about=about) for about in abouts]
        found = replace(
            found,
            groups=groups.newest(connection, wanted, SHOWN, now),
            groups_url=_address("/groupes", GroupFilters(about=listed)) if listed else "",
            groups_asked=True,
        )
    return found


def _address(path: str, filters: EventFilters | GroupFilters) -> str:
    return f"{path}?{urlencode(filters.to_pairs(), safe=',:')}"
