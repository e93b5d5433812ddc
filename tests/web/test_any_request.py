"""Whatever is asked, by whatever name: an answer or a refusal, never an error of ours."""

from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from werkzeug.routing import Rule

from mapservice.initiatives.filters import PARAMETERS
from tests.web.population import Kept

NASTY = (
    "\0",
    "'",
    '"',
    "\\",
    "%",
    "%00",
    "%s",
    "%(id)s",
    ":id",
    "$1",
    "{hits}",
    "{{7*7}}",
    "../../etc/passwd",
    "<script>",
    "NaN",
    "-inf",
    "1e309",
    "-1",
    "0",
    "14",
    "2147483648",
    "9" * 400,
    "٣",
    "\u202e",
    "\U0010ffff",
    "é" * 300,
    "region",
    "departement",
    "region:53",
    "commune:99999",
    "2026-01-31",
    "culture",
    "near",
    "1,2",
    "-2,47,0,49",
    "9:30",
)
texts = st.one_of(
    st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
)
names = st.sampled_from(
    [*sorted(PARAMETERS), "lat", "lon", "autocomplete", "postcode", "citycode", "type", "v"]
)
queries = st.lists(st.tuples(names | texts, texts), max_size=4)


def rules(app: Flask) -> list[Rule]:
    found = sorted(app.url_map.iter_rules(), key=str)
    assert len(found) > 15
    return found


def address(app: Flask, rule: Rule, values: dict[str, str]) -> str:
    made = app.url_map.bind("localhost").build(rule.endpoint, values, method=method(rule))
    return made.replace("?", "%3F")  # converters of UUIDs leave what they are given as it is


def method(rule: Rule) -> str:
    methods = rule.methods or set()
    return "GET" if "GET" in methods else sorted(methods - {"HEAD", "OPTIONS"})[0]


# For the long part: each asks every route.
REST_OF_HARD_TEXTS = ("%2e%2e", "😀", "-1", "region")


@pytest.mark.parametrize(
    "text",
    ["\0", "é" * 300, *(pytest.param(one, marks=pytest.mark.long) for one in REST_OF_HARD_TEXTS)],
)
def test_no_route_fails_on_a_hard_text(app: Flask, doors: FlaskClient, text: str) -> None:
    answers = {}
    for rule in rules(app):
        values = dict.fromkeys(rule.arguments, text)
        response = doors.open(address(app, rule, values), method=method(rule), buffered=True)
        answers[f"{method(rule)} {rule}"] = response.status_code
    assert {door: status for door, status in answers.items() if status >= 500} == {}


@settings(max_examples=400, deadline=None)
@given(data=st.data(), query=queries)
def test_no_route_fails_on_any_text(
    app: Flask, doors: FlaskClient, data: st.DataObject, query: list[tuple[str, str]]
) -> None:
    rule = data.draw(st.sampled_from(rules(app)))
    values = {name: data.draw(texts.filter(bool), name) for name in sorted(rule.arguments)}
    response = doors.open(
        address(app, rule, values), method=method(rule), query_string=query, buffered=True
    )
    assert response.status_code < 500


@settings(max_examples=150, deadline=None)
@given(
    door=st.sampled_from(
        [
            "/",
            "/initiatives",
            "/initiatives.csv",
            "/initiatives.geojson",
            "/tiles/initiatives.json",
            "/tiles/initiatives/5/15/11.pbf",
            "/tiles/initiatives/14/0/0.geojson",
            "/activity/region.json",
            "/geocode/search",
            "/geocode/reverse",
        ]
    ),
    name=names,
    value=texts,
    limit=st.sampled_from([{}, {"limit": "3"}]),
    accept=st.sampled_from(["*/*", "text/html", "application/json", ";;q=,"]),
)
def test_no_parameter_fails_on_any_text(
    doors: FlaskClient, door: str, name: str, value: str, limit: dict[str, str], accept: str
) -> None:
    query = {**limit, name: value}
    response = doors.get(door, query_string=query, headers={"Accept": accept}, buffered=True)
    assert response.status_code in (200, 204, 400)
    if response.is_json and response.status_code == 400:
        assert response.get_json()["field"]


@settings(max_examples=60, deadline=None)
@given(path=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_path_fails(doors: FlaskClient, path: str) -> None:
    response = doors.get("/" + quote(path.lstrip("/")), buffered=True)
    assert response.status_code < 500


INJECTIONS = (
    "'; DROP TABLE initiative; --",
    "' OR '1'='1",
    "x') OR 1=1 --",
    "1; DELETE FROM initiative",
    "%'; SELECT pg_sleep(10); --",
    "\\'; TRUNCATE initiative; --",
    "$$; DROP TABLE territory; $$",
    "culture'::text; DROP TABLE initiative",
)
DOORS = (
    "/initiatives",
    "/initiatives.geojson",
    "/initiatives.csv",
    "/tiles/initiatives/5/15/11.pbf",
    "/tiles/initiatives/14/8192/8192.geojson",
    "/activity/region.json",
    "/geocode/search",
    "/geocode/reverse",
)


@pytest.mark.parametrize("injection", INJECTIONS)
def test_sql_in_any_parameter_is_only_text(
    doors: FlaskClient, initiatives: list[Kept], shared_engine: Engine, injection: str
) -> None:
    for door in DOORS:
        for name in (*sorted(PARAMETERS), "postcode", "citycode", "lat", "type"):
            response = doors.get(door, query_string={name: injection}, buffered=True)
            assert response.status_code in (200, 204, 400), (door, name)
    with shared_engine.connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM initiative")).scalar_one()
    assert left == len(initiatives)


@pytest.mark.parametrize("injection", INJECTIONS)
def test_a_search_for_sql_finds_what_its_words_say(doors: FlaskClient, injection: str) -> None:
    found = doors.get("/initiatives.geojson", query_string={"q": injection}, buffered=True)
    assert found.get_json()["features"] == []


def test_an_endless_query_is_refused_everywhere(app: Flask, doors: FlaskClient) -> None:
    endless = "q=" + "x" * 100_000
    for rule in rules(app):
        values = dict.fromkeys(sorted(rule.arguments), "0")
        response = doors.open(
            address(app, rule, values), method=method(rule), query_string=endless, buffered=True
        )
        assert 400 <= response.status_code < 500, rule
