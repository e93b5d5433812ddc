"""`/compte/second-facteur`: setting it up, showing a code of it, taking it away."""

import time
from http import HTTPStatus

import segno
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from mapservice.accounts.people import service as people
from mapservice.accounts.people import session
from mapservice.accounts.people.model import Person
from mapservice.accounts.people.routes import ACCOUNT, local_path
from mapservice.accounts.second_factor import service
from mapservice.accounts.second_factor.model import DIGITS, address_of, written_secret
from mapservice.accounts.second_factor.permissions import secret_box
from mapservice.errors import NotFound
from mapservice.i18n import gettext as _
from mapservice.web import edge, forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormRefused, RateLimit

blueprint = Blueprint("second_factor", __name__)

TRIES_NAME, TRIES = "second factor", RateLimit(tries=6, seconds=300)
PIXELS = 5  # of a square of the picture


@blueprint.get("/compte/second-facteur")
def page() -> str:
    only_parameters("suite")
    return _page(session.require_person())


@blueprint.post("/compte/second-facteur")
def change() -> Response:
    """`action`: begin, confirm (with `code`) or remove (with `code`)."""
    forms.check_own()
    person = session.require_person()
    action, code = request.form.get("action", ""), request.form.get("code", "")
    if action == "begin":
        with services().engine.begin() as connection:
            service.begin(connection, person.id, secret_box())
        return _see(url_for("second_factor.page"))
    _count_try(person)
    if action == "confirm":
        with services().engine.begin() as connection:
            spare = service.confirm(connection, person.id, secret_box(), code, time.time())
            if spare:
                service.show(connection, people.digest(edge.session_secret()))
        if spare:
            return make_response(render_template("people/spare_codes.html", spare=spare))
        return make_response(_page(person, error=_wrong()), HTTPStatus.BAD_REQUEST)
    if action != "remove":
        raise NotFound("There is no such action.")
    with services().engine.begin() as connection:
        done = service.accept(connection, person.id, secret_box(), code, time.time())
        if done:
            service.remove(connection, person.id)
    if not done:
        return make_response(_page(person, error=_wrong()), HTTPStatus.BAD_REQUEST)
    return _see(ACCOUNT)


@blueprint.get("/compte/second-facteur/code")
def ask() -> str:
    only_parameters("suite")
    session.require_person()
    return _question(local_path(request.args.get("suite", "")))


@blueprint.post("/compte/second-facteur/code")
def show() -> Response:
    forms.check_own()
    person = session.require_person()
    _count_try(person)
    back = local_path(request.form.get("suite", ""))
    with services().engine.begin() as connection:
        code = request.form.get("code", "")
        done = service.accept(connection, person.id, secret_box(), code, time.time())
        if done:
            service.show(connection, people.digest(edge.session_secret()))
    if not done:
        return make_response(_question(back, error=_wrong()), HTTPStatus.BAD_REQUEST)
    return _see(back or ACCOUNT)


@blueprint.after_request
def keep_private(response: Response) -> Response:
    return edge.secret_answer(response)


def _page(person: Person, error: str = "") -> str:
    with services().engine.connect() as connection:
        found = service.find(connection, person.id, secret_box())
    picture, written = "", ""
    if found and not found.confirmed and found.secret:
        address = address_of(found.secret, services().settings.site_name, person.email)
        picture = segno.make_qr(address, error="m").svg_data_uri(scale=PIXELS, border=4)
        text = written_secret(found.secret)
        written = " ".join(text[at : at + 4] for at in range(0, len(text), 4))
    return render_template(
        "people/second_factor.html",
        factor=found,
        picture=picture,
        written=written,
        digits=DIGITS,
        hours=people.SECOND_FACTOR_HOURS,
        error=error,
    )


def _question(back: str, error: str = "") -> str:
    return render_template("people/second_factor_code.html", back=back, error=error, digits=DIGITS)


def _wrong() -> str:
    return _("Ce code n’est pas le bon, ou il a déjà servi. Attendez le suivant.")


def _count_try(person: Person) -> None:
    """By person, over all processes; a right code counts too, else it would give itself away."""
    wait = forms.seconds_to_wait(TRIES_NAME, TRIES, str(person.id))
    if wait:
        words = _("Trop d’essais. Réessayez dans quelques minutes.")
        raise FormRefused(HTTPStatus.TOO_MANY_REQUESTS, words, wait=wait)


def _see(address: str) -> Response:
    response = redirect(address, HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response
