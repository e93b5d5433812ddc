"""A place in doubt: why it waits, what it could be, and what a person decided."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from mapservice.accounts.roles.model import EVERYWHERE, Reach
from mapservice.errors import InvalidInput
from mapservice.geocoding.matching.evidence import SURE_METHODS
from mapservice.geocoding.model import Precision
from mapservice.territories.model import Area, Level, TerritoryRef

MAX_NOTE = 500


class Review(StrEnum):
    """Where a place stands in `location_match.review`; NONE: it never was in doubt."""

    NONE = "none"
    WAITING = "waiting"
    DECIDED = "decided"


# Those of the queue.
LISTED = (Review.WAITING, Review.DECIDED)


class Why(StrEnum):
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
    """What a person can decide a place to be."""

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
class Choice:
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
            return cls(kind, note=clean_note(note), pin=_pin(code))
        if not re.fullmatch(r"[0-9A-Za-z]{1,9}" if kind.level else "", code):
            raise InvalidInput("choice", f"{code[:20]!r} is not the code of a territory")
        return cls(kind, code.upper(), clean_note(note))


def _pin(text: str) -> tuple[float, float]:
    try:
        lon, lat = (round(float(part), 6) for part in text.split(","))
    except ValueError:
        raise InvalidInput("pin", "is not a longitude and a latitude") from None
    if not (abs(lon) <= 180 and abs(lat) <= 85):
        raise InvalidInput("pin", "is not on the map")
    return lon, lat


def clean(text: str) -> str:
    """One line without control signs, which would steer a terminal or a log."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def clean_note(text: str) -> str:
    """One paragraph of plain text. Raises InvalidInput when it is too long."""
    note = clean(text)
    if len(note) > MAX_NOTE:
        raise InvalidInput("note", f"is longer than {MAX_NOTE} characters")
    return note


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of the queue: all, what concerns a territory, or what concerns none at all.

    Of that, only what lies within the reach of who asks.
    """

    territory: TerritoryRef | None = None
    nowhere: bool = False
    reach: Reach = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Commune:
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
class Candidate:
    """A commune that fits; `through` is the former or associated one whose name was read, or ""."""

    number: int
    commune: Commune
    through: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """The point that came with the words, EPSG:4326.

    `holder` is the commune whose ground it is on, or the nearest one for a point a little off the
    coast (`afloat`); None when it lies far at sea or abroad.
    """

    lon: float
    lat: float
    holder: Commune | None
    afloat: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided last; `place` names the territory. In force unless withdrawn."""

    kind: ChoiceKind
    code: str
    place: str
    note: str
    by: str
    at: datetime
    withdrawn_by: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One initiative whose place is or was in doubt, with all that helps to decide.

    `words` is the place as it was typed. `shown` is where it is shown meanwhile.
    """

    id: UUID
    title: str
    theme: str
    status: str
    words: str
    waiting_since: datetime
    review: Review
    why: Why
    subject: str
    precision: Precision
    shown: Area | None
    candidates: tuple[Candidate, ...]
    given: Given | None
    areas: tuple[Area, ...]
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Share:
    """How many waiting places concern a territory; one may concern several."""

    code: str
    name: str
    region: str
    waiting: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What waits in all, what concerns each territory (the most first), and what concerns none."""

    waiting: int
    decided: int
    nowhere: int
    regions: tuple[Share, ...]
    departements: tuple[Share, ...]


# What the geocoder says in English, for reasons that the rest of the record does not tell.
_TOLD = (
    (r"the provider's point lies in ", Why.PROVIDER_ELSEWHERE),
    (r"the postcode serves \d+ communes", Why.SHARED_POSTCODE),
    (r"several communes bear the name ", Why.HOMONYMS),
    (r"the postcode and the name fit several", Why.SEVERAL_FIT),
    (r"the (?:name and the postcode|postcode and the misspelt name) point", Why.POSTCODE_AGAINST),
    (r"the departement given is another", Why.DEPARTEMENT_AGAINST),
    (r"the name is (?:only \d+%|misspelt)", Why.MISSPELT),
    (r"the name (?:stands in that of|may be part of) ", Why.OTHER_NAME),
    (r".* is named too", Why.TWO_TOWNS),
    (r"a grouping of communes is named", Why.GROUPING),
    (r"a departement or region bears the name", Why.AREA_TOO),
    (r"the name may be short for", Why.SHORT_NAME),
    (r"the name is also an everyday word", Why.EVERYDAY_WORD),
    (r"the text speaks of ", Why.ABROAD),
    (r"the postcode lies in no departement", Why.POSTCODE_OUTSIDE),
    (r"only a street is named, and it bears", Why.OTHER_NAME),
    (r"no commune is named|no name in the text is near", Why.NO_COMMUNE),
    (r"only a street or a place within a commune is named", Why.NO_COMMUNE),
    (r"only a departement or region is named|the whole country is named", Why.NO_COMMUNE),
)


def why_told(reason: str) -> Why:
    """What an English reason of the geocoder means."""
    return next((why for form, why in _TOLD if re.search(form, reason)), Why.OPEN)


def why(record: Mapping[str, Any], given: Given | None) -> Why:
    """Why a row of `location_match` waits: from what it holds, else from its English reason."""
    if record["method"] == "lineage":
        return Why.SHARED_OUT if record["candidates"] else Why.GONE
    if given is not None:
        return Why.POINT_AT_SEA if given.holder is None or given.afloat else Why.POINT_ELSEWHERE
    if _are_homonyms(record["candidates"]) and record["status"] == "ambiguous":
        return Why.HOMONYMS
    return why_told(record["reason"])


def _are_homonyms(candidates: Sequence[Mapping[str, Any]]) -> bool:
    """Several communes of one name, spelt as it was typed, and no other among the candidates."""
    names = {str(candidate["through"]).casefold() for candidate in candidates}
    spelt = all(candidate["method"] in SURE_METHODS for candidate in candidates)
    return len(candidates) > 1 and len(names) == 1 and spelt


def subject(record: Mapping[str, Any], reason: Why) -> str:
    """What the sentence is about: the postcode, the place that was split, or the name read."""
    if reason in (Why.SHARED_OUT, Why.GONE):
        found = re.match(r"\w+ (\w+) ", record["reason"])
        return found[1] if found else ""
    if reason is Why.PROVIDER_ELSEWHERE:
        found = re.search(r"the provider's point lies in (\w+)", record["reason"])
        return found[1] if found else ""
    if reason in (Why.SHARED_POSTCODE, Why.POSTCODE_OUTSIDE, Why.POSTCODE_AGAINST):
        return str(record["parts"].get("postcode", ""))
    if reason is Why.HOMONYMS:
        return str(record["candidates"][0]["through"])
    return ""
