"""Taking a case, leaving it, and deciding; authors are mailed in the same transaction.

Who takes a case has it for some minutes. A decision is about the version that the moderator saw:
one on a case that is decided, taken by another, or edited meanwhile is a Conflict.
"""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.db.text import fill
from mapservice.errors import Conflict, InvalidInput, NotFound
from mapservice.initiatives.model import PUBLIC, Status
from mapservice.mail import letters
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.moderation import queries
from mapservice.moderation.model import CLAIM_MINUTES
from mapservice.people import queries as people
from mapservice.proposals import queries as proposals
from mapservice.proposals.model import MAX_REASON, Proposal, Verdict, paragraphs
from mapservice.review.model import Scope, clean_name


class Late(StrEnum):
    """Why a decision came too late."""

    DECIDED = "it no longer waits"
    CLAIMED = "somebody else looks at it"
    EDITED = "its author changed it meanwhile"


class TooLate(Conflict):
    """`why` says what happened meanwhile, `who` by whom where that is known."""

    def __init__(self, why: Late, who: str = "") -> None:
        super().__init__(f"This came too late: {why}.")
        self.why = why
        self.who = who


NEXT_STATUS: Mapping[Verdict, Status] = {
    Verdict.PUBLISH: Status.PUBLISHED,
    Verdict.REJECT: Status.REJECTED,
    Verdict.ASK: Status.DRAFT,
}
LETTERS: Mapping[Verdict, str] = {
    Verdict.PUBLISH: "proposal_published",
    Verdict.REJECT: "proposal_rejected",
    Verdict.ASK: "proposal_changes",
}


def claim_next(
    connection: Connection, scope: Scope, by: str, after: UUID | None = None
) -> UUID | None:
    """Takes the oldest case that nobody has, of that part of the queue, but `after`; None if none.

    Moderators who ask at once get different ones.
    """
    statement = text(fill(CLAIM_NEXT, {"scope": queries.condition(scope)}))
    bound = queries.bound_of(scope) | {"by": clean_name(by), "minutes": CLAIM_MINUTES}
    found: UUID | None = connection.execute(statement, bound | {"but": after}).scalar_one_or_none()
    return found


def claim(connection: Connection, identifier: UUID, by: str) -> None:
    """Takes one, or keeps it for longer. Raises NotFound or TooLate."""
    bound = {"id": identifier, "by": clean_name(by), "minutes": CLAIM_MINUTES}
    if not connection.execute(text(CLAIM), bound).rowcount:
        _check(connection, identifier, by)


def release(connection: Connection, identifier: UUID, by: str) -> None:
    """Leaves it to others; one that another has stays theirs."""
    connection.execute(text(RELEASE), {"id": identifier, "by": clean_name(by)})


def decide(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    verdict: Verdict,
    by: str,
    *,
    seen: int,
    reason: str = "",
    person: UUID | None = None,
) -> Proposal:
    """Returns the proposal as it was. Raises NotFound, TooLate, or InvalidInput naming the field.

    `seen` is the number of the version that the moderator read, `person` the moderator's account.
    """
    by, reason = clean_name(by), _reason(verdict, reason)
    connection.execute(text("LOCK TABLE initiative IN ROW EXCLUSIVE MODE"))
    found = proposals.find(connection, identifier, lock=True)
    _check(connection, identifier, by)
    assert found is not None, "checked a moment ago, and locked"
    if found.revision != seen:
        raise TooLate(Late.EDITED)
    if (verdict is Verdict.KEEP) != found.is_public and verdict in (Verdict.KEEP, Verdict.PUBLISH):
        raise InvalidInput("verdict", "does not fit the state of this proposal")
    _apply(connection, found, verdict, reason)
    bound = {"id": identifier, "verdict": str(verdict), "reason": reason, "by": by}
    connection.execute(text(RECORD), bound | {"revision": seen, "person": person})
    _tell(connection, site, found, verdict, reason)
    return found


def _check(connection: Connection, identifier: UUID, by: str) -> None:
    if proposals.find(connection, identifier) is None:
        raise NotFound("There is no such proposal.")
    waits, holder = queries.find(connection, identifier)
    if not waits:
        last = next(iter(queries.decisions(connection, identifier)), None)
        raise TooLate(Late.DECIDED, last.decided_by if last else "")
    if holder not in ("", by):
        raise TooLate(Late.CLAIMED, holder)


def _reason(verdict: Verdict, text_: str) -> str:
    reason = paragraphs(text_)
    if len(reason) > MAX_REASON:
        raise InvalidInput("reason", f"is longer than {MAX_REASON} characters")
    if verdict in (Verdict.REJECT, Verdict.ASK):
        if not reason:
            raise InvalidInput("reason", "is missing")
        return reason
    return ""


def _apply(connection: Connection, found: Proposal, verdict: Verdict, reason: str) -> None:
    status = NEXT_STATUS.get(verdict)
    first = verdict is Verdict.PUBLISH and found.published_at is None
    if status:
        statement = PUBLISH if first else "UPDATE initiative SET status = :status WHERE id = :id"
        connection.execute(text(statement), {"id": found.id, "status": str(status)})
    bound = {
        "id": found.id,
        "reason": reason,
        "first": found.revision if first else None,
        "rejected": verdict is Verdict.REJECT,
    }
    connection.execute(text(SETTLE), bound)


def _tell(
    connection: Connection, site: Letterhead, found: Proposal, verdict: Verdict, reason: str
) -> None:
    """Nobody is told of an edit that stays as it is, nor where the author has gone."""
    author = people.find(connection, found.person) if found.person else None
    letter = LETTERS.get(verdict)
    if author is None or letter is None:
        return
    base = f"{site.base_url}/initiatives/{found.id}"
    values = {
        "title": found.content.title,
        "reason": reason,
        "link": base if verdict is Verdict.PUBLISH else f"{base}/suivi",
        "was_public": found.status in PUBLIC,
    }
    mail.enqueue(
        connection,
        letters.write(site, letter, author.email, values, locale=author.locale, person=author.id),
    )


CLAIM_NEXT = """
UPDATE proposal
   SET claimed_by = :by, claimed_until = now() + make_interval(mins => :minutes)
 WHERE initiative = (
       SELECT proposal.initiative
         FROM proposal
         JOIN initiative ON initiative.id = proposal.initiative
        WHERE queued_at IS NOT NULL {scope}
          AND (claimed_until IS NULL OR claimed_until <= now() OR claimed_by = :by)
          AND proposal.initiative IS DISTINCT FROM CAST(:but AS uuid)
        ORDER BY queued_at, proposal.initiative
        LIMIT 1
          FOR UPDATE OF proposal SKIP LOCKED)
RETURNING initiative"""

CLAIM = """
UPDATE proposal
   SET claimed_by = :by, claimed_until = now() + make_interval(mins => :minutes)
 WHERE initiative = :id AND queued_at IS NOT NULL
   AND (claimed_until IS NULL OR claimed_until <= now() OR claimed_by = :by)"""

RELEASE = """
UPDATE proposal SET claimed_by = NULL, claimed_until = NULL
 WHERE initiative = :id AND claimed_by = :by"""

# What is read as its date is that of its publication: the newest stand first in lists and feeds.
PUBLISH = """
UPDATE initiative
   SET status = :status, created_at = now(), updated_at = greatest(updated_at, now())
 WHERE id = :id"""

SETTLE = """
UPDATE proposal
   SET queued_at = NULL, claimed_by = NULL, claimed_until = NULL, reason = :reason,
       published_at = CASE WHEN CAST(:first AS integer) IS NULL THEN published_at ELSE now() END,
       published_revision = coalesce(CAST(:first AS integer), published_revision),
       rejected_at = CASE WHEN :rejected THEN now() ELSE rejected_at END
 WHERE initiative = :id"""

RECORD = """
INSERT INTO decision (initiative, revision, verdict, reason, decided_by, decided_by_person)
VALUES (:id, :revision, :verdict, :reason, :by, :person)"""
