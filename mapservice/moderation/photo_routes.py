"""`/moderation/{id}/photos/{photo}/refuser`: one photo is refused, whatever becomes of its text."""

from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.moderation import pages, service
from mapservice.moderation.routes import FORMS

blueprint = Blueprint(
    "moderation_photos", __name__, url_prefix="/moderation/<uuid:identifier>/photos"
)
pages.keep_private(blueprint)


@blueprint.post("/<uuid:photo>/refuser")
def refuse(identifier: UUID, photo: UUID) -> Response:
    def act(connection: Connection) -> str:
        service.refuse_photo(
            connection,
            session.letterhead(),
            identifier,
            photo,
            pages.moderator(),
            reason=request.form.get("photo_reason", ""),
        )
        return f"{FORMS.address(identifier)}#photos"

    return FORMS.answer(identifier, act)
