"""Made-up events: the sample that a new service shows, and load for trials and benchmarks.

Dates are relative to the moment of the load, so that the sample always lies ahead; loading it again
replaces it.
"""

import csv
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from mapservice.contributions.proposals.model import ProposedPlace
from mapservice.events import service
from mapservice.events.model import (
    GENERATED,
    SAMPLE,
    EventContent,
    EventMode,
    EventStatus,
    RegistrationMode,
)
from mapservice.events.recurrence import (
    DAYS,
    EventTimes,
    RecurrenceRule,
    wall_time,
    within_year,
    zone_of,
)
from mapservice.geocoding.service import Locator
from mapservice.imports.fixtures.generate import GeneratedInitiative, LoadDice
from mapservice.imports.fixtures.generate import generate as generate_initiatives
from mapservice.imports.fixtures.service import commune_weights, copy_in, generated_place, settle
from mapservice.initiatives.model import Theme
from mapservice.initiatives.queries import SAMPLE_PLATFORM
from mapservice.rollups.service import compact
from mapservice.settings import asset_folder

SAMPLE_FILE = Path("sample", "events.csv")
BATCH_SERIES = 4_000
HOURS = (9, 10, 11, 14, 15, 17, 18, 18, 19, 19, 20)

COPY_SERIES = """
COPY event_series (id, starts_local, duration, zone, rrule, made_until, published_at, source)
FROM STDIN"""

COPY_EVENTS = """
COPY event (series, recurrence_id, status, title, summary, theme, starts_at, ends_at, zone,
            starts_local, ends_local, mode, place_text, precision, commune, point, registration)
FROM STDIN"""

IN_USE = """
SELECT EXISTS (SELECT FROM event)
    OR EXISTS (SELECT FROM initiative WHERE source_platform <> :sample)
    OR NOT EXISTS (SELECT FROM initiative)"""


def is_in_use(connection: Connection) -> bool:
    """Whether there are events, or not the sample of initiatives alone, which made-up ones join."""
    bound = {"sample": SAMPLE_PLATFORM}
    return bool(connection.execute(text(IN_USE), bound).scalar_one())


def remove(connection: Connection, source: str = SAMPLE) -> int:
    """Deletes the series of the sample, or those that were generated; returns how many."""
    statement = text("DELETE FROM event_series WHERE source = :source")
    return connection.execute(statement, {"source": source}).rowcount


def load_sample(connection: Connection, locator: Locator, now: datetime) -> int:
    """Replaces the sample by one whose dates lie ahead of `now`; returns how many series.

    In one transaction: who reads meanwhile sees the former one.
    """
    remove(connection)
    with (asset_folder("geodata") / SAMPLE_FILE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        content = _content(row)
        reading = service.understand(connection, locator, content)
        placement = reading.placement if reading else None
        zone = service.zone_at(connection, placement)
        start = datetime.combine(
            sample_day(now.date(), int(row["week"]), int(row["weekday"])),
            time.fromisoformat(row["time"]),
        )
        times = EventTimes(
            start, timedelta(minutes=int(row["minutes"])), zone, _rule(row["rrule"], start)
        )
        series = service.make_series(
            connection, content, times, placement, EventStatus.PUBLISHED, now, source=SAMPLE
        )
        connection.execute(
            text("UPDATE event_series SET published_at = now() WHERE id = :id"), {"id": series}
        )
    return len(rows)


def sample_day(today: date, week: int, weekday: int) -> date:
    """A weekday of a week from today's on; one that is over lies a week later."""
    day = today - timedelta(days=today.weekday()) + timedelta(days=7 * week + weekday)
    return day if day > today else day + timedelta(days=7)


def _rule(kind: str, start: datetime) -> RecurrenceRule | None:
    if not kind:
        return None
    rule = RecurrenceRule.parse(kind)
    day = DAYS[start.weekday()]
    if rule.frequency == "MONTHLY":
        nth = (start.day - 1) // 7 + 1
        return RecurrenceRule("MONTHLY", days=((nth if nth < 5 else -1, day),))
    return RecurrenceRule(rule.frequency, rule.interval, days=((0, day),))


def _content(row: dict[str, str]) -> EventContent:
    choice = f"commune:{row['insee']}" if row["insee"] else ""
    return EventContent(
        title=row["title"],
        summary=row["summary"],
        description="",
        theme=Theme(row["theme"]),
        mode=EventMode(row["mode"]),
        place=ProposedPlace(row["place"], choice=choice),
        registration=RegistrationMode(row["registration"]),
        capacity=int(row["capacity"]) if row["capacity"] else None,
        max_seats=3 if row["capacity"] else 1,
    )


def generate(
    engine: Engine, count: int, seed: int, advance: Callable[[int], None], now: datetime
) -> None:
    """Writes `count` made-up occurrences of the year to come, spread by population.

    A third of the series takes place once, a third each month, a third each week; the same ones for
    the same seed, territories and day.
    """
    made = generate_initiatives(max(1, count), seed, commune_weights(engine))
    dice = LoadDice(seed)
    left = count
    while left > 0:
        series_rows: list[tuple[Any, ...]] = []
        event_rows: list[tuple[Any, ...]] = []
        with engine.connect() as connection:
            ids = connection.execute(
                text("SELECT uuid_v7() FROM generate_series(1, :n)"), {"n": BATCH_SERIES}
            ).scalars()
            for identifier in list(ids):
                if left <= 0:
                    break
                one = next(made)
                times = _random_times(dice, one, now)
                starts = times.starts(wall_time(within_year(now), times.zone))[:left]
                if not starts:
                    continue
                left -= len(starts)
                rrule = times.rule.text(times.zone) if times.rule else ""
                until = now + timedelta(days=365)
                series_rows.append(
                    (identifier, times.start, times.duration, times.zone, rrule, until, now,
                     GENERATED)
                )  # fmt: skip
                event_rows += [_event_row(identifier, one, times, start) for start in starts]
        copy_in(engine, [(COPY_SERIES, series_rows), (COPY_EVENTS, event_rows)])
        compact(engine)
        advance(len(event_rows))
    settle(engine, "event", "event_series")


def _random_times(dice: LoadDice, one: GeneratedInitiative, now: datetime) -> EventTimes:
    kind = dice.randrange(3)
    ahead = dice.randrange(330 if kind == 0 else 60)
    day = now.date() + timedelta(days=ahead + 1)
    start = datetime.combine(day, time(dice.choice(HOURS), dice.choice((0, 30))))
    zone = zone_of(one.commune[:3] if one.commune.startswith("97") else None)
    length = timedelta(minutes=dice.choice((60, 90, 120, 180)))
    weekday = DAYS[start.weekday()]
    rule = None
    if kind == 1:
        nth = min((start.day - 1) // 7 + 1, 4)
        rule = RecurrenceRule("MONTHLY", days=((nth, weekday),))
    elif kind == 2:
        rule = RecurrenceRule("WEEKLY", days=((0, weekday),))
    return EventTimes(start, length, zone, rule).aligned()


def _event_row(
    series: object, one: GeneratedInitiative, times: EventTimes, start: datetime
) -> tuple[Any, ...]:
    values = service.occurrence_values(times, start)
    return (
        series, start, "published", one.title, one.summary, str(one.theme), values["starts_at"],
        values["ends_at"], times.zone, values["starts_local"], values["ends_local"], "place", "",
        *generated_place(one), "none",
    )  # fmt: skip
