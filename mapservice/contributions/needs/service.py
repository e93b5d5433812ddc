"""Asking for help, coming, leaving.

Places are decided while the row of the need is locked: whoever comes second sees the first. The
acting person is locked before it, as everywhere, so that their acts come one after the other.
"""

import secrets
from datetime import date
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.accounts.people.model import Person
from mapservice.contributions.needs import queries
from mapservice.contributions.needs.model import (
    KEPT_DAYS,
    KEPT_DAYS_UNDATED,
    MAX_NEEDS,
    NeedForm,
    NeedTarget,
)
from mapservice.contributions.proposals import service as proposals
from mapservice.errors import NotFound, StateConflict
from mapservice.i18n import LOCALES, format_date
from mapservice.initiatives import local_days
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.mail.unsubscribe import signature

LOCK_PERSON = """
SELECT id FROM person WHERE id = :person AND erased_at IS NULL FOR NO KEY UPDATE"""

LOCK_NEED = "SELECT id FROM need WHERE id = :need FOR UPDATE"

ADD = """
INSERT INTO need (initiative, words, day, places)
SELECT :initiative, :words, CAST(:day AS date), :places
 WHERE (SELECT count(*) FROM need WHERE initiative = :initiative) < :most
RETURNING id"""

REMOVE = "DELETE FROM need WHERE id = :need AND initiative = :initiative RETURNING id"

# As many as there are places, never more: the row of the need is held.
REGISTER = """
INSERT INTO registration (need, person, shows_contact, leave_key)
SELECT need.id, :person, :shows_contact, :leave_key
  FROM need
 WHERE need.id = :need
   AND (SELECT count(*) FROM registration WHERE registration.need = need.id) < need.places
RETURNING id"""

AGAIN = """
UPDATE registration SET shows_contact = :shows_contact
 WHERE need = :need AND person = :person
RETURNING id"""

LEAVE = "DELETE FROM registration WHERE need = :need AND person = :person"

LEAVE_BY_LINK = "DELETE FROM registration WHERE id = :id"

ERASE = "DELETE FROM registration WHERE person = :person"

FORGET = (
    "DELETE FROM need WHERE day < CAST(now() AT TIME ZONE 'UTC' AS date) - CAST(:days AS integer)",
    """
DELETE FROM registration USING need
 WHERE need.id = registration.need AND need.day IS NULL
   AND registration.confirmed_at < now() - make_interval(days => :undated)""",
)


class PlacesTaken(StateConflict):
    """There is no place left."""


class NeedOver(StateConflict):
    """Its day is past, or its initiative is no longer under way."""


def leave_path(registration: UUID, key: bytes) -> str:
    """The path of the page that ends a registration; it works while that exists."""
    return f"/besoins/quitter/{registration}/{signature(registration, key)}"


def find(connection: Connection, need: UUID) -> NeedTarget:
    """Raises NotFound where there is no such need, or its initiative is not public."""
    found = queries.target(connection, need)
    if found is None:
        raise NotFound("There is no such need, or its initiative is not public.")
    return found


def is_over(target: NeedTarget) -> bool:
    """Whether nobody may come any more: of a day that is past where it takes place, or closed."""
    return not target.is_open or (
        target.need.day is not None and target.need.day < today(target.departement, target.region)
    )


def today(departement: str | None, region: str | None) -> date:
    """The present day where an initiative is."""
    return local_days.today(local_days.now(), local_days.area_of(departement, region))


def add(connection: Connection, initiative: UUID, person: UUID, form: NeedForm) -> None:
    """A need of a person's own initiative, as a version for moderators to look at.

    Raises NotFound, StateConflict where there are too many, or the state allows no change.
    """

    def change() -> bool:
        bound = {
            "initiative": initiative,
            "words": form.words,
            "day": form.day,
            "places": form.places,
            "most": MAX_NEEDS,
        }
        if connection.execute(text(ADD), bound).scalar_one_or_none() is None:
            raise StateConflict(f"There are {MAX_NEEDS} needs already.")
        return True

    proposals.change_beside(connection, initiative, person, change)


def remove(
    connection: Connection, site: Letterhead, initiative: UUID, person: UUID, need: UUID
) -> None:
    """Takes a need back, and tells by mail those who would have come.

    Raises NotFound, StateConflict.
    """

    def change() -> bool:
        _lock(connection, need)
        # Of one that is not public nobody has heard.
        target = queries.target(connection, need)
        readers = queries.addresses(connection, need)
        bound = {"need": need, "initiative": initiative}
        if connection.execute(text(REMOVE), bound).scalar_one_or_none() is None:
            raise NotFound("There is no such need of this initiative.")
        if target is None:
            return True
        for reader, email, locale in map(tuple, readers):
            values = {
                "title": target.title,
                "words": target.need.words,
                "link": f"{site.base_url}/initiatives/{initiative}",
            }
            letter = mail.write(
                site, "need_removed", email, values, locale=locale or "fr", person=reader
            )
            mail.enqueue(connection, letter)
        return True

    proposals.change_beside(connection, initiative, person, change)


def register(
    connection: Connection, site: Letterhead, person: Person, need: UUID, *, shows_contact: bool
) -> None:
    """Takes a place for a person, once, and mails the link that gives it back.

    `shows_contact`: the author is to see their name and address. Raises NotFound, PlacesTaken,
    NeedOver.
    """
    _lock_person(connection, person.id)
    _lock(connection, need)
    target = find(connection, need)
    key = secrets.token_bytes(32)
    bound = {
        "need": need,
        "person": person.id,
        "shows_contact": shows_contact,
        "leave_key": key,
    }
    # Twice is once; what they show may change.
    if connection.execute(text(AGAIN), bound).scalar_one_or_none():
        return
    if is_over(target):
        raise NeedOver("Nobody is needed for this any more.")
    made = connection.execute(text(REGISTER), bound).scalar_one_or_none()
    if made is None:
        raise PlacesTaken("There is no place left.")
    leave = site.base_url + leave_path(made, key)
    values = {
        "title": target.title,
        "words": target.need.words,
        "day": day_words(target.need.day, person.locale),
        "link": f"{site.base_url}/initiatives/{target.need.initiative}",
        "leave": leave,
    }
    letter = mail.write(
        site, "registered", person.email, values, locale=person.locale, person=person.id
    )
    mail.enqueue(connection, letter)


def day_words(day: date | None, locale: str) -> str:
    return str(format_date(day, "full", locale=LOCALES[locale])) if day else ""


def leave(connection: Connection, person: UUID, need: UUID) -> None:
    """Gives a place back, if there is one; nothing of it stays."""
    _lock_person(connection, person)
    connection.execute(text(LEAVE), {"need": need, "person": person})


def leave_by_link(connection: Connection, registration: UUID) -> None:
    connection.execute(text(LEAVE_BY_LINK), {"id": registration})


def erase(connection: Connection, person: UUID) -> None:
    """A person comes nowhere any more: their places are free again."""
    _lock_person(connection, person)
    connection.execute(text(ERASE), {"person": person})


def forget(engine: Engine) -> None:
    """Daily: needs whose day is long past, with who came; old registrations for no day."""
    with engine.begin() as connection:
        for statement in FORGET:
            bound = {"days": KEPT_DAYS, "undated": KEPT_DAYS_UNDATED}
            asked = {name: bound[name] for name in bound if f":{name}" in statement}
            connection.execute(text(statement), asked)


def _lock(connection: Connection, need: UUID) -> None:
    """Holds a need until the end. Raises NotFound."""
    if connection.execute(text(LOCK_NEED), {"need": need}).one_or_none() is None:
        raise NotFound("There is no such need.")


def _lock_person(connection: Connection, person: UUID) -> None:
    if connection.execute(text(LOCK_PERSON), {"person": person}).one_or_none() is None:
        raise NotFound("There is no such person.")
