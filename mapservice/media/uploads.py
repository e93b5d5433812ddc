"""Photos in the forms of other rooms: reading them, and saying what is wrong with one."""

import contextlib
import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import IO, cast

from flask import Response, after_this_request, has_request_context, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from mapservice.errors import ServiceUnavailable
from mapservice.i18n import gettext as _
from mapservice.media import service
from mapservice.media.model import MAX_PHOTOS, MAX_PIXELS, PhotoMistake
from mapservice.media.service import PhotoOwner, PhotoTransaction
from mapservice.media.storage import MediaStore, store_of
from mapservice.settings import Settings
from mapservice.web import forms
from mapservice.web.edge import MapserviceRequest, drain_body, services
from mapservice.web.forms import FormRefused, RateLimit, visitor_network

FIELD = "photos"
RETRY_SECONDS = 30
# Each costs seconds of a processor.
PER_NETWORK, PER_PERSON = RateLimit(120), RateLimit(240)


class Media:
    """What the application holds of this room: the store."""

    def __init__(self, settings: Settings) -> None:
        self.store: MediaStore = store_of(settings)


def store() -> MediaStore:
    return services().of(Media).store


def largest_form(settings: Settings) -> int:
    """Bytes of a form with as many photos as an initiative may have, each as large as it may be."""
    return MAX_PHOTOS * settings.max_photo_bytes + settings.max_body_bytes


def open_form() -> None:
    """Before a route looks at a form that may hold photos. Raises FormRefused (413)."""
    settings = services().settings
    if request.mimetype != "multipart/form-data":
        return
    asked = cast("MapserviceRequest", request)
    asked.max_content_length = largest_form(settings)
    asked.file_bytes = settings.max_photo_bytes
    try:
        _ = asked.form
    except RequestEntityTooLarge:
        drain_body()
        words = too_much(settings)
        raise FormRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words, field=FIELD) from None


def sent() -> list[FileStorage]:
    """The files that somebody chose; a form without any sends one without a name."""
    return [one for one in request.files.getlist(FIELD) if one.filename]


def take(owner: PhotoOwner, within: PhotoTransaction | None = None) -> str:
    """Keeps the photos of the present form; returns what is wrong with some, or "".

    What was right is kept. Raises FormRefused (429, or 503 while none can be kept).
    """
    files = sent()
    if not files:
        return ""
    person = owner.person
    for _file in files[:MAX_PHOTOS]:
        limit, whose = (PER_PERSON, str(person)) if person else (PER_NETWORK, visitor_network())
        wait = forms.seconds_to_wait("photos", limit, whose)
        if wait:
            words = _("Trop de photos en peu de temps. Réessayez dans une heure.")
            raise FormRefused(HTTPStatus.TOO_MANY_REQUESTS, words, field=FIELD, wait=wait)
    settings = services().settings
    sources: Sequence[IO[bytes]] = [one.stream for one in files]
    try:
        _kept, mistakes = service.add_all(
            services().engine, store(), owner, sources, settings.max_photo_bytes, within
        )
    except ServiceUnavailable:
        words = _("Les photos ne peuvent pas être gardées en ce moment. Réessayez bientôt.")
        status = HTTPStatus.SERVICE_UNAVAILABLE
        raise FormRefused(status, words, field=FIELD, wait=RETRY_SECONDS) from None
    # What exceeds the number is said once.
    told = {
        mistake_words(mistake, files[number].filename or "", settings): None
        for number, mistake in mistakes
    }
    return " ".join(told)


def delete_soon() -> None:
    """Once the present request has committed, deletes the files of the photos it removed.

    Where that fails, or there is no request, the worker does it, a minute later at most.
    """
    if not has_request_context():
        return

    @after_this_request
    def delete(response: Response) -> Response:
        with contextlib.suppress(ServiceUnavailable, SQLAlchemyError, OSError):
            service.delete_removed(services().engine, store())
        return response


def mistake_words(mistake: PhotoMistake, name: str, settings: Settings) -> str:
    """What is wrong with a file, for who sent it."""
    if mistake is PhotoMistake.COUNT:
        return _("%(most)s photos au plus : les autres n’ont pas été gardées.", most=MAX_PHOTOS)
    shown = name.replace("\\", "/").rpartition("/")[2][:60]
    if mistake is PhotoMistake.BYTES:
        most = _megabytes(settings.max_photo_bytes)
        return _("« %(name)s » est trop lourde : %(most)s Mo au plus.", name=shown, most=most)
    if mistake is PhotoMistake.PIXELS:
        return _(
            "« %(name)s » est trop grande : %(most)s millions de pixels au plus.",
            name=shown,
            most=MAX_PIXELS // 1_000_000,
        )
    if mistake is PhotoMistake.ANIMATED:
        return _("« %(name)s » est animée : choisissez une image fixe.", name=shown)
    if mistake is PhotoMistake.SLOW:
        return _("« %(name)s » n’a pas pu être lue à temps : envoyez-la à nouveau.", name=shown)
    if mistake is PhotoMistake.BROKEN:
        return _("« %(name)s » est incomplète ou abîmée.", name=shown)
    return _("« %(name)s » n’est pas une photo JPEG, PNG, WebP, AVIF ou HEIC.", name=shown)


def too_much(settings: Settings) -> str:
    most = _megabytes(settings.max_photo_bytes)
    return _(
        "Vos photos sont trop lourdes : %(count)s au plus, de %(most)s Mo chacune.",
        count=MAX_PHOTOS,
        most=most,
    )


def _megabytes(count: int) -> str:
    return f"{math.floor(count / 100_000) / 10:g}".replace(".", ",")
