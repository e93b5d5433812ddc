"""Comparisons of moments, and CQL2's relations of periods (those of Allen), as SQL.

A moment is shown to the second, so it is compared to the second; against a written instant that
becomes a comparison of the bare column, which an index can answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypeAlias

from sqlalchemy import ColumnElement, DateTime, and_, false, func, literal, not_, or_, true

from mapservice.errors import InvalidInput
from mapservice.ogc.moments import FIRST, LAST, SECOND, MomentSpan, second_ceiling, second_floor

Condition: TypeAlias = ColumnElement[bool]
Column: TypeAlias = ColumnElement[Any]
# A column, or what was written down: an instant, or a day, which is a span.
Moment: TypeAlias = Column | MomentSpan
Instant: TypeAlias = Column | datetime

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def comparison(operator: str, left: Moment, right: Moment) -> Condition:
    """A day as a whole: a moment equals the day it lies in, and is greater when after it."""
    if isinstance(left, MomentSpan):
        if isinstance(right, MomentSpan):
            return _constant(_of_spans(operator, left, right))
        return comparison(_MIRRORED[operator], right, left)
    if not isinstance(right, MomentSpan):
        return _instants(operator, left, right)
    if operator in ("=", "<>"):
        within = and_(_instants(">=", left, right.start), _instants("<=", left, right.end))
        return within if operator == "=" else not_(within)
    bound = right.start if operator in ("<", ">=") else right.end
    return _instants(operator, left, bound)


@dataclass(frozen=True, slots=True)
class TemporalPeriod:
    """From one instant through another; `day` marks a date that stands for one instant."""

    start: Instant
    end: Instant

    @classmethod
    def of(cls, moment: Moment) -> Self:
        if isinstance(moment, MomentSpan):
            return cls(moment.start, moment.end)
        return cls(moment, moment)

    @classmethod
    def between(cls, start: Moment | None, end: Moment | None, field: str) -> Self:
        """None leaves an end open. Raises InvalidInput for written ends that are out of order."""
        first: Instant = FIRST if start is None else TemporalPeriod.of(start).start
        last: Instant = LAST if end is None else TemporalPeriod.of(end).end
        if isinstance(first, datetime) and isinstance(last, datetime) and first > last:
            raise InvalidInput(field, "has an interval that ends before it starts")
        return cls(first, last)


Relation: TypeAlias = Callable[[TemporalPeriod, TemporalPeriod], Condition]


def _disjoint(a: TemporalPeriod, b: TemporalPeriod) -> Condition:
    return or_(_instants("<", a.end, b.start), _instants(">", a.start, b.end))


def _intersects(a: TemporalPeriod, b: TemporalPeriod) -> Condition:
    return and_(_instants(">=", a.end, b.start), _instants("<=", a.start, b.end))


def _ends(starts: str, ends: str) -> Relation:
    """How the two starts compare, and how the two ends."""
    return lambda a, b: and_(_instants(starts, a.start, b.start), _instants(ends, a.end, b.end))


def _overlaps(a: TemporalPeriod, b: TemporalPeriod) -> Condition:
    return and_(
        _instants("<", a.start, b.start),
        _instants(">", a.end, b.start),
        _instants("<", a.end, b.end),
    )


RELATIONS: dict[str, Relation] = {
    "t_after": lambda a, b: _instants(">", a.start, b.end),
    "t_before": lambda a, b: _instants("<", a.end, b.start),
    "t_contains": _ends("<", ">"),
    "t_disjoint": _disjoint,
    "t_during": _ends(">", "<"),
    "t_equals": _ends("=", "="),
    "t_finishedby": _ends("<", "="),
    "t_finishes": _ends(">", "="),
    "t_intersects": _intersects,
    "t_meets": lambda a, b: _instants("=", a.end, b.start),
    "t_metby": lambda a, b: _instants("=", a.start, b.end),
    "t_overlappedby": lambda a, b: _overlaps(b, a),
    "t_overlaps": _overlaps,
    "t_startedby": _ends("=", ">"),
    "t_starts": _ends("=", "<"),
}


def _instants(operator: str, left: Instant, right: Instant) -> Condition:
    if isinstance(left, datetime):
        if isinstance(right, datetime):
            return _constant(_of_spans(operator, MomentSpan(left, left), MomentSpan(right, right)))
        return _instants(_MIRRORED[operator], right, left)
    if isinstance(right, datetime):
        return _against_written(operator, left, right)
    cut: Condition = COMPARISONS[operator](
        func.date_trunc("second", left), func.date_trunc("second", right)
    )
    return cut


def _against_written(operator: str, column: Column, moment: datetime) -> Condition:
    """The column cut to the second against a moment, said of the whole column."""
    if operator == ">=":
        return column >= _bound(second_ceiling(moment))
    if operator == "<":
        return column < _bound(second_ceiling(moment))
    if moment >= LAST:
        return _always(column) if operator in ("<=", "<>") else _never(column)
    if operator in ("<=", ">"):
        after = _bound(second_floor(moment) + SECOND)
        return column < after if operator == "<=" else column >= after
    whole = second_floor(moment) == moment
    second = (
        and_(column >= _bound(moment), column < _bound(moment + SECOND))
        if whole
        else _never(column)
    )
    return second if operator == "=" else not_(second)


def _always(column: Column) -> Condition:
    """True of whatever is known; of an unknown moment nothing can be said."""
    same: Condition = column == column
    return same


def _never(column: Column) -> Condition:
    other: Condition = column != column
    return other


def _bound(moment: datetime) -> ColumnElement[datetime]:
    return literal(moment, DateTime(timezone=True))


def _of_spans(operator: str, left: MomentSpan, right: MomentSpan) -> bool:
    if operator in ("=", "<>"):
        return (left == right) is (operator == "=")
    first = left.start if operator in (">", ">=") else left.end
    second = right.end if operator in (">", "<=") else right.start
    return bool(COMPARISONS[operator](first, second))


def _constant(value: bool) -> Condition:
    return true() if value else false()
