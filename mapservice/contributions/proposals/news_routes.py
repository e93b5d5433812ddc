"""`/initiatives/{id}/nouvelles`, `/clore`: what authors say of their initiatives once public."""

from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID, uuid4

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.model import Person
from mapservice.contributions.posts import queries as posts
from mapservice.contributions.posts.model import (
    LISTED,
    MAX_CLOSING,
    MAX_POST,
    THANKS_PAUSE,
    read_post,
)
from mapservice.contributions.proposals import model, service
from mapservice.contributions.proposals.routes import own, see
from mapservice.contributions.proposals.service import TooManyPosts
from mapservice.errors import InvalidInput, StateConflict
from mapservice.i18n import gettext as _
from mapservice.initiatives.model import Status
from mapservice.media import service as media
from mapservice.media import uploads
from mapservice.media.model import read_words
from mapservice.media.service import PhotoOwner
from mapservice.web import forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused, RateLimit

blueprint = Blueprint("news", __name__, url_prefix="/initiatives/<uuid:identifier>")

NEWS_GATE = FormGate("news", per_person=RateLimit(20))
THANKS_GATE = FormGate("thanks", per_person=RateLimit(10))
NEWS, THANKS = "news", "thanks"


@blueprint.get("/nouvelles")
def listing(identifier: UUID) -> Response:
    """What its author said of it, with what became of that, and the forms to say more."""
    only_parameters("fait")
    return _page(identifier, session.require_person())


@blueprint.post("/nouvelles")
def add(identifier: UUID) -> Response:
    """News, with one photo or none: both are kept, or neither is."""
    uploads.open_form()
    person = session.require_person()
    try:
        forms.check(NEWS_GATE, person=person.id)
        words = read_post(request.form.get("text", ""))
        wrong = _keep(identifier, person, words)
    except FormRefused as error:
        page = _page(identifier, person, error.words, NEWS)
        return forms.answer(error, page.get_data(as_text=True))
    except (InvalidInput, StateConflict) as error:
        return _wrong(identifier, person, error, NEWS)
    if wrong:
        return _page(identifier, person, wrong, NEWS)
    return see(url_for("news.listing", identifier=identifier, fait=NEWS))


@blueprint.post("/remercier")
def thank(identifier: UUID) -> Response:
    """One message to the supporters who follow it."""
    person = session.require_person()
    try:
        forms.check(THANKS_GATE, person=person.id)
        words = read_post(request.form.get("text", ""))
        with services().engine.begin() as connection:
            service.thank(connection, identifier, person.id, words, at_once=_at_once())
    except FormRefused as error:
        page = _page(identifier, person, error.words, THANKS)
        return forms.answer(error, page.get_data(as_text=True))
    except (InvalidInput, StateConflict) as error:
        return _wrong(identifier, person, error, THANKS)
    return see(url_for("news.listing", identifier=identifier, fait=THANKS))


@blueprint.post("/nouvelles/<uuid:post>/effacer")
def remove(identifier: UUID, post: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        service.remove_post(connection, identifier, person.id, post)
    uploads.delete_soon()
    return see(url_for("news.listing", identifier=identifier))


@blueprint.get("/clore")
def ask_close(identifier: UUID) -> Response:
    """The form for the last words: `comme` says what becomes of it, `done` or `archived`."""
    only_parameters("comme")
    return _close_page(identifier, session.require_person(), request.args.get("comme", ""))


@blueprint.post("/clore")
def close(identifier: UUID) -> Response:
    person = session.require_person()
    status = request.form.get("status", "")
    try:
        forms.check(NEWS_GATE, person=person.id)
        words = read_post(request.form.get("text", ""), MAX_CLOSING, least=0)
    except FormRefused as error:
        page = _close_page(identifier, person, status, error.words)
        return forms.answer(error, page.get_data(as_text=True))
    except InvalidInput:
        error_words = _("C’est trop long : %(most)s signes au plus.", most=MAX_CLOSING)
        return _close_page(identifier, person, status, error_words)
    with services().engine.begin() as connection:
        service.close(connection, identifier, person.id, _closed(status), words, at_once=_at_once())
    return see(url_for("authors.state", identifier=identifier))


@blueprint.after_request
def keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _keep(identifier: UUID, person: Person, words: str) -> str:
    """Returns what is wrong with the photo, or "": then all is kept."""
    post, at_once = uuid4(), _at_once()

    def write(connection: Connection) -> None:
        service.write_news(connection, identifier, person.id, words, at_once=at_once, post=post)

    sent = uploads.sent()
    if len(sent) > 1:
        return _("Une photo au plus avec une nouvelle.")
    if not sent:
        with services().engine.begin() as connection:
            write(connection)
        return ""
    with services().engine.connect() as connection:
        own(connection, identifier, person)
    owner = PhotoOwner(
        initiative=identifier,
        person=person.id,
        state=service.photo_state(at_once=at_once),
        post=post,
    )

    def within(connection: Connection, insert: Callable[[], bool]) -> None:
        write(connection)
        insert()
        media.describe_of_post(connection, post, read_words(request.form))

    return uploads.take(owner, within)


def _at_once() -> bool:
    return services().settings.moderation == "post"


def _closed(text: str) -> Status:
    if text not in model.CLOSED:
        raise InvalidInput("status", "is not one of those offered")
    return Status(text)


def _wrong(
    identifier: UUID, person: Person, error: InvalidInput | StateConflict, form: str
) -> Response:
    status = HTTPStatus.CONFLICT
    if isinstance(error, TooManyPosts) and form == THANKS:
        words = _(
            "Vous avez déjà remercié vos soutiens : une fois tous les %(days)s jours au plus.",
            days=THANKS_PAUSE.days,
        )
    elif isinstance(error, TooManyPosts):
        words = _("C’est assez de nouvelles pour aujourd’hui.")
    elif isinstance(error, StateConflict):
        words = _("Cette initiative n’est pas publique.")
    else:
        status = HTTPStatus.BAD_REQUEST
        words = _("Écrivez de 1 à %(most)s signes.", most=MAX_POST)
    page = _page(identifier, person, words, form)
    page.status_code = status
    return page


def _page(identifier: UUID, person: Person, error: str = "", form: str = "") -> Response:
    with services().engine.connect() as connection:
        proposal = own(connection, identifier, person)
        page = render_template(
            "proposals/news.html",
            proposal=proposal,
            posts=posts.of_author(connection, identifier, person.id, LISTED),
            reached=posts.following_supporters(connection, identifier),
            done=request.args.get("fait", ""),
            error=error,
            wrong_form=form,
            typed=request.form,
            most=MAX_POST,
            most_bytes=services().settings.max_photo_bytes,
        )
    return make_response(page, HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK)


def _close_page(identifier: UUID, person: Person, status: str, error: str = "") -> Response:
    wanted = _closed(status)
    with services().engine.connect() as connection:
        proposal = own(connection, identifier, person)
    if not proposal.is_public:
        return see(url_for("authors.state", identifier=identifier))
    page = render_template(
        "proposals/close.html",
        proposal=proposal,
        wanted=str(wanted),
        error=error,
        typed=request.form,
        most=MAX_CLOSING,
    )
    return make_response(page, HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK)
