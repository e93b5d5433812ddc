"""Reading supports and reports."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.accounts.roles.reach import bound as bound_reach
from mapservice.accounts.roles.reach import condition as within
from mapservice.contributions.supports.model import (
    LocalShare,
    OwnSupport,
    ProblemReport,
    ReportReason,
    SupportStanding,
)
from mapservice.db.engine import fill

# Triggers keep how many live around it (`local_here`, by `communes_around`).
SHARE = """
SELECT supporters AS counted, precision NOT IN ('national', 'none') AS is_known,
       local_here AS local, told_here AS told,
       (SELECT count(*)
          FROM support
          LEFT JOIN burst ON burst.id = support.burst
         WHERE support.initiative IN (SELECT merge_tree(:id)) AND held_at IS NOT NULL
           AND withdrawn_at IS NULL AND burst.state IS DISTINCT FROM 'dismissed') AS held
  FROM initiative
 WHERE id = :id"""

STANDING = """
CASE WHEN support.held_at IS NULL THEN 'counted'
     WHEN burst.state = 'dismissed' THEN 'dismissed'
     ELSE 'held' END"""

MINE = """
SELECT {standing} AS standing
  FROM support
  LEFT JOIN burst ON burst.id = support.burst
 WHERE support.initiative IN (SELECT merge_tree(:initiative))
   AND person = :person AND withdrawn_at IS NULL
 ORDER BY 1
 LIMIT 1"""

OF_PERSON = """
SELECT support.initiative, initiative.title,
       is_public(found.status) AS is_public,
       support.commune, support.confirmed_at, support.withdrawn_at, {standing} AS standing
  FROM support
  LEFT JOIN burst ON burst.id = support.burst
  JOIN initiative ON initiative.id = support.initiative
  JOIN initiative AS found ON found.id = merge_head(initiative.id)
 WHERE support.person = :person
 ORDER BY support.confirmed_at DESC, support.id"""

REPORTS_OF_PERSON = """
SELECT initiative, photo, post, reason, text, created_at, state FROM report
 WHERE person = :person ORDER BY created_at, id"""

# What was merged into another one is found there.
TARGET = """
SELECT initiative.id, initiative.title, initiative.status, author.id AS author,
       author.email AS author_email, author.locale AS author_locale
  FROM initiative
  LEFT JOIN proposal ON proposal.initiative = initiative.id
  LEFT JOIN person AS author ON author.id = proposal.person AND author.confirmed_at IS NOT NULL
                            AND author.erased_at IS NULL
 WHERE initiative.id = merge_head(:id) AND is_public(initiative.status)"""

TREE = "SELECT merge_tree(:id)"

REPORT = """
SELECT report.id, report.initiative, initiative.title, initiative.status, report.reason,
       report.text, report.confirmed, report.created_at, report.state = 'open' AS is_open,
       coalesce(report.closed_by, '') AS closed_by, report.note, report.photo, report.post
  FROM report
  JOIN initiative ON initiative.id = report.initiative
 WHERE report.id = :id"""

IS_WITHIN = """
SELECT EXISTS (SELECT FROM report JOIN initiative ON initiative.id = report.initiative
                WHERE report.id = :id AND {within})"""

DIFFERENCES = """
SELECT initiative, supporters, counted FROM support_difference ORDER BY initiative LIMIT 20"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportTarget:
    """A public initiative that somebody supports, reports or asks about, with its author, if any.

    `id` differs from the one asked for where that was merged into this one. The author's address is
    for mail alone: no page may show it.
    """

    id: UUID
    title: str
    status: str
    author: UUID | None
    author_email: str | None
    author_locale: str | None


def share(connection: Connection, initiative: UUID) -> LocalShare:
    """How many support an initiative here, and how many of them live around it."""
    row = connection.execute(text(SHARE), {"id": initiative}).one_or_none()
    return (
        LocalShare(row.counted, row.local, row.is_known, row.held, row.told)
        if row
        else LocalShare(0, 0, False)
    )


def standing(connection: Connection, person: UUID, initiative: UUID) -> SupportStanding | None:
    """How a person's support stands; None where they do not support the initiative."""
    bound = {"person": person, "initiative": initiative}
    statement = text(fill(MINE, {"standing": STANDING}))
    found = connection.execute(statement, bound).scalar_one_or_none()
    return SupportStanding(found) if found else None


def of_person(connection: Connection, person: UUID) -> list[OwnSupport]:
    """Their supports, withdrawn ones too, the newest first."""
    statement = text(fill(OF_PERSON, {"standing": STANDING}))
    rows = connection.execute(statement, {"person": person}).mappings()
    return [OwnSupport(**{**row, "standing": SupportStanding(row["standing"])}) for row in rows]


def export(connection: Connection, person: UUID) -> dict[str, object]:
    """The supports and reports of a person, for the export of their data."""
    names = ("initiative", "title", "commune", "confirmed_at", "withdrawn_at", "standing")
    reports = connection.execute(text(REPORTS_OF_PERSON), {"person": person})
    return {
        "supports": [
            {name: getattr(one, name) for name in names} for one in of_person(connection, person)
        ],
        "reports": [dict(row._mapping) for row in reports],
    }


def target(connection: Connection, initiative: UUID) -> SupportTarget | None:
    """None unless the initiative, or what it was merged into, is public."""
    row = connection.execute(text(TARGET), {"id": initiative}).one_or_none()
    return SupportTarget(**row._mapping) if row else None


def tree(connection: Connection, initiative: UUID) -> list[UUID]:
    """Itself and all that is merged into it: whose supports count for it."""
    return list(connection.execute(text(TREE), {"id": initiative}).scalars())


def find_report(connection: Connection, identifier: UUID) -> ProblemReport | None:
    row = connection.execute(text(REPORT), {"id": identifier}).mappings().one_or_none()
    return ProblemReport(**{**row, "reason": ReportReason(row["reason"])}) if row else None


def is_within(connection: Connection, report: UUID, reach: TerritoryScope) -> bool:
    """Whether there is such a report, about an initiative within a reach."""
    statement = fill(IS_WITHIN, {"within": within(reach, "initiative.")})
    bound = bound_reach(reach) | {"id": report}
    return bool(connection.execute(text(statement), bound).scalar_one())


def differences(connection: Connection) -> list[str]:
    """Initiatives whose count is not that of their supports, in words; none if all is right."""
    return [
        f"initiative {row.initiative} counts {row.supporters} supports, there are {row.counted}"
        for row in connection.execute(text(DIFFERENCES))
    ]
