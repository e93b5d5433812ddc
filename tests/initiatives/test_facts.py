"""Practical facts: what a form says, what is wrong with it, what is kept."""

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapservice.contributions.proposals.model import one_line
from mapservice.errors import InvalidInput
from mapservice.initiatives.facts import (
    FACT_COLUMNS,
    NO_FACTS,
    Audience,
    FactMistake,
    InitiativeFacts,
    Wheelchair,
    read_facts,
    read_tags,
    typed_facts,
    web_address,
)

TOLD = {
    "address": " Salle des fêtes ",
    "opening_hours": "mercredi 14h-18h",
    "start_day": "2026-05-12",
    "start_time": "10:00",
    "end_time": "12h30",
    "price": "5 €",
    "wheelchair": "limited",
    "website": "www.exemple.fr/page",
    "tags": "#Vélo,  Récup et compost, vélo",
    "audience": "familles,enfants",
}


def read(**typed: str) -> tuple[InitiativeFacts, dict[str, FactMistake]]:
    facts, mistakes, _ = read_facts(typed, one_line)
    return facts, mistakes


def test_all_that_may_be_told() -> None:
    facts, mistakes = read(**TOLD)
    assert mistakes == {}
    assert facts == InitiativeFacts(
        address="Salle des fêtes",
        opening_hours="We 14:00-18:00",
        start_day=date(2026, 5, 12),
        end_day=date(2026, 5, 12),
        start_time=time(10, 0),
        end_time=time(12, 30),
        is_free=None,
        price="5 €",
        wheelchair=Wheelchair.LIMITED,
        website="https://www.exemple.fr/page",
        tags=("vélo", "récup et compost"),
        audience=(Audience.CHILDREN, Audience.FAMILIES),
    )
    assert InitiativeFacts.from_json(facts.to_json()) == facts
    assert read(**typed_facts(facts)) == (facts, {}), "an edit that changes nothing changes nothing"


def test_nothing_told_is_nothing_kept() -> None:
    facts, mistakes = read()
    assert (facts, mistakes) == (NO_FACTS, {})
    assert not facts
    assert facts.to_json() == {}
    assert {facts.columns()[name] for name in FACT_COLUMNS} == {None}


@pytest.mark.parametrize(
    ("typed", "field", "mistake"),
    [
        ({"address": "x" * 201}, "address", FactMistake.LONG),
        ({"opening_hours": "quand on veut"}, "opening_hours", FactMistake.HOURS),
        ({"start_day": "2026-02-30"}, "start_day", FactMistake.DAY),
        ({"start_day": "demain"}, "start_day", FactMistake.DAY),
        ({"start_day": "0026-05-12"}, "start_day", FactMistake.DAY),
        ({"end_day": "2026-05-12"}, "end_day", FactMistake.LONELY),
        ({"start_time": "10:00"}, "start_time", FactMistake.LONELY),
        ({"start_day": "2026-05-12", "start_time": "25:00"}, "start_time", FactMistake.TIME),
        ({"start_day": "2026-05-12", "end_day": "2026-05-11"}, "end_day", FactMistake.ORDER),
        (
            {"start_day": "12/05/2026", "start_time": "10:00", "end_time": "09:00"},
            "end_time",
            FactMistake.ORDER,
        ),
        ({"free": "1", "price": "5 €"}, "price", FactMistake.BOTH),
        ({"free": "peut-être"}, "free", FactMistake.CHOICE),
        ({"wheelchair": "maybe"}, "wheelchair", FactMistake.CHOICE),
        ({"website": "javascript:alert(1)"}, "website", FactMistake.ADDRESS),
        ({"website": "https://user:secret@exemple.fr"}, "website", FactMistake.ADDRESS),
        ({"tags": ",".join(f"mot {n}" for n in range(11))}, "tags", FactMistake.MANY),
        ({"tags": "x" * 31}, "tags", FactMistake.LONG),
        ({"audience": "enfants,chats"}, "audience", FactMistake.CHOICE),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    typed: dict[str, str], field: str, mistake: FactMistake
) -> None:
    assert read(**typed)[1] == {field: mistake}


def test_a_day_may_be_written_as_in_france() -> None:
    assert read(start_day="1/2/2026")[0].start_day == date(2026, 2, 1)


def test_days_that_end_on_another_may_end_at_an_earlier_hour() -> None:
    facts, mistakes = read(
        start_day="2026-05-12", end_day="2026-05-13", start_time="18:00", end_time="09:00"
    )
    assert mistakes == {}
    assert facts.end_day == date(2026, 5, 13)


def test_a_price_in_words_says_nothing_about_free() -> None:
    assert read(price="prix libre")[0].is_free is None
    assert read(free="1")[0].is_free is True


@pytest.mark.parametrize("host", ["", "localhost", "a b.fr", "exemple.fr:99999", "//"])
def test_what_is_no_address_of_the_web(host: str) -> None:
    assert web_address(f"https://{host}") == ""


@given(st.text(max_size=60))
def test_tags_are_kept_in_one_form(text: str) -> None:
    try:
        tags = read_tags(text)
    except InvalidInput:
        return
    assert read_tags(",".join(tags)) == tags
    assert all(tag == tag.lower() and "," not in tag for tag in tags)


@given(st.dictionaries(st.sampled_from([*FACT_COLUMNS, "free"]), st.text(max_size=40)))
def test_whatever_is_typed_is_kept_whole_or_named(typed: dict[str, str]) -> None:
    facts, mistakes = read(**typed)
    if not mistakes:
        assert InitiativeFacts.from_json(facts.to_json()) == facts
        assert read(**typed_facts(facts)) == (facts, {})
