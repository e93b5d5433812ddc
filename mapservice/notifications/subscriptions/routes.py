"""`/suivre`: the subscription in words, its form, and the links that end it."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MagicLink, Person
from mapservice.accounts.people.personal_data import AccountSection, PersonalDataProvider
from mapservice.errors import InvalidInput, StateConflict
from mapservice.i18n import gettext as _
from mapservice.initiatives.params import NamedTerritory, with_known_places
from mapservice.notifications.subscriptions import queries, service
from mapservice.notifications.subscriptions.model import MAX_CORNERS, SubscriptionSubject
from mapservice.notifications.subscriptions.push_routes import (
    PushSection,
    is_push_offered,
    push_section,
)
from mapservice.tiles.live_map import FRANCE, map_config
from mapservice.web import edge, forms
from mapservice.web.edge import services
from mapservice.web.forms import FormGate, FormRefused
from mapservice.web.unsubscribe import UnsubscribePage

blueprint = Blueprint("following", __name__)
blueprint.after_request(edge.secret_answer)

GATE = FormGate("follow")
MINE = "mes-suivis"
LEAVING = UnsubscribePage("following/leave.html", queries.leave_key, service.leave)
# Degrees shown on each side of a circle's centre, per metre of its radius.
DEGREES = 1 / 75_000


@dataclass(frozen=True, slots=True)
class SubscriptionFormPage:
    """Content of the template; `field` names the input that `error` is about, if any."""

    subject: SubscriptionSubject
    what: str
    error: str = ""
    field: str = ""


@blueprint.get("/suivre")
def ask_follow() -> Response:
    with services().engine.connect() as connection:
        subject = _subject(connection, request.args.get("area", ""))
        return make_response(_form(_page(connection, subject)))


@blueprint.post("/suivre")
def follow() -> Response:
    """A signed-in person's address is confirmed already; another one gets a link to confirm.

    The form's field holds the area, whether a script drew it or not. Without the field, the area
    is that of the address; an empty one takes it away.
    """
    area = request.form.get("area", request.args.get("area", ""))
    with services().engine.connect() as connection:
        try:
            page = _page(connection, _subject(connection, area))
        except InvalidInput as error:
            if error.field != "area":
                raise
            words = _("Les bords de la zone se croisent, ou elle est vide : dessinez-la à nouveau.")
            page = _wrong(_page(connection, _subject(connection)), words)
    if page.error:
        return make_response(_form(page), HTTPStatus.BAD_REQUEST)
    try:
        person = session.current_person()
        if person:
            forms.check(GATE, person=person.id)
            with services().engine.begin() as connection:
                _keep(connection, person, page.subject)
            return _see(_mine())
        email = forms.read_email()
        forms.check(GATE, email=email)
        site = session.letterhead()
        with services().engine.begin() as connection:
            service.ask(connection, site, email, page.subject, session.locale())
        return _see(url_for("people.sent"))
    except FormRefused as error:
        return forms.answer(error, _form(_wrong(page, error.words, error.field)))
    except StateConflict:
        words = _("Vous suivez déjà beaucoup : arrêtez d’abord un de vos suivis.")
        return make_response(_form(_wrong(page, words)), HTTPStatus.CONFLICT)


@blueprint.post("/suivre/<uuid:identifier>/arreter")
def stop(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        service.stop(connection, person.id, identifier)
    return _see(_mine())


@blueprint.get("/suivre/quitter/<uuid:follower>/<secret:signature>")
def ask_leave(follower: UUID, signature: str) -> Response:
    return LEAVING.ask(follower, signature)


@blueprint.post("/suivre/quitter/<uuid:follower>/<secret:signature>")
def leave(follower: UUID, signature: str) -> Response:
    return LEAVING.leave(follower, signature)


def _subject(connection: Connection, area: str = "") -> SubscriptionSubject:
    """The subject in the URL, of existing places. Raises InvalidInput naming the parameter."""
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] != "area"]
    subject = queries.present(connection, SubscriptionSubject.of(pairs, area))
    with_known_places(connection, subject.filters)
    if subject.area:
        queries.check_area(connection, subject.area)
    return subject


def _keep(connection: Connection, person: Person, subject: SubscriptionSubject) -> None:
    service.follow(connection, person.id, subject, session.letterhead().base_url)


def _page(connection: Connection, subject: SubscriptionSubject) -> SubscriptionFormPage:
    return SubscriptionFormPage(subject, service.describe(connection, subject, session.locale()))


def _wrong(page: SubscriptionFormPage, error: str, field: str = "") -> SubscriptionFormPage:
    return SubscriptionFormPage(page.subject, page.what, error, field)


def _form(page: SubscriptionFormPage) -> str:
    """The form, with a map of the subscription to draw an area on."""
    filters, area = page.subject.filters, page.subject.area
    corners = [[corner.lon, corner.lat] for corner in area.corners] if area else []
    with services().engine.connect() as connection:
        places = with_known_places(connection, filters).territory
    place = places[0] if len(places) == 1 and isinstance(places[0], NamedTerritory) else None
    # What the map shows: west, south, east, north in degrees.
    box, near = area.bounds if area else filters.bbox, filters.near
    bounds: Sequence[float] = FRANCE
    if place and not area:
        bounds = place.bounds
    elif box and box.west <= box.east:
        bounds = (box.west, box.south, box.east, box.north)
    elif near and filters.radius:
        reach = filters.radius * DEGREES
        bounds = (
            max(near.lon - reach, -180.0),
            max(near.lat - reach / 1.5, -85.0),
            min(near.lon + reach, 180.0),
            min(near.lat + reach / 1.5, 85.0),
        )
    person = session.current_person()
    devices: PushSection | None = None
    if person:
        with services().engine.connect() as connection:
            devices = push_section(connection, person.id)
    return render_template(
        "following/follow.html",
        page=page,
        person=person,
        push=devices,
        is_offered=is_push_offered(),
        typed=request.form,
        map_config=map_config(
            filters,
            bounds,
            None if area else place,
            area=corners,
            corners=MAX_CORNERS,
            drawing="",
        ),
    )


def _question(connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    what = service.describe(connection, service.subject_of(token), session.locale())
    return ConfirmationQuestion(
        _("Confirmer votre suivi"),
        _(
            "Vous suivez : %(what)s. Un message par jour au plus, seulement s’il y a du nouveau.",
            what=what,
        ),
        _("Confirmer mon suivi"),
    )


def _confirm(connection: Connection, person: Person, token: MagicLink) -> str:
    _keep(connection, person, service.subject_of(token))
    return _mine()


def _load_mine(connection: Connection, person: Person) -> object:
    """A person's subscriptions, each in words, and their devices."""
    kept = [
        (one, service.describe(connection, one.subject, session.locale()))
        for one in queries.subscriptions(connection, person.id)
    ]
    return {
        "kept": kept,
        "followed": queries.followed(connection, person.id),
        "push": push_section(connection, person.id),
    }


def _mine() -> str:
    return url_for("people.account", _anchor=MINE)


def _see(address: str) -> Response:
    response = redirect(address, HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response


MAGIC_LINK = MagicLinkAction(service.PURPOSE, _question, _confirm)
PERSONAL_DATA = PersonalDataProvider(
    "following", queries.export, service.erase, AccountSection("following/_mine.html", _load_mine)
)
