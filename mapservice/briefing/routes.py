"""The letter of the week: ended by the link in it, ended and begun again on `/compte`."""

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.briefing import queries, service
from mapservice.errors import InvalidInput, NotFound
from mapservice.following.model import PARIS, is_signed
from mapservice.http import answers, forms, session
from mapservice.http.params import only_parameters
from mapservice.http.services import services
from mapservice.people.hooks import Part, Section
from mapservice.people.model import Person
from mapservice.roles import queries as roles

blueprint = Blueprint("briefing", __name__)
blueprint.after_request(answers.secret)

ANSWERS = {"oui": True, "non": False}


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


@blueprint.get("/bilan/quitter/<uuid:reader>/<signature>")
def ask_leave(reader: UUID, signature: str) -> Response:
    """Asks only: mail scanners open links too."""
    only_parameters()
    with services().engine.connect() as connection:
        _check_signature(connection, reader, signature)
    return _leave_page(done=False)


@blueprint.post("/bilan/quitter/<uuid:reader>/<signature>")
def leave(reader: UUID, signature: str) -> Response:
    """RFC 8058: one POST of a mail program, which is signed in nowhere and holds no form's token.

    The signature is what allows it: it was mailed to the reader alone.
    """
    with services().engine.begin() as connection:
        _check_signature(connection, reader, signature)
        service.leave(connection, reader)
    return _leave_page(done=True)


def _check_signature(connection: Connection, reader: UUID, signature: str) -> None:
    """Raises NotFound, the same for a wrong one and for a reader that nobody is."""
    key = queries.leave_key(connection, reader)
    if key is None or not is_signed(reader, key, signature):
        raise NotFound("There is no such link.")


def _leave_page(*, done: bool) -> Response:
    return make_response(render_template("briefing/leave.html", done=done))


def _mine(connection: Connection, person: Person) -> bool | None:
    """Whether letters come; None for who has no role."""
    if not roles.of_person(connection, person.id):
        return None
    return queries.gets_letters(connection, person.id)


PART = Part("briefing", queries.export, service.erase, Section("briefing/_mine.html", _mine))
