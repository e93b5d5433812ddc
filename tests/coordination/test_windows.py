"""Kept months and parts of months add up to what a plain count of the span would say."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapservice.coordination.windows import (
    WINDOW,
    Count,
    Months,
    Part,
    Slices,
    moment,
    month_of,
    months_between,
    next_month,
    slices,
)

FIRST = datetime(2023, 1, 1, tzinfo=UTC)
SECONDS = 4 * 365 * 86_400 - 1
moments = st.integers(0, SECONDS).map(lambda seconds: FIRST + timedelta(seconds=seconds))
months = st.sampled_from(list(months_between(date(2023, 1, 1), date(2027, 1, 1))))


def counted(wanted: Slices, created: list[datetime]) -> dict[Count, int]:
    """What the sums over these slices come to."""
    totals = dict.fromkeys(Count, 0)
    for part in wanted:
        if isinstance(part, Part):
            held = sum(part.start <= at < part.end for at in created)
            totals[Count.RECENT] += part.recent * held
            totals[Count.BEFORE] += part.before * held
        else:
            totals[part.count] += part.sign * sum(_in(part, at) for at in created)
    return totals


def _in(part: Months, at: datetime) -> bool:
    month = month_of(at.date())
    return (part.start is None or month >= part.start) and (part.end is None or month < part.end)


@given(
    created=st.lists(moments, max_size=30),
    now=moments,
    since=st.none() | months,
    until=st.none() | months,
)
def test_slices_add_up_to_the_span(
    created: list[datetime], now: datetime, since: date | None, until: date | None
) -> None:
    totals = counted(slices(since, until, now, FIRST.date()), created)
    end = moment(until) if until else now
    ours = [at for at in created if until is None or at < end]

    assert totals[Count.PERIOD] == sum(since is None or at >= moment(since) for at in ours)
    assert totals[Count.RECENT] == sum(at >= end - WINDOW for at in ours)
    assert totals[Count.BEFORE] == sum(end - 2 * WINDOW <= at < end - WINDOW for at in ours)


@given(now=moments, until=st.none() | months)
def test_never_more_than_half_a_month_is_read_singly_at_an_end(
    now: datetime, until: date | None
) -> None:
    parts = [part for part in slices(None, until, now, None) if isinstance(part, Part)]
    assert len(parts) <= 2
    assert all(part.end - part.start <= timedelta(days=15.5) for part in parts)


@pytest.mark.parametrize(("until", "whole"), [(date(2026, 6, 1), True), (date(2023, 3, 1), False)])
def test_a_late_end_is_all_less_what_came_after(until: date, whole: bool) -> None:
    now = datetime(2026, 11, 25, tzinfo=UTC)
    kept = slices(None, until, now, FIRST.date())[0]
    assert isinstance(kept, Months)
    assert (kept.end is None) is whole


def test_months_follow_each_other_through_the_year() -> None:
    assert next_month(date(2024, 12, 1)) == date(2025, 1, 1)
    assert list(months_between(date(2024, 1, 1), date(2024, 4, 1))) == [
        date(2024, 1, 1),
        date(2024, 2, 1),
        date(2024, 3, 1),
    ]
