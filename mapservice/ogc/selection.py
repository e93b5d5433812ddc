"""Which items a request selects, in which order, and after which one its page begins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Numeric,
    Text,
    and_,
    func,
    literal,
    or_,
    tuple_,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from mapservice.db.tables import initiative
from mapservice.errors import InvalidInput
from mapservice.initiatives.conditions import BEFORE_ALL, recency, where
from mapservice.ogc import temporal
from mapservice.ogc.conditions import CollectionColumns, Condition, condition, equal, spatial
from mapservice.ogc.model import CRS84, AttributeKind, SortKey
from mapservice.ogc.moments import MomentSpan
from mapservice.ogc.parameters import CELL, ItemsRequest, ProjectedBox
from mapservice.ogc.shapes import FilterGeometry, rectangle
from mapservice.ogc.sources import CollectionSource
from mapservice.territories.coordinates import BBox

LONGEST_ID = 50

_Step = tuple[bool, ColumnElement[Any], ColumnElement[Any] | None]


def selected(target: CollectionColumns, request: ItemsRequest) -> list[Condition]:
    """Conditions that must all hold."""
    equals = [
        equal(target, one.attribute.name, one.attribute.kind, one.value) for one in request.equal
    ]
    return [
        *_by_grammar(target, request),
        *_by_box(target, request.box),
        *_by_span(request),
        *equals,
        *([condition(target, request.expression)] if request.expression else []),
    ]


def _by_grammar(target: CollectionColumns, request: ItemsRequest) -> list[Condition]:
    """Of initiatives, all of it; of territories the box alone: the rest says what is counted.

    What is listed without the parameter `status` does not depend on a filter: that only narrows.
    """
    filters = request.filters
    if request.collection.level is not None:
        return [_in_degrees(target, filters.bbox)] if filters.bbox else []
    return where(filters)


def _in_degrees(target: CollectionColumns, bbox: BBox) -> Condition:
    halves = (
        FilterGeometry.of(rectangle(part.west, part.south, part.east, part.north), CRS84)
        for part in bbox.parts()
    )
    return or_(*(spatial(target, "ST_Intersects", half) for half in halves))


def _by_box(target: CollectionColumns, box: ProjectedBox | None) -> list[Condition]:
    if box is None:
        return []
    shape = FilterGeometry.of(rectangle(box.west, box.south, box.east, box.north), box.crs)
    return [spatial(target, "ST_Intersects", shape)]


def _by_span(request: ItemsRequest) -> list[Condition]:
    if request.span is None or request.collection.temporal is None:
        return []
    period = temporal.TemporalPeriod.of(request.span)
    dated = temporal.RELATIONS["t_intersects"](temporal.TemporalPeriod.of(recency()), period)
    return [or_(dated, and_(recency() == BEFORE_ALL, _may_lie_in(request.span)))]


def _may_lie_in(span: MomentSpan) -> Condition:
    """Of what has no known day: whether its year or month meets a span, if even that is known.

    What has no time at all matches any: OGC API Features 1.0.1, /req/core/fc-time-response, C.
    """
    period = initiative.c.created_period
    first, last = (
        func.left(literal(end.date().isoformat()), func.length(period))
        for end in (span.start, span.end)
    )
    return or_(period.is_(None), and_(period >= first, period <= last))


def ordering(source: CollectionSource, order: Sequence[SortKey]) -> list[ColumnElement[Any]]:
    """What is unknown comes last; else a plain order, so that an index can give it."""
    return [_ordered(source, key) for key in order]


def _ordered(source: CollectionSource, key: SortKey) -> ColumnElement[Any]:
    if _is_recent(source, key):
        return recency().desc()
    column = source.keys[key.name]
    ordered = column.desc() if key.descending else column.asc()
    return ordered.nulls_last() if _is_nullable(source, key) else ordered


def _is_recent(source: CollectionSource, key: SortKey) -> bool:
    """Newest first, which indexes hold with what is unknown last."""
    is_initiative = source.target.collection.level is None
    return is_initiative and key.descending and key.name == "created_at"


@dataclass(frozen=True, slots=True)
class SelectionPart:
    """Some of the rows of a request, in its order: those that a condition keeps."""

    conditions: list[Condition]
    order: list[ColumnElement[Any]]


def parts(source: CollectionSource, request: ItemsRequest) -> list[SelectionPart]:
    """The rows beyond the request's cursor, in one part or two that follow each other.

    Two where the order begins with a moment that may be unknown: either is a range of an index,
    both together are none. No page depends on how many come before it.
    """
    first, cursor = request.order[0], request.cursor
    whole = ordering(source, request.order)
    if not _is_moment(source, first) or _is_recent(source, first):
        return [SelectionPart(after(source, request), whole)]
    column = source.keys[first.name]
    known = SelectionPart([column.is_not(None)], [_plainly(column, first), *whole[1:]])
    unknown = SelectionPart([column.is_(None)], whole[1:])
    if cursor is None:
        return [known, unknown]
    steps = _steps(source, request)
    if cursor.values[0] is None:
        beyond = [_beyond(steps[1:])] if len(steps) > 1 else []
        return [replace(unknown, conditions=[*unknown.conditions, *beyond])]
    rest = request.order[1:]
    if {key.descending for key in rest} == {first.descending} and not any(
        _is_nullable(source, key) for key in rest
    ):
        return [replace(known, conditions=[_in_one_step(steps)]), unknown]
    return [replace(known, conditions=[*known.conditions, _beyond(steps)]), unknown]


def _is_moment(source: CollectionSource, key: SortKey) -> bool:
    attribute = source.target.collection.attribute(key.name)
    return attribute is not None and attribute.nullable and attribute.kind is AttributeKind.MOMENT


def _plainly(column: ColumnElement[Any], key: SortKey) -> ColumnElement[Any]:
    return column.desc() if key.descending else column.asc()


def _is_nullable(source: CollectionSource, key: SortKey) -> bool:
    attribute = source.target.collection.attribute(key.name)
    return attribute is not None and attribute.nullable


def after(source: CollectionSource, request: ItemsRequest) -> list[Condition]:
    """Beyond the row of the request's cursor, by keyset: no page depends on how many there are."""
    if request.cursor is None:
        return []
    steps = _steps(source, request)
    one_way = len({key.descending for key in request.order}) == 1
    if one_way and not any(_may_lack(source, key) for key in request.order):
        return [_in_one_step(steps)]
    return [_beyond(steps)]


def _steps(source: CollectionSource, request: ItemsRequest) -> list[_Step]:
    """Each key's direction, what it goes by, and the cursor's value of it (None: unknown)."""
    assert request.cursor is not None
    return [
        _step(source, key, value)
        for key, value in zip(request.order, request.cursor.values, strict=True)
    ]


def _step(source: CollectionSource, key: SortKey, value: Any) -> _Step:
    if _is_recent(source, key):
        bound = _bound(source, key.name, value)
        return key.descending, recency(), BEFORE_ALL if bound is None else bound
    return key.descending, source.keys[key.name], _bound(source, key.name, value)


def _may_lack(source: CollectionSource, key: SortKey) -> bool:
    return _is_nullable(source, key) and not _is_recent(source, key)


def _in_one_step(steps: Sequence[_Step]) -> Condition:
    """Of one direction, and all known: a range of an index."""
    columns = tuple_(*(column for _, column, _ in steps))
    values = tuple_(*(value for _, _, value in steps))
    return columns < values if steps[0][0] else columns > values


def _beyond(steps: Sequence[_Step]) -> Condition:
    """After a row in an order of mixed directions, with what is unknown last."""
    (descending, column, value), *rest = steps
    if value is None:
        return and_(column.is_(None), _beyond(rest))
    further = or_(column < value if descending else column > value, column.is_(None))
    return or_(further, and_(column == value, _beyond(rest))) if rest else further


def _bound(source: CollectionSource, name: str, value: Any) -> ColumnElement[Any] | None:
    if name == CELL.name:
        return literal(value, BigInteger)
    attribute = source.target.collection.attribute(name)
    if value is None or attribute is None:
        return None
    if name == source.target.collection.identifier:
        return identified(source, value, "cursor")
    if attribute.kind is AttributeKind.MOMENT:
        return literal(value, DateTime(timezone=True))
    return literal(value, Numeric if attribute.kind is AttributeKind.NUMBER else None)


def identified(source: CollectionSource, text: str, field: str) -> ColumnElement[Any]:
    """Bound as the type of the id. Raises InvalidInput for a text that cannot be one."""
    if source.target.collection.level is None:
        return literal(identity(text, field), PG_UUID)
    if not text.isprintable() or len(text) > LONGEST_ID:
        raise InvalidInput(field, "is not an identifier")
    return literal(text, Text)


def identity(text: str, field: str) -> UUID:
    """The id of an initiative. Raises InvalidInput for a text that cannot be one."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(field, "is not an identifier") from None
