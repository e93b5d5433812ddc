"""Items of a collection: pages, one of them, counts; PostgreSQL makes the JSON."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Text, cast, func, literal_column, select

from mapservice.activity import queries as activity
from mapservice.activity.model import Scope
from mapservice.db.tables import initiative
from mapservice.db.text import compiled, fill
from mapservice.errors import InvalidInput, NotFound
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.exports import FEATURE, JOINED
from mapservice.initiatives.filters import Filters
from mapservice.initiatives.model import PUBLIC
from mapservice.ogc.conditions import Condition
from mapservice.ogc.cursors import Cursor
from mapservice.ogc.model import CRS84, Collection, Crs
from mapservice.ogc.parameters import ItemsRequest
from mapservice.ogc.selection import after, identified, ordering, selected
from mapservice.ogc.sources import Source, source_of

# Columns of a row that are no properties.
INNER = ("feature_id", "shape", "sort_key")


@dataclass(frozen=True, slots=True)
class ItemsPage:
    """Features as JSON text joined by commas, how many, and where the next page begins.

    `matched` is how many there are in all, None where it was not counted.
    """

    features: str
    returned: int
    matched: int | None
    next: Cursor | None


def items(connection: Connection, request: ItemsRequest, base_url: str) -> ItemsPage:
    """One page. The first one also counts all that match; no page needs that count."""
    source = source_of(request.collection, base_url)
    where = selected(source.target, request)
    matched = None
    if request.hits or request.cursor is None:
        matched = _matched(connection, source, request, where)
    if request.hits:
        return ItemsPage("", 0, matched, None)
    statement, values = _feature_sql(source, request, [*where, *after(source, request)])
    text = fill(JOINED, {"features": statement})
    row = connection.exec_driver_sql(text, values | {"size": request.limit}).one()
    joined, returned, keys, _, more = row
    return ItemsPage(joined, returned, matched, Cursor.after(keys) if more else None)


def item(
    connection: Connection,
    collection: Collection,
    identifier: str,
    base_url: str,
    crs: Crs = CRS84,
    *,
    shapes: bool = True,
) -> str:
    """One feature as JSON text, archived ones too. Raises NotFound."""
    source = source_of(collection, base_url)
    visible = Filters(status=PUBLIC)
    request = ItemsRequest(collection, visible, order=collection.order, crs=crs, shapes=shapes)
    where = [*selected(source.target, request), _has_id(source, identifier)]
    statement, values = _feature_sql(source, request, where)
    only = fill("SELECT feature FROM ({features}) AS made", {"features": statement})
    feature = connection.exec_driver_sql(only, values).scalar_one_or_none()
    if feature is None:
        raise NotFound(f"There is no item {identifier[:50]!r} in {collection.id}.")
    return str(feature)


def first_created(connection: Connection) -> datetime | None:
    """When the oldest of the initiatives that are listed was created; None without any."""
    query = (
        select(initiative.c.created_at)
        .where(*initiatives.where(Filters()))
        .order_by(initiative.c.created_at, initiative.c.id)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def _matched(
    connection: Connection, source: Source, request: ItemsRequest, where: list[Condition]
) -> int:
    if request.collection.level is None and request.is_plain:
        return activity.total(connection, request.filters)
    query = select(func.count()).select_from(source.rows).where(*where)
    statement, values = _with_counts(*compiled(query), request)
    return int(connection.exec_driver_sql(statement, values).scalar_one())


def _rows(source: Source, request: ItemsRequest) -> Select[Any]:
    """One row a feature, in order: its id, shape and sort key, and the properties asked for."""
    names = request.names
    keys = [func.text(source.keys[key.name]) for key in request.order]
    return (
        select(
            source.keys[request.collection.identifier].label("feature_id"),
            source.target.shown.label("shape"),
            cast(func.json_build_array(*keys), Text).label("sort_key"),
            *(one for one in source.properties if names is None or one.name in names),
        )
        .select_from(source.rows)
        .order_by(*ordering(source, request.order))
    )


def _has_id(source: Source, identifier: str) -> Condition:
    try:
        value = identified(source, identifier, "id")
    except InvalidInput:
        raise NotFound(f"There is no item {identifier[:50]!r}.") from None
    return source.keys[source.target.collection.identifier] == value


def _feature_sql(
    source: Source, request: ItemsRequest, where: list[Condition]
) -> tuple[str, dict[str, Any]]:
    """One row more than the page is asked for: it tells whether there is a next page."""
    rows = _rows(source, request)
    names = [column.name for column in rows.selected_columns if column.name not in INNER]
    statement, values = _limited(source, request, rows, where)
    texts = {
        "id": "feature_id",
        "geometry": _geometry("shape", request.crs) if request.shapes else "NULL",
        "properties": ", ".join(f"'{name}', {name}" for name in names),
        "rows": statement,
    }
    return fill(FEATURE, texts), values


def _limited(
    source: Source, request: ItemsRequest, rows: Select[Any], where: list[Condition]
) -> tuple[str, dict[str, Any]]:
    """The rows of one page.

    Initiatives are chosen first: names and texts are looked up for those of the page alone. The
    CTE takes the place of the table that it is named for.
    """
    if request.collection.level is not None:
        page = rows.where(*where).limit(request.limit + 1)
        return _with_counts(*compiled(page), request)
    chosen: Select[Any] = (
        select(literal_column("initiative.*"))
        .select_from(source.rows)
        .where(*where)
        .order_by(*ordering(source, request.order))
        .limit(request.limit + 1)
    )
    inner, values = compiled(chosen, "chosen_")
    outer, more = compiled(rows)
    return f"WITH initiative AS ({inner}) {outer}", values | more


def _geometry(column: str, crs: Crs) -> str:
    """SQL of a geometry (EPSG:4326, longitude first) as GeoJSON, axes as the authority has them."""
    turned = column if crs.srid == CRS84.srid else f"ST_Transform({column}, {crs.srid})"
    if crs.north_first:
        turned = f"ST_FlipCoordinates({turned})"
    return f"ST_AsGeoJSON({turned}, {crs.decimals}, 0)"


def _with_counts(
    statement: str, values: dict[str, Any], request: ItemsRequest
) -> tuple[str, dict[str, Any]]:
    """Says what `counts` stands for before a statement that reads it."""
    collection = request.collection
    if not collection.counted or collection.level is None:
        return statement, values
    scope = Scope.of(Filters(**{name: getattr(request.filters, name) for name in COUNTED}))
    counts, more = activity.counts_by_code(collection.level, scope)
    return f"WITH counts AS ({counts}) {statement}", values | more


# What of the filter grammar says which initiatives are counted.
COUNTED = ("theme", "status", "since", "until")
