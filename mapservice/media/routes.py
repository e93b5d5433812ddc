"""`/photos/…`: the files of photos, and what templates need to show them.

A file never changes under its name, so browsers may keep it for ever; a cache in front asks again
after some minutes, as a photo may be taken down. What is not public is shown to whom one of our
pages gave a key for it: its author, and moderators.
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from flask import Blueprint, Flask, Response, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import Connection

from mapservice.errors import NotFound, ServiceUnavailable
from mapservice.media import queries
from mapservice.media.model import (
    ACCEPTED,
    CONTENT_TYPES,
    JPEG,
    MAX_ALT,
    MAX_CREDIT,
    MAX_PHOTOS,
    WEBP,
    file_name,
    parse_file_name,
)
from mapservice.media.uploads import store
from mapservice.static_maps.model import CardPhoto
from mapservice.web.edge import only_parameters, secret_keys, services

blueprint = Blueprint("photos", __name__, url_prefix="/photos")

KEY = "cle"
KEY_SECONDS = 12 * 3600
YEAR_SECONDS = 31_536_000
# How long a cache in front may go on showing what was taken down.
SHARED_SECONDS = 300


class ShownPhoto(Protocol):
    """What the address of a photo needs: a cover of a list, or a photo with all it has."""

    @property
    def name(self) -> str: ...
    @property
    def widths(self) -> Sequence[int]: ...
    @property
    def shared_width(self) -> int: ...


@blueprint.get("/<file>")
def one(file: str) -> Response:
    only_parameters(KEY)
    parsed = parse_file_name(file)
    if parsed is None:
        raise NotFound("There is no such photo.")
    name, _width, suffix = parsed
    with services().autocommit.connect() as connection:
        found = queries.served(connection, name)
    if found is None or not (found.is_public or _has_key(name)):
        raise NotFound("There is no such photo, or it is not public.")
    headers = {"ETag": f'"{file}"', "Cross-Origin-Resource-Policy": "cross-origin"}
    if found.is_public:
        headers["Cache-Control"] = (
            f"public, max-age={YEAR_SECONDS}, s-maxage={SHARED_SECONDS}, immutable"
        )
    else:
        headers["Cache-Control"] = "private, no-store"
        headers["X-Robots-Tag"] = "noindex"
    headers["Content-Security-Policy"] = "default-src 'none'"
    if request.if_none_match.contains(file):
        return Response(status=304, headers=headers)
    content = store().get(file)
    if content is None:
        raise NotFound("There is no such photo.")
    return Response(content, headers=headers, content_type=CONTENT_TYPES[suffix])


def register(app: Flask) -> None:
    app.jinja_env.globals.update(
        photo_src=photo_src,
        photo_srcset=photo_srcset,
        photo_shared=photo_shared,
        photo_focus=photo_focus,
        accepted_photos=ACCEPTED,
        max_photos=MAX_PHOTOS,
        max_alt=MAX_ALT,
        max_credit=MAX_CREDIT,
    )


def photo_src(photo: ShownPhoto, width: int = 640, *, private: bool = False) -> str:
    """The path of the smallest file that is as wide, else of the widest."""
    wide = next((one for one in photo.widths if one >= width), photo.widths[-1])
    return _path(photo, file_name(photo.name, wide, WEBP), private)


def photo_srcset(photo: ShownPhoto, most: int = 4096, *, private: bool = False) -> str:
    """All files up to a width (one at least), for `srcset`."""
    shown = [one for one in photo.widths if one <= most] or list(photo.widths[:1])
    parts = (f"{_path(photo, file_name(photo.name, one, WEBP), private)} {one}w" for one in shown)
    return ", ".join(parts)


def photo_shared(photo: ShownPhoto) -> str:
    """The path of its file in JPEG, which every reader of feeds and links can show."""
    return _path(photo, file_name(photo.name, photo.shared_width, JPEG), False)


def photo_focus(photo: object) -> str:
    """Classes that keep the focal point in view where a photo is cut, in steps of 5 %."""
    x, y = (5 * round(getattr(photo, name) / 5) for name in ("focal_x", "focal_y"))
    return f"focus-x-{x} focus-y-{y}"


def _path(photo: ShownPhoto, file: str, private: bool) -> str:
    key = f"?{KEY}={_signer().dumps(photo.name)}" if private else ""
    return f"/photos/{file}{key}"


def _has_key(name: str) -> bool:
    given = request.args.get(KEY, "")
    try:
        return bool(given) and _signer().loads(given, max_age=KEY_SECONDS) == name
    except BadSignature:
        return False


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_keys(), salt="photo")


def card_photo(connection: Connection, initiative: UUID) -> CardPhoto | None:
    """The first photo of an initiative, for the picture of a shared link; None while it is away."""
    photo = next(iter(queries.public_of(connection, initiative)), None)
    if photo is None:
        return None
    try:
        content = store().get(file_name(photo.name, photo.shared_width, JPEG))
    except ServiceUnavailable:
        return None
    if content is None:
        return None
    return CardPhoto(content, CONTENT_TYPES[JPEG], (photo.focal_x, photo.focal_y))
