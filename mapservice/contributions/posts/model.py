"""Posts as plain values: their kinds, what may become of them, and their text."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from mapservice.errors import InvalidInput
from mapservice.initiatives.model import Status
from mapservice.media.model import Photo

MAX_POST = 2000
MAX_CLOSING = 1000
MAX_COMMENT = 1000
# So rarely may an author thank: each time a mail goes to many.
THANKS_PAUSE = timedelta(days=7)
# News of an initiative that a day may bring: more would be no news.
NEWS_A_DAY = 5
# So many stand on the page of an initiative; the others follow on a page of their own.
SHOWN = 5
LISTED = 200


class PostKind(StrEnum):
    """NEWS, THANKS and CLOSING are the author's, COMMENT is anybody's.

    THANKS go to supporters who follow the initiative, and stand on no page. CLOSING says what came
    of it, and may be without a word.
    """

    NEWS = "news"
    CLOSING = "closing"
    THANKS = "thanks"
    COMMENT = "comment"


class PostState(StrEnum):
    """Before a moderator looked, in view where its initiative is, or refused."""

    WAITING = "waiting"
    PUBLIC = "public"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post. `author` is the public name of who wrote it, or "", `slug` that of their page.

    `closed_as` is what closing words are about, else None. `queued_at`: since when a moderator is
    to look at it. `reason` is why it was refused.
    """

    id: UUID
    initiative: UUID
    person: UUID | None
    author: str
    slug: str | None
    kind: PostKind
    text: str
    closed_as: Status | None
    state: PostState
    made_at: datetime
    queued_at: datetime | None
    published_at: datetime | None
    reason: str
    photo: Photo | None = None


@dataclass(frozen=True, slots=True)
class FoundPost:
    """A piece of news that a search found, and the initiative that it is about."""

    id: UUID
    initiative: UUID
    title: str
    text: str
    published_at: datetime
    commune_name: str | None
    departement: str | None


def read_post(text: str, most: int = MAX_POST, *, least: int = 1) -> str:
    """Paragraphs without signs that cannot be seen. Raises InvalidInput naming `text`."""
    lines = re.split(r"\r\n|[\n\r\x85\u2028\u2029]", unicodedata.normalize("NFC", text))
    clean = "\n".join(_shown(line).rstrip() for line in lines).strip()
    clean = re.sub(r"\n{3,}", "\n\n", clean)
    if len(clean) > most:
        raise InvalidInput("text", f"is longer than {most} characters")
    if len(clean) < least:
        raise InvalidInput("text", "is missing")
    return clean


def _shown(line: str) -> str:
    return "".join(
        " " if one.isspace() else one
        for one in line
        if one.isspace() or one == "\u200d" or unicodedata.category(one)[0] != "C"
    )
