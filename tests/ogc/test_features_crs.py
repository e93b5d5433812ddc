"""OGC API - Features Part 2 (18-058r1), by requirement: reference systems and their axes."""

import math
from typing import Any
from urllib.parse import unquote

from tests.ogc.web import CRS84, EPSG, Service

SYSTEMS = [CRS84, EPSG + "4326", EPSG + "3857", EPSG + "2154"]
RADIUS = 6_378_137.0


def test_crs_fc_md_crs_list(ogc: Service, names: list[str]) -> None:
    listed = ogc.get("/collections").json
    assert listed["crs"] == SYSTEMS
    for name in names:
        assert ogc.get(f"/collections/{name}").json["crs"] == SYSTEMS


def test_crs_fc_md_crs_list_global(ogc: Service) -> None:
    assert {tuple(one["crs"]) for one in ogc.get("/collections").json["collections"]} == {
        ("#/crs",)
    }


def test_crs_crs_uri(ogc: Service) -> None:
    """18-058r1, requirement 1: URIs of a register"""
    for uri in ogc.get("/collections").json["crs"]:
        assert uri.startswith("http://www.opengis.net/def/crs/")


def test_crs_fc_md_storage_crs(ogc: Service) -> None:
    for one in ogc.get("/collections").json["collections"]:
        assert one["storageCrs"] in SYSTEMS


def test_crs_ogc_crs_header(ogc: Service, outlines: str) -> None:
    identifier = ogc.items(outlines, limit="1").json["features"][0]["id"]
    for uri in SYSTEMS:
        many = ogc.items(outlines, limit="1", crs=uri)
        one = ogc.get(f"/collections/{outlines}/items/{identifier}", crs=uri)
        assert many.headers["Content-Crs"] == one.headers["Content-Crs"] == f"<{uri}>"


def test_crs_definition_of_both_parameters(ogc: Service, names: list[str]) -> None:
    """/req/crs/fc-bbox-crs-definition, fc-crs-definition"""
    api = ogc.get("/api").json
    for name in names:
        asked = api["paths"][f"/collections/{name}/items"]["get"]["parameters"]
        for wanted in ("crs", "bbox-crs"):
            assert {"$ref": f"#/components/parameters/{wanted}"} in asked
            declared = api["components"]["parameters"][wanted]
            assert (declared["in"], declared["required"]) == ("query", False)
            assert (declared["style"], declared["explode"]) == ("form", False)
            assert (declared["schema"]["type"], declared["schema"]["default"]) == ("string", CRS84)
            assert declared["schema"]["enum"] == SYSTEMS


def test_crs_fc_crs_default_value(ogc: Service, outlines: str) -> None:
    named = ogc.items(outlines, limit="2", crs=CRS84)
    plain = ogc.items(outlines, limit="2")
    assert named.json["features"] == plain.json["features"]
    assert named.headers["Content-Crs"] == plain.headers["Content-Crs"]


def test_crs_fc_crs_valid_value(ogc: Service, outlines: str) -> None:
    assert ogc.items(outlines, crs=EPSG + "27572").status == 400
    assert ogc.items(outlines, bbox="0,0,1,1", bbox_crs=EPSG + "27572").status == 400


def test_crs_fc_crs_action_puts_latitude_first_in_4326(ogc: Service, outlines: str) -> None:
    lon, lat = _position(ogc, outlines, CRS84)
    assert _position(ogc, outlines, EPSG + "4326") == (lat, lon)


def test_crs_fc_crs_action_in_3857(ogc: Service, outlines: str) -> None:
    lon, lat = _position(ogc, outlines, CRS84)
    east, north = _position(ogc, outlines, EPSG + "3857")
    assert math.isclose(east, math.radians(lon) * RADIUS, abs_tol=0.2)
    assert math.isclose(north, math.asinh(math.tan(math.radians(lat))) * RADIUS, abs_tol=0.3)


def test_crs_fc_crs_action_in_2154(ogc: Service, outlines: str) -> None:
    """The false origin of Lambert-93: 700000 east, 6600000 north at 3° E, 46.5° N."""
    named = ogc.ids(outlines, bbox="2.999,46.499,3.001,46.501")
    box = "699900,6599900,700100,6600100"
    assert ogc.ids(outlines, bbox=box, bbox_crs=EPSG + "2154") == named != set()


def test_crs_fc_bbox_crs_action(ogc: Service, outlines: str) -> None:
    west, south, east, north = 2.0, 48.0, 2.5, 48.5
    expected = ogc.ids(outlines, bbox=f"{west},{south},{east},{north}")
    turned = ogc.ids(outlines, bbox=f"{south},{west},{north},{east}", bbox_crs=EPSG + "4326")
    x1, y1, x2, y2 = (*_mercator(west, south), *_mercator(east, north))
    metres = ogc.ids(outlines, bbox=f"{x1},{y1},{x2},{y2}", bbox_crs=EPSG + "3857")
    assert turned == metres == expected != set()


def test_crs_fc_bbox_crs_default_is_crs84_whatever_the_answer_is_in(
    ogc: Service, outlines: str
) -> None:
    box = "2,48,2.5,48.5"
    assert ogc.ids(outlines, bbox=box, crs=EPSG + "2154") == ogc.ids(outlines, bbox=box)


def test_crs_next_link_keeps_the_crs(ogc: Service, outlines: str) -> None:
    answer = ogc.items(outlines, limit="1", crs=EPSG + "2154")
    assert "EPSG/0/2154" in unquote(answer.links("next")[0]["href"])


def _position(ogc: Service, name: str, crs: str) -> tuple[float, float]:
    position: Any = ogc.items(name, limit="1", crs=crs).json["features"][0]["geometry"][
        "coordinates"
    ]
    while isinstance(position[0], list):
        position = position[0]
    return position[0], position[1]


def _mercator(lon: float, lat: float) -> tuple[float, float]:
    return math.radians(lon) * RADIUS, math.asinh(math.tan(math.radians(lat))) * RADIUS
