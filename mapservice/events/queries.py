"""Reading events: pages of a filter, one event, its series, what calendars must be told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    CompoundSelect,
    Connection,
    Date,
    Row,
    ScalarSelect,
    Select,
    and_,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.types import DateTime

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.accounts.roles.reach import bound as bound_reach
from mapservice.accounts.roles.reach import condition as within
from mapservice.db.engine import fill
from mapservice.db.event_tables import event, event_registration, event_series
from mapservice.db.tables import import_source
from mapservice.events.filters import EventCursor, EventFilters
from mapservice.events.model import (
    CANCELLED_DAYS,
    LISTED,
    OPEN,
    PUBLIC,
    Event,
    EventMode,
    EventStatus,
    RegistrationMode,
)
from mapservice.events.recurrence import ZONES, EventTimes, RecurrenceRule, wall_time
from mapservice.geocoding.model import Precision
from mapservice.initiatives.conditions import about, distance, one_of
from mapservice.initiatives.grid import CELL_ZOOM, Tile
from mapservice.initiatives.local_days import DaysAsked, span_of
from mapservice.initiatives.model import Theme
from mapservice.territories.model import Level, TerritoryRef
from mapservice.territories.name_columns import name_columns

# No clock is farther from UTC than that.
WIDEST_OFFSET = timedelta(hours=14)
# Nothing takes longer (a constraint of the table): what is under way began no earlier.
LONGEST = timedelta(days=32)
COUNTED_UP_TO = 5_000
SHOWN_A_DAY = 2  # events that a day of the month view names
DATES_LOOKED_AT = 500
# Of a group's next dates so many times as many are looked at as are shown.
LOOKED_AT_DATES = 4
SHOWN_OFF = 2
IS_LISTED: ColumnElement[bool] = literal_column(
    "event.status IN ({})".format(", ".join(f"'{one}'" for one in LISTED)), Boolean()
)

# What tiles read of an event, all of it in the index `event_tile`, as that says it. Written out, as
# SQLAlchemy has geometries sent as EWKB.
_spot_columns: list[ColumnElement[Any]] = [
    literal_column(f"event.{name}")
    for name in ("id", "theme", "precision", "cell", "starts_at", "ends_at", "anchor_3857")
]
_begins_on: ColumnElement[date] = literal_column(
    "(event.starts_at AT TIME ZONE 'UTC')::date", Date()
)
_lasts_long: ColumnElement[bool] = literal_column(
    "event.ends_at - event.starts_at > interval '1 day'", Boolean()
)
# In which the first dates of a place with many of them begin.
SOON = timedelta(days=14)
# Of more days an index of the place alone reads no more.
MOST_DAYS_APART = timedelta(days=100)


def where(filters: EventFilters, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions on `event` that a filter stands for; all must hold. `now` has a zone."""
    own = event.c
    conditions = [
        # As the partial indexes say it, so that the planner finds them.
        one_of(own.status, filters.status) if filters.status else IS_LISTED,
        *about(filters.about, event),
    ]
    if filters.mode:
        conditions.append(one_of(own.mode, filters.mode))
    if filters.initiative:
        conditions.append(own.initiative == filters.initiative)
    if filters.group:
        of_group = event_series.c.local_group == filters.group
        conditions.append(own.series.in_(select(event_series.c.id).where(of_group)))
    if filters.when:
        days = _days_asked(filters.when, now)
        conditions.append(
            or_(
                *(
                    and_(one_of(own.zone, zones), *_local_days(first, end))
                    for (first, end), zones in days.items()
                )
            )
        )
    else:
        begin = filters.begin if filters.has_days else now
        for bound, is_begin in ((begin, True), (filters.end, False)):
            if isinstance(bound, datetime):
                conditions.append(own.ends_at > bound if is_begin else own.starts_at < bound)
            elif bound is not None:
                conditions += _local_days(bound if is_begin else None, None if is_begin else bound)
    is_in_one_place = bool(filters.about.near or filters.about.bbox)
    return conditions + _indexed(*_span(filters, now), is_in_one_place=is_in_one_place)


def in_tile(filters: EventFilters, now: datetime, tile: Tile) -> Select[Any] | CompoundSelect[Any]:
    """What a filter finds in a tile: what it shows alone, which one index holds.

    That index goes by the day (UTC) on which an event begins. What began more than a day before the
    first day asked for and is still under way took longer than a day: an index of its own.
    """
    first_cell, end_cell = tile.cells(CELL_ZOOM)
    own = event.c
    found: Select[Any] = select(*_spot_columns).where(
        own.cell >= first_cell, own.cell < end_cell, *where(filters, now)
    )
    earliest, latest = _span(filters, now)
    if earliest is None or latest is None or latest - earliest > MOST_DAYS_APART:
        return found
    first = earliest.astimezone(UTC).date() - timedelta(days=1)
    days = [
        first + timedelta(days=step)
        for step in range((latest.astimezone(UTC).date() - first).days + 1)
    ]
    return union_all(
        found.where(_begins_on == any_(cast(bindparam("days", days), ARRAY(Date)))),
        found.where(_begins_on < bindparam("first_day", first), _lasts_long),
    )


def _days_asked(when: DaysAsked, now: datetime) -> dict[tuple[date, date], list[str]]:
    """The first day and the one after the last, with the zones in which it is these."""
    days: dict[tuple[date, date], list[str]] = {}
    for zone in ZONES:
        span = span_of(when, wall_time(now, zone).date())
        days.setdefault((span.first, span.end), []).append(zone)
    return days


def _span(filters: EventFilters, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Moments between which takes place all that a filter finds, on whatever clock."""
    begin: date | datetime | None = filters.begin if filters.has_days else now
    end: date | datetime | None = filters.end
    if filters.when:
        days = _days_asked(filters.when, now)
        begin, end = min(one for one, _ in days), max(one for _, one in days)
    if begin is not None and not isinstance(begin, datetime):
        begin = _utc(begin) - WIDEST_OFFSET
    if end is not None and not isinstance(end, datetime):
        end = _utc(end) + WIDEST_OFFSET
    return begin, end


def _local_days(first: date | None, end: date | None) -> list[ColumnElement[bool]]:
    """What takes place, by the clocks there, from the beginning of a day to that of another."""
    found: list[ColumnElement[bool]] = []
    if first is not None:
        found.append(event.c.ends_local > _midnight(first))
    if end is not None:
        found.append(event.c.starts_local < _midnight(end))
    return found


def _indexed(
    earliest: datetime | None, latest: datetime | None, *, is_in_one_place: bool
) -> list[ColumnElement[bool]]:
    """A range of an index that holds all that the exact conditions find, and little else.

    Of one place it is the index of place and time: most of what is there is of other days.
    """
    found: list[ColumnElement[bool]] = []
    if earliest is not None:
        found += [event.c.starts_at > earliest - LONGEST, event.c.ends_at > earliest]
    if latest is not None:
        found.append(event.c.starts_at < latest)
    if is_in_one_place and found:
        found.append(_takes_place_within(earliest, latest))
    return found


def _soon(
    filters: EventFilters, now: datetime, cursor: EventCursor | None
) -> list[ColumnElement[bool]]:
    """What keeps to the days in which the first dates of a filter begin, if there are enough.

    A city has a year of dates, all of which would be read to find those that come first. [] where
    another index is in their order, or the filter has few days.
    """
    earliest, latest = _span(filters, now)
    if earliest is None or not (filters.about.near or filters.about.bbox):
        return []
    begin = max(earliest, cursor.starts_at) if cursor else earliest
    until = begin + SOON
    if latest is not None and latest <= until:
        return []
    return [event.c.starts_at < until, _takes_place_within(begin, until)]


def _takes_place_within(earliest: datetime | None, latest: datetime | None) -> ColumnElement[bool]:
    """By the index of place and time."""
    takes = func.tstzrange(event.c.starts_at, event.c.ends_at)
    return takes.op("&&", is_comparison=True)(func.tstzrange(earliest, latest))


def _midnight(day: date) -> ColumnElement[Any]:
    return cast(literal(datetime.combine(day, time())), DateTime())


def _utc(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def order() -> tuple[ColumnElement[Any], ...]:
    """By beginning; total, by falling back on end and id."""
    return event.c.starts_at, event.c.ends_at, event.c.id


def after(cursor: EventCursor | None) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    return [tuple_(*order()) > tuple_(cursor.starts_at, cursor.ends_at, cursor.id)]


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in order, and where the next page begins."""

    items: Sequence[Event]
    next: EventCursor | None


def find_page(
    connection: Connection,
    filters: EventFilters,
    limit: int,
    now: datetime,
    cursor: EventCursor | None = None,
) -> EventPage:
    chosen = (
        select(event.c.id)
        .where(*where(filters, now), *after(cursor))
        .order_by(*order())
        .limit(limit + 1)
    )
    soon = _soon(filters, now, cursor)
    rows = connection.execute(_of_chosen(chosen.where(*soon), filters)).all()
    if soon and len(rows) <= limit:
        rows = connection.execute(_of_chosen(chosen, filters)).all()
    items = [_event(row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return EventPage(items, EventCursor(last.starts_at, last.ends_at, last.id) if last else None)


def find_by_series(
    connection: Connection,
    filters: EventFilters,
    limit: int,
    now: datetime,
    after: UUID | None = None,
) -> tuple[list[list[Event]], UUID | None]:
    """What a filter finds, a series at a time: its dates in order, `limit` series in order of id.

    Returns the id after which the next page begins too, None where there is none.
    """
    conditions = where(filters, now)
    following = [event.c.series > after] if after else []
    ids = connection.execute(
        select(event.c.series)
        .where(*conditions, *following)
        .group_by(event.c.series)
        .order_by(event.c.series)
        .limit(limit + 1)
    ).scalars()
    series = list(ids)
    found: dict[UUID, list[Event]] = {one: [] for one in series[:limit]}
    for one in find_all(connection, [event.c.series.in_(list(found)), *conditions]):
        found[one.series].append(one)
    return list(found.values()), series[limit - 1] if len(series) > limit else None


def next_of_each_series(
    connection: Connection,
    filters: EventFilters,
    limit: int,
    now: datetime,
    *others: EventFilters,
) -> list[Event]:
    """What is not over yet, in order of time, each series once: a weekly choir is one answer.

    Looks at no more than the next `DATES_LOOKED_AT` dates of the filter, and of each of the
    `others`, whose events are found as well; distances are those of the first.
    """
    wanted = (filters, *others)
    soon = [_soon(one, now, None) for one in wanted]
    found = connection.execute(_first_of_series(wanted, limit, now, soon)).all()
    if any(soon) and len(found) < limit:
        found = connection.execute(_first_of_series(wanted, limit, now, [[]] * len(wanted))).all()
    return [_event(row) for row in found]


def _first_of_series(
    wanted: Sequence[EventFilters],
    limit: int,
    now: datetime,
    further: Sequence[Sequence[ColumnElement[bool]]],
) -> Select[Any]:
    selected = [
        select(event.c.series, *order())
        .where(*where(one, now), event.c.ends_at > now, *more)
        .order_by(*order())
        .limit(DATES_LOOKED_AT)
        for one, more in zip(wanted, further, strict=True)
    ]
    parts = [one.subquery() for one in selected]
    # Together they are one question, planned and asked once.
    dates = (
        selected[0].subquery("dates")
        if len(parts) == 1
        else union_all(*(select(*one.c) for one in parts)).subquery("dates")
    )
    own = (dates.c.starts_at, dates.c.ends_at, dates.c.id)
    of_series = distinct_on(dates.c.series)
    first = select(*own).ext(of_series).order_by(dates.c.series, *own).subquery("first")
    ordered = (first.c.starts_at, first.c.ends_at, first.c.id)
    return _of_chosen(select(first.c.id).order_by(*ordered).limit(limit), wanted[0])


def count(connection: Connection, filters: EventFilters, now: datetime) -> int:
    """How many a filter finds, counted no farther than `COUNTED_UP_TO`."""
    some = select(event.c.id).where(*where(filters, now)).limit(COUNTED_UP_TO).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def count_dates(connection: Connection, filters: EventFilters, now: datetime) -> tuple[int, int]:
    """How many dates a filter finds, and of how many events (series) these are.

    Looks at no more than `COUNTED_UP_TO` dates.
    """
    some = select(event.c.series).where(*where(filters, now)).limit(COUNTED_UP_TO).subquery()
    counts = select(func.count(), func.count(some.c.series.distinct()))
    dates, series = connection.execute(counts).one()
    return int(dates), int(series)


@dataclass(frozen=True, slots=True)
class EventDay:
    """How many events take place on a day, and those that begin first."""

    count: int
    first: Sequence[Event]


def days_of_month(
    connection: Connection, filters: EventFilters, month: date, now: datetime
) -> dict[date, EventDay]:
    """What a filter finds on each day of a month, by the clocks there; days with nothing are left
    out. `month` is its first day.

    What takes several days is counted on each, as the list of that day has it.
    """
    following = (month + timedelta(days=31)).replace(day=1)
    wanted = replace(filters, begin=month, end=following, when=None)
    own = event.c
    ends = cast(own.ends_local - timedelta(microseconds=1), Date)
    day = func.generate_series(
        func.greatest(cast(own.starts_local, Date), month),
        func.least(ends, following - timedelta(days=1)),
        timedelta(days=1),
    )
    found = (
        select(own.id, own.starts_local, cast(day, Date).label("day"))
        .where(*where(wanted, now))
        .subquery()
    )
    order = (found.c.starts_local, found.c.id)
    ranked = select(
        found.c.day,
        found.c.id,
        func.count().over(partition_by=found.c.day).label("dates"),
        func.row_number().over(partition_by=found.c.day, order_by=order).label("rank"),
    ).subquery()
    few = select(ranked).where(ranked.c.rank <= SHOWN_A_DAY).order_by(ranked.c.day, ranked.c.rank)
    rows = connection.execute(few).all()
    known = of_ids(connection, {row.id for row in rows})
    return {
        one: EventDay(here[0].dates, [known[row.id] for row in here if row.id in known])
        for one, grouped in groupby(rows, key=lambda row: row.day)
        if (here := list(grouped))
    }


def find(connection: Connection, identifier: UUID, *, lock: bool = False) -> Event | None:
    """One event, whatever its status; `lock` holds it until the transaction ends."""
    if lock:
        statement = text("SELECT FROM event WHERE id = :id FOR NO KEY UPDATE")
        connection.execute(statement, {"id": identifier})
    found = find_all(connection, [event.c.id == identifier])
    return found[0] if found else None


def of_series(connection: Connection, series: UUID) -> list[Event]:
    """All occurrences, by their places in the rule."""
    found = find_all(connection, [event.c.series == series])
    return sorted(found, key=lambda one: one.recurrence_id)


def of_ids(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Event]:
    found = find_all(connection, [event.c.id.in_(list(ids))])
    return {one.id: one for one in found}


def find_all(connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> list[Event]:
    return [_event(row) for row in connection.execute(_LISTING.where(*conditions))]


def gone_lately(
    connection: Connection, filters: EventFilters, now: datetime, limit: int
) -> list[Event]:
    """What the filter would find had it not been cancelled or postponed in the last 90 days."""
    wanted = replace(filters, status=(EventStatus.CANCELLED, EventStatus.POSTPONED))
    since = now - timedelta(days=CANCELLED_DAYS)
    # Written out as the index of these has it.
    chosen = (
        select(event.c.id)
        .where(*where(wanted, now), event.c.changed_at > since)
        .order_by(event.c.changed_at.desc(), event.c.id)
        .limit(limit)
    )
    return [_event(row) for row in connection.execute(_of_chosen(chosen, EventFilters()))]


_COLUMNS = (
    "id", "series", "recurrence_id", "status", "title", "summary", "description", "theme",
    "initiative", "starts_at", "ends_at", "zone", "starts_local", "ends_local", "mode",
    "online_url", "place_text", "precision", "commune", "epci", "departement", "region",
    "registration", "registration_url", "capacity", "max_seats", "question", "former_starts_at",
    "former_place", "note", "sequence", "created_at", "changed_at",
)  # fmt: skip


def _listing() -> Select[Any]:
    """Every event with the names of its territories, in order."""
    joined: Any = event.join(event_series, event_series.c.id == event.c.series)
    joined = joined.outerjoin(import_source, import_source.c.platform == event_series.c.source)
    found: Select[Any] = select(
        *(event.c[name] for name in _COLUMNS),
        *name_columns(event.c),
        func.ST_X(event.c.point).label("lon"),
        func.ST_Y(event.c.point).label("lat"),
        func.ST_X(event.c.anchor).label("anchor_lon"),
        func.ST_Y(event.c.anchor).label("anchor_lat"),
        event_series.c.rrule,
        event_series.c.source,
        event_series.c.source_url,
        event_series.c.source_licence,
        func.coalesce(import_source.c.attribution, "").label("source_credit"),
        case((_counts_seats(), event.c.capacity <= _seats_given()), else_=False).label("is_full"),
    )
    return found.select_from(joined).order_by(*order())


def _counts_seats() -> ColumnElement[bool]:
    modes = (str(RegistrationMode.OPEN), str(RegistrationMode.APPROVAL))
    return and_(event.c.capacity.is_not(None), event.c.registration.in_(modes))


def _seats_given() -> ScalarSelect[int]:
    """Seats of an event that somebody has, or is offered."""
    own = event_registration.c
    return (
        select(func.coalesce(func.sum(func.coalesce(own.offered_seats, own.seats)), 0))
        .where(own.event == event.c.id, own.state.in_(("confirmed", "offered", "attended")))
        .correlate(event)
        .scalar_subquery()
    )


# Made once: so many columns take a millisecond each time.
_LISTING = _listing()


def _of_chosen(chosen: Select[Any], filters: EventFilters) -> Select[Any]:
    """Those with the chosen ids."""
    found = _LISTING.where(event.c.id.in_(chosen.correlate(None)))
    near = filters.about.near
    return found.add_columns(distance(near, event.c).label("distance")) if near else found


def _event(row: Row[Any]) -> Event:
    values = dict(row._mapping)
    return Event(
        **values
        | {
            "status": EventStatus(row.status),
            "theme": Theme(row.theme),
            "mode": EventMode(row.mode),
            "precision": Precision(row.precision),
            "registration": RegistrationMode(row.registration),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeries:
    """A series: who organises it, when it takes place, and where it stands with moderators.

    `before_change` is what one of its dates (`event`) said before a change that they have not seen.
    """

    id: UUID
    person: UUID | None
    organiser: str
    times: EventTimes
    revision: int
    queued_at: datetime | None
    submitted_at: datetime
    published_at: datetime | None
    reason: str
    made_until: datetime | None
    source: str
    sequence_base: int
    retimed_at: datetime | None
    before_change: Mapping[str, str] | None

    @property
    def rrule(self) -> str:
        """Its rule as the table keeps it; "" for a single event."""
        return self.times.rule.text(self.times.zone) if self.times.rule else ""


def last_cancellation(connection: Connection, identifier: UUID) -> UUID | None:
    """The act of its organiser that called an event off last, undone or not."""
    statement = text("SELECT cancellation FROM event WHERE id = :id")
    found: UUID | None = connection.execute(statement, {"id": identifier}).scalar_one_or_none()
    return found


def organises(connection: Connection, series: EventSeries, person: UUID) -> bool:
    """Whether a person wrote an event, or organises the public group that it belongs to."""
    if series.person == person:
        return True
    bound = {"series": series.id, "person": person}
    return bool(connection.execute(text(ORGANISES_GROUP), bound).scalar_one())


def find_series(
    connection: Connection, identifier: UUID, *, lock: bool = False
) -> EventSeries | None:
    if lock:
        statement = text("SELECT FROM event_series WHERE id = :id FOR UPDATE")
        connection.execute(statement, {"id": identifier})
    row = connection.execute(text(SERIES), {"id": identifier}).one_or_none()
    if row is None:
        return None
    return EventSeries(
        id=row.id,
        person=row.person,
        organiser=row.organiser,
        times=times_of(row),
        revision=row.revision,
        queued_at=row.queued_at,
        submitted_at=row.submitted_at,
        published_at=row.published_at,
        reason=row.reason,
        made_until=row.made_until,
        source=row.source,
        sequence_base=row.sequence_base,
        retimed_at=row.retimed_at,
        before_change=row.before_change,
    )


def series_linked_to(connection: Connection, series: EventSeries) -> list[UUID]:
    """A series with all that its first part was parted into, in the order of time.

    New times for what comes part a series; people still go to one and the same thing. One that was
    parted twice has two that continue it.
    """
    return list(connection.execute(text(LINKED_SERIES), {"id": series.id}).scalars())


def has_later_parts(connection: Connection, series: EventSeries, now: datetime) -> bool:
    """Whether dates to come of what continues a series take place as announced."""
    linked = series_linked_to(connection, series)
    later = linked[linked.index(series.id) + 1 :]
    return any(
        one.ends_at > now and one.status in OPEN
        for part in later
        for one in of_series(connection, part)
    )


def times_of(row: Row[Any]) -> EventTimes:
    return EventTimes(
        row.starts_local,
        row.duration,
        row.zone,
        RecurrenceRule.parse(row.rrule, row.zone) if row.rrule else None,
        tuple(row.exdates),
        tuple(row.rdates),
    )


def departement_of(connection: Connection, ref: TerritoryRef) -> str | None:
    """The département that a territory is, or lies in; None for a région and what straddles."""
    if ref.level is Level.DEPARTEMENT:
        return ref.code
    bound = {"level": str(ref.level), "code": ref.code}
    found: str | None = connection.execute(text(DEPARTEMENT), bound).scalar_one_or_none()
    return found


def of_form(connection: Connection, form: UUID) -> tuple[UUID, UUID | None] | None:
    """The series that a form has made already, and its organiser."""
    statement = text("SELECT id, person FROM event_series WHERE form = :form")
    row = connection.execute(statement, {"form": form}).one_or_none()
    return (row.id, row.person) if row else None


def first_of(connection: Connection, series: UUID, now: datetime) -> UUID:
    """The occurrence that stands for a series: the next one, else the last."""
    found: UUID = connection.execute(text(FIRST), {"series": series, "now": now}).scalar_one()
    return found


def mine(connection: Connection, person: UUID, now: datetime) -> list[Event]:
    """One occurrence of each series that a person organises, the latest proposed first."""
    rows = connection.execute(text(MINE), {"person": person}).scalars().all()
    firsts = [first_of(connection, one, now) for one in rows]
    known = of_ids(connection, firsts)
    return [known[one] for one in firsts]


LATER_DATES = """
SELECT EXISTS (SELECT FROM event
                WHERE series = ANY(CAST(:parts AS uuid[])) AND starts_at > :starts
                  AND status = ANY(:open))"""


def others_stand(connection: Connection, of: Event) -> bool:
    """Whether later dates of the same thing, in whichever part of it, take place as announced."""
    series = find_series(connection, of.series)
    parts = series_linked_to(connection, series) if series else []
    bound = {"parts": parts, "starts": of.starts_at, "open": [str(one) for one in OPEN]}
    return bool(connection.execute(text(LATER_DATES), bound).scalar_one())


def of_group(connection: Connection, group: UUID, now: datetime, limit: int) -> Sequence[Event]:
    """The next dates of the series of a group that take place, `limit` at most, and the first
    `SHOWN_OFF` that are called off among them; where none takes place, the next that does not."""
    wanted = EventFilters(group=group, status=PUBLIC)
    found = find_page(connection, wanted, limit * LOOKED_AT_DATES, now).items
    off = [one for one in found if one.status in (EventStatus.CANCELLED, EventStatus.POSTPONED)]
    live = [one for one in found if one not in off][:limit]
    if not live:
        return off[:1]
    between = [one for one in off if one.starts_at <= live[-1].starts_at][:SHOWN_OFF]
    return sorted([*live, *between], key=lambda one: (one.starts_at, one.id))


def is_within(connection: Connection, series: UUID, reach: TerritoryScope) -> bool:
    """Whether any occurrence of a series is placed within a scope."""
    statement = text(fill(IS_WITHIN, {"reach": within(reach, "event.")}))
    return bool(connection.execute(statement, bound_reach(reach) | {"id": series}).scalar_one())


def export(connection: Connection, person: UUID) -> dict[str, Any]:
    """What a person organises and comes to, for the export of their data."""
    return {
        "organised": [
            dict(row._mapping) for row in connection.execute(text(ORGANISED), {"person": person})
        ],
        "registrations": [
            dict(row._mapping) for row in connection.execute(text(COMING_TO), {"person": person})
        ],
    }


ORGANISES_GROUP = """
SELECT EXISTS (
    SELECT FROM event_series
      JOIN local_group ON local_group.id = event_series.local_group
      JOIN group_member ON group_member.local_group = local_group.id
     WHERE event_series.id = :series AND group_member.person = :person
       AND standing = 'organiser' AND status IN ('published', 'archived'))"""

SERIES = """
SELECT event_series.id, event_series.person, coalesce(person.name, '') AS organiser, starts_local,
       duration, zone, rrule, exdates, rdates, revision, queued_at, submitted_at, published_at,
       reason, made_until, source, sequence_base, retimed_at, before_change
  FROM event_series LEFT JOIN person ON person.id = event_series.person
 WHERE event_series.id = :id"""

LINKED_SERIES = """
WITH RECURSIVE former AS (
    SELECT id, continues FROM event_series WHERE id = :id
     UNION
    SELECT one.id, one.continues
      FROM event_series AS one JOIN former ON one.id = former.continues
), family AS (
    SELECT id FROM former WHERE continues IS NULL
     UNION
    SELECT one.id
      FROM event_series AS one JOIN family ON one.continues = family.id
)
SELECT id FROM event_series
 WHERE id IN (SELECT id FROM family)
 ORDER BY starts_local, id"""

# An overseas région is one département.
DEPARTEMENT = """
SELECT coalesce(departement, (SELECT min(code) FROM territory AS part
                               WHERE part.level = 'departement' AND territory.level = 'region'
                                 AND part.region = territory.code
                              HAVING count(*) = 1))
  FROM territory WHERE level = :level AND code = :code"""

FIRST = """
SELECT id FROM event WHERE series = :series
 ORDER BY ends_at <= :now, CASE WHEN ends_at > :now THEN starts_at END, starts_at DESC, id
 LIMIT 1"""

MINE = """
SELECT id FROM event_series
 WHERE person = :person AND EXISTS (SELECT FROM event WHERE event.series = event_series.id)
 ORDER BY submitted_at DESC, id LIMIT 200"""

IS_WITHIN = "SELECT EXISTS (SELECT FROM event WHERE event.series = :id AND {reach})"

ORGANISED = """
SELECT event_series.id AS series, event.id, event.status, event.title, event.summary,
       event.description, event.theme, event.starts_at, event.ends_at, event.zone, event.place_text,
       event.online_url, event.capacity, event.question, event.note, event_series.rrule,
       event_series.submitted_at, event_series.published_at, event_series.reason
  FROM event_series JOIN event ON event.series = event_series.id
 WHERE event_series.person = :person
 ORDER BY event.starts_at, event.id"""

COMING_TO = """
SELECT registration.event, event.title, event.starts_at, registration.state, registration.seats,
       registration.name, registration.is_public, registration.shares_address, registration.answer,
       registration.created_at,
       registration.changed_at
  FROM event_registration AS registration JOIN event ON event.id = registration.event
 WHERE registration.person = :person
 ORDER BY event.starts_at, event.id"""
