"""Reading initiatives: the filter grammar as SQL, pages of them, one of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from geoalchemy2 import Geography
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    any_,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.types import DateTime, Text

from mapservice.db.tables import initiative, territory
from mapservice.geocoding.model import Precision
from mapservice.initiatives.filters import BBox, Cursor, Filters, LonLat, Sort, parse_moment
from mapservice.initiatives.model import PUBLIC, Scale, Status, Theme
from mapservice.territories.model import Level

# The web-mercator square ends here; points beyond are drawn at its edge.
MERCATOR_LATITUDE = 85.051128


@dataclass(frozen=True, slots=True)
class Initiative:
    """One initiative as pages show it. Positions are degrees, EPSG:4326.

    `lon`, `lat` are None unless the place is truly a point; the anchor is where maps show it.
    `distance` is in metres from the point that was asked for, else None.
    """

    id: UUID
    title: str
    summary: str
    theme: Theme
    status: Status
    scale: Scale
    precision: Precision
    commune: str | None
    commune_name: str | None
    commune_article: str | None
    epci: str | None
    epci_name: str | None
    departement: str | None
    departement_name: str | None
    departement_article: str | None
    region: str | None
    region_name: str | None
    region_article: str | None
    supporters: int
    created_at: datetime
    updated_at: datetime
    lon: float | None
    lat: float | None
    anchor_lon: float | None
    anchor_lat: float | None
    distance: float | None
    source_platform: str
    source_url: str
    source_licence: str
    place_text: str
    description: str

    @property
    def sample(self) -> bool:
        return self.source_platform == SAMPLE_PLATFORM

    @property
    def url(self) -> str:
        return f"/initiatives/{self.id}"


ARTICLED = (Level.COMMUNE, Level.DEPARTEMENT, Level.REGION)
SAMPLE_PLATFORM = "sample"


@dataclass(frozen=True, slots=True)
class Page:
    """Some initiatives in order, and the cursor of the next ones (None on the last page)."""

    items: Sequence[Initiative]
    next: Cursor | None


_names = {level: territory.alias(f"{level}_of") for level in Level}
_columns = {
    Level.COMMUNE: initiative.c.commune,
    Level.EPCI: initiative.c.epci,
    Level.DEPARTEMENT: initiative.c.departement,
    Level.REGION: initiative.c.region,
}


def where(filters: Filters) -> list[ColumnElement[bool]]:
    """The conditions on `initiative` that a filter stands for; all must hold."""
    conditions = [_one_of(initiative.c.status, filters.statuses)]
    if filters.q:
        conditions.append(
            initiative.c.search.op("@@")(func.websearch_to_tsquery("french_unaccent", filters.q))
        )
    if filters.theme:
        conditions.append(_one_of(initiative.c.theme, filters.theme))
    if filters.precision:
        conditions.append(_one_of(initiative.c.precision, filters.precision))
    if filters.territory:
        conditions.append(_in_territories(filters))
    if filters.bbox:
        conditions.append(_in_bbox(filters.bbox))
    if filters.near and filters.radius:
        conditions.append(_within(filters.near, filters.radius))
    if filters.since:
        conditions.append(initiative.c.created_at >= filters.since)
    if filters.until:
        conditions.append(initiative.c.created_at < filters.until)
    return conditions


def find_page(
    connection: Connection, filters: Filters, limit: int, cursor: Cursor | None = None
) -> Page:
    """At most `limit` initiatives from the cursor on, in the order of the filter."""
    query = listing(filters).where(*where(filters), *after(filters, cursor)).limit(limit + 1)
    rows = connection.execute(query).all()
    items = [_initiative(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items, _cursor(filters.sort, items[-1]) if more else None)


def find(connection: Connection, identifier: UUID) -> Initiative | None:
    """One initiative that the public may see."""
    query = listing(Filters()).where(
        initiative.c.id == identifier, _one_of(initiative.c.status, PUBLIC)
    )
    row = connection.execute(query).one_or_none()
    return _initiative(row) if row else None


def count(connection: Connection, filters: Filters) -> int:
    """How many match, counted in the base table; `activity.queries.total` avoids that."""
    query = select(func.count()).select_from(initiative).where(*where(filters))
    return connection.execute(query).scalar_one()


def count_by_theme(connection: Connection, filters: Filters) -> list[tuple[str, int]]:
    """The same per theme, as if the filter named none."""
    query = (
        select(initiative.c.theme, func.count())
        .where(*where(replace(filters, theme=())))
        .group_by(initiative.c.theme)
    )
    return [(theme, matches) for theme, matches in connection.execute(query)]


def sample_share(connection: Connection) -> Literal["", "some", "all"]:
    """Whether made-up initiatives are among those kept; two index look-ups."""
    samples, others = (
        connection.execute(select(select(initiative.c.id).where(condition).exists())).scalar_one()
        for condition in (
            initiative.c.source_platform == SAMPLE_PLATFORM,
            initiative.c.source_platform != SAMPLE_PLATFORM,
        )
    )
    if not samples:
        return ""
    return "some" if others else "all"


def listing(filters: Filters) -> Select[tuple[object, ...]]:
    """Every column of `Initiative`, with the names of its territories, in order."""
    query = select(
        *(column for column in initiative.c if column.name in _PLAIN_COLUMNS),
        *(_names[level].c.name.label(f"{level}_name") for level in Level),
        *(_names[level].c.article.label(f"{level}_article") for level in ARTICLED),
        func.ST_X(initiative.c.point).label("lon"),
        func.ST_Y(initiative.c.point).label("lat"),
        func.ST_X(initiative.c.anchor).label("anchor_lon"),
        func.ST_Y(initiative.c.anchor).label("anchor_lat"),
        (distance(filters.near) if filters.near else literal(None)).label("distance"),
    ).select_from(initiative)
    for level, names in _names.items():
        query = query.outerjoin_from(
            initiative, names, and_(names.c.level == level, names.c.code == _columns[level])
        )
    return query.order_by(*order(filters))


def order(filters: Filters) -> list[ColumnElement[Any]]:
    """A total order: equal rows fall back on the id."""
    if filters.sort is Sort.SUPPORTED:
        return [initiative.c.supporters.desc(), initiative.c.id.desc()]
    if filters.sort is Sort.NEAR and filters.near:
        return [distance(filters.near).asc(), initiative.c.id.asc()]
    return [initiative.c.created_at.desc(), initiative.c.id.desc()]


def sort_key(filters: Filters) -> ColumnElement[str]:
    """What a cursor holds of a row, as text that loses nothing."""
    return func.text(order(filters)[0].element)


def cursor_at(filters: Filters, key: str, identifier: str) -> Cursor:
    """The cursor after the row with this sort key."""
    return Cursor(filters.sort, key if filters.sort is Sort.RECENT else float(key), identifier)


def nearest(connection: Connection, to: Initiative, limit: int) -> Sequence[Initiative]:
    """Listed initiatives closest to one, by distance on the map; none if it is nowhere."""
    if to.anchor_lon is None or to.anchor_lat is None:
        return []
    here = func.ST_SetSRID(func.ST_MakePoint(to.anchor_lon, to.anchor_lat), 4326)
    query = (
        listing(Filters())
        .where(*where(Filters()), initiative.c.id != to.id)
        .order_by(None)
        .order_by(initiative.c.anchor_3857.op("<->")(func.ST_Transform(here, 3857)))
        .limit(limit)
    )
    return [_initiative(row) for row in connection.execute(query)]


def distance(near: LonLat) -> ColumnElement[float]:
    """Metres on the spheroid between the anchor and a position."""
    return func.ST_Distance(cast(initiative.c.anchor, Geography), _geography(near))


_PLAIN_COLUMNS = frozenset(Initiative.__dataclass_fields__) & frozenset(initiative.c.keys())


def after(filters: Filters, cursor: Cursor | None) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    identifier = cast(cursor.id, PG_UUID)
    if filters.sort is Sort.NEAR and filters.near:
        here = tuple_(distance(filters.near), initiative.c.id)
        return [here > tuple_(literal(cursor.value), identifier)]
    if filters.sort is Sort.SUPPORTED:
        return [
            tuple_(initiative.c.supporters, initiative.c.id)
            < tuple_(literal(cursor.value), identifier)
        ]
    moment = literal(parse_moment("cursor", str(cursor.value)), DateTime(timezone=True))
    return [tuple_(initiative.c.created_at, initiative.c.id) < tuple_(moment, identifier)]


def _cursor(sort: Sort, last: Initiative) -> Cursor:
    value: float | str = last.created_at.isoformat()
    if sort is Sort.SUPPORTED:
        value = last.supporters
    elif sort is Sort.NEAR:
        value = last.distance or 0.0
    return Cursor(sort, value, str(last.id))


def _one_of(column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
    """One bound array rather than a list of parameters, so that the statement stays the same."""
    if len(values) == 1:
        return column == str(values[0])
    return column == any_(cast([str(value) for value in values], ARRAY(Text)))


def _in_territories(filters: Filters) -> ColumnElement[bool]:
    by_level: dict[Level, list[str]] = {}
    for ref in filters.territory:
        by_level.setdefault(ref.level, []).append(ref.code)
    return or_(*(_one_of(_columns[level], codes) for level, codes in by_level.items()))


def _in_bbox(bbox: BBox) -> ColumnElement[bool]:
    return or_(*(_in_box(part) for part in bbox.parts()))


def _in_box(bbox: BBox) -> ColumnElement[bool]:
    """By index, which rounds to some metres, then exactly.

    The planner, which cannot know that both say nearly the same, takes the second for a guess that
    halves the rows rather than one that leaves none: that is what COALESCE does.
    """
    exactly = and_(
        func.ST_X(initiative.c.anchor).between(bbox.west, bbox.east),
        func.ST_Y(initiative.c.anchor).between(bbox.south, bbox.north),
    )
    return and_(initiative.c.anchor_3857.op("&&")(envelope(bbox)), func.coalesce(exactly, false()))


def envelope(bbox: BBox) -> ColumnElement[object]:
    """The same box in EPSG:3857, whose axes run parallel to those of EPSG:4326."""
    south, north = (
        min(max(latitude, -MERCATOR_LATITUDE), MERCATOR_LATITUDE)
        for latitude in (bbox.south, bbox.north)
    )
    box = func.ST_MakeEnvelope(bbox.west, south, bbox.east, north, 4326)
    return func.ST_Transform(box, 3857)


def _within(near: LonLat, radius: float) -> ColumnElement[bool]:
    """Within `radius` metres: an index search by box, then the exact distance."""
    circle = func.ST_Buffer(_geography(near), radius * 1.01, 8)
    box = func.ST_Transform(func.ST_Envelope(func.geometry(circle)), 3857)
    return and_(
        initiative.c.anchor_3857.op("&&")(box),
        func.ST_DWithin(cast(initiative.c.anchor, Geography), _geography(near), radius),
    )


def _geography(position: LonLat) -> ColumnElement[object]:
    return cast(func.ST_SetSRID(func.ST_MakePoint(position.lon, position.lat), 4326), Geography)


def _initiative(row: Row[tuple[object, ...]]) -> Initiative:
    values = dict(row._mapping)
    values["theme"] = Theme(values["theme"])
    values["status"] = Status(values["status"])
    values["scale"] = Scale(values["scale"])
    values["precision"] = Precision(values["precision"])
    return Initiative(**values)
