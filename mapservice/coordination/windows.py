"""Which kept months and which single initiatives add up to a count over any span of time.

Counts are kept by month, of UTC. A span that begins within a month is what its months hold, and
the initiatives of a part of the first one: of the shorter part, to be added or taken away. So an
exact span of 90 days costs a few months of sums and at most half a month of initiatives at an end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

WINDOW = timedelta(days=90)
# Sums over all months take as long to read as those of so many days.
ALL = timedelta(days=120)


class Count(StrEnum):
    """All of the period; the last 90 days; the 90 days before these."""

    PERIOD = "period"
    RECENT = "recent"
    BEFORE = "before"


@dataclass(frozen=True, slots=True)
class Months:
    """A sum over whole months, `end` exclusive, that counts `sign` times; None: open."""

    count: Count
    sign: int
    start: date | None
    end: date | None

    @property
    def whole(self) -> bool:
        return self.start is None and self.end is None


@dataclass(frozen=True, slots=True)
class Part:
    """Single initiatives of a part of a month, `end` exclusive, and how often each counts for the
    recent window and for the one before it."""

    recent: int
    before: int
    start: datetime
    end: datetime


Slices = tuple[Months | Part, ...]


def slices(since: date | None, until: date | None, now: datetime, first: date | None) -> Slices:
    """What to sum. `since` and `until`, exclusive, are first days of months or None; the windows
    end at `until`, else now. `first` is the earliest month that holds anything."""
    return (*period(since, until, now.date(), first), *windows(until, now))


def windows(until: date | None, now: datetime) -> Slices:
    """The two windows. Without `until` the recent one has no end, lest it miss what comes in
    while a page is made."""
    end = moment(until) if until else now
    recent, edge = _from(end - WINDOW)
    before, far_edge = _from(end - 2 * WINDOW)
    parts = [Part(sign, -sign, *span) for sign, span in edge]
    parts += [Part(0, sign, *span) for sign, span in far_edge]
    return (
        Months(Count.RECENT, 1, recent, until),
        Months(Count.BEFORE, 1, before, recent),
        *parts,
    )


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


def period(since: date | None, until: date | None, today: date, first: date | None) -> Slices:
    """The months of a period; where these are most, all less those before it and after it."""
    inside = (Months(Count.PERIOD, 1, since, until),)
    if first is None or inside[0].whole:
        return inside
    start, end = max(since or first, first), min(until or today, today)
    if (end - start) <= (start - first) + (today - end) + ALL:
        return inside
    before = [Months(Count.PERIOD, -1, None, since)] if since else []
    after = [Months(Count.PERIOD, -1, until, None)] if until else []
    return (Months(Count.PERIOD, 1, None, None), *before, *after)


def _from(start: datetime) -> tuple[date, list[tuple[int, tuple[datetime, datetime]]]]:
    """All since a moment: from which month on, and with which part of a month, signed."""
    month = month_of(start.date())
    head, tail = moment(month), moment(next_month(month))
    if start == head:
        return month, []
    if start - head <= tail - start:
        return month, [(-1, (head, start))]
    return next_month(month), [(1, (start, tail))]
