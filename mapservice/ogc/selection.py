"""What a collection is in SQL, and which of its items a request selects.

`source_of` says where the rows of a collection come from, its properties and its geometry;
`selected`, `ordering` and `parts` say which of them a request asks for, in which order, and after
which one its page begins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    Integer,
    Label,
    Numeric,
    Text,
    and_,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from mapservice.db.engine import RawJson
from mapservice.db.tables import initiative, territory
from mapservice.errors import InvalidInput
from mapservice.initiatives import exports
from mapservice.initiatives.conditions import BEFORE_ALL, envelope, recency, where
from mapservice.ogc import gathering_source, temporal
from mapservice.ogc.conditions import (
    Bounds,
    CollectionColumns,
    Condition,
    condition,
    equal,
    spatial,
)
from mapservice.ogc.model import CRS84, AttributeKind, ItemsCollection, SortKey
from mapservice.ogc.parameters import CELL, ItemsRequest
from mapservice.ogc.shapes import FilterGeometry, rectangle
from mapservice.territories.coordinates import BBox
from mapservice.territories.model import Level

LONGEST_ID = 50

# Columns that lead to the names of an initiative's territories, and how these names are read in a
# page made by `features.chosen_first`.
NAMED_BY = frozenset({"commune", "region"})
NAMES = {
    "commune_name": literal_column(
        "(SELECT names FROM commune_names) ->> initiative.commune", RawJson()
    ).label("commune_name"),
    "region_name": literal_column(
        "(SELECT names FROM region_names) ->> initiative.region", RawJson()
    ).label("region_name"),
}


@dataclass(frozen=True, slots=True)
class CollectionSource:
    """`properties` are those of the answer, in order; `keys` are what an order goes by.

    Rows are looked for among `rows`, and shown from `page`, those of one page, where an order goes
    by `page_keys`.
    """

    target: CollectionColumns
    rows: FromClause
    page: FromClause
    properties: tuple[ColumnElement[Any], ...]
    keys: Mapping[str, ColumnElement[Any]]
    page_keys: Mapping[str, ColumnElement[Any]]


@lru_cache(maxsize=64)
def source_of(collection: ItemsCollection, base_url: str) -> CollectionSource:
    """Built once for each address that the service is called by."""
    if collection.gathering is not None:
        source = gathering_source.SOURCES[collection.gathering]
        known = source.columns(base_url)
        return CollectionSource(
            target=source.target(collection, known),
            rows=source.rows,
            page=source.rows,
            properties=source.properties(collection, known),
            keys=known,
            page_keys=known,
        )
    if collection.level is None:
        return _initiatives(collection, base_url)
    return _territories(collection, collection.level)


def _initiatives(collection: ItemsCollection, base_url: str) -> CollectionSource:
    # The schema of a collection is closed: what only some sources say has no place in it.
    shown = [one for one in exports.properties(base_url) if one.name != "attributes"]
    own = {one.name: one.element if isinstance(one, Label) else one for one in shown}
    moments = {name: initiative.c[name] for name in ("created_at", "updated_at")}
    keys: dict[str, ColumnElement[Any]] = own | moments | {"cell": initiative.c.cell}
    anchor = _as_text(initiative.c.anchor)
    # An order goes by the text that a name's JSON string stands for.
    unquoted: dict[str, ColumnElement[Any]] = {
        name: cast(one.element, JSON).op("#>>", return_type=Text())(literal_column("'{}'"))
        for name, one in NAMES.items()
    }
    return CollectionSource(
        target=CollectionColumns(
            collection,
            columns=own | moments | {"id": cast(initiative.c.id, Text)},
            geometries={4326: anchor, 3857: _as_text(initiative.c.anchor_3857)},
            shown=exports.POINT,
            held_in=_anchored_in,
        ),
        rows=exports.with_names(),
        page=initiative,
        properties=tuple(NAMES.get(one.name, one) for one in shown),
        keys=keys,
        page_keys=keys | unquoted,
    )


def _anchored_in(bounds: Bounds) -> Condition:
    west, south, east, north = bounds
    box = BBox(max(west, -180.0), south, min(east, 180.0), north)
    return initiative.c.anchor_3857.op("&&")(envelope(box))


def _territories(collection: ItemsCollection, level: Level) -> CollectionSource:
    # Spelt out rather than bound: partial indexes are chosen by it.
    of_level = territory.c.level == literal_column(f"'{level}'")
    places = select(territory).where(of_level).subquery("place")
    own: dict[str, ColumnElement[Any]] = {one.name: one for one in places.c}
    rows: FromClause = places
    if collection.counted:
        counts = table(
            "counts",
            column("code", Text),
            column("initiatives", Numeric),
            column("supporters", Numeric),
        )
        rows = places.outerjoin(counts, counts.c.code == places.c.code)
        # Zero where nothing was found; null where the question makes no sense.
        initiatives = func.coalesce(counts.c.initiatives, 0)
        inhabitants = cast(func.nullif(places.c.population, 0), Numeric)
        own |= {
            "initiatives": cast(initiatives, Integer),
            "supporters": cast(func.coalesce(counts.c.supporters, 0), Integer),
            "per_10000_inhabitants": func.round(10_000 * initiatives / inhabitants, 4),
        }
    outline = _as_text(places.c.outline)
    return CollectionSource(
        target=CollectionColumns(
            collection,
            columns=own,
            geometries={4326: outline, 3857: _as_text(places.c.outline_3857)},
            shown=outline,
            held_in=lambda bounds: outline.op("&&")(func.ST_MakeEnvelope(*bounds, 4326)),
        ),
        rows=rows,
        page=rows,
        properties=tuple(own[one.name].label(one.name) for one in collection.attributes),
        keys=own,
        page_keys=own,
    )


def _as_text(geometry: ColumnElement[Any]) -> ColumnElement[Any]:
    """Typed as text, lest GeoAlchemy2 turn it into EWKB on its way to a function."""
    return type_coerce(geometry, Text)


def selected(target: CollectionColumns, request: ItemsRequest) -> list[Condition]:
    """Conditions that must all hold.

    The filter grammar selects initiatives; of territories it selects by the box alone, as its
    other parameters say what is counted. Without the parameter `status` the same initiatives are
    listed whatever `filter` says: a filter only narrows.
    """
    filters = request.filters
    conditions: list[Condition] = []
    if request.collection.gathering is not None:
        source = gathering_source.SOURCES[request.collection.gathering]
        conditions += source.selected(filters, request.span)
    elif request.collection.level is None:
        conditions += where(filters)
    elif filters.bbox:
        halves = (
            FilterGeometry.of(rectangle(part.west, part.south, part.east, part.north), CRS84)
            for part in filters.bbox.parts()
        )
        conditions.append(or_(*(spatial(target, "ST_Intersects", half) for half in halves)))
    if box := request.box:
        shape = FilterGeometry.of(rectangle(box.west, box.south, box.east, box.north), box.crs)
        conditions.append(spatial(target, "ST_Intersects", shape))
    if request.span and request.collection.is_initiatives:
        asked = temporal.TemporalPeriod.of(request.span)
        dated = temporal.RELATIONS["t_intersects"](temporal.TemporalPeriod.of(recency()), asked)
        # Without a known day, the year or month is compared, if even that is known; what has no
        # time at all matches any (OGC API Features 1.0.1, /req/core/fc-time-response, C).
        period = initiative.c.created_period
        first, last = (
            func.left(literal(end.date().isoformat()), func.length(period))
            for end in (request.span.start, request.span.end)
        )
        undated = or_(period.is_(None), and_(period >= first, period <= last))
        conditions.append(or_(dated, and_(recency() == BEFORE_ALL, undated)))
    conditions += [
        equal(target, one.attribute.name, one.attribute.kind, one.value) for one in request.equal
    ]
    if request.expression:
        conditions.append(condition(target, request.expression))
    return conditions


def ordering(source: CollectionSource, order: Sequence[SortKey]) -> list[ColumnElement[Any]]:
    """What is unknown comes last; else a plain order, so that an index can give it."""
    columns: list[ColumnElement[Any]] = []
    for key in order:
        if _is_recent(source, key):
            columns.append(recency().desc())
            continue
        column = source.keys[key.name]
        ordered = column.desc() if key.descending else column.asc()
        columns.append(ordered.nulls_last() if _is_nullable(source, key) else ordered)
    return columns


def _is_recent(source: CollectionSource, key: SortKey) -> bool:
    """Newest first, which indexes hold with what is unknown last."""
    is_initiative = source.target.collection.is_initiatives
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
    attribute = source.target.collection.attribute(first.name)
    is_moment = attribute is not None and attribute.kind is AttributeKind.MOMENT
    if not (is_moment and _is_nullable(source, first)) or _is_recent(source, first):
        return [SelectionPart(after(source, request), whole)]
    column = source.keys[first.name]
    plain = column.desc() if first.descending else column.asc()
    known = SelectionPart([column.is_not(None)], [plain, *whole[1:]])
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


def _is_nullable(source: CollectionSource, key: SortKey) -> bool:
    attribute = source.target.collection.attribute(key.name)
    return attribute is not None and attribute.nullable


def after(source: CollectionSource, request: ItemsRequest) -> list[Condition]:
    """Beyond the row of the request's cursor, by keyset: no page depends on how many there are."""
    if request.cursor is None:
        return []
    steps = _steps(source, request)
    one_way = len({key.descending for key in request.order}) == 1
    # Newest first, what is unknown stands for a moment before all others.
    may_lack = any(
        _is_nullable(source, key) and not _is_recent(source, key) for key in request.order
    )
    if one_way and not may_lack:
        return [_in_one_step(steps)]
    return [_beyond(steps)]


_Step = tuple[bool, ColumnElement[Any], ColumnElement[Any] | None]


def _steps(source: CollectionSource, request: ItemsRequest) -> list[_Step]:
    """Each key's direction, what it goes by, and the cursor's value of it (None: unknown)."""
    assert request.cursor is not None
    steps: list[_Step] = []
    for key, value in zip(request.order, request.cursor.values, strict=True):
        column, bound = source.keys[key.name], _bound(source, key.name, value)
        if _is_recent(source, key):
            column, bound = recency(), BEFORE_ALL if bound is None else bound
        steps.append((key.descending, column, bound))
    return steps


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
