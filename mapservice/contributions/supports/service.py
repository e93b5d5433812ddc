"""Supporting and withdrawing, reporting.

The acting person is locked first, so that their acts, erasure among them, come one after the other.
Counts are changed by a trigger of `support`, in the same transaction.
"""

from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.audit import log
from mapservice.audit.model import DecisionRecord, DecisionVerdict
from mapservice.contributions.bursts import service as bursts
from mapservice.contributions.supports import queries
from mapservice.contributions.supports.model import NETWORK_DAYS, ReportReason
from mapservice.contributions.supports.queries import SupportTarget
from mapservice.errors import NotFound, StateConflict
from mapservice.initiatives.model import Status

# What may be supported: an initiative that is over needs no more support.
OPEN = (Status.PUBLISHED,)

LOCK_PERSON = """
SELECT id FROM person WHERE id = :person AND erased_at IS NULL FOR NO KEY UPDATE"""

# Whoever supports one of several merged initiatives supports them all.
SUPPORT = """
INSERT INTO support (initiative, person, commune, network, burst, held_at)
SELECT :initiative, :person, :commune, :network, CAST(:burst AS uuid),
       CASE WHEN CAST(:burst AS uuid) IS NOT NULL THEN now() END
 WHERE NOT EXISTS (SELECT FROM support
                    WHERE initiative = ANY(:initiatives) AND initiative <> :initiative
                      AND person = :person AND withdrawn_at IS NULL)
    ON CONFLICT (initiative, person) DO UPDATE
   SET withdrawn_at = NULL, confirmed_at = now(), network = excluded.network,
       commune = coalesce(excluded.commune, support.commune),
       burst = CASE WHEN support.held_at IS NULL AND excluded.burst IS NOT NULL
                    THEN excluded.burst ELSE support.burst END,
       held_at = coalesce(support.held_at, excluded.held_at)
 WHERE support.withdrawn_at IS NOT NULL"""

WITHDRAW = """
UPDATE support SET withdrawn_at = now(), commune = NULL, network = NULL
 WHERE initiative IN (SELECT merge_tree(merge_head(:initiative)))
   AND person = :person AND withdrawn_at IS NULL"""

BESIDE = "SELECT merge_beside()"

FORGET_NETWORKS = """
UPDATE support SET network = NULL
 WHERE network IS NOT NULL AND confirmed_at < now() - make_interval(days => :days)"""

REPORT = """
INSERT INTO report (initiative, person, confirmed, reason, text, photo, post)
VALUES (:initiative, :person, :confirmed, :reason, :text,
        (SELECT id FROM photo WHERE id = CAST(:photo AS uuid) AND initiative = :initiative),
        (SELECT id FROM post
          WHERE id = CAST(:post AS uuid) AND initiative IN (SELECT merge_tree(:initiative))))
    ON CONFLICT (initiative, person) WHERE state = 'open' AND person IS NOT NULL DO NOTHING"""

CLOSE = """
UPDATE report SET state = 'closed', closed_by = :by, closed_at = now(), note = :note
 WHERE id = :id AND state = 'open'
RETURNING initiative"""


def find_target(connection: Connection, initiative: UUID) -> SupportTarget:
    """Raises NotFound unless the initiative is public."""
    found = queries.target(connection, initiative)
    if found is None:
        raise NotFound("There is no such initiative, or it is not public.")
    return found


def with_author(target: SupportTarget) -> SupportTarget:
    """Returns the target. Raises NotFound where there is no author to write to."""
    if target.author is None or target.author_email is None:
        raise NotFound("This initiative has no author to write to.")
    return target


def support(
    connection: Connection,
    person: UUID,
    initiative: UUID,
    *,
    commune: str | None,
    network: bytes,
) -> None:
    """Counts a person for an initiative, once. Raises NotFound, StateConflict when it is over.

    A support that belongs to a burst is held back (`bursts`) and counts once it is released.
    `network` is a keyed digest (16 bytes) of where the confirmation comes from.
    """
    _lock(connection, person)
    found = find_target(connection, initiative)
    if found.status not in OPEN:
        raise StateConflict("This initiative is over.")
    members = queries.tree(connection, found.id)
    burst = None
    if queries.standing(connection, person, found.id) is None:
        burst = bursts.assess_support(connection, found.id, network=network, commune=commune)
    bound = {
        "person": person,
        "initiative": found.id,
        "initiatives": members,
        "commune": commune,
        "network": network,
        "burst": burst,
    }
    connection.execute(text(SUPPORT), bound)


def withdraw(connection: Connection, person: UUID, initiative: UUID) -> None:
    """Withdraws a support, if there is one; nothing about where it came from stays."""
    _lock(connection, person)
    bound = {"person": person, "initiative": initiative}
    connection.execute(text(WITHDRAW), bound)


def erase(connection: Connection, person: UUID) -> None:
    """Deletes a person's supports, which leave every count; their reports stay, without a name."""
    _lock(connection, person)
    connection.execute(text("DELETE FROM support WHERE person = :id"), {"id": person})
    connection.execute(text("UPDATE report SET person = NULL WHERE person = :id"), {"id": person})


def forget_networks(engine: Engine) -> int:
    """Daily: forgets the networks that old supports came from."""
    with engine.begin() as connection:
        return connection.execute(text(FORGET_NETWORKS), {"days": NETWORK_DAYS}).rowcount


def report(
    connection: Connection,
    initiative: UUID,
    reason: ReportReason,
    words: str,
    person: UUID | None,
    photo: UUID | None = None,
    post: UUID | None = None,
) -> None:
    """Reports to the moderators, once for each person while it is open. Raises NotFound.

    `photo` and `post` are what it is about; what is gone or of another initiative is none.
    """
    found = find_target(connection, initiative)
    if person is not None:
        _lock(connection, person)
    bound = {
        "initiative": found.id,
        "person": person,
        "confirmed": person is not None,
        "reason": reason,
        "text": words,
        "photo": photo,
        "post": post,
    }
    connection.execute(text(REPORT), bound)


def close_report(
    connection: Connection, identifier: UUID, by: str, note: str, person: UUID | None = None
) -> UUID:
    """Returns the initiative. Raises StateConflict when it is closed already, or unknown."""
    bound = {"id": identifier, "by": by, "note": note}
    initiative: UUID | None = connection.execute(text(CLOSE), bound).scalar_one_or_none()
    if initiative is None:
        raise StateConflict("This report is closed already.")
    line = DecisionRecord(
        initiative=initiative,
        verdict=DecisionVerdict.CLOSE,
        by=by,
        person=person,
        reason=note,
        report=identifier,
    )
    log.keep(connection, line)
    return initiative


def _lock(connection: Connection, person: UUID) -> None:
    """Locks the person, and what is merged into what, until the end. Raises NotFound."""
    if connection.execute(text(LOCK_PERSON), {"person": person}).one_or_none() is None:
        raise NotFound("There is no such person.")
    connection.execute(text(BESIDE))
