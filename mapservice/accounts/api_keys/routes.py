"""`/compte/jetons`: keys made, shown once and taken back; `/api/token`: what a key is."""

from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID, uuid4

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request
from flask import url_for as address_of

from mapservice.accounts.api_keys import bearer, queries, service
from mapservice.accounts.api_keys.model import LIVES, ApiKeyScope
from mapservice.accounts.api_keys.service import ApiKeyRequest
from mapservice.accounts.people import session
from mapservice.accounts.people.model import MAX_NAME, Person
from mapservice.accounts.people.personal_data import AccountSection, PersonalDataProvider
from mapservice.accounts.roles import queries as roles
from mapservice.accounts.roles.model import Role
from mapservice.accounts.second_factor import permissions as second_factor
from mapservice.errors import InvalidInput, StateConflict
from mapservice.i18n import api_scope_label
from mapservice.i18n import gettext as _
from mapservice.web import forms
from mapservice.web.edge import base_url, only_parameters, services
from mapservice.web.forms import FormGate, FormRefused, RateLimit

blueprint = Blueprint("tokens", __name__)

GATE = FormGate("token", per_person=RateLimit(20))


@blueprint.get("/compte/jetons")
def tokens() -> Response:
    only_parameters()
    return _page(session.require_person())


@blueprint.post("/compte/jetons")
def create() -> Response:
    person = session.require_person()
    form = request.form
    try:
        form_key = UUID(form.get("form", ""))
    except ValueError:
        form_key = uuid4()
    # A key has the rights of its owner, and would outlive the session that lacked the code.
    with services().engine.connect() as connection:
        grants = roles.of_person(connection, person.id)
    second_factor.require(is_admin=any(one.role is Role.ADMIN for one in grants))
    try:
        forms.check(GATE, person=person.id)
        wish = ApiKeyRequest.parse(
            form.get("name", "")[:200], form.getlist("scope")[:20], form.get("days", "")
        )
        site = session.letterhead()
        with services().engine.begin() as connection:
            secret = service.create(connection, person, wish, form_key, site)
    except InvalidInput as error:
        mistakes = {
            "name": _(
                "Donnez un nom qui tient sur une ligne : %(most)s signes au plus.",
                most=MAX_NAME,
            ),
            "scope": _("Choisissez au moins une chose que cette clé permet."),
        }
        words = mistakes.get(error.field, _("Choisissez une des durées proposées."))
        return _page(person, status=HTTPStatus.BAD_REQUEST, error=words, field=error.field)
    except FormRefused as error:
        return forms.answer(error, _html(person, error=error.words))
    except StateConflict:
        words = _("Ce formulaire a déjà servi, ou vous avez déjà dix clés : retirez-en une.")
        return _page(person, status=HTTPStatus.CONFLICT, error=words)
    return _page(person, secret=secret)


@blueprint.post("/compte/jetons/<uuid:identifier>/retirer")
def revoke(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        service.revoke(connection, person.id, identifier)
    response = redirect(address_of("tokens.tokens"), HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response


@blueprint.get("/api/token")
def own() -> Response:
    """What the key of the request is, and which roles bound it: for its tool to look at."""
    only_parameters()
    holder = bearer.require(None)
    with services().engine.connect() as connection:
        grants = roles.of_person(connection, holder.person.id)
    return jsonify(
        name=holder.token.name,
        prefix=holder.token.prefix,
        scopes=list(holder.token.scopes),
        expires_at=f"{holder.token.expires_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        roles=[
            {"role": one.role, "territory": str(one.territory) if one.territory else None}
            for one in grants
        ],
    )


@blueprint.after_request
def keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _page(
    person: Person,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    error: str = "",
    field: str = "",
    secret: str = "",
) -> Response:
    return make_response(_html(person, error=error, field=field, secret=secret), status)


def _html(person: Person, *, error: str = "", field: str = "", secret: str = "") -> str:
    with services().engine.connect() as connection:
        return render_template(
            "tokens/page.html",
            kept=queries.of_person(connection, person.id),
            scopes={scope: api_scope_label(scope) for scope in ApiKeyScope},
            lives=LIVES,
            max_name=MAX_NAME,
            form_key=uuid4(),
            typed=request.form if error else {},
            chosen=request.form.getlist("scope") if error else [],
            error=error,
            at_fault=field,
            secret=secret,
            base=base_url(),
            now=datetime.now(UTC),
        )


PERSONAL_DATA = PersonalDataProvider(
    "tokens",
    queries.export,
    service.erase,
    AccountSection(
        "tokens/_mine.html",
        lambda connection, person: [
            one for one in queries.of_person(connection, person.id) if not one.expired
        ],
    ),
)
