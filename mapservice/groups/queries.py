"""Reading groups: pages of a filter, one group, who belongs to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union_all,
)

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.accounts.roles.reach import bound as bound_reach
from mapservice.accounts.roles.reach import condition as within
from mapservice.db.engine import fill
from mapservice.db.group_tables import local_group
from mapservice.geocoding.model import Precision
from mapservice.groups.filters import GroupCursor, GroupFilters
from mapservice.groups.model import (
    DORMANT_AFTER,
    PUBLIC,
    GroupMember,
    GroupOpenness,
    GroupState,
    GroupStatus,
    LocalGroup,
    MemberStanding,
    MessageWish,
)
from mapservice.initiatives.conditions import about, distance, one_of
from mapservice.initiatives.grid import CELL_ZOOM, Tile
from mapservice.initiatives.model import Scale, Theme
from mapservice.territories.model import Level, TerritoryRef
from mapservice.territories.name_columns import name_columns

COUNTED_UP_TO = 5_000
# As the partial indexes say it, so that the planner finds them.
IS_PUBLIC: ColumnElement[bool] = literal_column(
    "local_group.status IN ({})".format(", ".join(f"'{one}'" for one in PUBLIC)), Boolean()
)
IS_OPEN: ColumnElement[bool] = literal_column(
    f"local_group.status = '{GroupStatus.PUBLISHED}'", Boolean()
)
# What tiles read of a group. Written out, as SQLAlchemy has geometries sent as EWKB.
_spot_columns: list[ColumnElement[Any]] = [
    literal_column(f"local_group.{name}")
    for name in ("id", "theme", "precision", "cell", "anchor_3857")
]


def where(filters: GroupFilters, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions on `local_group` that a filter stands for; all must hold."""
    own = local_group.c
    if set(filters.states) == {GroupState.ACTIVE, GroupState.DORMANT}:
        # Neither goes by the clock, and an index holds these alone.
        return [IS_OPEN, *about(filters.about, local_group), *_is_open_to(filters)]
    states = {
        GroupState.ACTIVE: and_(IS_OPEN, own.last_sign_at >= now - DORMANT_AFTER),
        GroupState.DORMANT: and_(IS_OPEN, own.last_sign_at < now - DORMANT_AFTER),
        GroupState.ARCHIVED: own.status == str(GroupStatus.ARCHIVED),
    }
    conditions = [IS_PUBLIC, *about(filters.about, local_group)]
    conditions.append(or_(*(states[one] for one in filters.states)))
    return conditions + _is_open_to(filters)


def _is_open_to(filters: GroupFilters) -> list[ColumnElement[bool]]:
    return [one_of(local_group.c.openness, filters.openness)] if filters.openness else []


def in_tile(filters: GroupFilters, now: datetime, tile: Tile) -> Select[Any]:
    """What a filter finds in a tile: what it shows alone, which one index holds."""
    first, end = tile.cells(CELL_ZOOM)
    own = local_group.c
    return select(*_spot_columns).where(own.cell >= first, own.cell < end, *where(filters, now))


def order() -> tuple[ColumnElement[Any], ...]:
    """Those published last first; total, by falling back on the id. Never by how many belong."""
    return local_group.c.published_at.desc(), local_group.c.id.desc()


def after(cursor: GroupCursor | None) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    own = local_group.c
    return [tuple_(own.published_at, own.id) < tuple_(cursor.published_at, cursor.id)]


@dataclass(frozen=True, slots=True)
class GroupPage:
    """Groups in order, and where the next page begins."""

    items: Sequence[LocalGroup]
    next: GroupCursor | None


def find_page(
    connection: Connection,
    filters: GroupFilters,
    limit: int,
    now: datetime,
    cursor: GroupCursor | None = None,
) -> GroupPage:
    chosen = (
        select(local_group.c.id)
        .where(*where(filters, now), *after(cursor))
        .order_by(*order())
        .limit(limit + 1)
    )
    found = _LISTING.where(local_group.c.id.in_(chosen.correlate(None)))
    if near := filters.about.near:
        found = found.add_columns(distance(near, local_group.c).label("distance"))
    items = [_group(row) for row in connection.execute(found)]
    last = items[limit - 1] if len(items) > limit else None
    following = None
    if last:
        assert last.published_at is not None, "what is public was published"
        following = GroupCursor(last.published_at, last.id)
    return GroupPage(items[:limit], following)


def newest(
    connection: Connection, wanted: Sequence[GroupFilters], limit: int, now: datetime
) -> list[LocalGroup]:
    """The first of all that these filters find, those published last first.

    Distances are those of the first one. They are one question, planned and asked once.
    """
    parts = [
        select(local_group.c.id).where(*where(one, now)).order_by(*order()).limit(limit).subquery()
        for one in wanted
    ]
    ids = union_all(*(select(one.c.id) for one in parts))
    found = _LISTING.where(local_group.c.id.in_(ids)).limit(limit)
    if near := wanted[0].about.near:
        found = found.add_columns(distance(near, local_group.c).label("distance"))
    return [_group(row) for row in connection.execute(found)]


def count(connection: Connection, filters: GroupFilters, now: datetime) -> int:
    """How many a filter finds, counted no farther than `COUNTED_UP_TO`."""
    some = select(local_group.c.id).where(*where(filters, now)).limit(COUNTED_UP_TO).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def find(connection: Connection, identifier: UUID, *, lock: bool = False) -> LocalGroup | None:
    """One group, whatever its status; `lock` holds it until the transaction ends."""
    if lock:
        statement = text("SELECT FROM local_group WHERE id = :id FOR NO KEY UPDATE")
        connection.execute(statement, {"id": identifier})
    found = of_ids(connection, [identifier])
    return found.get(identifier)


def before_change(connection: Connection, identifier: UUID) -> dict[str, str]:
    """What a group said in public before a change that moderators have not seen; {} for none."""
    statement = select(local_group.c.before_change).where(local_group.c.id == identifier)
    return connection.execute(statement).scalar_one_or_none() or {}


def of_ids(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, LocalGroup]:
    rows = connection.execute(_LISTING.where(local_group.c.id.in_(list(ids))))
    return {row.id: _group(row) for row in rows}


_COLUMNS = (
    "id", "status", "name", "summary", "description", "theme", "openness", "organisation",
    "place_text", "area", "precision", "commune", "epci", "departement", "region", "members",
    "organisers", "succession_since", "handed_over_at", "last_sign_at", "revision", "queued_at",
    "submitted_at", "published_at", "archived_at", "reason", "source", "source_url",
    "source_licence", "changed_at",
)  # fmt: skip


def _listing() -> Select[Any]:
    """Every group with the names of its territories, in order."""
    own = local_group.c
    found: Select[Any] = select(
        *(own[name] for name in _COLUMNS),
        *name_columns(own),
        func.ST_X(own.point).label("lon"),
        func.ST_Y(own.point).label("lat"),
    )
    return found.order_by(own.published_at.desc().nulls_first(), own.id.desc())


# Made once: so many columns take a millisecond each time.
_LISTING = _listing()


def _group(row: Row[Any]) -> LocalGroup:
    return LocalGroup(
        **dict(row._mapping)
        | {
            "status": GroupStatus(row.status),
            "theme": Theme(row.theme),
            "openness": GroupOpenness(row.openness),
            "area": Scale(row.area),
            "precision": Precision(row.precision),
        }
    )


# --- Who belongs ----------------------------------------------------------------------------------


def member(connection: Connection, identifier: UUID) -> GroupMember | None:
    found = _members(connection, "group_member.id = :id", {"id": identifier})
    return found[0] if found else None


def of_person(connection: Connection, group: UUID, person: UUID) -> GroupMember | None:
    """How a person stands with a group; None: not at all."""
    bound = {"group": group, "person": person}
    found = _members(connection, "local_group = :group AND person = :person", bound)
    return found[0] if found else None


def members(connection: Connection, group: UUID) -> list[GroupMember]:
    """All rows of a group, for its organisers alone: what is to be decided first, then by name."""
    return _members(connection, "local_group = :group", {"group": group})


def public_organisers(connection: Connection, group: UUID) -> list[str]:
    """Names of the organisers who chose to show theirs."""
    statement = text(PUBLIC_ORGANISERS)
    return list(connection.execute(statement, {"group": group}).scalars())


def mine(connection: Connection, person: UUID) -> list[tuple[LocalGroup, GroupMember]]:
    """The groups that a person belongs to, follows or asked to join, by name."""
    own = _members(connection, "person = :person AND standing <> 'banned'", {"person": person})
    known = of_ids(connection, [one.local_group for one in own])
    pairs = [(known[one.local_group], one) for one in own]
    return sorted(pairs, key=lambda pair: (pair[0].name.casefold(), pair[0].id))


def edited_by(connection: Connection, person: UUID) -> list[LocalGroup]:
    """The public groups that a person organises or edits, by name."""
    return [
        group
        for group, own in mine(connection, person)
        if own.standing in (MemberStanding.ORGANISER, MemberStanding.EDITOR)
        and group.status is GroupStatus.PUBLISHED
    ]


def _members(connection: Connection, condition: str, bound: dict[str, Any]) -> list[GroupMember]:
    rows = connection.execute(text(fill(MEMBERS, {"condition": condition})), bound)
    return [
        GroupMember(
            **dict(row._mapping)
            | {"standing": MemberStanding(row.standing), "hears": MessageWish(row.hears)}
        )
        for row in rows
    ]


def of_form(connection: Connection, form: UUID) -> UUID | None:
    """The group that a form has made already."""
    statement = text("SELECT id FROM local_group WHERE form = :form")
    found: UUID | None = connection.execute(statement, {"form": form}).scalar_one_or_none()
    return found


def is_within(connection: Connection, identifier: UUID, reach: TerritoryScope) -> bool:
    """Whether a group is placed within a scope."""
    statement = text(fill(IS_WITHIN, {"reach": within(reach, "local_group.")}))
    return bool(connection.execute(statement, bound_reach(reach) | {"id": identifier}).scalar_one())


def parent_of(connection: Connection, ref: TerritoryRef, level: Level) -> str | None:
    """The code of the territory of a level that holds another, or is it; None: there is none."""
    if ref.level is level:
        return ref.code
    bound = {"level": str(ref.level), "code": ref.code, "wanted": str(level)}
    found: str | None = connection.execute(text(PARENT), bound).scalar_one_or_none()
    return found


def of_initiative(connection: Connection, initiative: UUID) -> LocalGroup | None:
    """The public group that an initiative belongs to."""
    statement = text("SELECT local_group FROM group_initiative WHERE initiative = :id")
    return _public(connection, connection.execute(statement, {"id": initiative}).scalar())


def of_series(connection: Connection, series: UUID) -> LocalGroup | None:
    """The public group that a series of events belongs to."""
    statement = text("SELECT local_group FROM event_series WHERE id = :id")
    return _public(connection, connection.execute(statement, {"id": series}).scalar())


def initiatives_of(connection: Connection, group: UUID) -> list[UUID]:
    """The public initiatives that belong to a group, the latest added first."""
    return list(connection.execute(text(INITIATIVES), {"group": group}).scalars())


def _public(connection: Connection, identifier: UUID | None) -> LocalGroup | None:
    found = find(connection, identifier) if identifier else None
    return found if found and found.is_public else None


def export(connection: Connection, person: UUID) -> list[dict[str, Any]]:
    """How a person stands with groups, for the export of their data."""
    return [dict(row._mapping) for row in connection.execute(text(EXPORT), {"person": person})]


MEMBERS = """
SELECT group_member.id, local_group, group_member.person, standing, group_member.name, is_public,
       shares_address, offered_until, group_member.created_at, group_member.changed_at, leave_key,
       hears, person.email, person.locale
  FROM group_member JOIN person ON person.id = group_member.person
 WHERE {condition}
 ORDER BY array_position(ARRAY['requested', 'organiser', 'editor', 'member', 'follower', 'banned'],
                         standing), lower(group_member.name), group_member.created_at,
          group_member.id"""

PUBLIC_ORGANISERS = """
SELECT name FROM group_member
 WHERE local_group = :group AND standing = 'organiser' AND is_public AND name <> ''
 ORDER BY created_at, id LIMIT 20"""

IS_WITHIN = "SELECT EXISTS (SELECT FROM local_group WHERE local_group.id = :id AND {reach})"

PARENT = """
SELECT CASE CAST(:wanted AS text) WHEN 'epci' THEN epci WHEN 'departement' THEN departement
                    WHEN 'region' THEN region END
  FROM territory WHERE level = :level AND code = :code"""

INITIATIVES = """
SELECT initiative.id
  FROM group_initiative JOIN initiative ON initiative.id = group_initiative.initiative
 WHERE group_initiative.local_group = :group AND is_public(initiative.status)
 ORDER BY added_at DESC, initiative.id LIMIT 50"""

EXPORT = """
SELECT local_group.id, local_group.name AS title, standing, group_member.name, is_public,
       shares_address, hears, offered_until, created_at, group_member.changed_at
  FROM group_member JOIN local_group ON local_group.id = group_member.local_group
 WHERE person = :person ORDER BY created_at, group_member.id"""
