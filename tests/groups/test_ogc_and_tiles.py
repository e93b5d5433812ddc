"""The OGC collection, the tiles and the list of groups say the same; and the dates of one group."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import mapbox_vector_tile
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.geocoding.service import Locator
from mapservice.groups.fixtures import load_sample
from tests.rollups.gatherings import add_events, add_groups

NOW = datetime.now(UTC)
ITEMS = "/ogc/collections/groups/items"


def load(engine: Engine, locator: Locator) -> None:
    """The sample, a group that is archived, and one of all Bretagne."""
    with engine.begin() as connection:
        load_sample(connection, locator, NOW)
        add_groups(connection, "35238", status="archived")
        add_groups(connection, "")


def ids(client: FlaskClient, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.get_json()["features"]]


def test_the_collection_finds_what_the_list_finds(
    engine: Engine, locator: Locator, client: FlaskClient
) -> None:
    load(engine, locator)
    for query in ("", "&territory=region:53", "&theme=culture", "&near=2.35,48.85&radius=300000"):
        listed = ids(client, f"/groupes.geojson?limit=1000{query}")
        assert listed, query
        assert ids(client, f"{ITEMS}?limit=1000{query}") == listed, query
    one, *_rest = client.get(f"{ITEMS}?limit=5").get_json()["features"]
    alone = client.get(f"{ITEMS}/{one['id']}").get_json()
    assert alone["properties"] == one["properties"]
    assert alone["properties"]["url"].endswith(f"/groupes/{one['id']}")
    path, seen = f"{ITEMS}?limit=4", []
    while path:
        page = client.get(path).get_json()
        seen += [feature["id"] for feature in page["features"]]
        path = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
        path = path.removeprefix("http://map.test").removeprefix("http://localhost")
    assert seen == ids(client, "/groupes.geojson?limit=1000")
    asked = "openness%3D'open'%20AND%20members%3D0&filter-lang=cql2-text"
    found = client.get(f"{ITEMS}?limit=1000&filter={asked}").get_json()
    assert {one["properties"]["openness"] for one in found["features"]} == {"open"}
    assert found["numberMatched"] == len(found["features"])
    # Of a group that is known to its commune alone there is no point.
    assert all(
        (one["geometry"] is None) == (one["properties"]["precision"] != "point")
        for one in found["features"]
    )
    future = NOW + timedelta(days=3)
    assert ids(client, f"{ITEMS}?datetime={future:%Y-%m-%d}T00:00:00Z/..") == []
    assert "/collections/groups/items" in client.get("/ogc/api").text


def test_tiles_count_what_the_list_counts(
    engine: Engine, locator: Locator, client: FlaskClient
) -> None:
    load(engine, locator)
    for query in ("", "theme=culture", "state=archived"):
        listed = client.get(f"/groupes.geojson?limit=1000&{query}").get_json()["features"]
        placed = [
            one for one in listed if one["properties"]["precision"] not in ("none", "national")
        ]
        assert placed, query
        for zoom, columns in ((0, 1), (3, 8)):
            total = 0
            for x in range(columns):
                for y in range(columns):
                    answer = client.get(f"/tiles/groups/{zoom}/{x}/{y}.pbf?{query}")
                    assert answer.status_code == (200 if answer.data else 204)
                    if answer.data:
                        layer = mapbox_vector_tile.decode(answer.data)["groups"]
                        total += sum(one["properties"]["count"] for one in layer["features"])
            assert total == len(placed), (query, zoom)
    told = client.get("/tiles/groups.json?theme=culture").get_json()
    assert told["tiles"][0].endswith("/tiles/groups/{z}/{x}/{y}.pbf?theme=culture")
    whole = client.get("/tiles/groups/0/0/0.geojson?state=archived").get_json()["features"]
    assert [one["properties"]["name"] for one in whole] == ["Les voisines"]
    assert client.get("/tiles/groups/0/0/0.pbf?limit=3").status_code == 400


def test_events_of_one_group(engine: Engine, client: FlaskClient) -> None:
    soon = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="seconds")
    with engine.begin() as connection:
        add_groups(connection)
        add_events(connection, day=soon, count=2, source="hers")
        add_events(connection, day=soon, count=3)
        group = connection.execute(text("SELECT id FROM local_group")).scalar_one()
        theirs = "UPDATE event_series SET local_group = :group WHERE source = 'hers'"
        connection.execute(text(theirs), {"group": group})
        gone = """
        UPDATE event SET status = 'cancelled', cancelled_at = now() WHERE id IN (
            SELECT event.id FROM event JOIN event_series ON event_series.id = event.series
             WHERE source = :source ORDER BY starts_at LIMIT 1)"""
        for source in ("hers", ""):
            connection.execute(text(gone), {"source": source})
    assert len(ids(client, f"/evenements.geojson?group={group}")) == 1
    assert len(ids(client, "/evenements.geojson")) == 3
    assert client.get(f"/evenements?group={group}").status_code == 200
    calendar = client.get(f"/evenements.ics?group={group}").text
    assert calendar.count("BEGIN:VEVENT") == 2, "what was cancelled is told, of this group alone"
    assert calendar.count("STATUS:CANCELLED") == 1
    assert ids(client, f"/evenements.geojson?group={uuid4()}") == []
    refused = client.get("/evenements.geojson?group=nous")
    assert (refused.status_code, "group" in refused.text) == (400, True)
