"""Making keys, revoking them, and noting that they are used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Self
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.accounts.api_keys import queries
from mapservice.accounts.api_keys.model import LIVES, MAX_TOKENS, SHOWN_SIGNS, SIGN, ApiKeyScope
from mapservice.accounts.people import service as people
from mapservice.accounts.people.model import Person
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.i18n import format_date
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.mail.service import EmailAddress

# An expired key stays on its owner's page for so long, so that they see why a tool stopped.
ENDED_DAYS = 30

KEEP = """
INSERT INTO api_token (person, form, name, prefix, digest, scopes, expires_at)
VALUES (:person, :form, :name, :prefix, :digest, :scopes, now() + make_interval(days => :days))
    ON CONFLICT (form) DO NOTHING
RETURNING expires_at"""

# One at a time, so that their number is right.
HOLD = "SELECT FROM person WHERE id = :person AND erased_at IS NULL FOR UPDATE"
USED = """
UPDATE api_token SET last_used_on = :day
 WHERE id = :id AND last_used_on IS DISTINCT FROM CAST(:day AS date)"""
REVOKE = "DELETE FROM api_token WHERE id = :id AND person = :person"
# An erasure concurrent with the making of a key may have left the key; it opens nothing.
FORGET = """
DELETE FROM api_token USING person
 WHERE person.id = api_token.person
   AND (expires_at < now() - make_interval(days => :days) OR person.erased_at IS NOT NULL)"""
OWNER = """
SELECT id, email, name, locale, commune, created_at, confirmed_at FROM person
 WHERE email_key = :key AND confirmed_at IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class ApiKeyRequest:
    """What a key is asked for: by a form or a command."""

    name: str
    scopes: tuple[ApiKeyScope, ...]
    days: int

    @classmethod
    def parse(cls, name: str, scopes: Iterable[str], days: str) -> Self:
        """Raises InvalidInput naming `name`, `scope` or `days`."""
        called = people.clean_display_name(name)
        if not called:
            raise InvalidInput("name", "is missing")
        asked = set(scopes)
        unknown = asked - set(ApiKeyScope)
        if unknown or not asked:
            raise InvalidInput("scope", f"is not some of {', '.join(ApiKeyScope)}")
        if days not in map(str, LIVES):
            raise InvalidInput("days", f"is not one of {', '.join(map(str, LIVES))}")
        return cls(called, tuple(scope for scope in ApiKeyScope if scope in asked), int(days))


def create(
    connection: Connection, person: Person, wish: ApiKeyRequest, form: UUID, site: Letterhead
) -> str:
    """The secret of a new key, which nobody can be shown again; its owner is mailed.

    Raises StateConflict for a form that has made one already, and when there are too many.
    """
    if not connection.execute(text(HOLD), {"person": person.id}).rowcount:
        raise NotFound("There is no such person.")
    alive = [one for one in queries.of_person(connection, person.id) if not one.expired]
    if len(alive) >= MAX_TOKENS:
        raise StateConflict(f"Nobody has more than {MAX_TOKENS} keys.")
    secret = SIGN + people.new_secret()
    bound = {
        "person": person.id,
        "form": form,
        "name": wish.name,
        "prefix": secret[:SHOWN_SIGNS],
        "digest": people.digest(secret),
        "scopes": [str(scope) for scope in wish.scopes],
        "days": wish.days,
    }
    kept = connection.execute(text(KEEP), bound).one_or_none()
    if kept is None:
        raise StateConflict("This form has made a key already.")
    values = {
        "name": wish.name,
        "prefix": bound["prefix"],
        "scopes": bound["scopes"],
        "until": format_date(kept.expires_at, "long", locale=person.locale),
        "account": f"{site.base_url}/compte/jetons",
    }
    letter = mail.write(site, "token", person.email, values, locale=person.locale, person=person.id)
    mail.enqueue(connection, letter)
    return secret


def used(connection: Connection, token: UUID, day: date) -> None:
    """Notes the day; once a day is one write."""
    connection.execute(text(USED), {"id": token, "day": day})


def revoke(connection: Connection, person: UUID, token: UUID) -> None:
    """Ends one of a person's own keys at once; nothing happens to one that is gone."""
    connection.execute(text(REVOKE), {"id": token, "person": person})


def revoke_by_prefix(connection: Connection, person: UUID, prefix: str) -> int:
    """Ends a person's keys that begin so; returns how many. Raises NotFound for none."""
    found = [one for one in queries.of_person(connection, person) if one.prefix == prefix]
    for one in found:
        revoke(connection, person, one.id)
    if not found:
        raise NotFound(f"There is no key of theirs that begins with {prefix}.")
    return len(found)


def owner(connection: Connection, email: EmailAddress) -> Person:
    """The person who has signed in with an address. Raises NotFound."""
    row = connection.execute(text(OWNER), {"key": email.key}).one_or_none()
    if row is None:
        raise NotFound(f"Nobody has signed in as {email.address}.")
    return Person(**row._mapping)


def erase(connection: Connection, person: UUID) -> None:
    connection.execute(text("DELETE FROM api_token WHERE person = :id"), {"id": person})


def forget(engine: Engine) -> None:
    """Daily: deletes keys that expired long ago, and those of nobody."""
    with engine.begin() as connection:
        connection.execute(text(FORGET), {"days": ENDED_DAYS})
