"""`/initiatives/{id}/commenter`, where a setting opens it: each is read before it is shown."""

from uuid import UUID

from flask import Blueprint, Response, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MagicLink, Person
from mapservice.accounts.people.personal_data import PersonalDataProvider
from mapservice.contributions.posts import queries
from mapservice.contributions.posts import service as posts
from mapservice.contributions.posts.model import MAX_COMMENT, PostKind, read_post
from mapservice.contributions.supports import service as supports
from mapservice.contributions.supports.queries import SupportTarget
from mapservice.contributions.supports.routes import (
    SupportFormPage,
    confirm_later,
    form_page,
    refused,
    see,
    subject_of,
)
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.i18n import gettext as _
from mapservice.web import forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused, RateLimit

blueprint = Blueprint("comments", __name__, url_prefix="/initiatives/<uuid:identifier>")

NAME = "comment"
GATE = FormGate(NAME, per_network=RateLimit(10), per_email=RateLimit(5), per_person=RateLimit(10))


@blueprint.before_request
def only_where_open() -> None:
    if not comments_open():
        raise NotFound("There are no comments here.")


def comments_open() -> bool:
    return services().settings.comments == "on"


@blueprint.get("/commenter")
def ask(identifier: UUID) -> str:
    only_parameters("fait")
    with services().engine.connect() as connection:
        page = _form_of(supports.find_target(connection, identifier))
        return form_page(connection, page)


@blueprint.post("/commenter")
def add(identifier: UUID) -> Response:
    """Waits for a moderator; somebody who is not signed in confirms by mail first."""
    with services().engine.connect() as connection:
        page = _form_of(supports.find_target(connection, identifier))
        try:
            words = read_post(request.form.get("text", ""), MAX_COMMENT)
            person = session.current_person()
            if person is None:
                return confirm_later(GATE, NAME, page, {"text": words})
            forms.check(GATE, person=person.id)
            with services().engine.begin() as writing:
                _keep(writing, page.identifier, person, words)
            return see(url_for("comments.ask", identifier=page.identifier, fait="envoye"))
        except (FormRefused, InvalidInput, StateConflict) as error:
            return refused(connection, page, error)


def _form_of(target: SupportTarget) -> SupportFormPage:
    return SupportFormPage("comment", target, most=MAX_COMMENT)


def _keep(connection: Connection, identifier: UUID, person: Person, words: str) -> None:
    found = supports.find_target(connection, identifier)
    posts.keep(connection, found.id, person.id, PostKind.COMMENT, words, at_once=False)


def _ask(connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    if not comments_open():
        raise NotFound("There are no comments here.")
    title = supports.find_target(connection, subject_of(token)).title
    return ConfirmationQuestion(
        _("Envoyer votre commentaire"),
        _(
            "Votre commentaire sur « %(title)s » sera relu, puis montré s’il est accepté.",
            title=title,
        ),
        _("Envoyer"),
    )


def _confirm(connection: Connection, person: Person, token: MagicLink) -> str:
    _keep(connection, subject_of(token), person, str(token.payload["text"]))
    return url_for("comments.ask", identifier=subject_of(token), fait="envoye")


MAGIC_LINK = MagicLinkAction(NAME, _ask, _confirm)
PERSONAL_DATA = PersonalDataProvider("posts", queries.export, posts.erase)
