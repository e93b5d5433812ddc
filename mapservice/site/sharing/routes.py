"""QR codes of pages, as files to print."""

from uuid import UUID

from flask import Blueprint, Response, request

from mapservice.errors import InvalidInput, NotFound
from mapservice.events.routes import public_event
from mapservice.groups import queries as groups
from mapservice.i18n import gettext as _
from mapservice.initiatives.params import read_filters
from mapservice.site.sharing.model import SharedPage, has_qr, qr_svg
from mapservice.site.sharing.pages import (
    HOME,
    LISTING,
    shared_gathering,
    shared_initiative,
    shared_listing,
    shared_territory,
)
from mapservice.site.sharing.subjects import public_initiative, territory_today
from mapservice.territories.model import TerritoryRef
from mapservice.tiles.map_kinds import SHOWN_KINDS, kinds_text, parse_kinds
from mapservice.web import edge
from mapservice.web.edge import only_parameters, services

blueprint = Blueprint("sharing", __name__)

SVG = "image/svg+xml"
FRESH_SECONDS = 86_400


@blueprint.get("/qr.svg")
def home_qr() -> Response:
    return _listing_qr(HOME)


@blueprint.get("/initiatives/qr.svg")
def listing_qr() -> Response:
    return _listing_qr(LISTING)


@blueprint.get("/initiatives/<identifier>/qr.svg")
def initiative_qr(identifier: str) -> Response:
    only_parameters()
    with services().autocommit.connect() as connection:
        found = public_initiative(connection, identifier)
    return _qr(shared_initiative(found))


@blueprint.get("/evenements/<uuid:identifier>/qr.svg")
def event_qr(identifier: UUID) -> Response:
    only_parameters()
    with services().autocommit.connect() as connection:
        found = public_event(connection, identifier)
    return _qr(shared_gathering(found.url, found.title, ""))


@blueprint.get("/groupes/<uuid:identifier>/qr.svg")
def group_qr(identifier: UUID) -> Response:
    only_parameters()
    with services().autocommit.connect() as connection:
        found = groups.find(connection, identifier)
    if found is None or not found.is_public:
        raise NotFound("There is no such group, or it is not public.")
    return _qr(shared_gathering(found.url, found.name, ""))


@blueprint.get("/territoires/<level>/<code>/qr.svg")
def territory_qr(level: str, code: str) -> Response:
    only_parameters()
    with services().autocommit.connect() as connection:
        found = territory_today(connection, level, code)
    return _qr(shared_territory(TerritoryRef(found.level, found.code), found.name))


def _listing_qr(path: str) -> Response:
    with services().autocommit.connect() as connection:
        filters, _paging = read_filters(connection, *((SHOWN_KINDS,) if path == HOME else ()))
    shown = kinds_text(parse_kinds(request.args.getlist(SHOWN_KINDS)))
    return _qr(shared_listing(filters, path, {SHOWN_KINDS: shown} if shown else None))


def _qr(shared: SharedPage) -> Response:
    if not has_qr(shared.address):
        raise InvalidInput("query", "is too long for a QR code that can be read")
    title = _("Code QR : %(address)s", address=shared.address)
    response = edge.whole_answer(qr_svg(shared.address, title), SVG, FRESH_SECONDS)
    name = request.path.strip("/").removesuffix("/qr.svg").replace("/", "-")
    response.headers["Content-Disposition"] = f'inline; filename="qr-{name or "carte"}.svg"'
    return response
