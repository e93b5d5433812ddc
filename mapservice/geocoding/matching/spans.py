"""Where names of the gazetteer stand in a query, and how much their place there says."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mapservice.geocoding.matching.areas import spans_of_areas
from mapservice.geocoding.matching.gazetteer import ARTICLES, MAX_NAME_WORDS, Gazetteer, Ids
from mapservice.geocoding.matching.parse import QueryReading
from mapservice.geocoding.matching.tokens import QueryField, QueryToken, TokenGap, TokenSegment
from mapservice.geocoding.matching.vocabulary import (
    FACILITIES,
    GENERIC_WORDS,
    LEADING_LOCALITY_TYPES,
    LINKERS,
    LOCALITY_TYPES,
    STREET_ADJECTIVES,
    STREET_TYPES,
    TITLES,
)


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


ROLE_WEIGHT = {
    NameRole.FIELD: 1.0,
    NameRole.AFTER_CODE: 1.0,
    NameRole.ALONE: 1.0,
    NameRole.BEFORE_CODE: 0.85,
    NameRole.SITE: 0.9,
    NameRole.END: 0.9,
    NameRole.EARLIER: 0.75,
    NameRole.START: 0.75,
    NameRole.TAIL: 0.45,
    NameRole.MIDDLE: 0.5,
    NameRole.STREET: 0.3,
    NameRole.LOCALITY: 0.3,
    NameRole.FRAGMENT: 0.35,
}
"""How far a name in this place is the town meant, 0..1; set on half of the trial cases."""

TOWN_ROLES = frozenset(
    (
        NameRole.FIELD,
        NameRole.AFTER_CODE,
        NameRole.ALONE,
        NameRole.BEFORE_CODE,
        NameRole.SITE,
        NameRole.END,
    )
)


DECLARED_ROLES = frozenset((NameRole.FIELD, NameRole.AFTER_CODE, NameRole.ALONE))
"""Places that hold a town's name and nothing else."""


@dataclass(frozen=True, slots=True)
class NameSpan:
    """Words [start, end) spell the names of `ids`; `weight` is that of the role, tempered."""

    start: int
    end: int
    ids: Ids
    role: NameRole
    weight: float
    spelt: str


def hits(reading: QueryReading, gazetteer: Gazetteer) -> list[NameSpan]:
    """Every name that stands in the text, those inside a longer one made light."""
    found = [
        hit for segment in reading.segments for hit in _segment_hits(reading, segment, gazetteer)
    ]
    areas = spans_of_areas(reading)
    return [_tempered(hit, found, areas) for hit in found]


def _segment_hits(
    reading: QueryReading, segment: TokenSegment, gazetteer: Gazetteer
) -> Iterator[NameSpan]:
    tokens = reading.tokens
    by_name = gazetteer.by_name
    for start in range(segment.start, segment.end):
        key = ""
        for end in range(start + 1, min(start + MAX_NAME_WORDS, segment.end) + 1):
            key += tokens[end - 1].word
            ids = by_name.get(key)
            if ids and tokens[start].word == "d" and end - start > 1:
                ids = tuple(i for i in ids if gazetteer.spelt[i].startswith("d "))
            if ids and _reads_as_name(reading, segment, start, end):
                role = role_of(reading, segment, start, end)
                weight = ROLE_WEIGHT[role] * _tempering(reading, segment, start, end, role)
                spelt = " ".join(token.word for token in tokens[start:end])
                yield NameSpan(start, end, ids, role, weight, spelt)


def _reads_as_name(reading: QueryReading, segment: TokenSegment, start: int, end: int) -> bool:
    """A single letter among others is no name (Y, in the Somme), nor is a street's kind."""
    tokens = reading.tokens
    if end - start == 1 and len(tokens[start].word) == 1 and len(tokens) > 1:
        return False
    return not _is_kind_of_street(reading, segment, start, end)


def _is_kind_of_street(reading: QueryReading, segment: TokenSegment, start: int, end: int) -> bool:
    """Whether the words say that a street follows, or are one: "12 rue de la Gare", "Grande Rue".

    Communes are called Rue, Placé, Cours, Le Passage or Lez. They are meant where nothing but
    codes, areas or what a town stands behind ("Mairie de Rue") is around.
    """
    words = [token.word for token in reading.tokens[start:end]]
    if not all(word in STREET_TYPES or word in LINKERS for word in words):
        return False
    if segment.after_code and start == segment.start:
        return False
    if end < segment.end and not _only_hints(reading, end, segment.end):
        return True
    before = reading.tokens[start - 1].word if start > segment.start else ""
    return before[:1].isdigit() or before in STREET_ADJECTIVES or before == "grande"


def _tempering(
    reading: QueryReading, segment: TokenSegment, start: int, end: int, role: NameRole
) -> float:
    tokens = reading.tokens
    factor = 1.0
    whole = role in (NameRole.ALONE, NameRole.FIELD, NameRole.AFTER_CODE)
    if not whole and all(token.word in GENERIC_WORDS for token in tokens[start:end]):
        factor *= 0.4
    if reading.has_city_field and segment.field is QueryField.TEXT:
        factor *= 0.6
    return factor


def _tempered(
    hit: NameSpan, others: list[NameSpan], areas: tuple[tuple[int, int], ...]
) -> NameSpan:
    """A name inside a longer one ("Paris" in "Paris-l'Hôpital") hardly counts."""
    length = hit.end - hit.start
    inside = any(
        other.start <= hit.start
        and hit.end <= other.end
        and other.end - other.start > length
        and other.weight >= hit.weight * 0.5
        for other in others
    ) or any(start <= hit.start and hit.end <= end and end - start > length for start, end in areas)
    if not inside:
        return hit
    return NameSpan(hit.start, hit.end, hit.ids, NameRole.FRAGMENT, hit.weight * 0.35, hit.spelt)


def role_of(reading: QueryReading, segment: TokenSegment, start: int, end: int) -> NameRole:
    """The role of words [start, end) of a segment."""
    tokens = reading.tokens
    if is_fragment(reading, segment, start, end):
        return NameRole.FRAGMENT
    first = _skip_linkers(tokens, _behind_number(reading, segment), start)
    is_whole = first == start and end == segment.end
    if segment.field is QueryField.CITY:
        return NameRole.FIELD if is_whole else _inner_role(reading, segment, start, end)
    if segment.after_code and first == start:
        return NameRole.START if _goes_on(reading, segment, end) else NameRole.AFTER_CODE
    if is_whole:
        return _whole_role(segment)
    return _inner_role(reading, segment, start, end)


def _goes_on(reading: QueryReading, segment: TokenSegment, end: int) -> bool:
    """Behind a postcode, "La Plaine des Cafres" is a hamlet of its own, not La Plaine.

    What follows may still be where the town lies: "Saint-Denis de la Réunion".
    """
    tokens = reading.tokens
    further = _skip_linkers(tokens, end, segment.end)
    return end < further < segment.end and not _only_hints(reading, further, segment.end)


def _behind_number(reading: QueryReading, segment: TokenSegment) -> int:
    """The start of a segment, or what follows a département's number there: "75 Paris 6"."""
    start = segment.start
    numbered = any(h.start == start and not h.named for h in reading.departements)
    return start + 1 if numbered else start


def _whole_role(segment: TokenSegment) -> NameRole:
    if segment.last:
        return NameRole.ALONE
    return NameRole.BEFORE_CODE if segment.before_code else NameRole.EARLIER


def _skip_linkers(tokens: list[QueryToken], start: int, stop: int) -> int:
    while start < stop and tokens[start].word in LINKERS:
        start += 1
    return start


def _inner_role(reading: QueryReading, segment: TokenSegment, start: int, end: int) -> NameRole:
    tokens = reading.tokens
    first = _skip_linkers(tokens, segment.start, start)
    head = street_head(tokens, segment, start)
    if head is not None and is_street_name(tokens, head, start):
        return NameRole.STREET
    if _names_a_locality(tokens, segment, start):
        return NameRole.LOCALITY
    if first == start and _only_hints(reading, end, segment.end):
        return NameRole.ALONE
    if end == segment.end or _only_hints(reading, end, segment.end):
        return _end_role(tokens, segment, start, end, head)
    return NameRole.START if start == segment.start and head is None else NameRole.MIDDLE


def _end_role(
    tokens: list[QueryToken], segment: TokenSegment, start: int, end: int, head: int | None
) -> NameRole:
    if head is not None and (segment.before_code or _hangs_on(tokens, start, end)):
        return NameRole.TAIL
    if tokens[start - 1].word == "sous":  # "Montreuil sous Bois" is not Bois
        return NameRole.TAIL
    if segment.after_code and _is_inner_word(tokens, segment, start):
        return NameRole.TAIL
    if head is None and _after_facility(tokens, segment, start):
        return NameRole.SITE
    if segment.before_code:
        return NameRole.BEFORE_CODE
    return NameRole.END if segment.last or segment.after_code else NameRole.EARLIER


def _hangs_on(tokens: list[QueryToken], start: int, end: int) -> bool:
    """The name goes with the word before it: "Jean Bart", "Front de Mer"."""
    before = tokens[start - 1].word
    return before in LINKERS or (end - start == 1 and before in TITLES)


def _is_inner_word(tokens: list[QueryToken], segment: TokenSegment, start: int) -> bool:
    """Behind a postcode, "Ravine des Cabris" is a hamlet of its own, not Cabris."""
    linked = start - 2 >= segment.start and tokens[start - 1].word in LINKERS
    return linked and not any(t.word in FACILITIES for t in tokens[segment.start : start])


def street_head(tokens: list[QueryToken], segment: TokenSegment, start: int) -> int | None:
    """The position of the last street word ("rue") before `start` in the segment."""
    for i in range(start - 1, segment.start - 1, -1):
        if tokens[i].word in STREET_TYPES:
            return i
    return None


def is_street_name(tokens: list[QueryToken], head: int, start: int) -> bool:
    """Nothing but linking words stands between "rue" and the name: the street bears the name.

    "Grande Rue" is whole by itself, and so are "2e Avenue", "route de la Côte" and "rue du Pont",
    but not "rue du Pont de" ...
    """
    between = [token.word for token in tokens[head + 1 : start]]
    if not between:
        return not _is_whole_street(tokens, head)
    if any(word in ("pont", "porte") for word in between) and between[-1] not in LINKERS:
        return False
    return all(word in LINKERS or word in STREET_ADJECTIVES for word in between)


def _is_whole_street(tokens: list[QueryToken], head: int) -> bool:
    """The street word ends the street's name, which stands before it."""
    before = tokens[head - 1].word if head else ""
    if before in ("grande", "grand") or (before[:1].isdigit() and not before.isdigit()):
        return True
    first = head - 1
    while first >= 0 and tokens[first].word in LINKERS:
        first -= 1
    return 0 <= first < head - 1 and tokens[first].word in STREET_TYPES


def _names_a_locality(tokens: list[QueryToken], segment: TokenSegment, start: int) -> bool:
    """Nothing but linking words stands between "résidence" and the name."""
    at = start - 1
    while at >= segment.start and tokens[at].word in LINKERS:
        at -= 1
    if at < segment.start:
        return False
    lead = [token.word for token in tokens[segment.start : at]]
    if all(word in ARTICLES or word[0].isdigit() for word in lead):
        return tokens[at].word in LEADING_LOCALITY_TYPES
    return tokens[at].word in LOCALITY_TYPES and lead[-1] not in LINKERS


def _only_hints(reading: QueryReading, start: int, end: int) -> bool:
    if start == end:
        return False
    hints = [*reading.departements, *reading.regions]
    return any(
        (hint.end == end and hint.start <= start) or hint.start == start for hint in hints
    ) or (all(token.word in LINKERS for token in reading.tokens[start:end]))


def _after_facility(tokens: list[QueryToken], segment: TokenSegment, start: int) -> bool:
    linked = start - 1 >= segment.start and tokens[start - 1].word in LINKERS
    return linked and any(token.word in FACILITIES for token in tokens[segment.start : start])


def is_fragment(reading: QueryReading, segment: TokenSegment, start: int, end: int) -> bool:
    """The words are only part of a hyphenated name."""
    tokens = reading.tokens
    cut_before = start > segment.start and _is_hyphenated(tokens, start)
    cut_after = end < segment.end and tokens[end].gap is TokenGap.HYPHEN
    return (cut_before and not tokens[start - 1].word.isdigit()) or (
        cut_after and not tokens[end].word[0].isdigit()
    )


def _is_hyphenated(tokens: list[QueryToken], start: int) -> bool:
    """A hyphen before the word, or before the elided one it hangs on ("-d'Izeaux")."""
    if tokens[start].gap is TokenGap.APOSTROPHE and len(tokens[start - 1].word) == 1:
        return tokens[start - 1].gap is TokenGap.HYPHEN
    return tokens[start].gap is TokenGap.HYPHEN
