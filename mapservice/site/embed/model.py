"""A frame for other people's pages: what it shows, how it looks, the HTML that puts it there."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import Self, TypeVar

from mapservice.errors import InvalidInput

Choice = TypeVar("Choice", bound=StrEnum)


class EmbedShow(StrEnum):
    """What of a listing a frame shows."""

    BOTH = "both"
    MAP = "map"
    LIST = "list"


class EmbedLook(StrEnum):
    """Its colours; `auto` follows the reader's system. The filter has themes of its own."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


# Parameters of a frame beside those of the filter; `lang` is read by the edge.
SHOW, LOOK, LANGUAGE = "show", "look", "lang"
EMBED_PARAMETERS = (SHOW, LOOK)

# Pixels. Narrower or lower than the least, nothing can be read.
LEAST_SIDE, MOST_SIDE = 200, 3_000
DEFAULT_WIDTH, DEFAULT_HEIGHT = 640, 560
ONE_HEIGHT = 420
"""The height that is enough for one initiative."""


@dataclass(frozen=True, slots=True)
class EmbedView:
    """How a frame shows what its filter finds."""

    show: EmbedShow = EmbedShow.BOTH
    look: EmbedLook = EmbedLook.AUTO

    @classmethod
    def parse(cls, show: str | None, look: str | None) -> Self:
        """Empty texts are defaults, as an HTML form sends its empty fields. Raises InvalidInput."""
        return cls(
            _choice(SHOW, show, EmbedShow, EmbedShow.BOTH),
            _choice(LOOK, look, EmbedLook, EmbedLook.AUTO),
        )

    def to_pairs(self) -> list[tuple[str, str]]:
        """The inverse of `parse`; defaults are left out."""
        pairs: list[tuple[str, str]] = []
        if self.show is not EmbedShow.BOTH:
            pairs.append((SHOW, self.show))
        if self.look is not EmbedLook.AUTO:
            pairs.append((LOOK, self.look))
        return pairs


def _choice(field: str, text: str | None, kind: type[Choice], default: Choice) -> Choice:
    if not text:
        return default
    if text not in tuple(kind):
        raise InvalidInput(field, f"{text[:40]!r} is not one of {', '.join(kind)}")
    return kind(text)


@dataclass(frozen=True, slots=True)
class FrameSize:
    """Pixels; without a width it is as wide as the column that it stands in."""

    width: int | None
    height: int

    @classmethod
    def parse(cls, width: str | None, height: str | None) -> Self:
        """Raises InvalidInput naming `width` or `height`."""
        return cls(
            _side("width", width) if width else None,
            _side("height", height) if height else DEFAULT_HEIGHT,
        )


def _side(field: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise InvalidInput(field, f"{text[:40]!r} is not a whole number of pixels")
    if not LEAST_SIDE <= int(text) <= MOST_SIDE:
        raise InvalidInput(field, f"must lie between {LEAST_SIDE} and {MOST_SIDE} pixels")
    return int(text)


def most_side(field: str, text: str | None) -> int | None:
    """The bound that a consumer of oEmbed sets, in pixels. Raises InvalidInput naming it."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise InvalidInput(field, f"{text[:40]!r} is not a whole number of pixels above 0")
    return int(text)


def frame_within(size: FrameSize, width: int | None, height: int | None) -> FrameSize:
    """The size of a frame of a known width that no bound is smaller than."""
    own = size.width or DEFAULT_WIDTH
    return FrameSize(min(own, width or own), min(size.height, height or size.height))


def frame_html(address: str, title: str, size: FrameSize) -> str:
    """The element for somebody's page. Whatever title and address hold, it is one element."""
    width = str(size.width) if size.width else "100%"
    attributes: Sequence[tuple[str, str]] = (
        ("src", address),
        ("title", title),
        ("width", width),
        ("height", str(size.height)),
        ("loading", "lazy"),
        ("style", "border:0;max-width:100%"),
    )
    written = " ".join(f'{name}="{escape(text)}"' for name, text in attributes)
    return f"<iframe {written}></iframe>"
