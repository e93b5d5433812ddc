"""`/proposer`: the form, how its place was understood, and what the mailed link does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.hooks import (
    AccountSection,
    ConfirmationQuestion,
    MagicLinkAction,
    PersonalDataProvider,
)
from mapservice.accounts.people.model import MAX_NAME, MagicLink, Person
from mapservice.contributions.proposals import model, queries, reading, service, similar
from mapservice.contributions.proposals.model import FieldMistake, ProposalContent, ProposalForm
from mapservice.contributions.proposals.reading import PlaceReading
from mapservice.contributions.proposals.service import ProposalSubmission
from mapservice.errors import InvalidInput, NotFound
from mapservice.geocoding.model import Precision
from mapservice.geocoding.service import GeocoderCache, Placement
from mapservice.i18n.text import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.model import Scale, Theme
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef, at_territory, of_commune
from mapservice.tiles.live_map import FRANCE, map_config, place_map
from mapservice.web import forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused

blueprint = Blueprint("proposals", __name__)

GATE = FormGate("propose")
LIMITS = {
    "title": model.MAX_TITLE,
    "summary": model.MAX_SUMMARY,
    "description": model.MAX_DESCRIPTION,
    "place": model.MAX_PLACE,
    "name": MAX_NAME,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalFormPage:
    """What the form's template shows. `typed` is what was sent, as it was sent.

    `reading` is there once the place was looked at: then the page asks to send.
    """

    typed: Mapping[str, str]
    mistakes: Mapping[str, str] = field(default_factory=dict)
    reading: PlaceReading | None = None
    notice: str = ""
    proposal: model.Proposal | None = None


@blueprint.get("/proposer")
def propose() -> Response:
    only_parameters("commune", "lon", "lat")
    with services().engine.connect() as connection:
        typed = {"form": str(uuid4()), **_prefilled(connection)}
        return form_response(connection, ProposalFormPage(typed=typed))


@blueprint.post("/proposer")
def send() -> Response:
    with services().engine.connect() as connection:
        page, form = look_at(connection, ProposalFormPage(typed=request.form))
        if page.mistakes:
            return form_response(connection, page, HTTPStatus.BAD_REQUEST)
        if request.form.get("action") != "send" or page.notice:
            return form_response(connection, page)
        try:
            return _send(form.content)
        except FormRefused as error:
            return forms.answer(error, form_html(connection, _refused(page, error)))


def look_at(
    connection: Connection, page: ProposalFormPage
) -> tuple[ProposalFormPage, ProposalForm]:
    """Reads what was typed and understands its place; `notice` says why it can't be sent yet."""
    form = model.read_form(page.typed)
    mistakes = {name: _mistake(name, found) for name, found in form.mistakes.items()}
    mistakes |= _name_mistake(page.typed.get("name", ""))
    if mistakes:
        return replace(page, mistakes=mistakes), form
    locator = services().of(GeocoderCache).current(connection)
    found = reading.read(connection, locator, form.content.place)
    return replace(page, reading=found, notice=_open_question(page.typed, found)), form


def understood(found: PlaceReading) -> str:
    """What the author saw of the place, carried by the form: sent only if it is still so."""
    return f"{found.placement.precision}:{found.placement.code or ''}"


def form_response(
    connection: Connection, page: ProposalFormPage, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    response = make_response(form_html(connection, page), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def form_html(connection: Connection, page: ProposalFormPage) -> str:
    found, editing = page.reading, page.proposal
    title = model.one_line(page.typed.get("title", ""))
    alike = (
        similar.find(
            connection,
            reading.territory_of(found.placement),
            title,
            but=editing.id if editing else None,
        )
        if found
        else ()
    )
    return render_template(
        "proposals/form.html",
        page=page,
        typed=page.typed,
        themes=list(Theme),
        scales={scale: scale_label(scale) for scale in Scale},
        limits=LIMITS,
        understood=understood(found) if found else "",
        place_words=place_words(connection, found.placement) if found else "",
        alike=alike,
        person=session.current_person(),
        map_config=_map(connection, page),
    )


def place_words(connection: Connection, placement: Placement) -> str:
    """Where it will be shown, in words that claim no more than is known."""
    precision = placement.precision
    if precision is Precision.NATIONAL:
        return _("partout en France")
    ref = reading.territory_of(placement)
    place = territories.find(connection, ref) if ref else None
    if place is None:
        return _("nulle part sur la carte, tant que le lieu n’est pas reconnu")
    if precision is Precision.POINT:
        return _(
            "à l’endroit exact de l’épingle, dans la commune %(of_name)s",
            of_name=of_commune(place.name, place.article),
        )
    if precision is Precision.COMMUNE:
        of_name = of_commune(place.name, place.article)
        return _("dans la commune %(of_name)s", of_name=of_name)
    name = place.name
    return _("quelque part %(in_name)s", in_name=at_territory(place.level, name, place.article))


def scale_label(scale: str) -> str:
    return {
        Scale.COMMUNE: _("Une commune ou un quartier"),
        Scale.EPCI: _("Une intercommunalité"),
        Scale.DEPARTEMENT: _("Un département"),
        Scale.REGION: _("Une région"),
        Scale.NATIONAL: _("Toute la France"),
    }[Scale(scale)]


def see(address: str, status: HTTPStatus = HTTPStatus.SEE_OTHER) -> Response:
    response = redirect(address, status)
    assert isinstance(response, Response)
    return response


def _send(content: ProposalContent) -> Response:
    """Signed in, the address is proved already; else a mailed link is to confirm."""
    submission = ProposalSubmission(
        _form_key(), content, service.clean_name(request.form.get("name", ""))
    )
    person = session.current_person()
    if person:
        forms.check(GATE, person=person.id)
        return see(_home(_submit(person, submission)))
    email = forms.read_email()
    forms.check(GATE, email=email)
    site = session.letterhead()
    with services().engine.begin() as connection:
        service.ask(connection, site, email, submission, session.locale())
    return see(url_for("people.sent"))


def _submit(person: Person, submission: ProposalSubmission) -> UUID:
    with services().engine.begin() as connection:
        return _submit_in(connection, person, submission)


def _submit_in(connection: Connection, person: Person, submission: ProposalSubmission) -> UUID:
    locator = services().of(GeocoderCache).current(connection)
    at_once = services().settings.moderation == "post"
    return service.submit(connection, locator, person, submission, at_once=at_once)


def _home(identifier: UUID) -> str:
    return url_for("authors.state", identifier=identifier)


def _form_key() -> UUID:
    try:
        return UUID(request.form.get("form", ""))
    except ValueError:
        return uuid4()


def _refused(page: ProposalFormPage, error: FormRefused) -> ProposalFormPage:
    """Beside its field if it has one, else above the form."""
    if error.field:
        return replace(page, mistakes={error.field: error.words})
    return replace(page, notice=error.words)


def _open_question(typed: Mapping[str, str], found: PlaceReading) -> str:
    """Why a form that asks to be sent is shown once more."""
    if typed.get("action") != "send":
        return ""
    if found.asks:
        return _("Choisissez d’abord le lieu parmi ceux qui sont proposés.")
    if typed.get("understood") != understood(found):
        return _("Vérifiez le lieu tel que nous l’avons compris, puis envoyez.")
    return ""


def _mistake(name: str, mistake: FieldMistake) -> str:
    if mistake is FieldMistake.LONG:
        return _("C’est trop long : %(most)s signes au plus.", most=LIMITS[name])
    if mistake is FieldMistake.POINT:
        return _("L’épingle n’est pas sur la carte.")
    if mistake is FieldMistake.CHOICE:
        return _("Choisissez une des réponses proposées.")
    return {
        "title": _("Donnez un titre à votre idée."),
        "theme": _("Choisissez un thème."),
        "scale": _("Choisissez une échelle."),
        "place": _("Dites où cela se passe : une commune, une adresse ou une épingle."),
    }[name]


def _name_mistake(name: str) -> dict[str, str]:
    try:
        service.clean_name(name)
    except InvalidInput:
        return {"name": _("Un nom tient sur une ligne : %(most)s signes au plus.", most=MAX_NAME)}
    return {}


def _prefilled(connection: Connection) -> dict[str, str]:
    """From an address such as that of an empty place. Raises InvalidInput naming the parameter."""
    typed: dict[str, str] = {"scale": str(Scale.COMMUNE)}
    code = request.args.get("commune", "")
    if code:
        found = territories.find(connection, TerritoryRef(Level.COMMUNE, code[:9]))
        if found is None:
            raise InvalidInput("commune", "is not the INSEE code of a commune")
        typed["place"] = typed["choice_for"] = found.name
        typed["choice"] = f"commune:{found.code}"
    for name, most in (("lon", 180), ("lat", 85)):
        text = request.args.get(name, "")
        if text:
            typed[name] = _degrees(name, text, most)
    if len({"lon", "lat"} & typed.keys()) == 1:
        raise InvalidInput("lon", "and lat come together")
    return typed


def _degrees(name: str, text: str, most: int) -> str:
    try:
        value = float(text)
    except ValueError:
        raise InvalidInput(name, "is not a number of degrees") from None
    if not -most <= value <= most:
        raise InvalidInput(name, f"is not between -{most} and {most}")
    return f"{value:.6f}"


def _map(connection: Connection, page: ProposalFormPage) -> dict[str, Any]:
    """Of the place as it was understood, else of where the form began."""
    form = model.read_form(page.typed)
    point = form.content.place.point
    if page.reading:
        return place_map(connection, reading.territory_of(page.reading.placement), point)
    commune = form.content.place.commune
    if commune:
        return place_map(connection, TerritoryRef(Level.COMMUNE, commune), point)
    if page.proposal:
        kept = initiatives.of_any_status(connection, [page.proposal.id])[page.proposal.id]
        return place_map(connection, kept.territory, point)
    bounds = (point[0] - 0.1, point[1] - 0.07, point[0] + 0.1, point[1] + 0.07) if point else FRANCE
    return map_config(InitiativeFilters(), bounds, point=list(point) if point else None)


def _submission(token: MagicLink) -> ProposalSubmission:
    assert token.subject is not None, "set where the link was made"
    content = ProposalContent.from_json(token.payload["content"])
    return ProposalSubmission(token.subject, content, str(token.payload["name"]))


def _question(_connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    content = _submission(token).content
    at_once = services().settings.moderation == "post"
    after = (
        _("Elle sera publiée aussitôt.")
        if at_once
        else _("Elle sera relue, puis publiée ; vous en serez averti par courrier.")
    )
    return ConfirmationQuestion(
        _("Envoyer votre proposition"),
        _("« %(title)s » : %(after)s", title=content.title, after=after),
        _("Envoyer ma proposition"),
    )


def _confirm(connection: Connection, person: Person, token: MagicLink) -> str:
    return _home(_submit_in(connection, person, _submission(token)))


def _load_mine(connection: Connection, person: Person) -> object:
    return queries.mine(connection, person.id)


PURPOSE = MagicLinkAction(service.PURPOSE, _question, _confirm)
PART = PersonalDataProvider(
    "proposals", queries.export, service.erase, AccountSection("proposals/_mine.html", _load_mine)
)


def own(connection: Connection, identifier: UUID, person: Person) -> model.Proposal:
    """Raises NotFound for what is not theirs, whether it exists or not."""
    found = queries.of_author(connection, identifier, person.id)
    if found is None:
        raise NotFound("There is no such proposal of yours.")
    return found
