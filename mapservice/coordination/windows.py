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
EARLIEST = datetime(2, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Months:
    """Whole months, `end` exclusive; None: open."""

    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class Part:
    """Single initiatives of a part of a month, `end` exclusive, and how often each counts for the
    recent window and for the one before it."""

    recent: int
    before: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Windows:
    """The last 90 days, and the 90 days before these: months, with parts to add or take away."""

    recent: Months
    before: Months
    parts: tuple[Part, ...]


def windows(until: date | None, now: datetime) -> Windows:
    """They end at `until`, a first day of a month, exclusive; else now.

    Without `until` the recent one has no end, lest it miss what comes in while a page is made.
    """
    end = max(moment(until) if until else now, EARLIEST)
    recent, edge = _from(end - WINDOW)
    before, far_edge = _from(end - 2 * WINDOW)
    parts = [Part(sign, -sign, *span) for sign, span in edge]
    parts += [Part(0, sign, *span) for sign, span in far_edge]
    return Windows(Months(recent, until), Months(before, recent), tuple(parts))


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
