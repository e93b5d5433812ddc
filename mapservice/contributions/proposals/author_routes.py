"""What authors do with their proposals, and the versions that everybody may read."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for

from mapservice.accounts.people import session
from mapservice.accounts.people.model import Person
from mapservice.contributions.proposals import model, queries, service
from mapservice.contributions.proposals.model import Proposal
from mapservice.contributions.proposals.routes import (
    ProposalFormPage,
    form_html,
    form_response,
    look_at,
    own,
    see,
    typed_fields,
)
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.geocoding.service import GeocoderCache
from mapservice.i18n import gettext as _
from mapservice.i18n import proposal_field_label
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.facts import typed_facts
from mapservice.initiatives.model import PUBLIC, Status
from mapservice.media import queries as photos
from mapservice.media import uploads
from mapservice.web import forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused

blueprint = Blueprint("authors", __name__, url_prefix="/initiatives/<uuid:identifier>")

WITHDRAW = "withdraw"
GATE = FormGate("edit a proposal")


@blueprint.get("/suivi")
def state(identifier: UUID) -> str:
    """Where a proposal stands, for its author."""
    only_parameters()
    return _state_page(identifier, session.require_person())


@blueprint.post("/etat")
def change_state(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    wanted = request.form.get("status", "")
    with services().engine.begin() as connection:
        if wanted == WITHDRAW:
            service.withdraw(connection, identifier, person.id)
            uploads.delete_soon()
            return see(url_for("people.account"))
        if wanted not in tuple(Status):
            raise InvalidInput("status", "is not one of those offered")
        service.close(connection, identifier, person.id, Status(wanted))
    return see(url_for("authors.state", identifier=identifier))


@blueprint.post("/recours")
def appeal(identifier: UUID) -> Response:
    """Asks for a rejection to be looked at again."""
    person = session.require_person()
    forms.check_own()
    try:
        with services().engine.begin() as connection:
            service.appeal(connection, identifier, person.id, request.form.get("words", ""))
    except InvalidInput:
        words = _("Dites pourquoi, en %(most)s signes au plus.", most=model.MAX_REASON)
        return make_response(_state_page(identifier, person, words), HTTPStatus.BAD_REQUEST)
    return see(url_for("authors.state", identifier=identifier))


@blueprint.get("/modifier")
def edit(identifier: UUID) -> Response:
    only_parameters()
    person = session.require_person()
    with services().engine.connect() as connection:
        proposal = own(connection, identifier, person)
        if proposal.status not in model.EDITABLE:
            return see(url_for("authors.state", identifier=identifier))
        # The newest version as its form would have sent it.
        content, place = proposal.content, proposal.content.place
        typed = {
            "title": content.title,
            "summary": content.summary,
            "description": content.description,
            "theme": str(content.theme),
            "scale": str(content.scale),
            "place": place.words,
            "lon": "" if place.lon is None else str(place.lon),
            "lat": "" if place.lat is None else str(place.lat),
            "choice": place.choice,
            "choice_for": place.words,
            "revision": str(proposal.revision),
            **typed_facts(content.facts),
        }
        return form_response(connection, ProposalFormPage(typed=typed, proposal=proposal))


@blueprint.post("/modifier")
def save(identifier: UUID) -> Response:
    person = session.require_person()
    with services().engine.connect() as connection:
        proposal = own(connection, identifier, person)
        page, form = look_at(connection, ProposalFormPage(typed=typed_fields(), proposal=proposal))
        if page.mistakes:
            return form_response(connection, page, HTTPStatus.BAD_REQUEST)
        if request.form.get("action") != "send" or page.notice:
            return form_response(connection, page)
        try:
            forms.check(GATE, person=person.id)
            seen = request.form.get("revision", "")
            if not (seen.isascii() and seen.isdigit() and len(seen) < 9):
                raise InvalidInput("revision", "is not the number of a version")
            with services().engine.begin() as writing:
                locator = services().of(GeocoderCache).current(writing)
                service.edit(writing, locator, identifier, person.id, form.content, int(seen))
        except FormRefused as error:
            again = replace(page, notice=error.words)
            return forms.answer(error, form_html(connection, again))
        except StateConflict:
            words = _(
                "Cette initiative a changé entre-temps. Rouvrez-la, puis reprenez votre texte."
            )
            again = replace(page, notice=words)
            return form_response(connection, again, HTTPStatus.CONFLICT)
    return see(url_for("authors.state", identifier=identifier))


@blueprint.get("/historique")
def history(identifier: UUID) -> str | Response:
    """Versions that were public, for everybody; all of them for the author."""
    only_parameters()
    person = session.current_person()
    with services().engine.connect() as connection:
        proposal = queries.find(connection, identifier)
        moved = initiatives.moved_to(connection, identifier)
        if moved and not (proposal and _is_author(proposal, person)):
            return see(url_for("initiatives.detail", identifier=moved), HTTPStatus.FOUND)
        if proposal is None or not (proposal.is_public or _is_author(proposal, person)):
            raise NotFound("There is no such initiative, or it is not public.")
        revisions = (
            queries.revisions(connection, identifier)
            if _is_author(proposal, person)
            else queries.public_revisions(connection, proposal)
        )
    return render_template(
        "proposals/history.html", proposal=proposal, revisions=revisions, named=named
    )


@blueprint.after_request
def keep_private(response: Response) -> Response:
    """One address shows more to the author than to others."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def named(fields: Sequence[str]) -> str:
    """The fields that a version changes, in words."""
    return ", ".join(map(proposal_field_label, fields))


def _state_page(identifier: UUID, person: Person, error: str = "") -> str:
    with services().engine.connect() as connection:
        proposal = own(connection, identifier, person)
        head = initiatives.head(connection, identifier)
        return render_template(
            "proposals/state.html",
            proposal=proposal,
            initiative=initiatives.of_any_status(connection, [identifier])[identifier],
            head=initiatives.of_any_status(connection, [head])[head],
            was_public=queries.lasting_status(connection, identifier) in PUBLIC,
            revisions=queries.revisions(connection, identifier),
            photo_count=len(photos.of_initiative(connection, identifier)),
            editable=proposal.status in model.EDITABLE,
            may_appeal=proposal.status is Status.REJECTED
            and queries.open_rejection(connection, identifier) is not None,
            appeals=queries.appeals(connection, identifier),
            max_words=model.MAX_REASON,
            typed=request.form,
            error=error,
        )


def _is_author(proposal: Proposal, person: Person | None) -> bool:
    return person is not None and proposal.person == person.id
