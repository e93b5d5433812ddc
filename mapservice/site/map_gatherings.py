"""Events and groups on the home page's map and in the list beside it, told apart from initiatives.

Map and list have the same filter and the same days: those that tiles of events hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection

from mapservice.events import queries as events
from mapservice.events.filters import EventFilters, within_days
from mapservice.events.model import Event
from mapservice.events.routes import sample_of as event_sample
from mapservice.groups import queries as groups
from mapservice.groups.filters import GroupFilters
from mapservice.groups.model import LocalGroup
from mapservice.groups.routes import sample_of as group_sample
from mapservice.i18n import gettext as _
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.site.search.gatherings import about_alone, asks_of_events, asks_of_groups
from mapservice.tiles.map_kinds import MapKind

# How many the list beside the map holds of each kind; the rest is a link away.
SHOWN = 6


@dataclass(frozen=True, slots=True)
class MapEvents:
    """The next date of each event, in order of time; `dates` of `series` events are on the map.

    Counted no farther than `queries.COUNTED_UP_TO` dates: then there are `more`. `is_asked`: the
    filter asks for what events say at all; else there are none.
    """

    items: Sequence[Event] = ()
    dates: int = 0
    series: int = 0
    more: bool = False
    url: str = ""
    is_asked: bool = True


@dataclass(frozen=True, slots=True)
class MapGroups:
    """Groups, the newest first, and how many there are; `is_asked` as of events."""

    items: Sequence[LocalGroup] = ()
    total: int = 0
    more: bool = False
    url: str = ""
    is_asked: bool = True


def events_of(filters: InitiativeFilters) -> EventFilters | None:
    """The same filter as events understand it; None where they say nothing of what it asks."""
    if not asks_of_events(filters):
        return None
    return EventFilters(about=about_alone(filters), when=filters.when)


def groups_of(filters: InitiativeFilters) -> GroupFilters | None:
    """The same filter as groups understand it; None where they say nothing of what it asks."""
    return GroupFilters(about=about_alone(filters)) if asks_of_groups(filters) else None


def map_events(connection: Connection, filters: InitiativeFilters, now: datetime) -> MapEvents:
    wanted = events_of(filters)
    if wanted is None:
        return MapEvents(is_asked=False)
    shown = within_days(wanted, now)
    dates, series = events.count_dates(connection, shown, now)
    return MapEvents(
        items=events.next_of_each_series(connection, shown, SHOWN, now),
        dates=dates,
        series=series,
        more=dates >= events.COUNTED_UP_TO,
        url=_address("/evenements", wanted),
    )


def map_groups(connection: Connection, filters: InitiativeFilters, now: datetime) -> MapGroups:
    wanted = groups_of(filters)
    if wanted is None:
        return MapGroups(is_asked=False)
    total = groups.count(connection, wanted, now)
    return MapGroups(
        items=groups.find_page(connection, wanted, SHOWN, now).items,
        total=total,
        more=total >= groups.COUNTED_UP_TO,
        url=_address("/groupes", wanted),
    )


def kinds_config(
    filters: InitiativeFilters, kinds: Sequence[MapKind], now: datetime
) -> dict[str, Any]:
    """What the script of the map needs: the kinds shown, and of events and groups their TileJSON
    and the list of what stands at one spot.

    A kind that the filter says nothing of has none: nothing of it is drawn.
    """
    everywhere = replace(filters, bbox=None)
    spots: dict[str, dict[str, str]] = {}
    if MapKind.EVENTS in kinds and (coming := events_of(everywhere)):
        # To the minute, as the address of a page that is kept.
        listed = within_days(coming, now.replace(second=0, microsecond=0))
        spots[MapKind.EVENTS] = {
            "tiles": _address("/tiles/events.json", coming),
            "list": _address("/evenements.geojson", listed),
        }
    if MapKind.GROUPS in kinds and (there := groups_of(everywhere)):
        spots[MapKind.GROUPS] = {
            "tiles": _address("/tiles/groups.json", there),
            "list": _address("/groupes.geojson", there),
        }
    return {"kinds": list(kinds), "spots": spots}


def sample_words(
    sample: str | None, coming: MapEvents | None, there: MapGroups | None, *, has_initiatives: bool
) -> dict[str, str]:
    """Whether what is shown is made up, over all kinds; `sample` tells it of initiatives."""
    shares = [sample or ""] if has_initiatives else []
    if coming and coming.items:
        shares.append(event_sample(coming.items))
    if there and there.items:
        shares.append(group_sample(there.items))
    if not any(shares):
        return {"sample": ""}
    if all(share == "all" for share in shares):
        return {"sample": "all", "sample_words": _("rien de ce qui est montré ici n’existe.")}
    return {
        "sample": "some",
        "sample_words": _("une partie de ce qui est montré ici n’existe pas."),
    }


def _address(path: str, filters: EventFilters | GroupFilters) -> str:
    pairs = filters.to_pairs()
    return f"{path}?{urlencode(pairs, safe=',:')}" if pairs else path
