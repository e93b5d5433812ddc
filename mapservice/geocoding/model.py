"""The match record: what was asked, what was understood, what was answered and why."""

from dataclasses import dataclass, field
from enum import StrEnum


class MatchStatus(StrEnum):
    """How far an answer can be trusted."""

    CERTAIN = "certain"
    LIKELY = "likely"
    AMBIGUOUS = "ambiguous"
    NONE = "none"


class Precision(StrEnum):
    """The finest thing that is truly known of a place, from finest to coarsest."""

    POINT = "point"
    COMMUNE = "commune"
    EPCI = "epci"
    DEPARTEMENT = "departement"
    REGION = "region"
    NATIONAL = "national"
    NONE = "none"


class NameRole(StrEnum):
    """What a name is for the text around it."""

    FIELD = "field"
    AFTER_CODE = "after code"
    ALONE = "alone"
    BEFORE_CODE = "before code"
    SITE = "site"
    END = "end"
    EARLIER = "earlier"
    START = "start"
    TAIL = "tail of a street"
    MIDDLE = "middle"
    STREET = "street"
    LOCALITY = "locality"
    FRAGMENT = "fragment"


class MatchMethod(StrEnum):
    """How a commune was found, as kept in the match record."""

    EXACT = "exact"
    ARTICLE = "article"
    SPACING = "spacing"
    BEGINNING = "beginning"
    SOUND = "sound"
    TYPO = "typo"
    ARRONDISSEMENT = "arrondissement"
    POSTCODE = "postcode"
    CITYCODE = "citycode"
    CONTEXT = "context"


class PostcodeAgreement(StrEnum):
    """How the commune stands to the postcode given."""

    SOLE = "sole"
    ONE_OF = "one of"
    AREA = "area"
    NEARBY = "nearby"
    UNKNOWN = "unknown"
    AGAINST = "against"


@dataclass(frozen=True, slots=True)
class GazetteerEntry:
    """One entry of the gazetteer: a name under which one commune of today can be found.

    A commune has one entry for its own name and one for each alias (commune déléguée,
    associée, arrondissement, former name). `kind` is "commune" or an alias kind;
    `code` is the code of the entry itself, `commune` the INSEE code of today.
    `lon`, `lat` (EPSG:4326) are the label point of the commune of today. `population` weighs, so
    that it is 0 where it is unknown, which `population_known` says.
    """

    name: str
    kind: str
    code: str
    commune: str
    commune_name: str
    departement: str
    departement_name: str
    region: str
    region_name: str
    population: int
    postcodes: tuple[str, ...] = ()
    lon: float | None = None
    lat: float | None = None
    population_known: bool = True
    population_year: int | None = None


@dataclass(frozen=True, slots=True)
class GeocodeQuery:
    """A place as a person gave it: one line, or fields apart, or both.

    `departement` is a number or a name. `context` is what the caller knows beyond the row: the
    INSEE code of the commune that a whole file is about (a list of Paris alone may give no more
    than an arrondissement).
    """

    text: str = ""
    postcode: str = ""
    city: str = ""
    citycode: str = ""
    departement: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class QueryParts:
    """What the parser read in a query; every field is normalised, "" or () where absent."""

    postcode: str = ""
    citycode: str = ""
    departement: str = ""
    region: str = ""
    arrondissement: str = ""
    cedex: bool = False
    names: tuple[str, ...] = ()
    street: str = ""


@dataclass(frozen=True, slots=True)
class MatchCandidate:
    """One commune that fits, with its score in 0..1 and the entry through which it was found."""

    place: GazetteerEntry
    score: float
    method: str


@dataclass(frozen=True, slots=True)
class GeocodeMatch:
    """The answer to one query. `commune` is "" when the status is none.

    When `ambiguous`, `commune` is still the best-ranked candidate, and `candidates` holds the
    others in rank order. `reason` says in a few English words why the status is not certain.
    """

    query: GeocodeQuery
    parts: QueryParts
    status: MatchStatus
    precision: Precision
    score: float
    method: str
    year: int
    reason: str = ""
    candidates: tuple[MatchCandidate, ...] = field(default_factory=tuple)

    @property
    def best(self) -> MatchCandidate | None:
        return self.candidates[0] if self.candidates else None

    @property
    def commune(self) -> str:
        return self.best.place.commune if self.best and self.status is not MatchStatus.NONE else ""
