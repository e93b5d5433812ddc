"""Reading deliveries."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.mail.model import Delivery

HAS_DUE = """
SELECT EXISTS (SELECT FROM delivery
                WHERE state IN ('queued', 'sending') AND next_try_at <= now())"""

LOCKED = """
SELECT id, message_id, kind, sender, recipient, subject, text, html, headers, created_at, attempts
  FROM delivery
 WHERE id = :id AND state = 'sending'
   FOR NO KEY UPDATE SKIP LOCKED"""

OF_PERSON = """
SELECT kind, recipient, subject, created_at, state, sent_at
  FROM delivery
 WHERE person = :person
 ORDER BY created_at, id"""


def has_due(connection: Connection) -> bool:
    """Whether something waits to be sent now; it may be in other hands already."""
    return bool(connection.execute(text(HAS_DUE)).scalar_one())


def locked(connection: Connection, identifier: UUID) -> Delivery | None:
    """A claimed delivery, locked until the transaction ends; None when another holds it."""
    row = connection.execute(text(LOCKED), {"id": identifier}).one_or_none()
    return Delivery(**row._mapping) if row else None


def of_person(connection: Connection, person: UUID) -> Iterator[dict[str, Any]]:
    """What was mailed to a person, the oldest first, for the export of their data.

    Without the texts, which they have: links in them sign people in.
    """
    rows = connection.execute(text(OF_PERSON), {"person": person})
    return (dict(row._mapping) for row in rows)
