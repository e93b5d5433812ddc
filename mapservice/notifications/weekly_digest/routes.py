"""The weekly digest: ended by the link in it, ended and begun again on `/compte`."""

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
from mapservice.i18n import PARIS
from mapservice.notifications.weekly_digest import queries, service
from mapservice.web import edge, forms
from mapservice.web.edge import services
from mapservice.web.unsubscribe import UnsubscribePage

blueprint = Blueprint("weekly_digest", __name__)
blueprint.after_request(edge.secret_answer)

ANSWERS = {"oui": True, "non": False}
LEAVING = UnsubscribePage("weekly_digest/leave.html", queries.leave_key, service.leave)


@blueprint.post("/bilan/lettre")
def set_weekly_digest() -> Response:
    person = session.require_person()
    forms.check_own()
    answer = request.form.get("lettre", "")
    if answer not in ANSWERS:
        raise InvalidInput("lettre", "is not oui or non")
    today = datetime.now(PARIS).date()
    with services().engine.begin() as connection:
        service.set_weekly_digest(connection, person.id, today, wanted=ANSWERS[answer])
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
    """Whether the digest comes; None for a person without a role."""
    if not roles.of_person(connection, person.id):
        return None
    return queries.gets_weekly_digest(connection, person.id)


PERSONAL_DATA = PersonalDataProvider(
    "briefing", queries.export, service.erase, AccountSection("weekly_digest/_mine.html", _mine)
)
