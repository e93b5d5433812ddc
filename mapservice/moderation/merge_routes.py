"""`/moderation/{id}/reunir` and `/separer`: merging two initiatives, and undoing it."""

import re
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions as access
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.i18n import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.moderation import merge_service, pages
from mapservice.moderation.merge_service import MergeAction
from mapservice.moderation.routes import again, mistake, read_revision, require_decider
from mapservice.moderation.service import TooLate
from mapservice.web.edge import services

blueprint = Blueprint("merging", __name__, url_prefix="/moderation/<uuid:identifier>")
pages.keep_private(blueprint)

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@blueprint.post("/reunir")
def merge(identifier: UUID) -> Response:
    """Merges into the initiative that is chosen (`target`), or whose URL is typed (`other`)."""
    if not access.is_own_form():
        return again(identifier, HTTPStatus.FORBIDDEN, pages.expired())
    try:
        site = session.letterhead()
        with services().engine.begin() as connection:
            require_decider(connection, identifier)
            target = read_target(connection)
            merge_service.merge(connection, site, identifier, target, _act(read_revision()))
            return pages.see(pages.onward(connection, decided=identifier))
    except InvalidInput as error:
        return again(identifier, HTTPStatus.BAD_REQUEST, mistake(error))
    except TooLate as error:
        return again(identifier, HTTPStatus.CONFLICT, pages.late(error))
    except StateConflict:
        words = _("Dans son état présent, elle ne peut pas être réunie à une autre.")
        return again(identifier, HTTPStatus.CONFLICT, words)


@blueprint.post("/separer")
def unmerge(identifier: UUID) -> Response:
    if not access.is_own_form():
        return again(identifier, HTTPStatus.FORBIDDEN, pages.expired())
    try:
        site = session.letterhead()
        with services().engine.begin() as connection:
            require_decider(connection, identifier)
            target = merge_service.unmerge(connection, site, identifier, _act(0))
            require_decider(connection, target)
    except StateConflict:
        words = _("Elle n’est réunie à aucune autre.")
        return again(identifier, HTTPStatus.CONFLICT, words)
    path = url_for("moderation.case", identifier=identifier)
    return pages.see(pages.address(path, pages.part_pairs(), decided=str(identifier)))


def read_target(connection: Connection) -> UUID:
    """What the form names, or what that is merged into. Raises InvalidInput if out of scope."""
    text = request.form.get("other", "").strip() or request.form.get("target", "")
    found = ID.search(text)
    if found is None:
        raise InvalidInput("target", "is not the address of an initiative")
    target = initiatives.head(connection, UUID(found[0]))
    try:
        require_decider(connection, target)
    except NotFound:
        raise InvalidInput("target", "is not within the territories of this moderator") from None
    return target


def _act(seen: int) -> MergeAction:
    badge = access.badge()
    reason = request.form.get("reason", "")
    return MergeAction(by=badge.name, person=badge.person, reason=reason, seen=seen)
