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
    "t_disjoint": lambda a, b: or_(_instants("<", a.end, b.start), _instants(">", a.start, b.end)),
    "t_during": _ends(">", "<"),
    "t_equals": _ends("=", "="),
    "t_finishedby": _ends("<", "="),
    "t_finishes": _ends(">", "="),
    "t_intersects": lambda a, b: and_(
        _instants(">=", a.end, b.start), _instants("<=", a.start, b.end)
    ),
    "t_meets": lambda a, b: _instants("=", a.end, b.start),
    "t_metby": lambda a, b: _instants("=", a.start, b.end),
    "t_overlappedby": lambda a, b: _overlaps(b, a),
    "t_overlaps": _overlaps,
    "t_startedby": _ends("=", ">"),
    "t_starts": _ends("=", "<"),
}


def _instants(operator: str, left: Instant, right: Instant) -> Condition:
    """Two instants, to the second; with an unknown one, the comparison is unknown."""
    if isinstance(left, datetime):
        if isinstance(right, datetime):
            return _constant(_of_spans(operator, MomentSpan(left, left), MomentSpan(right, right)))
        return _instants(_MIRRORED[operator], right, left)
    if not isinstance(right, datetime):
        cut: Condition = COMPARISONS[operator](
            func.date_trunc("second", left), func.date_trunc("second", right)
        )
        return cut
    # Against a written instant: what holds of the column cut to the second, said of the bare
    # column, so that an index can answer.
    if operator == ">=":
        return left >= _bound(second_ceiling(right))
    if operator == "<":
        return left < _bound(second_ceiling(right))
    if right >= LAST:
        # No second comes after it: true or false of every known moment.
        known: Condition = left == left
        return known if operator in ("<=", "<>") else _never(left)
    if operator in ("<=", ">"):
        after = _bound(second_floor(right) + SECOND)
        return left < after if operator == "<=" else left >= after
    if second_floor(right) == right:
        equal = and_(left >= _bound(right), left < _bound(right + SECOND))
    else:
        equal = _never(left)
    return equal if operator == "=" else not_(equal)


def _never(column: Column) -> Condition:
    """False of every known moment, and unknown of an unknown one."""
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
