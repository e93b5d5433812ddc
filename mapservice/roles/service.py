"""Granting and revoking, each with its line in the log, in the caller's transaction."""

from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.errors import Conflict, InvalidInput, NotFound
from mapservice.people.model import EmailAddress
from mapservice.roles.model import Author, Grant
from mapservice.territories import queries as territories

# As asking for a mailed link does: the address counts once its owner has signed in.
KEEP_PERSON = """
INSERT INTO person (email, email_key) VALUES (:email, :key)
    ON CONFLICT (email_key) DO UPDATE SET email_key = EXCLUDED.email_key
RETURNING id"""

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


def grant(connection: Connection, email: EmailAddress, given: Grant, by: Author) -> UUID:
    """Gives a role, making the person if need be; returns who it is.

    Raises InvalidInput for a territory that does not exist, Conflict for a role that they have.
    """
    if given.territory and territories.find(connection, given.territory) is None:
        raise InvalidInput("territory", f"there is no {given.territory}")
    kept = connection.execute(text(KEEP_PERSON), {"email": email.address, "key": email.key})
    person: UUID = kept.scalar_one()
    if not connection.execute(text(GRANT), _bound(person, given, by)).rowcount:
        raise Conflict(f"{email.address} is {given} already.")
    return person


def revoke(connection: Connection, person: UUID, taken: Grant, by: Author) -> None:
    """Takes a role back; it holds from the next request on. Raises NotFound."""
    if not connection.execute(text(REVOKE), _bound(person, taken, by)).rowcount:
        raise NotFound(f"This person is not {taken}.")


def revoke_of(connection: Connection, email: EmailAddress, taken: Grant, by: Author) -> None:
    """The same for an address. Raises NotFound."""
    person = connection.execute(text(PERSON_OF), {"key": email.key}).scalar_one_or_none()
    if person is None:
        raise NotFound(f"Nobody is known as {email.address}.")
    revoke(connection, person, taken, by)


def erase(connection: Connection, person: UUID) -> None:
    """Ends all that a person was granted; the log keeps their id."""
    connection.execute(text(ERASE), {"person": person})


def _bound(person: UUID, one: Grant, by: Author) -> dict[str, object]:
    return {
        "person": person,
        "role": str(one.role),
        "level": one.level,
        "code": one.code,
        "by_person": by.person,
        "by_name": by.name,
    }
