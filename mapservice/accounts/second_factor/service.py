"""Setting a second factor up, showing it in a session, taking it away.

The shared secret is encrypted with the key of the service, so that rows alone let nobody in; after
a change of that key the former one still reads it, until the worker has encrypted it anew.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, Engine, text

from mapservice.accounts.second_factor.model import (
    DIGITS,
    clean_code,
    matching_step,
    new_secret,
    new_spare_codes,
    spare_digest,
)
from mapservice.errors import NotFound

log = structlog.get_logger()

FIND = """
SELECT secret, confirmed_at IS NOT NULL AS confirmed, last_step, cardinality(spare) AS spare
  FROM second_factor WHERE person = :person"""

BEGIN = """
INSERT INTO second_factor (person, secret) VALUES (:person, :secret)
    ON CONFLICT (person) DO UPDATE SET secret = EXCLUDED.secret, made_at = now(), last_step = 0
 WHERE second_factor.confirmed_at IS NULL"""

CONFIRM = """
UPDATE second_factor SET confirmed_at = now(), last_step = :step, spare = :spare
 WHERE person = :person AND confirmed_at IS NULL"""

# Two requests with the same code: one of them finds the step used.
USE_STEP = """
UPDATE second_factor SET last_step = :step WHERE person = :person AND last_step < :step"""

USE_SPARE = """
UPDATE second_factor SET spare = array_remove(spare, CAST(:digest AS bytea))
 WHERE person = :person AND confirmed_at IS NOT NULL AND spare @> ARRAY[CAST(:digest AS bytea)]"""

ALL_SECRETS = "SELECT person, secret FROM second_factor ORDER BY person"
# Unless it was set up anew meanwhile.
RENEW = """
UPDATE second_factor SET secret = :secret WHERE person = :person AND secret = :former"""

SHOWN = "UPDATE session SET second_factor_at = now() WHERE digest = :digest"


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """Somebody's; `confirmed`: it is asked for. `spare` is how many spare codes are left."""

    secret: bytes
    confirmed: bool
    last_step: int
    spare: int


class SecretBox:
    """Encrypts with the first of the keys, reads what any of them wrote; the newest first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        boxes = [Fernet(_derived(key)) for key in keys]
        self._box, self._present = MultiFernet(boxes), boxes[0]

    def close(self, secret: bytes) -> bytes:
        return self._box.encrypt(secret)

    def open(self, closed: bytes) -> bytes | None:
        """None where no key fits: the operator takes the factor away, and it is set up anew."""
        try:
            return self._box.decrypt(closed)
        except InvalidToken:
            return None

    def is_present(self, closed: bytes) -> bool:
        """Whether the present key wrote it."""
        try:
            self._present.decrypt(closed)
        except InvalidToken:
            return False
        return True


def _derived(key: bytes) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"second factor " + key).digest())


def find(connection: Connection, person: UUID, box: SecretBox) -> SecondFactor | None:
    row = connection.execute(text(FIND), {"person": person}).one_or_none()
    if row is None:
        return None
    secret = box.open(bytes(row.secret)) or b""
    return SecondFactor(secret, row.confirmed, row.last_step, row.spare)


def begin(connection: Connection, person: UUID, box: SecretBox) -> None:
    """A new secret, which asks for nothing until a code of it was right; a confirmed one stays."""
    connection.execute(text(BEGIN), {"person": person, "secret": box.close(new_secret())})


def confirm(
    connection: Connection, person: UUID, box: SecretBox, typed: str, now: float
) -> list[str] | None:
    """The spare codes, which nobody sees again; None for a wrong code."""
    found = find(connection, person, box)
    if found is None or found.confirmed or not found.secret:
        raise NotFound("There is nothing to confirm.")
    step = matching_step(found.secret, clean_code(typed), now, found.last_step)
    if step is None:
        return None
    spare = new_spare_codes()
    bound = {"person": person, "step": step, "spare": [spare_digest(one) for one in spare]}
    return spare if connection.execute(text(CONFIRM), bound).rowcount else None


def accept(connection: Connection, person: UUID, box: SecretBox, typed: str, now: float) -> bool:
    """Uses a code up: of the authenticator, or a spare one."""
    code = clean_code(typed)
    if not code:
        return False
    if len(code) != DIGITS:
        bound = {"person": person, "digest": spare_digest(code)}
        return bool(connection.execute(text(USE_SPARE), bound).rowcount)
    found = find(connection, person, box)
    if found is None or not found.confirmed or not found.secret:
        return False
    step = matching_step(found.secret, code, now, found.last_step)
    used = {"person": person, "step": step}
    return step is not None and bool(connection.execute(text(USE_STEP), used).rowcount)


def renew(engine: Engine, box: SecretBox) -> int:
    """Encrypts each with the present key of the service; returns how many no key reads.

    While the former key is named: then it is needed no longer.
    """
    unread = 0
    with engine.begin() as connection:
        for row in connection.execute(text(ALL_SECRETS)).all():
            secret = box.open(bytes(row.secret))
            if secret is None:
                unread += 1
            elif not box.is_present(bytes(row.secret)):
                bound = {"person": row.person, "former": row.secret, "secret": box.close(secret)}
                connection.execute(text(RENEW), bound)
    if unread:
        log.error("second_factor_unreadable", people=unread, hint="name the former secret key")
    return unread


def unreadable(connection: Connection, box: SecretBox) -> int:
    """How many no key of the service reads: these people can use a spare code alone."""
    rows = connection.execute(text(ALL_SECRETS)).all()
    return sum(box.open(bytes(row.secret)) is None for row in rows)


def show(connection: Connection, session_digest: bytes) -> None:
    """The session has shown the second factor."""
    connection.execute(text(SHOWN), {"digest": session_digest})


def remove(connection: Connection, person: UUID) -> bool:
    """Whether there was one."""
    statement = text("DELETE FROM second_factor WHERE person = :person")
    return bool(connection.execute(statement, {"person": person}).rowcount)
