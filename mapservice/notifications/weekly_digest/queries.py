"""Who gets a weekly digest, and what is in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, select, text

from mapservice.accounts.roles import queries as roles
from mapservice.accounts.roles.model import TerritoryScope, badge_of
from mapservice.dashboards import queries as coordination
from mapservice.dashboards.model import AreaFigures, DashboardView
from mapservice.db.group_tables import local_group
from mapservice.db.tables import initiative
from mapservice.events import queries as events
from mapservice.events.filters import EventFilters
from mapservice.events.model import Event
from mapservice.groups import queries as groups
from mapservice.groups.filters import GroupFilters
from mapservice.groups.model import DORMANT_AFTER, GroupState, LocalGroup
from mapservice.initiatives.conditions import where
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.filters import RollupScope as Counted
from mapservice.moderation.model import CaseKind
from mapservice.moderation.places import queries as places
from mapservice.notifications.subscriptions import queries as following
from mapservice.notifications.subscriptions.queries import SubjectNews
from mapservice.notifications.weekly_digest.model import (
    BELOW,
    NAMED,
    WEEK,
    AreaMove,
    DigestWeek,
    SourceMonth,
    WaitingSummary,
    midnight,
    moves,
)
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef

# How many new initiatives a digest names for each territory; a link leads to the others.
LISTED = 5

# People who have a role before the first digest is written get the one of the week before.
ENROL = """
INSERT INTO briefing_reader (person, told_on)
SELECT person, greatest(date_trunc('week', min(granted_at) AT TIME ZONE 'Europe/Paris'),
                        CAST(:monday AS date) - 7)
  FROM role_grant GROUP BY person
    ON CONFLICT DO NOTHING"""

# In the order of ids, so that a person whose digest fails holds up nobody else.
NEXT_DUE = """
SELECT person FROM briefing_reader
 WHERE left_at IS NULL AND told_on < :monday AND person > :after
   AND EXISTS (SELECT FROM role_grant WHERE role_grant.person = briefing_reader.person)
 ORDER BY person LIMIT 1"""

LOCK_DUE = """
SELECT reader.id, reader.person, person.email, person.locale, reader.leave_key, reader.told_on,
       reader.quiet_weeks
  FROM briefing_reader AS reader JOIN person ON person.id = reader.person
 WHERE reader.person = :person AND reader.told_on < :monday AND reader.left_at IS NULL
   AND person.confirmed_at IS NOT NULL AND person.erased_at IS NULL
   FOR UPDATE OF reader SKIP LOCKED"""

READER = """
SELECT left_at IS NULL AS gets, told_on FROM briefing_reader WHERE person = :person"""

EXPORT = """
SELECT told_on, quiet_weeks, left_at FROM briefing_reader WHERE person = :person"""

# A case that concerns two territories of a scope counts once.
WAITING = """
SELECT kind, count(DISTINCT id) AS number, min(since) AS oldest
  FROM waiting_area WHERE area = ANY(:areas) GROUP BY kind"""
ALL_AREAS = "all"

# What was undone since brought nothing.
SOURCES = """
SELECT source.platform,
       coalesce(sum(CAST(counts ->> 'imported' AS integer)), 0) AS new,
       coalesce(sum(CAST(counts ->> 'updated' AS integer)), 0) AS changed,
       coalesce(sum(CAST(counts ->> 'gone' AS integer)), 0) AS gone,
       coalesce(sum(CAST(counts ->> 'to_review' AS integer)), 0) AS in_doubt,
       CASE sweep_state WHEN 'failed' THEN sweep_reason ELSE '' END AS failure
  FROM import_source AS source
  LEFT JOIN import_run AS run ON run.platform = source.platform AND run.state = 'done'
   AND run.finished_at >= :since AND run.finished_at < :until
 WHERE source.connector <> ''
 GROUP BY source.platform, sweep_state, sweep_reason
 ORDER BY lower(source.platform), source.platform"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestReader:
    """A person who gets the weekly digest, and where and how to write to them."""

    id: UUID
    person: UUID
    email: str
    locale: str
    leave_key: bytes
    told_on: date
    quiet_weeks: int


@dataclass(frozen=True, slots=True)
class ComingEvents:
    """What takes place in the seven days from the digest's on: `total` dates, the next few named.

    `more_than`: there are more than were counted.
    """

    total: int
    items: Sequence[Event]
    more_than: bool


@dataclass(frozen=True, slots=True)
class SilentGroups:
    """Groups that fell asleep in the week: six months without a sign of who organises them."""

    total: int
    items: Sequence[LocalGroup]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSection:
    """One territory (`ref` None: France): its news, the two windows of 90 days, clear changes,
    what comes, and the groups that fell silent.

    `compared`: the data go back far enough; otherwise `before` means nothing.
    """

    ref: TerritoryRef | None
    name: str
    news: SubjectNews
    recent: int
    before: int
    compared: bool
    changed: bool
    rising: tuple[AreaMove, ...]
    falling: tuple[AreaMove, ...]
    coming: ComingEvents
    silent: SilentGroups

    @property
    def path(self) -> str:
        return f"/coordination/{self.ref.level}/{self.ref.code}" if self.ref else "/coordination"

    @property
    def listing(self) -> str:
        return f"/initiatives?territory={self.ref}" if self.ref else "/initiatives"

    def agenda(self, day: date) -> str:
        """The list of what comes in the seven days from `day` on; `to` is the last one."""
        days = f"from={day}&to={day + WEEK - timedelta(days=1)}"
        return f"/evenements?{f'territory={self.ref}&' if self.ref else ''}{days}"

    @property
    def sleepers(self) -> str:
        """The list of all groups there that are asleep."""
        return f"/groupes?{f'territory={self.ref}&' if self.ref else ''}state=dormant"


@dataclass(frozen=True, slots=True)
class WeeklyDigest:
    """One person's digest; what waits is listed once for all their territories.

    `sources`: in the first one of a month, for those who see all of France.
    """

    week: DigestWeek
    waiting: tuple[WaitingSummary, ...]
    sections: tuple[DigestSection, ...]
    sources: tuple[SourceMonth, ...] = ()

    @property
    def new(self) -> int:
        return sum(section.news.total for section in self.sections)

    @property
    def waits(self) -> int:
        return sum(one.count for one in self.waiting)

    @property
    def is_quiet(self) -> bool:
        moved = any(
            section.rising or section.falling or section.silent.total for section in self.sections
        )
        swept = any(not source.is_quiet for source in self.sources)
        return not (self.new or self.waits or self.coming or moved or swept)

    @property
    def coming(self) -> int:
        """Dates of all territories; sections do not overlap."""
        return sum(section.coming.total for section in self.sections)


def enrol(connection: Connection, monday: date) -> None:
    """Makes readers of people who have a role and are not readers yet."""
    connection.execute(text(ENROL), {"monday": monday})


def next_due(connection: Connection, monday: date, after: UUID) -> UUID | None:
    found: UUID | None = connection.scalar(text(NEXT_DUE), {"monday": monday, "after": after})
    return found


def lock_due(connection: Connection, person: UUID, monday: date) -> DigestReader | None:
    """None when another worker holds them, or has dealt with them."""
    row = connection.execute(text(LOCK_DUE), {"person": person, "monday": monday}).one_or_none()
    return DigestReader(**row._mapping) if row else None


def gets_weekly_digest(connection: Connection, person: UUID) -> bool:
    """Whether they get the digest as long as they have a role."""
    row = connection.execute(text(READER), {"person": person}).one_or_none()
    return row is None or bool(row.gets)


def leave_key(connection: Connection, reader: UUID) -> bytes | None:
    found: bytes | None = connection.scalar(
        text("SELECT leave_key FROM briefing_reader WHERE id = :id"), {"id": reader}
    )
    return found


def export(connection: Connection, person: UUID) -> object:
    """The person's own data, without the signing key."""
    row = connection.execute(text(EXPORT), {"person": person}).one_or_none()
    return dict(row._mapping) if row else None


def weekly_digest(
    connection: Connection, person: UUID, week: DigestWeek, day: date
) -> WeeklyDigest | None:
    """A person's digest of a week, with windows that end as `day` begins.

    None without a role, or where the only territories are ones that no longer exist.
    """
    badge = badge_of("", person, roles.of_person(connection, person))
    if badge is None:
        return None
    refs: list[TerritoryRef | None] = [None]
    if not badge.sees.everywhere:
        # Those that exist; one that lies within the others is covered by their sections.
        gone = territories.unknown(connection, badge.sees.territories)
        known = [ref for ref in badge.sees.territories if ref not in gone]
        refs = []
        for ref in known:
            others = TerritoryScope(tuple(other for other in known if other != ref))
            if not places.holds(connection, others, ref.level, ref.code):
                refs.append(ref)
    sections = [_section(connection, ref, week, day) for ref in refs]
    if not sections:
        return None
    sections.sort(key=lambda section: (-section.news.total, section.name))
    sources = _sources(connection, week) if badge.sees.everywhere else ()
    return WeeklyDigest(week, waiting(connection, badge.sees), tuple(sections), sources)


def waiting(connection: Connection, reach: TerritoryScope) -> tuple[WaitingSummary, ...]:
    """Waiting cases within a scope by kind; kinds without any are left out."""
    rows = connection.execute(text(WAITING), {"areas": areas_of(reach)})
    found = {row.kind: WaitingSummary(CaseKind(row.kind), row.number, row.oldest) for row in rows}
    return tuple(found[kind] for kind in CaseKind if kind in found)


def _sources(connection: Connection, week: DigestWeek) -> tuple[SourceMonth, ...]:
    if week.month is None:
        return ()
    since, until = map(midnight, week.month)
    rows = connection.execute(text(SOURCES), {"since": since, "until": until})
    return tuple(SourceMonth(**row._mapping) for row in rows)


def areas_of(reach: TerritoryScope) -> list[str]:
    """The areas of a scope as the queue names them."""
    return [ALL_AREAS] if reach.everywhere else [str(ref) for ref in reach.territories]


def _section(
    connection: Connection,
    ref: TerritoryRef | None,
    week: DigestWeek,
    day: date,
) -> DigestSection:
    now = midnight(day)
    filters = InitiativeFilters(territory=(ref,) if ref else ())
    fresh = and_(
        *where(filters),
        initiative.c.state_since >= week.since,
        initiative.c.state_since < week.until,
    )
    place = territories.find(connection, ref) if ref else None
    view = DashboardView(
        ref, ref.level if ref else Level.REGION, Counted.of(InitiativeFilters()), now
    )
    own = coordination.own(connection, view)
    rising, falling = _moves(connection, ref, now)
    # What takes place in the seven days from `day` on, by the clocks there.
    asked = EventFilters(about=filters, begin=day, end=day + WEEK)
    page = events.find_page(connection, asked, LISTED, now)
    total = events.count(connection, asked, now)
    return DigestSection(
        ref=ref,
        name=place.name if place else "",
        news=following.news(connection, fresh, LISTED),
        recent=int(own.recent[0]),
        before=int(own.before[0]),
        compared=own.compared,
        changed=bool(own.changed[0]),
        rising=rising,
        falling=falling,
        coming=ComingEvents(total, page.items, total >= events.COUNTED_UP_TO),
        silent=_silent(connection, filters, week, now),
    )


def _silent(
    connection: Connection, about: InitiativeFilters, week: DigestWeek, now: datetime
) -> SilentGroups:
    """Those that became dormant within the week; what is made up has nobody to give a sign."""
    dormant = GroupFilters(about=about, state=(GroupState.DORMANT,))
    fell = [
        *groups.where(dormant, now),
        local_group.c.last_sign_at >= week.since - DORMANT_AFTER,
        local_group.c.source == "",
    ]
    chosen = select(local_group.c.id).where(*fell).order_by(local_group.c.last_sign_at)
    ids = list(connection.execute(chosen).scalars())
    known = groups.of_ids(connection, ids[:LISTED])
    return SilentGroups(len(ids), [known[one] for one in ids[:LISTED] if one in known])


def _moves(
    connection: Connection, ref: TerritoryRef | None, now: datetime
) -> tuple[tuple[AreaMove, ...], tuple[AreaMove, ...]]:
    """The strongest rises and falls among the territories of all levels below."""
    rising: list[AreaMove] = []
    falling: list[AreaMove] = []
    for level in BELOW[ref.level if ref else None]:
        view = DashboardView(ref, level, Counted.of(InitiativeFilters()), now)
        areas = coordination.areas(connection, view)
        found = moves(areas)
        rising += _named(connection, level, areas, found.rising[:NAMED])
        falling += _named(connection, level, areas, found.falling[:NAMED])
    rising.sort(key=_by_difference)
    falling.sort(key=_by_difference)
    return tuple(rising[:NAMED]), tuple(falling[:NAMED])


def _named(
    connection: Connection, level: Level, areas: AreaFigures, at: Sequence[int]
) -> Sequence[AreaMove]:
    codes = [areas.codes[one] for one in at]
    names = coordination.names(connection, level, codes)
    return [
        AreaMove(
            level,
            name.code,
            name.name,
            int(areas.recent[one]),
            int(areas.before[one]),
            areas.partial is not None and bool(areas.partial[one]),
        )
        for name, one in zip(names, at, strict=True)
    ]


def _by_difference(move: AreaMove) -> Any:
    return -abs(move.recent - move.before)
