"""Reading roles: of one person at each request, of all for admins, and the log."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from mapservice.accounts.roles.model import (
    COUNTRY,
    GrantAction,
    GrantInForce,
    GrantLogEntry,
    Role,
    RoleGrant,
    TerritoryScope,
    signature,
)
from mapservice.accounts.roles.reach import bound, condition
from mapservice.db.engine import fill
from mapservice.territories.model import Level, TerritoryRef

# A commune that is no more stands for its one heir; where it was shared out, for none.
HEIR = """
CASE WHEN {grant}.level = 'commune'
      AND NOT EXISTS (SELECT FROM territory
                       WHERE territory.level = 'commune' AND territory.code = {grant}.code)
     THEN (SELECT min(alias.commune) FROM territory_alias AS alias
            WHERE alias.code = {grant}.code HAVING count(DISTINCT alias.commune) = 1) END"""

OF_PERSON = """
SELECT role, level, coalesce({heir}, code) AS code
  FROM role_grant
 WHERE person = :person
 ORDER BY role, level, code"""

EVERYONE = """
SELECT role_grant.person, person.email, person.name, person.confirmed_at IS NOT NULL AS confirmed,
       role_grant.role, role_grant.level, role_grant.code, role_grant.granted_at,
       place.name AS place, place.code AS today
  FROM role_grant
  JOIN person ON person.id = role_grant.person
  LEFT JOIN territory AS place
    ON place.level = role_grant.level AND place.code = coalesce({heir}, role_grant.code)
 WHERE CAST(:person AS uuid) IS NULL OR role_grant.person = :person
 ORDER BY person.email, role_grant.role, role_grant.level, role_grant.code"""

LOG = """
SELECT role_log.at, role_log.act, role_log.role, role_log.level, role_log.code,
       role_log.person, who.email AS who_email,
       role_log.by_person, by_whom.email AS by_email, role_log.by_name, place.name AS place
  FROM role_log
  LEFT JOIN person AS who ON who.id = role_log.person
  LEFT JOIN person AS by_whom ON by_whom.id = role_log.by_person
  LEFT JOIN territory AS place
    ON place.level = role_log.level AND place.code = role_log.code
 ORDER BY role_log.id DESC
 LIMIT :limit"""

EXPORT_GRANTS = """
SELECT role, level, code, granted_at FROM role_grant WHERE person = :person ORDER BY granted_at"""

EXPORT_LOG = """
SELECT at, act, role, level, code,
       person = :person AS concerns_me, coalesce(by_person = :person, false) AS done_by_me
  FROM role_log
 WHERE person = :person OR by_person = :person
 ORDER BY id"""

EXPORT_DECISIONS = """
SELECT initiative, revision, verdict, reason, decided_at
  FROM decision WHERE decided_by_person = :person ORDER BY id"""

OVERLAPS = """
SELECT EXISTS (
  SELECT FROM (SELECT code AS commune, epci, departement, region
                 FROM territory WHERE level = 'commune') AS ground
   WHERE ground.{level} = :code AND {reach})"""


def of_person(connection: Connection, person: UUID) -> tuple[RoleGrant, ...]:
    """What they hold at this moment, by today's territories."""
    statement = fill(OF_PERSON, {"heir": fill(HEIR, {"grant": "role_grant"})})
    return tuple(_grant(row) for row in connection.execute(text(statement), {"person": person}))


def everyone(connection: Connection, person: UUID | None = None) -> list[GrantInForce]:
    """All grants in force, or those of one person, as they were granted."""
    statement = fill(EVERYONE, {"heir": fill(HEIR, {"grant": "role_grant"})})
    return [
        GrantInForce(
            person=row.person,
            email=row.email,
            name=row.name,
            confirmed=row.confirmed,
            grant=_grant(row),
            place=row.place or row.code,
            is_known=row.level == COUNTRY or row.place is not None,
            granted_at=row.granted_at,
            today=TerritoryRef(Level(row.level), row.today) if row.today else None,
        )
        for row in connection.execute(text(statement), {"person": person})
    ]


def log(connection: Connection, limit: int) -> list[GrantLogEntry]:
    """The latest lines first."""
    return [
        GrantLogEntry(
            at=row.at,
            act=GrantAction(row.act),
            who=_name(row.who_email, row.person),
            by=row.by_name or _name(row.by_email, row.by_person),
            grant=_grant(row),
            place=row.place or "",
        )
        for row in connection.execute(text(LOG), {"limit": limit})
    ]


def export(connection: Connection, person: UUID) -> dict[str, Any]:
    """All that roles keep about a person, for them; others are not named."""
    parts = {"grants": EXPORT_GRANTS, "log": EXPORT_LOG, "decisions": EXPORT_DECISIONS}
    return {
        name: [dict(row._mapping) for row in connection.execute(text(sql), {"person": person})]
        for name, sql in parts.items()
    }


def overlaps(connection: Connection, ref: TerritoryRef, reach: TerritoryScope) -> bool:
    """Whether a territory shares at least one commune with a reach."""
    statement = fill(OVERLAPS, {"level": str(ref.level), "reach": condition(reach, "ground.")})
    return bool(connection.execute(text(statement), bound(reach) | {"code": ref.code}).scalar_one())


def _name(email: str | None, person: UUID | None) -> str:
    return email or (signature("", person) if person else "")


def _grant(row: Row[Any]) -> RoleGrant:
    ref = None if row.level == COUNTRY else TerritoryRef(Level(row.level), row.code)
    return RoleGrant(Role(row.role), ref)
