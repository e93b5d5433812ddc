"""OGC API - Tiles Part 1 (20-057), by requirement: core, tilesets, MVT, GeoJSON."""

import json
import math
from typing import Any

import mapbox_vector_tile
import pytest

from tests.ogc.web import GEOJSON, Service, fetch

MVT = "application/vnd.mapbox-vector-tile"
SET = "WebMercatorQuad"
RENNES = (-1.68, 48.11)


@pytest.fixture(scope="session")
def tiled(ogc: Service, names: list[str]) -> list[str]:
    """Collections that say they have tiles."""
    rel = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
    return [name for name in names if ogc.get(f"/collections/{name}").links(rel)]


def test_core_tiling_schemes(ogc: Service) -> None:
    listed = ogc.get("/tileMatrixSets").json["tileMatrixSets"]
    assert [one["id"] for one in listed] == [SET]
    whole = fetch(listed[0]["links"][0]["href"]).json
    assert (whole["id"], whole["crs"]) == (SET, "http://www.opengis.net/def/crs/EPSG/0/3857")


def test_core_tile_matrices_halve_from_the_whole_world(ogc: Service) -> None:
    matrices = ogc.get(f"/tileMatrixSets/{SET}").json["tileMatrices"]
    assert [one["id"] for one in matrices] == [str(zoom) for zoom in range(len(matrices))]
    assert math.isclose(matrices[0]["scaleDenominator"], 559_082_264.0287178)
    assert {one["cellSize"] * 2 ** int(one["id"]) for one in matrices} == {matrices[0]["cellSize"]}
    assert matrices[3]["matrixWidth"] == matrices[3]["matrixHeight"] == 8


def test_tilesets_list(ogc: Service, tiled: list[str]) -> None:
    for path in ["", *(f"/collections/{name}" for name in tiled)]:
        (one,) = ogc.get(f"{path}/tiles").json["tilesets"]
        assert (one["dataType"], one["tileMatrixSetURI"].rpartition("/")[2]) == ("vector", SET)
        assert fetch(one["links"][0]["href"]).status == 200


def test_tileset_metadata(ogc: Service, tiled: list[str]) -> None:
    for name in tiled:
        tileset = ogc.get(f"/collections/{name}/tiles/{SET}")
        (layer,) = tileset.json["layers"]
        assert layer["id"] == name
        assert {link["type"] for link in tileset.links("item")} == {MVT, GEOJSON}
        assert all(link["templated"] for link in tileset.links("item"))


def test_tileset_limits_hold_the_tiles_that_are_not_empty(ogc: Service, tiled: list[str]) -> None:
    limits = ogc.get(f"/collections/{tiled[0]}/tiles/{SET}").json["tileMatrixSetLimits"]
    for one in limits:
        row, column = _row_and_column(*RENNES, int(one["tileMatrix"]))
        assert one["minTileRow"] <= row <= one["maxTileRow"]
        assert one["minTileCol"] <= column <= one["maxTileCol"]


def test_core_row_comes_before_column(ogc: Service, outlines: str) -> None:
    row, column = _row_and_column(*RENNES, 9)
    names = _tile_names(ogc, outlines, 9, row, column)
    assert names
    assert row != column
    assert ogc.get(_path(outlines, 9, column, row), accept=MVT).status == 204


def test_mvt_tile(ogc: Service, tiled: list[str]) -> None:
    for name in tiled:
        row, column = _row_and_column(*RENNES, 8)
        answer = ogc.get(_path(name, 8, row, column), accept=MVT)
        assert (answer.status, answer.media) == (200, MVT)
        assert list(mapbox_vector_tile.decode(answer.body)) == [name]


def test_mvt_of_the_whole_data_set_has_a_layer_for_each_collection(
    ogc: Service, tiled: list[str]
) -> None:
    row, column = _row_and_column(*RENNES, 9)
    answer = ogc.get(f"/tiles/{SET}/9/{row}/{column}")
    assert sorted(mapbox_vector_tile.decode(answer.body)) == sorted(tiled)


def test_geojson_tile(ogc: Service, tiled: list[str]) -> None:
    for name in tiled:
        row, column = _row_and_column(*RENNES, 8)
        answer = ogc.get(_path(name, 8, row, column), f="geojson")
        assert (answer.status, answer.media) == (200, GEOJSON)
        features = answer.json["features"]
        assert len({feature["id"] for feature in features}) == len(features) > 0


def test_mvt_and_geojson_tiles_hold_the_same(ogc: Service, outlines: str) -> None:
    row, column = _row_and_column(*RENNES, 9)
    tile = ogc.get(_path(outlines, 9, row, column), f="geojson").json
    shown = {feature["properties"]["code"] for feature in tile["features"]}
    assert shown <= _tile_names(ogc, outlines, 9, row, column)


def test_core_empty_tiles(ogc: Service, tiled: list[str]) -> None:
    for name in tiled:
        empty = ogc.get(_path(name, 9, 0, 0), f="mvt")
        assert (empty.status, empty.body) == (204, b"")
        collection = ogc.get(_path(name, 9, 0, 0), f="geojson").json
        assert collection == {"type": "FeatureCollection", "features": []}


@pytest.mark.parametrize("tile", ["3/8/0", "3/0/8", "99/0/0", "a/0/0", "3/-1/0", "3/0.5/0"])
def test_core_tiles_that_cannot_exist(ogc: Service, tiled: list[str], tile: str) -> None:
    assert ogc.get(f"/collections/{tiled[0]}/tiles/{SET}/{tile}").status == 404
    assert ogc.get(f"/collections/{tiled[0]}/tiles/NoSuchSet/{tile}").status == 404


def test_tiles_have_a_strong_etag(ogc: Service, tiled: list[str]) -> None:
    row, column = _row_and_column(*RENNES, 8)
    first = ogc.get(_path(tiled[0], 8, row, column))
    address = ogc.root + _path(tiled[0], 8, row, column)
    assert fetch(address, If_None_Match=first.headers["ETag"]).status == 304


def _path(name: str, zoom: int, row: int, column: int) -> str:
    return f"/collections/{name}/tiles/{SET}/{zoom}/{row}/{column}"


def _row_and_column(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    bent = math.asinh(math.tan(math.radians(lat)))
    return int((1 - bent / math.pi) / 2 * 2**zoom), int((lon + 180) / 360 * 2**zoom)


def _tile_names(ogc: Service, name: str, zoom: int, row: int, column: int) -> set[str]:
    body = ogc.get(_path(name, zoom, row, column), accept=MVT).body
    layer: Any = mapbox_vector_tile.decode(body)[name]
    return {json.loads(json.dumps(one["properties"]))["code"] for one in layer["features"]}
