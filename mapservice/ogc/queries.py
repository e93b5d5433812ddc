"""Items of a collection: pages, one of them, counts; PostgreSQL makes the JSON."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, text

from mapservice.db.tables import initiative
from mapservice.db.text import compiled, fill
from mapservice.errors import InvalidInput, NotFound
from mapservice.initiatives.conditions import where
from mapservice.initiatives.filters import InitiativeFilters
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
from mapservice.ogc.selection import SelectionPart, identified, ordering, parts, selected
from mapservice.ogc.sources import CollectionSource, source_of
from mapservice.rollups import queries as activity
from mapservice.rollups.model import RollupScope


def items(connection: Connection, request: ItemsRequest, base_url: str) -> ItemsPage:
    """One page. The first one also counts all that match; no page needs that count."""
    if boxes.is_boxed(request) and not request.hits:
        return boxes.items(connection, request, base_url)
    matched = None
    if request.hits or request.cursor is None:
        matched = _matched(connection, request, base_url)
    if request.hits:
        return ItemsPage(b"", 0, matched, None)
    rows = _page(connection, request, base_url)
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
    visible = InitiativeFilters(status=PUBLIC) if collection.level is None else InitiativeFilters()
    request = ItemsRequest(collection, visible, order=collection.order, crs=crs, shapes=shapes)
    where = [*selected(source.target, request), _has_id(source, identifier)]
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


def _page(connection: Connection, request: ItemsRequest, base_url: str) -> Sequence[Sequence[Any]]:
    """The rows of `features.paged`: one more than the page is asked for, if there are more."""
    source = source_of(request.collection, base_url)
    rows: list[Sequence[Any]] = []
    for part in parts(source, request):
        wanted = replace(request, limit=request.limit - len(rows))
        where = [*selected(source.target, request), *part.conditions]
        statement, values = _feature_sql(source, wanted, where, part)
        rows += connection.exec_driver_sql(paged(request, statement), values).all()
        if len(rows) > request.limit:
            break
    return rows


def _matched(connection: Connection, request: ItemsRequest, base_url: str) -> int:
    if request.collection.level is None and request.is_plain:
        if boxes.is_boxed(request):
            return boxes.matched(connection, request)
        return activity.total(connection, request.filters)
    source = source_of(request.collection, base_url)
    where = selected(source.target, request)
    query = select(func.count()).select_from(source.rows).where(*where)
    statement, values = _with_counts(*compiled(query), request)
    return int(connection.exec_driver_sql(statement, values).scalar_one())


def _has_id(source: CollectionSource, identifier: str) -> Condition:
    try:
        value = identified(source, identifier, "id")
    except InvalidInput:
        raise NotFound(f"There is no item {identifier[:50]!r}.") from None
    return source.keys[source.target.collection.identifier] == value


def _feature_sql(
    source: CollectionSource,
    request: ItemsRequest,
    where: list[Condition],
    part: SelectionPart | None = None,
) -> tuple[str, dict[str, Any]]:
    """One row more than the page is asked for: it tells whether there is a next page."""
    rows = rows_of(source, request)
    statement, values = _limited(source, request, rows, where, part)
    return as_features(request, rows, statement), values


def _limited(
    source: CollectionSource,
    request: ItemsRequest,
    rows: Select[Any],
    where: list[Condition],
    part: SelectionPart | None = None,
) -> tuple[str, dict[str, Any]]:
    """The rows of one page."""
    if request.collection.level is not None:
        page = rows.where(*where).limit(request.limit + 1)
        return _with_counts(*compiled(page), request)
    chosen: Select[Any] = (
        select(text(own_columns(rows)))
        .select_from(source.rows)
        .where(*where)
        .order_by(*(part.order if part else ordering(source, request.order)))
        .limit(request.limit + 1)
    )
    inner, values = compiled(chosen, "chosen_")
    outer, more = compiled(rows)
    return chosen_first(inner, outer), values | more


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
