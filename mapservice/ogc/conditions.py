"""CQL2 trees and typed values as SQL conditions, with every value bound.

Every part of a tree has a type, and what is not defined for its types is refused before it becomes
SQL. Comparisons follow SQL: what is unknown is neither true nor false. Moments are compared to the
second, as they are shown.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    Text,
    and_,
    cast,
    collate,
    false,
    func,
    literal,
    not_,
    or_,
    true,
)

from mapservice.db.engine import is_storable
from mapservice.errors import InvalidInput
from mapservice.ogc import temporal
from mapservice.ogc.expressions import FIELD, FilterExpression, Node
from mapservice.ogc.model import CRS84, AttributeKind, ItemsCollection, ReferenceSystem
from mapservice.ogc.moments import MomentSpan
from mapservice.ogc.shapes import FilterGeometry

Condition: TypeAlias = ColumnElement[bool]
# West, south, east, north in degrees.
Bounds: TypeAlias = tuple[float, float, float, float]

GEOMETRY = "geometry"


@dataclass(frozen=True, slots=True)
class CollectionColumns:
    """A collection in SQL: its columns, and the geometry that spatial filters go by.

    `geometries` gives that geometry in the systems that have a column of their own; `held_in`
    narrows a search, by index, to a box in degrees. `shown` is the geometry of the answer.
    """

    collection: ItemsCollection
    columns: Mapping[str, ColumnElement[Any]]
    geometries: Mapping[int, ColumnElement[Any]]
    shown: ColumnElement[Any]
    held_in: Callable[[Bounds], Condition]

    def geometry(self, srid: int) -> ColumnElement[Any]:
        if srid in self.geometries:
            return self.geometries[srid]
        return func.ST_Transform(self.geometries[4326], srid)


class CqlType(StrEnum):
    """What a part of a tree is; the values are how a refusal names it."""

    STRING = "a text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    INSTANT = "a time"
    INTERVAL = "an interval"
    GEOMETRY = "a geometry"
    LIST = "a list"
    NULL = "NULL"


TYPES = {
    AttributeKind.STRING: CqlType.STRING,
    AttributeKind.INTEGER: CqlType.NUMBER,
    AttributeKind.NUMBER: CqlType.NUMBER,
    AttributeKind.BOOLEAN: CqlType.BOOLEAN,
    AttributeKind.MOMENT: CqlType.INSTANT,
}
# Types whose values come one after the other.
ORDERED = frozenset({CqlType.STRING, CqlType.NUMBER, CqlType.INSTANT})
COMPARED = ORDERED | {CqlType.BOOLEAN}
EQUALITIES = frozenset({"=", "<>"})
ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "^", "div"})
FOLDS = frozenset({"casei", "accenti"})


def condition(target: CollectionColumns, expression: FilterExpression) -> Condition:
    """Raises InvalidInput for what is no condition, or is not defined for its types."""
    return _Translation(target, expression).condition(expression.tree)


def equal(target: CollectionColumns, name: str, kind: AttributeKind, value: Any) -> Condition:
    """A parameter named for an attribute."""
    column = target.columns[name]
    if isinstance(value, MomentSpan):
        return temporal.comparison("=", column, value)
    return column == _literal(value) if kind is not AttributeKind.BOOLEAN else column.is_(value)


def spatial(target: CollectionColumns, predicate: str, shape: FilterGeometry) -> Condition:
    """The collection's geometry, then the predicate, then a shape."""
    own = target.geometry(shape.srid)
    return _narrowed(target, predicate, shape, getattr(func, predicate)(own, _geometry(shape)))


PREDICATES = {
    "s_intersects": "ST_Intersects",
    "s_disjoint": "ST_Disjoint",
    "s_contains": "ST_Contains",
    "s_within": "ST_Within",
    "s_touches": "ST_Touches",
    "s_crosses": "ST_Crosses",
    "s_overlaps": "ST_Overlaps",
    "s_equals": "ST_Equals",
}
# What is also defined for points, lines and areas in one collection.
_OF_MIXED = frozenset({"ST_Intersects", "ST_Disjoint"})


def _narrowed(
    target: CollectionColumns, predicate: str, shape: FilterGeometry, exact: Condition
) -> Condition:
    """Looked for by index first, where what is far away cannot be meant."""
    if predicate == "ST_Disjoint" or shape.bounds is None:
        return exact
    return and_(target.held_in(shape.bounds), exact)


def _geometry(shape: FilterGeometry) -> ColumnElement[Any]:
    read = func.ST_GeomFromGeoJSON(literal(shape.geojson, Text))
    return func.ST_SetSRID(read, shape.srid)


def _literal(value: bool | int | float | str) -> ColumnElement[Any]:
    """A bound value with its type. Raises InvalidInput for what no column could hold."""
    if isinstance(value, bool):
        return literal(value, Boolean)
    if isinstance(value, str):
        if not is_storable(value):
            raise InvalidInput(FIELD, "has a text with a null character or half of a character")
        return literal(value, Text)
    if not abs(value) <= _LARGEST:
        raise InvalidInput(FIELD, "has a number that is too large")
    if float(value).is_integer() and abs(value) < 2**53:
        return literal(int(value), BigInteger)
    return literal(float(value), Double)


_LARGEST = sys.float_info.max

# Full case folding (Unicode, CaseFolding.txt, C and F) is what ICU's mappings come to, one after
# the other, save for the dotless i, whose capital is another letter's too, and the final sigma.
_ICU = "und-x-icu"
_DOTLESS, _STAND_IN = "\u0131", "\ufdd0"
_FINAL_SIGMA, _SIGMA = "\u03c2", "\u03c3"
_MARKS = "[\u0300-\u036f]"


def case_folded(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """What texts have in common that differ in case alone."""
    kept = func.translate(collate(text, _ICU), _DOTLESS, _STAND_IN)
    folded = func.lower(func.upper(func.lower(kept)))
    return collate(func.translate(folded, _STAND_IN + _FINAL_SIGMA, _DOTLESS + _SIGMA), "C")


def accent_folded(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Accents that stand in characters of their own are composed first."""
    composed = func.pg_catalog.normalize(text, "NFC")
    return func.regexp_replace(func.unaccent(composed), _MARKS, "", "g")


_FOLDED = {"casei": case_folded, "accenti": accent_folded}
# A pattern's parts: wildcards, and runs of what stands for itself.
_PATTERN_PART = re.compile(r"[%_]|(?:\\.|[^%_\\])+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = r"([\\%_])"


def _pattern(text: str, folds: Sequence[str]) -> ColumnElement[Any]:
    """A LIKE pattern. What folding makes of a letter (ACCENTI of \uff05 is %) is no wildcard."""
    if not folds:
        return _literal(text)
    parts: list[ColumnElement[Any]] = []
    for part in _PATTERN_PART.findall(text):
        if part in ("%", "_"):
            parts.append(literal(part, Text))
            continue
        run = _literal(_ESCAPE.sub(r"\1", part))
        for fold in folds:
            run = _FOLDED[fold](run)
        parts.append(func.regexp_replace(run, _SPECIAL, r"\\\1", "g"))
    return func.concat(*parts) if parts else literal("", Text)


class _Translation:
    """One tree on one collection; `crs` is that of the tree's coordinates."""

    def __init__(self, target: CollectionColumns, expression: FilterExpression) -> None:
        self.target = target
        self.crs: ReferenceSystem = expression.crs
        self.bits_are_boolean = expression.bits_are_boolean
        self.conditions: dict[str, Callable[[Sequence[Node]], Condition]] = {
            "and": lambda args: and_(*map(self.condition, args)),
            "or": lambda args: or_(*map(self.condition, args)),
            "not": lambda args: not_(self.condition(*_exactly(1, args))),
            "like": self.like,
            "between": self.between,
            "in": self.listed,
            "isnull": self.is_null,
        }

    def condition(self, node: Node) -> Condition:
        if isinstance(node, bool):
            return true() if node else false()
        if self.type_of(node) is not CqlType.BOOLEAN:
            words = f"the property {node['property'][:40]!r}" if _is_property(node) else "a value"
            raise InvalidInput(FIELD, f"has {words} where a condition belongs")
        if _is_property(node):
            return self.column(_name(node))
        operator, arguments = _operation(node)
        if operator in temporal.COMPARISONS:
            return self.compare(operator, *_exactly(2, arguments))
        if operator in PREDICATES:
            return self.place(PREDICATES[operator], *_exactly(2, arguments))
        if operator in temporal.RELATIONS:
            sides = [self.period(one) for one in _exactly(2, arguments)]
            return temporal.RELATIONS[operator](sides[0], sides[1])
        if not arguments:
            raise InvalidInput(FIELD, f"has {operator!r} without anything that it applies to")
        return self.conditions[operator](arguments)

    def type_of(self, node: Node) -> CqlType:
        """Raises InvalidInput for what is no part of CQL2, or a part that we do not offer."""
        if node is None:
            return CqlType.NULL
        if isinstance(node, bool):
            return CqlType.BOOLEAN
        if isinstance(node, int | float):
            return CqlType.NUMBER
        if isinstance(node, str):
            return CqlType.STRING
        if isinstance(node, list):
            return CqlType.LIST
        if _is_property(node):
            name = _name(node)
            return CqlType.GEOMETRY if name == GEOMETRY else TYPES[self.kind(name)]
        if "op" in node:
            return self.result_type(_operation(node)[0])
        if "date" in node or "timestamp" in node:
            return CqlType.INSTANT
        if "interval" in node:
            return CqlType.INTERVAL
        if "bbox" in node or "type" in node:
            return CqlType.GEOMETRY
        raise InvalidInput(FIELD, "has an object that is no part of CQL2")

    def result_type(self, operator: str) -> CqlType:
        if operator in FOLDS:
            return CqlType.STRING
        known = (self.conditions, temporal.COMPARISONS, PREDICATES, temporal.RELATIONS)
        if any(operator in operators for operators in known):
            return CqlType.BOOLEAN
        if operator in ARITHMETIC:
            raise InvalidInput(FIELD, f"has arithmetic ({operator}), which is not offered here")
        if operator in _WRITTEN:
            raise InvalidInput(FIELD, f"has {operator.upper()}(…) without what it takes")
        raise InvalidInput(FIELD, f"{operator[:40]!r} is not a function that we know")

    def alike(self, *nodes: Node) -> CqlType:
        """The one type of values that are compared; a text beside a time is read as a time."""
        types = {self.type_of(node) for node in nodes}
        if CqlType.NULL in types:
            raise InvalidInput(FIELD, "compares with NULL, which equals nothing; use IS NULL")
        if types == {CqlType.INSTANT, CqlType.STRING}:
            types = {CqlType.INSTANT}
        if self.bits_are_boolean and types == {CqlType.BOOLEAN, CqlType.NUMBER}:
            others = [node for node in nodes if self.type_of(node) is CqlType.NUMBER]
            if all(isinstance(node, int | float) and node in (0, 1) for node in others):
                types = {CqlType.BOOLEAN}
        if len(types) > 1:
            raise InvalidInput(FIELD, f"compares {' with '.join(sorted(types))}")
        (only,) = types
        if only not in COMPARED:
            raise InvalidInput(FIELD, f"compares {only} as if it were a plain value")
        return only

    def compare(self, operator: str, left: Node, right: Node) -> Condition:
        kind = self.alike(left, right)
        if kind not in ORDERED and operator not in EQUALITIES:
            raise InvalidInput(
                FIELD, f"has {operator} between what is {kind}, which has no order: only = and <>"
            )
        return self.compared(kind, operator, left, right)

    def compared(self, kind: CqlType, operator: str, left: Node, right: Node) -> Condition:
        if kind is CqlType.INSTANT:
            return temporal.comparison(operator, self.moment(left), self.moment(right))
        compared: Condition = temporal.COMPARISONS[operator](
            self.scalar(kind, left), self.scalar(kind, right)
        )
        return compared

    def like(self, arguments: Sequence[Node]) -> Condition:
        """`%` any letters, `_` one letter, `\\` takes the next letter as it is."""
        value, pattern = _exactly(2, arguments)
        if self.type_of(value) is not CqlType.STRING:
            raise InvalidInput(FIELD, f"has LIKE for {self.type_of(value)}, not for a text")
        folds: list[str] = []
        while isinstance(pattern, dict) and "op" in pattern:
            operator, parts = _operation(pattern)
            if operator not in FOLDS:
                break
            folds.insert(0, operator)
            (pattern,) = _exactly(1, parts)
        if not isinstance(pattern, str):
            raise InvalidInput(FIELD, "has LIKE with a pattern that is not written down as a text")
        if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
            raise InvalidInput(FIELD, "has a pattern that ends in a single backslash")
        return self.scalar(CqlType.STRING, value).like(_pattern(pattern, folds))

    def between(self, arguments: Sequence[Node]) -> Condition:
        value, low, high = _exactly(3, arguments)
        kind = self.alike(value, low, high)
        if kind not in ORDERED:
            raise InvalidInput(FIELD, f"has BETWEEN for what is {kind}, which has no order")
        return and_(self.compared(kind, ">=", value, low), self.compared(kind, "<=", value, high))

    def listed(self, arguments: Sequence[Node]) -> Condition:
        value, choices = _exactly(2, arguments)
        if not isinstance(choices, list) or not choices:
            raise InvalidInput(FIELD, "has IN without a list of values")
        kind = self.alike(value, *choices)
        if kind is CqlType.INSTANT:
            return or_(*(self.compared(kind, "=", value, choice) for choice in choices))
        return self.scalar(kind, value).in_([self.scalar(kind, choice) for choice in choices])

    def is_null(self, arguments: Sequence[Node]) -> Condition:
        (node,) = _exactly(1, arguments)
        kind = self.type_of(node)
        if kind is CqlType.NULL:
            return true()
        if kind is CqlType.GEOMETRY:
            if _is_property(node):
                return self.target.shown.is_(None)
            FilterGeometry.parse(node, self.crs)
            return false()
        if kind is CqlType.INSTANT:
            return _is_unknown(self.moment(node))
        if kind is CqlType.INTERVAL:
            period = self.period(node)
            return or_(_is_unknown(period.start), _is_unknown(period.end))
        if kind is CqlType.LIST:
            raise InvalidInput(FIELD, "has IS NULL for a list")
        return self.scalar(kind, node).is_(None)

    def scalar(self, kind: CqlType, node: Node) -> ColumnElement[Any]:
        """What can be compared in SQL; `kind` is the type of all that it is compared with."""
        if isinstance(node, bool | int | float | str):
            return _literal(bool(node) if kind is CqlType.BOOLEAN else node)
        if _is_property(node):
            return self.column(_name(node))
        if kind is CqlType.BOOLEAN:
            return cast(self.condition(node), Boolean)
        operator, arguments = _operation(node)
        (text,) = _exactly(1, arguments)
        if self.type_of(text) is not CqlType.STRING:
            raise InvalidInput(FIELD, f"has {operator.upper()} of {self.type_of(text)}")
        return _FOLDED[operator](self.scalar(CqlType.STRING, text))

    def place(self, predicate: str, left: Node, right: Node) -> Condition:
        """Two shapes, or the collection's geometry beside one or beside itself."""
        sides = [self.shape(node) for node in (left, right)]
        shapes = [side for side in sides if side is not None]
        if predicate not in _OF_MIXED and any(shape.is_mixed for shape in shapes):
            raise InvalidInput(
                FIELD,
                "has a spatial function that takes no collection of points, lines and areas",
            )
        srid = shapes[0].srid if shapes else CRS84.srid
        places = [self.target.geometry(srid) if side is None else _geometry(side) for side in sides]
        exact: Condition = getattr(func, predicate)(*places)
        if len(shapes) == 1:
            return _narrowed(self.target, predicate, shapes[0], exact)
        return exact

    def shape(self, node: Node) -> FilterGeometry | None:
        """None for the collection's own geometry."""
        kind = self.type_of(node)
        if kind is not CqlType.GEOMETRY:
            raise InvalidInput(FIELD, f"has a spatial function of {kind}")
        return None if _is_property(node) else FilterGeometry.parse(node, self.crs)

    def moment(self, node: Node) -> temporal.Moment:
        """A column, or an instant or day that was written down, also as a plain text."""
        if isinstance(node, str):
            return MomentSpan.instant(node, FIELD)
        kind = self.type_of(node)
        if kind is not CqlType.INSTANT:
            raise InvalidInput(FIELD, f"has a temporal function of {kind}")
        if _is_property(node):
            return self.column(_name(node))
        written = node.get("timestamp", node.get("date"))
        if not isinstance(written, str):
            raise InvalidInput(FIELD, "has a time that is not written as a text")
        return MomentSpan.instant(written, FIELD)

    def period(self, node: Node) -> temporal.TemporalPeriod:
        if self.type_of(node) is not CqlType.INTERVAL:
            return temporal.TemporalPeriod.of(self.moment(node))
        ends = node["interval"]
        if not isinstance(ends, list) or len(ends) != len(("start", "end")):
            raise InvalidInput(FIELD, "has an interval without its two ends")
        start, end = map(self.end, ends)
        return temporal.TemporalPeriod.between(start, end, FIELD)

    def end(self, node: Node) -> temporal.Moment | None:
        return None if node == ".." else self.moment(node)

    def kind(self, name: str) -> AttributeKind:
        attribute = self.target.collection.attribute(name)
        if attribute is None or not attribute.queryable:
            raise InvalidInput(FIELD, f"there is no queryable {name[:40]!r}")
        return attribute.kind

    def column(self, name: str) -> ColumnElement[Any]:
        self.kind(name)
        return self.target.columns[name]


# How literals of these types are written; as operators they have lost what they take.
_WRITTEN = frozenset(
    {"date", "timestamp", "interval", "bbox", "point", "linestring", "polygon", "multipoint"}
    | {"multilinestring", "multipolygon", "geometrycollection"}
)


def _is_unknown(moment: Any) -> Condition:
    return moment.is_(None) if isinstance(moment, ColumnElement) else false()


def _is_property(node: Node) -> bool:
    return isinstance(node, dict) and "property" in node


def _name(node: Node) -> str:
    if not isinstance(node["property"], str):
        raise InvalidInput(FIELD, "has a property without a name")
    return str(node["property"])


def _operation(node: Node) -> tuple[str, list[Node]]:
    """The operator in lower case, and what it is applied to."""
    if not isinstance(node.get("op"), str):
        raise InvalidInput(FIELD, "has an operator that is not a text")
    arguments = node.get("args")
    return node["op"].lower(), arguments if isinstance(arguments, list) else []


def _exactly(count: int, arguments: Sequence[Node]) -> Sequence[Node]:
    if len(arguments) != count:
        raise InvalidInput(FIELD, f"has an operator with {len(arguments)} values, not {count}")
    return arguments
