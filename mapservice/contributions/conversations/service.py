"""Writing to an author, replying, and ending it. What is written is kept in the outbox alone."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.accounts.people import queries as people
from mapservice.accounts.people.model import Person
from mapservice.contributions.conversations import queries
from mapservice.contributions.conversations.model import (
    GRACE_DAYS,
    LINK_LIFE,
    ConversationSide,
    ReplyLink,
    is_signed,
    parse_tag,
    reply_address,
    signature,
    tag_of,
)
from mapservice.contributions.supports import service as supports
from mapservice.errors import NotFound, StateConflict
from mapservice.mail import service as mail
from mapservice.mail.model import GIVE_UP_AFTER, Letterhead

LETTER = "message"


class ConversationEnded(StateConflict):
    """One of the two wants no more messages."""


@dataclass(frozen=True, slots=True)
class RelayedMessage:
    """What one side writes to the other. `inbox` is where replies by mail come to, or ""."""

    writer: Person
    text: str
    inbox: str = ""


def write_to_author(
    connection: Connection, site: Letterhead, initiative: UUID, message: RelayedMessage
) -> None:
    """Mails a message to the author, with a link to reply by. Neither learns the other's address.

    A visitor who ended it begins anew. Raises NotFound when the initiative has no author any more,
    ConversationEnded where the author wants no more of them.
    """
    found = supports.with_author(supports.find_target(connection, initiative))
    bound = {"initiative": found.id, "author": found.author, "visitor": message.writer.id}
    conversation = connection.execute(text(BEGIN), bound).scalar_one_or_none()
    if conversation is None:
        raise ConversationEnded("The author ended this conversation.")
    _relay(connection, site, conversation, ConversationSide.AUTHOR, message)


def reply(
    connection: Connection, site: Letterhead, link: ReplyLink, words: str, inbox: str
) -> None:
    """Uses a link up, and mails the reply with a new one. `link` is locked by `find_open`.

    Raises NotFound when one of the two is gone.
    """
    writer = people.find(connection, link.writer)
    if writer is None:
        raise NotFound("Nobody is there to write any more.")
    connection.execute(text(USE), {"id": link.id})
    message = RelayedMessage(writer, words, inbox)
    _relay(connection, site, link.conversation, link.side.other, message)


def tell_closed(connection: Connection, site: Letterhead, link: ReplyLink) -> None:
    """Tells who replied by mail that it went nowhere, and why."""
    writer = people.find(connection, link.writer)
    if writer is None:
        return
    values = {
        "title": link.title,
        "ended": link.ended_by is not None,
        "used": link.used_at is not None,
        "address": f"{site.base_url}/initiatives/{link.initiative}",
    }
    letter = mail.write(
        site, "reply_closed", writer.email, values, locale=writer.locale, person=writer.id
    )
    mail.enqueue(connection, letter)


def end(connection: Connection, link: ReplyLink) -> None:
    """No message goes either way any more."""
    connection.execute(text(END), {"id": link.conversation, "side": str(link.side)})


def find(connection: Connection, identifier: UUID, given: str, *, lock: bool = False) -> ReplyLink:
    """Raises NotFound, the same for a wrong signature and for what is not there."""
    found = queries.link(connection, identifier, lock=lock)
    if found is None or not is_signed(identifier, found.key, given):
        raise NotFound("There is no such link.")
    return found


def find_tag(connection: Connection, tag: str) -> ReplyLink | None:
    """The link whose signed tag an address carries, locked; None for any other."""
    parsed = parse_tag(tag)
    if parsed is None:
        return None
    try:
        return find(connection, *parsed, lock=True)
    except NotFound:
        return None


def erase(connection: Connection, person: UUID) -> None:
    """All conversations of a person; what was mailed to the other one is theirs."""
    connection.execute(text(ERASE), {"person": person})


def forget(engine: Engine) -> None:
    """Daily: links past their time, and conversations in which nobody can reply any more.

    One that somebody ended stays as long as both are there: so that it stays ended.
    """
    with engine.begin() as connection:
        for statement in FORGET:
            connection.execute(text(statement), {"grace": GRACE_DAYS})


def _relay(
    connection: Connection,
    site: Letterhead,
    conversation: UUID,
    to: ConversationSide,
    message: RelayedMessage,
) -> None:
    """Mails to one side; the link in the mail is for them to reply by."""
    bound = {"conversation": conversation, "side": str(to), "life": LINK_LIFE}
    made = queries.link(connection, connection.execute(text(LINK), bound).scalar_one())
    assert made is not None, "inserted a moment ago"
    reader = people.find(connection, made.writer)
    if reader is None:
        raise NotFound("Nobody is there to read it any more.")
    path = f"{site.base_url}/repondre/{made.id}/{signature(made.id, made.key)}"
    values = {
        "title": made.title,
        "address": f"{site.base_url}/initiatives/{made.initiative}",
        "name": message.writer.name,
        "message": message.text,
        "to_author": to is ConversationSide.AUTHOR,
        "reply": path,
        "by_mail": bool(message.inbox),
        "days": LINK_LIFE.days,
    }
    headers = {}
    if message.inbox:
        headers["Reply-To"] = reply_address(message.inbox, tag_of(made.id, made.key))
    letter = mail.write(
        site,
        LETTER,
        reader.email,
        values,
        locale=reader.locale,
        person=reader.id,
        headers=headers,
        give_up_after=GIVE_UP_AFTER,
    )
    mail.enqueue(connection, letter)


# Nothing is returned where the author ended it.
BEGIN = """
INSERT INTO conversation AS kept (initiative, author, visitor)
VALUES (:initiative, :author, :visitor)
    ON CONFLICT (initiative, author, visitor) DO UPDATE SET ended_at = NULL, ended_by = NULL
 WHERE kept.ended_by IS DISTINCT FROM 'author'
RETURNING id"""

LINK = """
INSERT INTO reply_link (conversation, side, expires_at)
VALUES (:conversation, :side, now() + :life)
RETURNING id"""

USE = "UPDATE reply_link SET used_at = now() WHERE id = :id"

END = """
UPDATE conversation SET ended_at = now(), ended_by = :side WHERE id = :id AND ended_at IS NULL"""

ERASE = "DELETE FROM conversation WHERE author = :person OR visitor = :person"

FORGET = (
    """
    DELETE FROM reply_link
     WHERE least(used_at, expires_at) < now() - make_interval(days => :grace)""",
    """
    DELETE FROM conversation
     WHERE ended_at IS NULL AND begun_at < now() - interval '1 day'
       AND NOT EXISTS (SELECT FROM reply_link WHERE reply_link.conversation = conversation.id)""",
)
