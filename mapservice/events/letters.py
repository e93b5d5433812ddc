"""What mails about registrations say, written when they are sent, from the state of that moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.accounts.people import queries as people
from mapservice.accounts.people.model import Person
from mapservice.contributions.needs.service import leave_path
from mapservice.events import queries, registration_service
from mapservice.events.model import (
    ALIVE,
    COMING,
    OPEN,
    REMINDER_BEFORE,
    Event,
    EventStatus,
    RegistrationState,
)
from mapservice.events.words import day_words, moment_words, when_words
from mapservice.i18n import translator
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead, Mail
from mapservice.mail.service import Renderer
from mapservice.mail.unsubscribe import signature
from mapservice.settings import Settings

# A reminder that waited for a mail server is still one while the event lies within that time.
LATEST_REMINDER = REMINDER_BEFORE + timedelta(hours=12)

HAND = """
SELECT hand.person, hand.leave_key, need.event
  FROM registration AS hand JOIN need ON need.id = hand.need
 WHERE hand.id = :id AND need.event IS NOT NULL"""


def renderer(settings: Settings) -> Renderer:
    """The writer of these mails, for the worker that sends them."""

    def write(connection: Connection, payload: Mapping[str, Any]) -> Mail | None:
        site, now = mail.letterhead(settings), datetime.now(UTC)
        if "organiser" in payload:
            asked = UUID(payload["event"]), UUID(payload["organiser"])
            return requests_letter(connection, site, *asked, now)
        about = str(payload["about"])
        said_as = "hand" if "hand" in payload else "registration"
        ids = [UUID(payload[said_as]), *map(UUID, payload.get("also", ()))]
        if about in ("change", "undone"):
            act = UUID(payload["cancellation"]) if payload.get("cancellation") else None
            read = _hand if said_as == "hand" else _registration
            promises = [kept for one in ids if (kept := read(connection, one))]
            return change_letter(connection, site, promises, about, act)
        return letter(connection, site, ids[0], about, now)

    return write


@dataclass(frozen=True, slots=True)
class EventPromise:
    """What somebody has promised: to come, or to lend a hand. `state` is `hand` for the latter.

    `link` is where they see how it stands, `leave` where they take it back.
    """

    event: Event
    person: Person
    state: str
    link: str
    leave: str
    until: datetime | None = None


def _registration(connection: Connection, identifier: UUID) -> EventPromise | None:
    """None once they left, or were erased."""
    known = registration_service.find(connection, identifier)
    found = queries.find(connection, known.event) if known else None
    person = people.find(connection, known.person) if known else None
    if known is None or found is None or person is None or not known.is_alive:
        return None
    return EventPromise(
        found,
        person,
        str(known.state),
        registration_service.seat_path(known),
        _leave_path(found, known),
        known.offered_until,
    )


def _hand(connection: Connection, identifier: UUID) -> EventPromise | None:
    """None once they left, or were erased."""
    row = connection.execute(text(HAND), {"id": identifier}).one_or_none()
    found = queries.find(connection, row.event) if row else None
    person = people.find(connection, row.person) if row else None
    if row is None or found is None or person is None:
        return None
    path = leave_path(identifier, bytes(row.leave_key))
    return EventPromise(found, person, "hand", found.url, path)


def change_letter(
    connection: Connection,
    site: Letterhead,
    promises: Sequence[EventPromise],
    about: str,
    act: UUID | None,
) -> Mail | None:
    """The mail to one person about dates that one act changed; None where nothing is left to tell.

    `about`: `change`, or `undone`: they were called off, and take place after all. `act` is the
    cancellation that called them off; the mail about one that is undone by then is none, and so is
    that about an undoing after which it was called off again. A date that became something else
    meanwhile has a mail of its own.
    """
    if act:
        is_undone = about == "undone"
        promises = [
            one for one in promises if _still_so(connection, one.event, act, undone=is_undone)
        ]
    if not promises:
        return None
    status = _status_told(promises[0].event)
    promises = [one for one in promises if _status_told(one.event) == status]
    first, last = promises[0], promises[-1]
    person = first.person
    values = {
        **_event_values(first.event, person.locale),
        # Whoever comes each week would else take it for the end of the series.
        "others_stand": status == "cancelled" and queries.others_stand(connection, last.event),
        "online": first.event.online_url if first.state == RegistrationState.CONFIRMED else "",
        "named": _named(first.event, len(promises), person.locale),
        "state": first.state,
        "until": moment_words(first.until, first.event.zone, person.locale) if first.until else "",
        "link": site.base_url + first.link,
        "page": site.base_url + first.event.url,
        "leave": site.base_url + first.leave,
        "dates": [
            {
                "when": when_words(one.event, person.locale),
                "former": when_words(one.event, person.locale, former=True),
                "leave": site.base_url + one.leave,
            }
            for one in promises
        ]
        if len(promises) > 1
        else [],
    }
    # One click leaves one date: which of several is meant, nobody could say.
    left = str(values["leave"]) if first is last else ""
    return _written(site, f"event_{about}", person, values, left)


def letter(
    connection: Connection, site: Letterhead, registration: UUID, about: str, now: datetime
) -> Mail | None:
    """The mail about a registration; None where there is nothing to tell any more.

    `about`: `seat` (how the registration stands) or `reminder`. A reminder of what was cancelled or
    moved away meanwhile is none; the mail about the change tells of it.
    """
    known = registration_service.find(connection, registration)
    found = queries.find(connection, known.event) if known else None
    person = people.find(connection, known.person) if known else None
    if known is None or found is None or person is None:
        return None
    is_near = now < found.starts_at <= now + LATEST_REMINDER
    comes = found.status in OPEN and known.state is RegistrationState.CONFIRMED
    if about == "reminder" and not (is_near and comes):
        return None
    if about == "seat" and (not found.is_public or found.status is EventStatus.CANCELLED):
        return None
    left = site.base_url + _leave_path(found, known) if known.state in ALIVE else ""
    values = {
        **_event_values(found, person.locale),
        "online": found.online_url if known.state in COMING else "",
        "state": str(known.state),
        "lapsed": known.lapsed_at is not None,
        "seats": known.offered_seats or known.seats,
        "asked": known.seats,
        "until": moment_words(known.offered_until, found.zone, person.locale)
        if known.offered_until
        else "",
        "question": "" if known.answer else found.question,
        "link": f"{site.base_url}{registration_service.seat_path(known)}",
        "page": f"{site.base_url}{found.url}",
        "calendar": f"{site.base_url}{found.url}.ics"
        if known.state is RegistrationState.CONFIRMED
        else "",
        "leave": left,
    }
    return _written(site, f"event_{about}", person, values, left)


def _leave_path(found: Event, known: registration_service.Registration) -> str:
    return f"{found.url}/quitter/{known.id}/{signature(known.id, known.leave_key)}"


def _written(
    site: Letterhead, kind: str, person: Person, values: Mapping[str, Any], left: str = ""
) -> Mail:
    """`left` is the address that takes back what the mail is about, with one click."""
    headers = {
        "List-Unsubscribe": f"<{left}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return mail.write(
        site,
        kind,
        person.email,
        values,
        locale=person.locale,
        person=person.id,
        headers=headers if left else {},
    )


def requests_letter(
    connection: Connection, site: Letterhead, identifier: UUID, organiser: UUID, now: datetime
) -> Mail | None:
    """The mail about people who ask to come; None where none is left to decide about."""
    found = queries.find(connection, identifier)
    person = people.find(connection, organiser)
    if found is None or person is None or not found.is_open(now):
        return None
    requested = registration_service.counts(connection, found).requested
    if not requested:
        return None
    page = f"{site.base_url}{found.url}"
    values = {
        **_event_values(found, person.locale),
        "requested": requested,
        "link": f"{page}/organiser#inscrits",
        "page": page,
    }
    return _written(site, "event_requests", person, values)


def _event_values(found: Event, locale: str) -> dict[str, Any]:
    return {
        "title": found.title,
        "named": _named(found, 1, locale),
        "when": when_words(found, locale),
        "former": when_words(found, locale, former=True) if found.former_starts_at else "",
        "former_place": found.former_place,
        "place": found.place_text if found.mode != "online" else "",
        "status": _status_told(found),
        "note": found.note,
    }


def _named(found: Event, dates: int, locale: str) -> str:
    """A title as subjects say it, with its day: whoever comes each week has many of one title."""
    _ = translator(locale)
    if dates > 1:
        return _("%(title)s, %(count)s dates", title=found.title, count=dates)
    return _("%(title)s, %(day)s", title=found.title, day=day_words(found, locale))


def _status_told(found: Event) -> str:
    """A date that moved is told as one that has changed: what moved is read from its days."""
    if not found.is_public:
        return "rejected"
    return "published" if found.status in OPEN else str(found.status)


def _still_so(connection: Connection, found: Event, act: UUID, *, undone: bool) -> bool:
    """Whether an act of cancelling is the last of an event, and still as the mail has it."""
    is_off = found.status is EventStatus.CANCELLED
    return queries.last_cancellation(connection, found.id) == act and is_off is not undone
