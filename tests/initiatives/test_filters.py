"""The filter grammar: what it reads, what it gives back, what it refuses and by which name."""

import base64
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapservice.errors import InvalidInput
from mapservice.geocoding.model import Precision
from mapservice.initiatives import local_days
from mapservice.initiatives.facts import Audience
from mapservice.initiatives.filters import (
    DEFAULT_RADIUS,
    MAX_RADIUS,
    PARAMETERS,
    AccessAsked,
    InitiativeFilters,
    ListingCursor,
    ListingSort,
    OpenAsked,
    parse,
)
from mapservice.initiatives.kept_attributes import MAX_ASKED, MAX_NAME, MAX_VALUE, AttributeAsked
from mapservice.initiatives.local_days import DaysAsked
from mapservice.initiatives.model import PUBLIC, Status, Theme
from mapservice.territories.coordinates import BBox, LonLat
from mapservice.territories.model import Level, TerritoryRef

IDENTIFIER = "01890a5d-ac96-774b-bcce-b302099a8057"
MINUTE = datetime(2026, 5, 6, 12, 30, tzinfo=UTC)
YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)


def read(query: str) -> InitiativeFilters:
    return parse(parse_qsl(query))[0]


def refused(query: str) -> str:
    """The field that the refusal of a query string names."""
    with pytest.raises(InvalidInput) as refusal:
        parse(parse_qsl(query))
    return refusal.value.field


def packed(*values: Any) -> str:
    """A cursor that holds these values, sound or not."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


# What it reads.


def test_an_empty_query_restricts_nothing() -> None:
    assert read("") == InitiativeFilters()
    assert InitiativeFilters().is_empty
    assert InitiativeFilters().statuses == (Status.PUBLISHED, Status.DONE)


def test_empty_fields_of_a_form_are_as_if_absent() -> None:
    assert parse([("q", ""), ("theme", " "), ("q", ""), ("bbox", ""), ("limit", "")]) == (parse([]))


def test_choices_come_by_comma_or_by_repetition_in_any_order_and_case() -> None:
    wanted = (Theme.ALIMENTATION, Theme.MOBILITE)
    assert read("theme=mobilite,alimentation").theme == wanted
    assert read("theme=mobilite&theme=Alimentation&theme=mobilite").theme == wanted


def test_territories_are_level_and_code() -> None:
    brittany = TerritoryRef(Level.REGION, "53")
    corse = TerritoryRef(Level.DEPARTEMENT, "2A")
    assert read("territory=region:53,departement:2a").territory == (corse, brittany)


def test_practical_facts_are_asked_for_by_their_words() -> None:
    filters = read(
        "when=weekend&open=now&access=wheelchair&tag=%23Jardin,V%C3%A9lo&audience=enfants"
    )
    assert (filters.when, filters.open) == (DaysAsked.WEEKEND, OpenAsked.NOW)
    assert filters.access == (AccessAsked.WHEELCHAIR,)
    assert filters.tag == ("jardin", "vélo"), "as tags are kept"
    assert filters.audience == (Audience.CHILDREN,)
    assert not filters.counted
    assert refused("when=tomorrow") == "when"
    assert refused("open=yes") == "open"
    assert refused("when=today&when=week") == "when"
    assert refused("tag=%23") == "tag"
    assert refused("tag=" + "x" * 31) == "tag"


def test_columns_of_sources_are_asked_for_by_their_names() -> None:
    filters = read("attr.Type+de+lieu=Ferme,+verger&attr.Capacite%CC%81=10..20,5&theme=culture")
    seats, kind = filters.attr
    assert (kind.name, kind.text, kind.ends) == ("Type de lieu", "Ferme, verger", None)
    assert kind.values == ("Ferme, verger",)
    assert seats.name == "Capacité", "composed, as imports keep names"
    assert seats.ends == (Decimal(10), Decimal("20.5"))
    assert not filters.counted
    assert AttributeAsked.parse("attr.a", "12").values == ("12", 12)
    assert AttributeAsked.parse("attr.a", "non").values == ("non", False)
    assert AttributeAsked.parse("attr.a", "..2026-06-30").ends == (None, date(2026, 6, 30))
    assert AttributeAsked.parse("attr.a", "suite..").ends is None, "words are no range"


def test_what_goes_by_the_clock_is_of_one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what is prepared for one filter never answers for another minute."""
    monkeypatch.setattr(local_days, "now", lambda: MINUTE)
    first = read("open=now")
    assert first.as_of == MINUTE
    assert read("open=now") == first
    monkeypatch.setattr(local_days, "now", lambda: MINUTE + timedelta(minutes=1))
    assert read("open=now") != first
    assert read("theme=culture").as_of is None


def test_a_near_place_sorts_by_distance_within_ten_kilometres() -> None:
    filters = read("near=-1.67,48.11")
    assert (filters.sort, filters.radius) == (ListingSort.NEAR, DEFAULT_RADIUS)
    assert read("near=-1.67,48.11&sort=recent").sort is ListingSort.RECENT


def test_until_a_day_means_through_its_end() -> None:
    assert read("until=2026-01-31").until == datetime(2026, 2, 1, tzinfo=UTC)
    assert read("until=20260131").until == datetime(2026, 2, 1, tzinfo=UTC)
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert read("until=2026-01-31T13:00:00%2B01:00").until == noon


def test_a_plus_that_was_not_escaped_is_still_an_offset() -> None:
    assert read("since=2026-01-31T13:00:00+01:00").since == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_box_may_span_the_antimeridian() -> None:
    box = BBox.parse("170,-25,-170,-10")
    assert box.parts() == (BBox(170, -25, 180, -10), BBox(-180, -25, -170, -10))


# What it gives back.

longitudes, latitudes = st.floats(-180, 180), st.floats(-90, 90)
positions = st.builds(LonLat, longitudes, latitudes)
boxes = st.builds(
    lambda west, east, sides: BBox(west, min(sides), east, max(sides)),
    longitudes,
    longitudes,
    st.tuples(latitudes, latitudes),
)
moments = st.timedeltas(timedelta(0), timedelta(9997 * 365)).map(lambda age: YEAR_ONE + age)
days = st.integers(0, 9997 * 365).map(lambda number: YEAR_ONE + timedelta(number))
codes = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=9)
refs = st.builds(TerritoryRef, st.sampled_from(Level), codes)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)


def some(*options: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """Any subset, in the canonical order: that of the options."""
    return st.sets(st.sampled_from(options)).map(
        lambda few: tuple(filter(few.__contains__, options))
    )


def _sound(filters: InitiativeFilters) -> InitiativeFilters:
    """Drops what the grammar's rules would refuse of fields drawn one by one."""
    if filters.since and filters.until and filters.since >= filters.until:
        filters = replace(filters, since=None)
    if filters.near is None:
        sort = ListingSort.RECENT if filters.sort is ListingSort.NEAR else filters.sort
        return replace(filters, radius=None, sort=sort)
    return replace(filters, radius=filters.radius or DEFAULT_RADIUS)


valid_filters = st.builds(
    InitiativeFilters,
    q=texts.map(lambda text: " ".join(text.split())),
    theme=some(*Theme),
    status=some(*PUBLIC),
    territory=st.sets(refs, max_size=5).map(lambda few: tuple(sorted(few))),
    bbox=st.none() | boxes,
    near=st.none() | positions,
    radius=st.none() | st.floats(0, MAX_RADIUS, exclude_min=True),
    since=st.none() | days | moments,
    until=st.none() | days | moments,
    precision=some(*Precision),
    when=st.none() | st.sampled_from(DaysAsked),
    open=st.none() | st.just(OpenAsked.NOW),
    access=some(*AccessAsked),
    tag=st.sets(st.sampled_from(("vélo", "jardin", "récup et compost"))).map(
        lambda few: tuple(sorted(few))
    ),
    audience=some(*Audience),
    attr=st.dictionaries(
        st.sampled_from(("Type de lieu", "a.b=c&d", "Capacité", "1")),
        st.sampled_from(("Ferme, verger", "10..", "12,5", "oui", "a & b = 100 %", "..2026-01-31")),
    ).map(lambda few: tuple(AttributeAsked(*pair) for pair in sorted(few.items()))),
    sort=st.sampled_from(ListingSort),
    as_of=st.just(MINUTE),
).map(_sound)


@given(valid_filters)
def test_to_pairs_is_the_inverse_of_parse(filters: InitiativeFilters) -> None:
    query = urlencode(filters.to_pairs())
    assert replace(read(query), as_of=filters.as_of) == filters
    assert "as_of" not in query


@given(valid_filters)
def test_the_canonical_query_is_the_same_however_it_was_written(filters: InitiativeFilters) -> None:
    pairs = filters.to_pairs()
    assert parse(reversed(pairs))[0].to_pairs() == pairs


def test_pairs_are_as_a_person_would_write_them() -> None:
    query = "theme=culture&bbox=-5.2,41,9.7,51.25&near=-1.67,48&radius=2500&until=2026-01-31"
    assert urlencode(read(query).to_pairs(), safe=",") == query


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00Z", "0001-01-01", "9998-12-31"])
def test_the_ends_of_the_calendar_are_kept(until: str) -> None:
    filters = read(f"until={until}")
    assert read(urlencode(filters.to_pairs())) == filters


@given(st.sampled_from(ListingSort), st.integers(0, 2**31 - 1), st.uuids())
def test_a_cursor_comes_back_as_it_was(sort: ListingSort, number: int, identifier: object) -> None:
    value = "2026-01-31T12:00:00+00:00" if sort is ListingSort.RECENT else number
    cursor = ListingCursor(sort, value, str(identifier))
    assert ListingCursor.decode(cursor.encode()) == cursor


# What it refuses, and by which name.


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("attr=red", "attr"),
        ("attributes.colour=red", "attributes.colour"),
        ("attr.=red", "attr."),
        ("attr.%20=red", "attr. "),
        ("attr.a%00b=red", "attr.a\0b"),
        ("attr.a%7Fb=red", "attr.a\x7fb"),
        ("attr.a=r%00d", "attr.a"),
        ("attr.a=Votre+compte%0D%0Ahttps://x.example", "attr.a"),
        ("attr.a=1&attr.a=2", "attr.a"),
        ("attr.a=1&attr.a%20=2", "attr.a"),
        ("attr.a=..", "attr.a"),
        ("attr.a=20..10", "attr.a"),
        ("attr.a=2026-02-30..", "attr.a"),
        ("attr.a=10..2026-02-01", "attr.a"),
        ("attr." + "x" * (MAX_NAME + 1) + "=1", "attr." + "x" * 45),
        ("attr.a=" + "x" * (MAX_VALUE + 1), "attr.a"),
        ("&".join(f"attr.{number}=1" for number in range(MAX_ASKED + 1)), "attr.*"),
        ("Theme=culture", "Theme"),
        ("theme=sport", "theme"),
        ("theme=culture,", "theme"),
        ("status=draft", "status"),
        ("status=pending", "status"),
        ("status=rejected", "status"),
        ("precision=street", "precision"),
        ("sort=title", "sort"),
        ("sort=near", "sort"),
        ("sort=recent&sort=supported", "sort"),
        ("q=one&q=two", "q"),
        ("q=" + "x" * 201, "q"),
        ("q=a%00b", "q"),
        ("theme=%00culture", "theme"),
        ("limit=5&limit=5", "limit"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=10001", "limit"),
        ("limit=unlimited", "limit"),
        ("limit=1.5", "limit"),
        ("limit=1e3", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=" + "9" * 5000, "limit"),
    ],
)
def test_a_malformed_choice_is_named(query: str, field: str) -> None:
    assert refused(query) == field


@pytest.mark.parametrize(
    "box",
    [
        "1,2,3",
        "1,2,3,4,5",
        "1,2,3,x",
        "nan,2,3,4",
        "1,2,inf,4",
        "1,-Infinity,3,4",
        "-181,0,0,1",
        "0,0,181,1",
        "0,-91,1,0",
        "0,0,1,91",
        "0,2,1,1",
        "1e400,0,1,1",
        "1_0,0,1,1",
        "0x1,0,1,1",
        "٣,٤,٥,٦",
        "１,２,３,４",
        "1;2;3;4",
        ",,,",
        "9" * 4000,
        "1,2,3," + "0" * 41,
    ],
)
def test_a_malformed_box_is_named(box: str) -> None:
    assert refused(urlencode({"bbox": box})) == "bbox"


@pytest.mark.parametrize("near", ["1", "1,2,3", "nan,1", "1,inf", "181,0", "0,91", "a,b", "٣,٤"])
def test_a_malformed_position_is_named(near: str) -> None:
    assert refused(urlencode({"near": near})) == "near"


@pytest.mark.parametrize("radius", ["0", "-5", "nan", "inf", "1000001", "10km", "٣", "1e9999"])
def test_a_malformed_radius_is_named(radius: str) -> None:
    assert refused(urlencode({"near": "1,2", "radius": radius})) == "radius"


def test_a_radius_needs_a_middle() -> None:
    assert refused("radius=500") == "radius"


@pytest.mark.parametrize(
    "territory",
    [
        "35238",
        "commune",
        "commune:",
        "ville:35238",
        "COMMUNE:35238",
        "commune:35238:1",
        "commune:35-38",
        "commune:1234567890",
        "commune:٣٥٢٣٨",
        "region:53,",
        "region:53;departement:35",
        "departement:35' OR 1=1 --",
        ",".join(f"commune:{35000 + number}" for number in range(101)),
    ],
)
def test_a_malformed_territory_is_named(territory: str) -> None:
    assert refused(urlencode({"territory": territory})) == "territory"


def test_a_hundred_territories_are_read() -> None:
    text = ",".join(f"commune:{35000 + number}" for number in range(100))
    assert len(read(urlencode({"territory": text})).territory) == 100


@pytest.mark.parametrize("field", ["since", "until"])
@pytest.mark.parametrize(
    "moment",
    [
        "yesterday",
        "31/01/2026",
        "2026-02-30",
        "2026-13-01",
        "2026",
        "0000-01-01",
        "2026-W05-6",
        "2026-01-31x12:00",
        "2026-01-31T12:00:00.1234567890123",
        "9999-01-01",
        "10000-01-01",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:00:00+99:00",
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٦-٠١-٣١",
        "1" * 4000,
    ],
)
def test_a_malformed_moment_is_named(field: str, moment: str) -> None:
    assert refused(urlencode({field: moment})) == field


@pytest.mark.parametrize("until", ["2026-01-31", "2026-01-30"])
def test_a_period_that_ends_before_it_begins_names_its_end(until: str) -> None:
    assert refused(f"since=2026-02-01&until={until}") == "until"


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage",
        "é",
        "=",
        "A",
        packed(),
        packed("recent"),
        packed("title", 1, IDENTIFIER),
        packed([], 1, IDENTIFIER),
        packed("recent", None, IDENTIFIER),
        packed("recent", 5, IDENTIFIER),
        packed("recent", "yesterday", IDENTIFIER),
        packed("recent", "2026-W05-6T00:00:00+00:00", IDENTIFIER),
        packed("recent", "2026-01-31x00:00:00+00:00", IDENTIFIER),
        packed("recent", "2026-01-31T00:00:00+00:00", "1"),
        packed("recent", "2026-01-31T00:00:00+00:00", f"{IDENTIFIER}\n"),
        packed("recent", "2026-01-31T00:00:00+00:00", None),
    ],
)
def test_a_cursor_that_we_did_not_give_is_named(cursor: str) -> None:
    assert refused(urlencode({"cursor": cursor})) == "cursor"


@pytest.mark.parametrize(
    "value", [None, [], {}, "1", True, -1, 2**31, float("nan"), float("inf"), 10**400]
)
def test_a_cursor_with_an_impossible_count_is_named(value: object) -> None:
    cursor = packed("supported", value, IDENTIFIER)
    assert refused(urlencode({"sort": "supported", "cursor": cursor})) == "cursor"


def test_a_cursor_nested_without_end_is_named() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    assert refused(urlencode({"cursor": deep})) == "cursor"


def test_a_cursor_of_another_sort_is_named() -> None:
    cursor = packed("recent", "2026-01-31T00:00:00+00:00", IDENTIFIER)
    assert refused(urlencode({"sort": "supported", "cursor": cursor})) == "cursor"


@given(st.sampled_from(sorted(PARAMETERS)), st.text(max_size=60))
def test_any_text_is_read_or_refused_by_name(name: str, text: str) -> None:
    try:
        filters, _ = parse([(name, text)])
    except InvalidInput as refusal:
        named = refusal.field
    else:
        named = name
        assert parse(filters.to_pairs())[0] == filters
    assert named == name
