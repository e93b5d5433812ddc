"""What mails about registrations say, written when they are sent, from the state of that moment."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.accounts.people import queries as people
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
from mapservice.events.words import moment_words, when_words
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
        site = mail.letterhead(settings)
        act = UUID(payload["cancellation"]) if payload.get("cancellation") else None
        if "organiser" in payload:
            asked = UUID(payload["event"]), UUID(payload["organiser"])
            return requests_letter(connection, site, *asked, datetime.now(UTC))
        if "hand" in payload:
            hand = UUID(payload["hand"])
            return hand_letter(connection, site, hand, str(payload["about"]), cancellation=act)
        known, now = UUID(payload["registration"]), datetime.now(UTC)
        return letter(connection, site, known, str(payload["about"]), now, cancellation=act)

    return write


def letter(
    connection: Connection,
    site: Letterhead,
    registration: UUID,
    about: str,
    now: datetime,
    *,
    cancellation: UUID | None = None,
) -> Mail | None:
    """The mail about a registration; None where there is nothing to tell any more.

    `about`: `seat` (how the registration stands), `change` (of the event), `undone` (it was called
    off, and takes place after all), `reminder`. A reminder of what was cancelled or moved away
    meanwhile is none; the mail about the change tells of it. So is the mail about a cancellation
    that is undone by then, and about an undoing after which it was called off again.
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
    if about in ("change", "undone") and not known.is_alive:
        return None
    if cancellation and not _still_so(connection, found, cancellation, undone=about == "undone"):
        return None
    if about == "seat" and (not found.is_public or found.status is EventStatus.CANCELLED):
        return None
    page = f"{site.base_url}{found.url}"
    left = f"{page}/quitter/{known.id}/{signature(known.id, known.leave_key)}"
    values = {
        **_event_values(connection, found, person.locale),
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
        "page": page,
        "leave": left if known.state in ALIVE else "",
    }
    headers = {}
    if values["leave"]:
        headers = {
            "List-Unsubscribe": f"<{left}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return mail.write(
        site,
        f"event_{about}",
        person.email,
        values,
        locale=person.locale,
        person=person.id,
        headers=headers,
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
        **_event_values(connection, found, person.locale),
        "requested": requested,
        "link": f"{page}/organiser#inscrits",
        "page": page,
    }
    return mail.write(
        site, "event_requests", person.email, values, locale=person.locale, person=person.id
    )


def hand_letter(
    connection: Connection,
    site: Letterhead,
    hand: UUID,
    about: str,
    *,
    cancellation: UUID | None = None,
) -> Mail | None:
    """The mail of a change, or of one undone, for who promised a hand; None once they left."""
    row = connection.execute(text(HAND), {"id": hand}).one_or_none()
    found = queries.find(connection, row.event) if row else None
    person = people.find(connection, row.person) if row else None
    if row is None or found is None or person is None:
        return None
    if cancellation and not _still_so(connection, found, cancellation, undone=about == "undone"):
        return None
    page = f"{site.base_url}{found.url}"
    left = site.base_url + leave_path(hand, bytes(row.leave_key))
    values = {
        **_event_values(connection, found, person.locale),
        "online": "",
        "state": "hand",
        "link": page,
        "page": page,
        "leave": left,
    }
    headers = {
        "List-Unsubscribe": f"<{left}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return mail.write(
        site,
        f"event_{about}",
        person.email,
        values,
        locale=person.locale,
        person=person.id,
        headers=headers,
    )


def _event_values(connection: Connection, found: Event, locale: str) -> dict[str, Any]:
    is_cancelled = found.status is EventStatus.CANCELLED
    return {
        "title": found.title,
        "when": when_words(found, locale),
        "former": when_words(found, locale, former=True) if found.former_starts_at else "",
        "former_place": found.former_place,
        "place": found.place_text if found.mode != "online" else "",
        "status": str(found.status) if found.is_public else "rejected",
        "note": found.note,
        # Whoever comes each week would else take it for the end of the series.
        "others_stand": is_cancelled and queries.others_stand(connection, found),
    }


def _still_so(connection: Connection, found: Event, act: UUID, *, undone: bool) -> bool:
    """Whether an act of cancelling is the last of an event, and still as the mail has it."""
    is_off = found.status is EventStatus.CANCELLED
    return queries.last_cancellation(connection, found.id) == act and is_off is not undone
