"""Granting and revoking, each with its line in the log, in the caller's transaction.

A grant is mailed to its person in the same transaction.
"""

from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.accounts.people.service import UNCONFIRMED_DAYS
from mapservice.accounts.roles.model import GrantAuthor, RoleGrant
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.mail.service import EmailAddress
from mapservice.territories import queries as territories

# As for a mailed link: the address counts once its owner has signed in.
KEEP_PERSON = """
INSERT INTO person (email, email_key) VALUES (:email, :key)
    ON CONFLICT (email_key) DO UPDATE SET email_key = EXCLUDED.email_key
RETURNING id, email, locale, confirmed_at IS NULL AS is_new"""

GRANT = """
WITH given AS (
  INSERT INTO role_grant (person, role, level, code) VALUES (:person, :role, :level, :code)
      ON CONFLICT DO NOTHING
  RETURNING person, role, level, code
)
INSERT INTO role_log (act, person, role, level, code, by_person, by_name)
SELECT 'grant', person, role, level, code, CAST(:by_person AS uuid), :by_name FROM given"""

REVOKE = """
WITH taken AS (
  DELETE FROM role_grant
   WHERE person = :person AND role = :role AND level = :level AND code = :code
  RETURNING person, role, level, code
)
INSERT INTO role_log (act, person, role, level, code, by_person, by_name)
SELECT 'revoke', person, role, level, code, CAST(:by_person AS uuid), :by_name FROM taken"""

ERASE = """
WITH taken AS (
  DELETE FROM role_grant WHERE person = :person RETURNING person, role, level, code
)
INSERT INTO role_log (act, person, role, level, code, by_person)
SELECT 'erase', person, role, level, code, person FROM taken"""

PERSON_OF = "SELECT id FROM person WHERE email_key = :key"


def grant(
    connection: Connection, email: EmailAddress, given: RoleGrant, by: GrantAuthor, site: Letterhead
) -> UUID:
    """Gives a role, making the person if need be, and mails them; returns the person's id.

    Raises InvalidInput for an unknown territory, StateConflict for a role that they have already.
    """
    place = territories.find(connection, given.territory) if given.territory else None
    if given.territory and place is None:
        raise InvalidInput("territory", f"there is no {given.territory}")
    who = {"email": email.address, "key": email.key}
    kept = connection.execute(text(KEEP_PERSON), who).one()
    if not connection.execute(text(GRANT), _bound(kept.id, given, by)).rowcount:
        raise StateConflict(f"{email.address} is {given} already.")
    figures = f"/coordination/{given.level}/{given.code}" if given.territory else "/coordination"
    values = {
        "role": str(given.role),
        "place": place.name if place else "",
        "queue": f"{site.base_url}/connexion?suite=/moderation",
        "figures": site.base_url + figures,
        "new": kept.is_new,
        "days": UNCONFIRMED_DAYS,
    }
    letter = mail.write(site, "role", kept.email, values, locale=kept.locale, person=kept.id)
    mail.enqueue(connection, letter)
    person: UUID = kept.id
    return person


def revoke(connection: Connection, person: UUID, taken: RoleGrant, by: GrantAuthor) -> None:
    """Takes a role back, effective from the next request. Raises NotFound."""
    if not connection.execute(text(REVOKE), _bound(person, taken, by)).rowcount:
        raise NotFound(f"This person is not {taken}.")


def revoke_of(
    connection: Connection, email: EmailAddress, taken: RoleGrant, by: GrantAuthor
) -> None:
    """As `revoke`, for an address. Raises NotFound."""
    person = connection.execute(text(PERSON_OF), {"key": email.key}).scalar_one_or_none()
    if person is None:
        raise NotFound(f"Nobody is known as {email.address}.")
    revoke(connection, person, taken, by)


def erase(connection: Connection, person: UUID) -> None:
    """Ends all grants of a person; the log keeps their id."""
    connection.execute(text(ERASE), {"person": person})


def _bound(person: UUID, one: RoleGrant, by: GrantAuthor) -> dict[str, object]:
    return {
        "person": person,
        "role": str(one.role),
        "level": one.level,
        "code": one.code,
        "by_person": by.person,
        "by_name": by.name,
    }
