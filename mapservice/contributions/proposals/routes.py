"""`/proposer`: the form, how its place was understood, and what the mailed link does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from uuid import UUID, uuid4

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MAX_NAME, MagicLink, Person
from mapservice.accounts.people.personal_data import AccountSection, PersonalDataProvider
from mapservice.accounts.people.service import clean_display_name
from mapservice.contributions.proposals import model, queries, service, similar
from mapservice.contributions.proposals.model import FieldMistake, ProposalContent, ProposalForm
from mapservice.contributions.proposals.service import PlaceReading, ProposalSubmission
from mapservice.errors import InvalidInput, NotFound
from mapservice.geocoding.model import Precision
from mapservice.geocoding.service import GeocoderCache, Placement
from mapservice.i18n import audience_label, scale_label, wheelchair_label
from mapservice.i18n import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.facts import (
    FACT_FIELDS,
    MAX_ADDRESS,
    MAX_PRICE,
    MAX_TAG,
    MAX_TAGS,
    MAX_WEBSITE,
    Audience,
    FactMistake,
    Wheelchair,
)
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.markdown import to_html
from mapservice.initiatives.model import Scale, Theme
from mapservice.initiatives.opening_hours import MAX_LENGTH as MAX_HOURS
from mapservice.initiatives.queries import Initiative
from mapservice.media import queries as photo_queries
from mapservice.media import service as media
from mapservice.media import uploads
from mapservice.media.model import Photo, read_words
from mapservice.media.service import PhotoOwner
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef, at_territory, of_commune
from mapservice.tiles.live_map import FRANCE, map_config, place_map
from mapservice.web import forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused

blueprint = Blueprint("proposals", __name__)

GATE = FormGate("propose")
FACT_LIMITS = {
    "address": MAX_ADDRESS,
    "opening_hours": MAX_HOURS,
    "price": MAX_PRICE,
    "website": MAX_WEBSITE,
    "tags": MAX_TAG,
}
# Between what a field is about and the id of the photo that it is about.
PHOTO_FIELD = "_photo_"
LIMITS = {
    "title": model.MAX_TITLE,
    "summary": model.MAX_SUMMARY,
    "description": model.MAX_DESCRIPTION,
    "place": model.MAX_PLACE,
    "name": MAX_NAME,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalFormPage:
    """What the form's template shows; `typed` is what was sent, unchanged.

    `reading` is set once the place has been looked at: then the page offers to send.
    """

    typed: Mapping[str, str]
    mistakes: Mapping[str, str] = field(default_factory=dict)
    reading: PlaceReading | None = None
    notice: str = ""
    proposal: model.Proposal | None = None


@blueprint.get("/proposer")
def propose() -> Response:
    """The empty form; a link may fill in the place. Raises InvalidInput naming the parameter."""
    only_parameters("commune", "lon", "lat")
    with services().engine.connect() as connection:
        typed = {"form": str(uuid4()), "scale": str(Scale.COMMUNE)}
        code = request.args.get("commune", "")
        if code:
            found = territories.find(connection, TerritoryRef(Level.COMMUNE, code[:9]))
            if found is None:
                raise InvalidInput("commune", "is not the INSEE code of a commune")
            typed["place"] = typed["choice_for"] = found.name
            typed["choice"] = f"commune:{found.code}"
        for name, most in (("lon", 180), ("lat", 85)):
            text = request.args.get(name, "")
            if not text:
                continue
            try:
                value = float(text)
            except ValueError:
                raise InvalidInput(name, "is not a number of degrees") from None
            if not -most <= value <= most:
                raise InvalidInput(name, f"is not between -{most} and {most}")
            typed[name] = f"{value:.6f}"
        if len({"lon", "lat"} & typed.keys()) == 1:
            raise InvalidInput("lon", "and lat come together")
        return form_response(connection, ProposalFormPage(typed=typed))


@blueprint.post("/proposer")
def send() -> Response:
    """Signed in, the address is proved already; anybody else is mailed a link to confirm."""
    if may_have_photos():
        uploads.open_form()
    try:
        form_id = UUID(request.form.get("form", ""))
    except ValueError:
        form_id = uuid4()
    typed = {**typed_fields(), "form": str(form_id)}
    refused, wrong = None, ""
    try:
        wrong = take_photos(form_id) if may_have_photos() else ""
    except FormRefused as error:
        refused = error
    with services().engine.connect() as connection:
        page, form = look_at(connection, ProposalFormPage(typed=typed))
        if refused:
            return forms.answer(refused, form_html(connection, shown_refusal(page, refused)))
        if wrong:
            page = replace(page, mistakes={**page.mistakes, uploads.FIELD: wrong}, reading=None)
        if page.mistakes:
            return form_response(connection, page, HTTPStatus.BAD_REQUEST)
        if request.form.get("action") != "send" or page.notice:
            return form_response(connection, page)
        name = clean_display_name(request.form.get("name", ""))
        submission = ProposalSubmission(form_id, form.content, name)
        person = session.current_person()
        try:
            if person:
                forms.check(GATE, person=person.id)
                with services().engine.begin() as writing:
                    return see(_submit(writing, person, submission))
            email = forms.read_email()
            forms.check(GATE, email=email)
            site = session.letterhead()
            with services().engine.begin() as writing:
                if may_have_photos():
                    service.keep_photos(writing, form_id)
                service.ask(writing, site, email, submission, session.locale())
            return see(url_for("people.sent"))
        except FormRefused as error:
            return forms.answer(error, form_html(connection, shown_refusal(page, error)))


def typed_fields() -> dict[str, str]:
    """The fields that were sent; a choice of several as one, with commas between."""
    chosen = ",".join(request.form.getlist("audience"))
    return {**request.form.to_dict(), "audience": chosen}


def fact_mistake_words(name: str, mistake: FactMistake) -> str:
    """What is wrong with a practical fact, beside its field."""
    if mistake is FactMistake.LONG:
        most = FACT_LIMITS.get(name, 0)
        return _("C’est trop long : %(most)s signes au plus.", most=most)
    return {
        FactMistake.CHOICE: _("Choisissez une des réponses proposées."),
        FactMistake.DAY: _("Donnez un jour, comme 12/05/2026."),
        FactMistake.TIME: _("Donnez une heure, comme 14:30."),
        FactMistake.ORDER: _("La fin vient avant le début."),
        FactMistake.LONELY: _("Donnez aussi le jour où cela commence."),
        FactMistake.HOURS: _(
            "Nous ne comprenons pas ces horaires. Par exemple : « lundi-vendredi 9h-12h et 14h-18h,"
            " samedi 10h-12h »."
        ),
        FactMistake.BOTH: _("C’est gratuit, ou cela a un prix : choisissez."),
        FactMistake.ADDRESS: _("Donnez l’adresse d’une page, comme https://exemple.fr."),
        FactMistake.MANY: _("%(most)s mots-clés au plus.", most=MAX_TAGS),
    }[mistake]


def may_have_photos() -> bool:
    """Browsers send the form in parts, with photos or without; a plain form without files has none
    but those that it names."""
    in_parts = request.mimetype == "multipart/form-data"
    return in_parts or any(PHOTO_FIELD in name for name in request.form)


def shown_refusal(page: ProposalFormPage, error: FormRefused) -> ProposalFormPage:
    """With the words beside their field if there is one, else above the form."""
    if error.field:
        return replace(page, mistakes={error.field: error.words})
    return replace(page, notice=error.words)


def take_photos(form_id: UUID) -> str:
    """Keeps the photos that came with the form, as drafts of it, and what was said about others.

    Returns what is wrong with some of them, or "". Raises FormRefused.
    """
    drafts = f"drop{PHOTO_FIELD}", f"alt{PHOTO_FIELD}"
    said = any(name.startswith(drafts) for name in request.form)
    if not said and not uploads.sent():
        return ""
    forms.check_own()
    if said:
        with services().engine.begin() as connection:
            for one in photo_queries.of_form(connection, form_id):
                suffix = f"{PHOTO_FIELD}{one.id}"
                if request.form.get(f"drop{suffix}"):
                    media.remove(connection, one.id, form=form_id)
                elif f"alt{suffix}" in request.form:
                    words = read_words(request.form, suffix)
                    media.describe(connection, one.id, words, form=form_id)
    person = session.current_person()
    return uploads.take(PhotoOwner(form=form_id, person=person.id if person else None))


def look_at(
    connection: Connection, page: ProposalFormPage
) -> tuple[ProposalFormPage, ProposalForm]:
    """Reads what was typed and understands its place; `notice` says why it can't be sent yet."""
    form = model.read_form(page.typed)
    mistakes = {}
    for name, mistake in form.mistakes.items():
        if isinstance(mistake, FactMistake):
            mistakes[name] = fact_mistake_words(name, mistake)
        elif mistake is FieldMistake.LONG:
            mistakes[name] = _("C’est trop long : %(most)s signes au plus.", most=LIMITS[name])
        elif mistake is FieldMistake.POINT:
            mistakes[name] = _("L’épingle n’est pas sur la carte.")
        elif mistake is FieldMistake.CHOICE:
            mistakes[name] = _("Choisissez une des réponses proposées.")
        else:
            mistakes[name] = {
                "title": _("Donnez un titre à votre idée."),
                "theme": _("Choisissez un thème."),
                "scale": _("Choisissez une échelle."),
                "place": _("Dites où cela se passe : une commune, une adresse ou une épingle."),
            }[name]
    try:
        clean_display_name(page.typed.get("name", ""))
    except InvalidInput:
        most = MAX_NAME
        mistakes["name"] = _("Un nom tient sur une ligne : %(most)s signes au plus.", most=most)
    if mistakes:
        return replace(page, mistakes=mistakes), form

    locator = services().of(GeocoderCache).current(connection)
    found = service.read_place(connection, locator, form.content.place)
    notice = ""
    if page.typed.get("action") == "send":
        if found.asks:
            notice = _("Choisissez d’abord le lieu parmi ceux qui sont proposés.")
        elif page.typed.get("understood") != understood(found):
            notice = _("Vérifiez le lieu tel que nous l’avons compris, puis envoyez.")
    return replace(page, reading=found, notice=notice), form


def understood(found: PlaceReading) -> str:
    """The place as shown to the author, carried by the form: sent only if still understood so."""
    return f"{found.placement.precision}:{found.placement.code or ''}"


def form_response(
    connection: Connection, page: ProposalFormPage, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    response = make_response(form_html(connection, page), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def form_html(connection: Connection, page: ProposalFormPage) -> str:
    found, editing = page.reading, page.proposal
    drafts: Sequence[Photo] = ()
    if not editing and page.typed.get("form"):
        drafts = photo_queries.of_form(connection, UUID(page.typed["form"]))
    told = model.read_form(page.typed)
    place = told.content.place
    point = place.point
    alike: Sequence[Initiative] = ()
    if found:
        title = model.one_line(page.typed.get("title", ""))
        but = editing.id if editing else None
        alike = similar.find(connection, service.territory_of(found.placement), title, but=but)
    # The map shows the place as it was understood, else where the form began.
    if found:
        map_shown = place_map(connection, service.territory_of(found.placement), point)
    elif place.commune:
        map_shown = place_map(connection, TerritoryRef(Level.COMMUNE, place.commune), point)
    elif editing:
        stored = initiatives.of_any_status(connection, [editing.id])[editing.id]
        map_shown = place_map(connection, stored.territory, point)
    elif point:
        lon, lat = point
        around = (lon - 0.1, lat - 0.07, lon + 0.1, lat + 0.07)
        map_shown = map_config(InitiativeFilters(), around, point=list(point))
    else:
        map_shown = map_config(InitiativeFilters(), FRANCE, point=None)
    return render_template(
        "proposals/form.html",
        page=page,
        typed=page.typed,
        description_html=Markup(to_html(page.typed.get("description", ""))) if found else "",
        themes=list(Theme),
        scales={scale: scale_label(scale) for scale in Scale},
        limits=LIMITS,
        facts=told.content.facts,
        fact_limits=FACT_LIMITS,
        facts_open=bool(told.content.facts) or any(name in FACT_FIELDS for name in page.mistakes),
        audiences={one: audience_label(one) for one in Audience},
        accesses={one: wheelchair_label(one) for one in Wheelchair},
        understood=understood(found) if found else "",
        place_words=place_words(connection, found.placement) if found else "",
        alike=alike,
        person=session.current_person(),
        map_config=map_shown,
        photos=drafts,
    )


def place_words(connection: Connection, placement: Placement) -> str:
    """Where it will be shown, in words that say no more than is known."""
    precision = placement.precision
    if precision is Precision.NATIONAL:
        return _("partout en France")
    ref = service.territory_of(placement)
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


def see(address: str, status: HTTPStatus = HTTPStatus.SEE_OTHER) -> Response:
    response = redirect(address, status)
    assert isinstance(response, Response)
    return response


def _submit(connection: Connection, person: Person, submission: ProposalSubmission) -> str:
    """Makes the initiative; returns the address of its page for the author."""
    locator = services().of(GeocoderCache).current(connection)
    at_once = services().settings.moderation == "post"
    made = service.submit(connection, locator, person, submission, at_once=at_once)
    return url_for("authors.state", identifier=made)


def _submission(token: MagicLink) -> ProposalSubmission:
    assert token.subject is not None, "set where the link was made"
    content = ProposalContent.from_json(token.payload["content"])
    return ProposalSubmission(token.subject, content, str(token.payload["name"]))


def _ask(_connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    after = (
        _("Elle sera publiée aussitôt.")
        if services().settings.moderation == "post"
        else _("Elle sera relue avant d’être publiée ; un courriel vous dira ce qui est décidé.")
    )
    return ConfirmationQuestion(
        _("Envoyer votre proposition"),
        _("« %(title)s ». %(after)s", title=_submission(token).content.title, after=after),
        _("Envoyer ma proposition"),
    )


MAGIC_LINK = MagicLinkAction(
    service.PURPOSE,
    ask=_ask,
    confirm=lambda connection, person, token: _submit(connection, person, _submission(token)),
)
PERSONAL_DATA = PersonalDataProvider(
    "proposals",
    queries.export,
    service.erase,
    AccountSection(
        "proposals/_mine.html", lambda connection, person: queries.mine(connection, person.id)
    ),
)


def _erase_photos(connection: Connection, person: UUID) -> None:
    media.erase(connection, person)
    uploads.delete_soon()


PHOTO_DATA = PersonalDataProvider("photos", photo_queries.export, _erase_photos)


def own(connection: Connection, identifier: UUID, person: Person) -> model.Proposal:
    """A person's own proposal. Raises NotFound for any other, whether it exists or not."""
    found = queries.of_author(connection, identifier, person.id)
    if found is None:
        raise NotFound("There is no such proposal of yours.")
    return found
