"""The queue of proposals, and what is known about each of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.db.text import fill
from mapservice.initiatives.model import Status
from mapservice.moderation.model import Counts, Decided, Past, Turn, Waiting
from mapservice.proposals.model import Verdict
from mapservice.review.model import Scope, Share
from mapservice.roles.model import Reach
from mapservice.roles.reach import bound as bound_reach
from mapservice.roles.reach import condition as within
from mapservice.territories.model import Level

CLAIMED = "CASE WHEN claimed_until > now() THEN claimed_by ELSE '' END"

QUEUE = """
SELECT proposal.initiative AS id, queued_at, initiative.status, {claimed} AS claimed_by
  FROM proposal
  JOIN initiative ON initiative.id = proposal.initiative
 WHERE queued_at IS NOT NULL {scope} {after}
 ORDER BY queued_at, proposal.initiative
 LIMIT :limit"""

AFTER = "AND (queued_at, proposal.initiative) > (:after, :after_id)"
WITHIN = "AND initiative.{level} = :code"
NOWHERE = "AND initiative.region IS NULL"

COUNT = """
SELECT count(*)
  FROM proposal
  JOIN initiative ON initiative.id = proposal.initiative
 WHERE queued_at IS NOT NULL {scope}"""

COUNTS = """
SELECT CASE GROUPING(initiative.region, initiative.departement)
            WHEN 3 THEN 'all' WHEN 1 THEN 'region' ELSE 'departement' END AS grain,
       initiative.region, initiative.departement, count(*) AS waiting,
       count(*) FILTER (WHERE initiative.region IS NULL) AS nowhere
  FROM proposal
  JOIN initiative ON initiative.id = proposal.initiative
 WHERE queued_at IS NOT NULL AND {reach}
 GROUP BY GROUPING SETS ((), (initiative.region), (initiative.region, initiative.departement))"""

IS_WITHIN = """
SELECT EXISTS (SELECT FROM initiative WHERE initiative.id = :id AND {reach})"""

NAMES = "SELECT level, code, name FROM territory WHERE level IN ('region', 'departement')"

ONE = """
SELECT proposal.initiative AS id, queued_at, initiative.status, {claimed} AS claimed_by
  FROM proposal
  JOIN initiative ON initiative.id = proposal.initiative
 WHERE proposal.initiative = :id"""

DECISIONS = """
SELECT revision, verdict, reason, decided_by, decided_at
  FROM decision WHERE initiative = :id ORDER BY id DESC"""

PAST = """
SELECT count(*) FILTER (WHERE status IN ('published', 'done', 'archived')) AS published,
       count(*) FILTER (WHERE status IN ('pending', 'draft')) AS waiting,
       count(*) FILTER (WHERE status = 'rejected') AS rejected
  FROM proposal
  JOIN initiative ON initiative.id = proposal.initiative
 WHERE person = :person AND proposal.initiative <> :id"""


def find_page(
    connection: Connection, scope: Scope, limit: int, after: Turn | None = None
) -> tuple[Sequence[Waiting], Turn | None]:
    """Some cases, the oldest first, and where the next ones begin."""
    texts = {"claimed": CLAIMED, "scope": condition(scope), "after": AFTER if after else ""}
    bound = bound_of(scope) | {"limit": limit + 1}
    if after:
        bound |= {"after": after.queued_at, "after_id": after.id}
    rows = connection.execute(text(fill(QUEUE, texts)), bound)
    found = [Waiting(row.id, row.queued_at, Status(row.status), row.claimed_by) for row in rows]
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], Turn(last.queued_at, last.id) if last else None


def find(connection: Connection, identifier: UUID) -> tuple[bool, str]:
    """Whether it waits, and who looks at it at this moment (or "")."""
    statement = text(fill(ONE, {"claimed": CLAIMED}))
    row = connection.execute(statement, {"id": identifier}).one_or_none()
    return (row is not None and row.queued_at is not None, row.claimed_by if row else "")


def is_within(connection: Connection, identifier: UUID, reach: Reach) -> bool:
    """Whether an initiative is placed within a reach."""
    statement = text(fill(IS_WITHIN, {"reach": within(reach, "initiative.")}))
    return bool(connection.execute(statement, bound_reach(reach) | {"id": identifier}).scalar_one())


def counts(connection: Connection, reach: Reach) -> Counts:
    statement = text(fill(COUNTS, {"reach": within(reach, "initiative.")}))
    rows = connection.execute(statement, bound_reach(reach)).all()
    names = {(row.level, row.code): row.name for row in connection.execute(text(NAMES))}
    total = next(row for row in rows if row.grain == "all")
    regions = [
        Share(row.region, names[Level.REGION, row.region], row.region, row.waiting)
        for row in rows
        if row.grain == "region" and row.region
    ]
    departements = [
        Share(row.departement, names[Level.DEPARTEMENT, row.departement], row.region, row.waiting)
        for row in rows
        if row.grain == "departement" and row.departement
    ]
    return Counts(
        total.waiting,
        total.nowhere,
        tuple(sorted(regions, key=_most)),
        tuple(sorted(departements, key=_most)),
    )


def count(connection: Connection, scope: Scope) -> int:
    statement = fill(COUNT, {"scope": condition(scope)})
    return int(connection.execute(text(statement), bound_of(scope)).scalar_one())


def decisions(connection: Connection, identifier: UUID) -> list[Decided]:
    """All that was ever decided about it, the latest first."""
    rows = connection.execute(text(DECISIONS), {"id": identifier})
    return [Decided(**{**row._mapping, "verdict": Verdict(row.verdict)}) for row in rows]


def past(connection: Connection, identifier: UUID, person: UUID | None) -> Past:
    if person is None:
        return Past()
    row = connection.execute(text(PAST), {"id": identifier, "person": person}).one()
    return Past(**row._mapping)


def condition(scope: Scope) -> str:
    return f"AND {within(scope.reach, 'initiative.')} {_part(scope)}"


def bound_of(scope: Scope) -> dict[str, Any]:
    part = {"code": scope.territory.code} if scope.territory and not scope.nowhere else {}
    return bound_reach(scope.reach) | part


def _part(scope: Scope) -> str:
    if scope.nowhere:
        return NOWHERE
    return fill(WITHIN, {"level": str(scope.territory.level)}) if scope.territory else ""


def _most(share: Share) -> tuple[int, str]:
    return (-share.waiting, share.name)
