"""Messages to a group: writing one, ending them, reporting one. No page shows whom they reach."""

from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.personal_data import PersonalDataProvider
from mapservice.errors import InvalidInput
from mapservice.groups import message_form
from mapservice.groups import message_service as messages
from mapservice.groups.author_routes import own, see
from mapservice.groups.message_form import MessageDesk
from mapservice.groups.model import (
    GroupMessage,
    MemberStanding,
    MessageAudience,
    MessageContent,
    MessageWish,
)
from mapservice.web import edge, forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.unsubscribe import UnsubscribePage

blueprint = Blueprint("group_messages", __name__, url_prefix="/groupes/<uuid:identifier>")
blueprint.after_request(edge.secret_answer)

STOPPING = UnsubscribePage("groups/messages_stop.html", messages.stop_key, messages.stop)


@blueprint.get("/messages/ecrire")
def write(identifier: UUID) -> Response:
    """For organisers alone."""
    only_parameters()
    session.require_person()
    return message_form.empty_form(lambda one: _desk(one, identifier), MessageAudience.MEMBERS)


@blueprint.post("/messages/ecrire")
def send(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    base_url = session.letterhead().base_url

    def sender(connection: Connection, form: UUID, content: MessageContent) -> GroupMessage:
        now = datetime.now(UTC)
        return messages.send(connection, identifier, person.id, form, content, base_url, now)

    back = f"{url_for('group_desk.desk', identifier=identifier)}#messages"
    return message_form.answer(lambda one: _desk(one, identifier), MessageAudience, sender, back)


@blueprint.post("/adhesion/messages")
def wish(identifier: UUID) -> Response:
    """What messages of a group one wants."""
    person = session.require_person()
    forms.check_own()
    text = request.form.get("hears", "")
    if text not in tuple(MessageWish):
        raise InvalidInput("hears", "is not one of those offered")
    with services().engine.begin() as connection:
        messages.wish(connection, identifier, person.id, MessageWish(text))
    return see(url_for("group_members.ask", identifier=identifier))


@blueprint.get("/messages/arreter/<uuid:member>/<secret:signature>")
def ask_stop(identifier: UUID, member: UUID, signature: str) -> Response:
    del identifier
    return STOPPING.ask(member, signature)


@blueprint.post("/messages/arreter/<uuid:member>/<secret:signature>")
def stop(identifier: UUID, member: UUID, signature: str) -> Response:
    """Ends messages; who presses it still belongs to the group."""
    del identifier
    return STOPPING.leave(member, signature)


@blueprint.get("/messages/<uuid:message>/signaler/<uuid:reader>/<secret:signature>")
def ask_report(identifier: UUID, message: UUID, reader: UUID, signature: str) -> Response:
    only_parameters()
    return message_form.report_page(identifier, message, reader, signature)


@blueprint.post("/messages/<uuid:message>/signaler/<uuid:reader>/<secret:signature>")
def report(identifier: UUID, message: UUID, reader: UUID, signature: str) -> Response:
    return message_form.take_report(identifier, message, reader, signature)


def _desk(connection: Connection, identifier: UUID) -> MessageDesk:
    person = session.require_person()
    found, _standing = own(connection, identifier, person, MemberStanding.ORGANISER)
    return MessageDesk(
        title=found.name,
        desk=url_for("group_desk.desk", identifier=identifier),
        audiences=MessageAudience,
        sizes=messages.audience_sizes(connection, identifier, person.id),
        allowance=messages.allowance(connection, identifier, datetime.now(UTC)),
    )


PERSONAL_DATA = PersonalDataProvider("group_messages", messages.export, messages.erase)
