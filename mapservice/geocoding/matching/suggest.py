"""Suggestions while a person types: names that begin so, weighted by population and nearness."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapservice.geocoding.matching.evidence import SURE_METHODS, CommuneEvidence
from mapservice.geocoding.matching.gazetteer import Gazetteer
from mapservice.geocoding.matching.normalise import fold, normalise
from mapservice.geocoding.matching.parse import read
from mapservice.geocoding.matching.rank import rank
from mapservice.geocoding.model import GazetteerEntry, GeocodeQuery, MatchCandidate, MatchStatus

MAX_LIMIT = 100
CONSIDERED = 60
"""Entries looked at behind a prefix: those of the greatest weight."""

NEAR_KM = 30.0
"""Distance at which nearness has lost half its weight."""


_LONE_S = re.compile(r"(?:^|[^a-z])s$")


@dataclass(frozen=True, slots=True)
class SuggestionFilter:
    """What suggestions must fit; `near` is (lon, lat) in EPSG:4326, and only a preference."""

    postcode: str = ""
    citycode: str = ""
    kind: str = ""
    near: tuple[float, float] | None = None
    limit: int = 5
    autocomplete: bool = True

    def admits(self, place: GazetteerEntry) -> bool:
        return (
            (not self.kind or place.kind == self.kind)
            and (not self.postcode or self.postcode in place.postcodes)
            and (not self.citycode or self.citycode in (place.code, place.commune))
        )


def suggest(gazetteer: Gazetteer, text: str, wanted: SuggestionFilter) -> list[MatchCandidate]:
    """The best candidates for a text, at most one per commune."""
    limit = max(0, min(wanted.limit, MAX_LIMIT))
    spelt = _begun(text)
    found: dict[str, MatchCandidate] = {}
    for candidate in _candidates(gazetteer, text, spelt, wanted):
        known = found.get(candidate.place.commune)
        if known is None or candidate.score > known.score:
            found[candidate.place.commune] = candidate
    ranked = sorted(found.values(), key=_order)
    return ranked[:limit]


def status_of_beginning(gazetteer: Gazetteer, text: str) -> MatchStatus | None:
    """How far the beginning of a name tells which: likely if one commune alone is called so.

    None where the text is no mere beginning, and so has to be matched as a whole.
    """
    spelt = _begun(text)
    compact = spelt.replace(" ", "")
    if not compact or not _is_plain(spelt) or compact in gazetteer.by_name:
        return None
    low, high = gazetteer.prefixes.span(compact)
    if low == high:
        return None
    if high - low > CONSIDERED:
        return MatchStatus.AMBIGUOUS
    communes = {gazetteer.places[int(i)].commune for i in gazetteer.prefixes.entries[low:high]}
    return MatchStatus.LIKELY if len(communes) == 1 else MatchStatus.AMBIGUOUS


def _begun(text: str) -> str:
    """The text normalised, but a last "s" begins a word: "Pierrefitte-sur-S", not "… sur sur"."""
    spelt = normalise(text)
    lone = spelt.endswith("sur") and _LONE_S.search(fold(text))
    return f"{spelt[:-3]}s" if lone else spelt


def _order(candidate: MatchCandidate) -> tuple[float, int, str]:
    return (-candidate.score, -candidate.place.population, candidate.place.commune)


def _candidates(
    gazetteer: Gazetteer, text: str, spelt: str, wanted: SuggestionFilter
) -> Iterator[MatchCandidate]:
    compact = spelt.replace(" ", "")
    if not compact:
        return
    if compact.isdigit() and len(compact) <= 5:
        yield from _by_digits(gazetteer, compact, wanted)
        return
    plain = list(_by_prefix(gazetteer, compact, wanted)) if _is_plain(spelt) else []
    yield from plain
    if not plain:
        yield from _by_evidence(gazetteer, text, wanted)


def _is_plain(spelt: str) -> bool:
    return len(spelt) <= 60 and not any(character.isdigit() for character in spelt)


def _by_digits(
    gazetteer: Gazetteer, digits: str, wanted: SuggestionFilter
) -> Iterator[MatchCandidate]:
    """A postcode or INSEE code, whole or begun."""
    if len(digits) == 5 or not wanted.autocomplete:
        pool = gazetteer.by_postcode.get(digits)
        ids: Iterable[int] = pool.ids if pool else gazetteer.by_code.get(digits, ())
    else:
        ids = _begun_postcode(gazetteer, digits)
    for i in ids:
        place = gazetteer.places[i]
        if place.kind in ("commune", "arrondissement") and wanted.admits(place):
            yield MatchCandidate(place, _blend(0.5, place, wanted), "postcode")


def _begun_postcode(gazetteer: Gazetteer, digits: str) -> Iterator[int]:
    if len(digits) < 2:
        return
    for postcode, pool in gazetteer.by_postcode.items():
        if postcode.startswith(digits):
            yield from pool.ids


def _by_prefix(
    gazetteer: Gazetteer, compact: str, wanted: SuggestionFilter
) -> Iterator[MatchCandidate]:
    low, high = gazetteer.prefixes.span(compact)
    for row in _heaviest(gazetteer, low, high, wanted):
        entry = int(gazetteer.prefixes.entries[row])
        place = gazetteer.places[entry]
        key = gazetteer.prefixes.keys[row]
        is_whole = key == compact
        if (wanted.autocomplete or is_whole) and wanted.admits(place):
            begins = gazetteer.compact[entry].endswith(key)
            likeness = _prefix_likeness(compact, key, gazetteer.compact[entry], begins)
            yield MatchCandidate(place, _blend(likeness, place, wanted), "prefix")


def _prefix_likeness(compact: str, key: str, name: str, begins: bool) -> float:
    """How much of the name is typed, more for a whole name, less for one begun inside."""
    inside = len(name) - len(key) > 3 and begins
    share = len(compact) / max(len(key), 1)
    return 0.5 + 0.2 * share + (0.2 if compact == key else 0.0) - (0.25 if inside else 0.0)


def _heaviest(gazetteer: Gazetteer, low: int, high: int, wanted: SuggestionFilter) -> Iterable[int]:
    """Rows of the prefix worth a look: all of a few, the weightiest of many."""
    narrowed = wanted.postcode or wanted.citycode or wanted.kind
    if high - low <= CONSIDERED or narrowed:
        return range(low, min(high, low + 20_000))
    weights = gazetteer.prefixes.weights[low:high]
    if wanted.near:
        weights = weights + _nearness(gazetteer, low, high, wanted.near)
    top = np.argpartition(weights, -CONSIDERED)[-CONSIDERED:]
    return [low + int(i) for i in top]


def _nearness(
    gazetteer: Gazetteer, low: int, high: int, near: tuple[float, float]
) -> npt.NDArray[np.float32]:
    points = gazetteer.prefixes.points[low:high]
    x = (points[:, 0] - near[0]) * math.cos(math.radians(near[1])) * 111.0
    y = (points[:, 1] - near[1]) * 111.0
    kilometres = np.nan_to_num(np.hypot(x, y), nan=1e4)
    pull: npt.NDArray[np.float32] = (3.0 / (1.0 + kilometres / NEAR_KM)).astype(np.float32)
    return pull


def _blend(likeness: float, place: GazetteerEntry, wanted: SuggestionFilter) -> float:
    """Likeness first, then population (0.2 for two millions), then nearness."""
    score = likeness * 0.7 + 0.2 * min(1.0, math.log10(place.population + 1) / 6.4)
    if place.kind != "commune":
        score -= 0.08
    if wanted.near:
        score += 0.25 / (1.0 + _kilometres(place, wanted.near) / NEAR_KM)
    return round(max(0.0, min(1.0, score)), 4)


def _kilometres(place: GazetteerEntry, near: tuple[float, float]) -> float:
    if place.lon is None or place.lat is None:
        return 1e4
    x = (place.lon - near[0]) * math.cos(math.radians(near[1]))
    return math.hypot(x, place.lat - near[1]) * 111.0


def _by_evidence(
    gazetteer: Gazetteer, text: str, wanted: SuggestionFilter
) -> Iterator[MatchCandidate]:
    """A longer text (address, postcode and name, typos): as for a match."""
    query = GeocodeQuery(text=text, postcode=wanted.postcode, citycode=wanted.citycode)
    ranked, _ = rank(read(query, gazetteer), gazetteer)
    for evidence in ranked[: CONSIDERED * 2]:
        place = gazetteer.places[evidence.entry]
        if wanted.admits(place) and (wanted.autocomplete or _is_whole(evidence)):
            yield MatchCandidate(
                place, _blend(min(1.0, evidence.core), place, wanted), str(evidence.method)
            )


def _is_whole(evidence: CommuneEvidence) -> bool:
    return evidence.named is None or evidence.named.method in SURE_METHODS
