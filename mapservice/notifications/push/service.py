"""Devices that a person adds and ends, and the queue of notifications.

A notification is written in the transaction of the digest that it tells of, once for each device,
and its commit wakes the worker. Where a person wants no mails, the mail waits in it: it leaves when
no device could be reached, so that no digest is lost with a device.
"""

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, Engine, text

from mapservice.errors import StateConflict
from mapservice.mail import service as mail
from mapservice.mail.model import Mail
from mapservice.notifications.push import queries
from mapservice.notifications.push.encryption import MAX_PAYLOAD
from mapservice.notifications.push.model import (
    GIVE_UP_AFTER,
    MAX_DEVICES,
    PushMessage,
    PushTarget,
)
from mapservice.notifications.push.transport import PushGone, PushRefused, SendPush

log = structlog.get_logger()

# A worker does nothing else while it sends.
TURN_SECONDS = 20.0

# A browser has one endpoint: who signs in there last is who gets its notifications.
KEEP_DEVICE = """
INSERT INTO push_endpoint (person, endpoint, p256dh, auth)
VALUES (:person, :endpoint, :p256dh, :auth)
    ON CONFLICT (endpoint) DO UPDATE
   SET person = excluded.person, p256dh = excluded.p256dh, auth = excluded.auth,
       created_at = CASE WHEN push_endpoint.person = excluded.person
                         THEN push_endpoint.created_at ELSE now() END"""
DROP_DEVICE = "DELETE FROM push_endpoint WHERE id = :id AND person = :person"
SET_BY_MAIL = "UPDATE follower SET by_mail = :wanted WHERE person = :person"

ENQUEUE = """
INSERT INTO push_message (endpoint, digest, payload, instead, give_up_at)
SELECT id, :digest, :payload, CAST(:instead AS jsonb), now() + :life
  FROM push_endpoint WHERE person = :person"""

SENT = "DELETE FROM push_message WHERE id = :id"
SPARE_MAIL = "UPDATE push_message SET instead = NULL WHERE digest = :digest"
AGAIN = """
UPDATE push_message
   SET last_error = :error, next_try_at = greatest(next_try_at, now() + :wait) WHERE id = :id"""
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended(CAST(:digest AS text), 0))"
OTHERS = "SELECT EXISTS (SELECT FROM push_message WHERE digest = :digest AND id <> :id)"
# While more waits for it, each is told that it is gone, and mailed instead.
DROP_ENDPOINT = """
DELETE FROM push_endpoint
 WHERE id = :endpoint AND NOT EXISTS (SELECT FROM push_message WHERE endpoint = :endpoint)"""
WAITING = """
SELECT push_message.id
  FROM push_message JOIN push_endpoint ON push_endpoint.id = push_message.endpoint
 WHERE {which} ORDER BY push_message.id"""
OF_DEVICE = WAITING.format(which="push_endpoint.id = :id AND person = :person")
OF_OTHERS = WAITING.format(which="push_endpoint.endpoint = :endpoint AND person <> :person")


def add_device(connection: Connection, person: UUID, target: PushTarget) -> None:
    """The person must be a follower. Raises StateConflict when there are too many."""
    bound = {"person": person, **asdict(target)}
    # What waits there for somebody else is not this person's to read.
    _mail_waiting(connection, OF_OTHERS, {"person": person, "endpoint": target.endpoint})
    connection.execute(text(KEEP_DEVICE), bound)
    if len(queries.devices(connection, person)) > MAX_DEVICES:
        raise StateConflict(f"Nobody has more than {MAX_DEVICES} devices.")


def end_device(connection: Connection, person: UUID, device: UUID) -> None:
    """Does nothing if it has ended, or is somebody else's. What waits for it alone is mailed."""
    bound = {"id": device, "person": person}
    _mail_waiting(connection, OF_DEVICE, bound)
    connection.execute(text(DROP_DEVICE), {"id": device, "person": person})


def set_by_mail(connection: Connection, person: UUID, *, wanted: bool) -> None:
    connection.execute(text(SET_BY_MAIL), {"person": person, "wanted": wanted})


def enqueue(
    connection: Connection, person: UUID, payload: dict[str, Any], instead: Mail | None
) -> bool:
    """Keeps a notification for each device; False where there is none.

    `instead` is mailed if none of them can be reached.
    """
    digest = uuid4()
    kept = connection.execute(
        text(ENQUEUE),
        {
            "person": person,
            "digest": digest,
            "payload": fitting(payload | {"tag": str(digest)}),
            "instead": json.dumps(_as_json(instead)) if instead else None,
            "life": GIVE_UP_AFTER,
        },
    )
    return bool(kept.rowcount)


def fitting(payload: dict[str, Any]) -> str:
    """As JSON that one record holds: what is too long loses the end of its body."""
    written = json.dumps(payload, ensure_ascii=False)
    body = str(payload["body"])
    while len(written.encode()) > MAX_PAYLOAD:
        body = body[: len(body) * 3 // 4]
        written = json.dumps(payload | {"body": f"{body}…"}, ensure_ascii=False)
    return written


def send_due(engine: Engine, send: SendPush, seconds: float = TURN_SECONDS) -> bool:
    """Sends what is due; returns whether there may be more to send now."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with engine.begin() as connection:
            identifier = queries.claim(connection)
        if identifier is None:
            return False
        with engine.begin() as connection:
            message = queries.locked(connection, identifier)
            if message is not None:
                _send(connection, send, message)
    return True


def _send(connection: Connection, send: SendPush, message: PushMessage) -> None:
    bound = {"id": message.id, "digest": message.digest, "endpoint": message.endpoint_id}
    try:
        send(message)
    except PushGone:
        log.info("push_endpoint_gone", endpoint=str(message.endpoint_id))
        _mail_instead(connection, message)
        connection.execute(text(SENT), bound)
        connection.execute(text(DROP_ENDPOINT), bound)
        return
    except PushRefused as error:
        log.warning("push_not_sent", id=str(message.id), error=str(error))
        if error.permanent or datetime.now(UTC) >= message.give_up_at:
            _mail_instead(connection, message)
            connection.execute(text(SENT), bound)
        else:
            wait = error.wait or timedelta(0)
            connection.execute(text(AGAIN), bound | {"error": str(error)[:500], "wait": wait})
        return
    connection.execute(text(SENT), bound)
    connection.execute(text(SPARE_MAIL), bound)


def _mail_instead(connection: Connection, message: PushMessage) -> None:
    """The mail of the digest, if this was the last device that might have told of it.

    Two that fail at once take turns: the second one sees that the first is gone.
    """
    if message.instead is None:
        return
    bound = {"id": message.id, "digest": message.digest}
    connection.execute(text(ONE_AT_A_TIME), bound)
    if connection.execute(text(OTHERS), bound).scalar_one():
        return
    mail.enqueue(connection, Mail(**message.instead, person=message.person))


def _mail_waiting(connection: Connection, statement: str, bound: dict[str, Any]) -> None:
    """Takes away what waits, and mails what no other device may tell of."""
    for waiting in connection.scalars(text(statement), bound).all():
        message = queries.locked(connection, waiting)
        if message is not None:
            _mail_instead(connection, message)
            connection.execute(text(SENT), {"id": waiting})


def _as_json(kept: Mail) -> dict[str, Any]:
    fields = ("kind", "sender", "recipient", "subject", "text", "html")
    return {name: getattr(kept, name) for name in fields} | {"headers": dict(kept.headers)}
