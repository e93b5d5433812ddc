"""Reading people, sessions and tokens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.accounts.people.model import MagicLink, Person
from mapservice.db.engine import fill

PERSON = """
person.id, person.email, person.name, person.locale, person.commune, person.created_at,
person.confirmed_at, person.slug"""

FIND = """
SELECT {person} FROM person WHERE id = :id AND confirmed_at IS NOT NULL AND erased_at IS NULL"""

BY_SESSION = """
SELECT {person}, session.last_used_at < now() - interval '1 hour' AS stale
  FROM session
  JOIN person ON person.id = session.person
 WHERE session.digest = :digest AND session.expires_at > now()
   AND person.confirmed_at IS NOT NULL AND person.erased_at IS NULL"""

# A link proves the address that it was mailed to: it is dead once the person has another.
PEEK = """
SELECT token.purpose, token.person, token.email, token.subject, token.payload,
       token.created_at, token.expires_at
  FROM token
  JOIN person ON person.id = token.person
 WHERE token.digest = :digest AND token.used_at IS NULL AND token.expires_at > now()
   AND (person.confirmed_at IS NULL OR person.email = token.email)"""

SESSIONS = """
SELECT created_at, last_used_at, expires_at FROM session WHERE person = :id ORDER BY created_at"""


@dataclass(frozen=True, slots=True)
class SignedInSession:
    """The person signed in; `stale`: the session has not been used for an hour."""

    person: Person
    stale: bool


def find(connection: Connection, identifier: UUID) -> Person | None:
    """None if unknown, erased, or without a proved address."""
    row = connection.execute(text(fill(FIND, {"person": PERSON})), {"id": identifier}).one_or_none()
    return Person(**row._mapping) if row else None


def by_session(connection: Connection, digest: bytes) -> SignedInSession | None:
    statement = text(fill(BY_SESSION, {"person": PERSON}))
    row = connection.execute(statement, {"digest": digest}).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    stale: bool = values.pop("stale")
    return SignedInSession(Person(**values), stale)


def peek(connection: Connection, digest: bytes) -> MagicLink | None:
    """What an unused link stands for; None for one that does not work, whatever the reason."""
    row = connection.execute(text(PEEK), {"digest": digest}).one_or_none()
    return MagicLink(**row._mapping) if row else None


def sessions(connection: Connection, identifier: UUID) -> list[dict[str, datetime]]:
    """For the export: when a person signed in, and until when that holds."""
    rows: list[Any] = list(connection.execute(text(SESSIONS), {"id": identifier}))
    return [dict(row._mapping) for row in rows]
