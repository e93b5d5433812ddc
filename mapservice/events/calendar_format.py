"""Events as calendars (RFC 5545): each occurrence by itself, or a series with its rule.

Written as text rather than through icalendar's components, which take 0.5 ms an event; that library
reads every feed back in the tests, as ical.js does. UIDs never change; SEQUENCE and LAST-MODIFIED
come from the event's row, so that an unchanged feed has the same bytes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from mapservice.events.model import (
    CANCELLED_DAYS,
    NO_LENGTH,
    Event,
    EventMode,
    EventStatus,
    is_whole_days,
)
from mapservice.events.queries import EventSeries
from mapservice.events.timezone_format import timezone_lines
from mapservice.geocoding.matching.normalise import fold

PRODUCT = "-//mapservice//events//FR"
LONGEST_LINE = 75  # octets, RFC 5545, 3.1
GONE = (EventStatus.CANCELLED, EventStatus.POSTPONED, EventStatus.REJECTED)
# In the calendar of its organiser alone: nobody has called it off, and nobody has admitted it yet.
UNSURE = (EventStatus.DRAFT, EventStatus.PENDING)
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """An event with what a calendar says of it in the language of its reader.

    `status` says what became of it where it was moved, postponed or cancelled, else "".
    """

    event: Event
    place: str
    theme: str
    url: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class CalendarFeed:
    """A calendar to follow; `page` is its address for people."""

    title: str
    page: str
    entries: Sequence[CalendarEntry]


def calendar(feed: CalendarFeed) -> bytes:
    """Each occurrence by itself, under its own UID."""
    lines = _head(feed.title, feed.page)
    lines += _zones([one.event for one in feed.entries])
    for entry in feed.entries:
        lines += ["BEGIN:VEVENT", f"UID:{entry.event.id}"]
        lines += [*_times(entry.event), *_described(entry), "END:VEVENT"]
    return _bytes(lines)


def series_calendar(
    parts: Sequence[tuple[EventSeries, Sequence[CalendarEntry]]], title: str, now: datetime
) -> bytes:
    """Whole series, each under a UID of its own: the rule, and those occurrences that differ from
    it.

    What was cancelled stays as such for 90 days; then its date is left out (EXDATE).
    """
    lines = _head(title, parts[0][1][0].url if parts else "")
    lines += _zones([one.event for _, entries in parts for one in entries])
    for series, entries in parts:
        lines += _series_lines(series, entries, now)
    return _bytes(lines)


def _series_lines(
    series: EventSeries, entries: Sequence[CalendarEntry], now: datetime
) -> list[str]:
    times = series.times
    uid = f"series-{series.id}"
    plain = [one for one in entries if not _differs(one.event, series)]
    master = _master(series, entries, plain or entries)
    since = now - timedelta(days=CANCELLED_DAYS)
    past = [
        one.event.recurrence_id
        for one in entries
        if one.event.status in GONE and one.event.changed_at <= since
    ]
    excluded = sorted({*times.excluded, *past})
    ends = times.start + times.duration
    is_whole = is_whole_days(times.start, ends)

    def moment(name: str, local: datetime) -> str:
        return _day(name, local) if is_whole else _local(name, local, times.zone)

    lines = ["BEGIN:VEVENT", f"UID:{uid}", moment("DTSTART", times.start)]
    if times.duration > NO_LENGTH:
        lines.append(moment("DTEND", ends))
    # Of a series that was called off whole, its rule ends before it began.
    is_over = bool(times.rule and times.rule.until and times.rule.until < times.start)
    if times.rule and not is_over:
        rule = times.rule.text(times.zone, wall_time=is_whole)
        # UNTIL is of the kind that DTSTART is (RFC 5545, 3.3.10).
        lines.append("RRULE:" + (re.sub(r"(UNTIL=\d{8})T\d{6}", r"\1", rule) if is_whole else rule))
    lines += [moment("EXDATE", one) for one in excluded]
    lines += [moment("RDATE", one) for one in times.added]
    lines += _described(master, confirmed=not is_over)
    lines.append("END:VEVENT")
    for entry in entries:
        own = entry.event
        if own.recurrence_id in past or not _differs(own, series):
            continue
        lines += ["BEGIN:VEVENT", f"UID:{uid}"]
        lines.append(moment("RECURRENCE-ID", own.recurrence_id))
        lines += _times(own) + _described(entry) + ["END:VEVENT"]
    return lines


def _master(
    series: EventSeries, entries: Sequence[CalendarEntry], plain: Sequence[CalendarEntry]
) -> CalendarEntry:
    """What is said of a series as a whole: as its last plain date has it, leading to its first.

    A calendar that holds a copy takes a rule that was cut short for news only if the number and the
    moment of the change say so, and neither ever falls.
    """
    last = plain[-1]
    highest = max(one.event.sequence for one in entries)
    changed = max(filter(None, (last.event.changed_at, series.retimed_at)))
    own = replace(last.event, sequence=series.sequence_base + highest, changed_at=changed)
    return replace(last, event=own, url=plain[0].url)


def _differs(event: Event, series: EventSeries) -> bool:
    """Whether an occurrence is other than the rule and its fellows say."""
    begins, ends = series.times.moments(event.recurrence_id)
    if (event.starts_at, event.ends_at) != (begins, ends):
        return True
    return event.status in (*GONE, *UNSURE, EventStatus.MOVED)


def _head(title: str, page: str) -> list[str]:
    lines = [
        "BEGIN:VCALENDAR",
        f"PRODID:{PRODUCT}",
        "VERSION:2.0",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{_text(title)}",
        f"X-WR-CALNAME:{_text(title)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
        "X-PUBLISHED-TTL:PT6H",
    ]
    return [*lines, f"URL:{page}"] if page else lines


def _times(event: Event) -> list[str]:
    """What tells no end has none here either: a moment (RFC 5545, 3.6.1). Whole days are days,
    wherever the reader is."""
    if is_whole_days(event.starts_local, event.ends_local):
        return [_day("DTSTART", event.starts_local), _day("DTEND", event.ends_local)]
    begins = _local("DTSTART", event.starts_local, event.zone)
    if not event.has_told_end:
        return [begins]
    return [begins, _local("DTEND", event.ends_local, event.zone)]


def _described(entry: CalendarEntry, *, confirmed: bool = False) -> list[str]:
    own = entry.event
    words = [] if confirmed else [entry.status, own.note]
    credit = own.attribution if own.is_from_elsewhere else ""
    told = (*words, own.summary, own.public_online_url, credit, entry.url)
    description = "\n\n".join(filter(None, told))
    lines = [
        f"DTSTAMP:{_utc(own.changed_at)}",
        f"CREATED:{_utc(own.created_at)}",
        f"LAST-MODIFIED:{_utc(own.changed_at)}",
        f"SEQUENCE:{own.sequence}",
        f"STATUS:{'CONFIRMED' if confirmed else _status(own)}",
        f"SUMMARY:{_text(own.title)}",
        f"DESCRIPTION:{_text(description)}",
        f"CATEGORIES:{_text(entry.theme)}",
        f"URL:{entry.url}",
    ]
    places = _places(own, entry.place)
    if places:
        lines.append(f"LOCATION:{_text(places)}")
    if own.lon is not None and own.lat is not None:
        lines.append(f"GEO:{own.lat:.6f};{own.lon:.6f}")
    return lines


def _status(event: Event) -> str:
    if event.status in GONE:
        return "CANCELLED"
    return "TENTATIVE" if event.status in UNSURE else "CONFIRMED"


def _places(event: Event, place: str) -> str:
    """The place as it was written, then what is known of it; the commune is said once."""
    written = event.place_text
    if not written or not place:
        return written or place
    said, name = fold(written), fold(event.commune_name or "")
    if not name or said == name:
        return place if said == name else f"{written} · {place}"
    # As a part of its own or after its postcode: "rue de Rennes" does not say that it is there.
    parts = [part.strip(" )") for part in re.split("[,;(·]", said)]
    if not any(re.fullmatch(rf"(.*\b[0-9]{{5}} )?{re.escape(name)}", part) for part in parts):
        return f"{written} · {place}"
    # The words of a place end with "and online" where it is both.
    return f"{written}, {place.rsplit(', ', 1)[-1]}" if event.mode is EventMode.BOTH else written


def _zones(events: Iterable[Event]) -> list[str]:
    """A VTIMEZONE for each zone that is named, over the years of its events."""
    spans: dict[str, tuple[int, int]] = {}
    for one in events:
        first, last = spans.get(one.zone, (9999, 0))
        year = one.starts_local.year
        spans[one.zone] = (min(first, year), max(last, year))
    return [
        line
        for zone in sorted(spans)
        for line in timezone_lines(zone, spans[zone][0] - 1, spans[zone][1] + 1)
    ]


def _local(name: str, local: datetime, zone: str) -> str:
    return f"{name};TZID={zone}:{local:%Y%m%dT%H%M%S}"


def _day(name: str, local: datetime) -> str:
    return f"{name};VALUE=DATE:{local:%Y%m%d}"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(words: str) -> str:
    """TEXT of RFC 5545, 3.3.11."""
    clean = _UNWRITABLE.sub("", words.replace("\r\n", "\n"))
    for sign, escaped in (("\\", "\\\\"), (";", r"\;"), (",", r"\,"), ("\n", r"\n")):
        clean = clean.replace(sign, escaped)
    return clean


def _bytes(lines: Sequence[str]) -> bytes:
    folded = [_folded(line.encode()) for line in lines]
    return b"\r\n".join([*folded, b"END:VCALENDAR", b""])


def _folded(line: bytes) -> bytes:
    """In lines of at most 75 octets, none of which cuts a character of UTF-8 in two."""
    if len(line) <= LONGEST_LINE:
        return line
    parts: list[bytes] = []
    begin, room = 0, LONGEST_LINE
    while len(line) - begin > room:
        end = begin + room
        while line[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        parts.append(line[begin:end])
        begin, room = end, LONGEST_LINE - 1  # the blank that continues a line
    return b"\r\n ".join([*parts, line[begin:]])
