"""The form of a message, to a group or about an event: read again as it will be, then sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from flask import Response, make_response, render_template, request
from sqlalchemy import Connection

from mapservice.contributions.proposals.model import FieldMistake
from mapservice.errors import InvalidInput, StateConflict
from mapservice.groups import message_service as messages
from mapservice.groups import words as wording
from mapservice.groups.author_routes import conflict_words, see
from mapservice.groups.message_service import MessageAllowance, TooManyMessages
from mapservice.groups.model import (
    HELD_FOR,
    MAX_COMPLAINT,
    MAX_MESSAGE,
    MAX_SUBJECT,
    MESSAGES_A_WEEK,
    MESSAGES_AT_ONCE_A_DAY,
    EventAudience,
    GroupMessage,
    MessageAudience,
    MessageContent,
    read_message,
)
from mapservice.i18n import gettext as _
from mapservice.web.edge import services


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDesk:
    """To whom an organiser writes: `title` and `desk` are of the group or event and its page.

    `sizes` says how many each audience is now. About an event messages leave at once.
    """

    title: str
    desk: str
    audiences: type[MessageAudience] | type[EventAudience]
    sizes: Mapping[Any, int]
    allowance: MessageAllowance

    @property
    def about_event(self) -> bool:
        return self.audiences is EventAudience


@dataclass(frozen=True, slots=True)
class MessagePage:
    """The form; `checked`: it was read without a mistake, so that the page offers to send it."""

    typed: dict[str, str]
    mistakes: dict[str, str] = field(default_factory=dict)
    notice: str = ""
    checked: bool = False


# What a route says: to whom one may write (raises NotFound for who may not), and how it is sent.
DeskReader = Callable[[Connection], MessageDesk]
MessageSender = Callable[[Connection, UUID, MessageContent], GroupMessage]


def empty_form(desk: DeskReader, audience: MessageAudience | EventAudience) -> Response:
    first = {"form": str(uuid4()), "audience": str(audience)}
    how = "now" if isinstance(audience, EventAudience) else "digest"
    return show(desk, MessagePage({**first, "how": how}))


def answer(
    desk: DeskReader,
    audiences: type[MessageAudience] | type[EventAudience],
    sender: MessageSender,
    back: str,
) -> Response:
    """Shows it once as it will be, then sends it; what was sent already is not sent again."""
    try:
        form_id = UUID(request.form.get("form", ""))
    except ValueError:
        form_id = uuid4()
    typed = {**request.form.to_dict(), "form": str(form_id)}
    form = read_message(typed, audiences)
    if form.mistakes:
        mistakes = {name: _mistake(name, one) for name, one in form.mistakes.items()}
        return show(desk, MessagePage(typed, mistakes), HTTPStatus.BAD_REQUEST)
    if typed.get("action") != "send":
        return show(desk, MessagePage(typed, checked=typed.get("action") == "check"))
    try:
        with services().engine.begin() as connection:
            sender(connection, form_id, form.content)
    except TooManyMessages as error:
        notice = _limit_words(error, about_event=audiences is EventAudience)
        return show(desk, MessagePage(typed, notice=notice), HTTPStatus.TOO_MANY_REQUESTS)
    except StateConflict as error:
        notice = (
            _("Cela ne se peut plus : l’événement a changé entre-temps. Rien n’a été envoyé.")
            if audiences is EventAudience
            else conflict_words(error)
        )
        return show(desk, MessagePage(typed, notice=notice), HTTPStatus.CONFLICT)
    return see(back)


def show(desk: DeskReader, page: MessagePage, status: HTTPStatus = HTTPStatus.OK) -> Response:
    with services().engine.connect() as connection:
        known = desk(connection)
    shown = render_template(
        "groups/message.html",
        desk=known,
        page=page,
        typed=page.typed,
        audiences=list(known.audiences),
        sizes=known.sizes,
        allowance=known.allowance,
        limits={"subject": MAX_SUBJECT, "text": MAX_MESSAGE},
        a_week=MESSAGES_A_WEEK,
        a_day=MESSAGES_AT_ONCE_A_DAY,
        held_days=HELD_FOR.days,
        audience_words=wording.audience_label,
        moment_words=wording.moment_words,
    )
    return make_response(shown, status)


def report_page(subject: UUID, message: UUID, reader: UUID, signature: str) -> Response:
    """The message again, and a form; who has left since may report it too."""
    with services().engine.connect() as connection:
        found = messages.reported(connection, subject, message, reader, signature)
    return _report_page(found)


def take_report(subject: UUID, message: UUID, reader: UUID, signature: str) -> Response:
    """The signature, mailed to one person alone, allows it without a form's token."""
    said = request.form.get("words", "")
    with services().engine.begin() as connection:
        found = messages.reported(connection, subject, message, reader, signature)
        try:
            messages.report(connection, found, reader, said)
        except InvalidInput:
            long = _("C’est trop long : %(most)s signes au plus.", most=MAX_COMPLAINT)
            return _report_page(found, said, long)
    return _report_page(found, done=True)


def _report_page(
    message: GroupMessage, typed: str = "", error: str = "", *, done: bool = False
) -> Response:
    page = render_template(
        "groups/message_report.html",
        message_subject=message.subject,
        message_text=message.text,
        about_event=message.event is not None,
        typed=typed,
        error=error,
        done=done,
        most=MAX_COMPLAINT,
    )
    return make_response(page, HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK)


def _limit_words(error: TooManyMessages, *, about_event: bool) -> str:
    moment = wording.moment_words(error.until)
    if about_event and error.may_wait:
        return _(
            "Un message est déjà parti aujourd’hui. Le prochain est possible le %(moment)s.",
            moment=moment,
        )
    if error.may_wait:
        return _(
            "Le message du jour qui part aussitôt a déjà été envoyé. Le prochain est possible "
            "le %(moment)s ; par le courriel du jour, dès maintenant.",
            moment=moment,
        )
    if about_event:
        return _(
            "Vous avez déjà écrit %(week)s messages en sept jours : prochain message possible "
            "le %(moment)s.",
            week=MESSAGES_A_WEEK,
            moment=moment,
        )
    return _(
        "Votre groupe a déjà écrit %(week)s messages en sept jours : prochain message "
        "possible le %(moment)s.",
        week=MESSAGES_A_WEEK,
        moment=moment,
    )


def _mistake(name: str, mistake: FieldMistake) -> str:
    if mistake is FieldMistake.LONG:
        most = {"subject": MAX_SUBJECT, "text": MAX_MESSAGE}[name]
        return _("C’est trop long : %(most)s signes au plus.", most=most)
    return {
        "subject": _("Donnez un objet au message."),
        "text": _("Écrivez le message."),
        "audience": _("Dites à qui il s’adresse."),
    }.get(name, _("Choisissez une des réponses proposées."))
