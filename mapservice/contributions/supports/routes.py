"""Supporting an initiative, reporting a problem with it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import blake2b, sha256
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import commune_field, session
from mapservice.accounts.people import service as people
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MagicLink, Person
from mapservice.accounts.people.personal_data import AccountSection, PersonalDataProvider
from mapservice.accounts.people.service import ConfirmationRequest
from mapservice.contributions.supports import queries, service
from mapservice.contributions.supports.following import NewsFollowing
from mapservice.contributions.supports.model import MAX_TEXT, ReportReason, read_reason, read_text
from mapservice.contributions.supports.queries import SupportTarget
from mapservice.errors import InvalidInput, StateConflict
from mapservice.i18n import gettext as _
from mapservice.i18n import reason_words
from mapservice.media import queries as photos
from mapservice.web import forms
from mapservice.web.edge import only_parameters, secret_key, services
from mapservice.web.forms import FormGate, FormRefused, RateLimit, visitor_network

blueprint = Blueprint("supports", __name__, url_prefix="/initiatives/<uuid:identifier>")

SUPPORT_GATE = FormGate("support")
# Anonymous reports cost moderators time: few, and fewer without a proof of work.
REPORT_GATE = FormGate("report", per_network=RateLimit(10), without_proof=RateLimit(3))
LINK_LIFE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class SupportFormPage:
    """A form about an initiative, and what was wrong with what was typed."""

    template: str
    target: SupportTarget
    error: str = ""
    field: str = ""
    most: int = MAX_TEXT

    @property
    def identifier(self) -> UUID:
        """The initiative's present id, whatever the address said."""
        return self.target.id


@blueprint.get("/soutenir")
def ask_support(identifier: UUID) -> str:
    only_parameters("fait")
    with services().engine.connect() as connection:
        page = SupportFormPage("support", service.find_target(connection, identifier))
        return form_page(connection, page)


@blueprint.post("/soutenir")
def support(identifier: UUID) -> Response:
    """Counts the person signed in; anybody else is asked to confirm by mail."""
    with services().engine.connect() as connection:
        page = SupportFormPage("support", service.find_target(connection, identifier))
        try:
            person = session.current_person()
            commune = commune_field.read_commune(connection, request.form.get("commune", ""))
            if person is None:
                payload = {"commune": commune, "news": _wants_news()}
                return confirm_later(SUPPORT_GATE, SUPPORT_NAME, page, payload)
            forms.check(SUPPORT_GATE, person=person.id)
            with services().engine.begin() as writing:
                _count(writing, person, page.identifier, commune or person.commune)
                if _wants_news():
                    _follow(writing, person, page.identifier)
            return see(url_for("supports.ask_support", identifier=page.identifier, fait="compte"))
        except (FormRefused, InvalidInput, StateConflict) as error:
            return refused(connection, page, error)


@blueprint.post("/soutien/retirer")
def withdraw(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        service.withdraw(connection, person.id, identifier)
    return see(url_for("supports.ask_support", identifier=identifier, fait="retire"))


@blueprint.get("/signaler")
def ask_report(identifier: UUID) -> str:
    only_parameters("photo", "dit")
    with services().engine.connect() as connection:
        page = SupportFormPage("report", service.find_target(connection, identifier))
        return form_page(connection, page)


@blueprint.post("/signaler")
def report(identifier: UUID) -> Response:
    with services().engine.connect() as connection:
        page = SupportFormPage("report", service.find_target(connection, identifier))
        try:
            reason = read_reason(request.form.get("reason", ""))
            words = read_text(request.form.get("text", ""))
            person = session.current_person()
            forms.check(REPORT_GATE, person=person.id if person else None)
            with services().engine.begin() as writing:
                reporter = person.id if person else None
                service.report(
                    writing, identifier, reason, words, reporter, _told("photo"), _told("dit")
                )
            return make_response(render_template("supports/reported.html", identifier=identifier))
        except (FormRefused, InvalidInput, StateConflict) as error:
            return refused(connection, page, error)


def confirm_later(
    gate: FormGate, purpose: str, page: SupportFormPage, payload: dict[str, Any]
) -> Response:
    """Mails the link; until it is followed, its token is all that is stored."""
    email = forms.read_email()
    forms.check(gate, email=email)
    ask = ConfirmationRequest(
        purpose=purpose,
        letter=purpose,
        subject=page.identifier,
        payload=payload,
        values={"title": page.target.title},
        locale=session.locale(),
        valid_for=LINK_LIFE,
    )
    site = session.letterhead()
    with services().engine.begin() as connection:
        people.ask_confirmation(connection, site, email, ask)
    return see(url_for("people.sent"))


def refused(
    connection: Connection, page: SupportFormPage, error: FormRefused | InvalidInput | StateConflict
) -> Response:
    """The form again, with what was typed and what is wrong with it."""
    if isinstance(error, FormRefused):
        wrong = replace(page, error=error.words, field=error.field)
        return forms.answer(error, form_page(connection, wrong))
    if isinstance(error, StateConflict):
        words = _("Cette initiative est terminée : elle n’attend plus de soutiens.")
        again = form_page(connection, replace(page, error=words))
        return make_response(again, HTTPStatus.CONFLICT)
    if error.field == "commune":
        words = error.reason
    elif error.field == "reason":
        words = _("Choisissez ce qui ne va pas.")
    elif "longer" in error.reason:
        words = _("C’est trop long : %(most)s signes au plus.", most=page.most)
    else:
        words = _("Écrivez au moins quelques mots.")
    again = form_page(connection, replace(page, error=words, field=error.field))
    return make_response(again, HTTPStatus.BAD_REQUEST)


def form_page(connection: Connection, page: SupportFormPage) -> str:
    person = session.current_person()
    return render_template(
        f"supports/{page.template}.html",
        page=page,
        person=person,
        typed=request.form,
        share=queries.share(connection, page.identifier),
        mine=queries.standing(connection, person.id, page.identifier) if person else None,
        known_commune=commune_field.place_name(connection, person.commune) if person else "",
        reasons={reason: reason_words(reason) for reason in ReportReason},
        most=page.most,
        photos=photos.public_of(connection, page.identifier) if page.template == "report" else (),
        told_photo=_told("photo"),
        told_post=_told("dit"),
        done=request.args.get("fait", ""),
        is_open=page.target.status in service.OPEN,
    )


def _told(name: str) -> UUID | None:
    """The photo or post that a report is about, as the form or the link to it says."""
    try:
        return UUID(request.form.get(name) or request.args.get(name, ""))
    except ValueError:
        return None


def _count(connection: Connection, person: Person, identifier: UUID, commune: str | None) -> None:
    # A keyed digest of the visitor's network, so that it cannot be read back.
    key = sha256(secret_key()).digest()
    network = blake2b(visitor_network().encode(), digest_size=16, key=key, person=b"network")
    service.support(connection, person.id, identifier, commune=commune, network=network.digest())


def _wants_news() -> bool:
    return request.form.get("news") == "1"


def _follow(connection: Connection, person: Person, identifier: UUID) -> None:
    following = services().of(NewsFollowing)
    following.follow(connection, person.id, identifier, session.letterhead().base_url)


def subject_of(token: MagicLink) -> UUID:
    assert token.subject is not None, "set where the link was made"
    return token.subject


def _ask_support(connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    title = service.find_target(connection, subject_of(token)).title
    return ConfirmationQuestion(
        _("Confirmer votre soutien"),
        _("Confirmez que vous soutenez « %(title)s ». Votre nom n’est pas montré.", title=title),
        _("Je soutiens"),
    )


def _confirm_support(connection: Connection, person: Person, token: MagicLink) -> str:
    commune = token.payload.get("commune") or person.commune
    _count(connection, person, subject_of(token), commune)
    if token.payload.get("news"):
        _follow(connection, person, subject_of(token))
    return url_for("supports.ask_support", identifier=subject_of(token), fait="compte")


def see(address: str) -> Response:
    response = redirect(address, HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response


SUPPORT_NAME = "support"
MAGIC_LINKS = (MagicLinkAction(SUPPORT_NAME, _ask_support, _confirm_support),)
PERSONAL_DATA = PersonalDataProvider(
    "supports",
    queries.export,
    service.erase,
    AccountSection(
        "supports/_mine.html",
        lambda connection, person: [
            one for one in queries.of_person(connection, person.id) if one.withdrawn_at is None
        ],
    ),
)
