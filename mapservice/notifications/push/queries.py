"""Reading devices, and the notifications that are due."""

from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.notifications.push.model import PushDevice, PushMessage, PushTarget

DEVICES = """
SELECT id, endpoint, created_at FROM push_endpoint WHERE person = :person ORDER BY created_at, id"""

BY_MAIL = "SELECT by_mail FROM follower WHERE person = :person"

# As mails are: a message that kills its worker cannot do so again at once.
CLAIM = """
UPDATE push_message
   SET attempts = attempts + 1,
       next_try_at = now() + least(interval '1 minute' * power(2, least(attempts, 10)),
                                   interval '1 hour')
 WHERE id = (SELECT id FROM push_message WHERE next_try_at <= now()
              ORDER BY next_try_at FOR NO KEY UPDATE SKIP LOCKED LIMIT 1)
RETURNING id"""

LOCKED = """
SELECT push_message.id, push_message.digest, push_endpoint.id AS endpoint_id,
       push_endpoint.person, push_endpoint.endpoint, push_endpoint.p256dh, push_endpoint.auth,
       push_message.payload, push_message.instead, push_message.give_up_at
  FROM push_message JOIN push_endpoint ON push_endpoint.id = push_message.endpoint
 WHERE push_message.id = :id
   FOR NO KEY UPDATE OF push_message SKIP LOCKED"""


def devices(connection: Connection, person: UUID) -> list[PushDevice]:
    """The oldest first."""
    rows = connection.execute(text(DEVICES), {"person": person})
    return [PushDevice(**row._mapping) for row in rows]


def by_mail(connection: Connection, person: UUID) -> bool:
    """Whether a person wants mails too; who follows nothing yet would get them."""
    found = connection.scalar(text(BY_MAIL), {"person": person})
    return True if found is None else bool(found)


def claim(connection: Connection) -> UUID | None:
    """A message that is due, which nobody else takes for a while."""
    found: UUID | None = connection.scalar(text(CLAIM))
    return found


def locked(connection: Connection, identifier: UUID) -> PushMessage | None:
    """A claimed message, locked until the transaction ends; None when it is gone or held."""
    row = connection.execute(text(LOCKED), {"id": identifier}).one_or_none()
    if row is None:
        return None
    return PushMessage(
        id=row.id,
        digest=row.digest,
        endpoint_id=row.endpoint_id,
        person=row.person,
        target=PushTarget(row.endpoint, bytes(row.p256dh), bytes(row.auth)),
        payload=row.payload,
        instead=row.instead,
        give_up_at=row.give_up_at,
    )
