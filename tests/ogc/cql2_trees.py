"""CQL2 made at random: trees as CQL2's JSON has them, sound or not, and the same as text."""

import json
import re
from typing import Any

import shapely
from hypothesis import strategies as st

from mapservice.ogc.conditions import PREDICATES
from mapservice.ogc.temporal import RELATIONS

Node = Any

LETTERS = "aAbeEéÉèßẞsSİiıIkΣσςœ％＼_%\\'\"() ,.0-１😀\u0301\n"
# Halves of escapes that a text cannot tell from an end or a quote.
_LONE_BACKSLASH = re.compile(r"(?<!\\)(?:\\\\)*\\(?='|$)")


def _readable(text: str) -> str:
    return _LONE_BACKSLASH.sub("", text)


strings = st.one_of(
    st.text(LETTERS, max_size=6).map(_readable),
    st.sampled_from(["culture", "Rennes", "53", "published", "point", "Île-de-France", ""]),
)
numbers = st.one_of(
    st.integers(-3, 60),
    st.sampled_from([0.5, -1.25, 1e15, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 1e300, 10**40]),
)
days = st.dates().map(lambda day: {"date": day.isoformat()})
moments = st.sampled_from(
    [
        "2025-12-24T18:00:00Z",
        "2026-01-01T00:00:00.5Z",
        "0001-01-01T00:00:00Z",
        "2026-01-15T12:00:00+02:00",
        "9998-12-31T23:59:59Z",
        "2026-01-15T12:00:00Z",
    ]
).map(lambda text: {"timestamp": text})
instants = st.one_of(
    days,
    moments,
    st.dates().filter(lambda day: 2025 <= day.year <= 2027).map(lambda day: {"date": str(day)}),
)
comparisons = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
equalities = st.sampled_from(["=", "<>"])
relations = st.sampled_from(sorted(RELATIONS))
predicates = st.sampled_from(sorted(PREDICATES))
PLACES = (
    "POINT (2.35 48.86)",
    "POINT (-60.9 14.6)",
    "MULTIPOINT ((2.35 48.86), (-1.68 48.11))",
    "LINESTRING (2.3 48.86, 2.6 48.86)",
    "MULTILINESTRING ((0 45, 5 45), (2 44, 2 49))",
    "POLYGON ((-3 47, 1 47, 1 49, -3 49, -3 47))",
    "POLYGON ((0 44, 6 44, 6 49, 0 49, 0 44), (1 45, 1 46, 2 46, 2 45, 1 45))",
    "MULTIPOLYGON (((-3 47, 1 47, 1 49, -3 47)), ((2 44, 3 44, 3 45, 2 44)))",
    "GEOMETRYCOLLECTION (POINT (2.35 48.86), POINT (0 0))",
    "GEOMETRYCOLLECTION (POLYGON ((0 44, 6 44, 6 49, 0 44)), POLYGON ((1 44, 7 44, 7 49, 1 44)))",
)
shapes = st.one_of(
    st.sampled_from(PLACES).map(
        lambda text: json.loads(shapely.to_geojson(shapely.from_wkt(text)))
    ),
    st.sampled_from(
        [[-3, 47, 1, 49], [-180, -90, 180, 90], [170, -30, -170, 30], [2, 48, 2, 48]]
    ).map(lambda sides: {"bbox": sides}),
)
broken_shapes = st.sampled_from(
    [
        {"type": "Point", "coordinates": [200, 10]},
        {"type": "Point", "coordinates": [2, -91]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
        {"type": "LineString", "coordinates": [[1, 1]]},
        {"type": "LineString", "coordinates": [[1, 1], [1, 1]]},
        {"bbox": [1, 2, 3]},
        {"bbox": [0, 5, 1, 4]},
        {"bbox": [0, 0, 1000, 4]},
    ]
)


def op(name: str, *arguments: Node) -> Node:
    return {"op": name, "args": list(arguments)}


def named(name: str) -> Node:
    return {"property": name}


def sound(columns: dict[str, str]) -> st.SearchStrategy[Node]:
    """Conditions that are defined for their types; `columns` names the type of each property."""

    def of(kind: str) -> st.SearchStrategy[Node]:
        names = [name for name, its in columns.items() if its == kind]
        return st.sampled_from(names).map(named) if names else st.nothing()

    texts = st.recursive(
        st.one_of(of("string"), strings),
        lambda inner: st.builds(op, st.sampled_from(["casei", "accenti"]), inner),
        max_leaves=3,
    )
    patterns = st.recursive(
        strings,
        lambda inner: st.builds(op, st.sampled_from(["casei", "accenti"]), inner),
        max_leaves=3,
    )
    plain = {
        "string": texts,
        "number": st.one_of(of("number"), numbers),
        "instant": st.one_of(of("instant"), instants),
    }
    truths = st.one_of(of("boolean"), st.booleans())
    ends = st.one_of(plain["instant"], st.just(".."))
    intervals = st.tuples(ends, ends).filter(_in_order).map(lambda both: {"interval": list(both)})
    periods = st.one_of(plain["instant"], intervals)
    places = st.one_of(st.just(named("geometry")), shapes)

    def alike(count: int) -> st.SearchStrategy[tuple[Node, ...]]:
        return evenly(*(st.tuples(*[one] * count) for one in plain.values()))

    leaves = evenly(
        truths,
        st.builds(lambda name, both: op(name, *both), comparisons, alike(2)),
        alike(3).map(lambda three: op("between", *three)),
        alike(4).map(lambda four: op("in", four[0], list(four[1:]))),
        st.builds(lambda value, pattern: op("like", value, pattern), texts, patterns),
        st.builds(op, relations, periods, periods),
        st.builds(op, predicates, st.just(named("geometry")), places),
        st.builds(op, predicates, places, st.just(named("geometry"))),
        evenly(*plain.values(), truths, places, intervals).map(lambda one: op("isNull", one)),
        st.builds(op, equalities, truths, truths),
    )

    def grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        return evenly(
            leaves,
            inner.map(lambda one: op("not", one)),
            st.builds(op, st.just("and"), inner, inner),
            st.builds(op, st.just("or"), inner, inner),
            st.builds(op, equalities, inner, inner),
            inner.map(lambda one: op("isNull", one)),
        )

    return evenly(leaves, leaves, grown(evenly(leaves, grown(leaves))))


def evenly(*strategies: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """One of them, each as often; `one_of` takes those within others for its own."""
    return st.integers(0, len(strategies) - 1).flatmap(lambda number: strategies[number])


def _in_order(ends: tuple[Node, Node]) -> bool:
    first, last = (str(next(iter(end.values()))) if isinstance(end, dict) else "" for end in ends)
    if not (first[:1].isdigit() and last[:1].isdigit()):
        return True
    return first[:10] < last[:10]


def any_tree(columns: dict[str, str]) -> st.SearchStrategy[Node]:
    """Whatever the grammar allows, whether its types fit or not."""
    leaves = st.one_of(
        st.sampled_from([*columns, "geometry", "nothing", "postcodes"]).map(named),
        strings,
        numbers,
        st.booleans(),
        instants,
        shapes,
        broken_shapes,
        st.tuples(instants, instants).map(lambda both: {"interval": list(both)}),
        st.sampled_from([{"date": "2024-13-01"}, {"timestamp": "soon"}, {"date": "10000-01-01"}]),
    )
    operators = st.one_of(comparisons, relations, predicates)

    def grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        return evenly(
            st.builds(op, operators, inner, inner),
            st.builds(op, st.sampled_from(["and", "or", "like"]), inner, inner),
            st.builds(op, st.sampled_from(["not", "isNull", "casei", "accenti", "foo"]), inner),
            st.builds(op, st.sampled_from(["+", "-", "*", "/", "^", "%"]), inner, inner),
            st.builds(op, st.just("between"), inner, inner, inner),
            st.builds(lambda one, more: op("in", one, more), inner, st.lists(inner, min_size=1)),
        )

    return grown(evenly(leaves, leaves, grown(evenly(leaves, grown(leaves)))))


SIGNS = frozenset({"=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "^", "%"})


def as_text(node: Node) -> str:
    """The same tree in CQL2's text; parentheses wherever one might be needed."""
    if isinstance(node, bool):
        return str(node).upper()
    if isinstance(node, int | float):
        return repr(node)
    if isinstance(node, str):
        quoted = node.replace("'", "''")
        return f"'{quoted}'"
    if "property" in node:
        return str(node["property"])
    if "op" in node:
        return _operation(node["op"], node["args"])
    if "bbox" in node:
        return f"BBOX({','.join(map(repr, node['bbox']))})"
    if "interval" in node:
        return f"INTERVAL({','.join(map(_end, node['interval']))})"
    if "type" in node:
        return _well_known(node)
    ((name, written),) = node.items()
    return f"{name.upper()}('{written}')"


def _end(end: Node) -> str:
    if isinstance(end, dict) and "property" not in end:
        (written,) = end.values()
        return f"'{written}'"
    return as_text(end)


def _well_known(node: Node) -> str:
    if node["type"] == "GeometryCollection":
        return f"GEOMETRYCOLLECTION({','.join(map(_well_known, node['geometries']))})"

    def written(part: Any) -> str:
        if isinstance(part[0], list):
            return f"({','.join(map(written, part))})"
        return " ".join(map(repr, part))

    body = written(node["coordinates"])
    kind = node["type"].upper()
    if kind == "POINT":
        return f"POINT({body})"
    if kind == "MULTIPOINT":
        return f"MULTIPOINT({','.join(f'({written(one)})' for one in node['coordinates'])})"
    return f"{kind}{body}"


def _operation(name: str, arguments: list[Node]) -> str:
    if name in SIGNS:
        return f" {name} ".join(map(_grouped, arguments))
    if name in ("and", "or"):
        return f" {name.upper()} ".join(map(_grouped, arguments))
    if name == "not":
        return f"NOT {_grouped(arguments[0])}"
    if name == "isNull":
        return f"{_grouped(arguments[0])} IS NULL"
    if name == "like":
        return f"{_grouped(arguments[0])} LIKE {_grouped(arguments[1])}"
    if name == "between":
        value, low, high = map(_grouped, arguments)
        return f"{value} BETWEEN {low} AND {high}"
    if name == "in":
        return f"{_grouped(arguments[0])} IN ({', '.join(map(as_text, arguments[1]))})"
    return f"{name.upper()}({', '.join(map(as_text, arguments))})"


def _grouped(node: Node) -> str:
    is_function = isinstance(node, dict) and (
        "op" not in node or (node["op"].lower()[:2] in ("s_", "t_") or node["op"] in FUNCTIONS)
    )
    plain = not isinstance(node, dict) or is_function
    return as_text(node) if plain else f"({as_text(node)})"


FUNCTIONS = frozenset({"casei", "accenti", "foo"})
