"""Where names of the gazetteer stand in a query, and how much their place there says."""

from collections.abc import Iterator
from dataclasses import dataclass

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
from mapservice.geocoding.model import NameRole
from mapservice.geocoding.weights import (
    BESIDE_CITY_FIELD,
    GENERIC_NAME,
    INSIDE_LONGER_NAME,
    LONGER_NAME_SHARE,
    ROLE_WEIGHT,
)

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
    found = [hit for segment in reading.segments for hit in _hits_of(reading, segment, gazetteer)]
    areas = spans_of_areas(reading)
    tempered = []
    for hit in found:
        # "Paris" in "Paris-l'Hôpital" hardly counts.
        start, end, length = hit.start, hit.end, hit.end - hit.start
        enough = hit.weight * LONGER_NAME_SHARE
        if any(
            other.start <= start
            and end <= other.end
            and other.end - other.start > length
            and other.weight >= enough
            for other in found
        ) or any(first <= start and end <= last and last - first > length for first, last in areas):
            weight = hit.weight * INSIDE_LONGER_NAME
            hit = NameSpan(start, end, hit.ids, NameRole.FRAGMENT, weight, hit.spelt)
        tempered.append(hit)
    return tempered


def _hits_of(
    reading: QueryReading, segment: TokenSegment, gazetteer: Gazetteer
) -> Iterator[NameSpan]:
    """Every name in a segment, with the role and the weight that its place gives it."""
    tokens = reading.tokens
    by_name = gazetteer.by_name
    beside_city_field = reading.has_city_field and segment.field is QueryField.TEXT
    for start in range(segment.start, segment.end):
        key = ""
        for end in range(start + 1, min(start + MAX_NAME_WORDS, segment.end) + 1):
            key += tokens[end - 1].word
            ids = by_name.get(key)
            if ids and tokens[start].word == "d" and end - start > 1:
                ids = tuple(i for i in ids if gazetteer.spelt[i].startswith("d "))
            if not ids:
                continue
            # A single letter among others is no name (Y, in the Somme).
            if end - start == 1 and len(tokens[start].word) == 1 and len(tokens) > 1:
                continue
            if _is_kind_of_street(reading, segment, start, end):
                continue
            words = [token.word for token in tokens[start:end]]
            role = role_of(reading, segment, start, end)
            factor = 1.0
            if role not in DECLARED_ROLES and all(word in GENERIC_WORDS for word in words):
                factor *= GENERIC_NAME
            if beside_city_field:
                factor *= BESIDE_CITY_FIELD
            yield NameSpan(start, end, ids, role, ROLE_WEIGHT[role] * factor, " ".join(words))


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


def role_of(reading: QueryReading, segment: TokenSegment, start: int, end: int) -> NameRole:
    """The role of words [start, end) of a segment."""
    tokens = reading.tokens
    if is_fragment(reading, segment, start, end):
        return NameRole.FRAGMENT
    # The name may follow a département's number: "75 Paris 6".
    numbered = any(h.start == segment.start and not h.named for h in reading.departements)
    first = _skip_linkers(tokens, segment.start + 1 if numbered else segment.start, start)
    is_whole = first == start and end == segment.end
    if segment.field is QueryField.CITY:
        return NameRole.FIELD if is_whole else _inner_role(reading, segment, start, end)
    if segment.after_code and first == start:
        # "La Plaine des Cafres" is a hamlet of its own, not La Plaine; but what follows may be
        # where the town lies: "Saint-Denis de la Réunion".
        further = _skip_linkers(tokens, end, segment.end)
        goes_on = end < further < segment.end and not _only_hints(reading, further, segment.end)
        return NameRole.START if goes_on else NameRole.AFTER_CODE
    if is_whole:
        if segment.last:
            return NameRole.ALONE
        return NameRole.BEFORE_CODE if segment.before_code else NameRole.EARLIER
    return _inner_role(reading, segment, start, end)


def _skip_linkers(tokens: list[QueryToken], start: int, stop: int) -> int:
    while start < stop and tokens[start].word in LINKERS:
        start += 1
    return start


def _inner_role(reading: QueryReading, segment: TokenSegment, start: int, end: int) -> NameRole:
    """The role of a name with other words beside it in its segment."""
    tokens = reading.tokens
    head = street_head(tokens, segment, start)
    if head is not None and is_street_name(tokens, head, start):
        return NameRole.STREET
    if _names_a_locality(tokens, segment, start):
        return NameRole.LOCALITY
    only_hints_follow = _only_hints(reading, end, segment.end)
    if only_hints_follow and _skip_linkers(tokens, segment.start, start) == start:
        return NameRole.ALONE
    if end < segment.end and not only_hints_follow:
        return NameRole.START if start == segment.start and head is None else NameRole.MIDDLE
    # The name ends its segment, or all but areas.
    before = tokens[start - 1].word
    is_linked = before in LINKERS
    # It goes with the word before it: "rue Jean Bart", "boulevard du Front de Mer".
    hangs_on = is_linked or (end - start == 1 and before in TITLES)
    if head is not None and (segment.before_code or hangs_on):
        return NameRole.TAIL
    if before == "sous":  # "Montreuil sous Bois" is not Bois
        return NameRole.TAIL
    at_facility = any(token.word in FACILITIES for token in tokens[segment.start : start])
    # Behind a postcode, "Ravine des Cabris" is a hamlet of its own, not Cabris.
    if segment.after_code and is_linked and start - 2 >= segment.start and not at_facility:
        return NameRole.TAIL
    if head is None and is_linked and start - 1 >= segment.start and at_facility:
        return NameRole.SITE
    if segment.before_code:
        return NameRole.BEFORE_CODE
    return NameRole.END if segment.last or segment.after_code else NameRole.EARLIER


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
    """Whether words [start, end), of which there are some, name no more than an area."""
    if start == end:
        return False
    hints = [*reading.departements, *reading.regions]
    return any(
        (hint.end == end and hint.start <= start) or hint.start == start for hint in hints
    ) or (all(token.word in LINKERS for token in reading.tokens[start:end]))


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
    if between:
        if any(word in ("pont", "porte") for word in between) and between[-1] not in LINKERS:
            return False
        return all(word in LINKERS or word in STREET_ADJECTIVES for word in between)
    # The street word may end the street's name, which stands before it.
    before = tokens[head - 1].word if head else ""
    if before in ("grande", "grand") or (before[:1].isdigit() and not before.isdigit()):
        return False
    first = head - 1
    while first >= 0 and tokens[first].word in LINKERS:
        first -= 1
    return not (0 <= first < head - 1 and tokens[first].word in STREET_TYPES)


def is_fragment(reading: QueryReading, segment: TokenSegment, start: int, end: int) -> bool:
    """The words are only part of a hyphenated name."""
    tokens = reading.tokens
    if start > segment.start and not tokens[start - 1].word.isdigit():
        gap = tokens[start].gap
        # The hyphen may stand before the elided word that this one hangs on ("-d'Izeaux").
        if gap is TokenGap.APOSTROPHE and len(tokens[start - 1].word) == 1:
            gap = tokens[start - 1].gap
        if gap is TokenGap.HYPHEN:
            return True
    return (
        end < segment.end
        and tokens[end].gap is TokenGap.HYPHEN
        and not tokens[end].word[0].isdigit()
    )
