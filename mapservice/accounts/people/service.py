"""Asking for a confirmation by mail, confirming, sessions, and what a person does with their data.

Links in mails and cookies hold secrets of which only digests are stored. Answers and statements are
the same whether an address is known or not.
"""

import hashlib
import json
import re
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.accounts.people import queries
from mapservice.accounts.people.magic_links import MagicLinkAction
from mapservice.accounts.people.model import LOCALES, MAX_NAME, MagicLink, Person
from mapservice.accounts.people.personal_data import PersonalDataProvider
from mapservice.db.engine import fill
from mapservice.errors import InvalidInput, NotFound
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.mail.service import EmailAddress

# How long each is kept; docs/people.md states it.
SESSION_DAYS = 30  # after its last use
SESSION_MOST_DAYS = 90  # after signing in, however often it is used
SECOND_FACTOR_HOURS = 12
TOKEN_DAYS = 7
UNCONFIRMED_DAYS = 7
LINK_LIFE = timedelta(days=3)
# Of a page's address; a number may follow where two bear one name.
MAX_SLUG = 70

KEEP_PERSON = """
INSERT INTO person (email, email_key, locale) VALUES (:email, :key, :locale)
    ON CONFLICT (email_key) DO UPDATE SET email_key = EXCLUDED.email_key
RETURNING id, CASE WHEN confirmed_at IS NULL THEN :email ELSE email END AS email,
          CASE WHEN confirmed_at IS NULL THEN :locale ELSE locale END AS locale"""

IS_ASKED = """
SELECT EXISTS (
    SELECT FROM token JOIN person ON person.id = token.person
     WHERE token.subject = :form AND token.purpose = :purpose AND token.used_at IS NULL
       AND token.expires_at > now() AND token.payload = CAST(:payload AS jsonb)
       AND person.email_key = :key)"""

KEEP_LINK = """
INSERT INTO token (digest, purpose, person, email, subject, payload, expires_at)
VALUES (:digest, :purpose, :person, :email, :subject, CAST(:payload AS jsonb),
        now() + :valid_for)"""

USE_LINK = """
UPDATE token SET used_at = now()
 WHERE digest = :digest AND used_at IS NULL AND expires_at > now()
RETURNING purpose, person, email, subject, payload, created_at, expires_at"""

# Somebody who has not proved an address yet gets the one that this link was mailed to.
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
  UPDATE session
     SET last_used_at = now(),
         expires_at = least(now() + make_interval(days => :days),
                            created_at + make_interval(days => :most_days))
   WHERE digest = :digest RETURNING person
)
UPDATE person SET last_seen_at = now() FROM used WHERE person.id = used.person"""

CHANGE = """
UPDATE person
   SET name = :name, locale = :locale, commune = :commune,
       slug = CASE WHEN CAST(:name AS text) <> '' THEN slug END
 WHERE id = :id AND erased_at IS NULL"""

SET_SLUG = "UPDATE person SET slug = :slug WHERE id = :id AND erased_at IS NULL"

SLUGS = "SELECT slug FROM person WHERE slug = :base OR slug LIKE :base || '-%'"

EMPTY = """
UPDATE person
   SET email = NULL, email_key = NULL, name = '', locale = 'fr', commune = NULL, slug = NULL,
       last_seen_at = NULL, erased_at = now()
 WHERE id = :id AND erased_at IS NULL"""

# A mail that is being sent at this moment is locked; the daily purge deletes it.
DROP_MAILS = """
DELETE FROM delivery
 WHERE id IN (SELECT id FROM delivery WHERE person = :id FOR UPDATE SKIP LOCKED)"""

PURGE = (
    "DELETE FROM tally WHERE ends_at < now() - interval '1 day'",  # of tries, see web/forms.py
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

    `letter` names the mail's templates, which get `link`, `hours` and `values`. What is still to be
    confirmed belongs in `payload` (JSON), not in a table: if it never is, nothing of it remains.
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


def new_secret() -> str:
    """256 random bits in 43 letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What the database holds of a secret. Unsalted: nobody can guess 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def clean_display_name(words: str) -> str:
    """A public name: one line, no invisible or direction-changing signs. Raises InvalidInput."""
    name = " ".join(unicodedata.normalize("NFC", words).split())
    if len(name) > MAX_NAME:
        raise InvalidInput("name", f"is longer than {MAX_NAME} signs")
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn") for sign in name):
        raise InvalidInput("name", "holds signs that cannot be shown")
    return name


def ask_confirmation(
    connection: Connection, site: Letterhead, email: EmailAddress, ask: ConfirmationRequest
) -> None:
    """Keeps a single-use token and its mail in the caller's transaction.

    Says nothing about whether the address was known: answer the same words in any case. Call it
    only behind `web.forms.check`, which holds floods back.
    """
    who = {"email": email.address, "key": email.key, "locale": ask.locale}
    kept = connection.execute(text(KEEP_PERSON), who).one()
    secret = new_secret()
    token = {
        "digest": digest(secret),
        "purpose": ask.purpose,
        "person": kept.id,
        "email": kept.email,
        "subject": ask.subject,
        "payload": json.dumps(dict(ask.payload)),
        "valid_for": ask.valid_for,
    }
    connection.execute(text(KEEP_LINK), token)
    letter = mail.write(
        site,
        ask.letter,
        kept.email,
        {
            "link": f"{site.base_url}/confirmer/{secret}",
            "hours": round(ask.valid_for / timedelta(hours=1)),
            **ask.values,
        },
        locale=kept.locale,
        person=kept.id,
        give_up_after=ask.valid_for,
    )
    mail.enqueue(connection, letter)


def ask_confirmation_once(
    connection: Connection, site: Letterhead, email: EmailAddress, ask: ConfirmationRequest
) -> None:
    """Asks only where no open link to this address confirms the same of the same form already.

    The form is the `subject`: what is sent twice, by an impatient finger or a browser that
    repeats itself, is mailed once.
    """
    assert ask.subject is not None, "the form"
    one_form_at_a_time(connection, ask.purpose, ask.subject)
    asked = {
        "form": ask.subject,
        "purpose": ask.purpose,
        "key": email.key,
        "payload": json.dumps(dict(ask.payload)),
    }
    if not connection.execute(text(IS_ASKED), asked).scalar_one():
        ask_confirmation(connection, site, email, ask)


def one_form_at_a_time(connection: Connection, purpose: str, form: UUID) -> None:
    """Two submissions of the same form take turns, each until its transaction ends."""
    statement = text("SELECT pg_advisory_xact_lock(hashtextextended(:form, 0))")
    connection.execute(statement, {"form": f"{purpose} {form}"})


def confirm(
    engine: Engine, secret: str, actions: Mapping[str, MagicLinkAction], former_session: str = ""
) -> ConfirmationResult | None:
    """Uses a link up and does what it stands for, all in one transaction; signs the person in.

    None for a link that does not work: unknown, used, expired, or sent to an address that the
    person no longer has. An exception of the action leaves the link unused.
    """
    with engine.begin() as connection:
        used = connection.execute(text(USE_LINK), {"digest": digest(secret)}).one_or_none()
        if used is None or used.purpose not in actions:
            return None
        token = MagicLink(**used._mapping)
        prove = text(fill(PROVE, {"person": queries.PERSON}))
        row = connection.execute(
            prove, {"person": token.person, "email": token.email}
        ).one_or_none()
        if row is None:
            return None
        person = Person(**row._mapping)
        location = actions[token.purpose].confirm(connection, person, token)
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
    """Renews a session in use, up to its absolute end."""
    bound = {"digest": digest(secret), "days": SESSION_DAYS, "most_days": SESSION_MOST_DAYS}
    connection.execute(text(TOUCH), bound)


def end_session(connection: Connection, secret: str) -> None:
    connection.execute(
        text("DELETE FROM session WHERE digest = :digest"), {"digest": digest(secret)}
    )


def end_one_session(connection: Connection, person: UUID, name: str) -> bool:
    """One of the person's own, by the name that `queries.open_sessions` gives; whether it was."""
    statement = text(
        "DELETE FROM session WHERE person = :id AND encode(sha256(digest), 'hex') = :name"
    )
    return bool(connection.execute(statement, {"id": person, "name": name}).rowcount)


def end_all_sessions(connection: Connection, person: UUID) -> int:
    """Signs a person out of every browser; of how many."""
    statement = text("DELETE FROM session WHERE person = :id")
    return connection.execute(statement, {"id": person}).rowcount


def end_sessions_of_all(connection: Connection) -> int:
    """Signs everybody out; how many sessions that were."""
    return connection.execute(text("DELETE FROM session")).rowcount


def change(
    connection: Connection, person: UUID, *, name: str, locale: str, commune: str | None
) -> None:
    """Raises InvalidInput naming the field; `commune` is an INSEE code that exists."""
    if locale not in LOCALES:
        raise InvalidInput("locale", f"is not one of {', '.join(LOCALES)}")
    bound = {"id": person, "name": clean_display_name(name), "locale": locale, "commune": commune}
    connection.execute(text(CHANGE), bound)


def choose_page(connection: Connection, person: UUID, *, wanted: bool) -> None:
    """Gives a person a public page under their public name, or takes it away.

    An address stays the same while the page does, whatever becomes of the name. Raises
    InvalidInput naming `name` where there is none to show.
    """
    found = queries.find(connection, person)
    if found is None:
        raise NotFound("There is no such person.")
    if not wanted or found.slug:
        if not wanted:
            connection.execute(text(SET_SLUG), {"id": person, "slug": None})
        return
    base = slug_of(found.name)
    if not base:
        raise InvalidInput("name", "is missing")
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('person.slug'))"))
    taken = set(connection.execute(text(SLUGS), {"base": base}).scalars())
    names = (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
    free = next(name for name in names if name not in taken)
    connection.execute(text(SET_SLUG), {"id": person, "slug": free})


def slug_of(name: str) -> str:
    """A name as part of an address: "Les Amis du Vélo" is les-amis-du-velo; "" without letters."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("œ", "oe").replace("æ", "ae"))
    bare = "".join(one for one in plain if not unicodedata.combining(one))
    return "-".join(re.findall(r"[a-z0-9]+", bare))[:MAX_SLUG].rstrip("-")


def export(
    connection: Connection, person: UUID, providers: Sequence[PersonalDataProvider]
) -> dict[str, Any]:
    """All data stored about a person, for them. Raises NotFound."""
    found = queries.find(connection, person)
    if found is None:
        raise NotFound("There is no such person.")
    return {
        "person": asdict(found),
        "sessions": queries.sessions(connection, person),
        "mails": list(mail.of_person(connection, person)),
        **{one.name: one.export(connection, person) for one in providers},
    }


def erase(connection: Connection, person: UUID, providers: Sequence[PersonalDataProvider]) -> None:
    """Erases all data of a person; an empty row stays for the rows that refer to it."""
    for provider in providers:
        provider.erase(connection, person)
    end_all_sessions(connection, person)
    connection.execute(text("DELETE FROM token WHERE person = :id"), {"id": person})
    connection.execute(text("DELETE FROM second_factor WHERE person = :id"), {"id": person})
    connection.execute(text(DROP_MAILS), {"id": person})
    connection.execute(text(EMPTY), {"id": person})


def purge(engine: Engine) -> None:
    """Daily: deletes what is past its time (docs/people.md says how long each is kept)."""
    bound = {"tokens": TOKEN_DAYS, "unconfirmed": UNCONFIRMED_DAYS}
    with engine.begin() as connection:
        for statement in PURGE:
            connection.execute(text(statement), bound)
