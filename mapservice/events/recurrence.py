"""Recurrence (RFC 5545): the wall times that a rule gives, and which moments these are.

A series keeps wall time and an IANA zone, and each occurrence is made a moment by itself: so a
meeting at 18:30 stays at 18:30 when clocks change. dateutil expands the rules, in wall time.
"""

import re
from calendar import isleap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rruleset, rrulestr

from mapservice.errors import InvalidInput

# The zones in which France keeps time, by département; all others are that of Paris.
PARIS = "Europe/Paris"
ZONE_OF_DEPARTEMENT = {
    "971": "America/Guadeloupe",
    "972": "America/Martinique",
    "973": "America/Cayenne",
    "974": "Indian/Reunion",
    "975": "America/Miquelon",
    "976": "Indian/Mayotte",
    "977": "America/St_Barthelemy",
    "978": "America/Marigot",
    "986": "Pacific/Wallis",
    "987": "Pacific/Tahiti",
    "988": "Pacific/Noumea",
}
ZONES = (PARIS, *sorted(ZONE_OF_DEPARTEMENT.values()))

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
MAX_INTERVAL, MAX_COUNT = 99, 1000
MAX_DATES = 800
LONGEST_RULE = 300
SEARCHED_YEARS = 10  # in which a rule must give its first date

_DAY = re.compile(r"([+-]?[1-5]?[0-9]?)(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z?))?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """What we take of an RRULE; `days` hold an ordinal (0: each) and a day of the week.

    `until` is wall time in the zone of the series, inclusive.
    """

    frequency: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    days: tuple[tuple[int, str], ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: str = "MO"

    @classmethod
    def parse(cls, text: str, zone: str = PARIS) -> Self:
        """Raises InvalidInput, naming `rrule`, for what RFC 5545 forbids or we do not take."""
        if len(text) > LONGEST_RULE:
            raise _wrong("is too long")
        parts: dict[str, str] = {}
        for part in text.strip().upper().removeprefix("RRULE:").rstrip(";").split(";"):
            name, equals, value = part.partition("=")
            if not equals or not value or name in parts:
                raise _wrong(f"{part[:40]!r} is not NAME=VALUE, each name once")
            parts[name] = value
        frequency = parts.pop("FREQ", "")
        if frequency not in FREQUENCIES:
            raise _wrong(f"FREQ must be one of {', '.join(FREQUENCIES)}")
        interval = _number("INTERVAL", parts.pop("INTERVAL", "1"), 1, MAX_INTERVAL)
        days = _days(parts.pop("BYDAY", ""))
        month_days = _numbers("BYMONTHDAY", parts.pop("BYMONTHDAY", ""), 31, signed=True)
        months = _numbers("BYMONTH", parts.pop("BYMONTH", ""), 12)
        positions = _numbers("BYSETPOS", parts.pop("BYSETPOS", ""), 366, signed=True)
        count = parts.pop("COUNT", None)
        until = parts.pop("UNTIL", None)
        week_start = parts.pop("WKST", "MO")
        if parts:
            raise _wrong(f"{next(iter(parts))[:20]} is not supported")
        if count is not None and until is not None:
            raise _wrong("COUNT and UNTIL exclude each other")
        if week_start not in DAYS:
            raise _wrong("WKST must be a day of the week")
        made = cls(
            frequency,
            interval,
            count=None if count is None else _number("COUNT", count, 1, MAX_COUNT),
            until=None if until is None else _until(until, zone),
            days=days,
            month_days=month_days,
            months=months,
            positions=positions,
            week_start=week_start,
        )
        made.check()
        return made

    def check(self) -> None:
        """What RFC 5545, 3.3.10, forbids to stand together."""
        if any(ordinal for ordinal, _ in self.days) and self.frequency in ("DAILY", "WEEKLY"):
            raise _wrong("a numbered BYDAY needs FREQ=MONTHLY or YEARLY")
        if self.month_days and self.frequency == "WEEKLY":
            raise _wrong("BYMONTHDAY does not go with FREQ=WEEKLY")
        if self.positions and not (self.days or self.month_days or self.months):
            raise _wrong("BYSETPOS needs another BY part")

    def text(self, zone: str = PARIS, *, wall_time: bool = False) -> str:
        """The RRULE in canonical order; its UNTIL in UTC, as RFC 5545 asks beside a zone."""
        until = ""
        if self.until is not None and wall_time:
            until = f"{self.until:%Y%m%dT%H%M%S}"
        elif self.until is not None:
            until = f"{moment_of(self.until, zone):%Y%m%dT%H%M%SZ}"
        parts = (
            ("FREQ", self.frequency),
            ("INTERVAL", "" if self.interval == 1 else str(self.interval)),
            ("COUNT", "" if self.count is None else str(self.count)),
            ("UNTIL", until),
            ("BYMONTH", ",".join(map(str, self.months))),
            ("BYMONTHDAY", ",".join(map(str, self.month_days))),
            ("BYDAY", ",".join(f"{n or ''}{day}" for n, day in self.days)),
            ("BYSETPOS", ",".join(map(str, self.positions))),
            ("WKST", "" if self.week_start == "MO" else self.week_start),
        )
        return ";".join(f"{name}={value}" for name, value in parts if value)

    def ended_before(self, local: datetime) -> "RecurrenceRule":
        """The same rule, whose last occurrence lies before a wall time."""
        return replace(self, count=None, until=local - timedelta(seconds=1))


@dataclass(frozen=True, slots=True)
class EventTimes:
    """When a series takes place, in wall time of `zone`; `rule` None for a single event.

    `excluded` and `added` are wall times too: EXDATE and RDATE.
    """

    start: datetime
    duration: timedelta
    zone: str
    rule: RecurrenceRule | None = None
    excluded: tuple[datetime, ...] = ()
    added: tuple[datetime, ...] = ()

    def starts(self, before: datetime, limit: int = 100_000) -> list[datetime]:
        """The wall times of all occurrences that begin before a wall time, in order."""
        if self.rule is None:
            found = {self.start, *self.added} - set(self.excluded)
            return sorted(one for one in found if one < before)[:limit]
        dates = rruleset()
        dates.rrule(self._expanded())
        for one in self.added:
            dates.rdate(one)
        for one in self.excluded:
            dates.exdate(one)
        starts: list[datetime] = []
        for one in dates:
            if one >= before or len(starts) >= limit:
                break
            starts.append(one)
        return starts

    def aligned(self) -> "EventTimes":
        """Begins on the first wall time that the rule gives, from `start` on.

        What a rule means whose start is none of its own dates RFC 5545 leaves open; so no series
        of ours has one. Raises InvalidInput for a rule that gives no date at all.
        """
        if self.rule is None:
            return self
        first = self._first()
        if first is None:
            raise _wrong("gives no date")
        return replace(self, start=first)

    def skipping(self, skipped: Sequence[datetime], field: str) -> "EventTimes":
        """The same without some of its dates; midnight stands for whatever begins on that day.

        It begins with the first date that is left. For times that are `aligned`, of a rule. Raises
        InvalidInput naming the field, for what is none of its dates, or where none would be left.
        """
        assert self.rule is not None
        if not skipped:
            return self
        given = self.starts(max(skipped) + timedelta(days=1))
        gone: set[datetime] = set()
        for one in skipped:
            of_day = {date for date in given if date.date() == one.date()}
            meant = of_day if one.time() == time() else of_day & {one}
            if not meant:
                raise InvalidInput(field, f"{one:%Y-%m-%dT%H:%M} is none of the dates")
            gone |= meant
        kept = [one for one in given if one not in gone]
        first = kept[0] if kept else self._next_after(given[-1])
        if first is None:
            raise InvalidInput(field, "leaves no date")
        passed = sum(one < first for one in given)
        count = self.rule.count
        rule = replace(self.rule, count=count - passed if count is not None else None)
        later = tuple(sorted(one for one in gone if one > first))
        return replace(self, start=first, rule=rule, excluded=later)

    def _next_after(self, local: datetime) -> datetime | None:
        """The first date after one of its dates, within `SEARCHED_YEARS`."""
        assert self.rule is not None
        known = len(self.starts(local + timedelta(seconds=1)))
        horizon = local + timedelta(days=366 * SEARCHED_YEARS)
        found = self.starts(horizon, limit=known + 1)
        return found[known] if len(found) > known else None

    def moments(self, local: datetime) -> tuple[datetime, datetime]:
        """When an occurrence with this wall time begins and ends (UTC).

        The end keeps its wall time as well (RFC 5545, 3.8.2.4, takes DTEND for a wall time).
        """
        begins = moment_of(local, self.zone)
        ends = moment_of(local + self.duration, self.zone)
        return begins, max(ends, begins + timedelta(minutes=1))

    def _first(self) -> datetime | None:
        """The first date of the rule within `SEARCHED_YEARS`.

        dateutil looks for a date that never comes until the last year that there is. So it is asked
        in years shortly before that one, whose days fall alike.
        """
        assert self.rule is not None
        near_end = max(self.start.year, _alike_near_end(self.start.year))
        start = self.start.replace(year=near_end)
        rule = replace(self.rule, count=None, until=None)
        found = next(iter(replace(self, start=start, rule=rule)._expanded()), None)
        if found is None or found.year > near_end + SEARCHED_YEARS:
            return None
        first = found.replace(year=found.year - near_end + self.start.year)
        is_ended = self.rule.until is not None and first > self.rule.until
        return None if is_ended else first

    def _expanded(self) -> rrule:
        assert self.rule is not None
        found = rrulestr(self.rule.text(self.zone, wall_time=True), dtstart=self.start)
        assert isinstance(found, rrule)
        return found


@lru_cache(400)
def _alike_near_end(year: int) -> int:
    """The last year that begins a stretch of `SEARCHED_YEARS` and one in which each day is the day
    of the week that it is from this year on: mostly less than thirty years before the end."""

    def days(first: int) -> tuple[int, list[bool]]:
        leaps = [isleap(first + further) for further in range(SEARCHED_YEARS + 2)]
        return date(first, 1, 1).weekday(), leaps

    wanted = days(year)
    last = MAXYEAR - SEARCHED_YEARS - 1
    # The calendar repeats every 400 years.
    return next(one for one in range(last, last - 400, -1) if days(one) == wanted)


def moment_of(local: datetime, zone: str) -> datetime:
    """A wall time as a moment in UTC.

    Of a time that occurs twice it is the first one; one that a change of clocks leaves out is read
    by the offset before the change: both as RFC 5545, 3.3.5, says.
    """
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def is_on_clock(local: datetime, zone: str) -> bool:
    """Whether a wall time is one that clocks of a zone show: a change to summer time skips some."""
    return wall_time(moment_of(local, zone), zone) == local


def wall_time(moment: datetime, zone: str) -> datetime:
    """The wall time of a moment, without a zone."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def zone_of(departement: str | None) -> str:
    """The zone in which clocks of a département are read; that of Paris where it is unknown."""
    return ZONE_OF_DEPARTEMENT.get(departement or "", PARIS)


def read_zone(name: str) -> str:
    """Raises InvalidInput for a zone in which no part of France keeps time."""
    if name not in ZONES:
        raise InvalidInput("zone", f"is not one of {', '.join(ZONES)}")
    return name


def read_dates(text: str, field: str) -> tuple[datetime, ...]:
    """Wall times in ISO 8601 or days as written in France, between commas or blanks.

    A day without an hour is its midnight. Raises InvalidInput naming the field.
    """
    found = []
    for part in re.split(r"[,;\s]+", text.strip()):
        if part:
            try:
                if re.fullmatch(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}", part):
                    day, month, year = map(int, part.split("/"))
                    found.append(datetime.combine(date(year, month, day), time()))
                else:
                    found.append(datetime.fromisoformat(part).replace(tzinfo=None))
            except ValueError:
                raise InvalidInput(field, f"{part[:30]!r} is no date and time") from None
    if len(found) > MAX_DATES:
        raise InvalidInput(field, f"names more than {MAX_DATES} dates")
    return tuple(sorted(set(found)))


def simple_rule(kind: str, start: datetime, until: date | None) -> RecurrenceRule | None:
    """The rule of a choice in the form, from the day of its first date; None for none."""
    end = datetime.combine(until, time(23, 59, 59)) if until else None
    day = DAYS[start.weekday()]
    if kind == "weekly":
        return RecurrenceRule("WEEKLY", days=((0, day),), until=end)
    if kind == "fortnight":
        return RecurrenceRule("WEEKLY", interval=2, days=((0, day),), until=end)
    if kind == "monthly_day":
        nth = (start.day - 1) // 7 + 1
        return RecurrenceRule("MONTHLY", days=((nth if nth < 5 else -1, day),), until=end)
    if kind == "monthly_date":
        return RecurrenceRule("MONTHLY", month_days=(start.day,), until=end)
    if kind == "yearly":
        return RecurrenceRule("YEARLY", until=end)
    return None


SIMPLE_RULES = ("weekly", "fortnight", "monthly_day", "monthly_date", "yearly")


def _days(text: str) -> tuple[tuple[int, str], ...]:
    found: list[tuple[int, str]] = []
    for part in filter(None, text.split(",")):
        match = _DAY.fullmatch(part)
        if not match or match[1] in ("+", "-"):
            raise _wrong(f"{part[:20]!r} is no day of BYDAY")
        ordinal = int(match[1] or 0)
        if not -53 <= ordinal <= 53 or (match[1] and not ordinal):
            raise _wrong(f"{part[:20]!r} is no day of BYDAY")
        found.append((ordinal, match[2]))
    return tuple(dict.fromkeys(found))


def _numbers(name: str, text: str, most: int, *, signed: bool = False) -> tuple[int, ...]:
    if not text:
        return ()
    found = [_number(name, part, -most if signed else 1, most) for part in text.split(",")]
    if 0 in found:
        raise _wrong(f"{name} has no 0")
    return tuple(sorted(set(found)))


def _number(name: str, text: str, least: int, most: int) -> int:
    if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
        raise _wrong(f"{name} must be a number between {least} and {most}")
    return int(text)


def _until(text: str, zone: str) -> datetime:
    match = _UNTIL.fullmatch(text)
    try:
        if not match:
            raise ValueError(text)
        day = date.fromisoformat(match[1])
        if match[2] is None:
            return datetime.combine(day, time(23, 59, 59))
        clock = time(int(match[2][:2]), int(match[2][2:4]), int(match[2][4:]))
    except ValueError:
        raise _wrong("UNTIL is no date") from None
    until = datetime.combine(day, clock)
    return wall_time(until.replace(tzinfo=UTC), zone) if match[3] else until


def within_year(now: datetime) -> datetime:
    """Up to when occurrences are materialised: twelve months ahead."""
    try:
        return now.replace(year=now.year + 1)
    except ValueError:  # the 29th of February
        return now.replace(year=now.year + 1, day=28)


def upcoming(times: EventTimes, after: datetime, count: int) -> Sequence[datetime]:
    """The next occurrences, wall times from `after` on: for the page that asks whether it is so."""
    found: list[datetime] = []
    horizon = after.replace(year=min(after.year + 10, 9998))
    for one in times.starts(horizon, limit=20_000):
        if one >= after:
            found.append(one)
            if len(found) == count:
                break
    return found


def _wrong(reason: str) -> InvalidInput:
    return InvalidInput("rrule", reason)
