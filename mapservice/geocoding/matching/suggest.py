"""Suggestions while a person types: names that begin so, weighted by population and nearness."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from mapservice.geocoding.matching.evidence import SURE_METHODS
from mapservice.geocoding.matching.gazetteer import ARRONDISSEMENT, COMMUNE, Gazetteer
from mapservice.geocoding.matching.normalise import fold, normalise
from mapservice.geocoding.matching.parse import read
from mapservice.geocoding.matching.rank import rank
from mapservice.geocoding.model import GazetteerEntry, GeocodeQuery, MatchCandidate, MatchStatus
from mapservice.geocoding.weights import (
    ALIAS_RANK,
    BEGUN_CODE,
    BEGUN_INSIDE,
    BEGUN_NAME,
    LARGEST_TOWN,
    LIKENESS_SHARE,
    NEAR_KM,
    NEARNESS_SHARE,
    NEARNESS_SOUGHT,
    POPULATION_SHARE,
    TYPED_SHARE,
    WHOLE_NAME,
)

MAX_LIMIT = 100
CONSIDERED = 60
"""Entries looked at behind a prefix: those of the greatest weight."""

KM_PER_DEGREE = 111.0
NOWHERE_KM = 1e4
"""The distance of a commune whose point is unknown: as good as none."""

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
    found: dict[str, MatchCandidate] = {}
    for candidate in _candidates(gazetteer, text, wanted):
        known = found.get(candidate.place.commune)
        if known is None or candidate.score > known.score:
            found[candidate.place.commune] = candidate
    ranked = sorted(found.values(), key=lambda c: (-c.score, -c.place.population, c.place.commune))
    return ranked[: max(0, min(wanted.limit, MAX_LIMIT))]


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


def _is_plain(spelt: str) -> bool:
    return len(spelt) <= 60 and not any(character.isdigit() for character in spelt)


def _candidates(
    gazetteer: Gazetteer, text: str, wanted: SuggestionFilter
) -> Iterator[MatchCandidate]:
    spelt = _begun(text)
    compact = spelt.replace(" ", "")
    if not compact:
        return
    if compact.isdigit() and len(compact) <= 5:
        yield from _by_digits(gazetteer, compact, wanted)
        return
    plain = list(_by_prefix(gazetteer, compact, wanted)) if _is_plain(spelt) else []
    yield from plain
    if plain:
        return
    # A longer text (address, postcode and name, typos) is read as for a match.
    query = GeocodeQuery(text=text, postcode=wanted.postcode, citycode=wanted.citycode)
    ranked, _ = rank(read(query, gazetteer), gazetteer)
    for evidence in ranked[: CONSIDERED * 2]:
        place, named = gazetteer.places[evidence.entry], evidence.named
        is_whole = named is None or named.method in SURE_METHODS
        if wanted.admits(place) and (wanted.autocomplete or is_whole):
            score = _blend(min(1.0, evidence.core), place, wanted)
            yield MatchCandidate(place, score, str(evidence.method))


def _by_digits(
    gazetteer: Gazetteer, digits: str, wanted: SuggestionFilter
) -> Iterator[MatchCandidate]:
    """A postcode or INSEE code, whole or begun."""
    ids: Iterable[int] = ()
    if len(digits) == 5 or not wanted.autocomplete:
        pool = gazetteer.by_postcode.get(digits)
        ids = pool.ids if pool else gazetteer.by_code.get(digits, ())
    elif len(digits) >= 2:
        begun = (pool for code, pool in gazetteer.by_postcode.items() if code.startswith(digits))
        ids = chain.from_iterable(pool.ids for pool in begun)
    for i in ids:
        place = gazetteer.places[i]
        if place.kind in (COMMUNE, ARRONDISSEMENT) and wanted.admits(place):
            yield MatchCandidate(place, _blend(BEGUN_CODE, place, wanted), "postcode")


def _by_prefix(
    gazetteer: Gazetteer, compact: str, wanted: SuggestionFilter
) -> Iterator[MatchCandidate]:
    """Names that begin so, from any of their telling words on."""
    prefixes = gazetteer.prefixes
    low, high = prefixes.span(compact)
    rows: Iterable[int] = range(low, min(high, low + 20_000))
    if high - low > CONSIDERED and not (wanted.postcode or wanted.citycode or wanted.kind):
        # Of many names only the weightiest are worth a look; those near the caller weigh more.
        weights = prefixes.weights[low:high]
        if wanted.near:
            points, (lon, lat) = prefixes.points[low:high], wanted.near
            x = (points[:, 0] - lon) * math.cos(math.radians(lat)) * KM_PER_DEGREE
            y = (points[:, 1] - lat) * KM_PER_DEGREE
            kilometres = np.nan_to_num(np.hypot(x, y), nan=NOWHERE_KM)
            pull = NEARNESS_SOUGHT / (1.0 + kilometres / NEAR_KM)
            weights = weights + pull.astype(np.float32)
        rows = [low + int(i) for i in np.argpartition(weights, -CONSIDERED)[-CONSIDERED:]]
    for row in rows:
        entry = int(prefixes.entries[row])
        place = gazetteer.places[entry]
        key, name = prefixes.keys[row], gazetteer.compact[entry]
        if (wanted.autocomplete or key == compact) and wanted.admits(place):
            # How much of the name is typed, more for a whole name, less for one begun inside.
            likeness = BEGUN_NAME + TYPED_SHARE * (len(compact) / max(len(key), 1))
            likeness += WHOLE_NAME if compact == key else 0.0
            likeness -= BEGUN_INSIDE if len(name) - len(key) > 3 and name.endswith(key) else 0.0
            yield MatchCandidate(place, _blend(likeness, place, wanted), "prefix")


def _blend(likeness: float, place: GazetteerEntry, wanted: SuggestionFilter) -> float:
    """Likeness first, then population (0.2 for two millions), then nearness."""
    score = likeness * LIKENESS_SHARE
    score += POPULATION_SHARE * min(1.0, math.log10(place.population + 1) / LARGEST_TOWN)
    if place.kind != COMMUNE:
        score -= ALIAS_RANK
    if wanted.near:
        kilometres, (lon, lat) = NOWHERE_KM, wanted.near
        if place.lon is not None and place.lat is not None:
            x = (place.lon - lon) * math.cos(math.radians(lat))
            kilometres = math.hypot(x, place.lat - lat) * KM_PER_DEGREE
        score += NEARNESS_SHARE / (1.0 + kilometres / NEAR_KM)
    return round(max(0.0, min(1.0, score)), 4)
