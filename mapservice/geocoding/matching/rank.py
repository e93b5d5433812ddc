"""Communes that a query may mean, the best first."""

from collections import Counter
from collections.abc import Iterable, Iterator

from mapservice.geocoding.matching.evidence import (
    CodeSense,
    CommuneEvidence,
    NameReading,
    is_unmistakable,
    sense_of_codes,
    weigh,
)
from mapservice.geocoding.matching.gazetteer import ARRONDISSEMENT, COMMUNE, Gazetteer
from mapservice.geocoding.matching.likeness import (
    alike_in_france,
    alike_in_pool,
    beginnings_in_pool,
    cut_in_pool,
    endings_in_pool,
    longer_names,
    sounding_in_pool,
    windows,
)
from mapservice.geocoding.matching.parse import QueryReading, ordinal
from mapservice.geocoding.matching.spans import DECLARED_ROLES, TOWN_ROLES, hits
from mapservice.geocoding.matching.vocabulary import STREET_TYPES
from mapservice.geocoding.model import MatchMethod, NameRole, PostcodeAgreement
from mapservice.geocoding.weights import (
    ALIAS_QUALITY,
    DECLARED_WEIGHT,
    DEPARTEMENT_FLOOR,
    DOUBTFUL_SPACING,
    ELSEWHERE_DOUBT,
    FOUND_IN_DEPARTEMENT,
    FOUND_IN_POSTCODE,
    GUESSED_ARRONDISSEMENT,
    NAME_OF_AREA,
    NUMBERED_ARRONDISSEMENT,
    OTHER_SPACING,
    POSTCODE_FLOOR,
    RIVALLED_FLOOR,
    SETTLED,
    SETTLED_BY_CODE,
    SETTLED_IN_NAMED_AREA,
    TOWN_BEFORE_AREA,
    WITHOUT_ARTICLE,
)

_STREET_LIKE = frozenset((NameRole.STREET, NameRole.MIDDLE, NameRole.TAIL))

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

    # A name that only communes away from the postcode bear is rather that of a hamlet there; not
    # so one that is unmistakable, unless several communes bear it.
    against = [e for e in evidence if e.named and e.postcode is PostcodeAgreement.AGAINST]
    spans = Counter((e.named.start, e.named.end) for e in against if e.named)
    for item in against:
        is_shared = item.named and spans[item.named.start, item.named.end] > 1
        if is_shared or (sense.postcodes and not is_unmistakable(item, sense, gazetteer)):
            item.core -= ELSEWHERE_DOUBT

    # Communes that only a code or the context points to.
    communes = sense.postcode_communes | sense.citycode_communes
    if not sense.has_postcode:
        communes |= sense.maybe_citycodes
    if reading.context in gazetteer.commune_entry:
        communes |= {reading.context}
    for commune in communes - names.keys():
        entry = _arrondissement_of_codes(commune, reading, gazetteer)
        entry = gazetteer.commune_entry[commune] if entry is None else entry
        evidence.append(weigh(entry, None, reading, sense, gazetteer))
    evidence.sort(key=lambda e: (-round(e.core, 3), -e.population, e.commune))
    return evidence, sense


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
    """Names that are exact, or so but for an article or spaces."""
    for hit in hits(reading, gazetteer):
        for entry in hit.ids:
            spelt = gazetteer.spelt[entry]
            method, quality = MatchMethod.SPACING, OTHER_SPACING
            if hit.spelt == spelt:
                method, quality = MatchMethod.EXACT, 1.0
            elif hit.spelt == spelt.partition(" ")[2]:
                method, quality = MatchMethod.ARTICLE, WITHOUT_ARTICLE
            elif hit.spelt.startswith("l ") or hit.role in _STREET_LIKE:
                quality = DOUBTFUL_SPACING
            named = NameReading(entry, method, quality, hit.role, hit.weight, hit.start, hit.end)
            if (gazetteer.places[entry].commune, 1) in gazetteer.arrondissements:
                _to_arrondissement(named, reading, gazetteer)
            yield named


def _to_arrondissement(named: NameReading, reading: QueryReading, gazetteer: Gazetteer) -> None:
    """ "Paris 13e", "Lyon 3": the entry becomes that of the arrondissement, where one is given."""
    commune, end, tokens = gazetteer.places[named.entry].commune, named.end, reading.tokens
    number = reading.arrondissement
    if not number and end < len(tokens):
        number = ordinal(tokens[end].word)
        # "Paris 13 rue …" is a house number.
        following = tokens[end + 1].word if end + 1 < len(tokens) else ""
        if tokens[end].word.isdigit() and following in STREET_TYPES:
            number = None
    entry = gazetteer.arrondissements.get((commune, number)) if number else None
    entry = entry if entry is not None else _arrondissement_of_codes(commune, reading, gazetteer)
    if entry is not None:
        named.entry = entry
        named.method = MatchMethod.ARRONDISSEMENT
        if named.role in (NameRole.START, NameRole.MIDDLE) and number:
            named.weight = max(named.weight, NUMBERED_ARRONDISSEMENT)


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
    number = reading.arrondissement
    if not number and reading.context and reading.tokens:
        # A field may hold nothing but a number, in a file about one city.
        apart = [token for token in reading.tokens if token.field] or reading.tokens
        number = ordinal(apart[0].word) if len(apart) == 1 else None
    if not number:
        return
    known = sense.postcode_communes | sense.citycode_communes | {reading.context, *names}
    cities = [commune for commune, _ in gazetteer.arrondissement_cities]
    hinted = [commune for commune in cities if commune in known]
    weight = NUMBERED_ARRONDISSEMENT if hinted else GUESSED_ARRONDISSEMENT
    for commune in hinted or (cities if reading.arrondissement else []):
        entry = gazetteer.arrondissements.get((commune, number))
        if entry is not None:
            yield NameReading(entry, MatchMethod.ARRONDISSEMENT, 1.0, NameRole.ALONE, weight)


def _yield_to_areas(names: Names, reading: QueryReading, gazetteer: Gazetteer) -> None:
    """In "Jeugny, Aube" the second is the département, though a commune bears that name too."""
    hints = [hint for hint in (*reading.departements, *reading.regions) if hint.named]
    for named in names.values() if hints else ():
        hint = next((h for h in hints if (h.start, h.end) == (named.start, named.end)), None)
        if hint is None:
            continue
        # A town is named before the hint, in the département or région that the hint names.
        for other in names.values():
            place = gazetteer.places[other.entry]
            if (
                hint.code in (place.departement, place.region)
                and other.end <= hint.start
                and other.value >= TOWN_BEFORE_AREA
            ):
                named.weight *= NAME_OF_AREA
                break


def _add_misspelt(
    names: Names, reading: QueryReading, sense: CodeSense, gazetteer: Gazetteer
) -> None:
    """Look for typos: among the postcode's names, then the département's, then all of France."""
    by_postcode = gazetteer.by_postcode
    pools = [by_postcode[c.value] for c in reading.codes[:3] if c.value in by_postcode]
    inside = sense.postcode_communes | sense.citycode_communes | sense.weak_communes
    if inside and _is_settled(names, reading, sense, gazetteer):
        return
    found = windows(reading)
    if not inside:
        _add(names, list(longer_names(found, gazetteer)), gazetteer)
        if _is_settled(names, reading, sense, gazetteer):
            return
    # Where a commune elsewhere bears exactly the name given, it may be the postcode that is wrong.
    is_rivalled = any(
        named.role in DECLARED_ROLES
        and named.weight >= DECLARED_WEIGHT
        and named.quality >= ALIAS_QUALITY
        for named in names.values()
    )
    floor = RIVALLED_FLOOR if is_rivalled else POSTCODE_FLOOR
    for pool in pools:
        _add(names, alike_in_pool(found, pool, floor), gazetteer)
        _add(names, beginnings_in_pool(found, pool, gazetteer), gazetteer)
        _add(names, cut_in_pool(found, pool), gazetteer)
        _add(names, endings_in_pool(found, pool, gazetteer), gazetteer)
        _add(names, sounding_in_pool(found, pool, gazetteer), gazetteer)
    if any(
        commune in inside and named.value >= FOUND_IN_POSTCODE for commune, named in names.items()
    ):
        return

    # Where the query lies as far as its codes and hints tell: six départements at most.
    coded = sense.postcode_communes | sense.weak_communes
    departements = {gazetteer.places[gazetteer.commune_entry[c]].departement for c in coded}
    departements |= {hint.code for hint in reading.departements} | sense.areas
    area_floor = DEPARTEMENT_FLOOR
    if sense.has_postcode:
        area_floor = RIVALLED_FLOOR
        found = [window for window in found if window.role in DECLARED_ROLES]
    for code in sorted(departements)[:6]:
        area = gazetteer.by_departement[code]
        _add(names, alike_in_pool(found[:8], area, area_floor), gazetteer)
        _add(names, beginnings_in_pool(found[:3], area, gazetteer), gazetteer)
        if not sense.has_postcode:
            _add(names, endings_in_pool(found[:3], area, gazetteer), gazetteer)
    if not any(named.value >= FOUND_IN_DEPARTEMENT for named in names.values()):
        known = [window for window in found if window.whole] if sense.has_postcode else found
        _add(names, alike_in_france(known, gazetteer), gazetteer)


def _is_settled(
    names: Names, reading: QueryReading, sense: CodeSense, gazetteer: Gazetteer
) -> bool:
    """A good exact name stands in the postcode, or in the area if one is given."""
    inside = sense.postcode_communes | sense.citycode_communes | sense.maybe_citycodes
    if inside:
        return any(
            commune in inside and named.value >= SETTLED_BY_CODE and named.role in TOWN_ROLES
            for commune, named in names.items()
        )
    firm = {hint.code for hint in reading.departements if hint.firm} | sense.areas
    hints = {hint.code for hint in (*reading.departements, *reading.regions) if hint.named}
    for named in names.values():
        place = gazetteer.places[named.entry]
        around = gazetteer.commune_departements[place.commune] | {place.region}
        if named.value >= SETTLED and (not firm or firm & around):
            return True
        if named.value >= SETTLED_IN_NAMED_AREA and hints & around:
            return True
    return False
