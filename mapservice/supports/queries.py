"""Reading supports and reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.db.text import fill
from mapservice.roles.model import Reach
from mapservice.roles.reach import bound as bound_reach
from mapservice.roles.reach import condition as within
from mapservice.supports.model import Reason, Report, Share, Supported

# Who says to live "here": in the commune or its intercommunalité; where the place is wider, in it.
# Codes that a commune had before a merger count for it.
SHARE = """
WITH place AS (
  SELECT id, supported_here, commune, epci, departement, region,
         precision NOT IN ('national', 'none') AS is_known
    FROM initiative WHERE id = :id
), here AS (
  SELECT territory.code
    FROM territory, place
   WHERE territory.level = 'commune'
     AND CASE WHEN place.epci IS NOT NULL THEN territory.epci = place.epci
              WHEN place.commune IS NOT NULL THEN territory.code = place.commune
              WHEN place.departement IS NOT NULL THEN territory.departement = place.departement
              ELSE territory.region = place.region END
), codes AS (
  SELECT code FROM here
   UNION
  SELECT alias.code FROM territory_alias AS alias JOIN here ON here.code = alias.commune
)
SELECT place.supported_here AS counted, place.is_known,
       CASE WHEN place.supported_here > 0 AND place.is_known THEN (
         SELECT count(*) FROM support
          WHERE support.initiative = place.id AND withdrawn_at IS NULL AND held_at IS NULL
            AND support.commune IN (SELECT code FROM codes)) ELSE 0 END AS local
  FROM place"""

MINE = """
SELECT EXISTS (SELECT FROM support
                WHERE initiative = :initiative AND person = :person AND withdrawn_at IS NULL)"""

OF_PERSON = """
SELECT support.initiative, initiative.title,
       initiative.status IN ('published', 'done', 'archived') AS is_public,
       support.commune, support.confirmed_at, support.withdrawn_at, support.held_at
  FROM support
  JOIN initiative ON initiative.id = support.initiative
 WHERE support.person = :person
 ORDER BY support.confirmed_at DESC, support.id"""

REPORTS_OF_PERSON = """
SELECT initiative, reason, text, created_at, state FROM report
 WHERE person = :person ORDER BY created_at, id"""

TARGET = """
SELECT initiative.title, initiative.status, author.id AS author, author.email AS author_email,
       author.locale AS author_locale
  FROM initiative
  LEFT JOIN proposal ON proposal.initiative = initiative.id
  LEFT JOIN person AS author ON author.id = proposal.person AND author.confirmed_at IS NOT NULL
                            AND author.erased_at IS NULL
 WHERE initiative.id = :id AND initiative.status IN ('published', 'done', 'archived')"""

OPEN_REPORTS = """
SELECT report.id, report.initiative, initiative.title, initiative.status, report.reason,
       report.text, report.confirmed, report.created_at
  FROM report
  JOIN initiative ON initiative.id = report.initiative
 WHERE report.state = 'open' AND {within}
 ORDER BY report.created_at, report.id
 LIMIT :limit"""

IS_WITHIN = """
SELECT EXISTS (SELECT FROM report JOIN initiative ON initiative.id = report.initiative
                WHERE report.id = :id AND {within})"""

DIFFERENCES = """
SELECT initiative, supported_here, counted FROM support_difference ORDER BY initiative LIMIT 20"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A public initiative that somebody backs, reports or asks about, and its author if it has one.

    The author's address is for mail alone: no page may show it.
    """

    title: str
    status: str
    author: UUID | None
    author_email: str | None
    author_locale: str | None


def share(connection: Connection, initiative: UUID) -> Share:
    """How many back an initiative here, and how many of them live around it."""
    row = connection.execute(text(SHARE), {"id": initiative}).one_or_none()
    return Share(row.counted, row.local, row.is_known) if row else Share(0, 0, False)


def supports(connection: Connection, person: UUID, initiative: UUID) -> bool:
    """Whether a person backs an initiative now; a support that is held back is theirs too."""
    bound = {"person": person, "initiative": initiative}
    return bool(connection.execute(text(MINE), bound).scalar_one())


def of_person(connection: Connection, person: UUID) -> list[Supported]:
    """Their supports, withdrawn ones too, the newest first."""
    rows = connection.execute(text(OF_PERSON), {"person": person})
    return [Supported(**row._mapping) for row in rows]


def reports_of_person(connection: Connection, person: UUID) -> list[dict[str, Any]]:
    """For the export of their data."""
    rows = connection.execute(text(REPORTS_OF_PERSON), {"person": person})
    return [dict(row._mapping) for row in rows]


def target(connection: Connection, initiative: UUID) -> Target | None:
    """None unless the initiative is public."""
    row = connection.execute(text(TARGET), {"id": initiative}).one_or_none()
    return Target(**row._mapping) if row else None


def open_reports(connection: Connection, reach: Reach, limit: int) -> Sequence[Report]:
    """Those about initiatives within a reach, the oldest first."""
    statement = fill(OPEN_REPORTS, {"within": within(reach, "initiative.")})
    bound = bound_reach(reach) | {"limit": limit}
    rows = connection.execute(text(statement), bound).mappings()
    return [Report(**{**row, "reason": Reason(row["reason"])}) for row in rows]


def is_within(connection: Connection, report: UUID, reach: Reach) -> bool:
    """Whether there is such a report, about an initiative within a reach."""
    statement = fill(IS_WITHIN, {"within": within(reach, "initiative.")})
    bound = bound_reach(reach) | {"id": report}
    return bool(connection.execute(text(statement), bound).scalar_one())


def differences(connection: Connection) -> list[str]:
    """Initiatives whose count is not that of their supports, in words; none if all is right."""
    return [
        f"initiative {row.initiative} counts {row.supported_here} supports, there are {row.counted}"
        for row in connection.execute(text(DIFFERENCES))
    ]
