"""Series that began long ago, of which the last year alone is kept, imported again later."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Engine

from mapservice.events import service
from tests.events.incoming.calendars import Import, calendar, event, occurrences, paris, paris_end

# A Monday two years ago, so that each import keeps another first date.
NOW = datetime.now(UTC)
LONG_AGO = NOW.date() - timedelta(days=730 + NOW.weekday())
WEEK = timedelta(days=7)


def weekly(hour: str = "180000", day: int = 0, *lines: str) -> str:
    date = f"{LONG_AGO + timedelta(days=day):%Y%m%d}"
    return event(
        f"DTSTART;TZID=Europe/Paris:{date}T{hour}",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY",
        *lines,
        uid="hebdo",
    )


def by_id(engine: Engine) -> dict[Any, Any]:
    return {one.id: one for one in occurrences(engine)}


def test_another_hour_moves_each_date_by_that_alone_and_makes_no_past(
    engine: Engine, take: Import
) -> None:
    take(calendar(weekly()), now=NOW)
    before = by_id(engine)
    later = NOW + 8 * WEEK
    service.extend(engine, later)
    ahead = {key for key, one in before.items() if one.ends_at > later}
    take(calendar(weekly("183000")), now=later)
    after = by_id(engine)
    assert {after[key].starts_at - before[key].starts_at for key in ahead} == {
        timedelta(minutes=30)
    }
    assert {after[key].status for key in ahead} == {"moved"}
    over = [one for one in after.values() if one.ends_at <= later]
    assert {one.id for one in over} == set(before) - ahead
    assert all(one.starts_local.hour == 18 and one.starts_local.minute == 0 for one in over)
    assert "cancelled" not in {one.status for one in after.values()}
    # One a week, and no night adds to what is over.
    service.extend(engine, later + 2 * WEEK)
    rows = sorted(by_id(engine).values(), key=lambda one: one.starts_local)
    assert all(
        WEEK - timedelta(hours=1) < next_one.starts_local - one.starts_local
        for one, next_one in pairwise(rows)
    )
    assert len([one for one in rows if one.ends_at <= later]) == len(over)


def test_an_earlier_hour_a_week_later_is_no_other_week(engine: Engine, take: Import) -> None:
    take(calendar(weekly()), now=NOW)
    before = by_id(engine)
    later = NOW + WEEK
    take(calendar(weekly("173000")), now=later)
    after = by_id(engine)
    assert {
        after[key].starts_at - one.starts_at for key, one in before.items() if one.ends_at > later
    } == {-timedelta(minutes=30)}


def test_a_young_series_goes_from_monday_to_the_friday_that_is_told(
    engine: Engine, take: Import
) -> None:
    young = event(paris(7), paris_end(7), "RRULE:FREQ=WEEKLY;COUNT=6", uid="jeune")
    take(calendar(young))
    before = by_id(engine)
    take(calendar(young.replace(paris(7), paris(11)).replace(paris_end(7), paris_end(11))))
    moved = {by_id(engine)[key].starts_local - one.starts_local for key, one in before.items()}
    assert moved == {timedelta(days=4)}


def test_another_day_of_the_week_is_the_next_one(engine: Engine, take: Import) -> None:
    take(calendar(weekly()), now=NOW)
    before = by_id(engine)
    later = NOW + 8 * WEEK
    take(calendar(weekly(day=1)), now=later)
    after = by_id(engine)
    moved = [
        after[key].starts_local - one.starts_local
        for key, one in before.items()
        if one.ends_at > later
    ]
    assert set(moved) == {timedelta(days=1)}


def test_what_is_over_is_not_told_another_past(engine: Engine, take: Import) -> None:
    date = f"{NOW.date() + timedelta(days=2):%Y%m%d}"
    single = event(f"DTSTART;TZID=Europe/Paris:{date}T180000", "DURATION:PT1H", uid="un")
    take(calendar(single), now=NOW)
    before = by_id(engine)
    take(calendar(single.replace("T180000", "T170000")), now=NOW + WEEK)
    assert {key: one.starts_at for key, one in by_id(engine).items()} == {
        key: one.starts_at for key, one in before.items()
    }


def test_a_date_that_moved_more_often_does_not_hide_what_its_series_says_later(
    engine: Engine, take: Import
) -> None:
    date = f"{LONG_AGO + 110 * WEEK:%Y%m%d}"
    moved = event(
        f"RECURRENCE-ID;TZID=Europe/Paris:{date}T180000",
        f"DTSTART;TZID=Europe/Paris:{date}T200000",
        "DURATION:PT1H",
        "SEQUENCE:3",
        uid="hebdo",
    )
    take(calendar(weekly("180000", 0, "SEQUENCE:1"), moved))
    renamed = weekly("180000", 0, "SEQUENCE:2").replace("Repas de quartier", "Repas du soir")
    assert take(calendar(renamed, moved)).outcomes == ["updated"]
    assert "Repas du soir" in {one.title for one in occurrences(engine)}
    older = weekly("180000", 0, "SEQUENCE:1")
    assert take(calendar(older, moved)).outcomes == ["unchanged"]
