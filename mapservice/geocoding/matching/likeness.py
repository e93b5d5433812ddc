"""Misspelt names: typo, sound, beginning of a name, within a postcode, a département or France."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from rapidfuzz import process
from rapidfuzz.distance import OSA

from mapservice.geocoding.matching.evidence import NameReading
from mapservice.geocoding.matching.gazetteer import COMMUNE, Gazetteer, NamePool
from mapservice.geocoding.matching.normalise import phonetic
from mapservice.geocoding.matching.parse import QueryReading
from mapservice.geocoding.matching.spans import (
    DECLARED_ROLES,
    is_street_name,
    role_of,
    street_head,
)
from mapservice.geocoding.matching.tokens import QueryField, TokenSegment
from mapservice.geocoding.matching.vocabulary import GENERIC_WORDS, LINKERS
from mapservice.geocoding.model import MatchMethod, NameRole
from mapservice.geocoding.weights import (
    BEGINNING_QUALITY,
    BESIDE_CITY_FIELD,
    CUT_QUALITY,
    FRANCE_FLOOR,
    NOTABLE_TOWN,
    ROLE_WEIGHT,
    SAME_SOUND,
    SOUND_FLOOR,
    UNDECLARED_CEILING,
    UNDECLARED_FLOOR,
)

# Bounds on the work of one query: words in a window, windows of a query, windows looked for in all
# of France, and names that begin alike, beyond which the beginning tells nothing.
MAX_WINDOW = 7
MAX_WINDOWS = 24
MAX_FRANCE_WINDOWS = 6
MAX_LONGER = 2_000
_TOO_COMMON = frozenset(
    ("saint", "sainte", "saints", "notre", "notredame", "mont", "bois", "villa")
)


@dataclass(frozen=True, slots=True)
class NameWindow:
    """Words [start, end) that may be a town's name, misspelt; `weight` is that of their place.

    A `whole` one is all of its segment.
    """

    start: int
    end: int
    compact: str
    role: NameRole
    weight: float
    whole: bool = False


def windows(reading: QueryReading) -> list[NameWindow]:
    """Where a misspelt town may stand: the city field, behind a code, the end of a segment."""
    tokens = reading.tokens
    areas = {(hint.start, hint.end) for hint in (*reading.departements, *reading.regions)}
    found: list[NameWindow] = []
    for segment in sorted(
        reading.segments,
        key=lambda s: (s.field is not QueryField.CITY, not s.after_code, not s.last),
    ):
        head = street_head(tokens, segment, segment.end)
        begun = segment.field is QueryField.CITY or segment.after_code or head is None
        bounds = []
        if begun:
            longest = min(segment.end, segment.start + MAX_WINDOW)
            bounds = [(segment.start, end) for end in range(longest, segment.start, -1)]
        stop = segment.start if head is None else head + 1
        bounds += [
            (start, segment.end)
            for start in range(max(stop, segment.end - MAX_WINDOW, segment.start + 1), segment.end)
            if head is None or not is_street_name(tokens, head, start)
        ]
        for start, end in bounds:
            window = _window(reading, segment, start, end)
            if window is not None and (start, end) not in areas:
                found.append(window)
                if len(found) == MAX_WINDOWS:
                    return found
    return found


def _window(
    reading: QueryReading, segment: TokenSegment, start: int, end: int
) -> NameWindow | None:
    """Words that may be a town's name; None for numbers, everyday words and loose articles."""
    tokens = reading.tokens[start:end]
    compact = "".join(token.word for token in tokens)
    if len(compact) < 3 or any(token.word[0].isdigit() for token in tokens):
        return None
    if not segment.after_code and all(token.word in GENERIC_WORDS for token in tokens):
        return None
    if tokens[0].word in LINKERS and len(tokens) > 1 and segment.start < start:
        return None
    if tokens[-1].word in LINKERS and end < segment.end:
        return None
    role = role_of(reading, segment, start, end)
    weight = ROLE_WEIGHT[role]
    if reading.has_city_field and segment.field is QueryField.TEXT:
        weight *= BESIDE_CITY_FIELD
    whole = (start, end) == (segment.start, segment.end)
    return NameWindow(start, end, compact, role, weight, whole)


def alike_in_pool(
    found: Iterable[NameWindow], pool: NamePool, floor: float
) -> Iterator[NameReading]:
    """The nearest names of a pool for each window, from `floor` (0..1) up.

    Likeness is one less the share of letters to add, drop, change or swap (OSA distance).
    """
    for window in found:
        asked = floor
        if window.role not in DECLARED_ROLES:
            asked = min(UNDECLARED_CEILING, floor + UNDECLARED_FLOOR)
        for _, score, position in process.extract(
            window.compact,
            pool.names,
            scorer=OSA.normalized_similarity,
            score_cutoff=asked,
            limit=3,
        ):
            yield _named(window, pool.ids[position], score, MatchMethod.TYPO)


def beginnings_in_pool(
    found: Iterable[NameWindow], pool: NamePool, gazetteer: Gazetteer
) -> Iterator[NameReading]:
    """Names of a pool that begin with the words given: "Tardets" for "Tardets-Sorholus"."""
    for window in found:
        if len(window.compact) < 4 or window.compact in _TOO_COMMON:
            continue
        for i, name in zip(pool.ids, pool.names, strict=True):
            if _begins(window.compact, name, gazetteer.spelt[i]):
                yield _named(window, i, BEGINNING_QUALITY, MatchMethod.BEGINNING)


def cut_in_pool(found: Iterable[NameWindow], pool: NamePool) -> Iterator[NameReading]:
    """Names of a pool that begin with all the letters of a segment, and go on."""
    for window in found:
        if not window.whole or len(window.compact) < 5 or window.compact in _TOO_COMMON:
            continue
        for i, name in zip(pool.ids, pool.names, strict=True):
            if len(name) > len(window.compact) and name.startswith(window.compact):
                yield _named(window, i, CUT_QUALITY, MatchMethod.BEGINNING)


def endings_in_pool(
    found: Iterable[NameWindow], pool: NamePool, gazetteer: Gazetteer
) -> Iterator[NameReading]:
    """Names of a pool that end with all that a segment says: "Châtain" for "Arfeuille-Châtain"."""
    for window in found:
        if not window.whole or len(window.compact) < 4 or window.compact in _TOO_COMMON:
            continue
        compact, length = window.compact, len(window.compact)
        for i, name in zip(pool.ids, pool.names, strict=True):
            if len(name) > length and name.endswith(compact):
                words = gazetteer.spelt[i].split(" ")
                if any("".join(words[start:]) == compact for start in range(1, len(words))):
                    yield _named(window, i, BEGINNING_QUALITY, MatchMethod.BEGINNING)


def _begins(compact: str, name: str, spelt: str) -> bool:
    if len(name) <= len(compact) or compact not in name:
        return False
    words = spelt.split(" ")
    lead = 1 if words[0] in LINKERS else 0
    return any(
        "".join(words[start:stop]) == compact
        for start in {0, lead}
        for stop in range(start + 1, len(words))
    )


def longer_names(found: Iterable[NameWindow], gazetteer: Gazetteer) -> Iterator[NameReading]:
    """Towns of note whose names begin with all that a segment says: "Brive", "Aix"."""
    for window in found:
        if not window.whole or window.role not in DECLARED_ROLES or len(window.compact) < 3:
            continue
        low, high = gazetteer.prefixes.span(window.compact)
        if high - low > MAX_LONGER or window.compact in _TOO_COMMON:
            continue
        for i in {int(entry) for entry in gazetteer.prefixes.entries[low:high]}:
            place = gazetteer.places[i]
            if (
                place.kind == COMMUNE
                and place.population >= NOTABLE_TOWN
                and _begins(window.compact, gazetteer.compact[i], gazetteer.spelt[i])
            ):
                yield _named(window, i, BEGINNING_QUALITY, MatchMethod.BEGINNING)


def sounding_in_pool(
    found: Iterable[NameWindow], pool: NamePool, gazetteer: Gazetteer
) -> Iterator[NameReading]:
    """Names of a pool that sound like the words given."""
    wanted = frozenset(pool.ids)
    for window in found:
        for i in gazetteer.by_sound.get(phonetic(window.compact), ()):
            score = _likeness(window.compact, gazetteer.compact[i])
            if i in wanted and score >= SOUND_FLOOR:
                yield _named(window, i, _as_heard(score), MatchMethod.SOUND)


def alike_in_france(found: Iterable[NameWindow], gazetteer: Gazetteer) -> Iterator[NameReading]:
    """The nearest names of all, through shared letter triples and sounds; few windows are tried."""
    for window in islice(found, MAX_FRANCE_WINDOWS):
        if len(window.compact) < 4:
            continue
        sounds = gazetteer.by_sound.get(phonetic(window.compact), ())
        # A swap of letters leaves few triples of a short name: look further down its list.
        count = 120 if len(window.compact) <= 8 else 24
        for i in {*gazetteer.trigrams.nearest(window.compact, count), *sounds}:
            score = _likeness(window.compact, gazetteer.compact[i])
            if i in sounds and score >= SOUND_FLOOR:
                yield _named(window, i, _as_heard(score), MatchMethod.SOUND)
            elif score >= FRANCE_FLOOR:
                yield _named(window, i, score, MatchMethod.TYPO)


def _likeness(left: str, right: str) -> float:
    return OSA.normalized_similarity(left, right, score_cutoff=SOUND_FLOOR)


def _as_heard(likeness: float) -> float:
    """A name that sounds the same is half way from its spelling to a sure one."""
    return (SAME_SOUND + likeness) / 2


def _named(window: NameWindow, entry: int, quality: float, method: MatchMethod) -> NameReading:
    return NameReading(entry, method, quality, window.role, window.weight, window.start, window.end)
