"""A place in doubt: why it waits, what it could be, and what a person decided."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from mapservice.accounts.roles.model import EVERYWHERE, TerritoryScope
from mapservice.errors import InvalidInput
from mapservice.geocoding.matching.evidence import SURE_METHODS
from mapservice.geocoding.model import Precision
from mapservice.territories.model import Level, ParentTerritory, TerritoryRef

MAX_NOTE = 500


class PlaceReview(StrEnum):
    """State of a place in `location_match.review`; NONE: it was never in doubt."""

    NONE = "none"
    WAITING = "waiting"
    DECIDED = "decided"


# Those of the queue.
LISTED = (PlaceReview.WAITING, PlaceReview.DECIDED)


class DoubtReason(StrEnum):
    """Why a place waits; templates/review/_why.html has the sentence for each."""

    POINT_ELSEWHERE = "point_elsewhere"
    POINT_AT_SEA = "point_at_sea"
    PROVIDER_ELSEWHERE = "provider_elsewhere"
    SHARED_OUT = "shared_out"
    GONE = "gone"
    HOMONYMS = "homonyms"
    SHARED_POSTCODE = "shared_postcode"
    SEVERAL_FIT = "several_fit"
    POSTCODE_AGAINST = "postcode_against"
    DEPARTEMENT_AGAINST = "departement_against"
    MISSPELT = "misspelt"
    OTHER_NAME = "other_name"
    TWO_TOWNS = "two_towns"
    GROUPING = "grouping"
    AREA_TOO = "area_too"
    SHORT_NAME = "short_name"
    EVERYDAY_WORD = "everyday_word"
    ABROAD = "abroad"
    POSTCODE_OUTSIDE = "postcode_outside"
    NO_COMMUNE = "no_commune"
    OPEN = "open"


class ChoiceKind(StrEnum):
    """What a moderator can decide a place to be."""

    COMMUNE = "commune"
    POINT = "point"
    PIN = "pin"
    EPCI = "epci"
    DEPARTEMENT = "departement"
    REGION = "region"
    UNKNOWN = "unknown"

    @property
    def precision(self) -> Precision:
        if self in (ChoiceKind.POINT, ChoiceKind.PIN):
            return Precision.POINT
        return Precision.NONE if self is ChoiceKind.UNKNOWN else Precision(self.value)

    @property
    def level(self) -> Level | None:
        """The level of the territory that such a choice names, where it names one."""
        return Level(self.value) if self.value in tuple(Level) else None


@dataclass(frozen=True, slots=True)
class PlaceChoice:
    """`code` names a territory of the kind; it is "" for a point and for an unknown place.

    `pin` (lon, lat, EPSG:4326) is where a moderator puts it.
    """

    kind: ChoiceKind
    code: str = ""
    note: str = ""
    pin: tuple[float, float] | None = None

    @classmethod
    def parse(cls, text: str, note: str = "") -> Self:
        """`commune:35238`, `departement:35`, …, `point`, `pin:-1.68,48.11` or `unknown`.

        Raises InvalidInput.
        """
        name, _, code = text.strip().partition(":")
        if name not in tuple(ChoiceKind):
            raise InvalidInput("choice", "is not one of those offered")
        kind = ChoiceKind(name)
        if kind is ChoiceKind.PIN:
            try:
                lon, lat = (round(float(part), 6) for part in code.split(","))
            except ValueError:
                raise InvalidInput("pin", "is not a longitude and a latitude") from None
            if not (abs(lon) <= 180 and abs(lat) <= 85):
                raise InvalidInput("pin", "is not on the map")
            return cls(kind, note=clean_note(note), pin=(lon, lat))
        if not re.fullmatch(r"[0-9A-Za-z]{1,9}" if kind.level else "", code):
            raise InvalidInput("choice", f"{code[:20]!r} is not the code of a territory")
        return cls(kind, code.upper(), clean_note(note))


def clean(text: str) -> str:
    """One line without control characters, which could corrupt a terminal or a log."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def clean_note(text: str) -> str:
    """One paragraph of plain text. Raises InvalidInput when it is too long."""
    note = clean(text)
    if len(note) > MAX_NOTE:
        raise InvalidInput("note", f"is longer than {MAX_NOTE} characters")
    return note


@dataclass(frozen=True, slots=True)
class PlaceScope:
    """A part of the queue: all, what concerns a territory, or what concerns none at all.

    Of that, only what lies within the person's territorial scope.
    """

    territory: TerritoryRef | None = None
    nowhere: bool = False
    reach: TerritoryScope = EVERYWHERE


@dataclass(frozen=True, slots=True)
class PlaceCommune:
    """A commune of today; label point and bounds (W, S, E, N) in EPSG:4326."""

    code: str
    name: str
    article: str
    population: int | None
    departement: str
    departement_name: str
    region: str
    region_name: str
    lon: float
    lat: float
    bounds: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PlaceCandidate:
    """A commune that fits; `through` is the former or associated one whose name was read, or ""."""

    number: int
    commune: PlaceCommune
    through: str = ""


@dataclass(frozen=True, slots=True)
class GivenPoint:
    """The point that came with the words, EPSG:4326.

    `holder` is the commune whose ground it is on, or the nearest one for a point a little off the
    coast (`afloat`); None when it lies far at sea or abroad.
    """

    lon: float
    lat: float
    holder: PlaceCommune | None
    afloat: bool


@dataclass(frozen=True, slots=True)
class PlaceDecision:
    """The last decision; `place` names the territory. In force unless withdrawn."""

    kind: ChoiceKind
    code: str
    place: str
    note: str
    by: str
    at: datetime
    withdrawn_by: str = ""


@dataclass(frozen=True, slots=True)
class PlaceCase:
    """One initiative whose place is or was in doubt, with all that helps to decide.

    `words` is the place as it was typed. `shown` is where it is shown meanwhile.
    """

    id: UUID
    title: str
    theme: str
    status: str
    words: str
    waiting_since: datetime
    review: PlaceReview
    why: DoubtReason
    subject: str
    precision: Precision
    shown: ParentTerritory | None
    candidates: tuple[PlaceCandidate, ...]
    given: GivenPoint | None
    areas: tuple[ParentTerritory, ...]
    decision: PlaceDecision | None


@dataclass(frozen=True, slots=True)
class TerritoryShare:
    """How many waiting places concern a territory; a place may concern several."""

    code: str
    name: str
    region: str
    waiting: int


@dataclass(frozen=True, slots=True)
class PlaceCounts:
    """Waiting places in all, by territory (the most first), and those that concern none."""

    waiting: int
    decided: int
    nowhere: int
    regions: tuple[TerritoryShare, ...]
    departements: tuple[TerritoryShare, ...]


# The geocoder's English reasons, for doubts that the other columns of the record do not show.
_TOLD = (
    (r"the provider's point lies in ", DoubtReason.PROVIDER_ELSEWHERE),
    (r"the postcode serves \d+ communes", DoubtReason.SHARED_POSTCODE),
    (r"several communes bear the name ", DoubtReason.HOMONYMS),
    (r"the postcode and the name fit several", DoubtReason.SEVERAL_FIT),
    (
        r"the (?:name and the postcode|postcode and the misspelt name) point",
        DoubtReason.POSTCODE_AGAINST,
    ),
    (r"the departement given is another", DoubtReason.DEPARTEMENT_AGAINST),
    (r"the name is (?:only \d+%|misspelt)", DoubtReason.MISSPELT),
    (r"the name (?:stands in that of|may be part of) ", DoubtReason.OTHER_NAME),
    (r".* is named too", DoubtReason.TWO_TOWNS),
    (r"a grouping of communes is named", DoubtReason.GROUPING),
    (r"a departement or region bears the name", DoubtReason.AREA_TOO),
    (r"the name may be short for", DoubtReason.SHORT_NAME),
    (r"the name is also an everyday word", DoubtReason.EVERYDAY_WORD),
    (r"the text speaks of |a town abroad bears the name", DoubtReason.ABROAD),
    (r"the postcode lies in no departement", DoubtReason.POSTCODE_OUTSIDE),
    (r"only a street is named, and it bears", DoubtReason.OTHER_NAME),
    (r"no commune is named|no name in the text is near", DoubtReason.NO_COMMUNE),
    (r"only a street or a place within a commune is named", DoubtReason.NO_COMMUNE),
    (r"only a departement or region is named|the whole country is named", DoubtReason.NO_COMMUNE),
)


def why_told(reason: str) -> DoubtReason:
    """The reason for doubt that an English sentence of the geocoder stands for."""
    return next((why for form, why in _TOLD if re.search(form, reason)), DoubtReason.OPEN)


def why(record: Mapping[str, Any], given: GivenPoint | None) -> DoubtReason:
    """Why a row of `location_match` waits: by its columns, else by its English reason."""
    if record["method"] == "lineage":
        return DoubtReason.SHARED_OUT if record["candidates"] else DoubtReason.GONE
    if given is not None:
        return (
            DoubtReason.POINT_AT_SEA
            if given.holder is None or given.afloat
            else DoubtReason.POINT_ELSEWHERE
        )
    # Homonyms: several communes with exactly the name that was typed, and no other candidate.
    candidates = record["candidates"]
    names = {str(candidate["through"]).casefold() for candidate in candidates}
    spelt = all(candidate["method"] in SURE_METHODS for candidate in candidates)
    if len(candidates) > 1 and len(names) == 1 and spelt and record["status"] == "ambiguous":
        return DoubtReason.HOMONYMS
    return why_told(record["reason"])


def subject(record: Mapping[str, Any], reason: DoubtReason) -> str:
    """What the sentence is about: the postcode, the place that was split, or the name read."""
    if reason in (DoubtReason.SHARED_OUT, DoubtReason.GONE):
        found = re.match(r"\w+ (\w+) ", record["reason"])
        return found[1] if found else ""
    if reason is DoubtReason.PROVIDER_ELSEWHERE:
        found = re.search(r"the provider's point lies in (\w+)", record["reason"])
        return found[1] if found else ""
    if reason in (
        DoubtReason.SHARED_POSTCODE,
        DoubtReason.POSTCODE_OUTSIDE,
        DoubtReason.POSTCODE_AGAINST,
    ):
        return str(record["parts"].get("postcode", ""))
    if reason is DoubtReason.HOMONYMS:
        return str(record["candidates"][0]["through"])
    return ""
