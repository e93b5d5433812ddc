"""Rows of a collection as GeoJSON features, made by PostgreSQL."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column, Select, select
from sqlalchemy.sql import visitors

from mapservice.db.engine import fill, object_text, value_text
from mapservice.db.tables import initiative
from mapservice.initiatives.exports import FEATURE, PAGE
from mapservice.initiatives.facts import FACT_COLUMNS
from mapservice.ogc.model import CRS84, SortKey
from mapservice.ogc.parameters import ItemsCursor, ItemsRequest
from mapservice.ogc.selection import NAMED_BY, CollectionSource, ordering

# Columns of a row that are no properties.
INNER = ("feature_id", "shape")
# Names are looked up once for each commune of the page, and put into its features as JSON.
CHOSEN_FIRST = """
    WITH initiative AS MATERIALIZED ({chosen}),
         commune_names AS (
             SELECT jsonb_object_agg(code, to_json(name)::text) AS names
               FROM territory
              WHERE level = 'commune'
                AND code = ANY(ARRAY(SELECT DISTINCT commune FROM initiative))),
         region_names AS (
             SELECT jsonb_object_agg(code, to_json(name)::text) AS names
               FROM territory
              WHERE level = 'region')
    {rows}"""


@dataclass(frozen=True, slots=True)
class ItemsPage:
    """Features as JSON joined by commas (UTF-8), how many, and where the next page begins.

    `matched` is how many there are in all, None where it was not counted.
    """

    features: bytes
    returned: int
    matched: int | None
    next: ItemsCursor | None


def rows_of(source: CollectionSource, request: ItemsRequest) -> Select[Any]:
    """One row a feature, in order: its id, shape and sort keys, and the properties asked for."""
    names = request.names
    source = replace(source, keys=source.page_keys)
    return (
        select(
            source.keys[request.collection.identifier].label("feature_id"),
            source.target.shown.label("shape"),
            *(source.keys[key.name].label(name) for name, key in _named(request.order)),
            *(one for one in source.properties if names is None or one.name in names),
        )
        .select_from(source.page)
        .order_by(*ordering(source, request.order))
    )


def as_features(request: ItemsRequest, rows: Select[Any], statement: str) -> str:
    """SQL that yields `id`, sort keys and `feature` of each row that a statement yields.

    `rows` is what the statement was made of: it names the properties.
    """
    columns = dict(rows.selected_columns.items())
    keys = [name for name, _ in _named(request.order)]
    # EPSG:4326 with longitude first, turned into the axes that the CRS's authority prescribes.
    shape = (
        "shape" if request.crs.srid == CRS84.srid else f"ST_Transform(shape, {request.crs.srid})"
    )
    if request.crs.north_first:
        shape = f"ST_FlipCoordinates({shape})"
    geometry = f"ST_AsGeoJSON({shape}, {request.crs.decimals}, 0)"
    texts = {
        "id": "feature_id",
        "id_text": value_text("feature_id", columns["feature_id"]),
        "geometry": geometry if request.shapes else "NULL",
        "keys": ", ".join(keys),
        "properties": object_text(
            ((name, column) for name, column in columns.items() if name not in (*INNER, *keys)),
            FACT_COLUMNS,
        ),
        "rows": statement,
    }
    return fill(FEATURE, texts)


def paged(request: ItemsRequest, features: str) -> str:
    """SQL of a page: each feature with its sort keys as texts."""
    texts = ", ".join(f"text({name})" for name, _ in _named(request.order))
    return fill(PAGE, {"keys": texts, "features": features})


def items_page(
    features: Sequence[bytes],
    keys: Callable[[int], Sequence[str | None]],
    limit: int,
    matched: int | None,
) -> ItemsPage:
    """From rows of `paged`, one more than the limit if there are more; `keys` are those of one."""
    shown = features[:limit]
    beyond = ItemsCursor.after(keys(limit - 1)) if len(features) > limit else None
    return ItemsPage(b",".join(shown), len(shown), matched, beyond)


def _named(order: Sequence[SortKey]) -> Iterator[tuple[str, SortKey]]:
    """The keys of an order, each with a name that no property has."""
    return ((f"sort_key_{number}", key) for number, key in enumerate(order))


def own_columns(rows: Select[Any]) -> str:
    """SQL that names the columns of initiatives which these rows are made of."""
    read = {
        one.name
        for column in rows.selected_columns
        for one in visitors.iterate(column)
        if isinstance(one, Column) and one.table is initiative
    }
    return ", ".join(f"initiative.{name}" for name in sorted(read | NAMED_BY))


def chosen_first(chosen: str, rows: str) -> str:
    """Initiatives are chosen first: the CTE takes the place of the table that it is named for."""
    return fill(CHOSEN_FIRST, {"chosen": chosen, "rows": rows})
