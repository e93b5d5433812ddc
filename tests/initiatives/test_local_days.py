"""The day, the hour and the holidays of each place."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mapservice.initiatives.local_days import (
    FRANCE,
    area_of,
    days_of,
    easter,
    is_holiday,
    today,
    zone_of,
)


def test_easter_of_known_years() -> None:
    # Bureau des longitudes.
    known = {
        1954: date(1954, 4, 18),
        2000: date(2000, 4, 23),
        2008: date(2008, 3, 23),
        2025: date(2025, 4, 20),
        2026: date(2026, 4, 5),
        2038: date(2038, 4, 25),
        2049: date(2049, 4, 18),
    }
    assert {year: easter(year) for year in known} == known


def test_the_eleven_holidays_of_2026() -> None:
    every = [date(2026, 1, 1).fromordinal(date(2026, 1, 1).toordinal() + n) for n in range(365)]
    holidays = [f"{day:%m-%d}" for day in every if is_holiday(day, FRANCE)]
    assert holidays == [
        *("01-01", "04-06", "05-01", "05-08", "05-14", "05-25", "07-14"),
        *("08-15", "11-01", "11-11", "12-25"),
    ]


@pytest.mark.parametrize(
    ("area", "day", "verdict"),
    [
        ("974", "2026-12-20", True),
        ("R04", "2026-12-20", True),
        ("971", "2026-05-27", True),
        ("971", "2026-05-22", False),
        ("972", "2026-05-22", True),
        ("973", "2026-06-10", True),
        ("976", "2026-04-27", True),
        ("67", "2026-12-26", True),
        ("67", "2026-04-03", None),  # Good Friday: only in communes with a mixed church
        ("35", "2026-04-03", False),
        ("R44", "2026-12-26", None),  # some of Grand Est
    ],
)
def test_holidays_of_some_places(area: str, day: str, verdict: bool | None) -> None:
    assert is_holiday(date.fromisoformat(day), area) is verdict


def test_whose_clock_holds_where() -> None:
    assert area_of("35", "53") == FRANCE
    assert area_of("974", "04") == "974"
    assert area_of(None, "04") == "R04"
    assert area_of(None, None) == FRANCE
    noon = datetime(2026, 1, 15, 21, 30, tzinfo=UTC)
    assert today(noon, "974") == date(2026, 1, 16), "half past one there"
    assert today(noon, "971") == today(noon, FRANCE) == date(2026, 1, 15)
    assert noon.astimezone(zone_of("973")).hour == 18


def test_a_week_end_is_what_is_left_of_it() -> None:
    wednesday, saturday, sunday = date(2026, 5, 6), date(2026, 5, 9), date(2026, 5, 10)
    assert days_of("weekend", wednesday) == (saturday, sunday)
    assert days_of("weekend", saturday) == (saturday, sunday)
    assert days_of("weekend", sunday) == (sunday,)
    fortnight = days_of("fortnight", wednesday)
    assert (fortnight[0], fortnight[-1], len(fortnight)) == (
        wednesday,
        wednesday + timedelta(days=13),
        14,
    )
    assert days_of("today", sunday) == (sunday,)
    assert len(days_of("week", wednesday)) == 5
    assert days_of("week", sunday) == (sunday,)
