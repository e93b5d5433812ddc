"""The words of mails that carry a message to a group, written when they are sent."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from mapservice.groups import message_service as messages
from mapservice.groups import queries
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead, Mail
from mapservice.mail.service import Renderer
from mapservice.settings import Settings


def renderer(settings: Settings) -> Renderer:
    """The writer of these mails, for the worker that sends them."""

    def write(connection: Connection, payload: Mapping[str, Any]) -> Mail | None:
        site = mail.letterhead(settings)
        return letter(connection, site, UUID(payload["message"]), UUID(payload["person"]))

    return write


def letter(connection: Connection, site: Letterhead, message: UUID, person: UUID) -> Mail | None:
    """None where it was refused, or the reader has left or wants no messages, meanwhile."""
    told = messages.due(connection, message, person)
    group = told.local_group if told else None
    member = queries.of_person(connection, group, person) if group else None
    if told is None or member is None:
        return None
    stop = f"{site.base_url}{messages.stop_path(member)}"
    values = {
        "title": told.title,
        "message_subject": told.subject,
        "words": told.text,
        "link": f"{site.base_url}/groupes/{group}",
        "report": f"{site.base_url}{messages.report_path(told, person)}",
        "stop": stop,
    }
    return mail.write(
        site,
        "group_message",
        member.email,
        values,
        locale=member.locale,
        person=person,
        headers={
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
