"""Asking for a confirmation by mail, confirming, sessions, and what a person does with their data.

Links in mails and cookies hold secrets of which only digests are kept. Whether an address is known
makes no difference to what is answered nor to the statements that run.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.accounts.people import queries
from mapservice.accounts.people.hooks import MagicLinkAction, PersonalDataProvider
from mapservice.accounts.people.model import (
    LOCALES,
    MagicLink,
    Person,
    clean_display_name,
    digest,
    new_secret,
)
from mapservice.db.engine import fill
from mapservice.errors import InvalidInput, NotFound
from mapservice.mail import letters
from mapservice.mail import queries as mail_queries
from mapservice.mail import service as mail
from mapservice.mail.email_address import EmailAddress
from mapservice.mail.model import Letterhead
from mapservice.web import tallies

# How long what is kept: stated in docs/people.md.
SESSION_DAYS = 30
TOKEN_DAYS = 7
UNCONFIRMED_DAYS = 7
LINK_LIFE = timedelta(days=3)

KEEP_PERSON = """
INSERT INTO person (email, email_key, locale) VALUES (:email, :key, :locale)
    ON CONFLICT (email_key) DO UPDATE SET email_key = EXCLUDED.email_key
RETURNING id, CASE WHEN confirmed_at IS NULL THEN :email ELSE email END AS email,
          CASE WHEN confirmed_at IS NULL THEN :locale ELSE locale END AS locale"""

KEEP_LINK = """
INSERT INTO token (digest, purpose, person, email, subject, payload, expires_at)
VALUES (:digest, :purpose, :person, :email, :subject, CAST(:payload AS jsonb),
        now() + :valid_for)"""

USE_LINK = """
UPDATE token SET used_at = now()
 WHERE digest = :digest AND used_at IS NULL AND expires_at > now()
RETURNING purpose, person, email, subject, payload, created_at, expires_at"""

# Who has not proved an address yet gets the one that this link was mailed to.
PROVE = """
UPDATE person
   SET email = :email, confirmed_at = coalesce(confirmed_at, now()), last_seen_at = now()
 WHERE id = :person AND erased_at IS NULL AND (confirmed_at IS NULL OR email = :email)
RETURNING {person}"""

KEEP_SESSION = """
INSERT INTO session (digest, person, expires_at)
VALUES (:digest, :person, now() + make_interval(days => :days))"""

TOUCH = """
WITH used AS (
  UPDATE session SET last_used_at = now(), expires_at = now() + make_interval(days => :days)
   WHERE digest = :digest RETURNING person
)
UPDATE person SET last_seen_at = now() FROM used WHERE person.id = used.person"""

CHANGE = """
UPDATE person SET name = :name, locale = :locale, commune = :commune
 WHERE id = :id AND erased_at IS NULL"""

EMPTY = """
UPDATE person
   SET email = NULL, email_key = NULL, name = '', locale = 'fr', commune = NULL,
       last_seen_at = NULL, erased_at = now()
 WHERE id = :id AND erased_at IS NULL"""

# A mail that is on its way this moment is locked; the daily purge takes it.
DROP_MAILS = """
DELETE FROM delivery
 WHERE id IN (SELECT id FROM delivery WHERE person = :id FOR UPDATE SKIP LOCKED)"""

PURGE = (
    "DELETE FROM token WHERE least(used_at, expires_at) < now() - make_interval(days => :tokens)",
    "DELETE FROM session WHERE expires_at < now()",
    """
    DELETE FROM delivery USING person
     WHERE delivery.person = person.id AND person.erased_at IS NOT NULL
       AND delivery.state IN ('sent', 'failed')""",
    """
    DELETE FROM person
     WHERE confirmed_at IS NULL AND created_at < now() - make_interval(days => :unconfirmed)
       AND NOT EXISTS (SELECT FROM token WHERE token.person = person.id
                          AND token.used_at IS NULL AND token.expires_at > now())""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationRequest:
    """What a mailed link is to confirm.

    `letter` names the mail's templates, which get `link`, `hours` and `values`. What is not yet
    confirmed belongs in `payload` (JSON), not in a table: then nothing is left of what never is.
    """

    purpose: str
    letter: str
    subject: UUID | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    locale: str = LOCALES[0]
    valid_for: timedelta = LINK_LIFE


@dataclass(frozen=True, slots=True)
class ConfirmationResult:
    """Who confirmed, where to send them, and the secret for the cookie of their new session."""

    person: Person
    location: str
    session: str


def ask_confirmation(
    connection: Connection, site: Letterhead, email: EmailAddress, ask: ConfirmationRequest
) -> None:
    """Keeps a single-use token and its mail in the caller's transaction.

    Says nothing about whether the address was known: answer the same words in any case. Call it
    only behind `http.forms.check`, which holds floods back.
    """
    who = {"email": email.address, "key": email.key, "locale": ask.locale}
    kept = connection.execute(text(KEEP_PERSON), who).one()
    secret = _keep_token(connection, kept.id, kept.email, ask)
    link = f"{site.base_url}/confirmer/{secret}"
    hours = round(ask.valid_for / timedelta(hours=1))
    letter = letters.write(
        site,
        ask.letter,
        kept.email,
        {"link": link, "hours": hours, **ask.values},
        locale=kept.locale,
        person=kept.id,
        give_up_after=ask.valid_for,
    )
    mail.enqueue(connection, letter)


def confirm(
    engine: Engine, secret: str, purposes: Mapping[str, MagicLinkAction], former_session: str = ""
) -> ConfirmationResult | None:
    """Uses a link up and does what it stands for, all in one transaction; signs the person in.

    None for a link that does not work: unknown, used, expired, or of an address that the person
    no longer has. What the purpose raises leaves the link unused.
    """
    with engine.begin() as connection:
        token = _use(connection, secret)
        purpose = purposes.get(token.purpose) if token else None
        person = _prove(connection, token) if token and purpose else None
        if token is None or purpose is None or person is None:
            return None
        location = purpose.confirm(connection, person, token)
        session = start_session(connection, person.id, former_session)
    return ConfirmationResult(person, location, session)


def start_session(connection: Connection, person: UUID, former_session: str = "") -> str:
    """The secret of a new session; a former one of the same browser ends."""
    secret = new_secret()
    end_session(connection, former_session)
    bound = {"digest": digest(secret), "person": person, "days": SESSION_DAYS}
    connection.execute(text(KEEP_SESSION), bound)
    return secret


def touch_session(connection: Connection, secret: str) -> None:
    """Lets a session that is in use go on for its full length."""
    connection.execute(text(TOUCH), {"digest": digest(secret), "days": SESSION_DAYS})


def end_session(connection: Connection, secret: str) -> None:
    connection.execute(
        text("DELETE FROM session WHERE digest = :digest"), {"digest": digest(secret)}
    )


def end_all_sessions(connection: Connection, person: UUID) -> None:
    """Signs a person out of every browser."""
    connection.execute(text("DELETE FROM session WHERE person = :id"), {"id": person})


def change(
    connection: Connection, person: UUID, *, name: str, locale: str, commune: str | None
) -> None:
    """Raises InvalidInput naming the field; `commune` is an INSEE code that exists."""
    if locale not in LOCALES:
        raise InvalidInput("locale", f"is not one of {', '.join(LOCALES)}")
    bound = {"id": person, "name": clean_display_name(name), "locale": locale, "commune": commune}
    connection.execute(text(CHANGE), bound)


def export(
    connection: Connection, person: UUID, parts: Sequence[PersonalDataProvider]
) -> dict[str, Any]:
    """All that is kept about a person, for them. Raises NotFound."""
    found = queries.find(connection, person)
    if found is None:
        raise NotFound("There is no such person.")
    return {
        "person": asdict(found),
        "sessions": queries.sessions(connection, person),
        "mails": list(mail_queries.of_person(connection, person)),
        **{part.name: part.export(connection, person) for part in parts},
    }


def erase(connection: Connection, person: UUID, parts: Sequence[PersonalDataProvider]) -> None:
    """Takes away all that is a person's; an empty row stays for what refers to it."""
    for part in parts:
        part.erase(connection, person)
    end_all_sessions(connection, person)
    connection.execute(text("DELETE FROM token WHERE person = :id"), {"id": person})
    connection.execute(text(DROP_MAILS), {"id": person})
    connection.execute(text(EMPTY), {"id": person})


def purge(engine: Engine) -> None:
    """Daily: forgets what has had its time (docs/people.md says how long that is)."""
    bound = {"tokens": TOKEN_DAYS, "unconfirmed": UNCONFIRMED_DAYS}
    with engine.begin() as connection:
        for statement in PURGE:
            connection.execute(text(statement), bound)
        tallies.forget(connection)


def _keep_token(connection: Connection, person: UUID, email: str, ask: ConfirmationRequest) -> str:
    secret = new_secret()
    bound = {
        "digest": digest(secret),
        "purpose": ask.purpose,
        "person": person,
        "email": email,
        "subject": ask.subject,
        "payload": json.dumps(dict(ask.payload)),
        "valid_for": ask.valid_for,
    }
    connection.execute(text(KEEP_LINK), bound)
    return secret


def _use(connection: Connection, secret: str) -> MagicLink | None:
    row = connection.execute(text(USE_LINK), {"digest": digest(secret)}).one_or_none()
    return MagicLink(**row._mapping) if row else None


def _prove(connection: Connection, token: MagicLink) -> Person | None:
    bound = {"person": token.person, "email": token.email}
    row = connection.execute(text(fill(PROVE, {"person": queries.PERSON})), bound).one_or_none()
    return Person(**row._mapping) if row else None
