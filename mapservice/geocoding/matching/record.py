"""The match record: parts read, precision that is sure, score and candidates."""

from collections.abc import Sequence

from mapservice.geocoding.matching.areas import is_whole_country
from mapservice.geocoding.matching.decide import MatchCase, MatchVerdict, is_in_passing
from mapservice.geocoding.matching.evidence import CommuneEvidence
from mapservice.geocoding.matching.gazetteer import ARRONDISSEMENT, Gazetteer
from mapservice.geocoding.matching.parse import AreaHint, QueryReading
from mapservice.geocoding.matching.vocabulary import SITE_WORDS, STREET_TYPES
from mapservice.geocoding.model import (
    GeocodeMatch,
    GeocodeQuery,
    MatchCandidate,
    MatchStatus,
    Precision,
    QueryParts,
)

MAX_CANDIDATES = 20
"""Candidates kept in a match record: enough to review a postcode of many communes."""

_ADDRESS_WORDS = STREET_TYPES | SITE_WORDS

_BANDS = {
    MatchStatus.CERTAIN: (0.9, 1.0),
    MatchStatus.LIKELY: (0.7, 0.9),
    MatchStatus.AMBIGUOUS: (0.35, 0.7),
    MatchStatus.NONE: (0.0, 0.0),
}


def match_of(query: GeocodeQuery, case: MatchCase, verdict: MatchVerdict) -> GeocodeMatch:
    """Write down what was decided."""
    answers = [] if verdict.status is MatchStatus.NONE else list(case.ranked[:MAX_CANDIDATES])
    best = answers[0] if answers else None
    parts = _parts(case.reading, best, case.gazetteer)
    parts = _with_shared_area(parts, case, verdict)
    score = _score(best, verdict.status)
    return GeocodeMatch(
        query=query,
        parts=parts,
        status=verdict.status,
        precision=_precision(case, verdict.status, parts),
        score=score,
        method=str(best.method) if best else "",
        year=case.gazetteer.year,
        reason=verdict.reason,
        candidates=tuple(
            candidate_of(answer, answers[0], score, case.gazetteer) for answer in answers
        ),
    )


def candidate_of(
    evidence: CommuneEvidence, best: CommuneEvidence, best_score: float, gazetteer: Gazetteer
) -> MatchCandidate:
    """A candidate scored in proportion to the best one."""
    share = max(0.0, evidence.core) / best.core if best.core > 0 else 0.0
    score = round(best_score * min(1.0, share), 4)
    return MatchCandidate(gazetteer.places[evidence.entry], score, str(evidence.method))


def _score(best: CommuneEvidence | None, status: MatchStatus) -> float:
    """The evidence, brought into the band of its status, so that scores compare across queries."""
    low, high = _BANDS[status]
    return round(low + (high - low) * min(1.0, max(0.0, best.core)), 4) if best else 0.0


def _parts(reading: QueryReading, best: CommuneEvidence | None, gazetteer: Gazetteer) -> QueryParts:
    departement = _area(reading, reading.departements)
    named = best.named if best else None
    codes = [code.value for code in reading.codes]
    return QueryParts(
        postcode=next((c for c in codes if c in gazetteer.by_postcode), codes[0] if codes else ""),
        citycode=reading.citycode or _citycode(reading, gazetteer),
        departement=departement,
        region=_area(reading, reading.regions),
        arrondissement=_arrondissement(reading, best, gazetteer),
        cedex=reading.cedex,
        names=(_words(reading, named.start, named.end),) if named and named.start >= 0 else (),
        street=_street(reading, best),
    )


def _area(reading: QueryReading, hints: Sequence[AreaHint]) -> str:
    """The one département or région told; "avenue du Rhône" tells none."""
    told = {hint.code for hint in hints if not _is_in_street(reading, hint)}
    return told.pop() if len(told) == 1 else ""


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


def _citycode(reading: QueryReading, gazetteer: Gazetteer) -> str:
    codes = (c.value for c in reading.codes if c.firm and c.value not in gazetteer.by_postcode)
    return next((code for code in codes if code in gazetteer.by_code), "")


def _arrondissement(
    reading: QueryReading, best: CommuneEvidence | None, gazetteer: Gazetteer
) -> str:
    """The INSEE code of the arrondissement where it is known, else the number read."""
    if best and gazetteer.places[best.entry].kind == ARRONDISSEMENT:
        return gazetteer.places[best.entry].code
    return str(reading.arrondissement or "")


def _words(reading: QueryReading, start: int, end: int) -> str:
    return " ".join(token.word for token in reading.tokens[start:end])


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


def _with_shared_area(parts: QueryParts, case: MatchCase, verdict: MatchVerdict) -> QueryParts:
    """Fill the département and région of the answer, or those that all near candidates share."""
    places = [case.gazetteer.places[e.entry] for e in _in_question(case, verdict)]
    departements = {place.departement for place in places}
    regions = {place.region for place in places}
    departement = departements.pop() if len(departements) == 1 else parts.departement
    region = regions.pop() if len(regions) == 1 else parts.region
    if not region:
        region = _shared_region(case, departement)
    if not places and not departement and len(case.sense.areas) == 1:
        departement = next(iter(case.sense.areas))
        region = case.gazetteer.departement_region.get(departement, "")
    return QueryParts(
        postcode=parts.postcode,
        citycode=parts.citycode,
        departement=departement,
        region=region,
        arrondissement=parts.arrondissement,
        cedex=parts.cedex,
        names=parts.names,
        street=parts.street,
    )


def _shared_region(case: MatchCase, departement: str) -> str:
    """That of the départements told, if they lie in one."""
    hints = case.reading.departements
    told = {hint.code for hint in hints if not _is_in_street(case.reading, hint)}
    codes = {departement} if departement else told
    regions = {case.gazetteer.departement_region.get(code, "") for code in codes}
    return regions.pop() if len(regions) == 1 else ""


def _in_question(case: MatchCase, verdict: MatchVerdict) -> Sequence[CommuneEvidence]:
    if verdict.status is MatchStatus.NONE or (
        verdict.status is MatchStatus.AMBIGUOUS and is_in_passing(case.best)
    ):
        return ()
    if verdict.status is MatchStatus.AMBIGUOUS:
        return [case.best, *case.within(0.15)]
    return [case.best]


def _precision(case: MatchCase, status: MatchStatus, parts: QueryParts) -> Precision:
    """The finest level that is sure: an open choice within one département is known to that."""
    if status in (MatchStatus.CERTAIN, MatchStatus.LIKELY):
        return Precision.COMMUNE
    if status is MatchStatus.NONE and is_whole_country(case.reading):
        return Precision.NATIONAL
    if parts.departement:
        return Precision.DEPARTEMENT
    return Precision.REGION if parts.region else Precision.NONE
