"""Reading initiatives: the filter grammar as SQL, pages of them, one of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from geoalchemy2 import Geography
from psycopg.types.numeric import Float8
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    any_,
    case,
    cast,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    true,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.types import DateTime, Float, Text

from mapservice.db.engine import PreparedSql, array_text, fetch_one
from mapservice.db.tables import import_source, initiative, initiative_detail, photo
from mapservice.geocoding.model import Precision
from mapservice.initiatives.conditions import (
    BEFORE_ALL,
    distance,
    geography,
    here_3857,
    one_of,
    recency,
    where,
    words,
)
from mapservice.initiatives.facts import FACT_COLUMNS, NO_FACTS, InitiativeFacts
from mapservice.initiatives.filters import (
    UNDATED,
    InitiativeFilters,
    ListingCursor,
    ListingSort,
    parse_moment,
)
from mapservice.initiatives.grid_cover import circle_cover
from mapservice.initiatives.local_days import area_of
from mapservice.initiatives.model import PUBLIC, CoverPhoto, Scale, Status, Theme
from mapservice.initiatives.near import ScaleBounds
from mapservice.territories.model import Level, TerritoryRef
from mapservice.territories.name_columns import name_columns


@dataclass(frozen=True, slots=True)
class Initiative:
    """One initiative as pages show it. Positions are degrees, EPSG:4326.

    `lon`, `lat` are None unless the place is truly a point; the anchor is where maps show it.
    `created_at` and `updated_at` are None where unknown; `created_period` then has the year or the
    month of the creation, if known. `changed_at` is by our own clock.
    `distance` is in metres from the point that was asked for, else None. `cover` is the first of
    its photos that is public, `facts` what visitors need to know.
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
    created_at: datetime | None
    created_period: str | None
    updated_at: datetime | None
    changed_at: datetime
    lon: float | None
    lat: float | None
    anchor_lon: float | None
    anchor_lat: float | None
    distance: float | None
    source_platform: str
    source_url: str
    source_licence: str
    source_supporters: int | None
    place_text: str
    description: str
    cover: CoverPhoto | None = None
    facts: InitiativeFacts = NO_FACTS

    @property
    def sample(self) -> bool:
        return self.source_platform in MADE_UP_PLATFORMS

    @property
    def point(self) -> tuple[float, float] | None:
        return None if self.lon is None or self.lat is None else (self.lon, self.lat)

    @property
    def url(self) -> str:
        return f"/initiatives/{self.id}"

    @property
    def area(self) -> str:
        """Whose clock and holidays hold there, see `local_days`."""
        return area_of(self.departement, self.region)

    @property
    def territory(self) -> TerritoryRef | None:
        """The finest one that it is known to lie in."""
        name = "commune" if self.precision is Precision.POINT else str(self.precision)
        if name not in tuple(Level):
            return None
        return TerritoryRef(Level(name), getattr(self, name))


SAMPLE_PLATFORM, GENERATED_PLATFORM = "sample", "generated"
# Of what is made up, for a first look and for trials.
MADE_UP_PLATFORMS = (GENERATED_PLATFORM, SAMPLE_PLATFORM)


@dataclass(frozen=True, slots=True)
class WordsCount:
    """How many a text search found from where it began: all there are, or `at_least` so many."""

    found: int
    at_least: bool


@dataclass(frozen=True, slots=True)
class InitiativePage:
    """Some initiatives in order, and the cursor of the next ones (None on the last page).

    `count` is what finding them by their words told beside; None where nothing was counted.
    """

    items: Sequence[Initiative]
    next: ListingCursor | None
    count: WordsCount | None = None


_territory_names = name_columns(initiative.c)


def moved_to(connection: Connection, identifier: UUID) -> UUID | None:
    """The public initiative that a merged one leads to; None for one that is not merged."""
    head = select(func.merge_head(identifier)).scalar_subquery()
    found: UUID | None = connection.execute(
        select(initiative.c.id).where(
            initiative.c.id == head,
            initiative.c.id != identifier,
            initiative.c.status.in_([str(status) for status in PUBLIC]),
        )
    ).scalar_one_or_none()
    return found


def former_place(connection: Connection, identifier: UUID) -> str:
    """The former or associated commune that the place text names, or "".

    Only while the initiative is in the commune that this text was matched to.
    """
    found = connection.execute(text(FORMER_PLACE), {"id": identifier}).scalar()
    return str(found or "")


FORMER_PLACE = """
SELECT location_match.candidates -> 0 ->> 'through'
  FROM initiative
  JOIN location_match ON location_match.initiative = initiative.id
 WHERE initiative.id = :id
   AND initiative.precision IN ('commune', 'point')
   AND location_match.review <> 'waiting'
   AND location_match.candidates -> 0 ->> 'commune' = initiative.commune
   AND location_match.candidates -> 0 ->> 'kind' IN ('deleguee', 'associee', 'former')"""


def is_place_unsure(connection: Connection, identifier: UUID) -> bool:
    """Whether a moderator is still to say where an initiative is: what is shown is a guess."""
    return bool(connection.execute(text(UNSURE_PLACE), {"id": identifier}).scalar())


UNSURE_PLACE = """
SELECT review = 'waiting' FROM location_match WHERE initiative = :id"""


def find_page(
    connection: Connection,
    filters: InitiativeFilters,
    limit: int,
    cursor: ListingCursor | None = None,
) -> InitiativePage:
    """At most `limit` initiatives from the cursor on, in the order of the filter."""
    # By distance, by words, or by conditions alone; one more row tells that there is a next page.
    query, wanted, count = listing(filters), limit + 1, None
    wide = filters.q and (filters.radius or 0) > NEAR_SEARCH
    stretch = None
    if filters.sort is ListingSort.NEAR and filters.near and filters.radius and not wide:
        stretch = ScaleBounds.around(filters.near.lon, filters.near.lat, filters.radius)
    if stretch:
        closest = _closest(connection, filters, stretch, wanted, cursor)
        query = query.where(initiative.c.id.in_(closest))
    elif filters.q:
        hits, count = _found(connection, filters, wanted, cursor)
        query = query.where(initiative.c.id == any_(cast(hits, ARRAY(PG_UUID))))
    else:
        query = query.where(*where(filters), *after(filters, cursor)).limit(wanted)
    rows = connection.execute(query).all()
    items = [_initiative(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return InitiativePage(items, None, count)
    last = items[-1]
    value: float | str = last.created_at.isoformat() if last.created_at else UNDATED
    if filters.sort is ListingSort.SUPPORTED:
        value = last.supporters
    elif filters.sort is ListingSort.NEAR:
        value = last.distance or 0.0
    return InitiativePage(items, ListingCursor(filters.sort, value, str(last.id)), count)


def find_some(
    connection: Connection, filters: InitiativeFilters, ids: CompoundSelect[tuple[UUID]], limit: int
) -> list[Initiative]:
    """At most `limit` of those with these ids, in the order of the filter."""
    query = listing(filters).where(initiative.c.id.in_(ids)).limit(limit)
    return [_initiative(row) for row in connection.execute(query)]


# So many rows in the order of the page are read for a common word before the index of words is.
SEARCH_PROBE = 2_000
# What `order` needs of a row.
_SORTED = ("id", "created_at", "supporters", "anchor")
# Within it, all that lie nearer may be looked at; a text search over more begins with its words.
NEAR_SEARCH = 50_000.0
# Up to it a circle is counted whole, even where a bound was given.
COUNTED_RADIUS = 10_000.0


def any_found(connection: Connection, filters: InitiativeFilters) -> bool:
    """Whether a text search finds anything, without reading what."""
    ids, _count = _found(connection, filters, 1, None)
    return bool(ids)


def _found(
    connection: Connection, filters: InitiativeFilters, limit: int, cursor: ListingCursor | None
) -> tuple[list[UUID], WordsCount]:
    """Ids of the next ones that a text search finds, and how many it saw.

    PostgreSQL cannot tell a common word from a rare one, and the plan for either is a hundred
    times too slow for the other. So the first rows in the order of the page are searched, which
    is enough for common words; then the index of words, for the rest.
    """
    plain = [*where(replace(filters, q="")), *after(filters, cursor)]
    narrow = select(*(initiative.c[name] for name in (*_SORTED, "search")))
    first = narrow.where(*plain).order_by(*order(filters)).limit(SEARCH_PROBE).subquery("first")
    matches = first.c.search.op("@@")(words(filters.q))
    keys = aggregate_order_by(first.c.id, *order(filters, first.c))
    tried = select(func.count(), func.array_agg(keys).filter(matches)).select_from(first)
    seen, found = connection.execute(tried).one()
    if seen < SEARCH_PROBE or len(found or ()) >= limit:
        near = list(found or ())
        return near[:limit], WordsCount(len(near), at_least=seen == SEARCH_PROBE)
    by_words = select(*(initiative.c[name] for name in _SORTED))
    hits = by_words.where(*where(filters), *after(filters, cursor)).cte("hits")
    hits = hits.prefix_with("MATERIALIZED", dialect="postgresql")
    total = select(func.count()).select_from(hits).scalar_subquery()
    ordered = select(hits.c.id, total).order_by(*order(filters, hits.c)).limit(limit)
    rows = connection.execute(ordered).all()
    return [row[0] for row in rows], WordsCount(rows[0][1] if rows else 0, at_least=False)


def _closest(
    connection: Connection,
    filters: InitiativeFilters,
    stretch: ScaleBounds,
    limit: int,
    cursor: ListingCursor | None,
) -> Select[tuple[UUID]]:
    """Ids of the next ones by distance, without measuring all that lie within the radius.

    The `limit` nearest on the map that surely come after the cursor tell how far one need look;
    what lies no farther is put in exact order, each place measured once: a whole commune's
    initiatives may share one anchor.
    """
    assert filters.near is not None
    planar = initiative.c.anchor_3857.op("<->", return_type=Float())(here_3857(filters.near))
    start = float(cursor.value) if cursor else 0.0
    conditions = [*where(filters), planar >= start * stretch.least - 0.001]
    sample = (
        select(initiative.c.anchor)
        .where(*conditions, planar > (start + 0.001) * stretch.most if cursor else true())
        .order_by(planar)
        .limit(limit)
        .subquery()
    )
    far = func.max(func.ST_Distance(cast(sample.c.anchor, Geography), geography(filters.near)))
    enough, reach = connection.execute(select(func.count() >= limit, far)).one()
    if enough:
        farthest = (reach + 0.001) * stretch.most
        # The box is for the index of places, which knows no distance.
        box = func.ST_Expand(here_3857(filters.near), farthest + 1)
        conditions += [planar <= farthest, initiative.c.anchor_3857.op("&&")(box)]
    near_by = select(initiative.c.id, initiative.c.anchor).where(*conditions)
    candidate = near_by.cte("candidate").prefix_with("MATERIALIZED", dialect="postgresql")
    place = select(candidate.c.anchor).distinct().subquery("place")
    metres = func.ST_Distance(cast(place.c.anchor, Geography), geography(filters.near))
    placed = select(place.c.anchor, metres.label("metres")).cte("placed")
    ranked = select(candidate.c.id).join(placed, placed.c.anchor.op("=")(candidate.c.anchor))
    if cursor:
        here = tuple_(placed.c.metres, candidate.c.id)
        ranked = ranked.where(here > tuple_(literal(cursor.value), cast(cursor.id, PG_UUID)))
    return ranked.order_by(placed.c.metres, candidate.c.id).limit(limit)


def find(connection: Connection, identifier: UUID) -> Initiative | None:
    """One initiative that the public may see."""
    query = listing(InitiativeFilters()).where(
        initiative.c.id == identifier, one_of(initiative.c.status, PUBLIC)
    )
    row = connection.execute(query).one_or_none()
    return _initiative(row) if row else None


def of_ids(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Initiative]:
    """Those with these ids, whatever their status: not for pages of the public."""
    query = listing(InitiativeFilters()).where(initiative.c.id.in_(ids))
    return {row.id: _initiative(row) for row in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class SourceDetail:
    """What the source of an initiative says beyond its fields, by the name of its column.

    `withheld` is about persons: for moderators alone. `shape` is the kind of a geometry that is no
    point ("LINESTRING", "POLYGON" …), "" without one.
    """

    attributes: dict[str, Any]
    withheld: dict[str, str]
    shape: str


def detail(connection: Connection, identifier: UUID) -> SourceDetail | None:
    """None where the source says nothing more."""
    table = initiative_detail
    query = select(
        table.c.attributes,
        table.c.withheld,
        func.coalesce(func.GeometryType(type_coerce(table.c.shape, Text)), "").label("shape"),
    ).where(table.c.initiative == identifier)
    row = connection.execute(query).one_or_none()
    return SourceDetail(**row._mapping) if row else None


def source_credit(connection: Connection, platform: str) -> str:
    """Whom a registered source asks to be named; "" where it asks for nobody but itself."""
    query = select(import_source.c.attribution).where(import_source.c.platform == platform)
    return (connection.execute(query).scalar_one_or_none() or "") if platform else ""


def of_any_status(connection: Connection, identifiers: Sequence[UUID]) -> dict[UUID, Initiative]:
    """By their ids, also those that are not public: for their authors and for moderators."""
    query = listing(InitiativeFilters()).where(
        initiative.c.id == any_(literal(list(identifiers), _IDS))
    )
    return {row.id: _initiative(row) for row in connection.execute(query)}


_IDS = ARRAY(PG_UUID)


def count(connection: Connection, filters: InitiativeFilters) -> int:
    """How many match, counted in the base table; `activity.queries.total` avoids that."""
    query = select(func.count()).select_from(initiative).where(*where(filters))
    return connection.execute(query).scalar_one()


# OFFSET 0 keeps the planner from turning the scan of each range round.
BY_THEME = """
    SELECT coalesce(array_agg(theme), '{}'), coalesce(array_agg(matches), '{}')
      FROM (SELECT theme, count(*) AS matches
              FROM (SELECT theme, status
                      FROM unnest(%(inner_first)s::bigint[], %(inner_end)s::bigint[])
                               AS span (first, "end")
                     CROSS JOIN LATERAL (
                           SELECT theme, status
                             FROM initiative
                            WHERE cell >= span.first AND cell < span."end" OFFSET 0) AS held
                     UNION ALL
                    SELECT theme, status
                      FROM unnest(%(edge_first)s::bigint[], %(edge_end)s::bigint[])
                               AS span (first, "end")
                     CROSS JOIN LATERAL (
                           SELECT theme, status, anchor
                             FROM initiative
                            WHERE cell >= span.first AND cell < span."end" OFFSET 0) AS cut
                     WHERE ST_DWithin(anchor::geography,
                               ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography,
                               %(radius)s)) AS met
             WHERE status = ANY(%(statuses)s)
             GROUP BY theme) AS counted"""
_BY_THEME = PreparedSql.of(BY_THEME, {})


def by_theme_in_circle(
    connection: Connection, filters: InitiativeFilters
) -> list[tuple[str, int]] | None:
    """How many initiatives a circle holds, by theme: what a page about a place says first.

    As if the filter named no theme; None where it says more than a circle and statuses. A circle
    is some ranges of Z-order codes. What lies in cells wholly inside it is counted in an index
    that holds all it takes; distances are worked out for what lies in cells at its edge alone.
    """
    near, radius = filters.near, filters.radius
    plain = replace(filters, near=None, radius=None, theme=())
    if near is None or not radius or plain.territory or not plain.counted:
        return None
    stretch = ScaleBounds.around(near.lon, near.lat, radius)
    if stretch is None:
        return None
    covered = circle_cover(near, radius * stretch.least, radius * stretch.most)
    inner, edge = covered.inner << covered.shift, covered.edge << covered.shift
    themes, matches = fetch_one(
        connection,
        _BY_THEME,
        inner_first=array_text(inner.first),
        inner_end=array_text(inner.end),
        edge_first=array_text(edge.first),
        edge_end=array_text(edge.end),
        lon=Float8(near.lon),
        lat=Float8(near.lat),
        radius=Float8(radius),
        statuses=array_text(filters.statuses),
    )
    return list(zip(themes, matches, strict=True))


def count_by_theme(
    connection: Connection, filters: InitiativeFilters, most: int | None = None
) -> list[tuple[str, int]]:
    """How many match per theme, as if the filter named none; at most `most` rows are looked at.

    In a circle that is not too wide all are counted.
    """
    if most is None or (filters.radius or 0) <= COUNTED_RADIUS:
        around = by_theme_in_circle(connection, filters)
        if around is not None:
            return around
    matching = select(initiative.c.theme).where(*where(replace(filters, theme=())))
    seen = matching.limit(most).subquery()
    query = select(seen.c.theme, func.count()).group_by(seen.c.theme)
    return [(theme, matches) for theme, matches in connection.execute(query)]


def count_communes(connection: Connection, filters: InitiativeFilters, most: int) -> int | None:
    """In how many communes those are that match; None where more than `most` do."""
    seen = select(initiative.c.commune).where(*where(filters)).limit(most + 1).subquery()
    query = select(func.count(), func.count(seen.c.commune.distinct())).select_from(seen)
    matches, communes = connection.execute(query).one()
    return communes if matches <= most else None


def _any_initiative(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(initiative.c.id).where(*conditions).exists()


# Between the two names too: a range of the index for each, as "is none of them" would read all.
_platform = initiative.c.source_platform
# What waits for a moderator is shown nowhere yet.
_public = func.is_public(initiative.c.status)
_others = or_(
    _any_initiative(_platform < GENERATED_PLATFORM, _public),
    _any_initiative(_platform > GENERATED_PLATFORM, _platform < SAMPLE_PLATFORM, _public),
    _any_initiative(_platform > SAMPLE_PLATFORM, _public),
)
_made_up = or_(*(_any_initiative(_platform == one) for one in MADE_UP_PLATFORMS))
# Whether made-up initiatives are among those kept: "", "some" or "all"; index look-ups alone.
SAMPLE_SHARE = select(
    case((not_(_made_up), ""), (_others, "some"), else_="all").label("sample_share")
)


def sample_share(connection: Connection) -> Literal["", "some", "all"]:
    found: Literal["", "some", "all"] = connection.execute(SAMPLE_SHARE).scalar_one()
    return found


# Looked up for the rows of a page alone, in an index of the few that have one.
_cover = (
    select(
        func.jsonb_build_object(
            *(
                part
                for name in CoverPhoto.__dataclass_fields__
                for part in (literal(name), photo.c[name])
            )
        )
    )
    .where(
        photo.c.initiative == initiative.c.id,
        photo.c.post.is_(None),
        photo.c.state == "public",
    )
    .order_by(photo.c.position, photo.c.id)
    .limit(1)
    .correlate(initiative)
    .scalar_subquery()
    .label("cover")
)


_PLAIN_COLUMNS = frozenset(Initiative.__dataclass_fields__) & frozenset(initiative.c.keys())
# Made once: so many columns take a millisecond each time.
_LISTING: Select[tuple[object, ...]] = select(
    *(column for column in initiative.c if column.name in _PLAIN_COLUMNS),
    *(initiative.c[name] for name in FACT_COLUMNS),
    *_territory_names,
    func.ST_X(initiative.c.point).label("lon"),
    func.ST_Y(initiative.c.point).label("lat"),
    func.ST_X(initiative.c.anchor).label("anchor_lon"),
    func.ST_Y(initiative.c.anchor).label("anchor_lat"),
    _cover,
)


def listing(filters: InitiativeFilters) -> Select[tuple[object, ...]]:
    """Every column of `Initiative`, with the names of its territories, in order."""
    metres = distance(filters.near) if filters.near else literal(None)
    return _LISTING.add_columns(metres.label("distance")).order_by(*order(filters))


def order(filters: InitiativeFilters, of: Any = initiative.c) -> list[ColumnElement[Any]]:
    """A total order: equal rows fall back on the id. `of` are columns of some of `initiative`.

    Newest first, what has no known day comes last.
    """
    if filters.sort is ListingSort.SUPPORTED:
        return [of.supporters.desc(), of.id.desc()]
    if filters.sort is ListingSort.NEAR and filters.near:
        return [distance(filters.near, of).asc(), of.id.asc()]
    return [recency(of).desc(), of.id.desc()]


def sort_key(filters: InitiativeFilters) -> ColumnElement[str]:
    """The sort value of a row as a cursor holds it: text without loss of precision."""
    return func.text(order(filters)[0].element)


def cursor_at(filters: InitiativeFilters, key: str, identifier: str) -> ListingCursor:
    """The cursor after the row with this sort key."""
    return ListingCursor(
        filters.sort, key if filters.sort is ListingSort.RECENT else float(key), identifier
    )


def nearest(connection: Connection, to: Initiative, limit: int) -> Sequence[Initiative]:
    """Listed initiatives closest to one, by distance on the map; none if it is nowhere.

    What is known to no commune is near nothing.
    """
    if to.anchor_lon is None or to.anchor_lat is None:
        return []
    here = func.ST_SetSRID(func.ST_MakePoint(to.anchor_lon, to.anchor_lat), 4326)
    query = (
        listing(InitiativeFilters())
        .where(
            *where(InitiativeFilters()),
            initiative.c.id != to.id,
            initiative.c.commune.is_not(None),
        )
        .order_by(None)
        .order_by(initiative.c.anchor_3857.op("<->")(func.ST_Transform(here, 3857)))
        .limit(limit)
    )
    return [_initiative(row) for row in connection.execute(query)]


def after(filters: InitiativeFilters, cursor: ListingCursor | None) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    identifier = cast(cursor.id, PG_UUID)
    if filters.sort is ListingSort.NEAR and filters.near:
        here = tuple_(distance(filters.near), initiative.c.id)
        return [here > tuple_(literal(cursor.value), identifier)]
    if filters.sort is ListingSort.SUPPORTED:
        return [
            tuple_(initiative.c.supporters, initiative.c.id)
            < tuple_(literal(cursor.value), identifier)
        ]
    moment: ColumnElement[Any] = BEFORE_ALL
    if cursor.value != UNDATED:
        moment = literal(parse_moment("cursor", str(cursor.value)), DateTime(timezone=True))
    return [tuple_(recency(), initiative.c.id) < tuple_(moment, identifier)]


def _initiative(row: Row[tuple[object, ...]]) -> Initiative:
    values = dict(row._mapping)
    values["theme"] = Theme(values["theme"])
    values["status"] = Status(values["status"])
    values["scale"] = Scale(values["scale"])
    values["precision"] = Precision(values["precision"])
    told = {name: values.pop(name) for name in FACT_COLUMNS}
    if any(value is not None for value in told.values()):
        values["facts"] = InitiativeFacts.of_columns(told)
    values["cover"] = CoverPhoto(**values["cover"]) if values["cover"] else None
    return Initiative(**values)


def head(connection: Connection, identifier: UUID) -> UUID:
    """Where an initiative is found now: the one that it was merged into, else itself."""
    found: UUID = connection.execute(
        text("SELECT merge_head(:id)"), {"id": identifier}
    ).scalar_one()
    return found
