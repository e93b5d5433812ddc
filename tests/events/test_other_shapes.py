"""Events in the shapes that other services read: OpenAgenda's and schema.org's."""

from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from tests.events.organiser import make_event, soon


def test_an_event_in_the_shape_of_openagenda(engine: Engine, visitor: FlaskClient) -> None:
    with engine.begin() as connection:
        identifier = make_event(connection)
        series = connection.execute(
            text("SELECT series FROM event WHERE id = :id"), {"id": identifier}
        ).scalar_one()
    document = visitor.get("/evenements.json?size=100&detailed=1&sort=updatedAt.asc").json
    assert document is not None
    assert (document["total"], document["after"]) == (1, None)
    (told,) = document["events"]
    assert told["uid"] == f"series-{series}"
    assert (told["state"], told["status"], told["attendanceMode"]) == (2, 1, 2)
    assert told["canonicalUrl"] == f"http://map.test/evenements/{identifier}"
    (timing,) = told["timings"]
    begins = datetime.fromisoformat(timing["begin"])
    assert begins.utcoffset() is not None
    assert begins.replace(tzinfo=None) == soon()
    assert told["timezone"] == "Europe/Paris"
    assert "source" not in told


def test_a_place_is_no_finer_there_than_it_is_known(engine: Engine, visitor: FlaskClient) -> None:
    with engine.begin() as connection:
        make_event(connection)
        connection.execute(
            text(
                "UPDATE event SET mode = 'place', place_text = 'Place de la mairie',"
                " precision = 'commune', commune = '35238'"
            )
        )
    document = visitor.get("/evenements.json").json
    assert document is not None
    place = document["events"][0]["location"]
    assert (place["name"], place["insee"]) == ("Place de la mairie", "35238")
    assert not {"latitude", "longitude"} & place.keys()


def test_what_is_called_off_says_so(engine: Engine, visitor: FlaskClient) -> None:
    with engine.begin() as connection:
        make_event(connection)
        connection.execute(text("UPDATE event SET status = 'cancelled', cancelled_at = now()"))
    found = [visitor.get(f"/evenements.json{query}").json for query in ("", "?status=cancelled")]
    assert [[one["status"] for one in page["events"]] for page in found if page] == [[], [6]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("size=0", "size"),
        ("size=301", "size"),
        ("size=x", "size"),
        ("size=1&size=2", "size"),
        ("after[]=x", "after"),
        ("after[]=1&after=2", "after"),
        ("limit=5", "limit"),
        ("updatedAt[gte]=2026-01-01", "updatedAt"),
        ("territory=commune:99999", "territory"),
    ],
)
def test_what_it_does_not_know_is_refused_by_name(
    engine: Engine, visitor: FlaskClient, query: str, field: str
) -> None:
    answer = visitor.get(f"/evenements.json?{query}")
    assert answer.status_code == 400
    assert field in answer.text


def test_a_list_as_schema_org_has_it(engine: Engine, visitor: FlaskClient) -> None:
    with engine.begin() as connection:
        ids = {str(make_event(connection)) for _ in range(3)}
    first = visitor.get("/evenements.jsonld?limit=2")
    assert first.mimetype == "application/ld+json"
    assert first.json is not None
    assert first.json["@context"] == "https://schema.org"
    following = first.headers["Link"].partition("<")[2].partition(">")[0]
    second = visitor.get(following)
    assert "Link" not in second.headers
    assert second.json is not None
    things = first.json["@graph"] + second.json["@graph"]
    assert {one["@id"].rpartition("/")[2] for one in things} == ids
    assert {one["@type"] for one in things} == {"Event"}
    assert all("@context" not in one for one in things)
