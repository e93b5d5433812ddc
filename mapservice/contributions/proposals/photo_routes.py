"""`/initiatives/{id}/photos`: authors add photos later, describe, order and remove them."""

from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for

from mapservice.accounts.people import session
from mapservice.accounts.people.model import Person
from mapservice.contributions.proposals import model, service
from mapservice.contributions.proposals.routes import own, see
from mapservice.errors import InvalidInput, StateConflict
from mapservice.i18n import gettext as _
from mapservice.media import queries as photos
from mapservice.media import uploads
from mapservice.media.model import MAX_PHOTOS, PhotoState, read_words
from mapservice.media.service import PhotoOwner
from mapservice.web import forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormRefused

blueprint = Blueprint("author_photos", __name__, url_prefix="/initiatives/<uuid:identifier>/photos")

UP, DOWN, SAVE, REMOVE = "up", "down", "save", "remove"
STEPS = {UP: -1, DOWN: 1}


@blueprint.get("")
def listing(identifier: UUID) -> Response:
    only_parameters()
    return _page(identifier, session.require_person())


@blueprint.post("")
def add(identifier: UUID) -> Response:
    """Keeps what was sent; where something is wrong, what was right is kept all the same."""
    uploads.open_form()
    person = session.require_person()
    try:
        forms.check_own()
        with services().engine.connect() as connection:
            service.may_add_photos(connection, identifier, person.id)
        if not uploads.sent():
            return _page(identifier, person, _("Choisissez une photo."))
        at_once = services().settings.moderation == "post"
        owner = PhotoOwner(
            initiative=identifier, person=person.id, state=service.photo_state(at_once=at_once)
        )
        wrong = uploads.take(
            owner,
            lambda connection, insert: service.add_photo(connection, identifier, person.id, insert),
        )
    except FormRefused as error:
        return forms.answer(error, _page(identifier, person, error.words).get_data(as_text=True))
    if wrong:
        return _page(identifier, person, wrong)
    return see(url_for("author_photos.listing", identifier=identifier))


@blueprint.post("/<uuid:photo>")
def change(identifier: UUID, photo: UUID) -> Response:
    """`action`: `save` what is said, `up`, `down`, or `remove`."""
    person = session.require_person()
    forms.check_own()
    action = request.form.get("action", "")
    with services().engine.begin() as connection:
        if action == SAVE:
            words = read_words(request.form)
            service.describe_photo(connection, identifier, person.id, photo, words)
        elif action in STEPS:
            service.move_photo(connection, identifier, person.id, photo, STEPS[action])
        elif action == REMOVE:
            service.remove_photo(connection, identifier, person.id, photo)
        else:
            raise InvalidInput("action", f"is not one of {', '.join((SAVE, *STEPS, REMOVE))}")
    if action == REMOVE:
        uploads.delete_soon()
    place = "" if action == REMOVE else f"#photo-{photo}"
    return see(url_for("author_photos.listing", identifier=identifier) + place)


def _page(identifier: UUID, person: Person, error: str = "") -> Response:
    with services().engine.connect() as connection:
        proposal = own(connection, identifier, person)
        kept = photos.of_initiative(connection, identifier)
    page = render_template(
        "proposals/photos.html",
        proposal=proposal,
        photos=kept,
        editable=proposal.status in model.EDITABLE,
        room=MAX_PHOTOS - sum(one.state is not PhotoState.REFUSED for one in kept),
        error=error,
        most_bytes=services().settings.max_photo_bytes,
    )
    return make_response(page, HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK)


@blueprint.errorhandler(StateConflict)
def conflict(_error: StateConflict) -> Response:
    assert request.view_args is not None
    words = _("Cette initiative ne peut plus être changée.")
    response = _page(request.view_args["identifier"], session.require_person(), words)
    response.status_code = HTTPStatus.CONFLICT
    return response


@blueprint.after_request
def keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
