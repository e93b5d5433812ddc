"""The clocks of calendars: which zone a TZID means, and the same moment on a clock of France.

Events of ours keep the wall time of a zone in which a part of France keeps time (`ZONES`). Most
calendars name one, under its own name, that of Windows, or by rules alone; of all others only
moments are taken, never their wall times.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from dateutil import tz
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from mapservice.errors import InvalidInput
from mapservice.events.recurrence import ZONES, moment_of, wall_time

# Clocks are the same that agree on these days of all of these years.
YEARS, DAYS = range(2024, 2033), (1, 8, 15, 22, 28)
MOST_DEFINITIONS = 200
ADDED_LINES = ("X-", "TZID-ALIAS-OF", "TZUNTIL")


@dataclass(frozen=True, slots=True)
class CalendarClock:
    """A clock that a calendar names; `french`: the zone of ours that agrees with it, or ""."""

    name: str
    zone: tzinfo
    french: str = ""


@dataclass(frozen=True, slots=True)
class CalendarTime:
    """A time as a calendar tells it: wall time on its clock, or on no clock in particular
    ("floating": that of whoever reads it). `is_day`: a whole day, from its midnight on."""

    local: datetime
    clock: CalendarClock | None = None
    is_day: bool = False

    @property
    def french(self) -> str:
        return self.clock.french if self.clock else ""

    def on(self, zone: str) -> datetime:
        """The wall time on a clock of ours."""
        if self.clock is None or self.clock.french == zone:
            return self.local
        if self.clock.french:
            return wall_time(moment_of(self.local, self.clock.french), zone)
        moment = self.local.replace(tzinfo=self.clock.zone).astimezone(UTC)
        return wall_time(moment, zone)


UTC_CLOCK = CalendarClock("UTC", UTC)


class CalendarClocks:
    """The clocks of one calendar, by the TZID that its times name; `definitions` are the lines of
    its VTIMEZONEs."""

    def __init__(self, definitions: Mapping[str, list[str]]) -> None:
        self._definitions = definitions
        self._known: dict[str, CalendarClock] = {}

    def find(self, tzid: str) -> CalendarClock:
        """Raises InvalidInput naming TZID for a name that nobody knows and the calendar does not
        define."""
        if tzid not in self._known:
            self._known[tzid] = self._read(tzid)
        return self._known[tzid]

    def _read(self, tzid: str) -> CalendarClock:
        if name := zone_named(tzid):
            return _named(name)
        lines = self._definitions.get(tzid)
        if lines is None:
            raise InvalidInput("TZID", f"{tzid[:60]!r} is no zone, and the calendar defines none")
        for line in lines:
            key, _, value = line.partition(":")
            if key.upper() in ("X-LIC-LOCATION", "TZID-ALIAS-OF") and zone_named(value):
                return _named(zone_named(value))
        # dateutil refuses the whole block for a line that makers, or RFC 7808, add to it.
        plain = [line for line in lines if not line.upper().startswith(ADDED_LINES)]
        block = "\r\n".join(["BEGIN:VTIMEZONE", *plain, "END:VTIMEZONE", ""])
        try:
            zone = tz.tzical(io.StringIO(block)).get()
            if zone is None:
                raise ValueError(tzid)
            french = _french(zone)
        except (ValueError, TypeError, OverflowError, AttributeError):
            raise InvalidInput("TZID", f"the rules of {tzid[:60]!r} cannot be read") from None
        return CalendarClock(tzid, zone, french)


def zone_named(tzid: str) -> str:
    """The IANA zone that a TZID names, "" for none: itself, behind a maker's prefix
    ("/freeassociation.sourceforge.net/Europe/Paris"), or as Windows calls it."""
    text = tzid.strip().strip('"').strip("/")
    if text in _zones():
        return text
    if text in WINDOWS_TO_OLSON:
        return WINDOWS_TO_OLSON[text]
    parts = text.split("/")
    for start in range(1, len(parts)):
        rest = "/".join(parts[start:])
        if rest in _zones() and "/" in rest:
            return rest
    return ""


@lru_cache(1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(64)
def _named(name: str) -> CalendarClock:
    zone = ZoneInfo(name)
    return CalendarClock(name, zone, name if name in ZONES else _french(zone))


def _french(zone: tzinfo) -> str:
    """The zone of ours whose clocks agree with another's through the year; "" for none."""
    offsets = _offsets(zone)
    return next((name for name in ZONES if _offsets_of(name) == offsets), "")


def steady_shift(clock: CalendarClock, zone: str) -> timedelta | None:
    """By how much a clock of ours is ahead of another, where that is the same all year."""
    shifts = {
        ours - theirs
        for ours, theirs in zip(_offsets_of(zone), _offsets(clock.zone), strict=True)
        if ours is not None and theirs is not None
    }
    return shifts.pop() if len(shifts) == 1 else None


@lru_cache(64)
def _offsets_of(zone: str) -> tuple[timedelta | None, ...]:
    return _offsets(ZoneInfo(zone))


def _offsets(zone: tzinfo) -> tuple[timedelta | None, ...]:
    return tuple(
        datetime(year, month, day, 12, tzinfo=zone).utcoffset()
        for year in YEARS
        for month in range(1, 13)
        for day in DAYS
    )
