"""A proposal: what its author says, what may become of it, and its versions."""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self, TypeVar
from uuid import UUID

from mapservice.audit.model import DecisionVerdict
from mapservice.initiatives.facts import (
    FACT_FIELDS,
    NO_FACTS,
    FactMistake,
    InitiativeFacts,
    read_facts,
)
from mapservice.initiatives.model import PUBLIC, Scale, Status, Theme

MAX_TITLE = 120
MAX_SUMMARY = 300
MAX_DESCRIPTION = 10_000
MAX_PLACE = 200
MAX_REASON = 2000

# Categories of signs that are invisible, change the direction of text or are unassigned. U+200D is
# one of them, but joins emoji.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")
_JOINER = "\u200d"
# No script puts more than three marks on a letter; more would cover the lines around it.
_PILE = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u20d0-\u20f0]{3})[\u0300-\u036f\u0483-\u0489\u20d0-\u20f0]+"
)
_CHOICE = re.compile(r"(?:commune|only):[0-9][0-9AB][0-9]{3}|point|open|")

Vocabulary = TypeVar("Vocabulary", bound=StrEnum)

# What an author may make of an initiative that is public.
CLOSED = (Status.DONE, Status.ARCHIVED)
# States in which the text may still change; a refusal is final.
EDITABLE = (Status.DRAFT, Status.PENDING, Status.PUBLISHED, Status.DONE)


class FieldMistake(StrEnum):
    """What can be wrong with a field."""

    MISSING = "is missing"
    LONG = "is too long"
    CHOICE = "is not one of those offered"
    POINT = "is not a position on the map"


@dataclass(frozen=True, slots=True)
class ProposedPlace:
    """A place as its author gave it: words, a pin (EPSG:4326), or both.

    `choice` is the reading that the author chose: `commune:35238` (the words mean that one),
    `only:35238` (the same, without the pin), `point` (the pin says where), `open` (a person is to
    find out), or "" for none.
    """

    words: str = ""
    lon: float | None = None
    lat: float | None = None
    choice: str = ""

    @property
    def point(self) -> tuple[float, float] | None:
        return None if self.lon is None or self.lat is None else (self.lon, self.lat)

    @property
    def commune(self) -> str:
        """The INSEE code that was chosen, or ""."""
        kind, _, code = self.choice.partition(":")
        return code if kind in ("commune", "only") else ""


@dataclass(frozen=True, slots=True)
class ProposalContent:
    """What a proposal says. `description` is Markdown."""

    title: str
    summary: str
    description: str
    theme: Theme
    scale: Scale
    place: ProposedPlace
    facts: InitiativeFacts = NO_FACTS

    def to_json(self) -> dict[str, Any]:
        facts = {} if self.facts == NO_FACTS else self.facts.to_json()
        return asdict(self) | {"facts": facts}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Reads what `to_json` made back from the database."""
        texts = {name: stored[name] for name in ("title", "summary", "description")}
        return cls(
            **texts,
            theme=Theme(stored["theme"]),
            scale=Scale(stored["scale"]),
            place=ProposedPlace(**stored["place"]),
            # A link that was mailed by the version before knows of none.
            facts=InitiativeFacts.from_json(stored.get("facts", {})),
        )


@dataclass(frozen=True, slots=True)
class ProposalForm:
    """What was typed, cleaned, its mistakes by field, and why its hours are one, or ""."""

    content: ProposalContent
    mistakes: Mapping[str, FieldMistake | FactMistake] = field(default_factory=dict)
    hours_refused: str = ""


# What is decided about the text of a proposal.
ON_TEXT = (
    DecisionVerdict.PUBLISH,
    DecisionVerdict.KEEP,
    DecisionVerdict.REJECT,
    DecisionVerdict.ASK,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposal with its newest version, whose number is `revision`.

    `reason` is the moderators' latest. `queued_at`: since when it waits for one of them.
    """

    id: UUID
    person: UUID | None
    author: str
    status: Status
    content: ProposalContent
    revision: int
    submitted_at: datetime
    published_at: datetime | None
    published_revision: int | None
    rejected_at: datetime | None
    done_at: datetime | None
    archived_at: datetime | None
    reason: str
    queued_at: datetime | None

    @property
    def is_public(self) -> bool:
        return self.status in PUBLIC


@dataclass(frozen=True, slots=True)
class RevisionPhoto:
    """A photo as a version showed it; it may be gone since."""

    id: UUID
    alt: str
    credit: str


@dataclass(frozen=True, slots=True)
class RevisionNeed:
    """A need as a version showed it; `day` is ISO 8601 or None."""

    id: UUID
    words: str
    day: str | None
    places: int


@dataclass(frozen=True, slots=True)
class ProposalRevision:
    """One version of a proposal; the first has number 1."""

    number: int
    made_at: datetime
    content: ProposalContent
    photos: tuple[RevisionPhoto, ...] = ()
    needs: tuple[RevisionNeed, ...] = ()

    def changes_from(self, former: "ProposalRevision") -> list[str]:
        """The names of the fields that differ."""
        mine, theirs = asdict(self.content), asdict(former.content)
        changed = [name for name in mine if mine[name] != theirs[name]]
        changed += ["photos"] if self.photos != former.photos else []
        return changed + (["needs"] if self.needs != former.needs else [])


def read_form(fields: Mapping[str, str]) -> ProposalForm:
    """What a form says. Text is cleaned of what cannot be seen; nothing typed is cut off."""
    mistakes: dict[str, FieldMistake | FactMistake] = {}
    title = one_line(fields.get("title", ""))
    summary = one_line(fields.get("summary", ""))
    description = paragraphs(fields.get("description", ""))
    theme = _one_of(Theme, fields, "theme", Theme.AUTRE, mistakes)
    scale = _one_of(Scale, fields, "scale", Scale.COMMUNE, mistakes)

    # A choice is for the words it was made for: other words have to be chosen for anew.
    words = one_line(fields.get("place", ""))
    choice = fields.get("choice", "")
    if not _CHOICE.fullmatch(choice):
        mistakes["place"] = FieldMistake.CHOICE
        choice = ""
    elif choice and one_line(fields.get("choice_for", words)) != words:
        choice = ""
    lon: float | None = None
    lat: float | None = None
    typed = [fields.get(name, "").strip() for name in ("lon", "lat")]
    if any(typed) and not fields.get("no_point"):
        try:
            lon, lat = (round(float(text), 6) for text in typed)
        except ValueError:
            lon = lat = math.nan
        # Beyond 85° Web Mercator shows nothing. Comparisons with NaN are false.
        if not (abs(lon) <= 180 and abs(lat) <= 85):
            mistakes["place"] = FieldMistake.POINT
            lon = lat = None
    place = ProposedPlace(words, lon, lat, choice)

    for name, text, most in (
        ("title", title, MAX_TITLE),
        ("summary", summary, MAX_SUMMARY),
        ("description", description, MAX_DESCRIPTION),
        ("place", words, MAX_PLACE),
    ):
        if len(text) > most:
            mistakes[name] = FieldMistake.LONG
    if not re.search(r"\w", title):
        mistakes["title"] = FieldMistake.MISSING
    if not words and place.point is None and scale is not Scale.NATIONAL:
        mistakes.setdefault("place", FieldMistake.MISSING)
    facts, why = NO_FACTS, ""
    if any(fields.get(name) for name in FACT_FIELDS):
        facts, wrong, why = read_facts(fields, one_line)
        mistakes |= wrong
    content = ProposalContent(title, summary, description, theme, scale, place, facts)
    return ProposalForm(content, mistakes, why)


def one_line(text: str) -> str:
    """The text as one line, without invisible signs."""
    return " ".join(_shown(text).split())


def paragraphs(text: str) -> str:
    """Lines without invisible signs; tabs and the line ends of every system are understood."""
    lines = re.split(r"\r\n|[\n\r\x85\u2028\u2029]", text)
    return "\n".join(_shown(line.replace("\t", "    ")).rstrip() for line in lines).strip()


def _shown(text: str) -> str:
    signs = []
    for sign in unicodedata.normalize("NFC", text):
        if sign == _JOINER or unicodedata.category(sign) not in _UNSEEN:
            signs.append(sign)
        elif sign.isspace():
            signs.append(" ")
    return _PILE.sub(r"\1", "".join(signs))


def _one_of(
    kinds: type[Vocabulary],
    fields: Mapping[str, str],
    name: str,
    default: Vocabulary,
    mistakes: dict[str, FieldMistake | FactMistake],
) -> Vocabulary:
    text = fields.get(name, "")
    if text in tuple(kinds):
        return kinds(text)
    mistakes[name] = FieldMistake.CHOICE if text else FieldMistake.MISSING
    return default
