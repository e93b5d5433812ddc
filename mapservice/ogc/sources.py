"""What each collection is in SQL: where its rows come from, its properties, its geometry."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    FromClause,
    Integer,
    Label,
    Numeric,
    Text,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
    type_coerce,
)

from mapservice.db.json_text import RawJson
from mapservice.db.tables import initiative, territory
from mapservice.initiatives import exports
from mapservice.initiatives.conditions import envelope
from mapservice.ogc.conditions import Bounds, CollectionColumns, Condition
from mapservice.ogc.model import ItemsCollection
from mapservice.territories.coordinates import BBox
from mapservice.territories.model import Level

# What leads to the names of an initiative's territories, and how a page finds them that
# `features.chosen_first` makes.
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
    if collection.level is None:
        return _initiatives(collection, base_url)
    return _territories(collection, collection.level)


def _initiatives(collection: ItemsCollection, base_url: str) -> CollectionSource:
    shown = exports.properties(base_url)
    own = {one.name: one.element if isinstance(one, Label) else one for one in shown}
    moments = {name: initiative.c[name] for name in ("created_at", "updated_at")}
    keys: dict[str, ColumnElement[Any]] = own | moments | {"cell": initiative.c.cell}
    anchor = _as_text(initiative.c.anchor)
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
        page_keys=keys | {name: _unquoted(one) for name, one in NAMES.items()},
    )


def _unquoted(name: Label[Any]) -> ColumnElement[Any]:
    """The text that a JSON string stands for."""
    return cast(name.element, JSON).op("#>>", return_type=Text())(literal_column("'{}'"))


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
        own |= _figures(counts, places)
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


def _figures(counts: FromClause, places: FromClause) -> dict[str, ColumnElement[Any]]:
    """Zero where nothing was found; null where the question makes no sense."""
    initiatives = func.coalesce(counts.c.initiatives, 0)
    inhabitants = cast(func.nullif(places.c.population, 0), Numeric)
    return {
        "initiatives": cast(initiatives, Integer),
        "supporters": cast(func.coalesce(counts.c.supporters, 0), Integer),
        "per_10000_inhabitants": func.round(10_000 * initiatives / inhabitants, 2),
    }


def _as_text(geometry: ColumnElement[Any]) -> ColumnElement[Any]:
    """Typed as text, lest GeoAlchemy2 turn it into EWKB on its way to a function."""
    return type_coerce(geometry, Text)
