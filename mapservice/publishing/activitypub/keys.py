"""The key pair that this service signs with: made once, kept encrypted with the key of the service.

Processes that answer requests make it; the worker only reads it. Where the key of the service was
changed, and the former one is not told, nobody can read it any more: another is made, and other
servers fetch its public part when a signature does not fit.
"""

from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import Connection, Engine, text

from mapservice.accounts.second_factor.service import SecretBox
from mapservice.publishing.activitypub import queries
from mapservice.publishing.activitypub.signatures import (
    make_private_key,
    private_pem,
    public_pem,
    read_private_key,
)
from mapservice.settings import Settings

log = structlog.get_logger()

KEEP = """
INSERT INTO federation_key (private_key, public_key) VALUES (:private_key, :public_key)
    ON CONFLICT (is_only) DO UPDATE
   SET private_key = excluded.private_key, public_key = excluded.public_key, is_on = true,
       made_at = now()"""
RENEW = "UPDATE federation_key SET private_key = :renewed WHERE private_key = :private_key"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('federation key'))"
SWITCH = "UPDATE federation_key SET is_on = :is_on WHERE is_on <> :is_on"
# Of what waits to be sent removals alone are kept: nothing else says that what was told is gone.
DROP_ALL = (
    "DELETE FROM federation_change",
    "DELETE FROM federation_delivery WHERE CAST(activity AS jsonb) ->> 'type' <> 'Delete'",
)
# What left public view while no change was noted.
NOTE_REMOVED = """
INSERT INTO federation_change (kind, subject, is_bulk)
SELECT kind, subject, true
  FROM federation_note
 WHERE removed_at IS NULL
   AND NOT EXISTS (SELECT FROM initiative
                    WHERE federation_note.kind = 'initiative' AND initiative.id = subject
                      AND is_public(initiative.status))
   AND NOT EXISTS (SELECT FROM event
                    WHERE federation_note.kind = 'event' AND event.id = subject
                      AND event.status NOT IN ('draft', 'pending', 'rejected'))"""
KEY_FILE = "secret.key"


def box_of(settings: Settings) -> SecretBox | None:
    """With the keys of the service, for processes without requests; None where none is kept."""
    own = settings.secret_key or _kept(settings.home / KEY_FILE)
    keys = [own, settings.former_secret_key]
    return SecretBox([key.encode() for key in keys if key]) if own else None


def _kept(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def public_key(engine: Engine, box: SecretBox) -> str:
    """In PEM; makes the pair where there is none, or none that we can read."""
    with engine.connect() as connection:
        row = queries.find_key(connection)
    if row is not None and row.is_on and box.open(bytes(row.private_key)) is not None:
        return str(row.public_key)
    with engine.begin() as connection:
        connection.execute(text(ONE_AT_A_TIME))
        row = queries.find_key(connection)
        if row is not None and box.open(bytes(row.private_key)) is not None:
            _switch_on(connection)
            return str(row.public_key)
        if row is not None:
            log.warning("federation_key_made_anew", hint="the key of the service was changed")
        made = make_private_key()
        public = public_pem(made)
        bound = {"private_key": box.close(private_pem(made)), "public_key": public}
        connection.execute(text(KEEP), bound)
        return public


def private_key(connection: Connection, box: SecretBox) -> rsa.RSAPrivateKey | None:
    """None where there is none, or none that we can read."""
    row = queries.find_key(connection)
    pem = box.open(bytes(row.private_key)) if row is not None else None
    return read_private_key(pem) if pem else None


def renew(engine: Engine, box: SecretBox) -> None:
    """Encrypts it with the present key of the service, where a former one reads it."""
    with engine.begin() as connection:
        row = queries.find_key(connection)
        pem = box.open(bytes(row.private_key)) if row is not None else None
        if row is not None and pem is not None:
            bound = {"private_key": bytes(row.private_key), "renewed": box.close(pem)}
            connection.execute(text(RENEW), bound)


def switch(engine: Engine, *, is_on: bool) -> None:
    """What the setting says: while it is off no change is noted, and nothing is sent.

    Once it is on again, those who were told of what has left public view since are told of that.
    """
    with engine.begin() as connection:
        if is_on:
            _switch_on(connection)
        else:
            connection.execute(text(SWITCH), {"is_on": False})
            for statement in DROP_ALL:
                connection.execute(text(statement))


def _switch_on(connection: Connection) -> None:
    if connection.execute(text(SWITCH), {"is_on": True}).rowcount:
        connection.execute(text(NOTE_REMOVED))
