"""How far the first answer can be trusted, and why not further."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapservice.geocoding.matching.areas import NamedArea, area_of_text, is_whole_country
from mapservice.geocoding.matching.evidence import (
    NOTABLE_TOWN,
    SURE_METHODS,
    CodeSense,
    CommuneEvidence,
    MatchMethod,
    NameReading,
    PostcodeAgreement,
    slip_of_postcode,
)
from mapservice.geocoding.matching.gazetteer import ARTICLES, COMMUNE, Gazetteer
from mapservice.geocoding.matching.parse import QueryReading
from mapservice.geocoding.matching.spans import DECLARED_ROLES, TOWN_ROLES, NameRole
from mapservice.geocoding.matching.vocabulary import GENERIC_WORDS, GROUPINGS
from mapservice.geocoding.model import MatchStatus

CLOSE = 0.05
"""Evidence nearer than this to the best leaves the choice open."""

NEARLY = 0.08
"""Evidence this near (another article, a former commune of that name) forbids certainty."""

SECOND_TOWN_MARGIN = 0.16
"""Two towns named in two places are as good as each other below this difference."""

FLOOR = 0.12
"""Weaker evidence than this is no answer."""

WORTHY = 0.38
"""A name of less value (likeness times place) tells nothing, even beside its postcode."""

MISSPELT = 0.8
"""Value from which a misspelt name is likely that commune; hamlets unknown to us lie below."""

UNAIDED = 0.55
"""A name of less value tells nothing by itself."""

UNAIDED_LIKENESS = 0.65
"""Value below which a misspelt name that stands among others tells nothing by itself."""

KNOWN_TOWN = 5_000
"""Inhabitants from which a name at the end of an address is the town rather than the street."""

_POSTCODE_AGREES = frozenset((PostcodeAgreement.SOLE, PostcodeAgreement.ONE_OF))
_POSTCODE_DIFFERS = frozenset((PostcodeAgreement.NEARBY, PostcodeAgreement.AGAINST))
_PASSING_ROLES = frozenset((NameRole.STREET, NameRole.LOCALITY, NameRole.FRAGMENT, NameRole.MIDDLE))
_INNER_ROLES = frozenset((NameRole.STREET, NameRole.LOCALITY))


@dataclass(frozen=True, slots=True)
class MatchVerdict:
    """A status with its reason, in a few English words; the reason of a certain one is ""."""

    status: MatchStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MatchCase:
    """What a verdict looks at: the ranked evidence, what was read, and the gazetteer."""

    ranked: Sequence[CommuneEvidence]
    reading: QueryReading
    sense: CodeSense
    gazetteer: Gazetteer

    @property
    def best(self) -> CommuneEvidence:
        return self.ranked[0]

    def within(self, margin: float) -> list[CommuneEvidence]:
        """The other communes whose evidence comes this near to the best."""
        return [other for other in self.ranked[1:] if self.best.core - other.core < margin]

    def name_of(self, named: NameReading) -> str:
        return self.gazetteer.places[named.entry].name


CERTAIN = MatchVerdict(MatchStatus.CERTAIN)


def likely(reason: str) -> MatchVerdict:
    return MatchVerdict(MatchStatus.LIKELY, reason)


def ambiguous(reason: str) -> MatchVerdict:
    return MatchVerdict(MatchStatus.AMBIGUOUS, reason)


def none(reason: str) -> MatchVerdict:
    return MatchVerdict(MatchStatus.NONE, reason)


def decide(case: MatchCase) -> MatchVerdict:
    """The verdict on the first of the ranked communes."""
    refusal = _refusal(case)
    if refusal:
        return refusal
    best = case.best
    if best.citycode:
        return _on_citycode(case)
    if best.postcode in _POSTCODE_AGREES:
        return _on_postcode(case)
    if best.named is None:
        return likely("taken from what the file is about")
    if best.named.role in _INNER_ROLES:
        return _on_street(case, best.named)
    return _on_name(case, best.named)


def _refusal(case: MatchCase) -> MatchVerdict | None:
    if case.reading.country and not case.reading.firm_codes:
        return none(f"the text speaks of {case.reading.country}")
    if case.sense.outside:
        return none("the postcode lies in no departement of this gazetteer")
    if is_whole_country(case.reading):
        return none("the whole country is named")
    if not case.ranked or case.best.core < FLOOR:
        return none("no commune is named")
    if _names_only_an_area(case):
        return none("only a departement or region is named")
    return None


def _names_only_an_area(case: MatchCase) -> bool:
    """All of the text is a département's or région's name, and no town of note bears it.

    A number beside it tells which is meant: "Mayenne (53)" is the town there, "Creuse (23)" can
    but be the département, as the commune of that name lies elsewhere.
    """
    area, named = _area(case), case.best.named
    if area is None or area.told:
        return area is not None
    if named is None or named.method not in SURE_METHODS:
        return True
    if area.has_inside(named.start, named.end):
        return True
    if area.numbered:
        return case.best.departement is not PostcodeAgreement.SOLE
    return case.best.population < NOTABLE_TOWN


def _area(case: MatchCase) -> NamedArea | None:
    return area_of_text(case.reading, case.gazetteer.departement_region)


def _on_citycode(case: MatchCase) -> MatchVerdict:
    named = case.best.named
    if named and named.quality >= 0.8:
        return CERTAIN
    if any(_is_exact_town(other) for other in case.ranked[1:]):
        return likely("the name and the INSEE code disagree")
    return CERTAIN


def is_in_passing(evidence: CommuneEvidence) -> bool:
    """Whether the name stands in that of a street or of another place: a hint, not an answer."""
    named = evidence.named
    if named is None:
        return False
    return named.role in _PASSING_ROLES or (named.value < UNAIDED and not _is_supported(evidence))


def _is_exact_town(evidence: CommuneEvidence) -> bool:
    named = evidence.named
    return named is not None and named.role in TOWN_ROLES and named.value >= 0.75


def _on_postcode(case: MatchCase) -> MatchVerdict:
    named = case.best.named
    if named is None or named.value < WORTHY:
        return _on_bare_postcode(case)
    if any(other.postcode in _POSTCODE_AGREES for other in case.within(CLOSE)):
        return ambiguous("the postcode and the name fit several communes")
    if named.method in SURE_METHODS or named.quality >= 0.9:
        return CERTAIN
    if case.best.postcode is PostcodeAgreement.SOLE and named.quality >= 0.8:
        return CERTAIN
    verdict = likely if named.quality >= 0.7 else ambiguous
    return verdict(f"the name is only {named.quality:.0%} like the commune's")


def _on_bare_postcode(case: MatchCase) -> MatchVerdict:
    """No commune of the postcode is named; another one may be."""
    towns = [other.named for other in case.ranked[1:] if _is_exact_town(other)]
    elsewhere = [named for named in towns if named]
    if case.best.postcode is PostcodeAgreement.ONE_OF:
        count = len(case.sense.postcode_communes)
        if elsewhere:
            name = case.name_of(elsewhere[0])
            return ambiguous(f"the postcode serves {count} communes and none is called {name}")
        return ambiguous(f"the postcode serves {count} communes and no name tells which")
    if any(not _is_commonplace(case, named) for named in elsewhere):
        return ambiguous("the name and the postcode point to different communes")
    if elsewhere:
        name = case.name_of(elsewhere[0])
        return likely(f"the postcode is the commune's alone, {name} is known only elsewhere")
    if _has_unread_town(case.reading):
        return likely("the postcode is the commune's alone, the name was not recognised")
    return CERTAIN


def _is_commonplace(case: MatchCase, named: NameReading) -> bool:
    """A name that several communes bear, or with an article ("Les Granges"): hamlets have such."""
    gazetteer = case.gazetteer
    bearers = {
        gazetteer.places[i].commune for i in gazetteer.by_name[gazetteer.compact[named.entry]]
    }
    return len(bearers) > 1 or gazetteer.spelt[named.entry].partition(" ")[0] in ARTICLES


def _has_unread_town(reading: QueryReading) -> bool:
    """Words stand where a town would: behind the code, or in the city's field."""
    return any(segment.after_code or segment.field for segment in reading.segments)


def _on_name(case: MatchCase, named: NameReading) -> MatchVerdict:
    if named.method not in SURE_METHODS:
        return _on_likeness(case, named)
    close = case.within(CLOSE)
    if close:
        return ambiguous(_on_rival(case, named, close[0].named))
    is_supported = _is_supported(case.best)
    if is_in_passing(case.best):
        return ambiguous("the name stands in that of a street or of another place")
    if case.best.departement is PostcodeAgreement.AGAINST:
        return ambiguous("the departement given is another")
    if case.best.postcode in _POSTCODE_DIFFERS:
        return likely(_on_other_postcode(case))
    if _names_a_grouping(case.reading, named):
        return ambiguous("a grouping of communes is named, not one commune")
    second = _second_town(case, named)
    if second:
        return second
    if is_supported:
        return CERTAIN
    return _on_name_alone(case, named)


def _on_rival(case: MatchCase, named: NameReading, rival: NameReading | None) -> str:
    if rival is None:
        return "the name and the postcode point to different communes"
    if _overlap(named, rival):
        return f"several communes bear the name {case.name_of(named)}"
    return f"{case.name_of(rival)} is named too"


def _on_street(case: MatchCase, named: NameReading) -> MatchVerdict:
    """Streets of all France bear the names of towns; those of a village lead to it or lie there."""
    before = case.reading.tokens[named.start - 1].word
    leads_to = named.role is NameRole.STREET and before in ("de", "d")
    if not leads_to or named.method not in SURE_METHODS or case.best.population >= NOTABLE_TOWN:
        return none("only a street or a place within a commune is named")
    return ambiguous("only a street is named, and it bears the commune's name")


def _on_other_postcode(case: MatchCase) -> str:
    if not case.sense.has_postcode:
        return "the code given lies in another departement"
    meant = slip_of_postcode(case.best, case.sense, case.gazetteer)
    told = f", {meant} is the commune's" if meant else ""
    return f"the postcode belongs to other communes{told}"


def _names_a_grouping(reading: QueryReading, named: NameReading) -> bool:
    """ "CC du Pays de Craon" is an EPCI, not Craon."""
    for segment in reading.segments:
        if segment.start <= named.start < segment.end:
            before = reading.tokens[segment.start : named.start]
            return any(token.word in GROUPINGS for token in before)
    return False


def _is_supported(evidence: CommuneEvidence) -> bool:
    return (
        evidence.postcode is PostcodeAgreement.AREA
        or evidence.departement is PostcodeAgreement.SOLE
    )


def _second_town(case: MatchCase, named: NameReading) -> MatchVerdict | None:
    """Another commune is named elsewhere in the text, about as well."""
    for other in case.ranked[1:6]:
        rival = other.named
        if rival is None or rival.value < 0.7 or _overlap(named, rival):
            continue
        if case.best.core - other.core < SECOND_TOWN_MARGIN:
            return ambiguous(f"{case.name_of(rival)} is named too")
        return likely(f"{case.name_of(rival)} is named too")
    return None


def _overlap(left: NameReading, right: NameReading) -> bool:
    return left.start < right.end and right.start < left.end


def _on_name_alone(case: MatchCase, named: NameReading) -> MatchVerdict:
    nearly = case.within(NEARLY)
    area = _area(case)
    if area and not area.codes & case.gazetteer.commune_departements[case.best.commune]:
        return ambiguous("a departement or region bears the name too")
    if any(_overshadows(other, case.best) for other in case.ranked[1:]):
        return ambiguous("the name may be short for that of a larger town")
    words = case.gazetteer.spelt[named.entry].split(" ")
    if all(word in GENERIC_WORDS for word in words):
        return ambiguous("the name is also an everyday word")
    if named.role is NameRole.START and case.best.population < KNOWN_TOWN:
        return ambiguous("the name may be part of a longer one")
    if case.gazetteer.places[named.entry].kind != COMMUNE and nearly:
        return likely("the name is that of a former commune, and others come near")
    if nearly and case.best.population < KNOWN_TOWN:
        return likely("another commune, or a former one, has nearly the same name")
    if named.role in DECLARED_ROLES or len(words) > 2 or case.best.population >= KNOWN_TOWN:
        return CERTAIN
    return likely("the name may be part of the street's")


def _overshadows(other: CommuneEvidence, best: CommuneEvidence) -> bool:
    return other.method is MatchMethod.BEGINNING and other.population >= 10 * best.population


def _on_likeness(case: MatchCase, named: NameReading) -> MatchVerdict:
    declared = named.role in DECLARED_ROLES and named.value >= MISSPELT
    if not declared and named.value < (0.5 if _is_supported(case.best) else UNAIDED_LIKENESS):
        return none("no name in the text is near enough to that of a commune")
    if case.best.postcode in _POSTCODE_DIFFERS:
        return ambiguous("the postcode and the misspelt name point to different communes")
    if case.best.departement is PostcodeAgreement.AGAINST:
        return ambiguous("the departement given is another")
    if case.within(CLOSE / 2):
        return ambiguous("the name is misspelt and several are as near")
    told = f"the name is only {named.quality:.0%} like the commune's"
    return likely(told) if declared and not _begins_otherwise(case, named) else ambiguous(told)


def _begins_otherwise(case: MatchCase, named: NameReading) -> bool:
    """The first letter is seldom the misspelt one: Ivry-en-Montagne was not Civry-en-Montagne.

    In the trial cases without former communes all three names so found were another commune's.
    """
    first = case.reading.tokens[named.start].word[0]
    return named.method is MatchMethod.TYPO and first != case.gazetteer.compact[named.entry][0]
