"""The layers `activity` (figures on outlines) and `density` (weights for heatmaps)."""

from collections.abc import Iterator
from typing import Any

import mapbox_vector_tile
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.initiatives.grid import Tile
from mapservice.tiles.activity_queries import FIRST_ZOOMS
from mapservice.tiles.density_queries import MAX_ZOOM, STEPS
from tests.tiles.tiles import WORLD, children
from tests.web.population import Made, column_row, fill, insert, population

RENNES = (-1.675, 48.111)
OUESSANT = (-5.085, 48.457)
FIGURES = ("code", "initiatives", "supporters")

Features = list[dict[str, Any]]


@pytest.fixture
def lively(client: FlaskClient, engine: Engine) -> FlaskClient:
    """Three initiatives in Rennes, one on Ouessant, which is in no EPCI."""
    with engine.begin() as connection:
        insert(
            connection,
            [
                Made(commune="35238", theme="culture", supporters=5),
                Made(commune="35238", theme="habitat", created_at="2025-03-10T12:00:00+00:00"),
                Made(commune="35238", theme="culture", status="archived"),
                Made(commune="29155", theme="culture"),
            ],
        )
    return client


@pytest.fixture
def many(client: FlaskClient, engine: Engine) -> FlaskClient:
    """Half of them in the base of the rollups, half in the deltas."""
    fill(engine, population(400))
    return client


def address(layer: str, zoom: int, place: tuple[float, float], suffix: str = "pbf") -> str:
    column, row = column_row(zoom, *place)
    return f"/tiles/{layer}/{zoom}/{column}/{row}.{suffix}"


def drawn(client: FlaskClient, layer: str, zoom: int, place: tuple[float, float]) -> Features:
    """Attributes of the features of the vector tile."""
    content = client.get(address(layer, zoom, place)).data
    return [one["properties"] for one in mapbox_vector_tile.decode(content)[layer]["features"]]


def figures(client: FlaskClient, code: str, zoom: int, query: str = "") -> dict[str, Any]:
    url = f"{address('activity', zoom, RENNES, 'geojson')}?{query}"
    features = client.get(url).get_json()["features"]
    (found,) = (one["properties"] for one in features if one["properties"]["code"] == code)
    return {name: found[name] for name in FIGURES}


@pytest.mark.parametrize(
    ("zoom", "level", "code"),
    [
        (5, "region", "53"),
        (6, "departement", "35"),
        (8, "departement", "35"),
        (9, "epci", "243500139"),
        (10, "epci", "243500139"),
        (11, "commune", "35238"),
        (14, "commune", "35238"),
    ],
)
def test_activity_shows_the_level_of_its_zoom(
    lively: FlaskClient, zoom: int, level: str, code: str
) -> None:
    shown = drawn(lively, "activity", zoom, RENNES)
    (one,) = (each for each in shown if each["code"] == code)
    assert (one["level"], one["population"] > 200_000) == (level, True)
    assert {each["level"] for each in shown} == {level}
    in_brittany = 3 if level == "region" else 2
    assert (one["initiatives"], one["supporters"]) == (in_brittany, 5)


def test_activity_leaves_no_gap_where_a_commune_has_no_epci(lively: FlaskClient) -> None:
    shown = drawn(lively, "activity", 9, OUESSANT)
    (island,) = (one for one in shown if one["code"] == "29155")
    assert (island["level"], island["initiatives"]) == ("commune", 1)
    assert {one["code"] for one in shown if one["level"] == "commune"} == {"29155"}


def test_activity_tells_zero_from_unknown(lively: FlaskClient) -> None:
    """Nobody lives in Fleury-devant-Douaumont (55189); Cesson-Sévigné (35051) has no initiative."""
    place = (5.43, 49.196)
    (empty,) = (one for one in drawn(lively, "activity", 12, place) if one["code"] == "55189")
    assert (empty["population"], empty["initiatives"]) == (0, 0)
    assert "per_10000_inhabitants" not in empty
    near = drawn(lively, "activity", 12, (-1.604, 48.121))
    (quiet,) = (one for one in near if one["code"] == "35051")
    assert (quiet["initiatives"], quiet["per_10000_inhabitants"]) == (0, 0)
    features = lively.get(address("activity", 12, place, "geojson")).get_json()["features"]
    (written,) = (one for one in features if one["id"] == "commune:55189")
    assert written["properties"]["per_10000_inhabitants"] is None


def test_activity_follows_what_the_rollups_know(lively: FlaskClient) -> None:
    def counted(query: str) -> int:
        return int(figures(lively, "35238", 12, query)["initiatives"])

    assert counted("") == 2
    assert counted("theme=culture") == 1
    assert counted("status=archived") == 1
    assert counted("status=archived,published") == 3
    assert counted("since=2025-03-01&until=2025-03-31") == 1
    assert counted("since=2025-04-01&theme=culture,habitat") == 1


def test_activity_keeps_to_the_territories_of_the_filter(lively: FlaskClient) -> None:
    url = f"{address('activity', 9, RENNES, 'geojson')}?territory=epci:243500139,commune:29155"
    codes = [one["properties"]["code"] for one in lively.get(url).get_json()["features"]]
    assert codes == ["243500139"]


@pytest.mark.parametrize("zoom", sorted(first for first, _ in FIRST_ZOOMS))
def test_activity_is_what_the_activity_door_says(many: FlaskClient, zoom: int) -> None:
    level = next(level for first, level in FIRST_ZOOMS if zoom >= first)
    query = "theme=culture,mobilite&status=published,archived"
    url = f"{address('activity', zoom, RENNES, 'geojson')}?{query}"
    shown = [one["properties"] for one in many.get(url).get_json()["features"]]
    listed = many.get(f"/activity/{level}.json?{query}").get_json()["territories"]
    expected = {one["code"]: one for one in listed}
    names = (*FIGURES, "name", "population", "per_10000_inhabitants")
    assert any(one["initiatives"] for one in shown)
    for one in shown:
        assert {name: one[name] for name in names} == {
            name: expected[one["code"]][name] for name in names
        }


@pytest.mark.parametrize("layer", ["activity", "density"])
def test_both_forms_hold_the_same(many: FlaskClient, layer: str) -> None:
    for zoom in (0, 5, 9):
        features = many.get(address(layer, zoom, RENNES, "geojson")).get_json()["features"]
        assert len({one["id"] for one in features}) == len(features) > 0
        written = sorted(
            sorted((name, value) for name, value in one["properties"].items() if value is not None)
            for one in features
        )
        inside = sorted(sorted(one.items()) for one in drawn(many, layer, zoom, RENNES))
        assert all(one in inside for one in written)


@pytest.mark.parametrize("query", ["", "theme=culture", "status=done,archived"])
def test_density_counts_each_initiative_once_at_every_zoom(many: FlaskClient, query: str) -> None:
    features = many.get(f"/initiatives.geojson?limit=1000&{query}").get_json()["features"]
    nowhere = ("national", "none")
    placed = [one for one in features if one["properties"]["precision"] not in nowhere]
    sums = [0] * (MAX_ZOOM + 1)
    for tile, counts in filled(many, query):
        assert len(counts) <= 4**STEPS
        sums[tile.z] += sum(counts)
    assert sums == [len(placed)] * len(sums)


def filled(client: FlaskClient, query: str) -> Iterator[tuple[Tile, list[int]]]:
    """Tiles of density that are not empty, with their counts."""
    row = [WORLD]
    while row:
        seen = []
        for tile in row:
            answer = client.get(f"/tiles/density/{tile.z}/{tile.x}/{tile.y}.geojson?{query}")
            counts = [one["properties"]["count"] for one in answer.get_json()["features"]]
            if counts:
                seen.append(tile)
                yield tile, counts
        row = [child for tile in seen if tile.z < MAX_ZOOM for child in children(tile)]


def test_density_is_finer_than_the_clusters(client: FlaskClient, engine: Engine) -> None:
    """Two in Rennes, one 3 km west of them: one cluster, two weights."""
    east = Made(precision="point", commune="35238", lon=-1.66, lat=48.11)
    also = Made(precision="point", commune="35238", lon=-1.66, lat=48.11)
    west = Made(precision="point", commune="35238", lon=-1.70, lat=48.11)
    with engine.begin() as connection:
        insert(connection, [east, also, west])
    assert [one["count"] for one in drawn(client, "initiatives", 8, RENNES)] == [3]
    assert sorted(one["count"] for one in drawn(client, "density", 8, RENNES)) == [1, 2]


def test_density_ends_where_its_grid_does(many: FlaskClient) -> None:
    assert many.get("/tiles/density.json").get_json()["maxzoom"] == MAX_ZOOM
    assert many.get(address("density", MAX_ZOOM, RENNES)).status_code == 200
    assert many.get(address("density", MAX_ZOOM + 1, RENNES)).status_code == 404


@pytest.mark.parametrize(
    ("layer", "query", "field"),
    [
        ("activity", "q=jardin", "q"),
        ("activity", "since=2025-03-02", "since"),
        ("activity", "bbox=1,2,3,4", "bbox"),
        ("activity", "limit=3", "limit"),
        ("density", "since=2025-03-01", "since"),
        ("density", "territory=region:53", "territory"),
        ("density", "colour=red", "colour"),
    ],
)
def test_a_filter_that_counts_cannot_follow_is_named(
    client: FlaskClient, layer: str, query: str, field: str
) -> None:
    for path in (f"/tiles/{layer}.json", address(layer, 5, RENNES)):
        refusal = client.get(f"{path}?{query}")
        assert (refusal.status_code, refusal.get_json()["field"]) == (400, field)


@pytest.mark.parametrize("layer", ["activity", "density"])
def test_tilejson_carries_the_filter_and_declares_what_tiles_have(
    many: FlaskClient, layer: str
) -> None:
    document = many.get(f"/tiles/{layer}.json?theme=culture").get_json()
    assert document["tiles"] == [
        f"http://map.test/tiles/{layer}/{{z}}/{{x}}/{{y}}.pbf?theme=culture"
    ]
    (declared,) = document["vector_layers"]
    assert declared["id"] == layer
    shown = drawn(many, layer, 9, RENNES)
    assert {name for one in shown for name in one} == declared["fields"].keys()


@pytest.mark.parametrize("layer", ["activity", "density"])
def test_an_empty_tile_is_204(client: FlaskClient, layer: str) -> None:
    assert client.get(f"/tiles/{layer}/5/0/0.pbf").status_code == 204
    empty = client.get(f"/tiles/{layer}/5/0/0.geojson").get_json()
    assert empty == {"type": "FeatureCollection", "features": []}
