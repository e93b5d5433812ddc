"""The collection of the OGC API, the tiles, and the list say the same."""

from datetime import UTC, datetime, timedelta

import mapbox_vector_tile
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.events.fixtures import load_sample
from mapservice.geocoding.service import Locator

NOW = datetime.now(UTC)


def load(engine: Engine, locator: Locator) -> None:
    with engine.begin() as connection:
        load_sample(connection, locator, NOW)


def ids(client: FlaskClient, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.get_json()["features"]]


def test_the_sample_lies_ahead_in_every_region_and_replaces_itself(
    engine: Engine, locator: Locator, client: FlaskClient
) -> None:
    load(engine, locator)
    first = client.get("/evenements.geojson?limit=1000").get_json()["features"]
    load(engine, locator)
    again = client.get("/evenements.geojson?limit=1000").get_json()["features"]
    assert len(first) == len(again)
    regions = {one["properties"]["region"] for one in again} - {None}
    assert len(regions) == 18
    # Some sixty dates of the coming six weeks.
    until = (NOW + timedelta(days=45)).isoformat().replace("+00:00", "Z")
    near = [one for one in again if one["properties"]["starts_at"] < until]
    assert 60 <= len({one["properties"]["series"] for one in again}) <= 70
    assert len(near) >= 60
    assert all(one["properties"]["ends_at"] > NOW.isoformat() for one in again)
    # None is shown more precisely than it is known.
    assert all(
        (one["geometry"] is None) == (one["properties"]["precision"] != "point") for one in again
    )
    zones = {one["properties"]["zone"] for one in again}
    assert {"Europe/Paris", "Indian/Reunion", "Indian/Mayotte", "America/Martinique"} <= zones
    hours = {
        one["properties"]["starts_local"][11:16]
        for one in again
        if one["properties"]["title"] == "Cours de créole"
    }
    assert hours == {"18:00"}


def test_every_endpoint_finds_the_same(
    engine: Engine, locator: Locator, client: FlaskClient
) -> None:
    load(engine, locator)
    begin = NOW.date() + timedelta(days=1)
    end = begin + timedelta(days=30)
    # Moments, so that both mean the same whatever the clocks there.
    span = f"{begin}T00:00:00Z", f"{end}T00:00:00Z"
    for query in (
        "",
        "&territory=region:53",
        "&theme=culture",
        "&q=chorale",
        "&near=2.35,48.85&radius=30000",
    ):
        listed = ids(client, f"/evenements.geojson?limit=1000&from={span[0]}&to={span[1]}{query}")
        items = ids(
            client, f"/ogc/collections/events/items?limit=1000&datetime={span[0]}/{span[1]}{query}"
        )
        assert sorted(listed) == sorted(items), query
        assert listed, query


def test_items_page_and_filter(engine: Engine, locator: Locator, client: FlaskClient) -> None:
    load(engine, locator)
    whole = ids(client, "/ogc/collections/events/items?limit=1000")
    path, seen = "/ogc/collections/events/items?limit=100", []
    while path:
        page = client.get(path).get_json()
        seen += [one["id"] for one in page["features"]]
        path = next((one["href"] for one in page["links"] if one["rel"] == "next"), "")
        path = path.removeprefix("http://map.test").removeprefix("http://localhost")
    assert seen == whole
    one = client.get(f"/ogc/collections/events/items/{whole[0]}").get_json()
    assert one["properties"]["starts_at"].endswith("Z")
    online = client.get(
        "/ogc/collections/events/items?filter=mode%3D'online'&filter-lang=cql2-text"
    ).get_json()
    assert {one["properties"]["mode"] for one in online["features"]} == {"online"}
    assert online["numberMatched"] >= 2
    assert client.get("/ogc/collections/events").get_json()["extent"]["temporal"] == {
        "interval": [[None, None]]
    }
    assert "/collections/events/items" in client.get("/ogc/api").text


def test_tiles_count_what_the_list_counts(
    engine: Engine, locator: Locator, client: FlaskClient
) -> None:
    load(engine, locator)
    begin, end = NOW.date(), NOW.date() + timedelta(days=40)
    query = f"from={begin}&to={end}"
    features = client.get(f"/evenements.geojson?limit=1000&{query}").get_json()["features"]
    placed = [one for one in features if one["properties"]["precision"] not in ("none", "national")]
    for zoom, columns in ((0, 1), (4, 16)):
        total = 0
        for x in range(columns):
            for y in range(columns):
                body = client.get(f"/tiles/events/{zoom}/{x}/{y}.pbf?{query}").data
                if body:
                    layer = mapbox_vector_tile.decode(body)["events"]
                    total += sum(one["properties"]["count"] for one in layer["features"])
        assert total == len(placed), zoom
    told = client.get("/tiles/events.json?when=week").get_json()
    assert told["tiles"][0].endswith("/tiles/events/{z}/{x}/{y}.pbf?when=week")
    shown = client.get(f"/tiles/events/14/8298/5637.geojson?{query}").get_json()
    assert shown["type"] == "FeatureCollection"
