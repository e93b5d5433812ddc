"""The filter grammar of groups: that of initiatives for words, theme and place, and their life.

`parse` turns the pairs of a query string into a `GroupFilters` and a page, or raises InvalidInput
naming the parameter; `to_pairs` is its inverse.
"""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self, TypeVar
from uuid import UUID

from mapservice.errors import InvalidInput
from mapservice.groups.model import GroupOpenness, GroupState
from mapservice.initiatives import filters as initiatives
from mapservice.initiatives.filters import ABOUT, InitiativeFilters, parse_moment
from mapservice.web.parsing import parse_limit

Choice = TypeVar("Choice", bound=StrEnum)

OWN = ("state", "openness")


@dataclass(frozen=True, slots=True)
class GroupFilters:
    """Which groups. Empty fields do not restrict, but what is archived is shown if asked for."""

    about: InitiativeFilters = field(default_factory=InitiativeFilters)
    state: tuple[GroupState, ...] = ()
    openness: tuple[GroupOpenness, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self == GroupFilters()

    @property
    def states(self) -> tuple[GroupState, ...]:
        return self.state or (GroupState.ACTIVE, GroupState.DORMANT)

    def to_pairs(self) -> list[tuple[str, str]]:
        """The query string that parses to this value, in canonical order."""
        pairs = [pair for pair in self.about.to_pairs() if pair[0] in ABOUT]
        own = (("state", ",".join(self.state)), ("openness", ",".join(self.openness)))
        return [*pairs, *(pair for pair in own if pair[1])]


@dataclass(frozen=True, slots=True)
class GroupCursor:
    """Where a page begins: after the group published at that moment, with this id."""

    published_at: datetime
    id: UUID

    def encode(self) -> str:
        packed = json.dumps([self.published_at.isoformat(), str(self.id)])
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Raises InvalidInput for what is no cursor of ours."""
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            moment, row = json.loads(packed)
            return cls(parse_moment("cursor", moment), UUID(row))
        except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
            raise InvalidInput("cursor", "is not one that this service gave") from None


@dataclass(frozen=True, slots=True)
class GroupPageRequest:
    """How many, from where; `limit` None leaves the address its own default."""

    limit: int | None = None
    cursor: GroupCursor | None = None


def parse(pairs: Iterable[tuple[str, str]]) -> tuple[GroupFilters, GroupPageRequest]:
    """Reads a query string. Raises InvalidInput for what is unknown, repeated or malformed."""
    about, texts = initiatives.parse_about(pairs, OWN, OWN)
    found = GroupFilters(
        about=about,
        state=_words("state", texts.get("state", ""), GroupState),
        openness=_words("openness", texts.get("openness", ""), GroupOpenness),
    )
    paging = GroupPageRequest(
        limit=parse_limit(texts["limit"]) if "limit" in texts else None,
        cursor=GroupCursor.decode(texts["cursor"]) if "cursor" in texts else None,
    )
    return found, paging


def with_about(filters: GroupFilters, about: InitiativeFilters) -> GroupFilters:
    """The same, with places that are known by name."""
    return replace(filters, about=about)


def _words(name: str, text: str, kind: type[Choice]) -> tuple[Choice, ...]:
    chosen = {part.strip().lower() for part in text.split(",") if part.strip()}
    for one in sorted(chosen - set(kind)):
        raise InvalidInput(name, f"{one[:40]!r} is not one of {', '.join(kind)}")
    return tuple(one for one in kind if one in chosen)
