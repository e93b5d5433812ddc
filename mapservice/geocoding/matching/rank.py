"""Communes that a query may mean, the best first."""

from collections import Counter
from collections.abc import Iterable, Iterator

from mapservice.geocoding.matching.evidence import (
    ALIAS_QUALITY,
    CodeSense,
    CommuneEvidence,
    MatchMethod,
    NameReading,
    PostcodeAgreement,
    is_unmistakable,
    sense_of_codes,
    weigh,
)
from mapservice.geocoding.matching.gazetteer import ARRONDISSEMENT, COMMUNE, Gazetteer, NamePool
from mapservice.geocoding.matching.likeness import (
    DEPARTEMENT_FLOOR,
    POSTCODE_FLOOR,
    alike_in_france,
    alike_in_pool,
    beginnings_in_pool,
    cut_in_pool,
    endings_in_pool,
    longer_names,
    sounding_in_pool,
    windows,
)
from mapservice.geocoding.matching.parse import AreaHint, QueryReading, ordinal
from mapservice.geocoding.matching.spans import DECLARED_ROLES, TOWN_ROLES, NameRole, NameSpan, hits
from mapservice.geocoding.matching.vocabulary import STREET_TYPES

SETTLED = 0.85
"""A name of this value (likeness times place) in the right area ends the search for typos."""

RIVALLED_FLOOR = 0.86
"""Likeness asked of a name of the postcode when another commune bears the very name given."""

ELSEWHERE_DOUBT = 0.16
"""Brings a name in the best place (0.6 - 0.15) below the postcode of several communes (0.3)."""

Names = dict[str, NameReading]


def rank(reading: QueryReading, gazetteer: Gazetteer) -> tuple[list[CommuneEvidence], CodeSense]:
    """Weigh every commune that the codes, names or context of a query point to."""
    sense = sense_of_codes(reading, gazetteer)
    names: Names = {}
    _add(names, _exact(reading, gazetteer), gazetteer)
    _add(names, list(_arrondissement_alone(names, reading, sense, gazetteer)), gazetteer)
    _yield_to_areas(names, reading, gazetteer)
    _add_misspelt(names, reading, sense, gazetteer)
    evidence = [weigh(named.entry, named, reading, sense, gazetteer) for named in names.values()]
    _doubt_names_elsewhere(evidence, sense, gazetteer)
    evidence.extend(_unnamed(names, reading, sense, gazetteer))
    evidence.sort(key=_order)
    return evidence, sense


def _doubt_names_elsewhere(
    evidence: list[CommuneEvidence], sense: CodeSense, gazetteer: Gazetteer
) -> None:
    """A name that only communes away from the postcode bear is rather that of a hamlet there.

    Not so one that is unmistakable, unless several communes bear it.
    """
    against = [e for e in evidence if e.named and e.postcode is PostcodeAgreement.AGAINST]
    spans = Counter((e.named.start, e.named.end) for e in against if e.named)
    for item in against:
        is_shared = item.named and spans[item.named.start, item.named.end] > 1
        if is_shared or (sense.postcodes and not is_unmistakable(item, sense, gazetteer)):
            item.core -= ELSEWHERE_DOUBT


def _order(evidence: CommuneEvidence) -> tuple[float, int, str]:
    return (-round(evidence.core, 3), -evidence.population, evidence.commune)


def _add(names: Names, found: Iterable[NameReading], gazetteer: Gazetteer) -> None:
    """Keep for each commune its best reading; the commune's own name wins over an alias."""
    for named in found:
        place = gazetteer.places[named.entry]
        if place.kind not in (COMMUNE, ARRONDISSEMENT):
            named.quality *= ALIAS_QUALITY
        known = names.get(place.commune)
        if known is None or named.value > known.value:
            names[place.commune] = named


def _exact(reading: QueryReading, gazetteer: Gazetteer) -> Iterator[NameReading]:
    for hit in hits(reading, gazetteer):
        for entry in hit.ids:
            method, quality = _exactness(hit, gazetteer.spelt[entry])
            yield _with_arrondissement(
                NameReading(entry, method, quality, hit.role, hit.weight, hit.start, hit.end),
                reading,
                gazetteer,
            )


def _exactness(hit: NameSpan, spelt: str) -> tuple[MatchMethod, float]:
    """Exact, exact but for an article, or exact but for spaces."""
    if hit.spelt == spelt:
        return MatchMethod.EXACT, 1.0
    if hit.spelt == spelt.partition(" ")[2]:
        return MatchMethod.ARTICLE, 0.9
    if hit.spelt.startswith("l "):
        return MatchMethod.SPACING, 0.5
    street_like = hit.role in (NameRole.STREET, NameRole.MIDDLE, NameRole.TAIL)
    return MatchMethod.SPACING, 0.5 if street_like else 0.95


def _with_arrondissement(
    named: NameReading, reading: QueryReading, gazetteer: Gazetteer
) -> NameReading:
    """ "Paris 13e", "Lyon 3": the entry becomes that of the arrondissement."""
    commune = gazetteer.places[named.entry].commune
    if gazetteer.arrondissement(commune, 1) is None:
        return named
    number = reading.arrondissement or _following_number(reading, named.end)
    entry = gazetteer.arrondissement(commune, number) if number else None
    entry = entry if entry is not None else _arrondissement_of_codes(commune, reading, gazetteer)
    if entry is not None:
        named.entry = entry
        named.method = MatchMethod.ARRONDISSEMENT
        if named.role in (NameRole.START, NameRole.MIDDLE) and number:
            named.weight = max(named.weight, 0.9)
    return named


def _following_number(reading: QueryReading, end: int) -> int | None:
    if end >= len(reading.tokens):
        return None
    word = reading.tokens[end].word
    number = ordinal(word)
    following = reading.tokens[end + 1].word if end + 1 < len(reading.tokens) else ""
    if number and (not word.isdigit() or following not in STREET_TYPES):
        return number
    return None


def _arrondissement_of_codes(
    commune: str, reading: QueryReading, gazetteer: Gazetteer
) -> int | None:
    for value in (reading.citycode, *reading.firm_codes):
        pool = gazetteer.by_postcode.get(value)
        ids = pool.ids if pool else gazetteer.by_code.get(value, ())
        for i in ids:
            place = gazetteer.places[i]
            if place.kind == ARRONDISSEMENT and place.commune == commune:
                return i
    return None


def _arrondissement_alone(
    names: Names, reading: QueryReading, sense: CodeSense, gazetteer: Gazetteer
) -> Iterator[NameReading]:
    """ "13e arrondissement" with no city: each city that has one, or the one of the context."""
    number = reading.arrondissement or _bare_number(reading)
    if not number:
        return
    known = sense.postcode_communes | sense.citycode_communes | {reading.context, *names}
    cities = [commune for commune, _ in gazetteer.arrondissement_cities]
    told = [commune for commune in cities if commune in known]
    for commune in told or (cities if reading.arrondissement else []):
        entry = gazetteer.arrondissement(commune, number)
        if entry is not None:
            yield NameReading(
                entry, MatchMethod.ARRONDISSEMENT, 1.0, NameRole.ALONE, 0.9 if told else 0.7
            )


def _bare_number(reading: QueryReading) -> int | None:
    """A field that holds nothing but a number, in a file about one city."""
    if not reading.context or not reading.tokens:
        return None
    apart = [token for token in reading.tokens if token.field] or reading.tokens
    return ordinal(apart[0].word) if len(apart) == 1 else None


def _add_misspelt(
    names: Names, reading: QueryReading, sense: CodeSense, gazetteer: Gazetteer
) -> None:
    """Look for typos: among the postcode's names, then the département's, then all of France."""
    pools = _postcode_pools(reading, gazetteer)
    inside = sense.postcode_communes | sense.citycode_communes | sense.weak_communes
    if inside and _is_settled(names, reading, sense, gazetteer):
        return
    found = windows(reading)
    if not inside:
        _add(names, list(longer_names(found, gazetteer)), gazetteer)
        if _is_settled(names, reading, sense, gazetteer):
            return
    floor = RIVALLED_FLOOR if _is_declared(names) else POSTCODE_FLOOR
    for pool in pools:
        _add(names, alike_in_pool(found, pool, floor), gazetteer)
        _add(names, beginnings_in_pool(found, pool, gazetteer), gazetteer)
        _add(names, cut_in_pool(found, pool), gazetteer)
        _add(names, endings_in_pool(found, pool, gazetteer), gazetteer)
        _add(names, sounding_in_pool(found, pool, gazetteer), gazetteer)
    if any(commune in inside and named.value >= 0.6 for commune, named in names.items()):
        return
    area_floor = DEPARTEMENT_FLOOR
    if sense.has_postcode:
        area_floor = RIVALLED_FLOOR
        found = [window for window in found if window.role in DECLARED_ROLES]
    for code in _departements(reading, sense, gazetteer):
        area = gazetteer.by_departement[code]
        _add(names, alike_in_pool(found[:8], area, area_floor), gazetteer)
        _add(names, beginnings_in_pool(found[:3], area, gazetteer), gazetteer)
        if not sense.has_postcode:
            _add(names, endings_in_pool(found[:3], area, gazetteer), gazetteer)
    if not _has_good_name(names, 0.8):
        known = [window for window in found if window.whole] if sense.has_postcode else found
        _add(names, alike_in_france(known, gazetteer), gazetteer)


def _is_declared(names: Names) -> bool:
    """A commune elsewhere bears exactly the name given: it may be the postcode that is wrong."""
    return any(
        named.role in DECLARED_ROLES and named.weight >= 0.9 and named.quality >= ALIAS_QUALITY
        for named in names.values()
    )


def _yield_to_areas(names: Names, reading: QueryReading, gazetteer: Gazetteer) -> None:
    """In "Jeugny, Aube" the second is the département, though a commune bears that name too."""
    hints = [hint for hint in (*reading.departements, *reading.regions) if hint.named]
    for named in names.values() if hints else ():
        hint = next((h for h in hints if (h.start, h.end) == (named.start, named.end)), None)
        if hint and any(_lies_in(other, hint, gazetteer) for other in names.values()):
            named.weight *= 0.4


def _lies_in(named: NameReading, hint: AreaHint, gazetteer: Gazetteer) -> bool:
    """A town named before the hint, in the département or région that the hint names."""
    place = gazetteer.places[named.entry]
    inside = hint.code in (place.departement, place.region)
    return inside and named.end <= hint.start and named.value >= 0.5


def _is_settled(
    names: Names, reading: QueryReading, sense: CodeSense, gazetteer: Gazetteer
) -> bool:
    """A good exact name stands in the postcode, or in the area if one is given."""
    inside = sense.postcode_communes | sense.citycode_communes | sense.maybe_citycodes
    if inside:
        coded = (named for commune, named in names.items() if commune in inside)
        return any(named.value >= 0.8 and named.role in TOWN_ROLES for named in coded)
    return any(_is_settled_in_area(named, reading, sense, gazetteer) for named in names.values())


def _is_settled_in_area(
    named: NameReading, reading: QueryReading, sense: CodeSense, gazetteer: Gazetteer
) -> bool:
    place = gazetteer.places[named.entry]
    around = gazetteer.commune_departements[place.commune] | {place.region}
    firm = {hint.code for hint in reading.departements if hint.firm} | sense.areas
    hints = {hint.code for hint in (*reading.departements, *reading.regions) if hint.named}
    if named.value >= SETTLED and (not firm or firm & around):
        return True
    return named.value >= 0.7 and bool(hints & around)


def _has_good_name(names: Names, floor: float) -> bool:
    return any(named.value >= floor for named in names.values())


def _postcode_pools(reading: QueryReading, gazetteer: Gazetteer) -> list[NamePool]:
    return [
        gazetteer.by_postcode[code.value]
        for code in reading.codes[:3]
        if code.value in gazetteer.by_postcode
    ]


def _departements(reading: QueryReading, sense: CodeSense, gazetteer: Gazetteer) -> list[str]:
    """Where the query lies as far as its codes and hints tell, a few at most."""
    hinted = {hint.code for hint in reading.departements}
    inside = sense.postcode_communes | sense.weak_communes
    coded = {gazetteer.places[gazetteer.commune_entry[c]].departement for c in inside}
    return sorted(hinted | coded | sense.areas)[:6]


def _unnamed(
    names: Names, reading: QueryReading, sense: CodeSense, gazetteer: Gazetteer
) -> Iterator[CommuneEvidence]:
    """The communes that only a code or the context points to."""
    maybe = frozenset() if sense.has_postcode else sense.maybe_citycodes
    communes = sense.postcode_communes | sense.citycode_communes | maybe
    if reading.context in gazetteer.commune_entry:
        communes |= {reading.context}
    for commune in communes - names.keys():
        entry = _arrondissement_of_codes(commune, reading, gazetteer)
        entry = gazetteer.commune_entry[commune] if entry is None else entry
        yield weigh(entry, None, reading, sense, gazetteer)
