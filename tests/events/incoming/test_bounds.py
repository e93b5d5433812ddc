"""Calendars that would have one compute without end: what is counted is work, not seconds."""

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from dateutil import rrule

from mapservice.errors import InvalidInput
from mapservice.events.incoming import series_times
from mapservice.events.incoming.calendar_reading import _series, _unfolded
from mapservice.events.incoming.clocks import CalendarTime
from mapservice.events.incoming.model import CalendarEvent, CalendarSeries
from mapservice.events.recurrence import MAX_DATES, EventTimes, RecurrenceRule

START = datetime.fromisoformat("2026-03-02T18:30")
NEVER = (
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20270101",
    "FREQ=DAILY;BYMONTH=1;BYSETPOS=2",
    "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
    "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=3",
    "FREQ=MONTHLY;BYDAY=6MO",
    "FREQ=MONTHLY;INTERVAL=12;BYMONTH=4",
    "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=31",
)


@pytest.fixture
def periods(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many days, weeks, months and years dateutil has gone through."""
    count: Counter[str] = Counter()
    maker: Any = rrule

    def counting(was: Any) -> Any:
        def counted(*told: Any) -> Any:
            count["all"] += 1
            return was(*told)

        return counted

    for name in ("ddayset", "wdayset", "mdayset", "ydayset"):
        monkeypatch.setattr(maker._iterinfo, name, counting(getattr(maker._iterinfo, name)))
    return count


@pytest.mark.parametrize("rule", NEVER)
@pytest.mark.parametrize("year", [1900, 2026, 2095, 2200])
def test_a_rule_that_gives_no_date_is_refused_without_going_through_all_time(
    rule: str, year: int, periods: Counter[str]
) -> None:
    start = START.replace(year=year)
    start -= timedelta(days=start.weekday())
    times = EventTimes(start, timedelta(hours=1), "Europe/Paris", RecurrenceRule.parse(rule))
    with pytest.raises(InvalidInput, match="gives no date"):
        times.aligned()
    # 2095 and 2200 are close to a year that ends a century without a leap day.
    assert periods["all"] < (20_000 if year == 2026 else 150_000)


def test_the_first_date_of_a_rule_is_that_of_the_years_that_are_meant() -> None:
    choice = Random(7)
    for _ in range(300):
        start = datetime(choice.randint(1900, 2200), 1, 1, 18) + timedelta(
            days=choice.randrange(365)
        )
        text = choice.choice(
            (
                "FREQ=DAILY;INTERVAL=3",
                "FREQ=WEEKLY;BYDAY=TU,SU;INTERVAL=2",
                "FREQ=MONTHLY;BYDAY=-1FR",
                "FREQ=MONTHLY;BYMONTHDAY=31;INTERVAL=5",
                "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
                "FREQ=YEARLY;BYDAY=20MO",
                "FREQ=YEARLY",
                "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            )
        )
        times = EventTimes(start, timedelta(hours=1), "Europe/Paris", RecurrenceRule.parse(text))
        assert times.aligned().start == times._expanded()[0], (text, start)


def test_dates_that_are_told_apart_expand_their_rule_once(
    periods: Counter[str],
) -> None:
    def told(count: int) -> CalendarSeries:
        main = CalendarEvent(1, "x", begins=CalendarTime(START), rule="FREQ=DAILY")
        dates = [
            CalendarEvent(
                number,
                "x",
                begins=CalendarTime(START + timedelta(days=number)),
                recurrence=CalendarTime(START + timedelta(days=number)),
            )
            for number in range(2, count + 2)
        ]
        return next(_series([main, *dates]))

    now = START.astimezone()
    zones = ["Europe/Paris"] * (MAX_DATES + 1)
    series_times.series_times(told(MAX_DATES), "Europe/Paris", zones[1:], now)
    assert periods["all"] < 5 * MAX_DATES
    periods.clear()
    with pytest.raises(InvalidInput, match="more than 800 dates apart"):
        series_times.series_times(told(MAX_DATES + 1), "Europe/Paris", zones, now)
    assert periods["all"] < 10


def test_a_line_of_many_folds_is_one_line() -> None:
    lines = _unfolded("A:" + "\r\n x" * 200_000 + "\r\nB:1\r\n")
    assert (len(lines), len(lines[0]), lines[1]) == (2, 200_002, "B:1")
