"""A database that is busy, slow or away is a 503 that says when to try again."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mapservice.app import create_app
from mapservice.http import health
from mapservice.http.services import EXTENSION, Services
from mapservice.settings import Settings

MakeApp = Callable[..., Flask]

DOORS = (
    "/initiatives.geojson",
    "/initiatives.geojson?limit=5",
    "/initiatives.csv",
    "/tiles/initiatives.json",
    "/tiles/initiatives/0/0/0.pbf",
    "/tiles/territories/0/0/0.geojson",
    "/activity/commune.json",
    "/activity/region.geojson",
    "/geocode/search?q=rennes",
    "/geocode/reverse?lon=1&lat=45",
    "/health/ready",
)


def services(app: Flask) -> Services:
    found = app.extensions[EXTENSION]
    assert isinstance(found, Services)
    return found


@pytest.fixture
def make_app() -> Iterator[MakeApp]:
    """Applications of their own settings, whose connections are closed at the end."""
    made: list[Flask] = []

    def make_app(**settings: Any) -> Flask:
        made.append(create_app(Settings(**settings)))
        return made[-1]

    yield make_app
    for app in made:
        services(app).dispose()


def check_unavailable(client: FlaskClient, address: str) -> None:
    response = client.get(address, buffered=True)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["Cache-Control"] == "no-store"
    assert response.content_type == "application/problem+json"
    assert response.get_json()["title"] == "Service Unavailable"


def test_no_free_connection_is_503_at_every_door(make_app: MakeApp, database_url: str) -> None:
    app = make_app(database_url=database_url, pool_size=1, pool_wait_ms=5)
    with services(app).engine.connect(), services(app).steady.connect():
        for address in DOORS:
            check_unavailable(app.test_client(), address)
    assert app.test_client().get("/tiles/initiatives.json").status_code == 200


def test_people_are_told_so_on_a_page(make_app: MakeApp, database_url: str) -> None:
    app = make_app(database_url=database_url, pool_size=1, pool_wait_ms=5)
    with services(app).engine.connect(), services(app).steady.connect():
        response = app.test_client().get("/initiatives", headers={"Accept": "text/html"})
    assert response.status_code == 503
    assert "Service très demandé" in response.text
    assert "Retry-After" in response.headers


def test_liveness_needs_no_database(make_app: MakeApp, database_url: str) -> None:
    app = make_app(database_url=database_url, pool_size=1, pool_wait_ms=5)
    with services(app).engine.connect(), services(app).steady.connect():
        assert app.test_client().get("/health/live").status_code == 200


def test_a_statement_over_its_time_is_503(make_app: MakeApp, database_url: str) -> None:
    """35,000 communes as JSON take more than three milliseconds on any machine."""
    app = make_app(database_url=database_url, statement_timeout_ms=3)
    check_unavailable(app.test_client(), "/activity/commune.json")


def test_a_database_that_is_away_is_503(make_app: MakeApp) -> None:
    app = make_app(database_url="postgresql://nobody@127.0.0.1:1/none")
    for address in DOORS:
        check_unavailable(app.test_client(), address)


def test_a_schema_of_another_version_is_not_ready(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/health/ready").status_code == 200
    monkeypatch.setattr(health, "newest_revision", lambda: "9999")
    check_unavailable(client, "/health/ready")


def test_streams_left_half_read_give_their_connection_back(
    make_app: MakeApp, database_url: str
) -> None:
    app = make_app(database_url=database_url, pool_size=1, pool_wait_ms=5)
    client = app.test_client()
    for address in ("/activity/commune.csv", "/activity/epci.geojson", "/initiatives.csv"):
        for _ in range(3):
            response = client.get(address)
            next(iter(response.response))
            response.close()
            assert client.head(address, buffered=True).status_code == 200
    assert client.get("/tiles/initiatives.json").status_code == 200
