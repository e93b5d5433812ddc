"""Keeping mail, sending what is due, and forgetting what has left.

Nothing is sent from a request: `enqueue` writes a row in the caller's transaction, whose commit
wakes the worker (a trigger defers the job `send_mail`). The worker first commits that it tries,
then holds the row locked while it talks to the server. So a worker that dies loses nothing: its
lock goes with it, and the row is due again later, under the same Message-ID.
"""

import time
from email.utils import parseaddr
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, Engine, insert, text

from mapservice.db.people_tables import delivery
from mapservice.mail import queries
from mapservice.mail.model import Mail
from mapservice.mail.transport import MailRefused, MailServerUnreachable, Send, Transport

log = structlog.get_logger()

# The content of a mail is forgotten that long after it was written, its row later.
BODY_DAYS = 14
ROW_DAYS = 90
# A worker that sends does nothing else, so it stops after a while, even if more is due.
TURN_SECONDS = 20.0

# What is due soonest comes first; a row in `sending` that can be locked was left by the dead.
CLAIM = """
UPDATE delivery
   SET state = 'sending',
       attempts = attempts + 1,
       next_try_at = now() + least(interval '1 minute' * power(2, least(attempts, 10)),
                                   interval '1 hour')
 WHERE id = (SELECT id FROM delivery
              WHERE state IN ('queued', 'sending') AND next_try_at <= now()
              ORDER BY give_up_at
                FOR NO KEY UPDATE SKIP LOCKED
              LIMIT 1)
RETURNING id"""

TOO_LATE = """
UPDATE delivery
   SET state = 'failed', last_error = concat_ws('; ', 'too late', nullif(last_error, ''))
 WHERE id IN (SELECT id FROM delivery
               WHERE state IN ('queued', 'sending') AND give_up_at <= now()
                 FOR NO KEY UPDATE SKIP LOCKED)"""

SENT = "UPDATE delivery SET state = 'sent', sent_at = now(), last_error = '' WHERE id = :id"
AGAIN = "UPDATE delivery SET state = 'queued', last_error = :error WHERE id = :id"
FAILED = "UPDATE delivery SET state = 'failed', last_error = :error WHERE id = :id"

FORGET_BODIES = """
UPDATE delivery SET text = '', html = '', headers = '{}'
 WHERE state IN ('sent', 'failed') AND text <> ''
   AND created_at < now() - make_interval(days => :days)"""

FORGET_ROWS = """
DELETE FROM delivery
 WHERE state IN ('sent', 'failed') AND created_at < now() - make_interval(days => :days)"""


def enqueue(connection: Connection, mail: Mail) -> UUID:
    """Keeps a mail to be sent once the transaction commits; nothing leaves if it rolls back."""
    identifier = uuid4()
    domain = parseaddr(mail.sender)[1].rpartition("@")[2] or "localhost"
    values = {
        "id": identifier,
        "message_id": f"<{identifier}@{domain}>",
        "kind": mail.kind,
        "person": mail.person,
        "sender": mail.sender,
        "recipient": mail.recipient,
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "headers": dict(mail.headers),
        "give_up_at": text("now() + :patience").bindparams(patience=mail.give_up_after),
    }
    connection.execute(insert(delivery).values(values))
    return identifier


def send_due(engine: Engine, transport: Transport, seconds: float = TURN_SECONDS) -> bool:
    """Sends what is due, one mail after the other. Returns whether there is more to send now.

    A server that is away ends the turn and touches no mail but the one in flight.
    """
    end = time.monotonic() + seconds
    try:
        while _has_due(engine) and _send_some(engine, transport, end):
            if time.monotonic() >= end:
                return True
    except MailServerUnreachable as error:
        log.warning("mail_server_unreachable", error=str(error))
    return False


def forget(engine: Engine) -> None:
    """Daily: empties the mails that have left, and drops their rows in the end."""
    with engine.begin() as connection:
        connection.execute(text(FORGET_BODIES), {"days": BODY_DAYS})
        connection.execute(text(FORGET_ROWS), {"days": ROW_DAYS})


def _has_due(engine: Engine) -> bool:
    with engine.begin() as connection:
        connection.execute(text(TOO_LATE))
        return queries.has_due(connection)


def _send_some(engine: Engine, transport: Transport, end: float) -> int:
    """In one conversation with the server. Returns how many were tried; raises Unreachable."""
    tried = 0
    with transport() as send:
        while (tried == 0 or time.monotonic() < end) and (identifier := _claim(engine)):
            _send_one(engine, identifier, send)
            tried += 1
    return tried


def _claim(engine: Engine) -> UUID | None:
    """Commits that one is tried: a mail that kills its worker cannot do it again at once."""
    with engine.begin() as connection:
        found: UUID | None = connection.execute(text(CLAIM)).scalar_one_or_none()
        return found


def _send_one(engine: Engine, identifier: UUID, send: Send) -> None:
    """Raises Unreachable, once it is noted."""
    with engine.connect() as connection:
        mail = queries.locked(connection, identifier)
        if mail is None:
            return
        try:
            send(mail)
        except MailRefused as error:
            _note(connection, FAILED if error.permanent else AGAIN, identifier, str(error))
        except MailServerUnreachable as error:
            _note(connection, AGAIN, identifier, str(error))
            raise
        else:
            _note(connection, SENT, identifier)


def _note(connection: Connection, statement: str, identifier: UUID, error: str = "") -> None:
    if error:
        log.warning("mail_not_sent", id=str(identifier), error=error)
    bound = {"id": identifier} | ({"error": error[:500]} if error else {})
    connection.execute(text(statement), bound)
    connection.commit()
