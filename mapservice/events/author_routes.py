"""Proposing an event, and what its organiser does with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import segno
from flask import (
    Blueprint,
    Response,
    has_app_context,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from markupsafe import Markup
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MAX_NAME, MagicLink, Person
from mapservice.accounts.people.personal_data import AccountSection, PersonalDataProvider
from mapservice.accounts.people.service import clean_display_name
from mapservice.contributions.needs import queries as needs
from mapservice.contributions.needs.model import NeedOwner
from mapservice.contributions.proposals import model as proposal_model
from mapservice.contributions.proposals.model import FieldMistake
from mapservice.contributions.proposals.routes import place_words as proposed_place_words
from mapservice.contributions.proposals.routes import understood
from mapservice.contributions.proposals.service import PlaceReading
from mapservice.contributions.proposals.service import territory_of as place_of
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.events import (
    attendance_format,
    message_service,
    model,
    queries,
    registration_service,
    service,
)
from mapservice.events.model import (
    ALIVE,
    COMING,
    ChangeScope,
    Event,
    EventForm,
    EventMode,
    RegistrationMode,
    is_whole_days,
    read_form,
    read_form_zone,
    read_note,
)
from mapservice.events.recurrence import (
    EventTimes,
    is_on_clock,
    upcoming,
    wall_time,
    within_year,
    zone_of,
)
from mapservice.events.recurrence_words import rule_words, series_words
from mapservice.events.routes import words
from mapservice.events.service import EventChange, EventSubmission
from mapservice.events.words import (
    moment_words,
    registration_state_label,
    span_words,
    zone_choices,
)
from mapservice.geocoding.service import GeocoderCache
from mapservice.groups import message_service as group_messages
from mapservice.groups import queries as groups
from mapservice.groups import words as group_words
from mapservice.groups.model import LocalGroup
from mapservice.i18n import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.markdown import to_html
from mapservice.initiatives.model import Theme
from mapservice.mail import service as mail
from mapservice.moderation.case_forms import read_revision
from mapservice.settings import Settings
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef
from mapservice.tiles.live_map import FRANCE, map_config, place_map
from mapservice.web import edge, forms
from mapservice.web.edge import base_url, only_parameters, services
from mapservice.web.forms import FormGate, FormRefused

blueprint = Blueprint("event_authors", __name__)

GATE = FormGate("event")
PREVIEWED = 5
LIMITS = {
    "title": proposal_model.MAX_TITLE,
    "summary": proposal_model.MAX_SUMMARY,
    "description": proposal_model.MAX_DESCRIPTION,
    "place": proposal_model.MAX_PLACE,
    "question": model.MAX_QUESTION,
    "note": model.MAX_NOTE,
    "name": MAX_NAME,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFormPage:
    """What the form's template shows; `typed` is what was sent, unchanged.

    `checked`: it was read without a mistake, so that the page offers to send it. `reading` is None
    for what is online alone.
    """

    typed: Mapping[str, str]
    mistakes: Mapping[str, str] = field(default_factory=dict)
    checked: bool = False
    reading: PlaceReading | None = None
    times: EventTimes | None = None
    notice: str = ""
    event: Event | None = None
    series: queries.EventSeries | None = None


@blueprint.get("/evenements/proposer")
def propose() -> Response:
    """The empty form; a link may fill in the initiative, the group or the commune.

    Raises InvalidInput, also for a group that the visitor neither organises nor edits.
    """
    only_parameters("initiative", "group", "commune")
    typed = {"form": str(uuid4()), "mode": "place", "registration": "none", "max_seats": "1"}
    with services().engine.connect() as connection:
        text = request.args.get("initiative", "")
        if text:
            try:
                linked = initiatives.find(connection, UUID(text))
            except ValueError:
                linked = None
            if linked is None:
                raise InvalidInput("initiative", "is not the id of a public initiative")
            typed |= {"initiative": str(linked.id), "theme": str(linked.theme)}
            if linked.commune and linked.commune_name:
                typed |= _commune(linked.commune, linked.commune_name)
        text = request.args.get("group", "")
        if text:
            # One that is chosen for them must be theirs; who proposes may choose another, or none.
            group = _own_group(connection, session.require_person(), text)
            typed |= {"group": str(group.id), "theme": str(group.theme)}
            if group.commune and group.commune_name:
                typed |= _commune(group.commune, group.commune_name)
        code = request.args.get("commune", "")
        if code:
            found = territories.find(connection, TerritoryRef(Level.COMMUNE, code[:9]))
            if found is None:
                raise InvalidInput("commune", "is not the INSEE code of a commune")
            typed |= _commune(found.code, found.name)
        return form_response(connection, EventFormPage(typed=typed))


def _commune(code: str, name: str) -> dict[str, str]:
    return {"place": name, "choice_for": name, "choice": f"commune:{code}"}


@blueprint.post("/evenements/proposer")
def send() -> Response:
    """Signed in, the address is proved already; anybody else is mailed a link to confirm."""
    try:
        form_id = UUID(request.form.get("form", ""))
    except ValueError:
        form_id = uuid4()
    typed = {**request.form.to_dict(), "form": str(form_id)}
    with services().engine.connect() as connection:
        page, form = look_at(connection, EventFormPage(typed=typed))
        if page.mistakes:
            return form_response(connection, page, HTTPStatus.BAD_REQUEST)
        if typed.get("action") != "send" or page.notice or page.times is None:
            return form_response(connection, page)
        name = clean_display_name(typed.get("name", ""))
        submission = EventSubmission(form_id, form.content, page.times, name)
        person = session.current_person()
        try:
            if person:
                forms.check(GATE, person=person.id)
                with services().engine.begin() as writing:
                    return see(_submit(writing, person, submission, typed.get("group", "")))
            email = forms.read_email()
            forms.check(GATE, email=email)
            site = session.letterhead()
            with services().engine.begin() as writing:
                service.ask(writing, site, email, submission, session.locale())
            return see(url_for("people.sent"))
        except FormRefused as error:
            wrong = {error.field: error.words} if error.field else {}
            again = replace(page, mistakes=wrong, notice="" if error.field else error.words)
            return forms.answer(error, form_html(connection, again))


@blueprint.get("/evenements/<uuid:identifier>/modifier")
def edit(identifier: UUID) -> Response:
    only_parameters()
    person = session.require_person()
    with services().engine.connect() as connection:
        found, series = own(connection, identifier, person)
        is_whole = is_whole_days(found.starts_local, found.ends_local)
        last = found.ends_local - timedelta(days=1) if is_whole else found.ends_local
        typed = {
            "title": found.title,
            "summary": found.summary,
            "description": found.description,
            "theme": str(found.theme),
            "mode": str(found.mode),
            "online_url": found.online_url,
            "place": found.place_text,
            "choice": f"commune:{found.commune}" if found.commune else "",
            "choice_for": found.place_text,
            "lon": "" if found.lon is None else f"{found.lon:.6f}",
            "lat": "" if found.lat is None else f"{found.lat:.6f}",
            "starts": f"{found.starts_local:%Y-%m-%dT%H:%M}",
            "ends": f"{last:%Y-%m-%dT%H:%M}",
            "whole_days": "1" if is_whole else "",
            "zone": found.zone,
            "repeat": "keep" if series.times.rule else "",
            "registration": str(found.registration),
            "registration_url": found.registration_url,
            "capacity": "" if found.capacity is None else str(found.capacity),
            "max_seats": str(found.max_seats),
            "question": found.question,
            "note": found.note,
            "initiative": str(found.initiative or ""),
            "revision": str(series.revision),
            "scope": "this",
        }
        page = EventFormPage(typed=typed, event=found, series=series)
        return form_response(connection, page)


@blueprint.post("/evenements/<uuid:identifier>/modifier")
def save(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    typed = request.form.to_dict()
    with services().engine.connect() as connection:
        found, series = own(connection, identifier, person)
        page, form = look_at(connection, EventFormPage(typed=typed, event=found, series=series))
        scope = typed.get("scope", "this")
        if scope not in tuple(ChangeScope):
            raise InvalidInput("scope", "is not one of those offered")
        kept_rule = series.times.rule
        if (
            page.times
            and kept_rule
            and scope != ChangeScope.THIS
            and page.times.rule is None
            and page.times.start.date() != found.starts_local.date()
            and (kept_rule.days or kept_rule.month_days)
        ):
            words_ = _("Un autre jour : choisissez aussi comment il se répète.")
            page = replace(page, mistakes={**page.mistakes, "repeat": words_}, checked=False)
        if page.mistakes:
            return form_response(connection, page, HTTPStatus.BAD_REQUEST)
        if typed.get("action") != "send" or page.notice or page.times is None:
            return form_response(connection, page)
        wanted = EventChange(
            ChangeScope(scope),
            form.content,
            page.times,
            seen=read_revision(),
            note=read_note(typed.get("note", "")),
        )
        locator = services().of(GeocoderCache).current(connection)
        try:
            with services().engine.begin() as writing:
                service.change(
                    writing, locator, identifier, person.id, wanted, sender(), datetime.now(UTC)
                )
        except StateConflict:
            notice = _("Cet événement a changé entre-temps : relisez-le, puis recommencez.")
            return form_response(
                connection, replace(page, notice=notice, checked=False), HTTPStatus.CONFLICT
            )
    return see(url_for("event_authors.organise", identifier=identifier))


@blueprint.get("/evenements/<uuid:identifier>/organiser")
def organise(identifier: UUID) -> Response:
    """The organiser's page: where it stands, who comes, what can be done."""
    only_parameters()
    person = session.require_person()
    now = datetime.now(UTC)
    with services().engine.connect() as connection:
        found, series = own(connection, identifier, person)
        dates = queries.of_series(connection, series.id)
        others = [one for one in dates if one.id != found.id and one.ends_at > now]
        page = render_template(
            "events/organise.html",
            event=found,
            series=series,
            rule=series_words(
                series.times,
                dates,
                found,
                now,
                goes_on=queries.has_later_parts(connection, series, now),
            ),
            others=others,
            groups=groups.edited_by(connection, person.id),
            is_author=series.person == person.id,
            of_group=groups.of_series(connection, series.id),
            needs=needs.of_owner(connection, NeedOwner.EVENT, identifier, None),
            may_write=message_service.may_write(found, now),
            messages=group_messages.of_event(connection, identifier),
            allowance=message_service.allowance(connection, series.id, person.id, now),
            audience_words=group_words.audience_label,
            message_state_label=group_words.message_state_label,
            sent_words=group_words.sent_words,
            written_words=group_words.moment_words,
            undoable=service.undoable(connection, found, series, now),
            may_resume=service.may_resume(connection, found, series, now),
            undo_days=model.UNDO_CANCELLATION.days,
            moment_words=moment_words,
            attendees=registration_service.attendees(connection, identifier),
            counts=registration_service.counts(connection, found),
            state_label=registration_state_label,
            limits=LIMITS,
            **words(now),
        )
    return edge.secret_answer(make_response(page))


@blueprint.post("/evenements/<uuid:identifier>/groupe")
def set_group(identifier: UUID) -> Response:
    """Says which group a series belongs to, of those that its organiser organises or edits."""
    person = session.require_person()
    forms.check_own()
    text = request.form.get("group", "")
    try:
        group = UUID(text) if text else None
    except ValueError:
        raise InvalidInput("group", "is not the id of a group") from None
    with services().engine.begin() as connection:
        service.set_group(connection, identifier, person.id, group)
    return see(url_for("event_authors.organise", identifier=identifier))


@blueprint.post("/evenements/<uuid:identifier>/annuler")
def cancel(identifier: UUID) -> Response:
    """Says first which dates, and how many people are told: what is mailed cannot be taken back."""
    person = session.require_person()
    forms.check_own()
    scope = request.form.get("scope", "this")
    if scope not in tuple(ChangeScope):
        raise InvalidInput("scope", "is not one of those offered")
    note, now = read_note(request.form.get("note", "")), datetime.now(UTC)
    if request.form.get("sure") != "1":
        with services().engine.connect() as connection:
            found, series = own(connection, identifier, person)
            about = (connection, found, series, ChangeScope(scope), now)
            dates = service.to_cancel(*about)
            page = render_template(
                "events/cancel.html",
                event=found,
                dates=dates,
                people=registration_service.people(connection, [one.id for one in dates]),
                apart=service.left_apart(*about),
                scope=scope,
                note=note,
                **words(now),
            )
            return edge.secret_answer(make_response(page))
    with services().engine.begin() as connection:
        service.cancel(
            connection,
            identifier,
            person.id,
            ChangeScope(scope),
            note,
            sender(),
            now,
        )
    return see(url_for("event_authors.organise", identifier=identifier))


@blueprint.post("/evenements/<uuid:identifier>/retablir")
def undo_cancellation(identifier: UUID) -> Response:
    """Takes a cancellation by mistake back, with all the dates that it called off."""
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        service.undo_cancellation(connection, identifier, person.id, sender(), datetime.now(UTC))
    return see(url_for("event_authors.organise", identifier=identifier))


@blueprint.post("/evenements/<uuid:identifier>/reprendre")
def resume(identifier: UUID) -> Response:
    """Takes a refused event up again, to mend it and send it once more."""
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        service.resume(connection, identifier, person.id, datetime.now(UTC))
    return see(url_for("event_authors.edit", identifier=identifier))


@blueprint.post("/evenements/<uuid:identifier>/reporter")
def postpone(identifier: UUID) -> Response:
    """Says first how many people are told, as `cancel` does."""
    person = session.require_person()
    forms.check_own()
    note, now = read_note(request.form.get("note", "")), datetime.now(UTC)
    if request.form.get("sure") != "1":
        with services().engine.connect() as connection:
            found, _series = own(connection, identifier, person)
            page = render_template(
                "events/postpone.html",
                event=found,
                people=registration_service.people(connection, [found.id]),
                note=note,
                **words(now),
            )
            return edge.secret_answer(make_response(page))
    with services().engine.begin() as connection:
        service.postpone(connection, identifier, person.id, note, sender(), now)
    return see(url_for("event_authors.organise", identifier=identifier))


@blueprint.post("/evenements/<uuid:identifier>/retirer")
def withdraw(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        service.withdraw(connection, identifier, person.id)
    return see("/compte#mes-evenements")


@blueprint.post("/evenements/<uuid:identifier>/inscrits/<uuid:registration>")
def decide(identifier: UUID, registration: UUID) -> Response:
    """Admits or refuses a request, or notes who is there."""
    person = session.require_person()
    forms.check_own()
    act, now = request.form.get("action", ""), datetime.now(UTC)
    with services().engine.begin() as connection:
        own(connection, identifier, person)
        known = registration_service.find(connection, registration)
        if known is None or known.event != identifier:
            raise NotFound("There is no such registration.")
        if act in ("admit", "refuse"):
            admit = act == "admit"
            registration_service.decide(connection, registration, sender(), now, admit=admit)
        elif act in ("present", "absent"):
            registration_service.check_in(connection, registration, attended=act == "present")
        else:
            raise InvalidInput("action", "is not one of those offered")
    back = request.form.get("back", "")
    endpoint = "check_in" if back == "pointage" else "organise"
    if endpoint == "check_in":
        return see(
            url_for("event_authors.check_in", identifier=identifier, registration=registration)
        )
    return see(f"{url_for('event_authors.organise', identifier=identifier)}#inscrits")


@blueprint.get("/evenements/<uuid:identifier>/pointage/<uuid:registration>")
def check_in(identifier: UUID, registration: UUID) -> Response:
    """Where the QR code of a line of the list leads: one person, one button."""
    only_parameters()
    person = session.require_person()
    with services().engine.connect() as connection:
        found, _series = own(connection, identifier, person)
        known = registration_service.find(connection, registration)
        if known is None or known.event != identifier or known.state not in COMING:
            raise NotFound("There is no such registration.")
        page = render_template(
            "events/check_in.html",
            event=found,
            known=known,
            state_label=registration_state_label,
            **words(datetime.now(UTC)),
        )
    return edge.secret_answer(make_response(page))


@blueprint.get("/evenements/<uuid:identifier>/liste")
def check_in_list(identifier: UUID) -> Response:
    """The list to print and tick off: it needs no network, its codes do."""
    only_parameters()
    person = session.require_person()
    with services().engine.connect() as connection:
        found, _series = own(connection, identifier, person)
        come = [
            one
            for one in registration_service.attendees(connection, identifier)
            if one.state in COMING
        ]
        codes = {}
        for one in come:
            path = url_for("event_authors.check_in", identifier=identifier, registration=one.id)
            # A QR code (ISO/IEC 18004, error correction M) as an address of data: SVG.
            made = segno.make(base_url() + path, error="m", micro=False)
            codes[one.id] = str(made.svg_data_uri(scale=3, border=2, light="#ffffff"))
        page = render_template(
            "events/check_in_list.html",
            event=found,
            attendees=come,
            codes=codes,
            counts=registration_service.counts(connection, found),
            **words(datetime.now(UTC)),
        )
    return edge.secret_answer(make_response(page))


@blueprint.post("/evenements/<uuid:identifier>/presences")
def export_attendance(identifier: UUID) -> Response:
    """The list of those who agreed to it, as CSV or XLSX; each time it is taken is logged."""
    person = session.require_person()
    forms.check_own()
    form = request.form.get("format", "")
    if form not in ("csv", "xlsx"):
        raise InvalidInput("format", "must be csv or xlsx")
    with services().engine.begin() as connection:
        found, _series = own(connection, identifier, person)
        listed = registration_service.export_attendance(connection, found, person)
    made = attendance_format.to_csv if form == "csv" else attendance_format.to_xlsx
    response = make_response(made(listed, found.zone))
    response.content_type = edge.CSV if form == "csv" else attendance_format.XLSX
    response.headers["Content-Disposition"] = f'attachment; filename="presences.{form}"'
    return edge.secret_answer(response)


@blueprint.post("/evenements/agenda")
def calendar_address() -> Response:
    """Makes a new address for one's own calendar, shown once, or ends the one there is."""
    person = session.require_person()
    forms.check_own()
    from mapservice.accounts.people.service import digest, new_secret

    secret = ""
    with services().engine.begin() as connection:
        if request.form.get("action") == "end":
            registration_service.end_calendar(connection, person.id)
        else:
            secret = new_secret()
            registration_service.open_calendar(connection, person.id, digest(secret))
    address = f"{base_url()}/evenements/agenda/{secret}.ics" if secret else ""
    page = render_template("events/calendar_address.html", address=address)
    return edge.secret_answer(make_response(page))


def look_at(connection: Connection, page: EventFormPage) -> tuple[EventFormPage, EventForm]:
    """Reads what was typed and understands its place; `notice` says why it can't be sent yet."""
    zone = read_form_zone(page.typed)
    if page.event and not page.typed.get("zone"):
        zone = page.event.zone
    repeat = page.typed.get("repeat", "")
    # The rule of a series stays unless another one is chosen; `keep` reads as none.
    typed = {**page.typed, "repeat": "" if repeat == "keep" else repeat}
    form = read_form(typed, wall_time(datetime.now(UTC), zone))
    mistakes = {name: mistake_words(name, mistake) for name, mistake in form.mistakes.items()}
    try:
        clean_display_name(page.typed.get("name", ""))
    except InvalidInput:
        mistakes["name"] = _("Un nom tient sur une ligne : %(most)s signes au plus.", most=MAX_NAME)
    try:
        read_note(page.typed.get("note", ""))
    except InvalidInput:
        mistakes["note"] = _("C’est trop long : %(most)s signes au plus.", most=model.MAX_NOTE)
    if repeat == "keep" and page.typed.get("exdates", "").strip():
        mistakes["exdates"] = _("Pour qu’une date n’ait pas lieu, annulez-la depuis sa page.")
    if mistakes or form.times is None:
        return replace(page, mistakes=mistakes), form
    locator = services().of(GeocoderCache).current(connection)
    found = service.understand(connection, locator, form.content)
    times = form.times
    is_of_its_place = page.event and zone == page.event.zone == zone_of(page.event.departement)
    if not page.typed.get("zone") or (is_of_its_place and found):
        # That of the place, as long as nobody has chosen another: it moves with it.
        zone = service.zone_at(connection, found.placement if found else None)
        times = replace(times, zone=zone)
    ends = times.start + times.duration
    for name, local in (("starts", times.start), ("ends", ends)):
        if not is_on_clock(local, zone):
            mistakes[name] = _("Cette heure n’existe pas ce jour-là : les montres y avancent.")
    if mistakes:
        return replace(page, mistakes=mistakes), form
    notice = ""
    if page.typed.get("action") == "send" and found:
        if found.asks:
            notice = _("Choisissez d’abord le lieu parmi ceux qui sont proposés.")
        elif page.typed.get("understood") != understood(found):
            notice = _("Vérifiez le lieu tel que nous l’avons compris, puis envoyez.")
    return replace(page, reading=found, times=times, notice=notice, checked=True), form


def mistake_words(name: str, mistake: FieldMistake | str) -> str:
    if mistake is FieldMistake.LONG:
        return _("C’est trop long : %(most)s signes au plus.", most=LIMITS.get(name, 200))
    if mistake is FieldMistake.POINT:
        return _("L’épingle n’est pas sur la carte.")
    if mistake == model.ENDS_FIRST:
        return _("La fin vient avant le début.")
    if mistake == model.TOO_LONG:
        return _("Un événement dure 31 jours au plus : faites-en plusieurs dates.")
    if mistake == model.TOO_FAR:
        return _("C’est trop loin : cinq ans au plus.")
    if mistake == model.IN_THE_PAST:
        return _("Cette date est passée.")
    if mistake == model.NO_DATE:
        return _("Indiquez un jour et une heure.")
    if name == "exdates":
        if "leaves no date" in str(mistake):
            return _("Il ne resterait aucune date.")
        return _(
            "Ce ne sont pas toutes des dates de cet événement. Écrivez-les ainsi : %(dates)s.",
            dates="25/12/2026, 01/01/2027",
        )
    if str(mistake).startswith(model.BAD_RULE):
        if "gives no date" in str(mistake):
            return _("Cette répétition ne donne aucune date : vérifiez le jour où elle finit.")
        return _(
            "Cette règle de répétition n’est pas comprise ; il s’en écrit une ainsi : %(rule)s.",
            rule="FREQ=WEEKLY;BYDAY=TU",
        )
    return {
        "title": _("Donnez un titre à l’événement."),
        "theme": _("Choisissez un thème."),
        "place": _("Dites où cela se passe : une commune, une adresse ou une épingle."),
        "starts": _("Indiquez quand cela commence."),
        "ends": _("Indiquez quand cela finit."),
        "online_url": _("Donnez une adresse qui commence par https://."),
        "registration_url": _("Donnez une adresse qui commence par https://."),
        "capacity": _("Un nombre de places, à partir d’une ; ou rien, s’il n’y a pas de limite."),
        "max_seats": _("De 1 à 10 places par personne."),
    }.get(name, _("Choisissez une des réponses proposées."))


def form_response(
    connection: Connection, page: EventFormPage, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    response = make_response(form_html(connection, page), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def form_html(connection: Connection, page: EventFormPage) -> str:
    reading, now = page.reading, datetime.now(UTC)
    place = proposal_model.read_form(page.typed).content.place
    if reading:
        shown = place_map(connection, place_of(reading.placement), place.point)
    else:
        shown = map_config(
            InitiativeFilters(), FRANCE, point=list(place.point) if place.point else None
        )
    linked = None
    if page.typed.get("initiative"):
        try:
            linked = initiatives.find(connection, UUID(page.typed["initiative"]))
        except ValueError:
            linked = None
    person = session.current_person()
    mine = groups.edited_by(connection, person.id) if person and not page.event else ()
    times, changed = page.times, _to_change(connection, page, now)
    dates: Sequence[datetime] = ()
    further = 0
    if times:
        scope, starts = page.typed.get("scope", "this"), None
        if page.event and page.series and page.series.times.rule and scope != ChangeScope.THIS:
            starts = service.starts_after(page.event, page.series, times, changed["dates"])
            times = replace(times, rule=times.rule or page.series.times.rule)
        if starts is None:
            starts = times.starts(wall_time(within_year(now), times.zone))
            dates = upcoming(times, times.start, PREVIEWED)
        else:
            dates = starts[:PREVIEWED]
        further = max(len(starts) - len(dates), 0)
    return render_template(
        "events/form.html",
        page=page,
        typed=page.typed,
        themes=list(Theme),
        modes=list(EventMode),
        registrations=list(RegistrationMode),
        zones=zone_choices(),
        limits=LIMITS,
        understood=understood(reading) if reading else "",
        place_words=proposed_place_words(connection, reading.placement) if reading else "",
        rule=rule_words(times) if times else "",
        dates=[
            span_words(wall_time(begin, times.zone), wall_time(end, times.zone))
            for begin, end in map(times.moments, dates)
        ]
        if times
        else [],
        changed=changed,
        description_html=Markup(to_html(page.typed.get("description", ""))),
        further=further,
        linked=linked,
        own_groups=mine,
        alike=(),
        photos=(),
        person=person,
        map_config=shown,
        **words(now),
    )


def _to_change(connection: Connection, page: EventFormPage, now: datetime) -> dict[str, Any]:
    """The dates that a change is about, as they stand, how many people are registered for them, and
    the dates that go on apart."""
    if not (page.checked and page.event and page.series):
        return {"dates": (), "people": 0, "apart": (), "beyond": 0}
    scope = ChangeScope(page.typed.get("scope", "this"))
    about = (connection, page.event, page.series, scope, now)
    dates = service.to_change(*about)
    people_ = registration_service.people(connection, [one.id for one in dates])
    capacity, taken = page.typed.get("capacity", "").strip(), 0
    if capacity:
        given = [registration_service.counts(connection, one) for one in dates]
        taken = max((one.taken + one.held for one in given), default=0)
    return {
        "dates": dates,
        "people": people_,
        "apart": service.left_apart(*about, is_change=True),
        # Nobody loses a seat: it is more than there are to be.
        "beyond": taken if capacity and taken > int(capacity) else 0,
    }


def own(
    connection: Connection, identifier: UUID, person: Person
) -> tuple[Event, queries.EventSeries]:
    """An event that a person organises. Raises NotFound for others, whether they exist or not."""
    found = queries.find(connection, identifier)
    series = queries.find_series(connection, found.series) if found else None
    if found is None or series is None or not queries.organises(connection, series, person.id):
        raise NotFound("There is no such event of yours.")
    return found, series


def sender() -> str:
    """Who mails are from. Their links are made when they are sent, by the settings alone."""
    return mail.letterhead(services().settings, request.url_root).sender


def see(address: str, status: HTTPStatus = HTTPStatus.SEE_OTHER) -> Response:
    response = redirect(address, status)
    assert isinstance(response, Response)
    return response


def _submit(
    connection: Connection, person: Person, submission: EventSubmission, group: str = ""
) -> str:
    """Makes the series, of a group of theirs or of none.

    Returns the address of the organiser's page of its first date. Raises InvalidInput.
    """
    of_group = _own_group(connection, person, group) if group else None
    locator = services().of(GeocoderCache).current(connection)
    at_once, now = services().settings.moderation == "post", datetime.now(UTC)
    made = service.submit(connection, locator, person, submission, at_once=at_once, now=now)
    first = queries.first_of(connection, made, now)
    if of_group:
        service.set_group(connection, first, person.id, of_group.id)
    return url_for("event_authors.organise", identifier=first)


def _own_group(connection: Connection, person: Person, text: str) -> LocalGroup:
    """A public group that somebody organises or edits. Raises InvalidInput."""
    for one in groups.edited_by(connection, person.id):
        if str(one.id) == text:
            return one
    raise InvalidInput("group", "is not the id of a public group of yours")


def _submission(token: MagicLink) -> EventSubmission:
    assert token.subject is not None, "set where the link was made"
    return EventSubmission.from_json(token.subject, token.payload)


def _ask(_connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    after = (
        _("Il sera publié aussitôt.")
        if services().settings.moderation == "post"
        else _("Il sera relu, puis publié ; vous en serez averti par courriel.")
    )
    return ConfirmationQuestion(
        _("Envoyer votre événement"),
        _("« %(title)s » : %(after)s", title=_submission(token).content.title, after=after),
        _("Envoyer mon événement"),
    )


def _mine(connection: Connection, person: Person) -> dict[str, Any]:
    now = datetime.now(UTC)
    coming = registration_service.coming_to(connection, person.id)
    alive = {key: one for key, one in coming.items() if one.state in ALIVE}
    known = queries.of_ids(connection, alive)
    return {
        "organised": queries.mine(connection, person.id, now),
        "coming": sorted(
            ((known[key], one) for key, one in alive.items() if known[key].ends_at > now),
            key=lambda pair: pair[0].starts_at,
        ),
        "has_calendar": registration_service.has_calendar(connection, person.id),
        "state_label": registration_state_label,
        **words(now),
    }


MAGIC_LINK = MagicLinkAction(
    service.PURPOSE,
    ask=_ask,
    confirm=lambda connection, person, token: _submit(connection, person, _submission(token)),
)


def _erase(connection: Connection, person: UUID) -> None:
    # A restore erases again, outside of any request.
    settings = services().settings if has_app_context() else Settings.from_env()
    service.erase(connection, person, mail.letterhead(settings).sender)


PERSONAL_DATA = PersonalDataProvider(
    "events",
    queries.export,
    _erase,
    AccountSection("events/_mine.html", _mine),
)
