"""Needs: what everybody reads, how one says that one comes, and what the author sees."""

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import service as people
from mapservice.accounts.people import session
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MagicLink, Person
from mapservice.accounts.people.personal_data import AccountSection, PersonalDataProvider
from mapservice.accounts.people.service import ConfirmationRequest
from mapservice.contributions.needs import queries, service
from mapservice.contributions.needs.author_pages import AskingPage, attach_author_pages
from mapservice.contributions.needs.model import (
    KEPT_DAYS,
    KEPT_DAYS_UNDATED,
    NeedTarget,
)
from mapservice.contributions.needs.service import PlacesTaken
from mapservice.contributions.proposals import model as proposal_model
from mapservice.contributions.proposals.routes import own
from mapservice.errors import NotFound, StateConflict
from mapservice.i18n import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.web import edge, forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused
from mapservice.web.unsubscribe import UnsubscribePage

blueprint = Blueprint("needs", __name__)

GATE = FormGate("come")
LEAVING = UnsubscribePage("needs/leave.html", queries.leave_key, service.leave_by_link)
PURPOSE = "come"
MINE = "mes-participations"


@dataclass(frozen=True, slots=True)
class ComeFormPage:
    """The form of one need, and what was wrong with what was typed."""

    target: NeedTarget
    error: str = ""
    field: str = ""


@blueprint.get("/besoins/<uuid:need>")
def ask_come(need: UUID) -> Response:
    """What is needed, and the form that says that one comes."""
    only_parameters("fait")
    with services().engine.connect() as connection:
        return _form(connection, ComeFormPage(service.find(connection, need)))


@blueprint.post("/besoins/<uuid:need>")
def come(need: UUID) -> Response:
    """Takes a place for the person signed in; anybody else is asked to confirm by mail."""
    shows = request.form.get("show") == "1"
    with services().engine.connect() as connection:
        target = service.find(connection, need)
        page = ComeFormPage(target)
        try:
            person = session.current_person()
            if person:
                forms.check(GATE, person=person.id)
                site = session.letterhead()
                with services().engine.begin() as writing:
                    service.register(writing, site, person, need, shows_contact=shows)
                return _see(url_for("needs.ask_come", need=need, fait="inscrit"))
            if service.is_over(target) or not target.need.left:
                return _form(connection, page, HTTPStatus.CONFLICT)
            email = forms.read_email()
            forms.check(GATE, email=email)
            ask = ConfirmationRequest(
                purpose=PURPOSE,
                letter=PURPOSE,
                subject=need,
                payload={"shows_contact": shows},
                values={"title": target.title, "words": target.need.words},
                locale=session.locale(),
            )
            site = session.letterhead()
            with services().engine.begin() as writing:
                people.ask_confirmation(writing, site, email, ask)
            return _see(url_for("people.sent"))
        except FormRefused as error:
            again = ComeFormPage(target, error.words, error.field)
            return forms.answer(error, _form(connection, again).get_data(as_text=True))
        except StateConflict:
            # Told from what is true now.
            current = ComeFormPage(service.find(connection, need))
            return _form(connection, current, HTTPStatus.CONFLICT)


@blueprint.post("/besoins/<uuid:need>/quitter")
def quit_need(need: UUID) -> Response:
    """Gives the place of the person signed in back."""
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        service.leave(connection, person.id, need)
        is_there = queries.target(connection, need)
    if is_there is None:
        return _see(url_for("people.account", _anchor=MINE))
    return _see(url_for("needs.ask_come", need=need, fait="quitte"))


@blueprint.get("/besoins/quitter/<uuid:registration>/<secret:signature>")
def ask_leave(registration: UUID, signature: str) -> Response:
    return LEAVING.ask(registration, signature)


@blueprint.post("/besoins/quitter/<uuid:registration>/<secret:signature>")
def leave(registration: UUID, signature: str) -> Response:
    return LEAVING.leave(registration, signature)


blueprint.after_request(edge.secret_answer)


def _own_initiative(connection: Connection, identifier: UUID, person: Person) -> AskingPage:
    proposal = own(connection, identifier, person)
    initiative = initiatives.of_any_status(connection, [identifier])[identifier]
    return AskingPage(
        title=proposal.content.title,
        back=url_for("authors.state", identifier=identifier),
        is_public=proposal.is_public,
        editable=proposal.status in proposal_model.EDITABLE,
        departement=initiative.departement,
        region=initiative.region,
    )


attach_author_pages(blueprint, "/initiatives", service.INITIATIVE, _own_initiative)


def _form(
    connection: Connection, page: ComeFormPage, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    person, need = session.current_person(), page.target.need
    mine = queries.registration(connection, need.id, person.id) if person else None
    answer = render_template(
        "needs/come.html",
        page=page,
        need=need,
        person=person,
        mine=mine,
        is_over=service.is_over(page.target),
        typed=request.form,
        done=request.args.get("fait", ""),
        kept_days=KEPT_DAYS,
        kept_days_undated=KEPT_DAYS_UNDATED,
    )
    return make_response(answer, status)


def _subject(connection: Connection, token: MagicLink) -> NeedTarget:
    if token.subject is None:
        raise NotFound("There is no such need.")
    return service.find(connection, token.subject)


def _ask(connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    target = _subject(connection, token)
    shows = (
        _("Qui demande verra votre nom affiché et votre adresse.")
        if token.payload["shows_contact"]
        else _("Qui demande ne verra ni votre nom ni votre adresse.")
    )
    return ConfirmationQuestion(
        _("Confirmer que vous venez"),
        _(
            "Pour « %(words)s » (%(title)s). %(shows)s",
            words=target.need.words,
            title=target.title,
            shows=shows,
        ),
        _("Je participe"),
    )


def _confirm(connection: Connection, person: Person, token: MagicLink) -> str:
    """A place that was taken meanwhile is none: the page says so, and the link is used up."""
    need = _subject(connection, token).need.id
    try:
        with connection.begin_nested():
            service.register(
                connection,
                session.letterhead(),
                person,
                need,
                shows_contact=bool(token.payload["shows_contact"]),
            )
    except PlacesTaken:
        return url_for("needs.ask_come", need=need, fait="complet")
    except StateConflict:
        return url_for("needs.ask_come", need=need)
    return url_for("needs.ask_come", need=need, fait="inscrit")


def _see(address: str) -> Response:
    response = redirect(address, HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response


MAGIC_LINK = MagicLinkAction(PURPOSE, _ask, _confirm)
PERSONAL_DATA = PersonalDataProvider(
    "registrations",
    queries.export,
    service.erase,
    AccountSection(
        "needs/_mine.html", lambda connection, person: queries.of_person(connection, person.id)
    ),
)
