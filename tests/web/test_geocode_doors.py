"""The national address API's doors: its clients must find what they know (addok's shape)."""

from typing import Any

import pytest
from flask.testing import FlaskClient

PROPERTIES = {
    "label": str,
    "score": float,
    "id": str,
    "type": str,
    "name": str,
    "postcode": str,
    "citycode": str,
    "city": str,
    "context": str,
    "population": int,
}


@pytest.fixture
def search(client: FlaskClient) -> Any:
    """`search(q=…)` gives the features."""

    def search(**query: str) -> list[dict[str, Any]]:
        response = client.get("/geocode/search", query_string=query)
        assert response.status_code == 200, response.text
        return list(response.get_json()["features"])

    return search


def first(features: list[dict[str, Any]]) -> dict[str, Any]:
    return dict(features[0]["properties"])


def test_an_answer_is_a_collection_as_addok_gives_it(client: FlaskClient) -> None:
    response = client.get("/geocode/search?q=Rennes&limit=1")
    assert response.content_type == "application/geo+json"
    collection = response.get_json()
    assert collection["type"] == "FeatureCollection"
    assert (collection["query"], collection["limit"]) == ("Rennes", 1)
    assert collection["attribution"]
    assert collection["licence"]
    (feature,) = collection["features"]
    assert feature["type"] == "Feature"
    assert feature["geometry"]["type"] == "Point"
    lon, lat = feature["geometry"]["coordinates"]
    assert -1.8 < lon < -1.6
    assert 48.0 < lat < 48.2
    properties = feature["properties"]
    for name, kind in PROPERTIES.items():
        assert isinstance(properties[name], kind), name
    assert properties["type"] == "municipality"
    assert properties["citycode"] == "35238"
    assert properties["label"] == properties["name"] == properties["city"] == "Rennes"
    assert properties["context"] == "35, Ille-et-Vilaine, Bretagne"
    assert properties["postcode"] in ("35000", "35200", "35700")
    assert 0.5 < properties["score"] <= 1
    assert properties["population"] > 200_000


def test_limit_bounds_the_answers(search: Any) -> None:
    assert len(search(q="saint")) == 5
    assert len(search(q="saint", limit="2")) == 2
    assert len(search(q="saint", limit="20")) == 20


def test_scores_fall_and_no_commune_comes_twice(search: Any) -> None:
    found = [feature["properties"] for feature in search(q="saint-denis", limit="20")]
    scores = [one["score"] for one in found]
    assert scores == sorted(scores, reverse=True)
    assert len({one["citycode"] for one in found}) == len(found)


def test_autocomplete_reads_a_beginning_and_can_be_turned_off(search: Any) -> None:
    begun = {one["properties"]["city"] for one in search(q="marseil", autocomplete="1", limit="5")}
    assert "Marseille" in begun
    assert all(
        one["properties"]["city"] != "Marseillan" for one in search(q="mars", autocomplete="0")
    )
    assert first(search(q="niort", autocomplete="0"))["citycode"] == "79191"


def test_postcode_and_citycode_filter(search: Any) -> None:
    assert {one["properties"]["citycode"] for one in search(q="saint-denis", postcode="97400")} == {
        "97411"
    }
    assert {one["properties"]["citycode"] for one in search(q="saint-denis", citycode="93066")} == {
        "93066"
    }
    for query in ({"postcode": "13001"}, {"citycode": "13055"}):
        found = search(q="rennes", **query)
        assert {one["properties"]["citycode"] for one in found} <= {"13055"}


def test_a_type_that_we_do_not_know_of_finds_nothing(search: Any) -> None:
    assert first(search(q="rennes", type="municipality"))["citycode"] == "35238"
    assert search(q="rennes", type="street") == []


def test_a_position_prefers_what_is_near(search: Any) -> None:
    """Saint-Denis of La Réunion, asked for from there."""
    near = search(q="saint-denis", lat="-20.88", lon="55.45", limit="3")
    assert first(near)["citycode"] == "97411"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=%20%20", "q"),
        ("q=" + "x" * 201, "q"),
        ("q=rennes&lat=48", "lon"),
        ("q=rennes&lon=-1.6", "lat"),
        ("q=rennes&lat=91&lon=2", "lat"),
        ("q=rennes&lat=nan&lon=2", "lat"),
        ("q=rennes&lat=48&lon=181", "lon"),
        ("q=rennes&lat=48&lon=inf", "lon"),
        ("q=rennes&lat=48&lon=1,2", "lon"),
        ("q=rennes&lat=48,2&lon=1", "lat"),
        ("q=rennes&lat=%D9%A3&lon=1", "lat"),
        ("q=rennes&limit=-1", "limit"),
        ("q=rennes&limit=101", "limit"),
        ("q=rennes&limit=all", "limit"),
        ("q=rennes&autocomplete=maybe", "autocomplete"),
        ("q=rennes&postcode=3500", "postcode"),
        ("q=rennes&postcode=350000", "postcode"),
        ("q=rennes&citycode=35-38", "citycode"),
        ("q=rennes&type=planet", "type"),
    ],
)
def test_a_malformed_search_is_named(client: FlaskClient, query: str, field: str) -> None:
    response = client.get(f"/geocode/search?{query}")
    assert response.status_code == 400
    assert response.get_json()["field"] == field


def reversed_at(client: FlaskClient, lon: float, lat: float) -> list[dict[str, Any]]:
    response = client.get(f"/geocode/reverse?lon={lon}&lat={lat}")
    assert response.status_code == 200, response.text
    return list(response.get_json()["features"])


def test_66_rue_de_paris_in_pierrefitte_is_now_in_saint_denis(client: FlaskClient) -> None:
    properties = first(reversed_at(client, 2.3608, 48.9655))
    assert properties["citycode"] == "93066"
    assert properties["label"] == "Saint-Denis"
    assert 0 <= properties["distance"] < 10_000
    for name, kind in PROPERTIES.items():
        assert isinstance(properties[name], kind), name


@pytest.mark.parametrize(
    ("lon", "lat", "commune"),
    [
        (-1.6794, 48.1113, "35238"),
        (55.4489, -20.8789, "97411"),
        (-5.0966, 48.4567, "29155"),
        (2.3522, 48.8566, "75056"),
        (9.4500, 42.7000, "2B033"),
    ],
)
def test_a_point_gives_its_commune(
    client: FlaskClient, lon: float, lat: float, commune: str
) -> None:
    assert first(reversed_at(client, lon, lat))["citycode"] == commune


@pytest.mark.parametrize(
    ("lon", "lat"), [(-30.0, 45.0), (4.35, 50.85), (0.0, -90.0), (180.0, 90.0)]
)
def test_at_sea_and_abroad_there_is_nothing(client: FlaskClient, lon: float, lat: float) -> None:
    assert reversed_at(client, lon, lat) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "lon"),
        ("lon=2.36", "lat"),
        ("lat=48.9", "lon"),
        ("lon=200&lat=1", "lon"),
        ("lon=2&lat=-91", "lat"),
        ("lon=x&lat=1", "lon"),
        ("lon=1&lat=1&limit=x", "limit"),
    ],
)
def test_a_malformed_reverse_is_named(client: FlaskClient, query: str, field: str) -> None:
    response = client.get(f"/geocode/reverse?{query}")
    assert response.status_code == 400
    assert response.get_json()["field"] == field
