"""Every name and code under which a commune is known, with the frozen indexes to find them."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mapservice.geocoding.matching.normalise import normalise, phonetic
from mapservice.geocoding.matching.trigrams import TrigramIndex
from mapservice.geocoding.matching.vocabulary import LINKERS, SHORT_REGIONS
from mapservice.geocoding.model import GazetteerEntry
from mapservice.geocoding.weights import ALIAS_SOUGHT, INNER_WORD_SOUGHT

COMMUNE = "commune"
ARRONDISSEMENT = "arrondissement"
ARTICLES = frozenset(("le", "la", "les", "l", "los", "las", "aux"))
MAX_NAME_WORDS = 10

_ARRONDISSEMENT_NAME = re.compile(r"^(.*?) (\d{1,2})(?:er|e|eme)? arrondissement$")

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NamePool:
    """The entries of one département or postcode, their compact names aligned with their ids."""

    ids: Ids
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrefixIndex:
    """Compact names in alphabetical order, from each word on, aligned with their entries.

    `weights` holds what the suggestions rank by: population, kind and where the name starts;
    `points` the communes' label points (EPSG:4326, lon/lat), NaN where unknown.
    """

    keys: Sequence[str]
    entries: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    points: npt.NDArray[np.float32]

    def span(self, prefix: str) -> tuple[int, int]:
        return (
            bisect_left(self.keys, prefix),
            bisect_left(self.keys, prefix + "\uffff"),
        )


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Places and their indexes; an entry's id is its position in `places`.

    Built once, never changed, so that forked workers share its memory. Names are indexed in
    compact spelling: normalised, without spaces, so that a missing or stray space still matches.
    """

    year: int
    places: tuple[GazetteerEntry, ...]
    spelt: tuple[str, ...]
    compact: tuple[str, ...]
    by_name: Mapping[str, Ids]
    by_code: Mapping[str, Ids]
    by_commune: Mapping[str, Ids]
    by_postcode: Mapping[str, NamePool]
    by_departement: Mapping[str, NamePool]
    by_sound: Mapping[str, Ids]
    commune_entry: Mapping[str, int]
    commune_departements: Mapping[str, frozenset[str]]
    arrondissements: Mapping[tuple[str, int], int]
    arrondissement_cities: tuple[tuple[str, str], ...]
    departements: Mapping[str, str]
    departement_names: Mapping[str, str]
    departement_region: Mapping[str, str]
    region_names: Mapping[str, str]
    regions: Mapping[str, str]
    postcode_areas: Mapping[str, frozenset[str]]
    trigrams: TrigramIndex
    prefixes: PrefixIndex

    @classmethod
    def build(cls, places: Iterable[GazetteerEntry], year: int) -> "Gazetteer":
        """Index the places of one year of the official code; a few seconds for 50,000 of them."""
        entries = _with_rolled_up_postcodes(tuple(places))
        spelt = tuple(normalise(place.name) for place in entries)
        compact = tuple(name.replace(" ", "") for name in spelt)
        commune_entry = {p.code: i for i, p in enumerate(entries) if p.kind == COMMUNE}
        departements = {p.departement: p.departement_name for p in entries}
        regions = {p.region: p.region_name for p in entries}

        # Per commune, its département and those under whose number one of its codes stood.
        ever: dict[str, set[str]] = defaultdict(set)
        for place in entries:
            length = 3 if place.code.startswith("97") else 2
            ever[place.commune].update((place.departement, place.code[:length]))

        arrondissements: dict[tuple[str, int], int] = {}
        for i, place in enumerate(entries):
            named = _ARRONDISSEMENT_NAME.match(spelt[i]) if place.kind == ARRONDISSEMENT else None
            if named:
                arrondissements[place.commune, int(named[2])] = i
        cities = sorted(
            {commune for commune, _ in arrondissements if commune in commune_entry},
            key=lambda code: -entries[commune_entry[code]].population,
        )

        region_names = _name_index(regions)
        for short, name in SHORT_REGIONS.items():
            code = region_names.get(normalise(name).replace(" ", ""))
            if code:
                region_names[short] = code

        return cls(
            year=year,
            places=entries,
            spelt=spelt,
            compact=compact,
            by_name=_group((key, i) for i, name in enumerate(spelt) for key in name_keys(name)),
            by_code=_group((place.code, i) for i, place in enumerate(entries)),
            by_commune=_group((place.commune, i) for i, place in enumerate(entries)),
            by_postcode=_pools(
                ((c, i) for i, p in enumerate(entries) for c in p.postcodes), compact
            ),
            by_departement=_pools(((p.departement, i) for i, p in enumerate(entries)), compact),
            by_sound=_group((phonetic(name), i) for i, name in enumerate(spelt)),
            commune_entry=commune_entry,
            commune_departements={commune: frozenset(codes) for commune, codes in ever.items()},
            arrondissements=arrondissements,
            arrondissement_cities=tuple((code, compact[commune_entry[code]]) for code in cities),
            departements=departements,
            departement_names=_name_index(departements),
            departement_region={p.departement: p.region for p in entries},
            regions=regions,
            region_names=region_names,
            postcode_areas=_postcode_areas(entries),
            trigrams=TrigramIndex.build(compact),
            prefixes=_prefix_index(entries, spelt),
        )


def name_keys(spelt: str) -> set[str]:
    """Compact spellings that find a name: with its article and without."""
    first, _, rest = spelt.partition(" ")
    keys = {spelt.replace(" ", "")}
    if rest and first in ARTICLES:
        keys.add(rest.replace(" ", ""))
    return keys - {""}


def _with_rolled_up_postcodes(places: tuple[GazetteerEntry, ...]) -> tuple[GazetteerEntry, ...]:
    """A commune with arrondissements answers to the postcodes of each of them."""
    extra: dict[str, set[str]] = defaultdict(set)
    for place in places:
        if place.kind == ARRONDISSEMENT:
            extra[place.commune].update(place.postcodes)
    return tuple(
        place
        if place.kind == ARRONDISSEMENT or not extra.get(place.commune)
        else replace(place, postcodes=tuple(sorted({*extra[place.commune], *place.postcodes})))
        for place in places
    )


def _group(pairs: Iterable[tuple[str, int]]) -> dict[str, Ids]:
    groups: dict[str, list[int]] = defaultdict(list)
    for key, entry in pairs:
        if key:
            groups[key].append(entry)
    return {key: tuple(ids) for key, ids in groups.items()}


def _pools(pairs: Iterable[tuple[str, int]], compact: tuple[str, ...]) -> dict[str, NamePool]:
    return {
        key: NamePool(ids, tuple(compact[i] for i in ids)) for key, ids in _group(pairs).items()
    }


def _name_index(names: Mapping[str, str]) -> dict[str, str]:
    """Compact name, with and without its article -> code."""
    return {key: code for code, name in names.items() for key in name_keys(normalise(name))}


def _postcode_areas(places: tuple[GazetteerEntry, ...]) -> dict[str, frozenset[str]]:
    """Départements seen under the first two and three digits of real postcodes.

    Postcodes do not follow départements exactly (Corsica; towns served from a neighbour), so
    this comes from the communes themselves; it only serves codes no commune bears (cedex).
    """
    areas: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for place in places:
        for postcode in place.postcodes if place.kind != "former" else ():
            areas[postcode[:2]][place.departement] += 1
            areas[postcode[:3]][place.departement] += 1
    usual = {}
    for key, counts in areas.items():
        # Fewer than one in twenty are a town served from a neighbour.
        total = sum(counts.values())
        usual[key] = frozenset(code for code, count in counts.items() if count * 20 >= total)
    return usual


def _prefix_index(places: tuple[GazetteerEntry, ...], spelt: tuple[str, ...]) -> PrefixIndex:
    """Each name from its start, from behind its article, and from each further telling word on."""
    rows = []
    for i, (name, place) in enumerate(zip(spelt, places, strict=True)):
        tokens = name.split(" ")
        weight = float(np.log10(place.population + 10))
        weight -= 0.0 if place.kind == COMMUNE else ALIAS_SOUGHT
        lead = 1 if len(tokens) > 1 and tokens[0] in ARTICLES else 0
        for start, word in enumerate(tokens):
            if start in (0, lead):
                rows.append(("".join(tokens[start:]), i, weight))
            elif word not in LINKERS and not word[0].isdigit():
                rows.append(("".join(tokens[start:]), i, weight - INNER_WORD_SOUGHT))
    rows.sort()
    nowhere = float("nan")
    points = [
        (nowhere, nowhere)
        if places[i].lon is None or places[i].lat is None
        else (places[i].lon, places[i].lat)
        for _, i, _ in rows
    ]
    return PrefixIndex(
        keys=tuple(row[0] for row in rows),
        entries=np.array([row[1] for row in rows], dtype=np.int32),
        weights=np.array([row[2] for row in rows], dtype=np.float32),
        points=np.array(points, dtype=np.float32).reshape(-1, 2),
    )
