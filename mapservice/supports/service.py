"""Supporting and withdrawing, reporting, writing to an author.

Who acts is locked first, so that one person's acts come one after the other, erasure among them.
Counts are changed by a trigger of `support`, in the same transaction.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.errors import Conflict, NotFound
from mapservice.initiatives.model import Status
from mapservice.mail import letters
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.people.model import Person
from mapservice.supports import queries
from mapservice.supports.model import NETWORK_DAYS, Reason, Source
from mapservice.supports.queries import Target

# What may be backed: what is over needs no support any more.
OPEN = (Status.PUBLISHED,)
MESSAGE_LIFE = timedelta(days=5)

LOCK_PERSON = """
SELECT email_key FROM person WHERE id = :person AND erased_at IS NULL FOR NO KEY UPDATE"""

# Who erased their account and comes back takes up the support that went on counting.
TAKE_UP = """
UPDATE support SET person = :person, mailbox = NULL
 WHERE initiative = :initiative AND mailbox = :mailbox
   AND NOT EXISTS (SELECT FROM support AS own
                    WHERE own.initiative = :initiative AND own.person = :person)"""

SUPPORT = """
INSERT INTO support (initiative, person, commune, network)
VALUES (:initiative, :person, :commune, :network)
    ON CONFLICT (initiative, person) DO UPDATE
   SET withdrawn_at = NULL, confirmed_at = now(), network = excluded.network,
       commune = coalesce(excluded.commune, support.commune)
 WHERE support.withdrawn_at IS NOT NULL"""

WITHDRAW = """
UPDATE support SET withdrawn_at = now(), commune = NULL, network = NULL
 WHERE initiative = :initiative AND person = :person AND withdrawn_at IS NULL"""

DROP_WITHDRAWN = "DELETE FROM support WHERE person = :person AND withdrawn_at IS NOT NULL"

OWN = "SELECT initiative FROM support WHERE person = :person ORDER BY initiative"

MAKE_NAMELESS = """
UPDATE support SET person = NULL, mailbox = :mailbox, network = NULL
 WHERE initiative = :initiative AND person = :person"""

FORGET_NETWORKS = """
UPDATE support SET network = NULL
 WHERE network IS NOT NULL AND confirmed_at < now() - make_interval(days => :days)"""

REPORT = """
INSERT INTO report (initiative, person, confirmed, reason, text)
VALUES (:initiative, :person, :confirmed, :reason, :text)
    ON CONFLICT (initiative, person) WHERE state = 'open' AND person IS NOT NULL DO NOTHING"""

CLOSE = """
UPDATE report SET state = 'closed', closed_by = :by, closed_at = now(), note = :note
 WHERE id = :id AND state = 'open'"""


def find_target(connection: Connection, initiative: UUID) -> Target:
    """Raises NotFound unless the initiative is public."""
    found = queries.target(connection, initiative)
    if found is None:
        raise NotFound("There is no such initiative, or it is not public.")
    return found


def with_author(target: Target) -> Target:
    """The same. Raises NotFound where nobody can be written to."""
    if target.author is None or target.author_email is None:
        raise NotFound("This initiative has no author to write to.")
    return target


def support(
    connection: Connection,
    person: UUID,
    initiative: UUID,
    *,
    commune: str | None,
    source_of: Callable[[str], Source],
) -> None:
    """Counts a person for an initiative, once. Raises NotFound, and Conflict when it is over.

    `source_of` makes keyed digests of the mailbox it is given (`email_key`) and of the network.
    """
    mailbox = _lock(connection, person)
    if find_target(connection, initiative).status not in OPEN:
        raise Conflict("This initiative is over.")
    source = source_of(mailbox)
    bound = {"person": person, "initiative": initiative, "mailbox": source.mailbox}
    connection.execute(text(TAKE_UP), bound)
    values = {"commune": commune, "network": source.network}
    connection.execute(text(SUPPORT), bound | values)


def withdraw(connection: Connection, person: UUID, initiative: UUID) -> None:
    """Takes a support back, if there is one; nothing about where it came from stays."""
    _lock(connection, person)
    bound = {"person": person, "initiative": initiative}
    connection.execute(text(WITHDRAW), bound)


def erase(connection: Connection, person: UUID, mailbox_of: Callable[[str, UUID], bytes]) -> None:
    """Makes a person's supports nameless; they go on counting, as they were given and confirmed.

    What stays is a keyed digest (of mailbox and initiative), so that who comes back does not count
    a second time. What was withdrawn goes.
    """
    mailbox = _lock(connection, person)
    connection.execute(text(DROP_WITHDRAWN), {"person": person})
    for initiative in connection.execute(text(OWN), {"person": person}).scalars().all():
        bound = {"person": person, "initiative": initiative}
        nameless = {"mailbox": mailbox_of(mailbox, initiative)}
        connection.execute(text(MAKE_NAMELESS), bound | nameless)
    connection.execute(text("UPDATE report SET person = NULL WHERE person = :id"), {"id": person})


def forget_networks(engine: Engine) -> int:
    """Daily: drops where supports came from once that is old."""
    with engine.begin() as connection:
        return connection.execute(text(FORGET_NETWORKS), {"days": NETWORK_DAYS}).rowcount


def report(
    connection: Connection, initiative: UUID, reason: Reason, words: str, person: UUID | None
) -> None:
    """Tells the moderators, once for each person while it is open. Raises NotFound."""
    find_target(connection, initiative)
    if person is not None:
        _lock(connection, person)
    bound = {
        "initiative": initiative,
        "person": person,
        "confirmed": person is not None,
        "reason": reason,
        "text": words,
    }
    connection.execute(text(REPORT), bound)


def close_report(engine: Engine, identifier: UUID, by: str, note: str) -> None:
    """Raises Conflict when somebody else has closed it, or there is none."""
    with engine.begin() as connection:
        bound = {"id": identifier, "by": by, "note": note}
        if connection.execute(text(CLOSE), bound).rowcount == 0:
            raise Conflict("This report is closed already.")


def write_to_author(
    connection: Connection,
    site: Letterhead,
    sender: Person,
    initiative: UUID,
    message: str,
    *,
    show_address: bool,
) -> None:
    """Mails a message to the author. Neither learns the other's address unless the sender agrees.

    Raises NotFound when the initiative has no author any more.
    """
    found = find_target(connection, initiative)
    if found.author is None or found.author_email is None:
        raise NotFound("This initiative has no author to write to.")
    values = {
        "title": found.title,
        "address": f"{site.base_url}/initiatives/{initiative}",
        "name": sender.name,
        "message": message,
        "reply_to": sender.email if show_address else "",
    }
    letter = letters.write(
        site,
        "message",
        found.author_email,
        values,
        locale=found.author_locale or "fr",
        person=found.author,
        headers={"Reply-To": sender.email} if show_address else {},
        give_up_after=MESSAGE_LIFE,
    )
    mail.enqueue(connection, letter)


def _lock(connection: Connection, person: UUID) -> str:
    """The mailbox (`email_key`) of who acts. Raises NotFound for the erased."""
    mailbox: str | None = connection.execute(
        text(LOCK_PERSON), {"person": person}
    ).scalar_one_or_none()
    if mailbox is None:
        raise NotFound("There is no such person.")
    return mailbox
