"""Reading conversations and the links by which the two may reply."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.contributions.conversations.model import ConversationSide, ReplyLink

# Whoever was erased, or is not there any more, has no conversation either (`erase`).
LINK = """
SELECT link.id, link.conversation, link.side, conversation.key, conversation.initiative,
       initiative.title, conversation.author, conversation.visitor, link.expires_at, link.used_at,
       conversation.ended_by,
       link.used_at IS NULL AND link.expires_at > now() AND conversation.ended_at IS NULL AS is_open
  FROM reply_link AS link
  JOIN conversation ON conversation.id = link.conversation
  JOIN initiative ON initiative.id = conversation.initiative
 WHERE link.id = :id"""

LOCK = " FOR UPDATE OF link, conversation"

EXPORT = """
SELECT initiative, CASE WHEN author = :person THEN 'author' ELSE 'visitor' END AS side, begun_at,
       ended_at, ended_by
  FROM conversation
 WHERE author = :person OR visitor = :person
 ORDER BY begun_at, id"""


def link(connection: Connection, identifier: UUID, *, lock: bool = False) -> ReplyLink | None:
    """Whatever became of it; `lock` holds it and its conversation until the transaction ends."""
    statement = LINK + LOCK if lock else LINK
    row = connection.execute(text(statement), {"id": identifier}).one_or_none()
    return ReplyLink(**{**row._mapping, "side": ConversationSide(row.side)}) if row else None


def export(connection: Connection, person: UUID) -> list[dict[str, Any]]:
    """With whom is the other one's to say."""
    return [dict(row._mapping) for row in connection.execute(text(EXPORT), {"person": person})]
