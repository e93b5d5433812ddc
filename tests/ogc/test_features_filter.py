"""OGC API - Features Part 3 (19-079r2) and CQL2 (21-065r2), by requirement.

The values are those of the collection itself, so that any server can be asked.
"""

import json
from datetime import datetime
from typing import Any

import pytest

from tests.ogc.web import CRS84, EPSG, Service, fetch

FEATURES_3 = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/"
CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
NAME = "initiatives"

Features = list[dict[str, Any]]


@pytest.fixture(scope="module")
def all_items(ogc: Service, names: list[str]) -> Features:
    """Everything in the collection, as it is without a filter."""
    if NAME not in names:
        pytest.skip(f"this service has no collection {NAME}")
    found: Features = []
    answer = ogc.items(NAME, limit="1000")
    while True:
        found += answer.json["features"]
        following = answer.links("next")
        if not following:
            return found
        answer = fetch(following[0]["href"])


def test_conformance_declares_the_classes_that_are_tested(ogc: Service) -> None:
    classes = ogc.get("/conformance").json["conformsTo"]
    assert {
        *(FEATURES_3 + name for name in ("queryables", "queryables-query-parameters")),
        *(FEATURES_3 + name for name in ("filter", "features-filter")),
        *(CQL2 + f"{name}-insensitive-comparison" for name in ("case", "accent")),
        CQL2 + "basic-spatial-functions-plus",
        *(CQL2 + name for name in ("cql2-text", "cql2-json", "basic-cql2")),
        *(CQL2 + name for name in ("advanced-comparison-operators", "property-property")),
        *(CQL2 + name for name in ("basic-spatial-functions", "spatial-functions")),
        CQL2 + "temporal-functions",
    } <= set(classes)


def test_queryables_link_and_schema(ogc: Service, names: list[str]) -> None:
    rel = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
    for name in names:
        (link,) = ogc.get(f"/collections/{name}").links(rel)
        schema = fetch(link["href"], accept="application/schema+json")
        assert schema.media == "application/schema+json"
        assert schema.json["type"] == "object"
        assert schema.json["$id"] == f"{ogc.root}/collections/{name}/queryables"
        assert schema.json["properties"]["geometry"]["format"].startswith("geometry")


def test_queryables_query_parameters_are_declared(ogc: Service, names: list[str]) -> None:
    """19-079r2, /req/queryables-query-parameters/parameters"""
    paths = ogc.get("/api").json["paths"]
    for name in names:
        asked = paths[f"/collections/{name}/items"]["get"]["parameters"]
        declared = {one["name"] for one in asked if "name" in one}
        schema = ogc.get(f"/collections/{name}/queryables").json
        assert schema["properties"].keys() - {"geometry"} <= declared


def test_filter_parameters_are_declared(ogc: Service, names: list[str]) -> None:
    """/req/filter/filter-param, filter-lang-param, filter-crs-param; /req/features-filter"""
    api = ogc.get("/api").json
    for name in names:
        asked = api["paths"][f"/collections/{name}/items"]["get"]["parameters"]
        for wanted in ("filter", "filter-lang", "filter-crs"):
            assert {"$ref": f"#/components/parameters/{wanted}"} in asked
    schemas = {name: one["schema"] for name, one in api["components"]["parameters"].items()}
    assert {"cql2-text", "cql2-json"} <= set(schemas["filter-lang"]["enum"])
    assert schemas["filter-lang"]["default"] == "cql2-text"
    assert schemas["filter-crs"]["default"] == CRS84


def test_queryables_are_query_parameters(ogc: Service, all_items: Features) -> None:
    names = (one["properties"]["commune_name"] for one in all_items)
    value = next(name for name in names if name)
    assert _by(ogc, commune_name=value) == _those(
        all_items, lambda one: one["commune_name"] == value
    )


def test_filter_must_be_understood(ogc: Service) -> None:
    for text in (
        "theme =",
        "nothing = 1",
        "theme = 3",
        "FOO(theme) = 'x'",
        "theme",
        "(theme = 'a'",
    ):
        refusal = ogc.items(NAME, filter=text)
        assert (refusal.status, refusal.json["field"]) == (400, "filter"), text


def test_filter_lang_and_filter_crs_must_be_known(ogc: Service) -> None:
    assert ogc.items(NAME, filter="TRUE", filter_lang="sql").status == 400
    assert ogc.items(NAME, filter="TRUE", filter_crs=EPSG + "27572").status == 400


def test_filter_adds_to_the_other_parameters(ogc: Service, all_items: Features) -> None:
    found = ogc.ids(NAME, filter="supporters < 2", theme="culture", limit="10")
    assert found == _those(
        all_items, lambda one: one["supporters"] < 2 and one["theme"] == "culture"
    )


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("theme = 'culture'", lambda one: one["theme"] == "culture"),
        ("theme <> 'culture'", lambda one: one["theme"] != "culture"),
        ("'culture' = theme", lambda one: one["theme"] == "culture"),
        ("supporters > 2", lambda one: one["supporters"] > 2),
        ("supporters >= 0", lambda one: one["supporters"] >= 0),
        ("supporters < 1", lambda one: one["supporters"] < 1),
        ("supporters <> 0", lambda one: one["supporters"] != 0),
        ("title >= 'J'", lambda one: one["title"].encode() >= b"J"),
        ("supporters <= 2", lambda one: one["supporters"] <= 2),
        ("supporters < 2.5", lambda one: one["supporters"] < 2.5),
        ("commune IS NULL", lambda one: one["commune"] is None),
        ("commune IS NOT NULL", lambda one: one["commune"] is not None),
        (
            "NOT (theme = 'culture' OR theme = 'habitat')",
            lambda one: one["theme"] not in ("culture", "habitat"),
        ),
        (
            "theme = 'culture' OR theme = 'habitat' AND supporters > 2",
            lambda one: (
                one["theme"] == "culture" or (one["theme"] == "habitat" and one["supporters"] > 2)
            ),
        ),
        ("NOT commune_name = 'Rennes'", lambda one: one["commune_name"] not in (None, "Rennes")),
        ("TRUE", lambda one: True),
        ("FALSE", lambda one: False),
    ],
)
def test_basic_cql2(ogc: Service, all_items: Features, text: str, holds: Any) -> None:
    assert _by(ogc, filter=text) == _those(all_items, holds)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("title LIKE 'A%'", lambda one: one["title"].startswith("A")),
        ("title LIKE '_a%'", lambda one: one["title"][1:2] == "a"),
        ("title NOT LIKE 'A%'", lambda one: not one["title"].startswith("A")),
        ("supporters BETWEEN 1 AND 3", lambda one: 1 <= one["supporters"] <= 3),
        ("theme IN ('culture','habitat')", lambda one: one["theme"] in ("culture", "habitat")),
        ("supporters NOT IN (0, 1)", lambda one: one["supporters"] not in (0, 1)),
    ],
)
def test_advanced_comparison_operators(
    ogc: Service, all_items: Features, text: str, holds: Any
) -> None:
    assert _by(ogc, filter=text) == _those(all_items, holds)


def test_case_and_accent_insensitive_comparison(ogc: Service, all_items: Features) -> None:
    expected = _those(all_items, lambda one: one["title"].lower().startswith("é"))
    assert _by(ogc, filter="CASEI(title) LIKE CASEI('É%')") == expected
    folded = _by(ogc, filter="ACCENTI(CASEI(title)) LIKE ACCENTI(CASEI('É%'))")
    assert expected <= folded
    assert folded == _those(all_items, lambda one: one["title"].lower()[:1] in ("e", "é", "è", "ê"))


def test_property_property(ogc: Service, all_items: Features) -> None:
    expected = _those(all_items, lambda one: one["created_at"] == one["updated_at"])
    assert _by(ogc, filter="created_at = updated_at") == expected


# Around Lorient, wide enough to hold some communes whole.
SQUARE = [[-3.7, 47.5], [-3.0, 47.5], [-3.0, 48.0], [-3.7, 48.0], [-3.7, 47.5]]
BOX = "S_INTERSECTS(geometry, BBOX(-3,47,1,49))"
POLYGON = "POLYGON((-3 47,1 47,1 49,-3 49,-3 47))"


def test_basic_spatial_functions_say_what_bbox_says(ogc: Service) -> None:
    expected = _by(ogc, bbox="-3,47,1,49")
    assert _by(ogc, filter=BOX) == expected != set()
    assert _by(ogc, filter=f"S_INTERSECTS(geometry, {POLYGON})") == expected
    assert _by(ogc, filter=f"S_INTERSECTS({POLYGON}, geometry)") == expected


def test_spatial_functions(ogc: Service, all_items: Features) -> None:
    inside = _by(ogc, filter=f"S_WITHIN(geometry, {POLYGON})")
    outside = _by(ogc, filter=f"S_DISJOINT(geometry, {POLYGON})")
    placed = _by(ogc, filter="S_INTERSECTS(geometry, BBOX(-180,-90,180,90))")
    assert inside | outside == placed
    assert inside & outside == set()
    true_point = next(one for one in all_items if one["geometry"])
    lon, lat = true_point["geometry"]["coordinates"]
    around = (
        f"POLYGON(({lon - 1} {lat - 1},{lon + 1} {lat - 1},{lon} {lat + 1},{lon - 1} {lat - 1}))"
    )
    assert true_point["id"] in _by(ogc, filter=f"S_WITHIN(geometry, {around})")


def test_spatial_functions_of_areas(ogc: Service, outlines: str) -> None:
    def by(text: str) -> set[str]:
        return ogc.ids(outlines, filter=text, properties="code")

    paris = by("S_INTERSECTS(geometry, POINT(2.35 48.86))")
    assert len(paris) == 1
    assert by("S_CONTAINS(geometry, POINT(2.35 48.86))") == paris
    assert by("S_CROSSES(LINESTRING(2.35 48.86,2.36 48.86), geometry)") == set()
    crossed = by("S_INTERSECTS(geometry, LINESTRING(2.3 48.86,2.6 48.86))")
    assert paris < crossed


@pytest.mark.parametrize(
    ("shape", "is_there"),
    [
        ("POINT(2.35 48.86)", True),
        ("MULTIPOINT((2.35 48.86),(0 0))", True),
        ("LINESTRING(2.35 48.86,2.36 48.86)", True),
        ("MULTILINESTRING((2.35 48.86,2.36 48.86),(0 0,1 0))", True),
        ("POLYGON((2.35 48.86,2.36 48.86,2.36 48.87,2.35 48.86))", True),
        ("MULTIPOLYGON(((2.35 48.86,2.36 48.86,2.36 48.87,2.35 48.86)))", True),
        ("GEOMETRYCOLLECTION(POINT(2.35 48.86),LINESTRING(0 0,1 0))", True),
        ("BBOX(2.35,48.86,2.36,48.87)", True),
        ("POINT(-35 30)", False),
        ("MULTIPOLYGON(((-35 30,-34 30,-34 31,-35 30)))", False),
    ],
)
def test_basic_spatial_functions_plus_takes_every_kind_of_geometry(
    ogc: Service, outlines: str, shape: str, is_there: bool
) -> None:
    found = ogc.items(outlines, resultType="hits", filter=f"S_INTERSECTS(geometry, {shape})")
    assert (found.status, found.json["numberMatched"] > 0) == (200, is_there)


def test_spatial_functions_of_areas_and_a_square(ogc: Service, outlines: str) -> None:
    """What meets a square lies within it or overlaps it; all else is disjoint."""

    def by(function: str) -> set[str]:
        tree = {"op": function, "args": [{"property": "geometry"}, shape]}
        return ogc.ids(
            outlines, filter=json.dumps(tree), filter_lang="cql2-json", properties="code"
        )

    shape = {"type": "Polygon", "coordinates": [SQUARE]}
    inside, meeting = by("s_within"), by("s_intersects")
    assert inside < meeting
    assert by("s_contains") == set()
    assert by("s_overlaps") == meeting - inside
    assert by("s_touches") == set()
    assert by("s_equals") == set()
    tree = {"op": "s_disjoint", "args": [{"property": "geometry"}, shape]}
    hits = {"resultType": "hits", "filter": json.dumps(tree), "filter_lang": "cql2-json"}
    away = ogc.items(outlines, **hits).json["numberMatched"]
    whole = ogc.items(outlines, resultType="hits").json["numberMatched"]
    assert away + len(meeting) == whole


def test_filter_crs(ogc: Service) -> None:
    expected = _by(ogc, filter=BOX)
    turned = "S_INTERSECTS(geometry, BBOX(47,-3,49,1))"
    assert _by(ogc, filter=turned, filter_crs=EPSG + "4326") == expected
    assert _by(ogc, filter=BOX, filter_crs=CRS84) == expected


def test_temporal_functions(ogc: Service, all_items: Features) -> None:
    moments = sorted({one["properties"]["created_at"] for one in all_items})
    middle = moments[len(moments) // 2]
    cases = {
        f"T_AFTER(created_at, TIMESTAMP('{middle}'))": lambda one: one["created_at"] > middle,
        f"T_BEFORE(created_at, TIMESTAMP('{middle}'))": lambda one: one["created_at"] < middle,
        f"T_EQUALS(created_at, TIMESTAMP('{middle}'))": lambda one: one["created_at"] == middle,
        f"T_INTERSECTS(created_at, INTERVAL('..','{middle}'))": (
            lambda one: one["created_at"] <= middle
        ),
        f"T_DURING(created_at, INTERVAL('{moments[1]}','{middle}'))": (
            lambda one: moments[1] < one["created_at"] < middle
        ),
        f"T_DISJOINT(created_at, INTERVAL('{middle}','..'))": (
            lambda one: one["created_at"] < middle
        ),
        f"created_at >= TIMESTAMP('{middle}')": lambda one: one["created_at"] >= middle,
        f"created_at > DATE('{middle[:10]}')": lambda one: one["created_at"][:10] > middle[:10],
        f"created_at = DATE('{middle[:10]}')": lambda one: one["created_at"][:10] == middle[:10],
    }
    for text, holds in cases.items():
        assert _by(ogc, filter=text) == _those(all_items, holds), text
    assert datetime.fromisoformat(middle)


def test_temporal_functions_of_intervals(ogc: Service, all_items: Features) -> None:
    """The relations of Allen, of an instant to an interval (21-065r2, 7.8)."""
    moments = sorted({one["properties"]["created_at"] for one in all_items})
    first, middle = moments[1], moments[len(moments) // 2]
    span = f"INTERVAL('{first}','{middle}')"

    def created(relation: str) -> set[str]:
        return _by(ogc, filter=f"{relation}(created_at, {span})")

    assert created("T_BEFORE") == _those(all_items, lambda one: one["created_at"] < first)
    assert created("T_AFTER") == _those(all_items, lambda one: one["created_at"] > middle)
    assert created("T_STARTS") == _those(all_items, lambda one: one["created_at"] == first)
    assert created("T_FINISHES") == _those(all_items, lambda one: one["created_at"] == middle)
    assert created("T_DISJOINT") == created("T_BEFORE") | created("T_AFTER")
    whole = created("T_STARTS") | created("T_DURING") | created("T_FINISHES")
    assert created("T_INTERSECTS") == whole
    for never in ("T_CONTAINS", "T_EQUALS", "T_OVERLAPS", "T_OVERLAPPEDBY"):
        assert created(never) == set(), never


def test_temporal_functions_of_an_interval_that_the_filter_writes(
    ogc: Service, all_items: Features
) -> None:
    moments = sorted({one["properties"]["created_at"] for one in all_items})
    first, middle = moments[1], moments[len(moments) // 2]
    span = f"INTERVAL('{first}','{middle}')"

    def spanned(relation: str) -> set[str]:
        return _by(ogc, filter=f"{relation}({span}, created_at)")

    inner = _those(all_items, lambda one: first < one["created_at"] < middle)
    assert spanned("T_CONTAINS") == inner
    assert spanned("T_STARTEDBY") == _those(all_items, lambda one: one["created_at"] == first)
    assert spanned("T_FINISHEDBY") == _those(all_items, lambda one: one["created_at"] == middle)


def test_cql2_json_says_what_cql2_text_says(ogc: Service) -> None:
    trees = {
        "theme = 'culture' AND supporters > 2": {
            "op": "and",
            "args": [
                {"op": "=", "args": [{"property": "theme"}, "culture"]},
                {"op": ">", "args": [{"property": "supporters"}, 2]},
            ],
        },
        BOX: {
            "op": "s_intersects",
            "args": [{"property": "geometry"}, {"bbox": [-3, 47, 1, 49]}],
        },
        "T_AFTER(created_at, DATE('2024-01-01'))": {
            "op": "t_after",
            "args": [{"property": "created_at"}, {"date": "2024-01-01"}],
        },
        "NOT (commune IS NULL)": {
            "op": "not",
            "args": [{"op": "isNull", "args": [{"property": "commune"}]}],
        },
    }
    for text, tree in trees.items():
        by_json = _by(ogc, filter=json.dumps(tree), filter_lang="cql2-json")
        assert by_json == _by(ogc, filter=text), text


def test_sortby(ogc: Service, all_items: Features) -> None:
    answer = ogc.items(NAME, limit="1000", sortby="-supporters,title")
    order = [
        (-one["properties"]["supporters"], one["properties"]["title"]) for one in _items(answer)
    ]
    assert order == sorted(order)
    assert ogc.items(NAME, sortby="nothing").status == 400


def test_sortby_pages_go_through_unknown_values_last(ogc: Service, all_items: Features) -> None:
    codes: list[str | None] = []
    answer = ogc.items(
        NAME, limit="100", sortby="commune_name,-created_at", properties="commune_name"
    )
    while True:
        codes += [one["properties"]["commune_name"] for one in _items(answer)]
        following = answer.links("next")
        if not following:
            break
        answer = fetch(following[0]["href"])
    assert len(codes) == len(all_items)
    known = [code for code in codes if code is not None]
    assert codes == sorted(known) + [None] * (len(codes) - len(known))


def test_properties(ogc: Service) -> None:
    found = _items(ogc.items(NAME, limit="5", properties="title,theme"))
    assert {tuple(one["properties"]) for one in found} == {("title", "theme")}
    assert ogc.items(NAME, properties="nothing").status == 400


def test_result_type_hits(ogc: Service, all_items: Features) -> None:
    found = ogc.items(NAME, resultType="hits", limit="5").json
    assert (found["numberMatched"], found["numberReturned"]) == (len(all_items), 0)
    assert found["features"] == []


def _by(ogc: Service, **parameters: str) -> set[str]:
    return ogc.ids(NAME, **parameters)


def _those(features: Features, holds: Any) -> set[str]:
    return {one["id"] for one in features if holds(one["properties"])}


def _items(answer: Any) -> Features:
    found: Features = answer.json["features"]
    return found
