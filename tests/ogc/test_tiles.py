"""OGC API - Tiles Part 1 (20-057), by requirement: core, tilesets, MVT, GeoJSON, OpenAPI."""

import json
import math
from typing import Any

import mapbox_vector_tile
import pytest

from tests.ogc.web import GEOJSON, Service, fetch

REL = "http://www.opengis.net/def/rel/ogc/1.0/"
CONF = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
MVT = "application/vnd.mapbox-vector-tile"
SET = "WebMercatorQuad"
RENNES = (-1.68, 48.11)
MID_ATLANTIC = (-35.0, 30.0)


@pytest.fixture(scope="session")
def tiled(ogc: Service, names: list[str]) -> list[str]:
    """Collections that say they have tiles."""
    rel = REL + "tilesets-vector"
    return [name for name in names if ogc.get(f"/collections/{name}").links(rel)]


def test_conformance_declares_the_classes_that_are_tested(ogc: Service) -> None:
    classes = ("core", "tileset", "tilesets-list", "dataset-tilesets", "geodata-tilesets")
    declared = ogc.get("/conformance").json["conformsTo"]
    assert {CONF + name for name in (*classes, "mvt", "geojson", "oas30")} <= set(declared)


def test_dataset_tilesets_landing_page(ogc: Service) -> None:
    """/req/dataset-tilesets/landingpage"""
    (link,) = ogc.get("").links(REL + "tilesets-vector")
    assert fetch(link["href"], accept=link["type"]).json["tilesets"]


def test_geodata_tilesets_desc_links(ogc: Service, tiled: list[str]) -> None:
    """/req/geodata-tilesets/desc-links"""
    for name in tiled:
        (link,) = ogc.get(f"/collections/{name}").links(REL + "tilesets-vector")
        assert link["href"] == f"{ogc.root}/collections/{name}/tiles"
        assert fetch(link["href"], accept=link["type"]).json["tilesets"]


def test_core_tiling_schemes(ogc: Service) -> None:
    """/req/tmxs: the list, and the definition that it leads to"""
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


def test_tilesets_list_tileset_links(ogc: Service, tiled: list[str]) -> None:
    """/req/tilesets-list/tileset-links"""
    for path in ["", *(f"/collections/{name}" for name in tiled)]:
        (one,) = ogc.get(f"{path}/tiles").json["tilesets"]
        assert (one["dataType"], one["tileMatrixSetURI"].rpartition("/")[2]) == ("vector", SET)
        links = {link["rel"]: link["href"] for link in one["links"]}
        assert links["self"].partition("?")[0] == f"{ogc.root}{path}/tiles/{SET}"
        assert fetch(links["self"]).json["dataType"] == "vector"
        assert fetch(links[REL + "tiling-scheme"]).json["id"] == SET


def test_tileset_description(ogc: Service, tiled: list[str]) -> None:
    """/req/tileset/description"""
    for name in tiled:
        tileset = ogc.get(f"/collections/{name}/tiles/{SET}", accept="application/json")
        (layer,) = tileset.json["layers"]
        assert layer["id"] == name
        assert tileset.json["crs"].endswith("/3857")
        assert tileset.json["tileMatrixSetURI"].startswith("http://www.opengis.net/def/")
        (scheme,) = tileset.links(REL + "tiling-scheme")
        assert fetch(scheme["href"], accept=scheme["type"]).json["id"] == SET
        assert {link["type"] for link in tileset.links("item")} == {MVT, GEOJSON}
        assert all(link["templated"] is True for link in tileset.links("item"))


def test_tileset_templates_lead_to_tiles(ogc: Service, tiled: list[str]) -> None:
    for name in tiled:
        zoom = _zoom(ogc, name)
        row, column = _row_and_column(*RENNES, zoom)
        for link in ogc.get(f"/collections/{name}/tiles/{SET}").links("item"):
            variables = {"{tileMatrix}": zoom, "{tileRow}": row, "{tileCol}": column}
            address = link["href"]
            for variable, value in variables.items():
                assert variable in address
                address = address.replace(variable, str(value))
            assert (fetch(address).status, fetch(address).media) == (200, link["type"])


def test_tileset_attributes_are_those_of_the_tiles(ogc: Service, tiled: list[str]) -> None:
    for name in tiled:
        (layer,) = ogc.get(f"/collections/{name}/tiles/{SET}").json["layers"]
        declared = layer["propertiesSchema"]["properties"].keys()
        features = ogc.get(_rennes(ogc, name), f="geojson").json["features"]
        shown = {key for feature in features for key in feature["properties"]}
        assert shown - {"layer"} <= declared


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
    assert ogc.get(_path(outlines, 9, column, row), accept=MVT).status in (204, 404)


def test_core_tc_success_follows_the_negotiation(ogc: Service, tiled: list[str]) -> None:
    """/req/core/tc-success"""
    for media in (MVT, GEOJSON):
        answer = ogc.get(_rennes(ogc, tiled[0]), accept=media)
        assert (answer.status, answer.media) == (200, media)


def test_mvt_content(ogc: Service, tiled: list[str]) -> None:
    """/req/mvt/content: one layer named for its collection, every feature with a geometry."""
    for name in tiled:
        answer = ogc.get(_rennes(ogc, name), accept=MVT)
        assert (answer.status, answer.media) == (200, MVT)
        ((layer_name, layer),) = mapbox_vector_tile.decode(answer.body).items()
        assert (layer_name, layer["version"]) == (name, 2)
        assert all(feature["geometry"]["coordinates"] for feature in layer["features"])


def test_mvt_content_maps_linearly_to_the_tile(ogc: Service, tiled: list[str]) -> None:
    """/req/mvt/content, part C: what GeoJSON says in degrees, MVT says in the grid of the tile."""
    name = tiled[0]
    zoom = _zoom(ogc, name)
    row, column = _row_and_column(*RENNES, zoom)
    written = ogc.get(_path(name, zoom, row, column), f="geojson").json["features"]
    body = ogc.get(_path(name, zoom, row, column), accept=MVT).body
    layer: Any = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True})[name]
    if any(one["geometry"]["type"] != "Point" for one in written):
        pytest.skip("this service's first tiled collection holds no points")
    expected = [_in_grid(one, zoom, row, column, layer["extent"]) for one in written]
    found = [one["geometry"]["coordinates"] for one in layer["features"]]
    assert len(found) == len(expected) > 0
    assert all(any(math.dist(one, other) < 1.5 for other in expected) for one in found)


def test_dataset_tilesets_tile_has_the_layers_of_its_description(ogc: Service) -> None:
    row, column = _row_and_column(*RENNES, 9)
    answer = ogc.get(f"/tiles/{SET}/9/{row}/{column}")
    described = ogc.get(f"/tiles/{SET}").json["layers"]
    assert sorted(mapbox_vector_tile.decode(answer.body)) == sorted(one["id"] for one in described)


def test_geojson_content(ogc: Service, tiled: list[str]) -> None:
    """/req/geojson/content: a collection in CRS84, each feature with an id of its own."""
    for name in tiled:
        answer = ogc.get(_rennes(ogc, name), f="geojson")
        assert (answer.status, answer.media) == (200, GEOJSON)
        assert answer.json["type"] == "FeatureCollection"
        features = answer.json["features"]
        assert len({feature["id"] for feature in features}) == len(features) > 0
        for lon, lat in map(_first_position, features):
            assert abs(lon - RENNES[0]) < 2
            assert abs(lat - RENNES[1]) < 2


def test_mvt_and_geojson_tiles_hold_the_same(ogc: Service, outlines: str) -> None:
    row, column = _row_and_column(*RENNES, 9)
    tile = ogc.get(_path(outlines, 9, row, column), f="geojson").json
    shown = {feature["properties"]["code"] for feature in tile["features"]}
    assert shown <= _tile_names(ogc, outlines, 9, row, column)


def test_core_tc_error_empty_tiles_within_the_limits(ogc: Service, tiled: list[str]) -> None:
    """/req/core/tc-error, part B"""
    for name in tiled:
        zoom = _zoom(ogc, name)
        row, column = _row_and_column(*MID_ATLANTIC, zoom)
        empty = ogc.get(_path(name, zoom, row, column), f="mvt")
        assert (empty.status, empty.body) == (204, b"")
        collection = ogc.get(_path(name, zoom, row, column), f="geojson").json
        assert collection == {"type": "FeatureCollection", "features": []}


def test_core_tc_error_tiles_outside_the_limits(ogc: Service, tiled: list[str]) -> None:
    """/req/core/tc-error, part A"""
    for path in ["", *(f"/collections/{name}" for name in tiled)]:
        limits = ogc.get(f"{path}/tiles/{SET}").json["tileMatrixSetLimits"]
        zoom, top, left = (limits[-1][name] for name in ("tileMatrix", "minTileRow", "minTileCol"))
        for row, column in ((top - 1, left), (top, left - 1)):
            assert ogc.get(f"{path}/tiles/{SET}/{zoom}/{row}/{column}", f="mvt").status == 404
        first = int(limits[0]["tileMatrix"])
        if first > 0:
            assert ogc.get(f"{path}/tiles/{SET}/{first - 1}/0/0", f="mvt").status == 404


@pytest.mark.parametrize("tile", ["3/8/0", "3/0/8", "99/0/0", "a/0/0", "3/-1/0", "3/0.5/0"])
def test_core_tc_error_tiles_that_cannot_exist(ogc: Service, tiled: list[str], tile: str) -> None:
    assert ogc.get(f"/collections/{tiled[0]}/tiles/{SET}/{tile}").status == 404
    assert ogc.get(f"/collections/{tiled[0]}/tiles/NoSuchSet/{tile}").status == 404


def test_oas30_operation_ids(ogc: Service, tiled: list[str]) -> None:
    """/req/oas30/operation-id"""
    paths = ogc.get("/api").json["paths"]
    places = {"": ".dataset.vector."} | {
        f"/collections/{name}": ".collection.vector." for name in tiled
    }
    for path, kind in places.items():
        for suffix, operation in (
            ("/tiles", "getTileSetsList"),
            (f"/tiles/{SET}", "getTileSet"),
            (f"/tiles/{SET}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}", "getTile"),
        ):
            assert paths[path + suffix]["get"]["operationId"].endswith(kind + operation)
    assert paths["/tileMatrixSets"]["get"]["operationId"].endswith("getTileMatrixSetsList")
    assert paths[f"/tileMatrixSets/{SET}"]["get"]["operationId"].endswith("getTileMatrixSet")


def test_oas30_completeness_of_the_variables_of_a_tile(ogc: Service, tiled: list[str]) -> None:
    """/req/core/tc-tilematrix-definition, tc-tilerow-definition, tc-tilecol-definition"""
    api = ogc.get("/api").json
    for path in ["", *(f"/collections/{name}" for name in tiled)]:
        tile = f"{path}/tiles/{SET}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"
        asked = api["paths"][tile]["get"]["parameters"]
        named = [
            api["components"]["parameters"][one["$ref"].rpartition("/")[2]] for one in asked[:3]
        ]
        assert [one["name"] for one in named] == ["tileMatrix", "tileRow", "tileCol"]
        assert {(one["in"], one["required"]) for one in named} == {("path", True)}


def test_tiles_have_a_strong_etag(ogc: Service, tiled: list[str]) -> None:
    path = _rennes(ogc, tiled[0])
    first = ogc.get(path)
    assert fetch(ogc.root + path, If_None_Match=first.headers["ETag"]).status == 304


def _zoom(ogc: Service, name: str) -> int:
    """One at which the collection is shown."""
    limits = ogc.get(f"/collections/{name}/tiles/{SET}").json["tileMatrixSetLimits"]
    return max(8, int(limits[0]["tileMatrix"]))


def _rennes(ogc: Service, name: str) -> str:
    zoom = _zoom(ogc, name)
    return _path(name, zoom, *_row_and_column(*RENNES, zoom))


def _in_grid(
    feature: dict[str, Any], zoom: int, row: int, column: int, extent: int
) -> tuple[float, float]:
    """Where a point lies in the grid of its tile, from its upper left corner."""
    lon, lat = feature["geometry"]["coordinates"]
    bent = math.asinh(math.tan(math.radians(lat)))
    x = (lon + 180) / 360 * 2**zoom - column
    y = (1 - bent / math.pi) / 2 * 2**zoom - row
    return x * extent, y * extent


def _first_position(feature: dict[str, Any]) -> tuple[float, float]:
    position: Any = feature["geometry"]["coordinates"]
    while isinstance(position[0], list):
        position = position[0]
    return position[0], position[1]


def _path(name: str, zoom: int, row: int, column: int) -> str:
    return f"/collections/{name}/tiles/{SET}/{zoom}/{row}/{column}"


def _row_and_column(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    bent = math.asinh(math.tan(math.radians(lat)))
    return int((1 - bent / math.pi) / 2 * 2**zoom), int((lon + 180) / 360 * 2**zoom)


def _tile_names(ogc: Service, name: str, zoom: int, row: int, column: int) -> set[str]:
    body = ogc.get(_path(name, zoom, row, column), accept=MVT).body
    layer: Any = mapbox_vector_tile.decode(body)[name]
    return {json.loads(json.dumps(one["properties"]))["code"] for one in layer["features"]}
