"""Which kept months and which single initiatives add up to a count over any span of time.

Counts are kept by month, of UTC. A span that begins within a month is what its months hold, and
the initiatives of a part of the first one: of the shorter part, to be added or taken away. So an
exact span of 90 days costs a few months of sums and at most half a month of initiatives at an end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

WINDOW = timedelta(days=90)
# Before it there are no two windows.
EARLIEST = datetime(3, 1, 1, tzinfo=UTC)
LEAP_DAY = (2, 29)


@dataclass(frozen=True, slots=True)
class MonthRange:
    """Whole months, `end` exclusive; None: open."""

    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class PartialMonth:
    """Single initiatives of a part of a month, `end` exclusive, and how often each counts for the
    recent window and for that of a year before."""

    recent: int
    before: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class ActivityWindows:
    """The last 90 days, and the same of a year before: months, with parts to add or take away."""

    recent: MonthRange
    before: MonthRange
    parts: tuple[PartialMonth, ...]


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A stretch of time, `end` exclusive."""

    start: datetime
    end: datetime


def spans(until: date | None, now: datetime) -> tuple[TimeSpan, TimeSpan]:
    """The last 90 days, and the same season of last year: that summer is not told from autumn.

    They end at `until`, a first day of a month, exclusive; else now; and a calendar year before.
    """
    end = max(moment(until) if until else now, EARLIEST)
    past = a_year_before(end)
    return TimeSpan(end - WINDOW, end), TimeSpan(past - WINDOW, past)


def a_year_before(at: datetime) -> datetime:
    """The same day of last year; 28 February for a leap day."""
    day = 28 if (at.month, at.day) == LEAP_DAY else at.day
    return at.replace(year=at.year - 1, day=day)


def windows(until: date | None, now: datetime) -> ActivityWindows:
    """Those of `spans`, as months and parts.

    Without `until` the recent one has no end, lest it miss what comes in while a page is made.
    """
    last, past = spans(until, now)
    recent, edge = _from(last.start)
    before, far_edge = _from(past.start)
    before_end, end_edge = _from(past.end)
    parts = [PartialMonth(sign, 0, *span) for sign, span in edge]
    parts += [PartialMonth(0, sign, *span) for sign, span in far_edge]
    parts += [PartialMonth(0, -sign, *span) for sign, span in end_edge]
    return ActivityWindows(MonthRange(recent, until), MonthRange(before, before_end), tuple(parts))


def moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def month_of(day: date) -> date:
    return date(day.year, day.month, 1)


def next_month(month: date) -> date:
    return month_of(date(month.year, month.month, 28) + timedelta(days=4))


def months_between(start: date, end: date) -> Iterator[date]:
    """First days of months from `start` on, `end` exclusive."""
    while start < end:
        yield start
        start = next_month(start)


def _from(start: datetime) -> tuple[date, list[tuple[int, tuple[datetime, datetime]]]]:
    """All since a moment: from which month on, and with which part of a month, signed."""
    month = month_of(start.date())
    head, tail = moment(month), moment(next_month(month))
    if start == head:
        return month, []
    if start - head <= tail - start:
        return month, [(-1, (head, start))]
    return next_month(month), [(1, (start, tail))]
