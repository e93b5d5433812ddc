"""Initiatives of an unknown day at the doors of the OGC."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.emptied import empty
from tests.web.population import Made, insert

ITEMS = "/ogc/collections/initiatives/items"
MADE = {
    "day": Made(commune="35238", created_at="2022-03-15T12:00:00Z"),
    "month": Made(commune="35238", created_at=None, created_period="2022-03"),
    "year": Made(commune="35238", created_at=None, created_period="2022"),
    "unknown": Made(
        commune="35238",
        created_at=None,
        source_platform="Une plateforme",
        source_url="https://a.test/1",
        source_licence="ODbL-1.0",
    ),
}
NAMES = {one.id: name for name, one in MADE.items()}


@pytest.fixture(scope="module")
def four(app: Flask, shared_engine: Engine) -> FlaskClient:
    empty(shared_engine, "initiative")
    with shared_engine.begin() as connection:
        insert(connection, list(MADE.values()))
    return app.test_client()


def found(client: FlaskClient, query: str) -> set[str]:
    answer = client.get(f"{ITEMS}?{query}")
    assert answer.status_code == 200, answer.text
    document: Any = answer.json
    assert document["numberMatched"] == document["numberReturned"]
    return {NAMES[feature["id"]] for feature in document["features"]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        # What has no time at all matches any; what has a year or a month, those that meet it.
        ("datetime=2022-03-15", {"day", "month", "year", "unknown"}),
        ("datetime=2022-03-31T12:00:00Z", {"month", "year", "unknown"}),
        ("datetime=2022-07-01/2022-08-01", {"year", "unknown"}),
        ("datetime=2023-01-01/..", {"unknown"}),
        ("datetime=../2021-12-31T23:59:59Z", {"unknown"}),
        ("datetime=../2022-01-01", {"year", "unknown"}),
        ("datetime=2022-04-01/..", {"year", "unknown"}),
        ("datetime=../..", {"day", "month", "year", "unknown"}),
        # Periods of the filter grammar, and comparisons, need a known day.
        ("since=2000-01-01", {"day"}),
        ("until=2100-01-01", {"day"}),
        ("since=2022-01-01&until=2022-12-31", {"day"}),
        ("filter=created_at IS NULL", {"month", "year", "unknown"}),
        ("filter=NOT (created_at < DATE('2023-01-01'))", set()),
        ("filter=created_period = '2022'", {"year"}),
        ("filter=created_period LIKE '2022%25'", {"month", "year"}),
        ("licence=ODbL-1.0", {"unknown"}),
        ("filter=source IS NULL", {"day", "month", "year"}),
        ("filter=attribution = 'Une plateforme (ODbL-1.0)'", {"unknown"}),
    ],
)
def test_what_a_time_finds(four: FlaskClient, query: str, expected: set[str]) -> None:
    assert found(four, query) == expected


def test_an_unknown_date_is_null_and_the_extent_is_of_known_ones(four: FlaskClient) -> None:
    feature: Any = four.get(f"{ITEMS}/{MADE['month'].id}").json
    properties = feature["properties"]
    assert properties["created_at"] is properties["updated_at"] is None
    assert properties["created_period"] == "2022-03"
    collection: Any = four.get("/ogc/collections/initiatives").json
    assert collection["extent"]["temporal"]["interval"] == [["2022-03-15T12:00:00Z", None]]


def test_source_and_licence_are_told_of_what_has_them(four: FlaskClient) -> None:
    feature: Any = four.get(f"{ITEMS}/{MADE['unknown'].id}").json
    names = ("source", "source_url", "licence", "attribution")
    assert [feature["properties"][name] for name in names] == [
        "Une plateforme",
        "https://a.test/1",
        "ODbL-1.0",
        "Une plateforme (ODbL-1.0)",
    ]
    feature = four.get(f"{ITEMS}/{MADE['day'].id}").json
    assert [feature["properties"][name] for name in names] == [None] * 4


def test_figures_tell_beside_how_many_are_undated(four: FlaskClient) -> None:
    def told(query: str) -> tuple[int, int]:
        document: Any = four.get(f"/activity/commune.json?territory=commune:35238{query}").json
        (one,) = document["territories"]
        return one["initiatives"], one["undated"]

    assert told("") == (4, 3)
    assert told("&since=2022-03-01&until=2022-03-31") == (1, 3)
    assert told("&since=2023-01-01") == (0, 3)
