"""Messages about an event: writing to those registered, ending them, reporting one."""

from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.errors import NotFound
from mapservice.events import message_service, registration_service
from mapservice.events.author_routes import own, see
from mapservice.groups import message_form
from mapservice.groups.message_form import MessageDesk
from mapservice.groups.model import EventAudience, GroupMessage, MessageContent
from mapservice.web import edge, forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.unsubscribe import UnsubscribePage

blueprint = Blueprint("event_messages", __name__, url_prefix="/evenements/<uuid:identifier>")
blueprint.after_request(edge.secret_answer)

STOPPING = UnsubscribePage(
    "events/messages_stop.html", message_service.stop_key, message_service.stop
)


@blueprint.get("/messages/ecrire")
def write(identifier: UUID) -> Response:
    """For its organiser alone."""
    only_parameters()
    session.require_person()
    return message_form.empty_form(lambda one: _desk(one, identifier), EventAudience.COMING)


@blueprint.post("/messages/ecrire")
def send(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    base_url = session.letterhead().base_url

    def sender(connection: Connection, form: UUID, content: MessageContent) -> GroupMessage:
        now = datetime.now(UTC)
        return message_service.send(connection, identifier, person.id, form, content, base_url, now)

    back = f"{url_for('event_authors.organise', identifier=identifier)}#messages"
    return message_form.answer(lambda one: _desk(one, identifier), EventAudience, sender, back)


@blueprint.post("/inscription/messages")
def wish(identifier: UUID) -> Response:
    """Whether messages of the organiser reach who is registered and signed in."""
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        known = registration_service.of_person(connection, identifier, person.id)
        if known is None:
            raise NotFound("There is no such registration of yours.")
        message_service.hear(connection, known.id, hears=request.form.get("hears") == "1")
    return see(url_for("event_registrations.ask", identifier=identifier))


@blueprint.get("/messages/arreter/<uuid:registration>/<secret:signature>")
def ask_stop(identifier: UUID, registration: UUID, signature: str) -> Response:
    del identifier
    return STOPPING.ask(registration, signature)


@blueprint.post("/messages/arreter/<uuid:registration>/<secret:signature>")
def stop(identifier: UUID, registration: UUID, signature: str) -> Response:
    """Ends messages; who presses it keeps their seat."""
    del identifier
    return STOPPING.leave(registration, signature)


@blueprint.get("/messages/<uuid:message>/signaler/<uuid:reader>/<secret:signature>")
def ask_report(identifier: UUID, message: UUID, reader: UUID, signature: str) -> Response:
    only_parameters()
    return message_form.report_page(identifier, message, reader, signature)


@blueprint.post("/messages/<uuid:message>/signaler/<uuid:reader>/<secret:signature>")
def report(identifier: UUID, message: UUID, reader: UUID, signature: str) -> Response:
    return message_form.take_report(identifier, message, reader, signature)


def _desk(connection: Connection, identifier: UUID) -> MessageDesk:
    person, now = session.require_person(), datetime.now(UTC)
    found, series = own(connection, identifier, person)
    return MessageDesk(
        title=found.title,
        desk=url_for("event_authors.organise", identifier=identifier),
        audiences=EventAudience,
        sizes=message_service.audience_sizes(connection, identifier),
        allowance=message_service.allowance(connection, series.id, person.id, now),
    )
