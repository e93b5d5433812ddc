"""`/evenements/{id}/inscription`: registering, accepting a seat, leaving; no account is needed."""

import contextlib
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.accounts.people import service as people
from mapservice.accounts.people import session
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MAX_NAME, MagicLink, Person
from mapservice.accounts.people.service import ConfirmationRequest, clean_display_name
from mapservice.contributions.proposals.model import paragraphs
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.events import queries, registration_service
from mapservice.events.author_routes import see, sender
from mapservice.events.model import MAX_ANSWER, Event, EventStatus, RegistrationMode
from mapservice.events.registration_service import Registration
from mapservice.events.routes import public_event, words
from mapservice.events.words import moment_words, registration_state_label, when_words
from mapservice.i18n import gettext as _
from mapservice.mail.unsubscribe import is_signed
from mapservice.mail.unsubscribe import signature as signed_for
from mapservice.web import edge, forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused, RateLimit
from mapservice.web.unsubscribe import UnsubscribePage

blueprint = Blueprint("event_registrations", __name__, url_prefix="/evenements/<uuid:identifier>")
blueprint.after_request(edge.secret_answer)

# A village hall, a school or a town's Wi-Fi is one address: a whole room may register at once.
GATE = FormGate("register", per_network=RateLimit(300), without_proof=RateLimit(60))
SEATED, WAITING, REQUESTED = "seated", "waiting", "requested"


def _what_is_left(connection: Connection, registration: UUID) -> dict[str, Any]:
    known = registration_service.find(connection, registration)
    found = queries.find(connection, known.event) if known else None
    return {"event": found, "when": when_words(found)} if found else {}


LEAVING = UnsubscribePage(
    "events/leave.html",
    registration_service.leave_key,
    lambda connection, one: registration_service.leave(
        connection, one, sender(), datetime.now(UTC)
    ),
    _what_is_left,
)


@blueprint.get("/inscription")
def ask(identifier: UUID) -> Response:
    """How one's registration stands, or the form."""
    only_parameters()
    with services().engine.connect() as connection:
        found = _with_registration(connection, identifier)
        return make_response(_page(connection, found))


@blueprint.post("/inscription")
def register(identifier: UUID) -> Response:
    """Registers who is signed in; anybody else confirms by a mailed link."""
    person = session.current_person()
    with services().engine.connect() as connection:
        found = _with_registration(connection, identifier)
        try:
            seats = _seats(found)
            name = clean_display_name(request.form.get("name", ""))
            is_public = request.form.get("is_public") == "1"
            shares_address = request.form.get("shares_address") == "1"
            if not found.is_open(datetime.now(UTC)):
                raise StateConflict("One cannot register for this any more.")
            if person is None:
                email = forms.read_email()
                forms.check(GATE, email=email)
                wanted = ConfirmationRequest(
                    purpose=registration_service.PURPOSE,
                    letter=registration_service.LETTER,
                    subject=identifier,
                    payload={
                        "seats": seats,
                        "name": name,
                        "is_public": is_public,
                        "shares_address": shares_address,
                    },
                    values={
                        "title": found.title,
                        "when": when_words(found, session.locale()),
                        "asks": _asked(connection, found),
                        "place": found.place_text if found.mode != "online" else "",
                        "seats": seats,
                    },
                    locale=session.locale(),
                )
                site = session.letterhead()
                with services().engine.begin() as writing:
                    people.ask_confirmation(writing, site, email, wanted)
                return see(url_for("people.sent"))
            forms.check(GATE, person=person.id)
            with services().engine.begin() as writing:
                registration_service.register(
                    writing,
                    identifier,
                    person.id,
                    sender(),
                    datetime.now(UTC),
                    seats=seats,
                    name=name,
                    is_public=is_public,
                    shares_address=shares_address,
                )
        except FormRefused as error:
            page = _page(connection, found, error.words, error.field)
            return forms.answer(error, page)
        except InvalidInput as error:
            page = _page(connection, found, _mistake(error, found), error.field)
            return make_response(page, HTTPStatus.BAD_REQUEST)
        except StateConflict:
            words_ = _("On ne peut plus s’inscrire à cet événement.")
            return make_response(_page(connection, found, words_), HTTPStatus.CONFLICT)
    return see(url_for("event_registrations.ask", identifier=identifier))


@blueprint.post("/inscription/accepter")
def accept(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        known = _own(connection, identifier, person)
        # Too late: what `settle` did meanwhile stays, the seat went to who waits next.
        with contextlib.suppress(StateConflict):
            registration_service.accept(connection, known, sender(), datetime.now(UTC))
    return see(url_for("event_registrations.ask", identifier=identifier))


@blueprint.post("/inscription/quitter")
def leave(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        known = _own(connection, identifier, person)
        registration_service.leave(connection, known, sender(), datetime.now(UTC))
    return see(url_for("event_registrations.ask", identifier=identifier))


@blueprint.post("/inscription/reponse")
def answer(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        known = _own(connection, identifier, person)
        written = paragraphs(request.form.get("answer", ""))
        registration_service.answer(connection, known, written)
    return see(url_for("event_registrations.ask", identifier=identifier))


@blueprint.get("/place/<uuid:registration>/<secret:signature>")
def seat(identifier: UUID, registration: UUID, signature: str) -> str:
    """How a registration stands, for who holds the mail about it: on whatever device it is read."""
    only_parameters()
    with services().engine.connect() as connection:
        known = _signed(connection, identifier, registration, signature)
        found = public_event(connection, known.event)
        return render_template(
            "events/seat.html",
            event=found,
            mine=known,
            rank=registration_service.waiting_rank(connection, known),
            max_answer=MAX_ANSWER,
            until=moment_words(known.offered_until, found.zone) if known.offered_until else "",
            leave_path=f"{found.url}/quitter/{known.id}/{signed_for(known.id, known.leave_key)}",
            **words(datetime.now(UTC)),
        )


@blueprint.post("/place/<uuid:registration>/<secret:signature>")
def take_seat(identifier: UUID, registration: UUID, signature: str) -> ResponseReturnValue:
    """Takes the seat on offer, or keeps an answer; the signature allows it as a session would."""
    with services().engine.begin() as connection:
        known = _signed(connection, identifier, registration, signature)
        if "answer" in request.form:
            words_ = paragraphs(request.form["answer"])
            registration_service.answer(connection, known.id, words_)
        else:
            # Too late: what `settle` did meanwhile stays, the seat went to who waits next.
            with contextlib.suppress(StateConflict):
                registration_service.accept(connection, known.id, sender(), datetime.now(UTC))
    return see(registration_service.seat_path(known))


@blueprint.post("/inscription/changer")
def change(identifier: UUID) -> Response:
    """What was told when registering: seats, name, and who may see it."""
    person = session.require_person()
    forms.check_own()
    with services().engine.connect() as connection:
        found = _with_registration(connection, identifier)
        try:
            with services().engine.begin() as writing:
                mine = registration_service.find(writing, _own(writing, identifier, person))
                assert mine is not None, "it was there a moment ago"
                if not mine.is_alive:
                    # The page says so.
                    return see(url_for("event_registrations.ask", identifier=identifier))
                # An organiser may allow fewer since: who has more keeps them.
                typed = request.form.get("seats", str(mine.seats))
                registration_service.change(
                    writing,
                    mine.id,
                    sender(),
                    datetime.now(UTC),
                    seats=mine.seats if typed == str(mine.seats) else _seats(found),
                    name=clean_display_name(request.form.get("name", "")),
                    is_public=request.form.get("is_public") == "1",
                    shares_address=request.form.get("shares_address") == "1",
                )
        except InvalidInput as error:
            page = _page(connection, found, _mistake(error, found), error.field)
            return make_response(page, HTTPStatus.BAD_REQUEST)
        except StateConflict:
            words_ = _("Il ne reste pas autant de places : rien n’est changé.")
            if not found.is_open(datetime.now(UTC)):
                words_ = _("On ne peut plus s’inscrire à cet événement.")
            return make_response(_page(connection, found, words_, "seats"), HTTPStatus.CONFLICT)
    return see(url_for("event_registrations.ask", identifier=identifier))


@blueprint.get("/quitter/<uuid:registration>/<secret:signature>")
def ask_leave(identifier: UUID, registration: UUID, signature: str) -> Response:
    del identifier
    return LEAVING.ask(registration, signature)


@blueprint.post("/quitter/<uuid:registration>/<secret:signature>")
def leave_by_link(identifier: UUID, registration: UUID, signature: str) -> Response:
    del identifier
    return LEAVING.leave(registration, signature)


def _signed(
    connection: Connection, identifier: UUID, registration: UUID, signature: str
) -> Registration:
    """Raises NotFound, the same for a wrong signature and for what is not there."""
    known = registration_service.find(connection, registration)
    if (
        known is None
        or known.event != identifier
        or not is_signed(registration, known.leave_key, signature, registration_service.SEAT)
    ):
        raise NotFound("There is no such link, or the registration is gone.")
    return known


def _page(connection: Connection, found: Event, error: str = "", field: str = "") -> str:
    person, now = session.current_person(), datetime.now(UTC)
    mine = registration_service.of_person(connection, found.id, person.id) if person else None
    return render_template(
        "events/registration.html",
        event=found,
        person=person,
        mine=mine,
        rank=registration_service.waiting_rank(connection, mine) if mine else None,
        counts=registration_service.counts(connection, found),
        error=error,
        field=field,
        typed=request.form,
        max_answer=MAX_ANSWER,
        max_name=MAX_NAME,
        until=moment_words(mine.offered_until, found.zone) if mine and mine.offered_until else "",
        state_label=registration_state_label,
        **words(now),
    )


def _with_registration(connection: Connection, identifier: UUID) -> Event:
    """An event that one registers for here. Raises NotFound for any other."""
    found = public_event(connection, identifier)
    if found.registration not in (RegistrationMode.OPEN, RegistrationMode.APPROVAL):
        raise NotFound("One does not register for this here.")
    return found


def _own(connection: Connection, identifier: UUID, person: Person) -> UUID:
    known = registration_service.of_person(connection, identifier, person.id)
    if known is None:
        raise NotFound("There is no such registration of yours.")
    return known.id


def _seats(found: Event) -> int:
    text = request.form.get("seats", "1") or "1"
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:3]) <= found.max_seats):
        raise InvalidInput("seats", f"must be a number between 1 and {found.max_seats}")
    return int(text)


def _mistake(error: InvalidInput, found: Event) -> str:
    if error.field == "seats":
        return _("De 1 à %(most)s places.", most=found.max_seats)
    return _("Un nom tient sur une ligne : %(most)s signes au plus.", most=MAX_NAME)


def _ask(connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    assert token.subject is not None, "set where the link was made"
    found = queries.find(connection, token.subject)
    if found is None or not found.is_public:
        raise NotFound("This event no longer exists.")
    if found.status is EventStatus.CANCELLED:
        said = _("« %(title)s » est annulé.", title=found.title)
    else:
        said = _("« %(title)s », %(when)s.", title=found.title, when=when_words(found))
    asks = _asked(connection, found)
    if asks == WAITING:
        told = _("C’est complet : vous rejoindrez la liste d’attente.")
        return ConfirmationQuestion(
            _("Rejoindre la liste d’attente"), f"{said} {told}", _("Rejoindre la liste d’attente")
        )
    if asks == REQUESTED:
        told = _("Qui organise répond à chaque demande.")
        return ConfirmationQuestion(_("Demander à venir"), f"{said} {told}", _("Demander à venir"))
    return ConfirmationQuestion(
        _("Confirmer votre inscription"), said, _("Confirmer mon inscription")
    )


def _asked(connection: Connection, found: Event) -> str:
    """What registering leads to as seats stand now: `SEATED`, `WAITING` or `REQUESTED`."""
    if found.registration is RegistrationMode.APPROVAL:
        return REQUESTED
    seats = registration_service.counts(connection, found)
    return WAITING if seats.free == 0 or seats.waiting else SEATED


def _confirm(connection: Connection, person: Person, token: MagicLink) -> str:
    assert token.subject is not None, "set where the link was made"
    try:
        registration_service.register(
            connection,
            token.subject,
            person.id,
            sender(),
            datetime.now(UTC),
            seats=int(token.payload["seats"]),
            name=str(token.payload["name"]),
            is_public=bool(token.payload["is_public"]),
            # Links of the former version say nothing of it.
            shares_address=bool(token.payload.get("shares_address")),
        )
    except (StateConflict, InvalidInput):
        # Too late: the page says how things stand.
        return url_for("events.detail", identifier=token.subject)
    return url_for("event_registrations.ask", identifier=token.subject)


MAGIC_LINK = MagicLinkAction(registration_service.PURPOSE, ask=_ask, confirm=_confirm)
