"""The words of mails that carry a message about an event, written when they are sent."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from mapservice.accounts.people import queries as people
from mapservice.events import message_service, queries, registration_service
from mapservice.events.model import ALIVE
from mapservice.events.words import when_words
from mapservice.groups import message_service as messages
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead, Mail
from mapservice.mail.service import Renderer
from mapservice.mail.unsubscribe import signature
from mapservice.settings import Settings


def renderer(settings: Settings) -> Renderer:
    """The writer of these mails, for the worker that sends them."""

    def write(connection: Connection, payload: Mapping[str, Any]) -> Mail | None:
        site = mail.letterhead(settings)
        return letter(connection, site, UUID(payload["message"]), UUID(payload["person"]))

    return write


def letter(connection: Connection, site: Letterhead, message: UUID, person: UUID) -> Mail | None:
    """None where it was refused, or the reader has cancelled or wants no messages, meanwhile."""
    told = messages.due(connection, message, person)
    if told is None or told.event is None:
        return None
    known = registration_service.of_person(connection, told.event, person)
    found = queries.find(connection, told.event)
    reader = people.find(connection, person)
    if known is None or found is None or reader is None:
        return None
    stop = f"{site.base_url}{message_service.stop_path(known)}"
    left = f"{site.base_url}{found.url}/quitter/{known.id}/{signature(known.id, known.leave_key)}"
    values = {
        "title": told.title,
        "when": when_words(found, reader.locale),
        "status": str(found.status),
        "message_subject": told.subject,
        "words": told.text,
        "link": f"{site.base_url}{registration_service.seat_path(known)}",
        "report": f"{site.base_url}{messages.report_path(told, person)}",
        "stop": stop,
        "leave": left if known.state in ALIVE else "",
    }
    return mail.write(
        site,
        messages.EVENT_RENDERER,
        reader.email,
        values,
        locale=reader.locale,
        person=person,
        headers={
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
