"""Needs and registrations as plain values: of an initiative, a group or an event."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from mapservice.contributions.proposals.model import one_line
from mapservice.initiatives.facts import read_day

MAX_WORDS = 200
MAX_PLACES = 1000
MAX_NEEDS = 10
# After the day of a need; where it has none, after a person said that they come.
KEPT_DAYS = 30
KEPT_DAYS_UNDATED = 365


class NeedOwner(StrEnum):
    """What asks for hands."""

    INITIATIVE = "initiative"
    GROUP = "group"
    EVENT = "event"


PATHS = {
    NeedOwner.INITIATIVE: "initiatives",
    NeedOwner.GROUP: "groupes",
    NeedOwner.EVENT: "evenements",
}


class NeedSkill(StrEnum):
    """Which hands: few enough that who looks for something to do reads them all."""

    ANY = "any"
    BUILDING = "building"
    GARDENING = "gardening"
    COOKING = "cooking"
    TRANSPORT = "transport"
    WELCOME = "welcome"
    TEACHING = "teaching"
    DIGITAL = "digital"
    DESIGN = "design"
    PAPERWORK = "paperwork"
    LANGUAGES = "languages"
    CARE = "care"


class NeedMistake(StrEnum):
    """What can be wrong with a field of a need."""

    MISSING = "is missing"
    LONG = "is too long"
    DAY = "is not a day from today on"
    PLACES = "is not a whole number from 1 on"
    SKILL = "is not one of those offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What is asked for, how many it takes, and how many come; `day` is local to the place."""

    id: UUID
    kind: NeedOwner
    owner: UUID
    words: str
    day: date | None
    places: int
    skill: NeedSkill
    taken: int

    @property
    def left(self) -> int:
        return max(self.places - self.taken, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedTarget:
    """A need with the initiative, group or event that asks.

    `day` is that of the need, else that of the event. `is_open`: what asks is under way.
    """

    need: Need
    title: str
    day: date | None
    departement: str | None
    region: str | None
    is_open: bool

    @property
    def url(self) -> str:
        """The page of what asks."""
        return f"/{PATHS[self.need.kind]}/{self.need.owner}"


@dataclass(frozen=True, slots=True)
class NeedForm:
    """What was typed, cleaned, and its mistakes by field."""

    words: str
    day: date | None
    places: int
    skill: NeedSkill = NeedSkill.ANY
    mistakes: Mapping[str, NeedMistake] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Somebody who comes, for the author; name and address are empty unless they agreed."""

    name: str
    email: str
    shows_contact: bool
    confirmed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRegistration:
    """What a person comes for, for their page and their export."""

    need: UUID
    title: str
    is_public: bool
    words: str
    day: date | None
    shows_contact: bool
    confirmed_at: datetime


def read_need(typed: Mapping[str, str], today: date) -> NeedForm:
    """What a form says. `today` is the day at the place: what is over needs nobody."""
    mistakes: dict[str, NeedMistake] = {}
    words = one_line(typed.get("words", ""))
    if not any(sign.isalnum() for sign in words):
        mistakes["words"] = NeedMistake.MISSING
    elif len(words) > MAX_WORDS:
        mistakes["words"] = NeedMistake.LONG

    day: date | None = None
    written = typed.get("day", "").strip()
    if written:
        try:
            day = read_day(written)
        except ValueError:
            mistakes["day"] = NeedMistake.DAY
        if day and day < today:
            mistakes["day"] = NeedMistake.DAY

    count = typed.get("places", "").strip()
    is_number = count.isascii() and count.isdigit() and len(count) <= len(str(MAX_PLACES))
    places = int(count) if is_number else 0
    if not 1 <= places <= MAX_PLACES:
        mistakes["places"] = NeedMistake.PLACES
    chosen = typed.get("skill", "") or str(NeedSkill.ANY)
    if chosen not in tuple(NeedSkill):
        mistakes["skill"] = NeedMistake.SKILL
        chosen = str(NeedSkill.ANY)
    return NeedForm(words, day, places, NeedSkill(chosen), mistakes)
