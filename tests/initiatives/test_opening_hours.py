"""Opening hours: what is understood, what is refused by name, when it is open."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapservice.errors import InvalidInput
from mapservice.i18n import LANGUAGE
from mapservice.initiatives.fact_words import hours_lines
from mapservice.initiatives.opening_hours import MONTHS, WEEKDAYS, parse, understood


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Mo-Fr 9:00-12:00, 14:00-18:00 ; Sa 10:00-12:00", None),
        ("Sa-Mo 10:00-12:00", "Sa-Mo 10:00-12:00"),
        ("Nov-Feb: Su 14:00-17:00", "Nov-Feb Su 14:00-17:00"),
        ("Mo,Tu,We 18:00-24:00", "Mo-We 18:00-24:00"),
        ("Fr 22:00-02:00", "Fr 22:00-02:00"),
        ("PH,Su closed", "Su,PH off"),
        ("Sa[1,-1] 10:00-12:00", "Sa[1,-1] 10:00-12:00"),
        ("24/7", "24/7"),
    ],
)
def test_one_spelling_of_the_same_rules(written: str, canonical: str | None) -> None:
    expected = canonical or "Mo-Fr 09:00-12:00,14:00-18:00; Sa 10:00-12:00"
    assert parse(written).text == expected
    assert parse(expected).rules == parse(written).rules


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("Mo-Fr sunrise-18:00", "sunrise"),
        ("SH off", "school holidays"),
        ("Dec 25 off", "dates"),
        ("2026 May 10:00-12:00", "dates"),
        ("week 1-10 Mo 10:00-12:00", "weeks"),
        ('Mo 10:00-12:00 "sur rendez-vous"', "comments"),
        ("Mo 18:00+", "open ends"),
        ("Mo 10:00-12:00 || Tu 10:00-12:00", "alternatives"),
        ("Mo", "tells no hours"),
        ("Mo 10:00-10:00", "ends when it begins"),
        ("Mo 09:00-12:00,11:00-13:00", "overlap"),
        ("Mo 25:00-26:00", "clock"),
        ("Mo 10:61-12:00", "clock"),
        ("Sa[6] 10:00-12:00", "1 to 5"),
        ("quand on veut", "no hours"),
        ("", "no rule"),
        ("Mo 10:00-12:00;" * 30, "longer"),
    ],
)
def test_what_no_query_could_decide_is_refused_by_name(written: str, named: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse(written)
    assert refusal.value.field == "opening_hours"
    assert named in refusal.value.reason


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("lundi-vendredi 9h-12h et 14h-18h, samedi 10h-12h", None),
        (
            "Du lundi au vendredi de 9 h à 12 h 30, fermé les jours fériés",
            "Mo-Fr 09:00-12:30; PH off",
        ),
        ("mardis et jeudis : 14h30 – 18h", "Tu,Th 14:30-18:00"),
        ("d’avril à octobre, mercredi 14h-18h", "Apr-Oct We 14:00-18:00"),
        ("mars mardi 10h-12h", "Mar Tu 10:00-12:00"),
        ("1er samedi du mois 9h-12h", "Sa[1] 09:00-12:00"),
        ("24h/24 7j/7", "24/7"),
        ("Monday to Friday 9:00-17:00; closed on Saturday", "Mo-Fr 09:00-17:00; Sa off"),
    ],
)
def test_plain_words_are_understood_too(words: str, meant: str | None) -> None:
    expected = meant or "Mo-Fr 09:00-12:00,14:00-18:00; Sa 10:00-12:00"
    assert understood(words).text == expected


def test_words_that_name_a_day_twice_are_not_guessed_at() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        understood("lundi 9h-12h, lundi 14h-18h")


def open_at(hours: str, moment: str, *, holiday: bool = False, after_holiday: bool = False) -> bool:
    here = datetime.fromisoformat(moment)
    return parse(hours).is_open(here, is_holiday=holiday, was_holiday=after_holiday)


# 2026-05-04 is a Monday, the 2nd the first Saturday of the month, the 30th the last.


def test_open_from_the_first_minute_to_before_the_last() -> None:
    hours = "Mo-Fr 09:00-12:00,14:00-18:00"
    seen = {"08:59": False, "09:00": True, "11:59": True, "12:00": False, "14:00": True}
    assert {at: open_at(hours, f"2026-05-04T{at}") for at in seen} == seen
    assert not open_at(hours, "2026-05-09T10:00")


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    hours = "Su 22:00-02:00"
    assert open_at(hours, "2026-05-03T23:00")
    assert open_at(hours, "2026-05-04T01:59")
    assert not open_at(hours, "2026-05-04T02:00")
    assert not open_at(hours, "2026-05-03T01:00"), "that was the night of Saturday"


def test_a_later_rule_replaces_the_day() -> None:
    hours = "Mo-Sa 10:00-18:00; We 14:00-16:00; Sa off"
    assert open_at(hours, "2026-05-05T11:00")
    assert not open_at(hours, "2026-05-06T11:00")
    assert open_at(hours, "2026-05-06T15:00")
    assert not open_at(hours, "2026-05-09T11:00")


def test_a_holiday_is_open_only_where_a_rule_says_so() -> None:
    assert not open_at("Mo-Su 10:00-18:00", "2026-05-14T11:00", holiday=True)
    assert open_at("Mo-Su,PH 10:00-18:00", "2026-05-14T11:00", holiday=True)
    assert open_at("24/7", "2026-05-14T11:00", holiday=True)
    assert not open_at("24/7; PH off", "2026-05-14T11:00", holiday=True)
    assert not open_at("We 22:00-02:00", "2026-05-14T01:00", holiday=True), "no night into one"
    assert open_at("PH 22:00-02:00", "2026-05-15T01:00", after_holiday=True)


def test_some_saturdays_of_the_month() -> None:
    first, last = "Sa[1] 10:00-12:00", "Sa[-1] 10:00-12:00"
    saturdays = [2, 9, 16, 23, 30]
    at = [f"2026-05-{day:02}T11:00" for day in saturdays]
    assert [open_at(first, one) for one in at] == [True, False, False, False, False]
    assert [open_at(last, one) for one in at] == [False, False, False, False, True]
    assert open_at("Fr[-1] 22:00-02:00", "2026-08-01T01:30"), "the night of Friday, 31 July"


def test_a_season_may_go_round_the_year() -> None:
    hours = "Nov-Feb Su 14:00-17:00"
    assert open_at(hours, "2026-01-04T15:00")
    assert not open_at(hours, "2026-03-01T15:00")
    assert open_at(hours, "2026-11-01T15:00")


clocks = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
spans = st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1]).map("-".join)
names = st.sampled_from(WEEKDAYS)
days = st.one_of(
    st.tuples(names, names).filter(lambda two: two[0] != two[1]).map("-".join),
    st.lists(names, min_size=1, max_size=3, unique=True).map(",".join),
    st.tuples(names, st.sampled_from(("1", "2", "5", "-1"))).map(lambda two: f"{two[0]}[{two[1]}]"),
    st.just("PH"),
)
rules = st.tuples(
    st.just("") | st.tuples(*[st.sampled_from(MONTHS)] * 2).map(lambda two: "-".join(two) + " "),
    days,
    spans | st.just("off"),
).map(lambda parts: f"{parts[0]}{parts[1]} {parts[2]}")
moments = st.integers(0, 2 * 365 * 24 * 60 - 1).map(
    lambda minute: datetime.fromisoformat("2026-01-01T00:00") + timedelta(minutes=minute)
)


def plainly_open(text: str, here: datetime, today: bool, yesterday: bool) -> bool:
    """The same once more, rule by rule, without keys."""
    hours = parse(text)
    found = False
    for back, holiday in ((0, today), (1, yesterday)):
        if back and today:
            continue
        day = here.date() - timedelta(days=back)
        last = (day + timedelta(days=7)).month != day.month
        name = 7 if holiday else day.weekday()
        told: Sequence[tuple[int, int]] = ()
        for rule in hours.rules:
            if rule.holds(day.month, name, (day.day + 6) // 7, is_last=last):
                told = rule.spans
        minute = int((here - datetime.combine(day, time())).total_seconds() // 60)
        found = found or any(first <= minute < end for first, end in told)
    return found


@given(st.lists(rules, min_size=1, max_size=4), moments, st.booleans(), st.booleans())
def test_the_keys_say_what_the_rules_say(
    told: list[str], here: datetime, today: bool, yesterday: bool
) -> None:
    text = "; ".join(told)
    hours = parse(text)
    assert parse(hours.text).rules == hours.rules
    assert hours.is_open(here, is_holiday=today, was_holiday=yesterday) == plainly_open(
        text, here, today, yesterday
    )
    ranges = hours.minutes()
    assert all(first < end for first, end in ranges)
    assert all(one[1] < other[0] for one, other in pairwise(ranges))


@given(st.text(max_size=80))
def test_nothing_typed_breaks_it(text: str) -> None:
    try:
        hours = understood(text)
    except InvalidInput:
        return
    assert parse(hours.text).rules == hours.rules


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            "fr",
            [
                "D’avril à octobre, du lundi au vendredi\u00a0: 9\u00a0h – 12\u00a0h\u00a030",
                "Premier samedi du mois\u00a0: 22\u00a0h – 2\u00a0h",
                "Jours fériés\u00a0: fermé",
            ],
        ),
        (
            "en",
            [
                "April to October, Monday to Friday: 9:00 – 12:30",
                "First Saturday of the month: 22:00 – 2:00",
                "Public holidays: closed",
            ],
        ),
    ],
)
def test_hours_in_words(language: str, lines: list[str]) -> None:
    before = LANGUAGE.set(language)
    try:
        told = "Apr-Oct Mo-Fr 09:00-12:30; Sa[1] 22:00-02:00; PH off"
        assert hours_lines(told) == lines
        assert len(hours_lines("Mo 10:00-12:00")) == 2, "and that nobody told of holidays"
    finally:
        LANGUAGE.reset(before)


def test_a_week_has_seven_days_in_every_language() -> None:
    assert date(2026, 5, 4).weekday() == WEEKDAYS.index("Mo")
