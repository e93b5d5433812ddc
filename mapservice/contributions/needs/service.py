"""Asking for help, coming, leaving.

Places are decided while the row of the need is locked: whoever comes second sees the first. The
acting person is locked before it, as everywhere, so that their acts come one after the other.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
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
    NeedOwner,
    NeedTarget,
)
from mapservice.contributions.proposals import service as proposals
from mapservice.db.engine import fill
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
INSERT INTO need ({column}, words, day, places, skill)
SELECT :owner, :words, CAST(:day AS date), :places, :skill
 WHERE (SELECT count(*) FROM need WHERE {column} = :owner) < :most
RETURNING id"""

REMOVE = "DELETE FROM need WHERE id = :need AND {column} = :owner RETURNING id"

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
DELETE FROM need USING event
 WHERE event.id = need.event AND need.day IS NULL
   AND event.ends_at < now() - make_interval(days => :days)""",
    """
DELETE FROM registration USING need
 WHERE need.id = registration.need AND need.day IS NULL AND need.event IS NULL
   AND registration.confirmed_at < now() - make_interval(days => :undated)""",
)


class PlacesTaken(StateConflict):
    """There is no place left."""


class NeedOver(StateConflict):
    """Its day is past, or what asks for it is no longer under way."""


@dataclass(frozen=True, slots=True)
class NeedAsker:
    """How one kind of thing asks: `change` runs a change by a person within what is theirs.

    It holds the row of what asks, has the change looked at by moderators, and raises NotFound for
    who may not, StateConflict for what can no longer be changed.
    """

    kind: NeedOwner
    change: Callable[[Connection, UUID, UUID, Callable[[], bool]], None]


INITIATIVE = NeedAsker(NeedOwner.INITIATIVE, proposals.change_beside)


def leave_path(registration: UUID, key: bytes) -> str:
    """The path of the page that ends a registration; it works while that exists."""
    return f"/besoins/quitter/{registration}/{signature(registration, key)}"


def find(connection: Connection, need: UUID) -> NeedTarget:
    """Raises NotFound where there is no such need, or what asks is not public."""
    found = queries.target(connection, need)
    if found is None:
        raise NotFound("There is no such need, or what asks is not public.")
    return found


def is_over(target: NeedTarget) -> bool:
    """Whether nobody may come any more: of a day that is past where it takes place, or closed."""
    return not target.is_open or (
        target.day is not None and target.day < today(target.departement, target.region)
    )


def today(departement: str | None, region: str | None) -> date:
    """The present day where something is."""
    return local_days.today(local_days.now(), local_days.area_of(departement, region))


def add(
    connection: Connection, asker: NeedAsker, owner: UUID, person: UUID, form: NeedForm
) -> None:
    """A need of a person's own, for moderators to look at with all else that it says.

    Raises NotFound, StateConflict where there are too many, or the state allows no change.
    """

    def change() -> bool:
        bound = {
            "owner": owner,
            "words": form.words,
            "day": form.day,
            "places": form.places,
            "skill": str(form.skill),
            "most": MAX_NEEDS,
        }
        statement = text(fill(ADD, {"column": queries.COLUMN[asker.kind]}))
        if connection.execute(statement, bound).scalar_one_or_none() is None:
            raise StateConflict(f"There are {MAX_NEEDS} needs already.")
        return True

    asker.change(connection, owner, person, change)


def remove(
    connection: Connection,
    site: Letterhead,
    asker: NeedAsker,
    owner: UUID,
    person: UUID,
    need: UUID,
) -> None:
    """Takes a need back, and tells by mail those who would have come.

    Raises NotFound, StateConflict.
    """

    def change() -> bool:
        _lock(connection, need)
        # Of one that is not public nobody has heard.
        target = queries.target(connection, need)
        readers = queries.addresses(connection, need)
        bound = {"need": need, "owner": owner}
        statement = text(fill(REMOVE, {"column": queries.COLUMN[asker.kind]}))
        if connection.execute(statement, bound).scalar_one_or_none() is None:
            raise NotFound("There is no such need of what asks.")
        if target is None:
            return True
        for reader, email, locale in map(tuple, readers):
            values = {
                "title": target.title,
                "words": target.need.words,
                "link": f"{site.base_url}{target.url}",
            }
            letter = mail.write(
                site, "need_removed", email, values, locale=locale or "fr", person=reader
            )
            mail.enqueue(connection, letter)
        return True

    asker.change(connection, owner, person, change)


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
        "day": day_words(target.day, person.locale),
        "link": f"{site.base_url}{target.url}",
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
