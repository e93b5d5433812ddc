"""`/groupes/{id}/messages`: writing to those who belong, wanting no messages, reporting one."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID, uuid4

from flask import Blueprint, Response, make_response, render_template, request, url_for

from mapservice.accounts.people import session
from mapservice.accounts.people.personal_data import PersonalDataProvider
from mapservice.contributions.proposals.model import FieldMistake
from mapservice.errors import InvalidInput, StateConflict
from mapservice.groups import message_service as messages
from mapservice.groups import words as wording
from mapservice.groups.author_routes import conflict_words, own, see
from mapservice.groups.message_service import TooManyMessages
from mapservice.groups.model import (
    HELD_FOR,
    MAX_COMPLAINT,
    MAX_MESSAGE,
    MAX_SUBJECT,
    MESSAGES_A_WEEK,
    MESSAGES_AT_ONCE_A_DAY,
    MemberStanding,
    MessageAudience,
    MessageWish,
    read_message,
)
from mapservice.groups.routes import words
from mapservice.i18n import gettext as _
from mapservice.web import edge, forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.unsubscribe import UnsubscribePage

blueprint = Blueprint("group_messages", __name__, url_prefix="/groupes/<uuid:identifier>")
blueprint.after_request(edge.secret_answer)

STOPPING = UnsubscribePage("groups/messages_stop.html", messages.stop_key, messages.stop)


@dataclass(frozen=True, slots=True)
class MessagePage:
    """The form; `checked`: it was read without a mistake, so that the page offers to send it."""

    typed: dict[str, str]
    mistakes: dict[str, str] = field(default_factory=dict)
    notice: str = ""
    checked: bool = False


@blueprint.get("/messages/ecrire")
def write(identifier: UUID) -> Response:
    """For organisers alone."""
    only_parameters()
    first = {"form": str(uuid4()), "audience": str(MessageAudience.MEMBERS), "how": "digest"}
    return _page(identifier, MessagePage(first))


@blueprint.post("/messages/ecrire")
def send(identifier: UUID) -> Response:
    """Shown once as it will be, then sent; what was sent already is not sent again."""
    person = session.require_person()
    forms.check_own()
    try:
        form_id = UUID(request.form.get("form", ""))
    except ValueError:
        form_id = uuid4()
    typed = {**request.form.to_dict(), "form": str(form_id)}
    form = read_message(typed)
    if form.mistakes:
        mistakes = {name: _mistake(name, one) for name, one in form.mistakes.items()}
        return _page(identifier, MessagePage(typed, mistakes), HTTPStatus.BAD_REQUEST)
    if typed.get("action") != "send":
        return _page(identifier, MessagePage(typed, checked=typed.get("action") == "check"))
    try:
        with services().engine.begin() as connection:
            messages.send(
                connection,
                identifier,
                person.id,
                form_id,
                form.content,
                session.letterhead().base_url,
                datetime.now(UTC),
            )
    except TooManyMessages as error:
        moment = wording.moment_words(error.until)
        notice = (
            _(
                "Le message du jour qui part aussitôt a déjà été envoyé. Le prochain est possible "
                "le %(moment)s ; par le courriel du jour, dès maintenant.",
                moment=moment,
            )
            if error.may_wait
            else _(
                "Votre groupe a déjà écrit %(week)s messages en sept jours : prochain message "
                "possible le %(moment)s.",
                week=MESSAGES_A_WEEK,
                moment=moment,
            )
        )
        return _page(identifier, MessagePage(typed, notice=notice), HTTPStatus.TOO_MANY_REQUESTS)
    except StateConflict as error:
        return _page(
            identifier, MessagePage(typed, notice=conflict_words(error)), HTTPStatus.CONFLICT
        )
    return see(f"{url_for('group_desk.desk', identifier=identifier)}#messages")


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
    """The message again, and a form; a reader who has left the group since may report it too."""
    only_parameters()
    with services().engine.connect() as connection:
        found = messages.reported(connection, identifier, message, reader, signature)
    return _report_page(found.subject, found.text)


@blueprint.post("/messages/<uuid:message>/signaler/<uuid:reader>/<secret:signature>")
def report(identifier: UUID, message: UUID, reader: UUID, signature: str) -> Response:
    """The signature, mailed to one person alone, allows it without a form's token."""
    said = request.form.get("words", "")
    with services().engine.begin() as connection:
        found = messages.reported(connection, identifier, message, reader, signature)
        try:
            messages.report(connection, found, reader, said)
        except InvalidInput:
            long = _("C’est trop long : %(most)s signes au plus.", most=MAX_COMPLAINT)
            return _report_page(found.subject, found.text, said, long)
    return _report_page(found.subject, found.text, done=True)


def _report_page(
    subject: str, text: str, typed: str = "", error: str = "", *, done: bool = False
) -> Response:
    page = render_template(
        "groups/message_report.html",
        message_subject=subject,
        message_text=text,
        typed=typed,
        error=error,
        done=done,
        most=MAX_COMPLAINT,
    )
    return make_response(page, HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK)


def _page(identifier: UUID, page: MessagePage, status: HTTPStatus = HTTPStatus.OK) -> Response:
    person, now = session.require_person(), datetime.now(UTC)
    with services().engine.connect() as connection:
        found, _standing = own(connection, identifier, person, MemberStanding.ORGANISER)
        answer = render_template(
            "groups/message.html",
            group=found,
            page=page,
            typed=page.typed,
            audiences=list(MessageAudience),
            sizes=messages.audience_sizes(connection, identifier, person.id),
            allowance=messages.allowance(connection, identifier, now),
            limits={"subject": MAX_SUBJECT, "text": MAX_MESSAGE},
            a_week=MESSAGES_A_WEEK,
            a_day=MESSAGES_AT_ONCE_A_DAY,
            held_days=HELD_FOR.days,
            **words(now),
        )
    return make_response(answer, status)


def _mistake(name: str, mistake: FieldMistake) -> str:
    if mistake is FieldMistake.LONG:
        most = {"subject": MAX_SUBJECT, "text": MAX_MESSAGE}[name]
        return _("C’est trop long : %(most)s signes au plus.", most=most)
    return {
        "subject": _("Donnez un objet au message."),
        "text": _("Écrivez le message."),
        "audience": _("Dites à qui il s’adresse."),
    }.get(name, _("Choisissez une des réponses proposées."))


PERSONAL_DATA = PersonalDataProvider("group_messages", messages.export, messages.erase)
