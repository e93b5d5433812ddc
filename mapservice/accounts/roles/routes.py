"""`/moderation/roles`: who may do what where, for admins; and the roles of one's own account."""

from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for

from mapservice.accounts.people import session
from mapservice.accounts.people.personal_data import AccountSection, PersonalDataProvider
from mapservice.accounts.roles import permissions as access
from mapservice.accounts.roles import queries, service
from mapservice.accounts.roles.model import GrantAuthor, Role, RoleGrant
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.i18n import gettext as _
from mapservice.mail.service import EmailAddress
from mapservice.territories.queries import parents
from mapservice.web.edge import only_parameters, services

blueprint = Blueprint("roles", __name__, url_prefix="/moderation/roles")
blueprint.before_request(access.admit)

LOG_LINES = 100


@blueprint.get("")
def roles() -> Response:
    only_parameters()
    return _page()


@blueprint.post("")
def grant() -> Response:
    if not access.is_own_form():
        return _page(HTTPStatus.FORBIDDEN, _expired())
    try:
        email = EmailAddress.parse(request.form.get("email", "")[:320])
        given, site = _grant(), session.letterhead()
        with services().engine.begin() as connection:
            service.grant(connection, email, given, _author(), site)
    except InvalidInput as error:
        return _page(HTTPStatus.BAD_REQUEST, _mistake(error), error.field)
    except StateConflict:
        return _page(HTTPStatus.CONFLICT, _("Cette personne a déjà ce rôle."))
    return _see()


@blueprint.post("/retirer")
def revoke() -> Response:
    if not access.is_own_form():
        return _page(HTTPStatus.FORBIDDEN, _expired())
    try:
        person = UUID(request.form.get("person", ""))
    except ValueError:
        return _page(HTTPStatus.BAD_REQUEST, _("Choisissez un des rôles proposés."), "person")
    try:
        taken = _grant()
        with services().engine.begin() as connection:
            service.revoke(connection, person, taken, _author())
    except InvalidInput as error:
        return _page(HTTPStatus.BAD_REQUEST, _mistake(error), error.field)
    except NotFound:
        return _page(HTTPStatus.CONFLICT, _("Cette personne n’a pas, ou n’a plus, ce rôle."))
    return _see()


@blueprint.after_request
def keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _page(status: HTTPStatus = HTTPStatus.OK, error: str = "", field: str = "") -> Response:
    with services().engine.connect() as connection:
        page = render_template(
            "roles/page.html",
            held=queries.everyone(connection),
            log=queries.log(connection, LOG_LINES),
            areas=parents(connection),
            choices=tuple(Role),
            typed=request.form,
            error=error,
            at_fault=field,
            token=access.form_token(),
            reviewer=access.reviewer(),
        )
    return make_response(page, status)


def _grant() -> RoleGrant:
    return RoleGrant.parse(request.form.get("role", ""), request.form.get("territory", "")[:40])


def _author() -> GrantAuthor:
    badge = access.badge()
    return GrantAuthor(person=badge.person) if badge.person else GrantAuthor(name=badge.name)


def _expired() -> str:
    return _("Ce formulaire a expiré, ou ne vient pas de cette page. Rien n’a été enregistré.")


def _mistake(error: InvalidInput) -> str:
    if error.field == "email":
        return _("Indiquez une adresse électronique durable, comme nom@exemple.fr.")
    if error.field == "territory":
        return _("Choisissez un territoire qui existe ; aucun pour l’administration.")
    return _("Choisissez un des rôles proposés.")


def _see() -> Response:
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": url_for("roles.roles")})


PERSONAL_DATA = PersonalDataProvider(
    "roles",
    queries.export,
    service.erase,
    AccountSection(
        "roles/_mine.html",
        lambda connection, person: queries.everyone(connection, person.id),
    ),
)
