"""What mails about registrations say, written when they are sent, from the state of that moment."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from mapservice.accounts.people import queries as people
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


def renderer(settings: Settings) -> Renderer:
    """The writer of these mails, for the worker that sends them."""

    def write(connection: Connection, payload: Mapping[str, Any]) -> Mail | None:
        site = mail.letterhead(settings)
        known = UUID(payload["registration"])
        return letter(connection, site, known, str(payload["about"]), datetime.now(UTC))

    return write


def letter(
    connection: Connection, site: Letterhead, registration: UUID, about: str, now: datetime
) -> Mail | None:
    """The mail about a registration; None where there is nothing to tell any more.

    `about`: `seat` (how the registration stands), `change` (of the event), `reminder`. A reminder
    of what was cancelled or moved away meanwhile is none; the mail about the change tells of it.
    """
    known = registration_service.find(connection, registration)
    found = queries.find(connection, known.event) if known else None
    person = people.find(connection, known.person) if known else None
    if known is None or found is None or person is None:
        return None
    if about == "reminder" and not _is_due(found, known.state, now):
        return None
    if about == "change" and not known.is_alive:
        return None
    if about == "seat" and (not found.is_public or found.status is EventStatus.CANCELLED):
        return None
    page = f"{site.base_url}{found.url}"
    left = f"{page}/quitter/{known.id}/{signature(known.id, known.leave_key)}"
    status = str(found.status) if found.is_public else "rejected"
    values = {
        "title": found.title,
        "when": when_words(found, person.locale),
        "former": when_words(found, person.locale, former=True) if found.former_starts_at else "",
        "place": found.place_text if found.mode != "online" else "",
        "online": found.online_url if known.state in COMING else "",
        "status": status,
        "note": found.note,
        "state": str(known.state),
        "seats": known.offered_seats or known.seats,
        "asked": known.seats,
        "until": moment_words(known.offered_until, found.zone, person.locale)
        if known.offered_until
        else "",
        "question": found.question,
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


def _is_due(found: Event, state: RegistrationState, now: datetime) -> bool:
    near = now < found.starts_at <= now + LATEST_REMINDER
    return near and found.status in OPEN and state is RegistrationState.CONFIRMED
