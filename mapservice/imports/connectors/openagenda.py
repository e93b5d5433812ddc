"""OpenAgenda v2: the events of an agenda, `/v2/agendas/{uid}/events`, by a reader's key.

Shape: OpenAgenda/dev-doc, `structure.md` and `lecture.md` of `docs/evenements`, `structure.md` of
`docs/lieux` (unverified against a live answer); `/evenements.json` of this service has it too.
Pages by the cursor `after`. What changed since the last sweep is asked for by `updatedAt[gte]`,
which tells by `removed` what is gone; of an address with filters of its own that is not sure, so it
is read whole.
An event whose `state` is not 2 is not public there, and none here. E-mail addresses and telephone
numbers for registration are not read: they may be a person's.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from mapservice.errors import SourceError
from mapservice.imports.connectors.model import (
    Connector,
    ConnectorRecord,
    RecordKind,
    first_of,
    member,
    words,
)
from mapservice.imports.connectors.source_event import SourceEvent, gone
from mapservice.imports.connectors.visits import SourceVisit
from mapservice.outgoing.guarded_client import FetchRefused

# Of 300 that it gives; one event may have 800 dates.
PAGE_SIZE = 100
LANGUAGES = ("fr", "en")
PUBLISHED = 2
ATTENDANCE = {1: "place", 2: "online", 3: "both"}
MOVED_ONLINE, POSTPONED, FULL, CANCELLED = 3, 4, 5, 6
STATUS = {POSTPONED: "postponed", CANCELLED: "cancelled"}
NOTES = {
    POSTPONED: "Reporté, dit sa source ; la nouvelle date n’est pas connue.",
    FULL: "Complet, dit sa source.",
}


def read(visit: SourceVisit) -> Iterator[ConnectorRecord]:
    """All events of the agenda, or what changed of them since the last sweep."""
    since = "" if urlsplit(visit.address).query else visit.since
    visit.reached = since
    events = _events(visit, since)
    try:
        first = next(events, None)
    except FetchRefused:
        if not since:
            raise
        # Others than OpenAgenda may give its shape, and not know what changed.
        visit.reached = ""
        events = _events(visit, "")
        first = next(events, None)
    else:
        visit.is_delta = bool(since)
    if first is not None:
        yield _record(visit, first)
    for event in events:
        yield _record(visit, event)


def _events(visit: SourceVisit, since: str) -> Iterator[Mapping[str, Any]]:
    # By their change, as what changes meanwhile comes once more at the end and is not left out.
    query: dict[str, Any] = {"size": PAGE_SIZE, "detailed": 1, "sort": "updatedAt.asc"}
    if since:
        query |= {"updatedAt[gte]": since, "removed": "null"}
    headers = {"key": visit.key} if visit.key else {}
    cursor: list[str] = []

    def page_of(number: int, _: int) -> Any:
        nonlocal cursor
        if number and not cursor:
            return {"events": []}
        asked = query | ({"after[]": cursor} if cursor else {})
        page = visit.json(visit.with_query(**asked), headers)
        told = page.get("after") if isinstance(page, Mapping) else None
        cursor = [str(one) for one in told] if isinstance(told, list) else []
        return page

    return visit.pages(page_of, _page, lambda page: page.get("total"), _identifier)


def _page(page: Any) -> list[Any]:
    events = page.get("events") if isinstance(page, Mapping) else None
    if not isinstance(events, list):
        raise SourceError("OpenAgenda gives pages with `events`, not this")
    return events


def _identifier(event: Mapping[str, Any]) -> str:
    return words(event.get("uid"))


def _record(visit: SourceVisit, event: Mapping[str, Any]) -> ConnectorRecord:
    # Instants of one shape (`2025-07-11T13:52:05.000Z`) are in the order of their texts.
    visit.reached = max(visit.reached, words(event.get("updatedAt")))
    identifier = _identifier(event)
    if not identifier:
        raise SourceError(f"an event has a `uid`, not {sorted(event)[:8]}")
    if event.get("removed") is True or _code(event.get("state"), PUBLISHED) != PUBLISHED:
        return gone(identifier)
    place = member(event, "location")
    # Its name and its address, each said once.
    name, address = words(place.get("name")), words(place.get("address"))
    is_named = name.casefold() in address.casefold()
    status = _code(event.get("status"), 1)
    attendance = ATTENDANCE.get(_code(event.get("attendanceMode"), 1), "")
    return SourceEvent(
        external_id=identifier,
        title=text_of(event.get("title")),
        description=_description(event),
        categories=text_of(event.get("keywords")),
        place=address if is_named else f"{name}, {address}".strip(", "),
        postcode=words(place.get("postalCode")),
        city=words(place.get("city")),
        citycode=words(place.get("insee")),
        lat=words(place.get("latitude")),
        lon=words(place.get("longitude")),
        attendance="online" if status == MOVED_ONLINE else attendance,
        page=words(first_of(event, "canonicalUrl", "url")),
        online_url=words(event.get("onlineAccessLink")),
        registration_url=_registration(event.get("registration")),
        zone=words(first_of(event, "timezone")) or words(place.get("timezone")),
        dates=_dates(event.get("timings")),
        status=STATUS.get(status, ""),
        note=NOTES.get(status, ""),
        updated_at=words(event.get("updatedAt")),
        licence=words(event.get("licence")),
    ).record()


def _description(event: Mapping[str, Any]) -> str:
    """Its short text, its long one, its conditions; and whom it names where it passes on what
    others told it (`attribution`: not OpenAgenda's, but of services like this one)."""
    told = [text_of(event.get(name)) for name in ("description", "longDescription", "conditions")]
    credit = words(event.get("attribution"))
    return "\n\n".join(filter(None, (*told, f"Source : {credit}" if credit else "")))


def text_of(value: Any) -> str:
    """A text for each language, or one for all: the first that says anything, French first."""
    if not isinstance(value, Mapping):
        return words(value)
    told = [*(value.get(language) for language in LANGUAGES), *value.values()]
    return next(filter(None, map(words, told)), "")


def _code(value: Any, default: int) -> int:
    """A code, also where it comes with its label (`includeLabels`)."""
    code = value.get("id") if isinstance(value, Mapping) else value
    if code is None:
        return default
    try:
        return int(code)
    except (TypeError, ValueError):
        raise SourceError(f"OpenAgenda's codes are numbers, not {str(code)[:40]!r}") from None


def _registration(told: Any) -> str:
    """The first link at which one registers."""
    for one in told if isinstance(told, list) else []:
        value = words(one.get("value")) if isinstance(one, Mapping) else words(one)
        if value.startswith(("https://", "http://")):
            return value
    return ""


def _dates(told: Any) -> tuple[tuple[str, str], ...]:
    timings = told if isinstance(told, list) else []
    return tuple(
        (words(one.get("begin")), words(one.get("end")))
        for one in timings
        if isinstance(one, Mapping)
    )


CONNECTOR = Connector(
    "openagenda",
    "OpenAgenda v2: the events of an agenda, by a reader's key",
    read,
    licence="Licence Ouverte",
    kind=RecordKind.EVENT,
)
