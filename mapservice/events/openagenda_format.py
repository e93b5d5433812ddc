"""Events in the shape of OpenAgenda v2, for tools that read it: one event, all of its dates.

Shape: OpenAgenda/dev-doc, `structure.md` of `docs/evenements` and `docs/lieux`. What has no place
in it is told under names of our own: `licence`, `attribution`, `source`. A place is as sure here as
everywhere: a commune has its `insee`, and a position only what truly has one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from mapservice.errors import InvalidInput
from mapservice.events.formats import DECIMALS
from mapservice.events.model import Event, EventMode, EventStatus, RegistrationMode
from mapservice.web.atom import utc_text

# As OpenAgenda has it; what else it knows of changes nothing: all is told, in an order of our own.
PAGE_SIZE, MAX_PAGE_SIZE = 20, 300
OWN = ("size", "after[]", "after", "detailed", "sort")
PUBLISHED = 2
STATUS = {
    EventStatus.MOVED: 2,
    EventStatus.POSTPONED: 4,
    EventStatus.CANCELLED: 6,
}
ATTENDANCE = {EventMode.PLACE: 1, EventMode.ONLINE: 2, EventMode.BOTH: 3}


@dataclass(frozen=True, slots=True)
class AgendaPageRequest:
    """How many series, after which."""

    size: int = PAGE_SIZE
    after: UUID | None = None


def read_page(pairs: Sequence[tuple[str, str]]) -> AgendaPageRequest:
    """Of the parameters of `OWN`. Raises InvalidInput naming the parameter."""
    told = {name.removesuffix("[]"): text for name, text in pairs}
    if len(told) < len(pairs):
        twice = [name for name, _ in pairs]
        name = next(one for one in twice if twice.count(one) > 1 or f"{one}[]" in twice)
        raise InvalidInput(name, "stands more than once")
    size = told.get("size", f"{PAGE_SIZE}")
    if not (size.isascii() and size.isdigit() and 1 <= int(size[:9]) <= MAX_PAGE_SIZE):
        raise InvalidInput("size", f"must be a number from 1 to {MAX_PAGE_SIZE}")
    try:
        after = UUID(told["after"]) if "after" in told else None
    except ValueError:
        raise InvalidInput("after", "is not one that this service gave") from None
    return AgendaPageRequest(int(size), after)


def agenda(
    series: Sequence[Sequence[Event]], following: UUID | None, *, is_first: bool, base_url: str
) -> dict[str, Any]:
    """A page of series, each with its dates in order.

    `total` is told where this is all; else it is null, as counting all costs more than reading on.
    """
    events = [one for dates in series for one in _of_series(dates, base_url)]
    return {
        "total": len(events) if is_first and following is None else None,
        "events": events,
        "after": [str(following)] if following else None,
    }


def _of_series(dates: Sequence[Event], base_url: str) -> Iterator[dict[str, Any]]:
    """One event; dates that say something else are events of their own, as those of iCalendar are:
    that of most dates bears the id of the series, the others that of their first date."""
    ordered = sorted(dates, key=lambda one: (_said(one), one.starts_at, one.id))
    groups = [list(group) for _, group in groupby(ordered, _said)]
    main = max(groups, key=len, default=[])
    for group in sorted(groups, key=lambda one: one[0].starts_at):
        uid = f"series-{group[0].series}" if group is main else str(group[0].id)
        yield _agenda_event(uid, group, base_url)


def _said(event: Event) -> tuple[str, ...]:
    """What tells dates of a series apart; texts alone, so that it has an order."""
    told = (
        *(event.title, event.summary, event.description, event.theme, event.mode),
        *(event.place_text, event.precision, event.commune, event.lon, event.lat),
        *(event.public_online_url, event.registration, event.registration_url, event.zone),
        *(STATUS.get(event.status, 1), event.note),
    )
    return tuple(str(one) for one in told)


def _agenda_event(uid: str, dates: Sequence[Event], base_url: str) -> dict[str, Any]:
    event = dates[0]
    made: dict[str, Any] = {
        "uid": uid,
        "title": {"fr": event.title},
        "description": {"fr": event.summary} if event.summary else {},
        "longDescription": {"fr": event.description} if event.description else {},
        "conditions": {"fr": event.note} if event.note else {},
        "keywords": {"fr": [str(event.theme)]},
        "timings": [_timing(one) for one in dates],
        "timezone": event.zone,
        "attendanceMode": ATTENDANCE[event.mode],
        "status": STATUS.get(event.status, 1),
        "state": PUBLISHED,
        "location": None if event.mode is EventMode.ONLINE else _location(event),
        "registration": _registration(event, base_url),
        "canonicalUrl": f"{base_url}{event.url}",
        "createdAt": utc_text(min(one.created_at for one in dates)),
        "updatedAt": utc_text(max(one.changed_at for one in dates)),
    }
    if event.public_online_url:
        made["onlineAccessLink"] = event.public_online_url
    if event.is_from_elsewhere:
        made |= {
            "source": event.source_url or event.source,
            "licence": event.source_licence,
            "attribution": event.attribution,
        }
    return made


def _timing(event: Event) -> dict[str, str | None]:
    """With the offset of its place; an end that nobody told is null."""
    clock = ZoneInfo(event.zone)
    begin, end = (
        one.astimezone(clock).isoformat(timespec="seconds")
        for one in (event.starts_at, event.ends_at)
    )
    return {"begin": begin, "end": end if event.has_told_end else None}


def _location(event: Event) -> dict[str, Any]:
    place: dict[str, Any] = {
        "name": event.place_text or event.commune_name or event.departement_name or "",
        "address": event.place_text,
        "city": event.commune_name,
        "insee": event.commune,
        "department": event.departement_name,
        "region": event.region_name,
        "countryCode": "FR",
        "timezone": event.zone,
    }
    if event.lon is not None and event.lat is not None:
        place["latitude"] = round(event.lat, DECIMALS)
        place["longitude"] = round(event.lon, DECIMALS)
    return place


def _registration(event: Event, base_url: str) -> list[dict[str, str]]:
    if event.registration is RegistrationMode.NONE:
        return []
    own = f"{base_url}{event.url}"
    told = event.registration_url if event.registration is RegistrationMode.EXTERNAL else own
    return [{"type": "link", "value": told or own}]
