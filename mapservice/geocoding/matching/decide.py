"""How far the first answer can be trusted, and why not further."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapservice.geocoding.matching.areas import NamedArea, area_of_text, is_whole_country
from mapservice.geocoding.matching.evidence import (
    SURE_METHODS,
    CodeSense,
    CommuneEvidence,
    NameReading,
    slip_of_postcode,
)
from mapservice.geocoding.matching.gazetteer import ARTICLES, COMMUNE, Gazetteer
from mapservice.geocoding.matching.parse import QueryReading
from mapservice.geocoding.matching.spans import DECLARED_ROLES, TOWN_ROLES
from mapservice.geocoding.matching.vocabulary import GENERIC_WORDS, GROUPINGS, TOWNS_ABROAD
from mapservice.geocoding.model import MatchMethod, MatchStatus, NameRole, PostcodeAgreement
from mapservice.geocoding.weights import (
    CERTAIN_LIKENESS,
    CERTAIN_LIKENESS_SOLE,
    CLOSE,
    EXACT_TOWN,
    FLOOR,
    KNOWN_TOWN,
    LIKELY_LIKENESS,
    MISSPELT,
    NEARLY,
    NOTABLE_TOWN,
    OVERSHADOWS,
    SECOND_TOWN,
    SECOND_TOWN_MARGIN,
    SUPPORTED_LIKENESS,
    UNAIDED,
    UNAIDED_LIKENESS,
    WORTHY,
)

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
    reading = case.reading
    if reading.country and not reading.firm_codes:
        return none(f"the text speaks of {reading.country}")
    if case.sense.outside:
        return none("the postcode lies in no departement of this gazetteer")
    if is_whole_country(reading):
        return none("the whole country is named")
    if not case.ranked or case.best.core < FLOOR:
        return none("no commune is named")
    if _names_only_an_area(case):
        return none("only a departement or region is named")

    best, named = case.best, case.best.named
    if best.citycode:
        if named is not None and named.quality >= CERTAIN_LIKENESS_SOLE:
            return CERTAIN
        towns = [other.named for other in case.ranked[1:] if _is_exact_town(other)]
        elsewhere = [town for town in towns if town]
        if not elsewhere:
            return CERTAIN
        # Either may be the slip; a hamlet's name that many places bear is none.
        sure = [town for town in elsewhere if town.method in SURE_METHODS]
        verdict = ambiguous if any(_is_of_one(case, town) for town in sure) else likely
        return verdict("the name and the INSEE code disagree")
    if named is not None and _is_near_it(case, named):
        return likely("a place near it is named, not the commune itself")
    if best.postcode in _POSTCODE_AGREES:
        if named is None or named.value < WORTHY:
            return _on_bare_postcode(case)
        return _on_postcode(case, named)
    if named is None:
        return likely("taken from what the file is about")
    if named.role in _INNER_ROLES:
        # Streets of all France bear the names of towns; those of a village lead to it or lie there.
        leads_to = reading.tokens[named.start - 1].word in ("de", "d")
        if (
            named.role is NameRole.STREET
            and leads_to
            and named.method in SURE_METHODS
            and best.population < NOTABLE_TOWN
        ):
            return ambiguous("only a street is named, and it bears the commune's name")
        return none("only a street or a place within a commune is named")
    if named.method not in SURE_METHODS:
        return _on_likeness(case, named)
    return _on_name(case, named)


# "près de Rennes", "autour de", "aux environs de", "à côté de", "à proximité de".
NEAR_WORDS = frozenset(
    ["pres", "proche", "autour", "environs", "alentours", "cote", "proximite", "banlieue"]
)


def _is_near_it(case: MatchCase, named: NameReading) -> bool:
    """Whether the words before a name say that something is near it: "près de Rennes"."""
    segments = case.reading.segments
    first = next((s.start for s in segments if s.start <= named.start < s.end), named.start)
    before = [token.word for token in case.reading.tokens[first : named.start]]
    if (
        len(before) < 2
        or before[-1] not in ("de", "d", "du", "des")
        or before[-2] not in NEAR_WORDS
    ):
        return False
    # "rue des Prés de Rennes" is no such thing.
    return before[-3:-2] not in (["des"], ["les"], ["la"])


def _names_only_an_area(case: MatchCase) -> bool:
    """All of the text is a département's or région's name, and no town of note bears it.

    A number beside it tells which is meant: "Mayenne (53)" is the town there, "Creuse (23)" can
    only be the département, as the commune of that name lies elsewhere.
    """
    area, named = _area(case), case.best.named
    if area is None or area.explicit:
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


def is_in_passing(evidence: CommuneEvidence) -> bool:
    """Whether the name stands in that of a street or of another place: a hint, not an answer."""
    named = evidence.named
    if named is None:
        return False
    return named.role in _PASSING_ROLES or (named.value < UNAIDED and not _is_supported(evidence))


def _is_exact_town(evidence: CommuneEvidence) -> bool:
    named = evidence.named
    return named is not None and named.role in TOWN_ROLES and named.value >= EXACT_TOWN


def _is_supported(evidence: CommuneEvidence) -> bool:
    return (
        evidence.postcode is PostcodeAgreement.AREA
        or evidence.departement is PostcodeAgreement.SOLE
    )


def _on_postcode(case: MatchCase, named: NameReading) -> MatchVerdict:
    """The postcode is the commune's, and its name is in the text, if only nearly."""
    if any(other.postcode in _POSTCODE_AGREES for other in case.within(CLOSE)):
        return ambiguous("the postcode and the name fit several communes")
    if named.method in SURE_METHODS or named.quality >= CERTAIN_LIKENESS:
        return CERTAIN
    is_sole = case.best.postcode is PostcodeAgreement.SOLE
    if is_sole and named.quality >= CERTAIN_LIKENESS_SOLE:
        return CERTAIN
    verdict = likely if named.quality >= LIKELY_LIKENESS else ambiguous
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
    if any(_is_of_one(case, town) for town in elsewhere):
        return ambiguous("the name and the postcode point to different communes")
    if elsewhere:
        name = case.name_of(elsewhere[0])
        return likely(f"the postcode is the commune's alone, {name} is known only elsewhere")
    # Words stand where a town would: behind the code, or in the city's field.
    if any(segment.after_code or segment.field for segment in case.reading.segments):
        return likely("the postcode is the commune's alone, the name was not recognised")
    return CERTAIN


def _is_of_one(case: MatchCase, named: NameReading) -> bool:
    """Whether a name is one commune's alone: hamlets have names that several communes bear, or with
    an article ("Les Granges")."""
    gazetteer = case.gazetteer
    same = gazetteer.by_name[gazetteer.compact[named.entry]]
    has_article = gazetteer.spelt[named.entry].partition(" ")[0] in ARTICLES
    return len({gazetteer.places[i].commune for i in same}) == 1 and not has_article


def _on_name(case: MatchCase, named: NameReading) -> MatchVerdict:
    """The name is given exactly, without a postcode of its own."""
    best, reading = case.best, case.reading
    close = case.within(CLOSE)
    if close:
        rival = close[0].named
        if rival is None:
            return ambiguous("the name and the postcode point to different communes")
        if _overlap(named, rival):
            return ambiguous(f"several communes bear the name {case.name_of(named)}")
        return ambiguous(f"{case.name_of(rival)} is named too")
    if is_in_passing(best):
        return ambiguous("the name stands in that of a street or of another place")
    if best.departement is PostcodeAgreement.AGAINST:
        return ambiguous("the departement given is another")
    if best.postcode in _POSTCODE_DIFFERS:
        if not case.sense.has_postcode:
            return likely("the code given lies in another departement")
        meant = slip_of_postcode(best, case.sense, case.gazetteer)
        own = f", {meant} is the commune's" if meant else ""
        return likely(f"the postcode belongs to other communes{own}")
    # "CC du Pays de Craon" is an EPCI, not Craon.
    start = next((s.start for s in reading.segments if s.start <= named.start < s.end), named.start)
    if any(token.word in GROUPINGS for token in reading.tokens[start : named.start]):
        return ambiguous("a grouping of communes is named, not one commune")
    # Another commune may be named elsewhere in the text, about as well.
    for other in case.ranked[1:6]:
        rival = other.named
        if rival is None or rival.value < SECOND_TOWN or _overlap(named, rival):
            continue
        verdict = ambiguous if best.core - other.core < SECOND_TOWN_MARGIN else likely
        return verdict(f"{case.name_of(rival)} is named too")
    return CERTAIN if _is_supported(best) else _on_name_alone(case, named)


def _overlap(left: NameReading, right: NameReading) -> bool:
    return left.start < right.end and right.start < left.end


def _on_name_alone(case: MatchCase, named: NameReading) -> MatchVerdict:
    """Nothing but the name tells the commune: no code, no area."""
    best, nearly = case.best, case.within(NEARLY)
    area = _area(case)
    if area and not area.codes & case.gazetteer.commune_departements[best.commune]:
        return ambiguous("a departement or region bears the name too")
    if any(
        other.method is MatchMethod.BEGINNING and other.population >= OVERSHADOWS * best.population
        for other in case.ranked[1:]
    ):
        return ambiguous("the name may be short for that of a larger town")
    words = case.gazetteer.spelt[named.entry].split(" ")
    if all(word in GENERIC_WORDS for word in words):
        return ambiguous("the name is also an everyday word")
    if named.role is NameRole.START and best.population < KNOWN_TOWN:
        return ambiguous("the name may be part of a longer one")
    if case.gazetteer.places[named.entry].kind != COMMUNE and nearly:
        return likely("the name is that of a former commune, and others come near")
    if nearly and best.population < KNOWN_TOWN:
        return likely("another commune, or a former one, has nearly the same name")
    if named.role in DECLARED_ROLES or len(words) > 2 or best.population >= KNOWN_TOWN:
        return CERTAIN
    return likely("the name may be part of the street's")


def _on_likeness(case: MatchCase, named: NameReading) -> MatchVerdict:
    """The name is misspelt, and no postcode of its own stands beside it."""
    best = case.best
    declared = named.role in DECLARED_ROLES and named.value >= MISSPELT
    least = SUPPORTED_LIKENESS if _is_supported(best) else UNAIDED_LIKENESS
    if not declared and named.value < least:
        return none("no name in the text is near enough to that of a commune")
    if best.postcode in _POSTCODE_DIFFERS:
        return ambiguous("the postcode and the misspelt name point to different communes")
    if best.departement is PostcodeAgreement.AGAINST:
        return ambiguous("the departement given is another")
    if case.within(CLOSE / 2):
        return ambiguous("the name is misspelt and several are as near")
    written = "".join(token.word for token in case.reading.tokens[named.start : named.end])
    if written in TOWNS_ABROAD and not _is_supported(best):
        return ambiguous("a town abroad bears the name as it is written")
    # The first letter is seldom the misspelt one: Ivry-en-Montagne was not Civry-en-Montagne. In
    # the trial cases without former communes all three names so found were another commune's.
    begins_otherwise = (
        named.method is MatchMethod.TYPO
        and case.reading.tokens[named.start].word[0] != case.gazetteer.compact[named.entry][0]
    )
    verdict = likely if declared and not begins_otherwise else ambiguous
    return verdict(f"the name is only {named.quality:.0%} like the commune's")
