"""`/moderation/{id}/photos/{photo}/refuser`: one photo is refused, whatever becomes of its text."""

from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions as access
from mapservice.errors import InvalidInput
from mapservice.moderation import pages, service
from mapservice.moderation.routes import again, mistake, require_decider
from mapservice.moderation.service import TooLate
from mapservice.web.edge import services

blueprint = Blueprint(
    "moderation_photos", __name__, url_prefix="/moderation/<uuid:identifier>/photos"
)
pages.keep_private(blueprint)


@blueprint.post("/<uuid:photo>/refuser")
def refuse(identifier: UUID, photo: UUID) -> Response:
    if not access.is_own_form():
        return again(identifier, HTTPStatus.FORBIDDEN, pages.expired())
    try:
        site = session.letterhead()
        with services().engine.begin() as connection:
            require_decider(connection, identifier)
            service.refuse_photo(
                connection,
                site,
                identifier,
                photo,
                pages.moderator(),
                reason=request.form.get("photo_reason", ""),
            )
    except InvalidInput as error:
        return again(identifier, HTTPStatus.BAD_REQUEST, mistake(error))
    except TooLate as error:
        return again(identifier, HTTPStatus.CONFLICT, pages.late(error))
    path = url_for("moderation.case", identifier=identifier)
    return pages.see(f"{pages.address(path, pages.part_pairs())}#photos")
