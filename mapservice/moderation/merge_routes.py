"""`/moderation/{id}/reunir` and `/separer`: merging two initiatives, and undoing it."""

import re
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions as access
from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.moderation import merge_service, pages
from mapservice.moderation.case_forms import read_revision
from mapservice.moderation.merge_service import MergeAction
from mapservice.moderation.routes import FORMS

blueprint = Blueprint("merging", __name__, url_prefix="/moderation/<uuid:identifier>")
pages.keep_private(blueprint)

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@blueprint.post("/reunir")
def merge(identifier: UUID) -> Response:
    """Merges into the initiative that is chosen (`target`), or whose URL is typed (`other`)."""

    def act(connection: Connection) -> str:
        target, seen = read_target(connection), read_revision()
        merge_service.merge(connection, session.letterhead(), identifier, target, _act(seen))
        return pages.onward(connection, decided=identifier)

    words = _("Dans son état présent, elle ne peut pas être réunie à une autre.")
    return FORMS.answer(identifier, act, words)


@blueprint.post("/separer")
def unmerge(identifier: UUID) -> Response:
    def act(connection: Connection) -> str:
        target = merge_service.unmerge(connection, session.letterhead(), identifier, _act(0))
        FORMS.require_decider(connection, target)
        return FORMS.address(identifier, decided=str(identifier))

    return FORMS.answer(identifier, act, _("Elle n’est réunie à aucune autre."))


def read_target(connection: Connection) -> UUID:
    """What the form names, or what that is merged into. Raises InvalidInput if out of scope."""
    text = request.form.get("other", "").strip() or request.form.get("target", "")
    found = ID.search(text)
    if found is None:
        raise InvalidInput("target", "is not the address of an initiative")
    target = initiatives.head(connection, UUID(found[0]))
    try:
        FORMS.require_decider(connection, target)
    except NotFound:
        raise InvalidInput("target", "is not within the territories of this moderator") from None
    return target


def _act(seen: int) -> MergeAction:
    badge = access.badge()
    reason = request.form.get("reason", "")
    return MergeAction(by=badge.name, person=badge.person, reason=reason, seen=seen)
