"""Where an event takes place online is told to those who have a seat, where seats are given."""

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES
from tests.events.organiser import make_event

ROOM = "https://salle.example.org/secret"


@pytest.fixture
def client(engine: Engine, database_url: str) -> Iterator[FlaskClient]:
    app = create_app(Settings(database_url=database_url, public_url="http://map.test"))
    yield app.test_client()
    app.extensions[SERVICES].engine.dispose()


@pytest.mark.parametrize(
    ("registration", "is_told"), [("none", True), ("open", False), ("approval", False)]
)
def test_no_file_tells_it_to_others(
    engine: Engine, client: FlaskClient, registration: str, is_told: bool
) -> None:
    with engine.begin() as connection:
        event = make_event(connection, registration=registration)
        connection.execute(
            text("UPDATE event SET online_url = :room WHERE id = :id"),
            {"room": ROOM, "id": event},
        )
    for path in ("/evenements.geojson", "/evenements.csv", f"/evenements/{event}"):
        answer = client.get(path, buffered=True)
        assert answer.status_code == 200
        assert (ROOM in answer.text) == is_told, path
    for path in ("/evenements.json", "/evenements.jsonld"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert (ROOM in answer.text) == is_told, path
    for path in ("/evenements.ics", "/evenements.atom"):
        answer = client.get(path, buffered=True)
        assert is_told or ROOM not in answer.text
    told = json.loads(client.get("/evenements.geojson", buffered=True).data)["features"]
    assert [one["properties"]["online_url"] for one in told] == [ROOM if is_told else None]
