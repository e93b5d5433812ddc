"""OGC API - Features Part 1 (17-069r4), by requirement: core, GeoJSON, HTML, OpenAPI 3.0."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.ogc.web import CRS84, GEOJSON, Service, fetch

PART_1 = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
OPENAPI = "application/vnd.oai.openapi+json"


def test_core_root_success(ogc: Service) -> None:
    landing = ogc.get("", accept="application/json")
    assert (landing.status, landing.media) == (200, "application/json")
    for rel in ("service-desc", "service-doc", "conformance", "data", "self", "alternate"):
        assert landing.links(rel), rel
    assert landing.links("service-desc")[0]["type"].startswith(OPENAPI)


def test_core_links_of_the_landing_page_lead_somewhere(ogc: Service) -> None:
    links = ogc.get("").json["links"]
    assert {fetch(link["href"], accept=link["type"]).status for link in links} == {200}


def test_core_api_definition_success(ogc: Service) -> None:
    link = ogc.get("").links("service-desc")[0]
    answer = fetch(link["href"], accept=link["type"])
    assert (answer.status, answer.media) == (200, OPENAPI)


def test_core_conformance_success(ogc: Service) -> None:
    classes = ogc.get("/conformance").json["conformsTo"]
    assert {PART_1 + name for name in ("core", "geojson", "html", "oas30")} <= set(classes)


@pytest.mark.parametrize(
    "path", ["", "/conformance", "/api", "/collections", "/collections/{}", "/collections/{}/items"]
)
def test_core_query_param_unknown(ogc: Service, features: str, path: str) -> None:
    assert ogc.get(path.format(features), no_such_parameter="1").status == 400


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("limit", "unlimited"),
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "1.5"),
        ("bbox", "1,2,3"),
        ("bbox", "a,2,3,4"),
        ("bbox", "0,50,1,40"),
        ("bbox", "0,0,1,91"),
        ("datetime", "yesterday"),
        ("datetime", "2020-01-02/2020-01-01"),
        ("crs", "EPSG:4326"),
        ("f", "gml"),
    ],
)
def test_core_query_param_invalid(ogc: Service, features: str, name: str, text: str) -> None:
    refusal = ogc.items(features, **{name: text})
    assert (refusal.status, refusal.media) == (400, "application/problem+json")


def test_core_http_problem_says_what_is_wrong(ogc: Service, features: str) -> None:
    problem = ogc.items(features, limit="unlimited").json
    assert (problem["status"], problem["field"]) == (400, "limit")
    assert "1 to" in problem["detail"]


@pytest.mark.parametrize("path", ["/collections/none", "/collections/none/items", "/nothing"])
def test_core_http_not_found(ogc: Service, path: str) -> None:
    assert ogc.get(path).status == 404


def test_core_http_methods_that_do_not_exist_are_405(ogc: Service, features: str) -> None:
    for path in ("", "/conformance", "/collections", f"/collections/{features}/items"):
        refusal = fetch(ogc.root + path, method="DELETE")
        assert refusal.status == 405
        assert "GET" in refusal.headers["Allow"]


def test_core_crs84_is_the_default(ogc: Service, outlines: str) -> None:
    found = ogc.items(outlines, limit="10")
    assert found.headers["Content-Crs"] == f"<{CRS84}>"
    longitudes, latitudes = zip(*map(_first_position, found.json["features"]), strict=True)
    box = ogc.get(f"/collections/{outlines}").json["extent"]["spatial"]["bbox"][0]
    assert box[0] <= min(longitudes) <= max(longitudes) <= box[2]
    assert box[1] <= min(latitudes) <= max(latitudes) <= box[3]


def test_core_fc_md_success(ogc: Service) -> None:
    answer = ogc.get("/collections")
    assert {"links", "collections"} <= answer.json.keys()
    assert len({one["id"] for one in answer.json["collections"]}) == len(answer.json["collections"])


def test_core_fc_md_links(ogc: Service) -> None:
    answer = ogc.get("/collections")
    assert answer.links("self")
    assert {link["type"] for link in answer.links("alternate")} == {"text/html"}


def test_core_fc_md_items_every_collection_of_the_paths_is_listed(
    ogc: Service, names: list[str]
) -> None:
    paths = ogc.get("/api").json["paths"]
    found = (re.fullmatch(r"/collections/([^/{}]+)/items", path) for path in paths)
    assert {match[1] for match in found if match} == set(names)


def test_core_fc_md_items_links(ogc: Service, names: list[str]) -> None:
    for name in names:
        links = ogc.get(f"/collections/{name}").links("items")
        assert {GEOJSON, "text/html"} <= {link["type"] for link in links}
        assert all(fetch(link["href"], accept=link["type"]).status == 200 for link in links)


def test_core_fc_md_extent(ogc: Service) -> None:
    for one in ogc.get("/collections").json["collections"]:
        west, south, east, north = one["extent"]["spatial"]["bbox"][0]
        assert -180 <= west < east <= 180
        assert -90 <= south < north <= 90


def test_core_sfc_md_success(ogc: Service) -> None:
    for listed in ogc.get("/collections").json["collections"]:
        own = ogc.get(f"/collections/{listed['id']}").json
        assert {key: own[key] for key in ("id", "title", "links", "extent")} == {
            key: listed[key] for key in ("id", "title", "links", "extent")
        }


def test_core_fc_op_every_collection_has_items(ogc: Service, names: list[str]) -> None:
    assert {ogc.items(name, limit="1").status for name in names} == {200}


def test_core_fc_limit_definition(ogc: Service, names: list[str]) -> None:
    """17-069r4, requirement 18"""
    for name in names:
        limit = _parameter(ogc, name, "limit")
        assert (limit["in"], limit["required"]) == ("query", False)
        assert (limit["style"], limit["explode"]) == ("form", False)
        assert limit["schema"]["type"] == "integer"


def test_core_fc_bbox_definition(ogc: Service, names: list[str]) -> None:
    """17-069r4, requirement 21: four numbers or six"""
    for name in names:
        bbox = _parameter(ogc, name, "bbox")
        assert (bbox["in"], bbox["required"]) == ("query", False)
        assert (bbox["style"], bbox["explode"]) == ("form", False)
        assert (bbox["schema"]["type"], bbox["schema"]["items"]) == ("array", {"type": "number"})
        counts = [(one["minItems"], one["maxItems"]) for one in bbox["schema"]["oneOf"]]
        assert counts == [(4, 4), (6, 6)]


def test_core_fc_time_definition(ogc: Service, names: list[str]) -> None:
    """17-069r4, requirement 24"""
    for name in names:
        time = _parameter(ogc, name, "datetime")
        assert (time["in"], time["required"], time["schema"]) == (
            "query",
            False,
            {"type": "string"},
        )
        assert (time["style"], time["explode"]) == ("form", False)


def test_core_fc_response_all_parameters_hold_at_once(ogc: Service, outlines: str) -> None:
    boxed = ogc.ids(outlines, bbox="2,48,3,49")
    other = ogc.ids(outlines, bbox="2.5,48,4,50")
    assert ogc.ids(
        outlines, bbox="2,48,3,49", filter="S_INTERSECTS(geometry,BBOX(2.5,48,4,50))"
    ) == (boxed & other)
    assert boxed & other not in (set(), boxed, other)


def test_core_fc_limit_response(ogc: Service, features: str) -> None:
    assert len(ogc.items(features, limit="3").json["features"]) <= 3


def test_core_fc_limit_above_the_maximum_is_the_maximum(ogc: Service, features: str) -> None:
    assert ogc.items(features, limit="99999999", resultType="hits").status == 200


def test_core_fc_bbox_response(ogc: Service, outlines: str) -> None:
    one = ogc.items(outlines, limit="1").json["features"][0]
    lon, lat = _first_position(one)
    near = ogc.ids(outlines, bbox=f"{lon - 0.01},{lat - 0.01},{lon + 0.01},{lat + 0.01}")
    far = ogc.ids(outlines, bbox=f"{-lon},{-lat},{-lon + 0.01},{-lat + 0.01}")
    assert str(one["id"]) in near
    assert str(one["id"]) not in far


def test_core_fc_bbox_with_heights(ogc: Service, outlines: str) -> None:
    flat = ogc.ids(outlines, bbox="2,48,2.5,48.5")
    assert ogc.ids(outlines, bbox="2,48,-100,2.5,48.5,9000") == flat


def test_core_fc_bbox_across_the_antimeridian(ogc: Service, outlines: str) -> None:
    west = ogc.ids(outlines, bbox="-180,-90,-30,90")
    east = ogc.ids(outlines, bbox="30,-90,180,90")
    assert ogc.ids(outlines, bbox="30,-90,-30,90") == west | east


def test_core_fc_bbox_at_the_poles(ogc: Service, outlines: str) -> None:
    assert ogc.ids(outlines, bbox="-180,86,180,90") == set()
    assert ogc.ids(outlines, bbox="-180,-90,180,-86") == set()


def test_core_fc_bbox_of_the_world_is_everything(ogc: Service, outlines: str) -> None:
    whole = ogc.items(outlines, resultType="hits").json["numberMatched"]
    world = ogc.items(outlines, resultType="hits", bbox="-180,-90,180,90").json["numberMatched"]
    assert world == whole


def test_core_fc_time_response(ogc: Service) -> None:
    name, moments = _temporal(ogc)
    middle = sorted(moments)[len(moments) // 2]
    whole = ogc.items(name, resultType="hits").json["numberMatched"]
    until = ogc.ids(name, datetime=f"../{middle}")
    since = ogc.ids(name, datetime=f"{middle}/..")
    at = ogc.ids(name, datetime=middle)
    assert until & since == at != set()
    assert len(until | since) == whole
    assert ogc.ids(name, datetime=f"/{middle}") == until
    assert ogc.ids(name, datetime=f"{middle}/{middle}") == at


def test_core_fc_time_without_a_time_selects_nothing_less(ogc: Service, outlines: str) -> None:
    whole = ogc.items(outlines, resultType="hits").json["numberMatched"]
    found = ogc.items(outlines, resultType="hits", datetime="2001-01-01T00:00:00Z").json
    assert found["numberMatched"] == whole


def test_core_fc_links(ogc: Service, features: str) -> None:
    answer = ogc.items(features, limit="1")
    assert [link["type"] for link in answer.links("self")] == [GEOJSON]
    assert [link["type"] for link in answer.links("alternate")] == ["text/html"]
    assert answer.links("collection")
    assert 'rel="next"' in answer.headers["Link"]


def test_core_fc_rel_type_every_link_has_a_type(ogc: Service, features: str) -> None:
    answer = ogc.items(features, limit="1")
    identifier = answer.json["features"][0]["id"]
    one = ogc.get(f"/collections/{features}/items/{identifier}")
    for link in (*answer.json["links"], *one.json["links"]):
        assert link["rel"]
        assert link["type"]


def test_core_fc_next_links_lead_through_everything_once(ogc: Service, outlines: str) -> None:
    ids: list[str] = []
    answer = ogc.items(outlines, limit="7", bbox="2,48,3,49")
    matched = answer.json["numberMatched"]
    while True:
        ids += [feature["id"] for feature in answer.json["features"]]
        following = answer.links("next")
        if not following:
            break
        answer = fetch(following[0]["href"])
    assert (len(ids), len(set(ids))) == (matched, matched)


def test_core_fc_timestamp(ogc: Service, features: str) -> None:
    stamp = ogc.items(features, limit="1").json["timeStamp"]
    age = datetime.now(UTC) - datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    assert abs(age.total_seconds()) < 3600


def test_core_fc_number_matched(ogc: Service, features: str) -> None:
    answer = ogc.items(features, limit="1")
    assert answer.json["numberMatched"] == len(ogc.ids(features))
    assert answer.headers["OGC-NumberMatched"] == str(answer.json["numberMatched"])


def test_the_links_of_an_answer_stand_in_its_header_too(ogc: Service, features: str) -> None:
    answer = ogc.items(features, limit="1")
    assert answer.headers["Link"].split(", ") == [
        f'<{link["href"]}>; rel="{link["rel"]}"; type="{link["type"]}"'
        for link in answer.json["links"]
    ]


def test_core_fc_number_returned(ogc: Service, features: str) -> None:
    found = ogc.items(features, limit="5").json
    assert found["numberReturned"] == len(found["features"])


def test_core_f_success(ogc: Service, names: list[str]) -> None:
    for name in names:
        listed = ogc.items(name, limit="1").json["features"][0]
        one = ogc.get(f"/collections/{name}/items/{listed['id']}")
        assert (one.status, one.media, one.json["id"]) == (200, GEOJSON, listed["id"])
        assert (one.json["geometry"], one.json["properties"]) == (
            listed["geometry"],
            listed["properties"],
        )


def test_core_f_links(ogc: Service, features: str) -> None:
    identifier = ogc.items(features, limit="1").json["features"][0]["id"]
    one = ogc.get(f"/collections/{features}/items/{identifier}")
    assert [link["type"] for link in one.links("self")] == [GEOJSON]
    assert one.links("alternate")
    assert fetch(one.links("collection")[0]["href"]).json["id"] == features


def test_core_f_unknown(ogc: Service, features: str) -> None:
    assert ogc.get(f"/collections/{features}/items/no-such-item").status == 404


def test_geojson_definition(ogc: Service, names: list[str]) -> None:
    for name in names:
        answer = ogc.items(name, limit="1", f="json")
        assert (answer.media, answer.json["type"]) == (GEOJSON, "FeatureCollection")
        assert {one["type"] for one in answer.json["features"]} <= {"Feature"}


def test_geojson_content(ogc: Service, names: list[str]) -> None:
    """17-069r4, requirement 31: GeoJSON objects, with the links of the schema"""
    for name in names:
        for feature in ogc.items(name, limit="3").json["features"]:
            assert {"type", "id", "geometry", "properties"} <= feature.keys()
            geometry = feature["geometry"]
            assert geometry is None or {"type", "coordinates"} <= geometry.keys()
            assert isinstance(feature["properties"], dict)


def test_html_definition(ogc: Service, features: str) -> None:
    identifier = ogc.items(features, limit="1").json["features"][0]["id"]
    paths = ["", "/conformance", "/api", "/collections", f"/collections/{features}"]
    paths += [f"/collections/{features}/items", f"/collections/{features}/items/{identifier}"]
    for path in paths:
        page = ogc.get(path, accept="text/html")
        assert (page.status, page.media) == (200, "text/html"), path
        assert page.body.lstrip().lower().startswith(b"<!doctype html>")


def test_html_content_of_items_and_links(ogc: Service, features: str) -> None:
    identifier = ogc.items(features, limit="1").json["features"][0]["id"]
    page = ogc.items(features, limit="1", f="html").body.decode()
    assert str(identifier) in page
    assert re.search(r'rel="next"', page)


def test_oas30_definition(ogc: Service, names: list[str]) -> None:
    api = ogc.get("/api").json
    assert api["openapi"].startswith("3.0")
    assert [server["url"] for server in api["servers"]] == [ogc.root]
    assert {f"/collections/{name}/items" for name in names} <= api["paths"].keys()


def test_oas30_impl_answers_have_declared_types(ogc: Service) -> None:
    """Beside this, test_openapi.py makes many requests from the document."""
    for path, methods in ogc.get("/api").json["paths"].items():
        declared = methods["get"]["responses"]["200"]["content"].keys()
        if "{" not in path:
            bounded = {"limit": "1"} if path.endswith("/items") else {}
            answer = ogc.get(path.rstrip("/"), **bounded)
            assert answer.media in {media.partition(";")[0] for media in declared}, path


def test_oas30_security_none_is_needed(ogc: Service) -> None:
    api = ogc.get("/api").json
    assert not api.get("security")
    assert not api["components"].get("securitySchemes")


def test_oas30_operation_ids_are_unique(ogc: Service) -> None:
    ids = [methods["get"]["operationId"] for methods in ogc.get("/api").json["paths"].values()]
    assert len(set(ids)) == len(ids)


def test_oas30_completeness_of_parameters(ogc: Service, names: list[str]) -> None:
    api = ogc.get("/api").json
    for name in names:
        asked = api["paths"][f"/collections/{name}/items"]["get"]["parameters"]
        assert {"$ref": "#/components/parameters/limit"} in asked
        assert {"limit", "bbox", "datetime", "crs", "filter"} <= set(_names_of(api, asked))
    limit = api["components"]["parameters"]["limit"]["schema"]
    assert limit["minimum"] == 1 < limit["default"] < limit["maximum"]


def test_oas30_every_reference_is_defined(ogc: Service) -> None:
    api = ogc.get("/api").json
    for kind, name in set(re.findall(r'"#/components/(\w+)/([\w-]+)"', json.dumps(api))):
        assert name in api["components"][kind], name


def test_oas30_exceptions_codes(ogc: Service) -> None:
    for path, methods in ogc.get("/api").json["paths"].items():
        assert {"200", "400", "404", "500"} <= methods["get"]["responses"].keys(), path


def test_oas30_every_path_without_variables_answers(ogc: Service) -> None:
    paths = [path for path in ogc.get("/api").json["paths"] if "{" not in path]
    asked = [f"{path}?resultType=hits" if path.endswith("items") else path for path in paths]
    assert {fetch(ogc.root + path).status for path in asked} == {200}


def test_http_etag_and_304(ogc: Service, features: str) -> None:
    first = ogc.items(features, limit="2")
    address = f"{ogc.root}/collections/{features}/items?limit=2"
    again = fetch(address, If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert not first.headers["ETag"].startswith("W/")
    assert again.headers["ETag"] == first.headers["ETag"]


def test_http_head_and_cors(ogc: Service, features: str) -> None:
    address = f"{ogc.root}/collections/{features}/items?limit=1"
    head = fetch(address, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Access-Control-Allow-Origin"] == "*"
    exposed = head.headers["Access-Control-Expose-Headers"]
    assert {"Link", "ETag", "Content-Crs", "OGC-NumberMatched"} <= set(exposed.split(", "))
    assert {"Accept", "Accept-Encoding"} <= set(head.headers["Vary"].split(", "))


def test_http_errors_are_not_cached(ogc: Service, features: str) -> None:
    assert ogc.items(features, limit="0").headers["Cache-Control"] == "no-store"


def _parameter(ogc: Service, name: str, wanted: str) -> dict[str, Any]:
    """The declaration of a parameter of the items of a collection."""
    api = ogc.get("/api").json
    asked = api["paths"][f"/collections/{name}/items"]["get"]["parameters"]
    known = api["components"]["parameters"]
    whole = [known[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in asked]
    (found,) = (one for one in whole if one["name"] == wanted)
    return dict(found)


def _names_of(
    api: dict[str, dict[str, dict[str, dict[str, str]]]], asked: list[dict[str, str]]
) -> list[str]:
    known = api["components"]["parameters"]
    return [
        known[one["$ref"].rpartition("/")[2]]["name"] if "$ref" in one else one["name"]
        for one in asked
    ]


def _first_position(feature: dict[str, dict[str, list[object]]]) -> tuple[float, float]:
    position = feature["geometry"]["coordinates"]
    while isinstance(position[0], list):
        position = position[0]
    lon, lat = (float(str(number)) for number in position[:2])
    return lon, lat


def _temporal(ogc: Service) -> tuple[str, set[str]]:
    """A collection with a time, and the moments of its items."""
    for one in ogc.get("/collections").json["collections"]:
        if "temporal" in one["extent"]:
            found = ogc.items(one["id"], limit="1000").json["features"]
            return one["id"], {feature["properties"]["created_at"] for feature in found}
    pytest.skip("this service has no collection with a time")


def test_addresses_stay_on_the_server(ogc: Service) -> None:
    host = urlsplit(ogc.root).netloc
    assert {urlsplit(link["href"]).netloc for link in ogc.get("").json["links"]} == {host}


def test_a_licence_is_that_of_the_data(ogc: Service, names: list[str]) -> None:
    """Initiatives and events come from many sources: none of theirs is said for all."""
    if "initiatives" not in names:
        pytest.skip("this service has no collection initiatives")
    for name in names:
        told = ogc.get(f"/collections/{name}").json
        licences = [link["href"] for link in told["links"] if link["rel"] == "license"]
        assert licences, name
        is_open = any("licence-ouverte" in href for href in licences)
        from_many = name in ("initiatives", "events", "groups")
        assert is_open == (not from_many)
        assert ("Licence Ouverte" in told["attribution"]) == (not from_many)
        if from_many or name.startswith("activity-"):
            assert any(href.endswith("/methode#licences") for href in licences)


def test_links_that_clients_build_upon_are_plain(ogc: Service, names: list[str]) -> None:
    """GDAL puts an id behind the address of the items; HTML has an address of its own."""
    for name in names:
        links = ogc.get(f"/collections/{name}").json["links"]
        items = {link["type"]: link["href"] for link in links if link["rel"] == "items"}
        assert items["application/geo+json"] == f"{ogc.root}/collections/{name}/items"
        assert fetch(items["application/geo+json"] + "?limit=1").media == "application/geo+json"
        assert fetch(items["text/html"]).media == "text/html"
        (own,) = [link["href"] for link in links if link["rel"] == "self"]
        assert own == f"{ogc.root}/collections/{name}"
