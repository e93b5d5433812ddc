"""Tiles and TileJSON as map clients ask for them."""

import re

import mapbox_vector_tile
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.initiatives.model import Theme
from tests.web.population import Made, column_row, insert

RENNES = "{}/{}/{}".format(9, *column_row(9, -1.67, 48.11))


@pytest.fixture
def lively(client: FlaskClient, engine: Engine) -> FlaskClient:
    """One cultural initiative in Rennes, and nothing else."""
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238", theme="culture")])
    return client


def test_an_empty_vector_tile_is_204_and_an_empty_collection_200(client: FlaskClient) -> None:
    empty = client.get(f"/tiles/initiatives/{RENNES}.pbf")
    assert (empty.status_code, empty.data) == (204, b"")
    assert "max-age" in empty.headers["Cache-Control"]
    collection = client.get(f"/tiles/initiatives/{RENNES}.geojson")
    assert collection.status_code == 200
    assert collection.json == {"type": "FeatureCollection", "features": []}
    ocean = client.get("/tiles/territories/5/0/0.pbf")
    assert (ocean.status_code, ocean.data) == (204, b"")


def test_a_tile_holds_one_layer_named_initiatives(lively: FlaskClient) -> None:
    response = lively.get(f"/tiles/initiatives/{RENNES}.pbf")
    assert response.content_type == "application/vnd.mapbox-vector-tile"
    tile = mapbox_vector_tile.decode(response.data)
    assert list(tile) == ["initiatives"]
    assert tile["initiatives"]["extent"] == 4096
    assert len(tile["initiatives"]["features"]) == 1


def test_a_tile_follows_the_filter(lively: FlaskClient) -> None:
    assert lively.get(f"/tiles/initiatives/{RENNES}.pbf?theme=culture").status_code == 200
    assert lively.get(f"/tiles/initiatives/{RENNES}.pbf?theme=habitat").status_code == 204
    assert lively.get(f"/tiles/initiatives/{RENNES}.pbf?q=jardin").status_code == 200
    assert lively.get(f"/tiles/initiatives/{RENNES}.pbf?territory=region:11").status_code == 204


@pytest.mark.parametrize("layer", ["initiatives", "territories"])
@pytest.mark.parametrize("suffix", ["pbf", "geojson"])
@pytest.mark.parametrize(
    "address",
    [
        "99/0/0",
        "21/0/0",
        "0/1/0",
        "0/0/1",
        "5/32/0",
        "5/0/32",
        "-1/0/0",
        "5/-1/0",
        "5/0/1.5",
        "a/b/c",
        "5/0/0x1",
        "٥/0/0",
        "5/999999999999999999999/0",
        "%20/0/0",
    ],
)
def test_a_tile_that_cannot_exist_is_a_problem(
    client: FlaskClient, layer: str, suffix: str, address: str
) -> None:
    response = client.get(f"/tiles/{layer}/{address}.{suffix}")
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("bbox=1,2,3", "bbox"),
        ("limit=5", "limit"),
        ("cursor=WyJyZWNlbnQiXQ", "cursor"),
        ("territory=commune:99999", "territory"),
        ("colour=red", "colour"),
    ],
)
def test_a_malformed_filter_of_a_tile_is_named(client: FlaskClient, query: str, field: str) -> None:
    for address in ("/tiles/initiatives.json", f"/tiles/initiatives/{RENNES}.pbf"):
        response = client.get(f"{address}?{query}")
        assert response.status_code == 400
        assert response.get_json()["field"] == field


def test_territories_take_no_filter(client: FlaskClient) -> None:
    for address in ("/tiles/territories.json", f"/tiles/territories/{RENNES}.pbf"):
        response = client.get(f"{address}?theme=culture")
        assert response.status_code == 400
        assert response.get_json()["field"] == "theme"


@pytest.mark.parametrize("name", ["initiatives", "territories"])
def test_tilejson_has_what_version_3_requires(client: FlaskClient, name: str) -> None:
    """https://github.com/mapbox/tilejson-spec/tree/master/3.0.0"""
    response = client.get(f"/tiles/{name}.json")
    assert response.content_type == "application/json"
    document = response.get_json()
    assert re.fullmatch(r"3\.\d+\.\d+", document["tilejson"])
    assert document["tiles"] == [f"http://map.test/tiles/{name}/{{z}}/{{x}}/{{y}}.pbf"]
    assert 0 <= document["minzoom"] <= document["maxzoom"] <= 30
    west, south, east, north = document["bounds"]
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    lon, lat, zoom = document["center"]
    assert west <= lon <= east
    assert south <= lat <= north
    assert document["minzoom"] <= zoom <= document["maxzoom"]
    for layer in document["vector_layers"]:
        assert layer["fields"]
        assert document["minzoom"] <= layer["minzoom"] <= layer["maxzoom"] <= document["maxzoom"]


def test_the_bounds_of_tilejson_hold_all_of_france(client: FlaskClient) -> None:
    west, south, east, north = client.get("/tiles/territories.json").get_json()["bounds"]
    saint_denis, cayenne, dunkerque, pointe_a_pitre, mamoudzou = (
        (55.449, -20.879),
        (-52.33, 4.93),
        (2.37, 51.03),
        (-61.53, 16.24),
        (45.23, -12.78),
    )
    for lon, lat in (saint_denis, cayenne, dunkerque, pointe_a_pitre, mamoudzou):
        assert west < lon < east
        assert south < lat < north


def test_tilejson_declares_every_attribute_that_tiles_have(lively: FlaskClient) -> None:
    fields = lively.get("/tiles/initiatives.json").get_json()["vector_layers"][0]["fields"]
    assert set(fields) > set(Theme)
    tile = mapbox_vector_tile.decode(lively.get(f"/tiles/initiatives/{RENNES}.pbf").data)
    for feature in tile["initiatives"]["features"]:
        assert set(feature["properties"]) <= set(fields)
    declared = {
        layer["id"]: layer
        for layer in lively.get("/tiles/territories.json").get_json()["vector_layers"]
    }
    shown = mapbox_vector_tile.decode(lively.get(f"/tiles/territories/{RENNES}.pbf").data)
    for name, layer in shown.items():
        for feature in layer["features"]:
            assert set(feature["properties"]) <= set(declared[name]["fields"])
