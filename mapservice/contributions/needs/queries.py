"""Reading needs and who comes."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from mapservice.contributions.needs.model import (
    Need,
    NeedOwner,
    NeedSkill,
    NeedTarget,
    OwnRegistration,
    Participant,
)
from mapservice.db.engine import fill

# The column of what asks.
COLUMN = {
    NeedOwner.INITIATIVE: "initiative",
    NeedOwner.GROUP: "local_group",
    NeedOwner.EVENT: "event",
}

NEED = """
SELECT need.id,
       CASE WHEN need.initiative IS NOT NULL THEN 'initiative'
            WHEN need.local_group IS NOT NULL THEN 'group' ELSE 'event' END AS kind,
       coalesce(need.initiative, need.local_group, need.event) AS owner,
       need.words, need.day, need.places, need.skill,
       (SELECT count(*) FROM registration WHERE registration.need = need.id) AS taken
  FROM need"""

OF_OWNER = """
{need}
 WHERE need.{column} = :owner
   AND (need.day IS NULL OR CAST(:since AS date) IS NULL OR need.day >= :since)
 ORDER BY need.day NULLS LAST, need.id"""

TARGET = """
SELECT found.*, asks.title, asks.day AS on_day, asks.departement, asks.region, asks.is_open
  FROM ({need} WHERE need.id = :id) AS found
  JOIN need_owner AS asks ON asks.need = found.id
 WHERE asks.is_public"""

MINE = "SELECT id FROM registration WHERE need = :need AND person = :person"

PARTICIPANTS = """
SELECT registration.need, registration.shows_contact, registration.confirmed_at,
       CASE WHEN registration.shows_contact THEN person.name ELSE '' END AS name,
       CASE WHEN registration.shows_contact THEN coalesce(person.email, '') ELSE '' END AS email
  FROM registration
  JOIN need ON need.id = registration.need
  JOIN person ON person.id = registration.person
 WHERE need.{column} = :owner
 ORDER BY registration.confirmed_at, registration.id"""

OF_PERSON = """
SELECT registration.need, asks.title, asks.is_public, need.words, asks.day,
       registration.shows_contact, registration.confirmed_at
  FROM registration
  JOIN need ON need.id = registration.need
  JOIN need_owner AS asks ON asks.need = need.id
 WHERE registration.person = :person
 ORDER BY asks.day NULLS LAST, registration.confirmed_at"""

LEAVE_KEY = "SELECT leave_key FROM registration WHERE id = :id"

# Who is to hear that a need is no more.
ADDRESSES = """
SELECT person.id, person.email, person.locale
  FROM registration JOIN person ON person.id = registration.person
 WHERE registration.need = :need AND person.email IS NOT NULL
 ORDER BY registration.id"""


def of_owner(
    connection: Connection, kind: NeedOwner, owner: UUID, since: date | None
) -> list[Need]:
    """The soonest first, those of no day last; `since` leaves out those of days before."""
    statement = fill(OF_OWNER, {"need": NEED, "column": COLUMN[kind]})
    rows = connection.execute(text(statement), {"owner": owner, "since": since})
    return [need_of(row._mapping) for row in rows]


def need_of(values: Any) -> Need:
    """A row of `NEED`."""
    known = {"kind": NeedOwner(values["kind"]), "skill": NeedSkill(values["skill"])}
    return Need(**{**values, **known})


def target(connection: Connection, identifier: UUID) -> NeedTarget | None:
    """None where there is no such need, or what asks is not public."""
    row = connection.execute(text(fill(TARGET, {"need": NEED})), {"id": identifier}).one_or_none()
    return target_of(dict(row._mapping)) if row else None


def target_of(values: dict[str, Any]) -> NeedTarget:
    """The columns of `NEED` with what `need_owner` says of it."""
    names = ("id", "kind", "owner", "words", "day", "places", "skill", "taken")
    need = need_of({name: values.pop(name) for name in names})
    return NeedTarget(need=need, day=values.pop("on_day"), **values)


def registration(connection: Connection, need: UUID, person: UUID) -> UUID | None:
    """The registration of a person, if they come."""
    found: UUID | None = connection.execute(
        text(MINE), {"need": need, "person": person}
    ).scalar_one_or_none()
    return found


def participants(
    connection: Connection, kind: NeedOwner, owner: UUID
) -> dict[UUID, list[Participant]]:
    """Who comes for each need, in the order in which they said so."""
    found: dict[UUID, list[Participant]] = {}
    statement = text(fill(PARTICIPANTS, {"column": COLUMN[kind]}))
    for row in connection.execute(statement, {"owner": owner}):
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
