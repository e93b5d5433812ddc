"""The match record: parts read, precision that is sure, score and candidates."""

from mapservice.geocoding.matching.areas import is_whole_country
from mapservice.geocoding.matching.decide import MatchCase, MatchVerdict, is_in_passing
from mapservice.geocoding.matching.evidence import CommuneEvidence
from mapservice.geocoding.matching.gazetteer import ARRONDISSEMENT
from mapservice.geocoding.matching.parse import AreaHint, QueryReading
from mapservice.geocoding.matching.vocabulary import SITE_WORDS, STREET_TYPES
from mapservice.geocoding.model import (
    GeocodeMatch,
    GeocodeQuery,
    MatchCandidate,
    MatchMethod,
    MatchStatus,
    Precision,
    QueryParts,
)
from mapservice.geocoding.weights import SCORE_BANDS, SHARED_AREA

MAX_CANDIDATES = 20
"""Candidates kept in a match record: enough to review a postcode of many communes."""

# How a name is found that is not the one written.
GUESSED = frozenset((MatchMethod.SOUND, MatchMethod.TYPO))

_ADDRESS_WORDS = STREET_TYPES | SITE_WORDS


def match_of(query: GeocodeQuery, case: MatchCase, verdict: MatchVerdict) -> GeocodeMatch:
    """Write down what was decided."""
    status, gazetteer = verdict.status, case.gazetteer
    answers = [] if status is MatchStatus.NONE else case.ranked[:MAX_CANDIDATES]
    best = answers[0] if answers else None
    parts = _parts(case, best, verdict)
    # The finest level that is sure: an open choice within one département is known to that.
    if status in (MatchStatus.CERTAIN, MatchStatus.LIKELY):
        precision = Precision.COMMUNE
    elif status is MatchStatus.NONE and is_whole_country(case.reading):
        precision = Precision.NATIONAL
    elif parts.departement:
        precision = Precision.DEPARTEMENT
    else:
        precision = Precision.REGION if parts.region else Precision.NONE
    low, high = SCORE_BANDS[status]
    score = round(low + (high - low) * min(1.0, max(0.0, best.core)), 4) if best else 0.0
    candidates = []
    for answer in answers:
        # Scored in proportion to the best one.
        share = max(0.0, answer.core) / answers[0].core if answers[0].core > 0 else 0.0
        own = round(score * min(1.0, share), 4)
        candidates.append(MatchCandidate(gazetteer.places[answer.entry], own, str(answer.method)))
    return GeocodeMatch(
        query=query,
        parts=parts,
        status=status,
        precision=precision,
        score=score,
        method=str(best.method) if best else "",
        year=gazetteer.year,
        reason=verdict.reason,
        candidates=tuple(candidates),
    )


def _parts(case: MatchCase, best: CommuneEvidence | None, verdict: MatchVerdict) -> QueryParts:
    """What was read, with the département and région of the answer."""
    reading, gazetteer = case.reading, case.gazetteer
    named = best.named if best else None
    codes = [code.value for code in reading.codes]
    citycodes = (c for c in reading.firm_codes if c not in gazetteer.by_postcode)
    arrondissement = str(reading.arrondissement or "")
    if best and gazetteer.places[best.entry].kind == ARRONDISSEMENT:
        arrondissement = gazetteer.places[best.entry].code
    names: tuple[str, ...] = ()
    if named and named.start >= 0:
        names = (" ".join(token.word for token in reading.tokens[named.start : named.end]),)
    departement, region = _areas(case, verdict)
    return QueryParts(
        postcode=next((c for c in codes if c in gazetteer.by_postcode), codes[0] if codes else ""),
        citycode=reading.citycode or next((c for c in citycodes if c in gazetteer.by_code), ""),
        departement=departement,
        region=region,
        arrondissement=arrondissement,
        cedex=reading.cedex,
        names=names,
        street=_street(reading, best),
    )


def _areas(case: MatchCase, verdict: MatchVerdict) -> tuple[str, str]:
    """The département and région of the answer, or those that all near readings share.

    What the text names is a reading too: "Vienne" may be the town in Isère or the département. A
    mere misspelling of some commune is none: "Ixelles" lies not in Jura as Uxelles does. "avenue du
    Rhône" names no area.
    """
    reading, region_of = case.reading, case.gazetteer.departement_region
    answers: list[CommuneEvidence] = []
    if verdict.status in (MatchStatus.CERTAIN, MatchStatus.LIKELY):
        answers = [case.best]
    elif verdict.status is MatchStatus.AMBIGUOUS and not is_in_passing(case.best):
        near = [case.best, *case.within(SHARED_AREA)]
        answers = near if any(one.method not in GUESSED for one in near) else []
    places = [case.gazetteer.places[answer.entry] for answer in answers]
    hinted = {hint.code for hint in reading.departements if not _is_in_street(reading, hint)}
    regions = {hint.code for hint in reading.regions if not _is_in_street(reading, hint)}
    if verdict.status is MatchStatus.AMBIGUOUS:
        departement = _sole({place.departement for place in places} | hinted)
        around = {region_of.get(code, "") for code in hinted}
        region = _sole({place.region for place in places} | regions | around)
    else:
        departement = _sole({place.departement for place in places}) or _sole(hinted)
        region = _sole({place.region for place in places}) or _sole(regions)
    if not region:
        # That of the départements named, if they lie in one région.
        codes = {departement} if departement else hinted
        codes |= {place.departement for place in places}
        region = _sole({region_of.get(code, "") for code in codes})
    if not places and not departement and len(case.sense.areas) == 1:
        departement = next(iter(case.sense.areas))
        region = region_of.get(departement, "")
    return departement, region


def _sole(codes: set[str]) -> str:
    return next(iter(codes)) if len(codes) == 1 else ""


def _is_in_street(reading: QueryReading, hint: AreaHint) -> bool:
    """Whether what reads as an area may be part of an address: "ZI Nord", "bâtiment 3"."""
    if hint.start < 0 or hint.firm:
        return False
    if not hint.named:
        return any(token.word in _ADDRESS_WORDS for token in reading.tokens)
    segment = next((s for s in reading.segments if s.start <= hint.start < s.end), None)
    if segment is None:
        return False
    return any(t.word in _ADDRESS_WORDS for t in reading.tokens[segment.start : hint.start])


def _street(reading: QueryReading, best: CommuneEvidence | None) -> str:
    """From the first street word to the end of its segment, without the town."""
    town = range(best.named.start, best.named.end) if best and best.named else range(0)
    for segment in reading.segments:
        for i in range(segment.start, segment.end):
            if reading.tokens[i].word in STREET_TYPES and i not in town:
                number = i > segment.start and reading.tokens[i - 1].word[0].isdigit()
                kept = range(i - 1 if number else i, segment.end)
                return " ".join(reading.tokens[k].word for k in kept if k not in town)
    return ""
