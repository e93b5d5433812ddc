"""A photo: which files it has, how it is described, what became of it."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

MAX_PHOTOS = 5  # of an initiative
MAX_ALT = 300
MAX_CREDIT = 120
# Widths in pixels of the files of a photo; none is wider than the picture that was sent.
WIDTHS = (320, 640, 1280, 2048)
# No file is higher: a strip of paper is not to become a page of its own.
MAX_HEIGHT = 4096
# Pixels of what is sent; a camera of 61 megapixels stays within it.
MAX_PIXELS = 64_000_000
# Width of the file in JPEG, for feeds and the previews of shared links.
SHARED_WIDTH = 1200

WEBP, JPEG = "webp", "jpg"
CONTENT_TYPES = {WEBP: "image/webp", JPEG: "image/jpeg"}
# What browsers offer in their dialogue for files.
ACCEPTED = "image/jpeg,image/png,image/webp,image/avif,image/heic,image/heif"

_NAME = r"[0-9a-f]{32}"
_FILE = re.compile(rf"({_NAME})-([1-9][0-9]{{0,3}})\.(webp|jpg)")


class PhotoMistake(StrEnum):
    """Why a file is no photo of ours."""

    FORMAT = "is not an image in JPEG, PNG, WebP, AVIF or HEIC"
    BROKEN = "cannot be read to its end"
    BYTES = "has too many bytes"
    PIXELS = "has too many pixels"
    ANIMATED = "moves"
    SLOW = "takes too long to read"
    COUNT = "is one too many"


class PhotoState(StrEnum):
    """What became of a photo: with a form, before moderators, agreed to, or refused."""

    DRAFT = "draft"
    WAITING = "waiting"
    PUBLIC = "public"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class EncodedFile:
    """One file of a photo; `suffix` is that of its format."""

    width: int
    height: int
    suffix: str
    content: bytes


@dataclass(frozen=True, slots=True)
class EncodedPhoto:
    """All files of a photo: in WebP by width, the widest last, and one in JPEG."""

    files: Sequence[EncodedFile]

    @property
    def webp(self) -> list[EncodedFile]:
        return [one for one in self.files if one.suffix == WEBP]

    @property
    def shared(self) -> EncodedFile:
        return next(one for one in self.files if one.suffix == JPEG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A photo as it is kept. `name` begins the names of its files.

    `width` and `height` are those of its widest file; `focal_x` and `focal_y` say in percent, from
    the upper left, what stays in view where it is cut. `reason` is why moderators refused it.
    """

    id: UUID
    name: str
    initiative: UUID | None
    person: UUID | None
    position: int
    state: PhotoState
    widths: Sequence[int]
    width: int
    height: int
    shared_width: int
    shared_height: int
    shared_bytes: int
    alt: str
    credit: str
    focal_x: int
    focal_y: int
    added_at: datetime
    reason: str

    @property
    def is_public(self) -> bool:
        return self.state is PhotoState.PUBLIC


@dataclass(frozen=True, slots=True)
class PhotoWords:
    """What an author says about a photo."""

    alt: str = ""
    credit: str = ""
    focal_x: int = 50
    focal_y: int = 50


def file_name(name: str, width: int, suffix: str = WEBP) -> str:
    return f"{name}-{width}.{suffix}"


def parse_file_name(text: str) -> tuple[str, int, str] | None:
    """The name of the photo, the width and the suffix; None for what is no file of ours."""
    found = _FILE.fullmatch(text)
    return (found[1], int(found[2]), found[3]) if found else None


def read_words(fields: Mapping[str, str], suffix: str = "") -> PhotoWords:
    """What a form says about a photo: fields `alt`, `credit`, `focal_x`, `focal_y`, cut to length.

    What is not a whole number of percent is the middle.
    """
    return PhotoWords(
        _line(fields.get(f"alt{suffix}", ""))[:MAX_ALT].strip(),
        _line(fields.get(f"credit{suffix}", ""))[:MAX_CREDIT].strip(),
        _percent(fields.get(f"focal_x{suffix}", "")),
        _percent(fields.get(f"focal_y{suffix}", "")),
    )


def _percent(text: str) -> int:
    typed = text.strip()
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 3):
        return 50
    return min(int(typed), 100)


def _line(text: str) -> str:
    """One line without signs that cannot be seen."""
    shown = (
        " " if one.isspace() else one
        for one in unicodedata.normalize("NFC", text)
        if one.isspace() or one == "\u200d" or unicodedata.category(one)[0] != "C"
    )
    return " ".join("".join(shown).split())
