"""Which calls for hands: the grammar of initiatives for words, theme and place; skill and days."""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Self
from uuid import UUID

from mapservice.contributions.needs.model import NeedSkill
from mapservice.errors import InvalidInput
from mapservice.initiatives import filters as initiatives
from mapservice.initiatives.facts import read_day
from mapservice.initiatives.filters import ABOUT, InitiativeFilters

OWN = ("skill", "from", "to")


@dataclass(frozen=True, slots=True)
class CallFilters:
    """Which needs. With a day, those of no day in particular are left out."""

    about: InitiativeFilters = field(default_factory=InitiativeFilters)
    skill: tuple[NeedSkill, ...] = ()
    first: date | None = None
    last: date | None = None

    @property
    def is_empty(self) -> bool:
        return self == CallFilters()

    def to_pairs(self) -> list[tuple[str, str]]:
        """The query string that parses to this value, in canonical order."""
        own = (
            ("skill", ",".join(self.skill)),
            ("from", self.first.isoformat() if self.first else ""),
            ("to", self.last.isoformat() if self.last else ""),
        )
        about = [pair for pair in self.about.to_pairs() if pair[0] in ABOUT]
        return [*about, *(pair for pair in own if pair[1])]


@dataclass(frozen=True, slots=True)
class CallCursor:
    """Where a page begins: after the need of that day (None: of no day), with this id."""

    day: date | None
    id: UUID

    def encode(self) -> str:
        packed = json.dumps([self.day.isoformat() if self.day else "", str(self.id)])
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Raises InvalidInput for what is no cursor of ours."""
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            day, need = json.loads(packed)
            return cls(read_day(day) if day else None, UUID(need))
        except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
            raise InvalidInput("cursor", "is not one that this service gave") from None


def parse(pairs: Iterable[tuple[str, str]]) -> tuple[CallFilters, CallCursor | None]:
    """Reads a query string. Raises InvalidInput for what is unknown, repeated or malformed."""
    about, texts = initiatives.parse_about(pairs, OWN, ("skill",))
    if "limit" in texts:
        raise InvalidInput("limit", "is not a parameter of this address")
    chosen = {part.strip() for part in texts.get("skill", "").split(",") if part.strip()}
    for one in sorted(chosen - set(NeedSkill)):
        raise InvalidInput("skill", f"{one[:40]!r} is not one of {', '.join(NeedSkill)}")
    first, last = _day("from", texts), _day("to", texts)
    if first and last and last < first:
        raise InvalidInput("to", "lies before from")
    skill = tuple(one for one in NeedSkill if one in chosen)
    cursor = CallCursor.decode(texts["cursor"]) if "cursor" in texts else None
    return CallFilters(about, skill, first, last), cursor


def _day(name: str, texts: dict[str, str]) -> date | None:
    if name not in texts:
        return None
    try:
        return read_day(texts[name].strip())
    except ValueError:
        raise InvalidInput(name, "must be a day, YYYY-MM-DD") from None
