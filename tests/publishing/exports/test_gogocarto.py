"""Elements as GoGoCarto has them: with a position, their source and licence, and no day made up."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from mapservice.initiatives.model import Theme
from tests.web.population import Kept


def asked(client: FlaskClient, query: str = "") -> Any:
    answer = client.get(f"/api/elements.json{query}", buffered=True)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return json.loads(answer.data)


def features(client: FlaskClient, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/initiatives.geojson{query}", buffered=True)
    return {one["id"]: one for one in json.loads(answer.data)["features"]}


@pytest.mark.parametrize("query", ["", "?theme=culture", "?q=motquepersonnenemploie"])
def test_the_full_shape_has_what_has_a_position(orders: FlaskClient, query: str) -> None:
    found, known = asked(orders, query), features(orders, query)
    pointed = {key: one for key, one in known.items() if one["geometry"]}
    assert (found["ontology"], found["licence"]) == (
        "gogofull",
        "http://map.test/methode#licences",
    )
    assert found["elementsWithoutPosition"] == len(known) - len(pointed)
    assert {one["id"] for one in found["data"]} == set(pointed)
    for one in found["data"]:
        told = pointed[one["id"]]
        lon, lat = told["geometry"]["coordinates"]
        assert one["geo"] == {"latitude": lat, "longitude": lon}
        assert one["name"] == told["properties"]["title"]
        for name in ("source", "source_url", "licence", "attribution", "url"):
            assert one.get(name) == (told["properties"][name] or None)
        assert ("createdAt" in one) == (told["properties"]["created_at"] is not None)


def test_the_compact_shape_is_a_list_an_element(orders: FlaskClient) -> None:
    full, compact = asked(orders), asked(orders, "?ontology=gogocompact")
    assert compact["mapping"][:4] == ["id", ["name"], "latitude", "longitude"]
    for one, short in zip(full["data"], compact["data"], strict=True):
        identifier, (name,), latitude, longitude, options = short
        assert (identifier, name) == (one["id"], one["name"])
        assert {"latitude": latitude, "longitude": longitude} == one["geo"]
        assert [compact["options"][str(number)] for number in options] == one["categories"]
    assert set(compact["options"].values()) == set(map(str, Theme))


def test_its_bounds_are_our_box(orders: FlaskClient, initiatives: list[Kept]) -> None:
    box = "-5,47,0,49"
    found = asked(orders, f"?bounds={box}")
    assert found == asked(orders, f"?bbox={box}")
    assert len(found["data"]) < len(asked(orders)["data"]) or not initiatives


@pytest.mark.parametrize("query", ["?ontology=autre", "?colour=red", "?limit=5", "?bounds=1,2"])
def test_what_it_does_not_know_is_named(orders: FlaskClient, query: str) -> None:
    answer = orders.get(f"/api/elements.json{query}")
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


def test_a_filter_of_precision_that_has_no_point_gives_nothing(orders: FlaskClient) -> None:
    assert asked(orders, "?precision=commune")["data"] == []
