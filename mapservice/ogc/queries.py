"""Items of a collection: pages, one of them, counts; PostgreSQL makes the JSON."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, text

from mapservice.db.engine import compiled, fill
from mapservice.db.tables import initiative
from mapservice.errors import InvalidInput, NotFound
from mapservice.initiatives.conditions import where
from mapservice.initiatives.filters import InitiativeFilters, RollupScope
from mapservice.initiatives.model import PUBLIC
from mapservice.ogc import boxes
from mapservice.ogc.conditions import Condition
from mapservice.ogc.features import (
    ItemsPage,
    as_features,
    chosen_first,
    items_page,
    own_columns,
    paged,
    rows_of,
)
from mapservice.ogc.model import CRS84, ItemsCollection, ReferenceSystem
from mapservice.ogc.parameters import ItemsRequest
from mapservice.ogc.selection import (
    CollectionSource,
    SelectionPart,
    identified,
    ordering,
    parts,
    selected,
    source_of,
)
from mapservice.rollups import queries as activity


def items(connection: Connection, request: ItemsRequest, base_url: str) -> ItemsPage:
    """One page. The first one also counts all that match; no page needs that count."""
    if boxes.is_boxed(request) and not request.hits:
        return boxes.items(connection, request, base_url)
    source = source_of(request.collection, base_url)
    matched = None
    if request.hits or request.cursor is None:
        # What cells or rollups count already is read from them.
        if boxes.is_boxed(request):
            matched = boxes.matched(connection, request)
        elif request.collection.is_initiatives and request.is_plain:
            matched = activity.total(connection, request.filters)
        else:
            query = select(func.count()).select_from(source.rows)
            query = query.where(*selected(source.target, request))
            statement, values = _with_counts(*compiled(query), request)
            matched = int(connection.exec_driver_sql(statement, values).scalar_one())
    if request.hits:
        return ItemsPage(b"", 0, matched, None)
    # One row more than the page holds, if there are more: it tells whether a page follows.
    rows: list[Sequence[Any]] = []
    for part in parts(source, request):
        wanted = replace(request, limit=request.limit - len(rows))
        where = [*selected(source.target, request), *part.conditions]
        statement, values = _feature_sql(source, wanted, where, part)
        rows += connection.exec_driver_sql(paged(request, statement), values).all()
        if len(rows) > request.limit:
            break
    features = [row[0].encode() for row in rows]
    return items_page(features, lambda at: rows[at][1:], request.limit, matched)


def item(
    connection: Connection,
    collection: ItemsCollection,
    identifier: str,
    base_url: str,
    crs: ReferenceSystem = CRS84,
    *,
    shapes: bool = True,
) -> str:
    """One feature as JSON text, an archived initiative too. Raises NotFound."""
    source = source_of(collection, base_url)
    visible = InitiativeFilters(status=PUBLIC) if collection.is_initiatives else InitiativeFilters()
    request = ItemsRequest(collection, visible, order=collection.order, crs=crs, shapes=shapes)
    try:
        value = identified(source, identifier, "id")
    except InvalidInput:
        raise NotFound(f"There is no item {identifier[:50]!r}.") from None
    where = [*selected(source.target, request), source.keys[collection.identifier] == value]
    statement, values = _feature_sql(source, request, where)
    only = fill("SELECT feature FROM ({features}) AS made", {"features": statement})
    feature = connection.exec_driver_sql(only, values).scalar_one_or_none()
    if feature is None:
        raise NotFound(f"There is no item {identifier[:50]!r} in {collection.id}.")
    return str(feature)


def first_created(connection: Connection) -> datetime | None:
    """When the oldest of the initiatives that are listed was created; None if no day is known."""
    query = (
        select(initiative.c.created_at)
        .where(*where(InitiativeFilters()), initiative.c.created_at.is_not(None))
        .order_by(initiative.c.created_at, initiative.c.id)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def _feature_sql(
    source: CollectionSource,
    request: ItemsRequest,
    where: list[Condition],
    part: SelectionPart | None = None,
) -> tuple[str, dict[str, Any]]:
    """One row more than the page is asked for: it tells whether there is a next page."""
    rows = rows_of(source, request)
    if not request.collection.is_initiatives:
        page = rows.where(*where).limit(request.limit + 1)
        statement, values = _with_counts(*compiled(page), request)
        return as_features(request, rows, statement), values
    # Initiatives are chosen by their own columns first; names are looked up for these alone.
    chosen: Select[Any] = (
        select(text(own_columns(rows)))
        .select_from(source.rows)
        .where(*where)
        .order_by(*(part.order if part else ordering(source, request.order)))
        .limit(request.limit + 1)
    )
    inner, values = compiled(chosen, "chosen_")
    outer, more = compiled(rows)
    return as_features(request, rows, chosen_first(inner, outer)), values | more


def _with_counts(
    statement: str, values: dict[str, Any], request: ItemsRequest
) -> tuple[str, dict[str, Any]]:
    """Says what `counts` stands for before a statement that reads it."""
    collection = request.collection
    if not collection.counted or collection.level is None:
        return statement, values
    scope = RollupScope.of(
        InitiativeFilters(**{name: getattr(request.filters, name) for name in COUNTED})
    )
    counts, more = activity.counts_by_code(collection.level, scope)
    return f"WITH counts AS ({counts}) {statement}", values | more


# What of the filter grammar says which initiatives are counted.
COUNTED = ("theme", "status", "since", "until")
