"""The collections `events` and `groups` in SQL: where their rows come from, and which of them a
request selects."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    Table,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)

from mapservice.db.engine import JsonNotNull
from mapservice.db.event_tables import event, event_series
from mapservice.db.group_tables import local_group
from mapservice.db.tables import import_source, territory
from mapservice.initiatives.conditions import about, envelope
from mapservice.initiatives.exports import utc_text
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.ogc import temporal
from mapservice.ogc.conditions import Bounds, CollectionColumns, Condition
from mapservice.ogc.model import GatheringKind, ItemsCollection
from mapservice.ogc.moments import MomentSpan
from mapservice.ogc.temporal import TemporalPeriod
from mapservice.territories.coordinates import BBox

# What takes place or took place; what was cancelled or postponed does not.
LISTED = ("published", "moved", "done")

_commune = territory.alias("commune_of")
_region = territory.alias("region_of")


@dataclass(frozen=True, slots=True)
class GatheringSource:
    """One of the two: `listed` as the partial indexes of its table say it, `path` of its pages.

    `period` is what the parameter `datetime` meets.
    """

    table: Table
    listed: ColumnElement[bool]
    moments: tuple[str, ...]
    path: str
    period: Callable[[], TemporalPeriod]

    @property
    def rows(self) -> FromClause:
        own = self.table.c
        return self.table.outerjoin(
            _commune, and_(_commune.c.level == "commune", _commune.c.code == own.commune)
        ).outerjoin(_region, and_(_region.c.level == "region", _region.c.code == own.region))

    def columns(self, base_url: str) -> dict[str, ColumnElement[Any]]:
        """The columns of attributes by name, moments as such."""
        own = self.table.c
        names: dict[str, ColumnElement[Any]] = {
            "commune_name": _commune.c.name,
            "region_name": _region.c.name,
        }
        names |= _event_source() if self.table is event else _group_source()
        address = literal(f"{base_url}{self.path}/") + func.text(own.id)
        made = {"updated_at": own.changed_at, "url": type_coerce(address, JsonNotNull())}
        return {**{one.name: one for one in own}, **names, **made}

    def properties(
        self, collection: ItemsCollection, known: dict[str, ColumnElement[Any]]
    ) -> tuple[ColumnElement[Any], ...]:
        """What a feature says, in order; moments in UTC to the second."""
        shown = {name: utc_text(known[name]) for name in self.moments}
        return tuple(
            shown.get(one.name, known[one.name]).label(one.name) for one in collection.attributes
        )

    def target(
        self, collection: ItemsCollection, known: dict[str, ColumnElement[Any]]
    ) -> CollectionColumns:
        """Spatial filters use the anchor, the answer the true point: as of initiatives."""
        own = self.table.c
        return CollectionColumns(
            collection,
            columns=known | {"id": cast(own.id, Text)},
            geometries={
                4326: type_coerce(own.anchor, Text),
                3857: type_coerce(own.anchor_3857, Text),
            },
            shown=type_coerce(own.point, Text),
            held_in=self.held_in,
        )

    def selected(self, filters: InitiativeFilters, span: MomentSpan | None) -> list[Condition]:
        """Those of a filter, within `span` (the parameter `datetime`)."""
        conditions: list[Condition] = [self.listed, *about(filters, self.table)]
        if span:
            asked = TemporalPeriod.of(span)
            conditions.append(temporal.RELATIONS["t_intersects"](self.period(), asked))
        return conditions

    def held_in(self, bounds: Bounds) -> Condition:
        west, south, east, north = bounds
        box = BBox(max(west, -180.0), south, min(east, 180.0), north)
        return self.table.c.anchor_3857.op("&&")(envelope(box))


def _event_source() -> dict[str, ColumnElement[Any]]:
    """Who tells of an event, in the words of pages; null for what began here."""
    own, source = event_series.c, import_source.c

    def of_series(column: ColumnElement[Any]) -> ColumnElement[Any]:
        found = select(column).where(own.id == event.c.series).correlate(event)
        return type_coerce(found.scalar_subquery(), Text())

    credit = (
        select(source.attribution).where(source.platform == own.source).correlate(event_series)
    ).scalar_subquery()
    name = func.coalesce(func.nullif(credit, ""), own.source)
    licence = case((own.source_licence != "", " (" + own.source_licence + ")"), else_="")
    return {
        "source": of_series(func.nullif(own.source, "")),
        "source_url": of_series(func.nullif(own.source_url, "")),
        "licence": of_series(func.nullif(own.source_licence, "")),
        "attribution": of_series(case((own.source != "", name + licence))),
    }


def _group_source() -> dict[str, ColumnElement[Any]]:
    """Which service tells of a group; null for what began here."""
    own = local_group.c
    licence = case((own.source_licence != "", " (" + own.source_licence + ")"), else_="")
    told = {
        "source": func.nullif(own.source, ""),
        "source_url": func.nullif(own.source_url, ""),
        "licence": func.nullif(own.source_licence, ""),
        "attribution": case((own.source != "", own.source + licence)),
    }
    return {name: type_coerce(one, Text()) for name, one in told.items()}


SOURCES = {
    GatheringKind.EVENTS: GatheringSource(
        event,
        literal_column("event.status IN ('published', 'moved', 'done')", Boolean()),
        ("starts_at", "ends_at", "updated_at"),
        "/evenements",
        lambda: TemporalPeriod(event.c.starts_at, event.c.ends_at),
    ),
    # The first condition is that of the indexes; what is archived is over.
    GatheringKind.GROUPS: GatheringSource(
        local_group,
        literal_column(
            "local_group.status IN ('published', 'archived') AND local_group.status = 'published'",
            Boolean(),
        ),
        ("last_sign_at", "published_at", "updated_at"),
        "/groupes",
        lambda: TemporalPeriod.of(local_group.c.published_at),
    ),
}
