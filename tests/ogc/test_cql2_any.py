"""Any CQL2 at all: an answer or a refusal that names the fault, and a filter that only narrows."""

import json
import unicodedata
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, Text, column, func, select, text
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import ARRAY
from werkzeug.test import TestResponse

from mapservice.ogc.conditions import PREDICATES, case_folded
from mapservice.ogc.model import SYSTEMS
from tests.ogc import cql2_trees as cql2
from tests.web.population import fill, population

pytestmark = pytest.mark.long

INITIATIVES = {
    **dict.fromkeys(["title", "theme", "status", "commune", "commune_name", "url"], "string"),
    "supporters": "number",
    "created_at": "instant",
    "updated_at": "instant",
}
REGIONS = {
    **dict.fromkeys(["code", "name"], "string"),
    **dict.fromkeys(["population", "cog_year"], "number"),
    "approximate": "boolean",
}
FIGURES = {
    **dict.fromkeys(["code", "name"], "string"),
    **dict.fromkeys(["population", "initiatives", "per_10000_inhabitants"], "number"),
}
COLLECTIONS = {"initiatives": INITIATIVES, "regions": REGIONS, "activity-region": FIGURES}
bounded = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@pytest.fixture(scope="module")
def doors(app: Any, shared_engine: Engine) -> FlaskClient:
    fill(shared_engine, population(150))
    client: FlaskClient = app.test_client()
    return client


def asked(doors: FlaskClient, name: str, tree: Any, *, as_text: bool = False) -> TestResponse:
    written = cql2.as_text(tree) if as_text else json.dumps(tree)
    query = {
        "filter": written,
        "filter-lang": "cql2-text" if as_text else "cql2-json",
        "limit": "1000",
        "resultType": "results" if name == "initiatives" else "hits",
    }
    return doors.get(f"/ogc/collections/{name}/items", query_string=query, buffered=True)


def found(doors: FlaskClient, name: str, tree: Any, *, as_text: bool = False) -> set[str] | int:
    """Ids of initiatives; how many of territories, as their outlines are long."""
    answer = asked(doors, name, tree, as_text=as_text)
    assert answer.status_code == 200, (answer.text, cql2.as_text(tree))
    body = answer.get_json()
    if name != "initiatives":
        return int(body["numberMatched"])
    ids = {feature["id"] for feature in body["features"]}
    assert body["numberMatched"] == len(ids)
    return ids


@pytest.mark.parametrize("name", COLLECTIONS)
@bounded
@given(data=st.data())
def test_true_false_and_unknown_share_out_a_collection(
    doors: FlaskClient, name: str, data: st.DataObject
) -> None:
    tree = data.draw(cql2.sound(COLLECTIONS[name]))
    parts = [
        found(doors, name, one) for one in (tree, cql2.op("not", tree), cql2.op("isNull", tree))
    ]
    whole = found(doors, name, True)
    if isinstance(whole, int):
        assert sum(part for part in parts if isinstance(part, int)) == whole, cql2.as_text(tree)
    else:
        ids = [one for part in parts if isinstance(part, set) for one in part]
        assert sorted(ids) == sorted(whole), cql2.as_text(tree)
    assert found(doors, name, tree, as_text=True) == parts[0], cql2.as_text(tree)


@pytest.mark.parametrize("name", COLLECTIONS)
@bounded
@given(data=st.data())
def test_whatever_the_grammar_allows_is_answered_or_refused(
    doors: FlaskClient, name: str, data: st.DataObject
) -> None:
    tree = data.draw(cql2.any_tree(COLLECTIONS[name]))
    answers = [asked(doors, name, tree, as_text=as_text) for as_text in (False, True)]
    for answer in answers:
        assert answer.status_code in (200, 400), cql2.as_text(tree)
        if answer.status_code == 400:
            assert answer.get_json()["field"] == "filter"
            assert len(answer.get_json()["detail"]) > len("filter: ")
    if "foo" not in json.dumps(tree):
        assert answers[0].status_code == answers[1].status_code, (
            cql2.as_text(tree),
            [answer.text for answer in answers],
        )


MEMBERS = [
    *("op", "args", "property", "date", "timestamp", "interval"),
    *("bbox", "type", "coordinates", "geometries"),
]
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                [
                    "op",
                    "args",
                    "property",
                    "date",
                    "timestamp",
                    "interval",
                    "bbox",
                    "type",
                    "coordinates",
                    "geometries",
                ]
            ),
            st.one_of(inner, st.sampled_from(["=", "and", "casei", "Point", "title", "geometry"])),
            max_size=3,
        ),
    ),
    max_leaves=8,
)


@bounded
@given(tree=json_values)
def test_any_json_is_answered_or_refused(doors: FlaskClient, tree: Any) -> None:
    assert asked(doors, "initiatives", tree).status_code in (200, 400)


REFUSED = [
    ("true > true", "no order"),
    ("approximate BETWEEN false AND true", "no order"),
    ("approximate < true", "no order"),
    ("approximate IN (1, 2)", "compares"),
    ("name = NULL", "IS NULL"),
    ("name IN ('a', NULL)", "IS NULL"),
    ("population BETWEEN NULL AND 1", "IS NULL"),
    ("population IN (1, 'x')", "compares"),
    ("population LIKE '1%'", "LIKE"),
    ("name LIKE name", "pattern"),
    ("name LIKE 'a\\'", "backslash"),
    ("name = 1", "compares"),
    ("geometry = POINT(1 1)", "geometry"),
    ("population + 1 = 2", "arithmetic"),
    ("population / 0 = 2", "arithmetic"),
    ("population = 1e400", "too large"),
    ("foo(name)", "foo"),
    ("name", "condition"),
    ("'x'", "condition"),
    ("NULL", "condition"),
    ("postcodes = 'x'", "queryable"),
    ("T_AFTER(name, DATE('2024-01-01'))", "temporal"),
    ("S_INTERSECTS(name, POINT(1 1))", "spatial"),
    ("S_INTERSECTS(geometry, POINT(200 10))", "longitude 200"),
    ("S_INTERSECTS(geometry, POINT(2 91))", "latitude 91"),
    ("S_INTERSECTS(geometry, POINT(nan 1))", "'nan'"),
    ("S_INTERSECTS(geometry, POINT(1e999 1))", "'1e999'"),
    ("S_INTERSECTS(geometry, POINT EMPTY)", "empty"),
    ("S_INTERSECTS(geometry, POINT(1))", "POINT"),
    ("S_INTERSECTS(geometry, BBOX(0,0,200,1))", "longitude 200"),
    ("S_INTERSECTS(geometry, LINESTRING(1 1))", "single position"),
    ("S_INTERSECTS(geometry, POLYGON((0 0,1 0,1 1)))", "not closed"),
    ("S_INTERSECTS(geometry, POLYGON((0 0,1 0,0 0)))", "fewer than four"),
    ("S_INTERSECTS(geometry, POLYGON((0 0,1 1,1 0,0 1,0 0)))", "Self-intersection"),
    (
        "S_TOUCHES(geometry, GEOMETRYCOLLECTION(POINT(9 9),LINESTRING(0 0,1 1)))",
        "collection of points",
    ),
]


@pytest.mark.parametrize(("written", "reason"), REFUSED)
def test_a_refusal_names_the_fault(doors: FlaskClient, written: str, reason: str) -> None:
    answer = doors.get("/ogc/collections/communes/items", query_string={"filter": written})
    assert (answer.status_code, answer.get_json()["field"]) == (400, "filter")
    assert reason in answer.get_json()["detail"]


def test_an_interval_that_ends_before_it_starts_is_refused(doors: FlaskClient) -> None:
    written = "T_DURING(created_at, INTERVAL('2025-01-01','2024-01-01'))"
    answer = doors.get("/ogc/collections/initiatives/items", query_string={"filter": written})
    assert (answer.status_code, answer.get_json()["field"]) == (400, "filter")
    assert "ends before it starts" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    "written",
    [
        '{"op":"=","args":[{"property":"title"},"\\ud800"]}',
        '{"op":"=","args":[{"property":"title"},"\\u0000"]}',
        '{"op":"=","args":[{"property":"supporters"},NaN]}',
        '{"op":"=","args":[{"property":"supporters"},1e999]}',
        '{"op":"=","args":[{"property":"supporters"},' + "9" * 400 + "]}",
        '{"op":"s_intersects","args":[{"property":"geometry"},{"bbox":[' + "9" * 400 + ",1,2,3]}]}",
        '{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Point","coordinates":[true,1]}]}',
        "[" * 900,
        "{}",
        '{"op":"and"}',
        '{"op":"and","args":{"property":"title"}}',
        '{"op":["="],"args":[]}',
        '{"property":["title"]}',
    ],
)
def test_json_that_no_database_could_hold_is_refused(doors: FlaskClient, written: str) -> None:
    query = {"filter": written, "filter-lang": "cql2-json"}
    answer = doors.get("/ogc/collections/initiatives/items", query_string=query)
    assert (answer.status_code, answer.get_json()["field"]) == (400, "filter")


@bounded
@given(tree=cql2.sound(INITIATIVES))
def test_a_filter_only_narrows(doors: FlaskClient, tree: Any) -> None:
    listed = {
        feature["id"]
        for feature in doors.get(
            "/ogc/collections/initiatives/items?limit=1000", buffered=True
        ).get_json()["features"]
    }
    narrowed = found(doors, "initiatives", tree)
    assert isinstance(narrowed, set)
    assert narrowed <= listed


@pytest.mark.parametrize(
    "written",
    [
        "status IS NOT NULL",
        "status = 'archived'",
        "status <> 'published' OR TRUE",
        "NOT status = ''",
    ],
)
def test_naming_the_status_widens_nothing(doors: FlaskClient, written: str) -> None:
    items = "/ogc/collections/initiatives/items"
    hits = {"resultType": "hits"}
    listed = doors.get(items, query_string=hits).get_json()["numberMatched"]
    narrowed = doors.get(items, query_string=hits | {"filter": written}).get_json()
    assert narrowed["numberMatched"] <= listed
    archived = hits | {"status": "archived"}
    by_parameter = doors.get(items, query_string=archived).get_json()["numberMatched"]
    both = doors.get(items, query_string=archived | {"filter": "status = 'archived'"}).get_json()
    assert both["numberMatched"] == by_parameter > 0


def test_casei_is_full_case_folding(shared_engine: Engine) -> None:
    """By Python's `casefold`: each character equals what it folds to, and no other one.

    PostgreSQL's Unicode may be newer than Python's, so what that does not know is left out.
    """
    letters = [
        chr(code)
        for code in range(1, 0x20000)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs")
    ]
    rows = (
        func.unnest(
            as_type(letters, ARRAY(Text)), as_type([one.casefold() for one in letters], ARRAY(Text))
        )
        .table_valued("letter", "python")
        .render_derived()
    )
    letter: Any = column("letter", Text)
    python: Any = column("python", Text)
    with shared_engine.connect() as connection:
        folded = connection.execute(
            select(letter, python, case_folded(letter), case_folded(python)).select_from(rows)
        ).all()
    apart = [one.letter for one in folded if one[2] != one[3]]
    assert apart == []
    by_ours: dict[str, set[str]] = {}
    for _, told, ours, _ in folded:
        by_ours.setdefault(ours, set()).add(told)
    assert {ours: told for ours, told in by_ours.items() if len(told) > 1} == {}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("CASEI('Straße') = CASEI('STRASSE')", True),
        ("CASEI('STRAẞE') = CASEI('strasse')", True),
        ("CASEI('İ') = CASEI('i̇')", True),
        ("CASEI('ı') = CASEI('i')", False),
        ("CASEI('ΟΔΟΣ') = CASEI('οδος')", True),
        ("CASEI('ÉTÉ') = CASEI('été')", True),
        ("CASEI('ÉTÉ') = CASEI('ete')", False),
        ("ACCENTI(CASEI('ÉTÉ')) = 'ete'", True),
        ("ACCENTI('e\u0301') = ACCENTI('é')", True),
        ("ACCENTI('Œuvre') = 'OEuvre'", True),
        ("'50 %' LIKE '50 \\%'", True),
        ("'50 p' LIKE '50 \\%'", False),
        ("'abc' LIKE ACCENTI('％')", False),
        ("'%' LIKE ACCENTI('％')", True),
        ("'x' LIKE ACCENTI('＼')", False),
        ("ACCENTI('＼') LIKE ACCENTI('＼')", True),
        ("'l''été' = 'l\\'été'", True),
        ("'C:\\\\' LIKE 'C:\\\\\\\\'", True),
        ("CASEI(title) IS NULL", False),
        ("CASEI(title) IS NOT NULL", True),
        ("(title = 'a') IS NULL", False),
        ("(title = 'a') = (title = 'a')", True),
        ("1 IS NULL", False),
        ("2 BETWEEN 1 AND 3", True),
        ("DATE('2024-01-01') < DATE('2024-01-02')", True),
        ("S_WITHIN(POINT(1 1), BBOX(0,0,2,2))", True),
        ("S_INTERSECTS(POINT(1 1), POINT(2 2))", False),
    ],
)
def test_what_holds_of_all_or_of_none(doors: FlaskClient, written: str, expected: bool) -> None:
    items = "/ogc/collections/initiatives/items"
    whole = doors.get(items, query_string={"resultType": "hits"}).get_json()["numberMatched"]
    answer = doors.get(items, query_string={"resultType": "hits", "filter": written})
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["numberMatched"] == (whole if expected else 0)


def test_the_geometry_meets_itself(doors: FlaskClient, shared_engine: Engine) -> None:
    def hits(name: str, written: str) -> int:
        query = {"resultType": "hits", "filter": written}
        answer = doors.get(f"/ogc/collections/{name}/items", query_string=query)
        assert answer.status_code == 200, answer.text
        return int(answer.get_json()["numberMatched"])

    for function in ("S_INTERSECTS", "S_EQUALS", "S_WITHIN", "S_CONTAINS"):
        assert hits("regions", f"{function}(geometry, geometry)") == 18
    assert hits("regions", "S_DISJOINT(geometry, geometry)") == 0
    with shared_engine.connect() as connection:
        anchored = connection.execute(
            text(
                "SELECT count(*) FROM initiative WHERE anchor IS NOT NULL"
                " AND status IN ('published', 'done')"
            )
        ).scalar_one()
    assert hits("initiatives", "S_INTERSECTS(geometry, geometry)") == anchored


@pytest.mark.parametrize("system", [one.uri for one in SYSTEMS])
@pytest.mark.parametrize("function", sorted(PREDICATES))
def test_every_spatial_function_in_every_system(
    doors: FlaskClient, system: str, function: str
) -> None:
    """Overseas too, where Lambert-93 was never meant for: an answer, and the three parts of all."""
    box = next(one for one in SYSTEMS if one.uri == system)
    sides = [40, -5, 50, 8] if box.north_first else [-5, 40, 8, 50]
    if not box.geographic:
        sides = [-500_000, 5_900_000, 900_000, 6_700_000]
    tree = cql2.op(function, cql2.named("geometry"), {"bbox": sides})
    parts = []
    for one in (tree, cql2.op("not", tree), cql2.op("isNull", tree), True):
        query = {
            "filter": json.dumps(one),
            "filter-lang": "cql2-json",
            "filter-crs": system,
            "resultType": "hits",
        }
        answer = doors.get("/ogc/collections/epcis/items", query_string=query)
        assert answer.status_code == 200, answer.text
        parts.append(answer.get_json()["numberMatched"])
    assert sum(parts[:3]) == parts[3] == 1253
