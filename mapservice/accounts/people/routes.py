"""Signing in by mailed link, what a mailed link confirms, and `/compte`: one's own data."""

import contextlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from mapservice.accounts.people import commune_field, queries, service, session
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MAX_NAME, Person
from mapservice.accounts.people.personal_data import PersonalDataProvider
from mapservice.accounts.people.service import ConfirmationRequest
from mapservice.errors import InvalidInput
from mapservice.i18n import gettext as _
from mapservice.web import edge, forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused

blueprint = Blueprint("people", __name__)

EXTENSION = "mapservice_people"
SIGN_IN = "sign_in"
SIGN_IN_LIFE = timedelta(hours=2)
SIGN_IN_GATE = FormGate("sign in")
ACCOUNT = "/compte"


@dataclass(frozen=True, slots=True)
class AccountExtensions:
    """What other rooms add: actions of mailed links by their name, and data kept about people."""

    actions: Mapping[str, MagicLinkAction] = field(default_factory=dict)
    providers: Sequence[PersonalDataProvider] = ()
    after_erasure: Callable[[Engine], object] | None = None


def register(
    app: Flask,
    actions: Sequence[MagicLinkAction] = (),
    providers: Sequence[PersonalDataProvider] = (),
    after_erasure: Callable[[Engine], object] | None = None,
) -> None:
    """Adds the pages of people to the application, with all that other rooms add to them.

    `after_erasure` is called once an erasure is committed; what it cannot do, a job does later.
    """
    known = {action.name: action for action in (SIGN_IN_LINK, *actions)}
    app.extensions[EXTENSION] = AccountExtensions(known, tuple(providers), after_erasure)
    app.register_blueprint(blueprint)


@blueprint.get("/connexion")
def sign_in() -> Response:
    only_parameters("suite")
    back = local_path(request.args.get("suite", ""))
    if session.current_person():
        return _see(back or ACCOUNT)
    return make_response(_sign_in_form(back))


@blueprint.post("/connexion")
def ask_to_sign_in() -> Response:
    back = local_path(request.form.get("suite", ""))
    try:
        email = forms.read_email()
        forms.check(SIGN_IN_GATE, email=email)
    except FormRefused as error:
        return forms.answer(error, _sign_in_form(back, error))
    ask = ConfirmationRequest(
        purpose=SIGN_IN,
        letter="sign_in",
        payload={"location": back},
        locale=session.locale(),
        valid_for=SIGN_IN_LIFE,
    )
    site = session.letterhead()
    with services().engine.begin() as connection:
        service.ask_confirmation(connection, site, email, ask)
    return _see(url_for("people.sent"))


@blueprint.get("/connexion/envoyee")
def sent() -> str:
    """The same words for every address, and for forms of other rooms too."""
    only_parameters()
    return render_template("people/sent.html", kept_in_files=not services().settings.smtp_url)


@blueprint.get("/confirmer/<secret:secret>")
def ask(secret: str) -> Response:
    with services().engine.connect() as connection:
        return _question_page(connection, secret)


@blueprint.post("/confirmer/<secret:secret>")
def confirm(secret: str) -> Response:
    try:
        forms.check_own()
    except FormRefused as error:
        with services().engine.connect() as connection:
            return _question_page(connection, secret, error)
    former = edge.session_secret()
    done = service.confirm(services().engine, secret, _extensions().actions, former)
    if done is None:
        return _dead_link()
    return session.remember(_see(local_path(done.location) or ACCOUNT), done.session)


@blueprint.post("/deconnexion")
def sign_out() -> Response:
    forms.check_own()
    with services().engine.begin() as connection:
        service.end_session(connection, edge.session_secret())
    return session.forget(_see("/"))


@blueprint.post("/deconnexion/partout")
def sign_out_everywhere() -> Response:
    """Every session of the person, this one too; keys for tools are ended on their own page."""
    forms.check_own()
    person = session.require_person()
    with services().engine.begin() as connection:
        service.end_all_sessions(connection, person.id)
    return session.forget(_see("/"))


@blueprint.post("/compte/connexions")
def end_session() -> Response:
    """One of the person's own sessions, in another browser."""
    forms.check_own()
    person = session.require_person()
    name = request.form.get("session", "")
    # Any other text names no session; the database could not even be asked for some.
    if re.fullmatch(r"[0-9a-f]{64}", name):
        with services().engine.begin() as connection:
            service.end_one_session(connection, person.id, name)
    return _see(url_for("people.account"))


@blueprint.get("/compte")
def account() -> str:
    only_parameters("change")
    person = session.require_person()
    with services().engine.connect() as connection:
        return _account_page(connection, person)


@blueprint.post("/compte")
def change() -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        try:
            service.change(
                connection,
                person.id,
                name=request.form.get("name", ""),
                locale=request.form.get("locale", ""),
                commune=commune_field.read_commune(connection, request.form.get("commune", "")),
            )
        except InvalidInput as error:
            page = _account_page(connection, person, error)
            return make_response(page, HTTPStatus.BAD_REQUEST)
    return _see(url_for("people.account", change="1"))


@blueprint.post("/compte/page")
def choose_page() -> Response:
    """`wanted` is `oui` or `non`: whether there is a public page under the name that is shown."""
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        try:
            wanted = request.form.get("wanted") == "oui"
            service.choose_page(connection, person.id, wanted=wanted)
        except InvalidInput as error:
            page = _account_page(connection, person, error)
            return make_response(page, HTTPStatus.BAD_REQUEST)
    return _see(url_for("people.account", change="1", _anchor="page"))


@blueprint.get("/compte/donnees")
def export() -> Response:
    """All my data, as a file of JSON."""
    person = session.require_person()
    with services().engine.connect() as connection:
        data = service.export(connection, person.id, _extensions().providers)
    body = json.dumps(data, ensure_ascii=False, indent=2, default=str)
    response = Response(body, content_type="application/json")
    name = f"mes-donnees-{datetime.now(UTC):%Y-%m-%d}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@blueprint.get("/compte/effacer")
def ask_to_erase() -> str:
    only_parameters()
    return render_template("people/erase.html", person=session.require_person())


@blueprint.post("/compte/effacer")
def erase() -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        service.erase(connection, person.id, _extensions().providers)
    after = _extensions().after_erasure
    if after:
        with contextlib.suppress(SQLAlchemyError):
            after(services().engine)
    return session.forget(make_response(render_template("people/erased.html")))


@blueprint.after_request
def keep_private(response: Response) -> Response:
    """Addresses of these pages hold secrets: no cache, no search engine, no referrer gets them."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def local_path(text: str) -> str:
    """A path of this site that may be redirected to, else ""."""
    if not text.startswith("/") or text[1:2] in ("/", "\\") or len(text) > 500:
        return ""
    return text if text.isprintable() and not set(text) & {"\\", " "} else ""


SIGN_IN_LINK = MagicLinkAction(
    SIGN_IN,
    ask=lambda _connection, token: ConfirmationQuestion(
        _("Vous connecter"),
        _("Vous allez vous connecter avec l’adresse %(email)s.", email=token.email),
        _("Me connecter"),
    ),
    confirm=lambda _connection, _person, token: str(token.payload.get("location") or ACCOUNT),
)


def _extensions() -> AccountExtensions:
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, AccountExtensions)
    return found


def _sign_in_form(back: str, error: FormRefused | None = None) -> str:
    email = request.form.get("email", "")[:320]
    return render_template("people/sign_in.html", back=back, error=error, email=email)


def _question_page(
    connection: Connection, secret: str, error: FormRefused | None = None
) -> Response:
    token = queries.peek(connection, service.digest(secret))
    action = _extensions().actions.get(token.purpose) if token else None
    if token is None or action is None:
        return _dead_link()
    question = action.ask(connection, token)
    page = render_template("people/confirm.html", question=question, secret=secret, error=error)
    return forms.answer(error, page) if error else make_response(page)


def _dead_link() -> Response:
    return make_response(render_template("people/dead_link.html"), HTTPStatus.GONE)


def _account_page(connection: Connection, person: Person, error: InvalidInput | None = None) -> str:
    place = commune_field.place_name(connection, person.commune)
    words = None
    if error and error.field == "name" and "name" not in request.form:
        words = _("Choisissez d’abord le nom sous lequel votre page sera montrée.")
    elif error and error.field == "name":
        words = _("Un nom tient sur une ligne : %(most)s signes au plus.", most=MAX_NAME)
    elif error and error.field == "commune":
        words = error.reason
    elif error:
        words = _("Choisissez une des langues proposées.")
    return render_template(
        "people/account.html",
        person=person,
        typed=request.form
        if error and "name" in request.form
        else {"name": person.name, "commune": place},
        languages={"fr": "Français", "en": "English"},
        chosen=request.form.get("locale") if "locale" in request.form else person.locale,
        max_name=MAX_NAME,
        error=words,
        at_fault=error.field if error else "",
        changed="change" in request.args,
        open_sessions=queries.open_sessions(
            connection,
            person.id,
            service.digest(edge.session_secret()),
            service.SESSION_MOST_DAYS,
        ),
        idle_days=service.SESSION_DAYS,
        most_days=service.SESSION_MOST_DAYS,
        sections=[
            (one.section.template, one.section.load(connection, person))
            for one in _extensions().providers
            if one.section
        ],
    )


def _see(address: str) -> Response:
    response = redirect(address, HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response
