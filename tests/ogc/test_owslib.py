"""OWSLib, the client of many Python tools, walks through all that it knows of."""

import itertools
from typing import Any

import pytest
from owslib.ogcapi.features import Features

from tests.ogc.web import Service, fetch


@pytest.fixture(scope="module")
def client(ogc: Service) -> Features:
    return Features(ogc.root)


def test_owslib_reads_landing_page_conformance_and_api(client: Features, ogc: Service) -> None:
    assert {"self", "service-desc", "data"} <= {link["rel"] for link in client.links}
    declared = client.conformance()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in declared
    api = client.api()
    assert api["openapi"].startswith("3.0")
    assert [server["url"] for server in api["servers"]] == [ogc.root]


def test_owslib_reads_every_collection(client: Features, names: list[str]) -> None:
    assert sorted(client.feature_collections()) == sorted(names)
    for name in names:
        described = client.collection(name)
        assert (described["id"], described["itemType"]) == (name, "feature")
        assert "geometry" in client.collection_queryables(name)["properties"]


def test_owslib_reads_items_of_every_collection(client: Features, names: list[str]) -> None:
    for name in names:
        page = client.collection_items(name, limit=2)
        assert page["numberReturned"] == len(page["features"]) > 0
        first = page["features"][0]
        assert client.collection_item(name, first["id"])["properties"] == first["properties"]


def test_owslib_asks_by_box_time_filter_and_order(client: Features, ogc: Service) -> None:
    def ids(**asked: Any) -> list[str]:
        features = client.collection_items("initiatives", limit=10_000, **asked)["features"]
        return [feature["id"] for feature in features]

    assert set(ids(bbox=[-3, 47, 1, 49])) == ogc.ids("initiatives", bbox="-3,47,1,49") != set()
    since = "2025-01-01T00:00:00Z/.."
    assert set(ids(datetime_=since)) == ogc.ids("initiatives", datetime=since) != set()
    asked = "theme = 'culture' AND supporters < 2"
    assert set(ids(filter=asked)) == ogc.ids("initiatives", filter=asked) != set()
    supported = client.collection_items("initiatives", limit=10_000, sortby=("supporters", "desc"))
    counts = [feature["properties"]["supporters"] for feature in supported["features"]]
    assert all(former >= later for former, later in itertools.pairwise(counts))


def test_owslib_finds_the_tiles(client: Features, names: list[str]) -> None:
    """It has no client of tiles: its links lead to them, as its users follow them."""
    rel = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
    for name in names:
        if name in ("events", "groups"):
            continue  # their tiles stand by themselves, at /tiles/events.json
        (link,) = (one for one in client.collection(name)["links"] if one["rel"] == rel)
        (tileset,) = fetch(link["href"], accept=link["type"]).json["tilesets"]
        described = fetch(tileset["links"][0]["href"]).json
        assert [layer["id"] for layer in described["layers"]] == [name]
