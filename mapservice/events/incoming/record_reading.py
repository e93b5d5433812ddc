"""Records of connectors about events (`SourceEvent`), as a sweep keeps them, one a line."""

import json
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

from mapservice.errors import InvalidInput, SourceError
from mapservice.events.incoming.calendar_reading import MOST_EVENTS, UID_LENGTH, YEARS
from mapservice.events.incoming.clocks import (
    UTC_CLOCK,
    CalendarClock,
    CalendarClocks,
    CalendarTime,
    zone_named,
)
from mapservice.events.incoming.model import (
    AddedDate,
    CalendarEvent,
    CalendarFile,
    CalendarSeries,
    CalendarTexts,
)
from mapservice.events.incoming.texts import Named, cleaned_texts, read_address, read_point
from mapservice.events.recurrence import MAX_DATES
from mapservice.imports.connectors.source_event import SourceEvent
from mapservice.imports.rows import CELL_LENGTH
from mapservice.imports.text import one_line, shortened
from mapservice.initiatives.licences import forbids_reuse

_CLOCKS = CalendarClocks({})

Bounds = tuple[CalendarTime, CalendarTime | None]


def read_records(path: Path) -> CalendarFile:
    """Raises SourceError for more events than one source has."""
    found = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if number > MOST_EVENTS:
                raise SourceError(f"the source gives more than {MOST_EVENTS} events")
            told = SourceEvent.of(json.loads(line)["properties"])
            found.append(CalendarSeries(_event(number, told)))
    return CalendarFile(path.name, tuple(found), encoding="utf-8", total=len(found))


def _event(number: int, told: SourceEvent) -> CalendarEvent:
    made = CalendarEvent(number, told.external_id[:UID_LENGTH], modified=_moment(told.updated_at))
    licence = shortened(one_line(told.licence), CELL_LENGTH)
    if told.withheld:
        return replace(made, skipped=told.withheld, is_withheld=True)
    if forbids_reuse(licence):
        why = f"licence: {licence[:80]!r} forbids reuse"
        return replace(made, rejected=why, is_withheld=True)
    notes: list[str] = []
    made = replace(made, texts=_texts(told, notes))
    try:
        return _understood(replace(made, licence=licence), told, notes)
    except InvalidInput as error:
        return replace(made, rejected=f"{error.field}: {error.reason}", problems=tuple(notes))


def _understood(made: CalendarEvent, told: SourceEvent, notes: list[str]) -> CalendarEvent:
    if len(told.external_id) > UID_LENGTH:
        raise InvalidInput("id", f"is longer than {UID_LENGTH} characters")
    made = replace(
        made,
        status=told.status.upper(),
        mode=told.attendance,
        note=shortened(one_line(told.note), CELL_LENGTH),
        problems=tuple(notes),
    )
    if made.status in ("CANCELLED", "POSTPONED"):
        return made  # whatever else it says, it takes place at none of its dates
    if not made.texts.title:
        raise InvalidInput("title", "is missing")
    (begins, ends), *rest = _dates(told, notes)
    point = read_point(told.lat, told.lon, Named("position", told.lat or told.lon), notes)
    return replace(
        made,
        begins=begins,
        ends=ends,
        added=tuple(AddedDate(*one) for one in rest),
        lon=point[0] if point else None,
        lat=point[1] if point else None,
        problems=tuple(notes),
    )


def _texts(told: SourceEvent, notes: list[str]) -> CalendarTexts:
    cleaned = cleaned_texts(
        title=Named("title", told.title),
        description=Named("description", told.description),
        location=Named("place", told.place),
        page=Named("page", told.page),
        categories=one_line(told.categories),
        online=[told.online_url],
        notes=notes,
    )
    return replace(
        cleaned,
        registration_url=read_address(Named("registration", told.registration_url), notes),
        postcode=shortened(one_line(told.postcode), CELL_LENGTH),
        city=shortened(one_line(told.city), CELL_LENGTH),
        citycode=shortened(one_line(told.citycode), CELL_LENGTH),
    )


def _dates(told: SourceEvent, notes: list[str]) -> list[Bounds]:
    """When it begins and ends, in order, each beginning once. Raises InvalidInput."""
    if not told.dates:
        raise InvalidInput("dates", "none is told: nobody knows when it takes place")
    if len(told.dates) > MAX_DATES:
        raise InvalidInput("dates", f"are more than {MAX_DATES}")
    named = zone_named(told.zone)
    if told.zone and not named:
        notes.append(f"zone: {told.zone[:60]!r} is none; taken as not told")
    clock = _CLOCKS.find(named) if named else None
    found: dict[datetime, Bounds] = {}
    for begin, end in told.dates:
        begins = _time(begin, clock)
        ends = _time(end, clock) if end else None
        if ends is not None and ends.local < begins.local:
            raise InvalidInput("dates", f"{end[:40]!r} lies before {begin[:40]!r}")
        former = found.setdefault(begins.local, (begins, ends))
        if former != (begins, ends):
            notes.append(f"dates: {begin[:40]!r} stands twice, with another end; the first counts")
    return [found[local] for local in sorted(found)]


def _time(value: str, clock: CalendarClock | None) -> CalendarTime:
    """A time of ISO 8601 by that clock; without one the moment, or a time on no clock."""
    text = value.strip()
    try:
        parsed = datetime.fromisoformat(text)
        if parsed.year not in YEARS:
            raise ValueError(text)
        moment = parsed.astimezone(UTC) if parsed.tzinfo else None
        by_clock = moment.astimezone((clock or UTC_CLOCK).zone) if moment else parsed
    except (ValueError, OverflowError):
        raise InvalidInput("dates", f"{text[:40]!r} is no date and time") from None
    local = by_clock.replace(tzinfo=None, microsecond=0)
    if moment is not None:
        return CalendarTime(local, clock or UTC_CLOCK)
    if len(text) <= len("2026-01-31"):
        return CalendarTime(datetime.combine(local.date(), time()), is_day=True)
    return CalendarTime(local, clock)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
