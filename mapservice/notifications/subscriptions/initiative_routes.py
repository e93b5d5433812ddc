"""`/initiatives/{id}/suivre`: one initiative is followed, as a place or a theme is."""

from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MagicLink, Person
from mapservice.contributions.supports import service as supports
from mapservice.contributions.supports.queries import SupportTarget
from mapservice.contributions.supports.routes import see, subject_of
from mapservice.errors import StateConflict
from mapservice.i18n import gettext as _
from mapservice.notifications.subscriptions import queries, service
from mapservice.notifications.subscriptions.routes import GATE, MINE
from mapservice.web import edge, forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormRefused

blueprint = Blueprint("following_one", __name__, url_prefix="/initiatives/<uuid:identifier>")
blueprint.after_request(edge.secret_answer)


@blueprint.get("/suivre")
def ask(identifier: UUID) -> Response:
    only_parameters()
    with services().engine.connect() as connection:
        return make_response(_page(connection, _target(connection, identifier)))


@blueprint.post("/suivre")
def follow(identifier: UUID) -> Response:
    """Who is signed in follows at once; anybody else confirms by mail."""
    with services().engine.connect() as connection:
        target = _target(connection, identifier)
        try:
            person = session.current_person()
            if person:
                forms.check(GATE, person=person.id)
                with services().engine.begin() as writing:
                    _keep(writing, person, target.id)
                return see(_mine())
            email = forms.read_email()
            forms.check(GATE, email=email)
            site = session.letterhead()
            with services().engine.begin() as writing:
                service.ask_initiative(
                    writing, site, email, target.id, target.title, session.locale()
                )
            return see(url_for("people.sent"))
        except FormRefused as error:
            return forms.answer(error, _page(connection, target, error.words, error.field))
        except StateConflict:
            words = _("Vous suivez déjà beaucoup : arrêtez d’abord un de vos suivis.")
            return make_response(_page(connection, target, words), HTTPStatus.CONFLICT)


@blueprint.post("/suivre/<uuid:subscription>/arreter")
def stop(identifier: UUID, subscription: UUID) -> Response:
    del identifier  # the subscription says which
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        service.stop_initiative(connection, person.id, subscription)
    return see(_mine())


def _target(connection: Connection, identifier: UUID) -> SupportTarget:
    """Raises NotFound where nobody is there to give news."""
    return supports.with_author(supports.find_target(connection, identifier))


def _keep(connection: Connection, person: Person, identifier: UUID) -> None:
    base_url = session.letterhead().base_url
    service.follow_initiative(connection, person.id, identifier, base_url)


def _page(connection: Connection, target: SupportTarget, error: str = "", field: str = "") -> str:
    person = session.current_person()
    return render_template(
        "following/follow_one.html",
        target=target,
        person=person,
        mine=queries.follows(connection, person.id, target.id) if person else None,
        page={"error": error, "field": field},
        typed=request.form,
    )


def _question(connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    title = _target(connection, subject_of(token)).title
    return ConfirmationQuestion(
        _("Confirmer votre suivi"),
        _(
            "Vous suivez : %(what)s. Un message par jour au plus, seulement s’il y a du nouveau.",
            what=title,
        ),
        _("Confirmer mon suivi"),
    )


def _confirm(connection: Connection, person: Person, token: MagicLink) -> str:
    _keep(connection, person, _target(connection, subject_of(token)).id)
    return _mine()


def _mine() -> str:
    return url_for("people.account", _anchor=MINE)


MAGIC_LINK = MagicLinkAction(service.ONE_PURPOSE, _question, _confirm)
