"""Rules against ical.js, wall time through changes of clocks, and the words of rules."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mapservice.errors import InvalidInput
from mapservice.events.model import times_from_json, times_to_json
from mapservice.events.recurrence import (
    DAYS,
    PARIS,
    ZONES,
    EventTimes,
    RecurrenceRule,
    moment_of,
    simple_rule,
    wall_time,
)
from mapservice.events.recurrence_words import rule_words
from mapservice.events.timezone_format import timezone_lines
from mapservice.initiatives.local_days import DaysAsked, DaySpan, span_of
from tests.events.reading import by_ical_js

CASES = 200
TWO_HOURS = timedelta(hours=2)
# With changes of clocks and without; New York changes on other days than Paris.
TRIED = (
    PARIS,
    "America/Miquelon",
    "America/New_York",
    "Indian/Reunion",
    "Indian/Mayotte",
    "America/Martinique",
    "America/Cayenne",
)


def random_rule(dice: random.Random) -> str:
    """A rule of the kinds that we take."""
    frequency = dice.choice(("DAILY", "WEEKLY", "MONTHLY", "YEARLY"))
    parts = [f"FREQ={frequency}"]
    if dice.random() < 0.5:
        parts.append(f"INTERVAL={dice.randint(2, 5)}")
    if frequency == "WEEKLY" and dice.random() < 0.8:
        parts.append(f"BYDAY={','.join(sorted(dice.sample(DAYS, dice.randint(1, 4))))}")
        if dice.random() < 0.3:
            parts.append("WKST=SU")
    if frequency == "MONTHLY":
        kind = dice.randrange(4)
        if kind == 0:
            parts.append(f"BYDAY={dice.choice((1, 2, 3, 4, -1, -2))}{dice.choice(DAYS)}")
        elif kind == 1:
            days = sorted(dice.sample(range(1, 29), dice.randint(1, 3)))
            parts.append(f"BYMONTHDAY={','.join(map(str, days))}")
        elif kind == 2:
            parts += ["BYDAY=MO,TU,WE,TH,FR", f"BYSETPOS={dice.choice((1, 2, -1))}"]
        elif kind == 3:
            parts.append(f"BYMONTHDAY={dice.choice((-1, 31, 30, 29))}")
    if frequency == "YEARLY":
        parts.append(f"BYMONTH={dice.randint(1, 12)}")
        if dice.random() < 0.5:
            parts.append(f"BYDAY={dice.choice((1, 2, -1))}{dice.choice(DAYS)}")
    if dice.random() < 0.4:
        parts.append(f"COUNT={dice.randint(1, 40)}")
    elif dice.random() < 0.5:
        parts.append(f"UNTIL=2027{dice.randint(1, 12):02d}15T{dice.randint(0, 23):02d}0000Z")
    return ";".join(parts)


def is_read_once(local: datetime, zone: str) -> bool:
    """Whether clocks show this time just once: of others ical.js does not do as RFC 5545, 3.3.5."""
    first, second = (
        local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)
    )
    return first == second


def as_calendar(times: EventTimes) -> str:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//test//",
        *timezone_lines(times.zone, 2025, 2030),
        "BEGIN:VEVENT",
        "UID:one",
        "DTSTAMP:20260101T000000Z",
        f"DTSTART;TZID={times.zone}:{times.start:%Y%m%dT%H%M%S}",
        f"DTEND;TZID={times.zone}:{times.start + times.duration:%Y%m%dT%H%M%S}",
        f"RRULE:{times.rule.text(times.zone) if times.rule else ''}",
        *(f"EXDATE;TZID={times.zone}:{one:%Y%m%dT%H%M%S}" for one in times.excluded),
        *(f"RDATE;TZID={times.zone}:{one:%Y%m%dT%H%M%S}" for one in times.added),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\r\n".join([*lines, ""])


def test_two_hundred_random_rules_give_what_ical_js_gives() -> None:
    dice = random.Random(20261130)
    before = datetime(2029, 1, 1)
    tried: list[EventTimes] = []
    while len(tried) < CASES:
        zone = dice.choice(TRIED)
        start = datetime(2026, dice.randint(1, 12), dice.randint(1, 28), dice.randint(0, 23), 30)
        rule = RecurrenceRule.parse(random_rule(dice), zone)
        try:
            times = EventTimes(start, TWO_HOURS, zone, rule).aligned()
        except InvalidInput:
            continue  # a rule whose UNTIL lies before its first date
        first = times.starts(before)[:6]
        excluded = tuple(dice.sample(first, min(2, len(first)))) if len(first) > 4 else ()
        added = (times.start + timedelta(days=3, hours=1),) if dice.random() < 0.3 else ()
        tried.append(EventTimes(times.start, TWO_HOURS, zone, times.rule, excluded, added))
    found = by_ical_js([(as_calendar(one), before.isoformat()) for one in tried])
    for times, other in zip(tried, found, strict=True):
        told = f"{times.rule and times.rule.text(times.zone)} from {times.start} in {times.zone}"
        starts = times.starts(before)
        assert [one["start"] for one in other["found"]] == [one.isoformat() for one in starts], told
        assert [
            one["utc"]
            for one, start in zip(other["found"], starts, strict=True)
            if is_read_once(start, times.zone)
        ] == [
            int(moment_of(start, times.zone).timestamp())
            for start in starts
            if is_read_once(start, times.zone)
        ], told


@pytest.mark.parametrize(
    ("zone", "winter", "summer"),
    [
        ("Europe/Paris", 17, 16),
        ("Indian/Reunion", 14, 14),
        ("Indian/Mayotte", 15, 15),
        ("America/Martinique", 22, 22),
        ("America/Cayenne", 21, 21),
        ("America/Miquelon", 21, 20),
    ],
)
def test_wall_time_stays_when_clocks_change(zone: str, winter: int, summer: int) -> None:
    times = EventTimes(
        datetime(2027, 2, 2, 18, 30), TWO_HOURS, zone, RecurrenceRule.parse("FREQ=WEEKLY")
    )
    for local in times.starts(datetime(2027, 8, 1)):
        begins, ends = times.moments(local)
        assert (local.hour, local.minute) == (18, 30)
        assert wall_time(begins, zone) == local
        assert ends - begins == TWO_HOURS
        if local.month in (2, 7):
            assert begins.hour == (winter if local.month == 2 else summer)


def test_a_time_that_a_change_of_clocks_leaves_out_keeps_the_offset_before() -> None:
    # 28 March 2027: from 2:00 to 3:00 in Paris.
    assert moment_of(datetime(2027, 3, 28, 2, 30), PARIS) == datetime(
        2027, 3, 28, 1, 30, tzinfo=UTC
    )
    # 31 October 2027: 2:30 comes twice; the first one, in summer time, is meant.
    assert moment_of(datetime(2027, 10, 31, 2, 30), PARIS) == datetime(
        2027, 10, 31, 0, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "WEEKLY",
        "FREQ=HOURLY",
        "FREQ=WEEKLY;BYHOUR=3",
        "FREQ=WEEKLY;BYDAY=1TU",
        "FREQ=WEEKLY;BYMONTHDAY=3",
        "FREQ=WEEKLY;COUNT=3;UNTIL=20270101T000000Z",
        "FREQ=DAILY;BYSETPOS=1",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;UNTIL=20270231T000000Z",
        "FREQ=DAILY;X=" + "1" * 400,
    ],
)
def test_what_is_no_rule_of_ours_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        RecurrenceRule.parse(text)
    assert refused.value.field == "rrule"


def test_a_rule_that_never_falls_on_a_day_is_refused() -> None:
    rule = RecurrenceRule.parse("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    with pytest.raises(InvalidInput):
        EventTimes(datetime(2026, 12, 1, 10), TWO_HOURS, PARIS, rule).aligned()


@pytest.mark.parametrize(
    ("text", "french", "english"),
    [
        ("FREQ=DAILY", "tous les jours", "every day"),
        ("FREQ=WEEKLY;BYDAY=TU,TH", "tous les mardis et jeudis", "every Tuesday and Thursday"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "du lundi au vendredi", "every Monday to Friday"),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU",
            "une semaine sur deux, le mardi",
            "every other week on Tuesday",
        ),
        (
            "FREQ=MONTHLY;BYDAY=3SA;UNTIL=20270701T215959Z",
            "le 3e samedi de chaque mois, jusqu’au 19 juin 2027",
            "every month on the third Saturday, until 19 June 2027",
        ),
        (
            "FREQ=MONTHLY;BYDAY=-1FR;COUNT=5",
            "le dernier vendredi de chaque mois, 5 fois",
            "every month on the last Friday, 5 times",
        ),
        ("FREQ=YEARLY", "chaque année, le 1er décembre", "every year on 1 December"),
        # No plain words: the rule itself, which says no more than is so.
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        ),
    ],
)
def test_a_rule_is_told_in_both_languages(text: str, french: str, english: str) -> None:
    times = EventTimes(datetime(2026, 12, 1, 18, 30), TWO_HOURS, PARIS, RecurrenceRule.parse(text))
    assert rule_words(times, "fr") == french
    assert rule_words(times, "en") == english


def test_the_form_s_choices_are_rules_of_the_day_that_was_chosen() -> None:
    fifth = datetime(2026, 12, 29, 18, 0)  # the fifth Tuesday of its month
    rule = simple_rule("monthly_day", fifth, None)
    assert rule is not None
    assert rule.text() == "FREQ=MONTHLY;BYDAY=-1TU"
    until = simple_rule("weekly", fifth, date(2027, 1, 31))
    assert until is not None
    assert until.text() == "FREQ=WEEKLY;UNTIL=20270131T225959Z;BYDAY=TU"
    assert simple_rule("", fifth, None) is None


def test_times_are_the_same_after_they_were_kept() -> None:
    for zone in ZONES:
        times = EventTimes(
            datetime(2026, 12, 1, 18, 30),
            TWO_HOURS,
            zone,
            RecurrenceRule.parse("FREQ=WEEKLY;UNTIL=20270601T120000Z", zone),
            (datetime(2026, 12, 8, 18, 30),),
            (datetime(2026, 12, 9, 18, 30),),
        )
        assert times_from_json(times_to_json(times)) == times


def test_days_near_today() -> None:
    monday, saturday, sunday = date(2026, 11, 30), date(2026, 12, 5), date(2026, 12, 6)
    assert span_of(DaysAsked.TODAY, monday) == DaySpan(monday, date(2026, 12, 1))
    after = date(2026, 12, 7)
    for day in (monday, date(2026, 12, 4), saturday, sunday):
        assert span_of(DaysAsked.WEEKEND, day) == DaySpan(max(day, saturday), after)
        assert span_of(DaysAsked.WEEK, day) == DaySpan(day, after)
