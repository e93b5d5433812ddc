"""A database that is busy, slow or away is a 503 that says when to try again."""

from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import make_url, text

from mapservice.app import create_app
from mapservice.db import revisions
from mapservice.db.engine import make_engine
from mapservice.settings import Settings
from mapservice.web import health
from mapservice.web.edge import SERVICES, Services
from tests.conftest import temporary_database

pytestmark = pytest.mark.long

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
    found = app.extensions[SERVICES]
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
    with services(app).engine.connect(), services(app).generic_plan.connect():
        for address in DOORS:
            check_unavailable(app.test_client(), address)
    assert app.test_client().get("/tiles/initiatives.json").status_code == 200


def test_people_are_told_so_on_a_page(make_app: MakeApp, database_url: str) -> None:
    app = make_app(database_url=database_url, pool_size=1, pool_wait_ms=5)
    with services(app).engine.connect(), services(app).generic_plan.connect():
        response = app.test_client().get("/initiatives", headers={"Accept": "text/html"})
    assert response.status_code == 503
    assert "Service momentanément indisponible" in response.text
    assert "Retry-After" in response.headers


def test_liveness_needs_no_database(make_app: MakeApp, database_url: str) -> None:
    app = make_app(database_url=database_url, pool_size=1, pool_wait_ms=5)
    with services(app).engine.connect(), services(app).generic_plan.connect():
        assert app.test_client().get("/health/live").status_code == 200


def test_a_statement_over_its_time_is_503(make_app: MakeApp, database_url: str) -> None:
    """35,000 communes as JSON take more than three milliseconds on any machine."""
    app = make_app(database_url=database_url, statement_timeout_ms=3)
    check_unavailable(app.test_client(), "/activity/commune.json")


def test_a_database_that_is_away_is_503(make_app: MakeApp) -> None:
    app = make_app(database_url="postgresql://nobody@127.0.0.1:1/none")
    for address in DOORS:
        check_unavailable(app.test_client(), address)


def addresses(app: Flask) -> list[str]:
    """One of each route that is read, with values that its parts can have."""
    known = {"level": "commune", "code": "35238", "z": "5", "x": "15", "y": "11"}
    identifier = "01a22986-3b47-7a89-929c-c5f3a015a699"
    adapter, found = app.url_map.bind("localhost"), []
    for rule in sorted(app.url_map.iter_rules(), key=str):
        if "GET" in (rule.methods or ()):
            values = {
                name: identifier if f"uuid:{name}" in rule.rule else known.get(name, "5")
                for name in rule.arguments
            }
            found.append(adapter.build(rule.endpoint, values, method="GET"))
    return found


def test_no_route_calls_a_database_that_is_away_a_fault_of_ours(make_app: MakeApp) -> None:
    app = make_app(database_url="postgresql://nobody@127.0.0.1:1/none")
    client = app.test_client()
    answers = {path: client.get(path, buffered=True) for path in addresses(app)}
    assert {path for path, one in answers.items() if one.status_code == 500} == set()
    away = [one for one in answers.values() if one.status_code == 503]
    assert len(away) > 50
    assert all(one.headers["Retry-After"] for one in away)


def is_ready(client: FlaskClient) -> bool:
    return client.get("/health/ready").status_code == 200


END_ALL = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
 WHERE datname = :name AND pid <> pg_backend_pid() AND usename = current_user
   AND application_name = 'mapservice'"""


def test_no_route_fails_on_connections_that_were_lost(
    make_app: MakeApp, server_url: str, france_template: str
) -> None:
    """Also on those that were used a moment ago, which nobody asks again whether they live."""
    with temporary_database(server_url, "lost", france_template) as url:
        app, server = make_app(database_url=url), make_engine(server_url)
        client, name = app.test_client(), make_url(url).database
        failed = {}
        for path in addresses(app):
            client.get("/health/ready")
            with server.connect() as connection:
                connection.execute(text(END_ALL), {"name": name})
            status = client.get(path, buffered=True).status_code
            # The first one that needs the database may still meet a lost connection.
            if status == 500 or not any(is_ready(client) for _ in range(5)):
                failed[path] = status
        services(app).dispose()
        server.dispose()
    assert failed == {}


def test_an_older_schema_is_not_ready_and_a_newer_one_is(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade migrates while former processes serve, whose files may be newer already."""
    newest = revisions.newest_revision()
    monkeypatch.setattr(resources, "files", lambda _name: Path("/nowhere"))
    assert revisions.newest_revision() == newest
    assert client.get("/health/ready").status_code == 200
    monkeypatch.setattr(health, "current_revision", lambda _connection: "9999")
    assert client.get("/health/ready").status_code == 200
    for older in ("0001", None):
        monkeypatch.setattr(health, "current_revision", lambda _connection, one=older: one)
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
