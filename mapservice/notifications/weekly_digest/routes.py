"""The letter of the week: ended by the link in it, ended and begun again on `/compte`."""

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.model import Person
from mapservice.accounts.people.personal_data import AccountSection, PersonalDataProvider
from mapservice.accounts.roles import queries as roles
from mapservice.errors import InvalidInput
from mapservice.i18n.locale import PARIS
from mapservice.notifications.weekly_digest import queries, service
from mapservice.web import edge, forms
from mapservice.web.edge import services
from mapservice.web.unsubscribe import UnsubscribePage

blueprint = Blueprint("briefing", __name__)
blueprint.after_request(edge.secret_answer)

ANSWERS = {"oui": True, "non": False}
LEAVING = UnsubscribePage("briefing/leave.html", queries.leave_key, service.leave)


@blueprint.post("/bilan/lettre")
def set_letters() -> Response:
    person = session.require_person()
    forms.check_own()
    answer = request.form.get("lettre", "")
    if answer not in ANSWERS:
        raise InvalidInput("lettre", "is not oui or non")
    today = datetime.now(PARIS).date()
    with services().engine.begin() as connection:
        service.set_letters(connection, person.id, today, wanted=ANSWERS[answer])
    response = redirect(url_for("people.account", _anchor="lettre"), HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response


@blueprint.get("/bilan/quitter/<uuid:reader>/<secret:signature>")
def ask_leave(reader: UUID, signature: str) -> Response:
    return LEAVING.ask(reader, signature)


@blueprint.post("/bilan/quitter/<uuid:reader>/<secret:signature>")
def leave(reader: UUID, signature: str) -> Response:
    return LEAVING.leave(reader, signature)


def _mine(connection: Connection, person: Person) -> bool | None:
    """Whether letters come; None for who has no role."""
    if not roles.of_person(connection, person.id):
        return None
    return queries.gets_letters(connection, person.id)


PERSONAL_DATA = PersonalDataProvider(
    "briefing", queries.export, service.erase, AccountSection("briefing/_mine.html", _mine)
)
