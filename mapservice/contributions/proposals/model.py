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
from mapservice.initiatives.model import PUBLIC, Scale, Status, Theme

MAX_TITLE = 120
MAX_SUMMARY = 300
MAX_DESCRIPTION = 10_000
MAX_PLACE = 200
MAX_REASON = 2000

# Signs that cannot be seen, turn the direction or stand for nothing; emoji are joined by U+200D.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")
_JOINER = "\u200d"
# More marks than any script puts on one letter run over the lines around it.
_PILE = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u20d0-\u20f0]{3})[\u0300-\u036f\u0483-\u0489\u20d0-\u20f0]+"
)
_CHOICE = re.compile(r"(?:commune|only):[0-9][0-9AB][0-9]{3}|point|open|")

Vocabulary = TypeVar("Vocabulary", bound=StrEnum)

# What an author may do with what was public once.
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

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """What `to_json` made, after a stay in the database."""
        texts = {name: kept[name] for name in ("title", "summary", "description")}
        return cls(
            **texts,
            theme=Theme(kept["theme"]),
            scale=Scale(kept["scale"]),
            place=ProposedPlace(**kept["place"]),
        )


@dataclass(frozen=True, slots=True)
class ProposalForm:
    """What was typed, cleaned, and what is wrong with it by the name of the field."""

    content: ProposalContent
    mistakes: Mapping[str, FieldMistake] = field(default_factory=dict)


# What is decided about the text of a proposal.
ON_TEXT = (
    DecisionVerdict.PUBLISH,
    DecisionVerdict.KEEP,
    DecisionVerdict.REJECT,
    DecisionVerdict.ASK,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposal with its newest version. `revision` is the number of that.

    `reason` is what the moderators told last. `queued_at`: since when one of them is awaited.
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
class ProposalRevision:
    """One version of a proposal, the first has number 1."""

    number: int
    made_at: datetime
    content: ProposalContent

    def changes_from(self, former: "ProposalRevision") -> list[str]:
        """The names of the fields that differ."""
        mine, theirs = asdict(self.content), asdict(former.content)
        return [name for name in mine if mine[name] != theirs[name]]


def read_form(fields: Mapping[str, str]) -> ProposalForm:
    """What a form says. Text is cleaned of what cannot be seen; nothing typed is cut off."""
    mistakes: dict[str, FieldMistake] = {}
    title = one_line(fields.get("title", ""))
    summary = one_line(fields.get("summary", ""))
    description = paragraphs(fields.get("description", ""))
    theme = _one_of(Theme, fields, "theme", Theme.AUTRE, mistakes)
    scale = _one_of(Scale, fields, "scale", Scale.COMMUNE, mistakes)
    place = _spot(fields, mistakes)
    for name, text, most in (
        ("title", title, MAX_TITLE),
        ("summary", summary, MAX_SUMMARY),
        ("description", description, MAX_DESCRIPTION),
        ("place", place.words, MAX_PLACE),
    ):
        if len(text) > most:
            mistakes[name] = FieldMistake.LONG
    if not re.search(r"\w", title):
        mistakes["title"] = FieldMistake.MISSING
    if not place.words and place.point is None and scale is not Scale.NATIONAL:
        mistakes.setdefault("place", FieldMistake.MISSING)
    return ProposalForm(ProposalContent(title, summary, description, theme, scale, place), mistakes)


def one_line(text: str) -> str:
    """A line that can be seen as it is."""
    return " ".join(_shown(text).split())


def paragraphs(text: str) -> str:
    """Lines that can be seen as they are; tabs and the line ends of every system are understood."""
    lines = re.split(r"\r\n|[\n\r\x85\u2028\u2029]", text)
    return "\n".join(_shown(line.replace("\t", "    ")).rstrip() for line in lines).strip()


def _shown(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    seen = (
        sign if sign == _JOINER or unicodedata.category(sign) not in _UNSEEN else _gap(sign)
        for sign in composed
    )
    return _PILE.sub(r"\1", "".join(seen))


def _gap(sign: str) -> str:
    return " " if sign.isspace() else ""


def _one_of(
    kinds: type[Vocabulary],
    fields: Mapping[str, str],
    name: str,
    default: Vocabulary,
    mistakes: dict[str, FieldMistake],
) -> Vocabulary:
    text = fields.get(name, "")
    if text in tuple(kinds):
        return kinds(text)
    mistakes[name] = FieldMistake.CHOICE if text else FieldMistake.MISSING
    return default


def _spot(fields: Mapping[str, str], mistakes: dict[str, FieldMistake]) -> ProposedPlace:
    """A choice holds for the words it was made for: who changes these chooses anew."""
    words = one_line(fields.get("place", ""))
    choice = fields.get("choice", "")
    if not _CHOICE.fullmatch(choice):
        mistakes["place"] = FieldMistake.CHOICE
        choice = ""
    elif choice and one_line(fields.get("choice_for", words)) != words:
        choice = ""
    point = _point(fields, mistakes) if not fields.get("no_point") else None
    lon, lat = point or (None, None)
    return ProposedPlace(words, lon, lat, choice)


def _point(
    fields: Mapping[str, str], mistakes: dict[str, FieldMistake]
) -> tuple[float, float] | None:
    texts = [fields.get(name, "").strip() for name in ("lon", "lat")]
    if not any(texts):
        return None
    try:
        lon, lat = (round(float(text), 6) for text in texts)
    except ValueError:
        mistakes["place"] = FieldMistake.POINT
        return None
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 85):
        mistakes["place"] = FieldMistake.POINT
        return None
    return lon, lat
