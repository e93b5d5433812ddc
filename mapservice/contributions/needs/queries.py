"""Reading needs and who comes."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from mapservice.contributions.needs.model import Need, NeedTarget, OwnRegistration, Participant
from mapservice.db.engine import fill

NEED = """
SELECT need.id, need.initiative, need.words, need.day, need.places,
       (SELECT count(*) FROM registration WHERE registration.need = need.id) AS taken
  FROM need"""

OF_INITIATIVE = """
{need}
 WHERE need.initiative = :initiative
   AND (need.day IS NULL OR CAST(:since AS date) IS NULL OR need.day >= :since)
 ORDER BY need.day NULLS LAST, need.id"""

TARGET = """
SELECT found.*, initiative.title, initiative.departement, initiative.region,
       initiative.status = 'published' AS is_open
  FROM ({need} WHERE need.id = :id) AS found
  JOIN initiative ON initiative.id = found.initiative
 WHERE is_public(initiative.status)"""

MINE = "SELECT id FROM registration WHERE need = :need AND person = :person"

PARTICIPANTS = """
SELECT registration.need, registration.shows_contact, registration.confirmed_at,
       CASE WHEN registration.shows_contact THEN person.name ELSE '' END AS name,
       CASE WHEN registration.shows_contact THEN coalesce(person.email, '') ELSE '' END AS email
  FROM registration
  JOIN need ON need.id = registration.need
  JOIN person ON person.id = registration.person
 WHERE need.initiative = :initiative
 ORDER BY registration.confirmed_at, registration.id"""

OF_PERSON = """
SELECT registration.need, need.initiative, initiative.title,
       is_public(initiative.status) AS is_public, need.words, need.day,
       registration.shows_contact, registration.confirmed_at
  FROM registration
  JOIN need ON need.id = registration.need
  JOIN initiative ON initiative.id = need.initiative
 WHERE registration.person = :person
 ORDER BY need.day NULLS LAST, registration.confirmed_at"""

LEAVE_KEY = "SELECT leave_key FROM registration WHERE id = :id"

# Who is to hear that a need is no more.
ADDRESSES = """
SELECT person.id, person.email, person.locale
  FROM registration JOIN person ON person.id = registration.person
 WHERE registration.need = :need AND person.email IS NOT NULL
 ORDER BY registration.id"""


def of_initiative(connection: Connection, initiative: UUID, since: date | None) -> list[Need]:
    """The soonest first, those of no day last; `since` leaves out those of days before."""
    bound = {"initiative": initiative, "since": since}
    rows = connection.execute(text(fill(OF_INITIATIVE, {"need": NEED})), bound)
    return [Need(**row._mapping) for row in rows]


def target(connection: Connection, identifier: UUID) -> NeedTarget | None:
    """None where there is no such need, or its initiative is not public."""
    row = connection.execute(text(fill(TARGET, {"need": NEED})), {"id": identifier}).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    names = ("id", "initiative", "words", "day", "places", "taken")
    return NeedTarget(need=Need(**{name: values.pop(name) for name in names}), **values)


def registration(connection: Connection, need: UUID, person: UUID) -> UUID | None:
    """The registration of a person, if they come."""
    found: UUID | None = connection.execute(
        text(MINE), {"need": need, "person": person}
    ).scalar_one_or_none()
    return found


def participants(connection: Connection, initiative: UUID) -> dict[UUID, list[Participant]]:
    """Who comes for each need of an initiative, in the order in which they said so."""
    found: dict[UUID, list[Participant]] = {}
    for row in connection.execute(text(PARTICIPANTS), {"initiative": initiative}):
        values = dict(row._mapping)
        found.setdefault(values.pop("need"), []).append(Participant(**values))
    return found


def of_person(connection: Connection, person: UUID) -> list[OwnRegistration]:
    rows = connection.execute(text(OF_PERSON), {"person": person})
    return [OwnRegistration(**row._mapping) for row in rows]


def export(connection: Connection, person: UUID) -> list[dict[str, Any]]:
    """What a person comes for, for the export of their data."""
    rows = connection.execute(text(OF_PERSON), {"person": person})
    return [dict(row._mapping) for row in rows]


def leave_key(connection: Connection, identifier: UUID) -> bytes | None:
    found = connection.execute(text(LEAVE_KEY), {"id": identifier}).scalar_one_or_none()
    return None if found is None else bytes(found)


def addresses(connection: Connection, need: UUID) -> Sequence[Row[Any]]:
    """Id, address and language of each who comes."""
    return connection.execute(text(ADDRESSES), {"need": need}).all()
