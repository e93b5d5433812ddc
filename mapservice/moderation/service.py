"""Claiming a case, releasing it, and deciding; authors are mailed in the same transaction.

A claim lasts some minutes. A decision is about the version that the moderator saw:
one on a case that is decided, taken by another, or edited meanwhile is a Conflict.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.accounts.people import queries as people
from mapservice.accounts.people.model import clean_name
from mapservice.audit import log
from mapservice.audit import queries as audit
from mapservice.audit.model import DecisionRecord, DecisionVerdict
from mapservice.contributions.proposals import queries as proposals
from mapservice.contributions.proposals.model import MAX_REASON, ON_TEXT, Proposal, paragraphs
from mapservice.db.engine import fill
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.initiatives.model import PUBLIC, Status
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.media import queries as photos
from mapservice.media import service as media
from mapservice.media.model import PhotoState
from mapservice.moderation import queries
from mapservice.moderation.model import CLAIM_MINUTES, TEXTS, CaseKind, QueuePart


class LateReason(StrEnum):
    """Why a decision came too late, or is for somebody else to take."""

    DECIDED = "it no longer waits"
    CLAIMED = "somebody else looks at it"
    EDITED = "its author changed it meanwhile"
    OWN = "it is about a decision of the same person"


class TooLate(StateConflict):
    """`why` says what happened meanwhile, `who` did it where that is known."""

    def __init__(self, why: LateReason, who: str = "") -> None:
        super().__init__(f"This came too late: {why}.")
        self.why = why
        self.who = who


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeratorIdentity:
    """The moderator: the name that is recorded, and the account where there is one."""

    name: str
    person: UUID | None = None
    is_admin: bool = False


NEXT_STATUS: Mapping[DecisionVerdict, Status] = {
    DecisionVerdict.PUBLISH: Status.PUBLISHED,
    DecisionVerdict.REJECT: Status.REJECTED,
    DecisionVerdict.ASK: Status.DRAFT,
}
LETTERS: Mapping[DecisionVerdict, str] = {
    DecisionVerdict.PUBLISH: "proposal_published",
    DecisionVerdict.REJECT: "proposal_rejected",
    DecisionVerdict.ASK: "proposal_changes",
}

PHOTO_LETTER = "photo_refused"


def claim_next(
    connection: Connection, part: QueuePart, moderator: ModeratorIdentity, but: UUID | None = None
) -> tuple[CaseKind, UUID] | None:
    """Claims the oldest unclaimed case of a part of the queue, except `but`; None if none.

    Concurrent moderators get different ones; an appeal is not given to the one who rejected.
    """
    statement = text(fill(CLAIM_NEXT, queries.conditions(part)))
    bound = queries.bound_of(part) | _claim(moderator.name) | {"but": but}
    whose = {"person": None if moderator.is_admin else moderator.person}
    row = connection.execute(statement, bound | whose).one_or_none()
    return (CaseKind(row.kind), row.id) if row else None


def claim(connection: Connection, identifier: UUID, by: str, *kinds: CaseKind) -> None:
    """Claims a case, or extends the claim. Raises NotFound or TooLate."""
    wanted = {"id": identifier, "kinds": [str(kind) for kind in kinds or TEXTS]}
    if not connection.execute(text(CLAIM), wanted | _claim(by)).rowcount:
        _check(connection, identifier, by, *kinds)


def release(connection: Connection, identifier: UUID, by: str) -> None:
    """Releases a claim; that of another moderator stays."""
    connection.execute(text(RELEASE), {"id": identifier, "by": clean_name(by)})


def decide(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    verdict: DecisionVerdict,
    moderator: ModeratorIdentity,
    *,
    seen: int,
    digest: str = "",
    reason: str = "",
) -> Proposal | None:
    """Returns the proposal as it was, None for an imported initiative.

    `seen` is the number of the version that the moderator read. What was imported has none (0):
    `digest`, where it is given, says which state of its source was read. Raises NotFound, TooLate,
    or InvalidInput naming the field.
    """
    by, reason = clean_name(moderator.name), _reason(verdict, reason)
    found = _held(connection, identifier)
    kind = _check(connection, identifier, by)
    if found is None:
        # An imported initiative has no author here to mail or to ask for changes, and keeps the
        # date of its source.
        if verdict not in (DecisionVerdict.PUBLISH, DecisionVerdict.REJECT):
            raise InvalidInput("verdict", "does not fit what was imported")
        now = connection.execute(text(DIGEST), {"id": identifier}).scalar_one()
        if seen != 0 or digest not in ("", now or ""):
            raise TooLate(LateReason.EDITED)
        bound = {"id": identifier, "status": str(NEXT_STATUS[verdict])}
        connection.execute(text(CHANGE), bound)
        _note(connection, identifier, verdict, moderator, seen, reason)
        return None
    if found.revision != seen:
        raise TooLate(LateReason.EDITED)
    if (verdict is DecisionVerdict.KEEP) != found.is_public and verdict in (
        DecisionVerdict.KEEP,
        DecisionVerdict.PUBLISH,
    ):
        raise InvalidInput("verdict", "does not fit the state of this proposal")
    if kind is CaseKind.APPEAL and is_barred(connection, identifier, moderator):
        raise TooLate(LateReason.OWN)
    _apply(connection, found, verdict, reason)
    _note(connection, identifier, verdict, moderator, seen, reason)
    _tell(connection, site, found, verdict, reason)
    return found


def take_down(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    verdict: DecisionVerdict,
    moderator: ModeratorIdentity,
    *,
    reason: str,
    report: UUID | None = None,
) -> None:
    """Rejects a public initiative, or asks its author for changes; whether it waits or not.

    Raises NotFound, TooLate for what is not public any more, InvalidInput naming the field. What
    was imported has no author to ask.
    """
    by, reason = clean_name(moderator.name), _reason(verdict, reason)
    found = _held(connection, identifier)
    row = connection.execute(text(STATUS), {"id": identifier}).one_or_none()
    if row is None:
        raise NotFound("There is no such initiative.")
    if verdict not in (DecisionVerdict.REJECT, DecisionVerdict.ASK) or (
        found is None and verdict is DecisionVerdict.ASK
    ):
        raise InvalidInput("verdict", "does not fit this initiative")
    check_holder(connection, identifier, by)
    if row.status not in PUBLIC:
        raise TooLate(LateReason.DECIDED)
    if found is None:
        bound = {"id": identifier, "status": str(NEXT_STATUS[verdict])}
        connection.execute(text(CHANGE), bound)
    else:
        _apply(connection, found, verdict, reason)
        _tell(connection, site, found, verdict, reason)
    _note(
        connection, identifier, verdict, moderator, found.revision if found else 0, reason, report
    )


def refuse_photo(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    photo: UUID,
    moderator: ModeratorIdentity,
    *,
    reason: str,
) -> None:
    """Takes one photo out, waiting or public, and tells the author why; the text stays as it is.

    Raises InvalidInput without a reason, TooLate when the photo is gone, refused already, or the
    initiative is claimed by somebody else.
    """
    by, reason = clean_name(moderator.name), clean_reason(reason)
    if not reason:
        raise InvalidInput("reason", "is missing")
    found = _held(connection, identifier)
    check_holder(connection, identifier, by)
    known = photos.find(connection, photo, identifier)
    if known is None or known.state is PhotoState.REFUSED:
        raise TooLate(LateReason.DECIDED)
    media.refuse(connection, photo, reason)
    revision = found.revision if found else 0
    _note(connection, identifier, DecisionVerdict.PHOTO, moderator, revision, reason)
    author = people.find(connection, found.person) if found and found.person else None
    if author is None or found is None:
        return
    values = {
        "title": found.content.title,
        "reason": reason,
        "link": f"{site.base_url}/initiatives/{identifier}/photos",
    }
    letter = mail.write(
        site, PHOTO_LETTER, author.email, values, locale=author.locale, person=author.id
    )
    mail.enqueue(connection, letter)


def is_barred(connection: Connection, identifier: UUID, moderator: ModeratorIdentity) -> bool:
    """Whether an appeal is against the moderator's own rejection and others may decide it."""
    if moderator.is_admin:
        return False
    rejection = audit.last_rejection(connection, identifier)
    own = rejection is not None and rejection.decided_by_person == moderator.person
    return own and queries.others_decide(connection, identifier, moderator.person)


def check_holder(connection: Connection, identifier: UUID, by: str, *kinds: CaseKind) -> None:
    """Raises TooLate when another moderator has claimed it."""
    _, holder = queries.find(connection, identifier, *kinds)
    if holder not in ("", by):
        raise TooLate(LateReason.CLAIMED, holder)


def clean_reason(text_: str) -> str:
    """The reason as it is sent to an author. Raises InvalidInput naming `reason`."""
    reason = paragraphs(text_)
    if len(reason) > MAX_REASON:
        raise InvalidInput("reason", f"is longer than {MAX_REASON} characters")
    return reason


def _claim(by: str) -> dict[str, object]:
    return {"by": clean_name(by), "minutes": CLAIM_MINUTES}


def _held(connection: Connection, identifier: UUID) -> Proposal | None:
    connection.execute(text("LOCK TABLE initiative IN ROW EXCLUSIVE MODE"))
    return proposals.find(connection, identifier, lock=True)


def _check(connection: Connection, identifier: UUID, by: str, *kinds: CaseKind) -> CaseKind:
    kind, _ = queries.find(connection, identifier, *kinds)
    if kind is None:
        last = next(iter(audit.decisions(connection, identifier)), None)
        if last is None and not kinds and proposals.find(connection, identifier) is None:
            raise NotFound("There is no such proposal.")
        raise TooLate(LateReason.DECIDED, last.decided_by if last else "")
    check_holder(connection, identifier, by, *kinds)
    return kind


def _reason(verdict: DecisionVerdict, text_: str) -> str:
    if verdict not in ON_TEXT:
        raise InvalidInput("verdict", "is not one of those offered")
    reason = clean_reason(text_)
    if verdict in (DecisionVerdict.REJECT, DecisionVerdict.ASK):
        if not reason:
            raise InvalidInput("reason", "is missing")
        return reason
    return ""


def _apply(connection: Connection, found: Proposal, verdict: DecisionVerdict, reason: str) -> None:
    status = NEXT_STATUS.get(verdict)
    first = verdict is DecisionVerdict.PUBLISH and found.published_at is None
    if status:
        bound = {"id": found.id, "status": str(status)}
        connection.execute(text(PUBLISH if first else CHANGE), bound)
    settled = {
        "id": found.id,
        "reason": reason,
        "first": found.revision if first else None,
        "rejected": verdict is DecisionVerdict.REJECT,
    }
    connection.execute(text(SETTLE), settled)
    # The version that was looked at is the newest one, so these are the photos that were seen.
    if verdict in (DecisionVerdict.PUBLISH, DecisionVerdict.KEEP):
        media.publish(connection, found.id)


def _note(
    connection: Connection,
    identifier: UUID,
    verdict: DecisionVerdict,
    moderator: ModeratorIdentity,
    revision: int,
    reason: str,
    report: UUID | None = None,
) -> None:
    line = DecisionRecord(
        initiative=identifier,
        verdict=verdict,
        by=clean_name(moderator.name),
        person=moderator.person,
        revision=revision,
        reason=reason,
        report=report,
    )
    log.keep(connection, line)


def _tell(
    connection: Connection, site: Letterhead, found: Proposal, verdict: DecisionVerdict, reason: str
) -> None:
    """Mails the author, unless an edit is kept as it is or the account is gone."""
    author = people.find(connection, found.person) if found.person else None
    letter = LETTERS.get(verdict)
    if author is None or letter is None:
        return
    if found.status is Status.REJECTED and verdict is DecisionVerdict.REJECT:
        letter = "appeal_rejected"
    base = f"{site.base_url}/initiatives/{found.id}"
    values = {
        "title": found.content.title,
        "drawing": f"{site.base_url}/dessins/initiatives/{found.id}.png",
        "reason": reason,
        "link": base if verdict is DecisionVerdict.PUBLISH else f"{base}/suivi",
        "was_public": found.status in PUBLIC,
    }
    mail.enqueue(
        connection,
        mail.write(site, letter, author.email, values, locale=author.locale, person=author.id),
    )


CLAIM_NEXT = """
UPDATE waiting
   SET claimed_by = :by, claimed_until = now() + make_interval(mins => :minutes)
 WHERE (kind, id) = (
       SELECT waiting.kind, waiting.id
         FROM waiting_area
         JOIN waiting ON (waiting.kind, waiting.id) = (waiting_area.kind, waiting_area.id)
        WHERE area = ANY(:areas) {kind} {inside}
          AND (claimed_until IS NULL OR claimed_until <= now() OR claimed_by = :by)
          AND waiting.id IS DISTINCT FROM CAST(:but AS uuid)
          AND NOT (waiting.kind = 'appeal' AND coalesce(CAST(:person AS uuid) = (
                   SELECT decided_by_person FROM decision
                    WHERE decision.initiative = waiting.initiative AND verdict = 'reject'
                    ORDER BY decision.id DESC LIMIT 1), false))
        ORDER BY waiting_area.since, waiting_area.kind, waiting_area.id
        LIMIT 1
          FOR UPDATE OF waiting SKIP LOCKED)
RETURNING kind, id"""

CLAIM = """
UPDATE waiting
   SET claimed_by = :by, claimed_until = now() + make_interval(mins => :minutes)
 WHERE id = :id AND kind = ANY(:kinds)
   AND (claimed_until IS NULL OR claimed_until <= now() OR claimed_by = :by)"""

RELEASE = """
UPDATE waiting SET claimed_by = NULL, claimed_until = NULL
 WHERE id = :id AND claimed_by = :by"""

STATUS = "SELECT status FROM initiative WHERE id = :id FOR NO KEY UPDATE"

DIGEST = "SELECT source_digest FROM initiative WHERE id = :id FOR NO KEY UPDATE"

CHANGE = "UPDATE initiative SET status = :status WHERE id = :id"

# What is read as the date of a proposal is that of its publication: the newest stand first in lists
# and feeds. What comes from a source keeps the dates of its source, or none.
PUBLISH = """
UPDATE initiative
   SET status = :status,
       created_at = CASE WHEN source_platform = '' THEN now() ELSE created_at END,
       updated_at = CASE WHEN source_platform = '' THEN greatest(updated_at, now())
                         ELSE updated_at END
 WHERE id = :id"""

SETTLE = """
UPDATE proposal
   SET queued_at = NULL, reason = :reason,
       published_at = CASE WHEN CAST(:first AS integer) IS NULL THEN published_at ELSE now() END,
       published_revision = coalesce(CAST(:first AS integer), published_revision),
       rejected_at = CASE WHEN :rejected THEN now() ELSE rejected_at END
 WHERE initiative = :id"""
