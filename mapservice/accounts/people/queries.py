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
SELECT {person}, session.last_used_at < now() - interval '1 hour' AS stale,
       second_factor.confirmed_at IS NOT NULL AS has_second_factor,
       coalesce(session.second_factor_at > now() - make_interval(hours => :hours),
                false) AS shown_second_factor
  FROM session
  JOIN person ON person.id = session.person
  LEFT JOIN second_factor ON second_factor.person = person.id
 WHERE session.digest = :digest AND session.expires_at > now()
   AND session.created_at > now() - make_interval(days => :most_days)
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

OPEN_SESSIONS = """
SELECT encode(sha256(digest), 'hex') AS name, digest = :present AS is_present, created_at,
       last_used_at, expires_at
  FROM session
 WHERE person = :id AND expires_at > now()
   AND created_at > now() - make_interval(days => :most_days)
 ORDER BY digest = :present DESC, last_used_at DESC"""

BY_EMAIL = """
SELECT {person} FROM person
 WHERE email_key = :key AND confirmed_at IS NOT NULL AND erased_at IS NULL"""


@dataclass(frozen=True, slots=True)
class SignedInSession:
    """The person signed in; `stale`: the session has not been used for an hour.

    `has_second_factor`: they have set one up; `shown_second_factor`: in this session, lately.
    """

    person: Person
    stale: bool
    has_second_factor: bool
    shown_second_factor: bool


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One browser that somebody is signed in with; `name` tells it apart, and lets nobody in."""

    name: str
    is_present: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


def find(connection: Connection, identifier: UUID) -> Person | None:
    """None if unknown, erased, or without a proved address."""
    row = connection.execute(text(fill(FIND, {"person": PERSON})), {"id": identifier}).one_or_none()
    return Person(**row._mapping) if row else None


def by_email(connection: Connection, key: str) -> Person | None:
    """By the key of a mailbox; None for a person who has never signed in."""
    row = connection.execute(text(fill(BY_EMAIL, {"person": PERSON})), {"key": key}).one_or_none()
    return Person(**row._mapping) if row else None


def by_session(
    connection: Connection, digest: bytes, *, most_days: int, hours: int
) -> SignedInSession | None:
    """Of a session that is at most so many days old; a second factor holds for so many hours."""
    statement = text(fill(BY_SESSION, {"person": PERSON}))
    bound = {"digest": digest, "most_days": most_days, "hours": hours}
    row = connection.execute(statement, bound).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    names = ("stale", "has_second_factor", "shown_second_factor")
    flags: dict[str, bool] = {name: values.pop(name) for name in names}
    return SignedInSession(Person(**values), **flags)


def open_sessions(
    connection: Connection, identifier: UUID, present: bytes, most_days: int
) -> list[OpenSession]:
    """The present one first, then by their last use."""
    bound = {"id": identifier, "present": present, "most_days": most_days}
    return [OpenSession(**row._mapping) for row in connection.execute(text(OPEN_SESSIONS), bound)]


def peek(connection: Connection, digest: bytes) -> MagicLink | None:
    """What an unused link stands for; None for one that does not work, whatever the reason."""
    row = connection.execute(text(PEEK), {"digest": digest}).one_or_none()
    return MagicLink(**row._mapping) if row else None


def sessions(connection: Connection, identifier: UUID) -> list[dict[str, datetime]]:
    """For the export: when a person signed in, and until when that holds."""
    rows: list[Any] = list(connection.execute(text(SESSIONS), {"id": identifier}))
    return [dict(row._mapping) for row in rows]
