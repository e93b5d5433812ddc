"""Kept months and parts of months add up to what a plain count of the span would say."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mapservice.dashboards.model import (
    WINDOW,
    MonthRange,
    a_year_before,
    moment,
    month_of,
    months_between,
    next_month,
    spans,
    windows,
)

FIRST = datetime(2023, 1, 1, tzinfo=UTC)
SECONDS = 4 * 365 * 86_400 - 1
moments = st.integers(0, SECONDS).map(lambda seconds: FIRST + timedelta(seconds=seconds))
months = st.sampled_from(list(months_between(date(2023, 1, 1), date(2027, 1, 1))))


def counted(created: list[datetime], until: date | None, now: datetime) -> tuple[int, int]:
    """What the months and parts of the two windows come to."""
    wanted = windows(until, now)
    recent = sum(_in(wanted.recent, at) for at in created)
    before = sum(_in(wanted.before, at) for at in created)
    for part in wanted.parts:
        held = sum(part.start <= at < part.end for at in created)
        recent += part.recent * held
        before += part.before * held
    return recent, before


def _in(part: MonthRange, at: datetime) -> bool:
    month = month_of(at.date())
    return month >= part.start and (part.end is None or month < part.end)


@given(created=st.lists(moments, max_size=30), now=moments, until=st.none() | months)
def test_months_and_parts_add_up_to_the_windows(
    created: list[datetime], now: datetime, until: date | None
) -> None:
    end = moment(until) if until else now
    ours = [at for at in created if until is None or at < end]
    assert counted(created, until, now) == (
        sum(at >= end - WINDOW for at in ours),
        sum(a_year_before(end) - WINDOW <= at < a_year_before(end) for at in ours),
    )


@given(now=moments, until=st.none() | months)
def test_never_more_than_half_a_month_is_read_singly_at_an_end(
    now: datetime, until: date | None
) -> None:
    parts = windows(until, now).parts
    assert len(parts) <= 3
    assert all(part.end - part.start <= timedelta(days=15.5) for part in parts)


def test_months_follow_each_other_through_the_year() -> None:
    assert next_month(date(2024, 12, 1)) == date(2025, 1, 1)
    assert list(months_between(date(2024, 1, 1), date(2024, 4, 1))) == [
        date(2024, 1, 1),
        date(2024, 2, 1),
        date(2024, 3, 1),
    ]


def test_a_season_is_compared_with_the_same_of_last_year() -> None:
    """Autumn with autumn, also where February has a day more."""
    last, past = spans(date(2026, 12, 1), datetime(2027, 5, 5, tzinfo=UTC))
    assert (last.start, last.end) == (datetime(2026, 9, 2, tzinfo=UTC), moment(date(2026, 12, 1)))
    assert (past.start, past.end) == (datetime(2025, 9, 2, tzinfo=UTC), moment(date(2025, 12, 1)))
    leap = datetime(2024, 2, 29, 12, tzinfo=UTC)
    assert spans(None, leap)[1].end == datetime(2023, 2, 28, 12, tzinfo=UTC)
