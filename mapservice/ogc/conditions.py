"""CQL2 trees and typed values as SQL conditions, with every value bound.

Comparisons follow SQL: what is unknown is neither true nor false. Moments are compared to the
second, as they are shown.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Text,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    true,
)

from mapservice.errors import InvalidInput
from mapservice.ogc import temporal
from mapservice.ogc.expressions import FIELD, Expression, Node
from mapservice.ogc.model import Collection, Crs, Kind
from mapservice.ogc.moments import Span
from mapservice.ogc.shapes import Shape

Condition: TypeAlias = ColumnElement[bool]
# West, south, east, north in degrees.
Bounds: TypeAlias = tuple[float, float, float, float]

GEOMETRY = "geometry"


@dataclass(frozen=True, slots=True)
class Target:
    """A collection in SQL: its columns, and the geometry that spatial filters go by.

    `geometries` gives that geometry in the systems that have a column of their own; `held_in`
    narrows a search, by index, to a box in degrees. `shown` is the geometry of the answer.
    """

    collection: Collection
    columns: Mapping[str, ColumnElement[Any]]
    geometries: Mapping[int, ColumnElement[Any]]
    shown: ColumnElement[Any]
    held_in: Callable[[Bounds], Condition]

    def geometry(self, srid: int) -> ColumnElement[Any]:
        if srid in self.geometries:
            return self.geometries[srid]
        return func.ST_Transform(self.geometries[4326], srid)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value that can be compared; numbers of any kind are NUMBER."""

    kind: Kind
    sql: ColumnElement[Any]


def condition(target: Target, expression: Expression) -> Condition:
    """Raises InvalidInput for what is no condition, or compares unlike things."""
    return _Translation(target, expression.crs).condition(expression.tree)


def equal(target: Target, name: str, kind: Kind, value: Any) -> Condition:
    """A parameter named for an attribute."""
    column = target.columns[name]
    if isinstance(value, Span):
        return temporal.comparison("=", column, value)
    return column == _literal(value).sql if kind is not Kind.BOOLEAN else column.is_(value)


def spatial(target: Target, predicate: str, shape: Shape) -> Condition:
    """The collection's geometry, then the predicate, then a shape."""
    exact: Condition = getattr(func, predicate)(target.geometry(shape.srid), _geometry(shape))
    if predicate == "ST_Disjoint" or shape.bounds is None:
        return exact
    return and_(target.held_in(shape.bounds), exact)


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
# What a predicate says when its two sides change places; the others say the same.
_TURNED = {"ST_Contains": "ST_Within", "ST_Within": "ST_Contains"}


def _geometry(shape: Shape) -> ColumnElement[Any]:
    read = func.ST_GeomFromGeoJSON(literal(shape.geojson, Text))
    return func.ST_SetSRID(read, shape.srid)


def _literal(value: Any) -> Scalar:
    """A bound value with its type. Raises InvalidInput for what no column could hold."""
    if isinstance(value, bool):
        return Scalar(Kind.BOOLEAN, true() if value else false())
    if isinstance(value, str):
        if "\x00" in value:
            raise InvalidInput(FIELD, "must not contain a null character")
        return Scalar(Kind.STRING, literal(value, Text))
    if not math.isfinite(value):
        raise InvalidInput(FIELD, "has a number that is too large")
    if float(value).is_integer() and abs(value) < 2**53:
        return Scalar(Kind.NUMBER, literal(int(value), BigInteger))
    return Scalar(Kind.NUMBER, literal(float(value), Double))


class _Translation:
    """One tree on one collection; `crs` is that of the tree's coordinates."""

    def __init__(self, target: Target, crs: Crs) -> None:
        self.target = target
        self.crs = crs
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
        if isinstance(node, dict) and "property" in node:
            return self.flag(node)
        operator, arguments = _operation(node)
        if operator in temporal.COMPARISONS:
            return self.compare(operator, *_exactly(2, arguments))
        if operator in PREDICATES:
            return self.place(PREDICATES[operator], *_exactly(2, arguments))
        if operator in temporal.RELATIONS:
            sides = [self.period(one) for one in _exactly(2, arguments)]
            return temporal.RELATIONS[operator](sides[0], sides[1])
        if operator in self.conditions and arguments:
            return self.conditions[operator](arguments)
        raise InvalidInput(FIELD, f"{operator[:40]!r} is not a condition that we know")

    def flag(self, node: Node) -> Condition:
        value = self.scalar(node)
        if value.kind is not Kind.BOOLEAN:
            raise InvalidInput(FIELD, f"{node['property'][:40]!r} is not true or false")
        return value.sql

    def compare(self, operator: str, left: Node, right: Node) -> Condition:
        if self.is_moment(left) or self.is_moment(right):
            return temporal.comparison(operator, self.moment(left), self.moment(right))
        one, other = self.alike(left, right)
        compared: Condition = temporal.COMPARISONS[operator](one.sql, other.sql)
        return compared

    def alike(self, *nodes: Node) -> list[Scalar]:
        scalars = [self.scalar(node) for node in nodes]
        if any(scalar.kind is Kind.BOOLEAN for scalar in scalars):
            # GDAL writes true as 1.
            scalars = [
                _literal(bool(node)) if _is_bit(node) else scalar
                for node, scalar in zip(nodes, scalars, strict=True)
            ]
        if len({scalar.kind for scalar in scalars}) > 1:
            kinds = " with ".join(sorted({str(scalar.kind) for scalar in scalars}))
            raise InvalidInput(FIELD, f"compares {kinds}")
        return scalars

    def like(self, arguments: Sequence[Node]) -> Condition:
        """`%` any letters, `_` one letter, `\\` takes the next letter as it is."""
        value, pattern = self.alike(*_exactly(2, arguments))
        text = arguments[1]
        while isinstance(text, dict):
            text = _exactly(1, _operation(text)[1])[0] if "op" in text else None
        if value.kind is not Kind.STRING or not isinstance(text, str):
            raise InvalidInput(FIELD, "LIKE compares a text with a pattern")
        if (len(text) - len(text.rstrip("\\"))) % 2:
            raise InvalidInput(FIELD, "has a pattern that ends in a single backslash")
        return value.sql.like(pattern.sql)

    def between(self, arguments: Sequence[Node]) -> Condition:
        value, low, high = _exactly(3, arguments)
        return and_(self.compare(">=", value, low), self.compare("<=", value, high))

    def listed(self, arguments: Sequence[Node]) -> Condition:
        value, choices = _exactly(2, arguments)
        if not isinstance(choices, list) or not choices:
            raise InvalidInput(FIELD, "IN needs a list")
        if self.is_moment(value):
            return or_(*(self.compare("=", value, choice) for choice in choices))
        scalar, *others = self.alike(value, *choices)
        return scalar.sql.in_([other.sql for other in others])

    def is_null(self, arguments: Sequence[Node]) -> Condition:
        (node,) = _exactly(1, arguments)
        name = _name(node)
        if name == GEOMETRY:
            return self.target.shown.is_(None)
        return self.column(name).is_(None)

    def scalar(self, node: Node) -> Scalar:
        if isinstance(node, bool | int | float | str):
            return _literal(node)
        if isinstance(node, dict) and "property" in node:
            name = _name(node)
            return Scalar(_plain(self.kind(name)), self.column(name))
        operator, arguments = _operation(node)
        if operator in ("casei", "accenti"):
            return self.folded(operator, *_exactly(1, arguments))
        raise InvalidInput(FIELD, f"{operator[:40]!r} is not a value that we know")

    def folded(self, operator: str, node: Node) -> Scalar:
        value = self.scalar(node)
        if value.kind is not Kind.STRING:
            raise InvalidInput(FIELD, f"{operator} takes a text")
        fold = func.lower if operator == "casei" else func.unaccent
        return Scalar(Kind.STRING, fold(value.sql))

    def place(self, predicate: str, left: Node, right: Node) -> Condition:
        if isinstance(right, dict) and "property" in right:
            left, right, predicate = right, left, _TURNED.get(predicate, predicate)
        if _name(left) != GEOMETRY:
            raise InvalidInput(FIELD, f"{_name(left)[:40]!r} is not the geometry")
        if not isinstance(right, dict):
            raise InvalidInput(FIELD, "has a spatial function without a geometry")
        return spatial(self.target, predicate, Shape.parse(right, self.crs))

    def is_moment(self, node: Node) -> bool:
        if not isinstance(node, dict):
            return False
        named = isinstance(node.get("property"), str) and node["property"] != GEOMETRY
        return (named and self.kind(_name(node)) is Kind.MOMENT) or bool(
            {"date", "timestamp", "interval"} & node.keys()
        )

    def moment(self, node: Node) -> temporal.Moment:
        """A column, or an instant or day that was written down, also as a plain text."""
        if isinstance(node, str):
            return Span.instant(node, FIELD)
        if isinstance(node, dict):
            written = node.get("timestamp", node.get("date"))
            if isinstance(written, str):
                return Span.instant(written, FIELD)
            if self.is_moment(node) and "property" in node:
                return self.column(_name(node))
        raise InvalidInput(FIELD, "compares a time with something else")

    def period(self, node: Node) -> temporal.Period:
        if not (isinstance(node, dict) and "interval" in node):
            return temporal.Period.of(self.moment(node))
        ends = node["interval"]
        start, end = _exactly(2, ends if isinstance(ends, list) else [])
        return temporal.Period.between(self.end(start), self.end(end))

    def end(self, node: Node) -> temporal.Moment | None:
        return None if node == ".." else self.moment(node)

    def kind(self, name: str) -> Kind:
        attribute = self.target.collection.attribute(name)
        if attribute is None or not attribute.queryable:
            raise InvalidInput(FIELD, f"there is no queryable {name[:40]!r}")
        return attribute.kind

    def column(self, name: str) -> ColumnElement[Any]:
        self.kind(name)
        return self.target.columns[name]


def _is_bit(node: Node) -> bool:
    return isinstance(node, int | float) and node in (0, 1)


def _plain(kind: Kind) -> Kind:
    return Kind.NUMBER if kind is Kind.INTEGER else kind


def _name(node: Node) -> str:
    if not isinstance(node, dict) or not isinstance(node.get("property"), str):
        raise InvalidInput(FIELD, "needs the name of a property")
    return str(node["property"])


def _operation(node: Node) -> tuple[str, list[Node]]:
    """The operator in lower case, and what it is applied to."""
    if not isinstance(node, dict) or not isinstance(node.get("op"), str):
        raise InvalidInput(FIELD, "has a value where a condition or a property belongs")
    arguments = node.get("args")
    return node["op"].lower(), arguments if isinstance(arguments, list) else []


def _exactly(count: int, arguments: Sequence[Node]) -> Sequence[Node]:
    if len(arguments) != count:
        raise InvalidInput(FIELD, f"has an operator with {len(arguments)} values, not {count}")
    return arguments
