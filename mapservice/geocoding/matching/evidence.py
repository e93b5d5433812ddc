"""What speaks for and against one commune, gathered from codes, names and areas."""

from collections.abc import Iterable
from dataclasses import dataclass

from mapservice.geocoding.matching.gazetteer import Gazetteer
from mapservice.geocoding.matching.parse import QueryReading
from mapservice.geocoding.matching.spans import DECLARED_ROLES, TOWN_ROLES
from mapservice.geocoding.model import (
    GazetteerEntry,
    MatchMethod,
    NameRole,
    PostcodeAgreement,
)
from mapservice.geocoding.weights import (
    CITYCODE_AGAINST,
    CITYCODE_SUPPORT,
    CONFIRMS_CODE,
    CONTEXT_SUPPORT,
    DEPARTEMENT_AGAINST,
    DEPARTEMENT_SUPPORT,
    FORMER_DEPARTEMENT_SUPPORT,
    LIKENESS_EXPONENT,
    MISSPELT_ELSEWHERE,
    NAME_WEIGHT,
    NOTABLE_TOWN,
    POSTCODE_SUPPORT,
    REGION_SUPPORT,
    SUPPORT_CAP,
    UNMISTAKABLE_WORDS,
    WEAK_SUPPORT,
)

SURE_METHODS = frozenset(
    (MatchMethod.EXACT, MatchMethod.ARTICLE, MatchMethod.ARRONDISSEMENT, MatchMethod.SPACING)
)


@dataclass(slots=True)
class NameReading:
    """The best reading of a commune's name in the text; `quality` 0..1 is its likeness."""

    entry: int
    method: MatchMethod
    quality: float
    role: NameRole
    weight: float
    start: int = -1
    end: int = -1

    @property
    def value(self) -> float:
        likeness = self.quality if self.method in SURE_METHODS else self.quality**LIKENESS_EXPONENT
        return likeness * self.weight


@dataclass(slots=True)
class CommuneEvidence:
    """All that is known of one commune for one query; `core` sums it up, population apart."""

    commune: str
    entry: int
    named: NameReading | None
    postcode: PostcodeAgreement
    departement: PostcodeAgreement
    citycode: bool
    context: bool
    core: float
    method: MatchMethod
    population: int

    @property
    def quality(self) -> float:
        return self.named.quality if self.named else 0.0

    @property
    def weight(self) -> float:
        return self.named.weight if self.named else 0.0


@dataclass(frozen=True, slots=True)
class CodeSense:
    """What the codes of a query stand for: communes by postcode and by INSEE code, and areas."""

    postcodes: tuple[str, ...]
    postcode_communes: frozenset[str]
    weak_communes: frozenset[str]
    citycode_communes: frozenset[str]
    maybe_citycodes: frozenset[str]
    areas: frozenset[str]
    postcode_departements: frozenset[str]
    outside: bool

    @property
    def has_postcode(self) -> bool:
        return bool(self.postcodes)


def sense_of_codes(reading: QueryReading, gazetteer: Gazetteer) -> CodeSense:
    """Decide what each code of the query may mean. A known postcode is first read as one."""
    firm = reading.firm_codes
    weak = [code.value for code in reading.codes if not code.firm]
    postcodes = [value for value in firm if value in gazetteer.by_postcode]
    unknown = [value for value in firm if value not in gazetteer.by_postcode]
    insee = [value for value in unknown if value in gazetteer.by_code]
    strays = [value for value in unknown if value not in gazetteer.by_code]
    areas = frozenset(code for value in [*strays, *insee] for code in area_of(value, gazetteer))
    communes = _communes_of_postcodes(postcodes, gazetteer)
    return CodeSense(
        postcodes=tuple(postcodes),
        postcode_communes=communes,
        weak_communes=_communes_of_postcodes(weak, gazetteer) | _communes_of_codes(weak, gazetteer),
        citycode_communes=_communes_of_codes([reading.citycode], gazetteer),
        maybe_citycodes=_communes_of_codes(firm, gazetteer),
        areas=areas,
        postcode_departements=frozenset(
            gazetteer.places[gazetteer.commune_entry[code]].departement for code in communes
        ),
        outside=bool(strays) and not areas and not postcodes,
    )


def area_of(code: str, gazetteer: Gazetteer) -> frozenset[str]:
    """The départements in which a code that no commune bears may lie."""
    if code[:2] in ("2A", "2B"):
        return frozenset((code[:2],))
    if code[:2] in ("97", "98"):
        return gazetteer.postcode_areas.get(code[:3], frozenset())
    found = gazetteer.postcode_areas.get(code[:3])
    return found or gazetteer.postcode_areas.get(code[:2], frozenset())


def _communes_of_postcodes(values: Iterable[str], gazetteer: Gazetteer) -> frozenset[str]:
    return frozenset(
        gazetteer.places[i].commune
        for value in values
        if value in gazetteer.by_postcode
        for i in gazetteer.by_postcode[value].ids
    )


def _communes_of_codes(values: Iterable[str], gazetteer: Gazetteer) -> frozenset[str]:
    return frozenset(
        gazetteer.places[i].commune for value in values for i in gazetteer.by_code.get(value, ())
    )


def weigh(
    entry: int,
    named: NameReading | None,
    reading: QueryReading,
    sense: CodeSense,
    gazetteer: Gazetteer,
) -> CommuneEvidence:
    """Sum up what speaks for the commune behind an entry of the gazetteer."""
    place = gazetteer.places[entry]
    commune = place.commune
    postcode = _postcode_agreement(place, named, sense)
    departement, support = _area_agreement(place, named, reading, gazetteer)
    is_code = commune in sense.citycode_communes
    is_context = commune == reading.context
    code_support = CITYCODE_SUPPORT if is_code else 0.0
    if sense.citycode_communes and not is_code:
        code_support = CITYCODE_AGAINST
    support += POSTCODE_SUPPORT[postcode] + code_support
    if (
        named is not None
        and named.method not in SURE_METHODS
        and len(sense.postcode_communes) == 1
        and postcode in (PostcodeAgreement.NEARBY, PostcodeAgreement.AGAINST)
    ):
        support += MISSPELT_ELSEWHERE
    support += CONTEXT_SUPPORT if is_context else 0.0
    if named:
        method = named.method
    elif is_code:
        method = MatchMethod.CITYCODE
    elif is_context:
        method = MatchMethod.CONTEXT
    else:
        # No name, and no postcode of its own: the digits must be an INSEE code.
        coded = postcode in (PostcodeAgreement.UNKNOWN, PostcodeAgreement.AREA)
        method = MatchMethod.CITYCODE if coded else MatchMethod.POSTCODE
    maybe_code = commune in sense.maybe_citycodes and commune not in sense.postcode_communes
    return CommuneEvidence(
        commune=commune,
        entry=entry,
        named=named,
        postcode=postcode,
        departement=departement,
        citycode=is_code or (bool(named) and maybe_code),
        context=is_context,
        core=(NAME_WEIGHT * named.value if named else 0.0) + min(SUPPORT_CAP, support),
        method=method,
        population=place.population,
    )


def _postcode_agreement(
    place: GazetteerEntry, named: NameReading | None, sense: CodeSense
) -> PostcodeAgreement:
    if place.commune in sense.postcode_communes:
        is_sole = len(sense.postcode_communes) == 1
        return PostcodeAgreement.SOLE if is_sole else PostcodeAgreement.ONE_OF
    if place.commune in sense.maybe_citycodes and (
        # The digits are an INSEE code if the name says so, or nothing else does.
        named.quality >= CONFIRMS_CODE if named else not sense.has_postcode
    ):
        return PostcodeAgreement.SOLE
    if place.commune in sense.weak_communes:
        return PostcodeAgreement.ONE_OF
    if sense.has_postcode:
        declared = named is not None and named.role in TOWN_ROLES
        is_nearby = declared and place.departement in sense.postcode_departements
        return PostcodeAgreement.NEARBY if is_nearby else PostcodeAgreement.AGAINST
    if sense.areas:
        is_inside = place.departement in sense.areas
        return PostcodeAgreement.AREA if is_inside else PostcodeAgreement.AGAINST
    return PostcodeAgreement.UNKNOWN


def _area_agreement(
    place: GazetteerEntry, named: NameReading | None, reading: QueryReading, gazetteer: Gazetteer
) -> tuple[PostcodeAgreement, float]:
    """Whether the département named in the text is the commune's, and how much that weighs.

    It may also be one to which a code of the commune once belonged (Seine-et-Oise was 78).
    """
    agreement, support = PostcodeAgreement.UNKNOWN, 0.0
    for hint in reading.departements:
        if named and named.start <= hint.start and hint.end <= named.end and hint.start >= 0:
            continue
        if hint.code == place.departement:
            is_sound = hint.firm or hint.named
            return PostcodeAgreement.SOLE, DEPARTEMENT_SUPPORT if is_sound else WEAK_SUPPORT
        if hint.code in gazetteer.commune_departements[place.commune]:
            return PostcodeAgreement.SOLE, FORMER_DEPARTEMENT_SUPPORT if hint.firm else WEAK_SUPPORT
        if hint.firm:
            agreement, support = PostcodeAgreement.AGAINST, DEPARTEMENT_AGAINST
    for hint in reading.regions:
        if hint.code == place.region and not (named and named.start <= hint.start < named.end):
            return PostcodeAgreement.AREA, support + REGION_SUPPORT
    return agreement, support


def is_unmistakable(evidence: CommuneEvidence, sense: CodeSense, gazetteer: Gazetteer) -> bool:
    """Whether a commune is named so plainly that a postcode of elsewhere must be the mistake.

    Its département agrees, or its postcode is one slip away, or hardly a hamlet bears its name: of
    81 former communes whose name only a commune of another département bears today, none was a slip
    away by chance, 4 had a name of more than two words and 3 one of a town of note.
    """
    named = evidence.named
    if named is None or named.method not in SURE_METHODS:
        return False
    if evidence.departement in (PostcodeAgreement.SOLE, PostcodeAgreement.AREA):
        return True
    if named.role not in DECLARED_ROLES and named.role is not NameRole.BEFORE_CODE:
        return False
    return (
        evidence.population >= NOTABLE_TOWN
        or gazetteer.spelt[named.entry].count(" ") >= UNMISTAKABLE_WORDS - 1
        or slip_of_postcode(evidence, sense, gazetteer) != ""
    )


def slip_of_postcode(evidence: CommuneEvidence, sense: CodeSense, gazetteer: Gazetteer) -> str:
    """The commune's postcode from which one given differs by a digit or two swapped, else ""."""
    own = gazetteer.places[evidence.entry].postcodes
    return next((code for code in own for given in sense.postcodes if _is_slip(given, code)), "")


def _is_slip(given: str, meant: str) -> bool:
    """One of five digits differs, or two neighbours are swapped."""
    differing = [i for i in range(5) if given[i] != meant[i]]
    if len(differing) != 2:
        return len(differing) == 1
    first, second = differing
    swapped = given[first] == meant[second] and given[second] == meant[first]
    return second == first + 1 and swapped
