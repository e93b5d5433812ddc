"""The collection `events` in SQL: where its rows come from, and which of them a request selects."""

from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    type_coerce,
)

from mapservice.db.engine import JsonNotNull
from mapservice.db.event_tables import event
from mapservice.db.tables import territory
from mapservice.initiatives.conditions import about, envelope
from mapservice.initiatives.exports import utc_text
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.ogc import temporal
from mapservice.ogc.conditions import Bounds, CollectionColumns, Condition
from mapservice.ogc.model import ItemsCollection
from mapservice.ogc.moments import MomentSpan
from mapservice.territories.coordinates import BBox

# What takes place or took place; what was cancelled or postponed does not.
LISTED = ("published", "moved", "done")
# As the partial indexes of events say it.
IS_LISTED: ColumnElement[bool] = literal_column(
    "event.status IN ('published', 'moved', 'done')", Boolean()
)
MOMENTS = ("starts_at", "ends_at", "updated_at")

_commune = territory.alias("commune_of")
_region = territory.alias("region_of")
ROWS = event.outerjoin(
    _commune, and_(_commune.c.level == "commune", _commune.c.code == event.c.commune)
).outerjoin(_region, and_(_region.c.level == "region", _region.c.code == event.c.region))


def columns(base_url: str) -> dict[str, ColumnElement[Any]]:
    """The columns of attributes by name, moments as such."""
    named = {"commune_name": _commune.c.name, "region_name": _region.c.name}
    url = type_coerce(literal(f"{base_url}/evenements/") + func.text(event.c.id), JsonNotNull())
    own = {"updated_at": event.c.changed_at, "url": url}
    return {**{one.name: one for one in event.c}, **named, **own}


def properties(
    collection: ItemsCollection, known: dict[str, ColumnElement[Any]]
) -> tuple[ColumnElement[Any], ...]:
    """What a feature says, in order; moments in UTC to the second."""
    shown = {name: utc_text(known[name]) for name in MOMENTS}
    return tuple(
        shown.get(one.name, known[one.name]).label(one.name) for one in collection.attributes
    )


def target(collection: ItemsCollection, known: dict[str, ColumnElement[Any]]) -> CollectionColumns:
    """Spatial filters use the anchor, the answer the true point: as of initiatives."""
    return CollectionColumns(
        collection,
        columns=known | {"id": cast(event.c.id, Text)},
        geometries={
            4326: type_coerce(event.c.anchor, Text),
            3857: type_coerce(event.c.anchor_3857, Text),
        },
        shown=type_coerce(event.c.point, Text),
        held_in=_held_in,
    )


def selected(filters: InitiativeFilters, span: MomentSpan | None) -> list[Condition]:
    """Events of a filter; `span` (the parameter `datetime`) meets those under way in it."""
    conditions: list[Condition] = [IS_LISTED, *about(filters, event)]
    if span:
        period = temporal.TemporalPeriod(event.c.starts_at, event.c.ends_at)
        asked = temporal.TemporalPeriod.of(span)
        conditions.append(temporal.RELATIONS["t_intersects"](period, asked))
    return conditions


def _held_in(bounds: Bounds) -> Condition:
    west, south, east, north = bounds
    box = BBox(max(west, -180.0), south, min(east, 180.0), north)
    return event.c.anchor_3857.op("&&")(envelope(box))
