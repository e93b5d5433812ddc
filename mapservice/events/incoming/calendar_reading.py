"""iCalendar (RFC 5545) read leniently: one event that cannot be read takes none of its neighbours.

icalendar parts the content lines; what they mean is read here, since its components
refuse a whole event for one bad value, and give bare wall times for zones that they do not know.
Nothing about persons (ORGANIZER, ATTENDEE, CONTACT) is read at all.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from icalendar.parser import Contentline

from mapservice.errors import InvalidInput, SourceError
from mapservice.events.incoming.clocks import (
    MOST_DEFINITIONS,
    UTC_CLOCK,
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
from mapservice.events.incoming.texts import Named, cleaned_texts, read_point
from mapservice.events.recurrence import MAX_DATES, ZONES
from mapservice.imports.readers import encodings
from mapservice.imports.rows import (
    CELL_LENGTH,
)
from mapservice.imports.text import one_line, shortened
from mapservice.initiatives.licences import forbids_reuse

MOST_BYTES = 64 * 1024 * 1024
MOST_EVENTS = 100_000
# RFC 7986, 5.3, asks for at most 255 octets.
UID_LENGTH = 300
YEARS = range(1900, 2201)
MOST_SEQUENCE = 2**31 - 1
STATUSES = ("", "TENTATIVE", "CONFIRMED", "CANCELLED")
PUBLIC_CLASSES = ("", "PUBLIC")

_TIME = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:T(\d{2}):?(\d{2})(?::?(\d{2}))?(?:\.\d+)?(Z?))?")
_DURATION = re.compile(
    r"\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?"
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
ONLINE = ("CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL")

Line = tuple[str, Mapping[str, str], str]


def read_calendar(path: Path) -> CalendarFile:
    """Raises SourceError for a file that is no calendar, or not all of one."""
    if path.stat().st_size > MOST_BYTES:
        raise SourceError(f"{path.name} is larger than {MOST_BYTES // 2**20} MiB")
    text, encoding = _text(path.read_bytes())
    lines = _unfolded(text)
    if not any(line.strip().upper() == "BEGIN:VCALENDAR" for line in lines[:50]):
        raise SourceError(f"{path.name} is no calendar: nothing begins one (BEGIN:VCALENDAR)")
    raw = _RawCalendar()
    raw.read(lines)
    if raw.depth:
        raise SourceError(f"{path.name} breaks off: a component of it does not end")
    if raw.method in ("REQUEST", "REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"):
        raise SourceError(f"{path.name} is a private invitation (METHOD:{raw.method})")
    clocks = CalendarClocks(raw.zones)
    found = [
        _event(number, properties, bad, clocks, is_cancelling=raw.method == "CANCEL")
        for number, (properties, bad) in enumerate(raw.events, start=1)
    ]
    named = zone_named(raw.zone)
    french = named if named in ZONES else clocks.find(named).french if named else ""
    return CalendarFile(
        file_name=path.name,
        series=tuple(_series(found)),
        zone=french,
        problems=tuple(raw.problems),
        encoding=encoding,
        total=len(found),
    )


def _text(content: bytes) -> tuple[str, str]:
    content = content.removeprefix(b"\xef\xbb\xbf")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), "utf-16"
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        guess = encodings.guess(content.splitlines())
        encoding = guess.encoding if guess else encodings.DEFAULT
        parts = content.split(b"\n")
        decoded = (
            part.decode("utf-8") if encodings.is_utf8(part) else part.decode(encoding, "replace")
            for part in parts
        )
        return "\n".join(decoded), str(guess or encoding)


def _unfolded(text: str) -> list[str]:
    """The content lines (RFC 5545, 3.1). A line that neither begins with a blank nor has a name
    stands for itself, and is told as one that cannot be read."""
    # Joined once at the end: a line of a thousand folds is not to be copied a thousand times.
    parts: list[list[str]] = []
    for line in re.split(r"\r\n|\r|\n", text):
        if line[:1] in (" ", "\t") and parts:
            parts[-1].append(line[1:])
        elif line:
            parts.append([line])
    return ["".join(one) for one in parts]


@dataclass(slots=True)
class _RawCalendar:
    """The lines of events and zones, parted."""

    events: list[tuple[list[Line], list[str]]] = field(default_factory=list)
    zones: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    zone: str = ""
    method: str = ""
    depth: int = 0

    def read(self, lines: Sequence[str]) -> None:
        stack: list[str] = []
        event: tuple[list[Line], list[str]] | None = None
        zone: list[str] | None = None
        other = 0
        for line in lines:
            name = line.partition(":")[0].strip().upper()
            kind = line.partition(":")[2].strip().upper()
            if name == "BEGIN":
                stack.append(kind)
                if kind == "VEVENT" and event is None:
                    event = ([], [])
                elif kind == "VTIMEZONE":
                    zone = []
                elif zone is not None:
                    zone.append(line.strip())
                elif kind in ("VTODO", "VJOURNAL", "VFREEBUSY"):
                    other += 1
            elif name == "END":
                if not stack or stack[-1] != kind:
                    raise SourceError(f"the calendar is broken: END:{kind[:40]} ends nothing")
                stack.pop()
                if kind == "VEVENT" and event is not None and "VEVENT" not in stack:
                    self.events.append(event)
                    event = None
                elif kind == "VTIMEZONE" and zone is not None:
                    self._keep_zone(zone)
                    zone = None
                elif zone is not None:
                    zone.append(line.strip())
                if len(self.events) > MOST_EVENTS:
                    raise SourceError(f"the calendar holds more than {MOST_EVENTS} events")
            elif zone is not None:
                zone.append(line.strip())
            elif event is not None and stack[-1:] == ["VEVENT"]:
                try:
                    event[0].append(_parted(line))
                except ValueError:
                    event[1].append(f"the line {line[:40]!r} cannot be read; left out")
            elif stack == ["VCALENDAR"] and name.startswith("X-WR-TIMEZONE"):
                self.zone = line.partition(":")[2].strip()
            elif stack == ["VCALENDAR"] and name == "METHOD":
                self.method = kind
        self.depth = len(stack)
        if other:
            self.problems.append(f"{other} tasks, notes and busy times: no events, left out")

    def _keep_zone(self, lines: list[str]) -> None:
        for line in lines:
            if line.upper().startswith("TZID") and len(self.zones) < MOST_DEFINITIONS:
                # As the TZID of times is, which name it.
                self.zones[_plain(line.partition(":")[2]).strip()] = lines
                return


def _parted(line: str) -> Line:
    """Name, parameters and value, unescaped once and nowhere else; raises ValueError."""
    untyped: Any = Contentline
    name, parameters, value = untyped(line).raw_parts()
    told = {
        str(key).upper(): ",".join(one) if isinstance(one, list) else str(one)
        for key, one in parameters.items()
    }
    return name.upper(), told, _plain(str(value))


def _event(
    number: int,
    lines: Sequence[Line],
    bad: list[str],
    clocks: CalendarClocks,
    *,
    is_cancelling: bool,
) -> CalendarEvent:
    told: dict[str, list[Line]] = {}
    for line in lines:
        told.setdefault(line[0], []).append(line)

    def one(name: str) -> str:
        return told[name][0][2].strip() if name in told else ""

    uid = one_line(one("UID"))
    notes = list(bad)
    texts = _texts(told, notes)
    made = CalendarEvent(number, uid[:UID_LENGTH], texts, problems=tuple(notes))
    sequence = one("SEQUENCE")
    is_number = sequence.isascii() and sequence.isdigit() and len(sequence) < 10
    # Which version it is counts for what is private too: no older one is to stand for it.
    made = replace(made, sequence=int(sequence) if is_number else 0, modified=_moment(told, clocks))
    kind = one("CLASS").upper()
    try:
        made = replace(made, recurrence=_recurrence(told, clocks))
        if kind in PUBLIC_CLASSES:
            return _understood(made, told, clocks, notes, is_cancelling=is_cancelling)
    except InvalidInput as error:
        if kind in PUBLIC_CLASSES:
            told_reason = f"{error.field}: {error.reason}"
            return replace(made, rejected=told_reason, is_withheld=error.field == "LICENSE")
    # Neither its title nor its place stands in any report, nor a line of it.
    return replace(
        made,
        texts=CalendarTexts(),
        problems=(),
        skipped=f"is not for the public (CLASS:{kind[:20]})",
        is_withheld=True,
    )


def _recurrence(told: Mapping[str, list[Line]], clocks: CalendarClocks) -> CalendarTime | None:
    """Which date of its series a VEVENT tells; None for the series itself. Raises InvalidInput."""
    if "RECURRENCE-ID" not in told:
        return None
    line = told["RECURRENCE-ID"][0]
    if "RANGE" in line[1]:
        raise InvalidInput("RECURRENCE-ID", "with RANGE (this and the following) is not taken")
    return _time(line[2], line[1], clocks, "RECURRENCE-ID")


def _understood(
    made: CalendarEvent,
    told: Mapping[str, list[Line]],
    clocks: CalendarClocks,
    notes: list[str],
    *,
    is_cancelling: bool,
) -> CalendarEvent:
    def one(name: str) -> str:
        return told[name][0][2].strip() if name in told else ""

    if not made.uid:
        raise InvalidInput("UID", "is missing: nothing would tell this event at the next import")
    if len(one("UID")) > UID_LENGTH:
        raise InvalidInput("UID", f"is longer than {UID_LENGTH} characters")
    status = one("STATUS").upper()
    if status not in STATUSES:
        notes.append(f"STATUS: {status[:20]!r} is none of an event; taken as not told")
        status = ""
    made = replace(made, status="CANCELLED" if is_cancelling else status)
    licence = shortened(one_line(one("LICENSE") or one("X-LICENSE")), CELL_LENGTH)
    if forbids_reuse(licence):
        raise InvalidInput("LICENSE", f"{licence[:80]!r} forbids reuse")
    if "DTSTART" not in told:
        if made.status == "CANCELLED":
            return replace(made, problems=tuple(notes))
        raise InvalidInput("DTSTART", "is missing: nobody knows when it begins")
    begins = _time(told["DTSTART"][0][2], told["DTSTART"][0][1], clocks, "DTSTART")
    ends = None
    duration = None
    if "DTEND" in told:
        ends = _time(told["DTEND"][0][2], told["DTEND"][0][1], clocks, "DTEND")
    elif "DURATION" in told:
        duration = _duration(one("DURATION"))
    if len(told.get("RRULE", ())) > 1:
        raise InvalidInput("RRULE", "stands more than once, which RFC 5545 advises against")
    if "EXRULE" in told:
        raise InvalidInput("EXRULE", "is not taken: RFC 5545 has none")
    # GEO has the latitude first.
    lat, _, lon = re.sub(r"[;,\\]+", ";", one("GEO")).partition(";")
    point = read_point(lat, lon, Named("GEO", one("GEO")), notes)
    return replace(
        made,
        lon=point[0] if point else None,
        lat=point[1] if point else None,
        begins=begins,
        ends=ends,
        duration=duration,
        rule=one("RRULE"),
        added=tuple(_added(told.get("RDATE", ()), clocks)),
        excluded=tuple(_excluded(told.get("EXDATE", ()), clocks)),
        licence=licence,
        problems=tuple(notes),
    )


def _texts(told: Mapping[str, list[Line]], notes: list[str]) -> CalendarTexts:
    def text(name: str) -> str:
        return told[name][0][2] if name in told else ""

    categories = ", ".join(one_line(value) for _, _, value in told.get("CATEGORIES", ())[:20])
    return cleaned_texts(
        title=Named("SUMMARY", text("SUMMARY")),
        description=Named("DESCRIPTION", text("DESCRIPTION")),
        location=Named("LOCATION", text("LOCATION")),
        page=Named("URL", text("URL")),
        categories=categories,
        online=[text(name) for name in ONLINE],
        notes=notes,
    )


def _plain(value: str) -> str:
    """TEXT of RFC 5545, 3.3.11."""
    return _ESCAPED.sub(lambda sign: "\n" if sign[1] in "nN" else sign[1], value)


def _time(
    value: str, parameters: Mapping[str, str], clocks: CalendarClocks, name: str
) -> CalendarTime:
    match = _TIME.fullmatch(value.strip().upper().replace(" ", "T", 1))
    try:
        if not match:
            raise ValueError(value)
        day = date(int(match[1]), int(match[2]), int(match[3]))
        if day.year not in YEARS:
            raise ValueError(value)
        if match[4] is None:
            return CalendarTime(datetime.combine(day, time()), is_day=True)
        second = min(int(match[6] or 0), 59)  # a leap second
        local = datetime.combine(day, time(int(match[4]), int(match[5]), second))
    except ValueError:
        raise InvalidInput(name, f"{value[:40]!r} is no date and time") from None
    if match[7]:
        return CalendarTime(local, UTC_CLOCK)
    tzid = parameters.get("TZID", "")
    return CalendarTime(local, clocks.find(tzid) if tzid else None)


def _duration(value: str) -> timedelta:
    match = _DURATION.fullmatch(value.strip().upper())
    if not match or not any(match.groups()):
        raise InvalidInput("DURATION", f"{value[:40]!r} is no length of time")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _added(lines: Sequence[Line], clocks: CalendarClocks) -> Iterator[AddedDate]:
    values = [(value, line[1]) for line in lines for value in line[2].split(",") if value.strip()]
    if len(values) > MAX_DATES:
        raise InvalidInput("RDATE", f"names more than {MAX_DATES} dates")
    for value, parameters in values:
        begins, slash, rest = value.partition("/")
        first = _time(begins, parameters, clocks, "RDATE")
        if not slash:
            yield AddedDate(first)
        elif rest.strip().upper().lstrip("+").startswith("P"):
            yield AddedDate(first, duration=_duration(rest))
        else:
            yield AddedDate(first, ends=_time(rest, parameters, clocks, "RDATE"))


def _excluded(lines: Sequence[Line], clocks: CalendarClocks) -> Iterator[CalendarTime]:
    values = [(value, line[1]) for line in lines for value in line[2].split(",") if value.strip()]
    if len(values) > MAX_DATES:
        raise InvalidInput("EXDATE", f"names more than {MAX_DATES} dates")
    for value, parameters in values:
        yield _time(value, parameters, clocks, "EXDATE")


def _moment(told: Mapping[str, list[Line]], clocks: CalendarClocks) -> datetime | None:
    """LAST-MODIFIED, where it is one."""
    if "LAST-MODIFIED" not in told:
        return None
    try:
        found = _time(told["LAST-MODIFIED"][0][2], {}, clocks, "LAST-MODIFIED")
    except InvalidInput:
        return None
    return found.local.replace(tzinfo=UTC)


def _series(events: Sequence[CalendarEvent]) -> Iterator[CalendarSeries]:
    """By UID, in the order of the calendar; of versions of the same the newest is taken."""
    by_uid: dict[str, list[CalendarEvent]] = {}
    for event in events:
        by_uid.setdefault(event.uid or f"#{event.number}", []).append(event)
    for found in by_uid.values():
        newest: dict[datetime | None, CalendarEvent] = {}
        others: list[int] = []
        for event in found:
            key = event.recurrence.local if event.recurrence else None
            former = newest.get(key)
            if former is None or _version(event) >= _version(former):
                newest[key] = event
                others += [former.number] if former else []
            else:
                others.append(event.number)
        main = newest.pop(None, None)
        dates = tuple(newest.values())
        if main is None:
            # Dates alone: the first of them stands for all.
            main = dates[0]
        yield CalendarSeries(main, dates, tuple(sorted(others)))


def _version(event: CalendarEvent) -> tuple[int, datetime]:
    return event.sequence, event.modified or datetime.min.replace(tzinfo=UTC)
