"""Merging two initiatives, and undoing it.

A row in `merge` is enough: triggers (`db/functions/merges.sql`) change status, counts and queue.
Locks come in one order: what is merged into what, the table, the proposal, the initiatives by id.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Row, text

from mapservice.accounts.people import queries as people
from mapservice.accounts.people.model import clean_name
from mapservice.audit import log
from mapservice.audit.model import DecisionRecord, DecisionVerdict
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.initiatives.model import PUBLIC, Status
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.moderation.service import LateReason, TooLate, check_holder, clean_reason

# What may be merged into another one.
MERGEABLE = (Status.PENDING, *PUBLIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeAction:
    """Who merges or unmerges, and why.

    `seen` is the version that was read (0 for what has none), `report` what led to it.
    """

    by: str
    person: UUID | None = None
    reason: str = ""
    seen: int = 0
    report: UUID | None = None


def merge(
    connection: Connection, site: Letterhead, identifier: UUID, target: UUID, act: MergeAction
) -> None:
    """Merges an initiative into another one, and tells its author.

    Raises NotFound, InvalidInput naming `target` or `reason`, TooLate, or StateConflict if it is in
    no state to be merged.
    """
    by, reason = clean_name(act.by), clean_reason(act.reason)
    rows = _hold(connection, identifier, target)
    own, other = rows.get(identifier), rows.get(target)
    if own is None:
        raise NotFound("There is no such initiative.")
    check_holder(connection, identifier, by)
    if other is None or other.status not in PUBLIC or target == identifier:
        raise InvalidInput("target", "is not another initiative that is public")
    if own.status not in MERGEABLE:
        raise StateConflict("This initiative cannot be merged in its present state.")
    if own.revision != act.seen:
        raise TooLate(LateReason.EDITED)
    bound = {"id": identifier, "target": target}
    connection.execute(text("INSERT INTO merge (initiative, target) VALUES (:id, :target)"), bound)
    _note(connection, DecisionVerdict.MERGE, own, target, act, by, reason)
    _tell(connection, site, "proposal_merged", own, other, reason)


def unmerge(connection: Connection, site: Letterhead, identifier: UUID, act: MergeAction) -> UUID:
    """Undoes a merge, as if it had never been. Returns what it was merged into.

    Raises NotFound, or StateConflict if it is not merged.
    """
    by, reason = clean_name(act.by), clean_reason(act.reason)
    connection.execute(text("SELECT merge_alone()"))
    target = connection.execute(text(TARGET), {"id": identifier}).scalar_one_or_none()
    if target is None:
        raise StateConflict("This initiative is not merged.")
    rows = _hold(connection, identifier, target)
    connection.execute(text("DELETE FROM merge WHERE initiative = :id"), {"id": identifier})
    own = rows[identifier]
    _note(connection, DecisionVerdict.UNMERGE, own, target, act, by, reason)
    _tell(connection, site, "proposal_parted", own, rows[target], reason)
    found: UUID = target
    return found


def _hold(connection: Connection, *ids: UUID) -> dict[UUID, Row[tuple[object, ...]]]:
    """Locks both and the initiatives that they are merged into; returns them by id."""
    connection.execute(text("SELECT merge_alone()"))
    connection.execute(text("LOCK TABLE initiative IN ROW EXCLUSIVE MODE"))
    bound = {"id": ids[0], "ids": list(ids)}
    connection.execute(text("SELECT FROM proposal WHERE initiative = :id FOR UPDATE"), bound)
    return {row.id: row for row in connection.execute(text(HOLD), bound)}


def _note(
    connection: Connection,
    verdict: DecisionVerdict,
    own: Row[tuple[object, ...]],
    target: UUID,
    act: MergeAction,
    by: str,
    reason: str,
) -> None:
    line = DecisionRecord(
        initiative=own.id,
        verdict=verdict,
        by=by,
        person=act.person,
        revision=own.revision,
        reason=reason,
        target=target,
        report=act.report,
    )
    log.keep(connection, line)


def _tell(
    connection: Connection,
    site: Letterhead,
    letter: str,
    own: Row[tuple[object, ...]],
    other: Row[tuple[object, ...]],
    reason: str,
) -> None:
    """Mails the author of the merged initiative, where there is one."""
    author = people.find(connection, own.author) if own.author else None
    if author is None:
        return
    values = {
        "title": own.title,
        "other": other.title,
        "reason": reason,
        "link": f"{site.base_url}/initiatives/{own.id}/suivi",
        "other_link": f"{site.base_url}/initiatives/{other.id}",
    }
    mail.enqueue(
        connection,
        mail.write(site, letter, author.email, values, locale=author.locale, person=author.id),
    )


TARGET = "SELECT target FROM merge WHERE initiative = :id"

# With all initiatives that either is merged into: their rows change as well.
HOLD = """
SELECT initiative.id, initiative.title, initiative.status, proposal.person AS author,
       coalesce((SELECT max(number) FROM initiative_revision AS revision
                  WHERE revision.initiative = initiative.id), 0) AS revision
  FROM initiative
  LEFT JOIN proposal ON proposal.initiative = initiative.id
 WHERE initiative.id = ANY(:ids)
    OR initiative.id IN (SELECT ancestor FROM merge_line WHERE member = ANY(:ids))
 ORDER BY initiative.id
   FOR NO KEY UPDATE OF initiative"""
