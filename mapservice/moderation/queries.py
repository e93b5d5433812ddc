"""The moderation queue, and what is known about each initiative in it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.accounts.roles.reach import bound as bound_reach
from mapservice.accounts.roles.reach import condition as within
from mapservice.db.engine import fill
from mapservice.moderation.model import (
    TEXTS,
    AuthorHistory,
    CaseKind,
    QueueCounts,
    QueuePart,
    QueuePosition,
    RejectionAppeal,
    WaitingCase,
)
from mapservice.moderation.places.model import TerritoryShare
from mapservice.territories.model import Level

CLAIMED = "CASE WHEN claimed_until > now() THEN claimed_by ELSE '' END"

# Each area yields the beginning of its range; the oldest of these make the page.
PAGE = """
SELECT waiting.kind, waiting.id, waiting.initiative, waiting.since, {claimed} AS claimed_by,
       CASE waiting.kind
           WHEN 'report' THEN report.text
           WHEN 'post' THEN (SELECT text FROM post WHERE post.id = waiting.id)
           WHEN 'place' THEN initiative.place_text
           WHEN 'appeal' THEN (SELECT words FROM appeal WHERE appeal.initiative = waiting.initiative
                                ORDER BY decision DESC LIMIT 1)
           ELSE '' END AS words,
       coalesce(report.reason, '') AS reason
  FROM (SELECT DISTINCT since, kind, id
          FROM unnest(CAST(:areas AS text[])) AS asked (one)
         CROSS JOIN LATERAL (
               SELECT since, kind, id FROM waiting_area
                WHERE area = asked.one {kind} {inside} {after}
                ORDER BY since, kind, id
                LIMIT :limit) AS oldest
         ORDER BY since, kind, id
         LIMIT :limit) AS page
  JOIN waiting ON (waiting.kind, waiting.id) = (page.kind, page.id)
  LEFT JOIN initiative ON initiative.id = waiting.initiative
  LEFT JOIN report ON waiting.kind = 'report' AND report.id = waiting.id
 ORDER BY waiting.since, waiting.kind, waiting.id"""

AFTER = "AND (since, kind, id) > (:after, :after_kind, :after_id)"
OF_KIND = "AND waiting_area.kind = :kind"
INSIDE = """
AND EXISTS (SELECT FROM waiting_area AS other
             WHERE (other.kind, other.id) = (waiting_area.kind, waiting_area.id)
               AND other.area = :inside)"""

KINDS = """
SELECT kind, count(*) AS waiting
  FROM (SELECT DISTINCT kind, id FROM waiting_area WHERE area = ANY(:areas) {inside}) AS found
 GROUP BY kind"""

# Régions and départements that overlap the requested areas: choices on the page.
SHARES = """
SELECT place.level, place.code, place.name, place.region, count(*) AS waiting
  FROM territory AS place
  JOIN waiting_area ON waiting_area.area = place.level || ':' || place.code
 WHERE place.level IN ('region', 'departement') {kind}
   AND ('all' = ANY(:areas) OR (
        EXISTS (SELECT FROM waiting_area AS own
                 WHERE (own.kind, own.id) = (waiting_area.kind, waiting_area.id)
                   AND own.area = ANY(:areas))
        AND EXISTS (SELECT FROM unnest(CAST(:areas AS text[])) AS asked (area)
                      JOIN territory AS own
                        ON own.level = split_part(asked.area, ':', 1)
                       AND own.code = split_part(asked.area, ':', 2)
                     WHERE place.code = CASE place.level WHEN own.level THEN own.code
                                             WHEN 'region' THEN own.region
                                             ELSE own.departement END
                        OR own.level = 'region' AND place.region = own.code)))
 GROUP BY place.level, place.code, place.name, place.region
 ORDER BY waiting DESC, place.name"""

NOWHERE = "SELECT count(*) FROM waiting_area WHERE area = 'none' {kind}"

IS_WITHIN = """
SELECT EXISTS (SELECT FROM initiative WHERE initiative.id = :id AND {reach})"""

ONE = """
SELECT kind, {claimed} AS claimed_by FROM waiting WHERE id = :id AND kind = ANY(:kinds)"""


PAST = """
SELECT count(*) FILTER (WHERE is_public(status)) AS published,
       count(*) FILTER (WHERE status IN ('pending', 'draft')) AS waiting,
       count(*) FILTER (WHERE status = 'rejected') AS rejected
  FROM proposal
  JOIN initiative ON initiative.id = proposal.initiative
 WHERE person = :person AND proposal.initiative <> :id"""

APPEAL = """
SELECT appeal.words, appeal.made_at,
       proposal.queued_at IS NOT NULL AND initiative.status = 'rejected' AS is_open
  FROM appeal
  JOIN proposal ON proposal.initiative = appeal.initiative
  JOIN initiative ON initiative.id = appeal.initiative
 WHERE appeal.initiative = :id
 ORDER BY appeal.decision DESC
 LIMIT 1"""

MERGED = """
SELECT initiative.id, initiative.title
  FROM merge JOIN initiative ON initiative.id = merge.initiative
 WHERE merge.target = :id
 ORDER BY merge.merged_at, initiative.id"""

# Somebody else who may decide about an initiative; admins may everywhere.
OTHERS = """
SELECT EXISTS (
  SELECT FROM role_grant
    JOIN person ON person.id = role_grant.person
    JOIN initiative ON initiative.id = :id
   WHERE role_grant.person IS DISTINCT FROM CAST(:but AS uuid)
     AND person.confirmed_at IS NOT NULL AND person.erased_at IS NULL
     AND (role = 'admin' OR (role = 'moderator' AND code = CASE level
              WHEN 'commune' THEN initiative.commune WHEN 'epci' THEN initiative.epci
              WHEN 'departement' THEN initiative.departement ELSE initiative.region END)
          OR (role = 'moderator' AND initiative.epci IS NOT NULL AND EXISTS (
              SELECT FROM epci_part AS part
               WHERE part.epci = initiative.epci
                 AND CASE level WHEN 'departement' THEN initiative.departement IS NULL
                                                        AND part.departement = code
                                WHEN 'region' THEN initiative.region IS NULL
                                                   AND part.region = code END))))"""


def find_page(
    connection: Connection, part: QueuePart, limit: int, after: QueuePosition | None = None
) -> tuple[Sequence[WaitingCase], QueuePosition | None]:
    """Waiting cases, the oldest first, and where the next page begins."""
    texts = {"claimed": CLAIMED, "after": AFTER if after else "", **conditions(part)}
    bound = bound_of(part) | {"limit": limit + 1}
    if after:
        bound |= {"after": after.since, "after_kind": str(after.kind), "after_id": after.id}
    rows = connection.execute(text(fill(PAGE, texts)), bound)
    found = [WaitingCase(**{**row._mapping, "kind": CaseKind(row.kind)}) for row in rows]
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], QueuePosition(last.since, last.kind, last.id) if last else None


def find(connection: Connection, identifier: UUID, *kinds: CaseKind) -> tuple[CaseKind | None, str]:
    """The kind that it waits as, of these (default: texts), and who has claimed it, or ""."""
    statement = text(fill(ONE, {"claimed": CLAIMED}))
    bound = {"id": identifier, "kinds": [str(kind) for kind in kinds or TEXTS]}
    row = connection.execute(statement, bound).one_or_none()
    return (CaseKind(row.kind), row.claimed_by) if row else (None, "")


def is_within(connection: Connection, identifier: UUID, reach: TerritoryScope) -> bool:
    """Whether an initiative is placed within a scope."""
    statement = text(fill(IS_WITHIN, {"reach": within(reach, "initiative.")}))
    return bool(connection.execute(statement, bound_reach(reach) | {"id": identifier}).scalar_one())


def counts(connection: Connection, whole: QueuePart, part: QueuePart) -> QueueCounts:
    """By kind in `part`, whatever its kind; by territory in `whole`, of the kind of `part`."""
    by_kind = _kinds(connection, part)
    in_all = by_kind if part.areas == whole.areas else _kinds(connection, whole)
    total = in_all.get(part.kind, 0) if part.kind else sum(in_all.values())
    texts, bound = conditions(part), bound_of(part) | {"areas": list(whole.areas)}
    rows = connection.execute(text(fill(SHARES, texts)), bound).all()
    shares: dict[Level, list[TerritoryShare]] = {Level.REGION: [], Level.DEPARTEMENT: []}
    for row in rows:
        region = row.code if row.level == Level.REGION else row.region
        shares[Level(row.level)].append(TerritoryShare(row.code, row.name, region, row.waiting))
    nowhere = (
        connection.execute(text(fill(NOWHERE, texts)), bound).scalar_one()
        if "all" in whole.areas
        else 0
    )
    return QueueCounts(
        by_kind, total, nowhere, tuple(shares[Level.REGION]), tuple(shares[Level.DEPARTEMENT])
    )


def _kinds(connection: Connection, part: QueuePart) -> dict[CaseKind, int]:
    rows = connection.execute(text(fill(KINDS, conditions(part))), bound_of(part))
    return {CaseKind(row.kind): row.waiting for row in rows}


def source_digest(connection: Connection, identifier: UUID) -> str:
    """The digest of the source record that an imported initiative was saved from, or ""."""
    statement = text("SELECT coalesce(source_digest, '') FROM initiative WHERE id = :id")
    found: str = connection.execute(statement, {"id": identifier}).scalar_one()
    return found


def others_decide(connection: Connection, identifier: UUID, but: UUID | None) -> bool:
    """Whether another person with an account may decide about it."""
    return bool(connection.execute(text(OTHERS), {"id": identifier, "but": but}).scalar_one())


def appeal(connection: Connection, identifier: UUID) -> RejectionAppeal | None:
    """The latest appeal."""
    row = connection.execute(text(APPEAL), {"id": identifier}).one_or_none()
    return RejectionAppeal(**row._mapping) if row else None


def merged(connection: Connection, identifier: UUID) -> list[tuple[UUID, str]]:
    """Initiatives merged into it: ids and titles."""
    return [(row.id, row.title) for row in connection.execute(text(MERGED), {"id": identifier})]


def past(connection: Connection, identifier: UUID, person: UUID | None) -> AuthorHistory:
    if person is None:
        return AuthorHistory()
    row = connection.execute(text(PAST), {"id": identifier, "person": person}).one()
    return AuthorHistory(**row._mapping)


def conditions(part: QueuePart) -> dict[str, str]:
    return {"kind": OF_KIND if part.kind else "", "inside": INSIDE if part.inside else ""}


def bound_of(part: QueuePart) -> dict[str, Any]:
    kind = {"kind": str(part.kind)} if part.kind else {}
    inside = {"inside": part.inside} if part.inside else {}
    return {"areas": list(part.areas), **kind, **inside}
