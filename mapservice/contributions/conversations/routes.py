"""`/initiatives/{id}/contacter`, `/repondre/…`: messages that pass through us both ways."""

from dataclasses import replace
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MagicLink, Person
from mapservice.accounts.people.personal_data import PersonalDataProvider
from mapservice.contributions.conversations import queries, service
from mapservice.contributions.conversations.inbox import inbox_address
from mapservice.contributions.conversations.model import (
    LEAST_MESSAGE,
    LINK_LIFE,
    MAX_MESSAGE,
    ReplyLink,
)
from mapservice.contributions.conversations.service import ConversationEnded, RelayedMessage
from mapservice.contributions.supports import service as supports
from mapservice.contributions.supports.model import read_text
from mapservice.contributions.supports.routes import (
    SupportFormPage,
    confirm_later,
    form_page,
    refused,
    see,
    subject_of,
)
from mapservice.errors import InvalidInput, StateConflict
from mapservice.i18n import gettext as _
from mapservice.web import edge, forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused, RateLimit

blueprint = Blueprint("conversations", __name__)

NAME = "contact"
GATE = FormGate(NAME, per_network=RateLimit(10), per_email=RateLimit(5), per_person=RateLimit(10))
REPLY_GATE = FormGate("reply", per_network=RateLimit(30), without_proof=RateLimit(6))
END = "end"


@blueprint.get("/initiatives/<uuid:identifier>/contacter")
def ask_contact(identifier: UUID) -> str:
    only_parameters("fait")
    with services().engine.connect() as connection:
        return form_page(connection, _form_of(connection, identifier))


@blueprint.post("/initiatives/<uuid:identifier>/contacter")
def contact(identifier: UUID) -> Response:
    with services().engine.connect() as connection:
        page = _form_of(connection, identifier)
        try:
            words = read_text(request.form.get("text", ""), least=LEAST_MESSAGE)
            person = session.current_person()
            if person is None:
                return confirm_later(GATE, NAME, page, {"text": words})
            forms.check(GATE, person=person.id)
            with services().engine.begin() as writing:
                _write(writing, person, page.identifier, words)
            address = url_for("conversations.ask_contact", identifier=identifier, fait="envoye")
            return see(address)
        except ConversationEnded:
            words = _("L’auteur a mis fin à cet échange : il ne reçoit plus vos messages.")
            again = make_response(form_page(connection, replace(page, error=words)))
            again.status_code = HTTPStatus.CONFLICT
            return again
        except (FormRefused, InvalidInput, StateConflict) as error:
            return refused(connection, page, error)


@blueprint.get("/repondre/<uuid:link>/<secret:signature>")
def ask_reply(link: UUID, signature: str) -> Response:
    """Opening it changes nothing: mail scanners open links too."""
    only_parameters()
    with services().engine.connect() as connection:
        return _reply_page(service.find(connection, link, signature))


@blueprint.post("/repondre/<uuid:link>/<secret:signature>")
def reply(link: UUID, signature: str) -> Response:
    """Sends the reply, or ends the conversation (`action` is `end`)."""
    with services().engine.connect() as connection:
        found = service.find(connection, link, signature)
    if not found.is_open:
        return _reply_page(found)
    try:
        forms.check(REPLY_GATE)
        site, inbox = session.letterhead(), inbox_address(services().settings)
        is_end = request.form.get("action") == END
        words = "" if is_end else read_text(request.form.get("text", ""), least=1)
        with services().engine.begin() as connection:
            found = service.find(connection, link, signature, lock=True)
            if not found.is_open:
                return _reply_page(found)
            if is_end:
                service.end(connection, found)
            else:
                service.reply(connection, site, found, words, inbox)
        return _reply_page(found, done="end" if is_end else "sent")
    except FormRefused as error:
        return forms.answer(error, _reply_page(found, error.words).get_data(as_text=True))
    except InvalidInput as error:
        too_long = "longer" in error.reason
        words = (
            _("C’est trop long : %(most)s signes au plus.", most=MAX_MESSAGE)
            if too_long
            else _("Écrivez votre réponse.")
        )
        return _reply_page(found, words)


@blueprint.after_request
def keep_secret(response: Response) -> Response:
    return edge.secret_answer(response)


def _form_of(connection: Connection, identifier: UUID) -> SupportFormPage:
    """Raises NotFound for an initiative without an author to write to."""
    target = supports.with_author(supports.find_target(connection, identifier))
    return SupportFormPage("contact", target)


def _write(connection: Connection, person: Person, identifier: UUID, words: str) -> None:
    message = RelayedMessage(person, words, inbox_address(services().settings))
    service.write_to_author(connection, session.letterhead(), identifier, message)


def _reply_page(link: ReplyLink, error: str = "", done: str = "") -> Response:
    page = render_template(
        "supports/reply.html",
        link=link,
        error=error,
        done=done,
        typed=request.form,
        most=MAX_MESSAGE,
        days=LINK_LIFE.days,
    )
    if done:
        return make_response(page)
    if not link.is_open:
        return make_response(page, HTTPStatus.GONE)
    return make_response(page, HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK)


def _ask(connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    title = _form_of(connection, subject_of(token)).target.title
    return ConfirmationQuestion(
        _("Envoyer votre message"),
        _("Votre message à l’auteur de « %(title)s » partira aussitôt.", title=title),
        _("Envoyer"),
    )


def _confirm(connection: Connection, person: Person, token: MagicLink) -> str:
    _write(connection, person, subject_of(token), str(token.payload["text"]))
    return url_for("conversations.ask_contact", identifier=subject_of(token), fait="envoye")


MAGIC_LINK = MagicLinkAction(NAME, _ask, _confirm)
PERSONAL_DATA = PersonalDataProvider("conversations", queries.export, service.erase)
