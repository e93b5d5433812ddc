"""Which local days "today", "this weekend" and "this week" are: pure arithmetic of days.

Every list that can be asked `when=` reads the words here, so that they mean the same everywhere.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

SATURDAY = 5  # as `date.weekday()` counts, from Monday on
WEEK_DAYS = 7


class When(StrEnum):
    """Words for days near today."""

    TODAY = "today"
    WEEKEND = "weekend"
    WEEK = "week"


@dataclass(frozen=True, slots=True)
class DaySpan:
    """Local days from `first` up to `end`, which is no longer part of it."""

    first: date
    end: date


def local_days(when: When, today: date) -> DaySpan:
    """`today` is the day at the place in question.

    The weekend is Saturday and Sunday: the next ones, or those under way. The week is that of
    ISO 8601, from Monday to Sunday, in which today lies.
    """
    if when is When.TODAY:
        return DaySpan(today, today + timedelta(days=1))
    monday = today - timedelta(days=today.weekday())
    end = monday + timedelta(days=WEEK_DAYS)
    return DaySpan(monday + timedelta(days=SATURDAY) if when is When.WEEKEND else monday, end)
