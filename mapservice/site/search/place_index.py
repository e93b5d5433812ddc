"""Names of territories of every level, found whole, by their beginning or by their likeness.

Communes and their other names stand in the geocoder's gazetteer, and are found by its indexes;
the areas above them are few and stand here beside it.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from mapservice.geocoding.matching.epci import EMPTY, MARKERS
from mapservice.geocoding.matching.gazetteer import ARTICLES, COMMUNE, Gazetteer, name_keys
from mapservice.geocoding.matching.normalise import normalise
from mapservice.geocoding.matching.vocabulary import LINKERS, SHORT_REGIONS
from mapservice.geocoding.model import GazetteerEntry
from mapservice.site.search.model import FORMER_DEPARTEMENTS, FORMER_REGIONS, PlaceEntry
from mapservice.territories.model import Level

# Entries looked at behind a beginning: those of the greatest weight.
CONSIDERED = 40
# What a name loses, in tenfolds of inhabitants, that is not the territory's own; that is an
# EPCI's, which fewer people look for; and for each letter that is wrong.
OTHER_NAME = 1.5
EPCI_NAME = 1.2
WRONG_LETTER = 1.1
SECOND_WRONG_LETTER = 2.4
# What a name loses that is only begun, and for each letter (up to 25) that is still to come.
BEGUN = 0.5
LETTER_TO_COME = 0.02
# As the gazetteer has it for communes.
INSIDE = 2.0
# Letters that a name must have for two of them to be wrong.
LONG_NAME = 7


@dataclass(frozen=True, slots=True)
class AreaName:
    """One compact spelling of an area; `inside`: it begins behind the name's first word."""

    key: str
    entry: PlaceEntry
    inside: bool = False


@dataclass(frozen=True, slots=True)
class WeighedEntry:
    """An entry with its weight: the logarithm of its inhabitants, less what speaks against it."""

    entry: PlaceEntry
    weight: float


class PlaceIndex:
    """Built once for a set of territories, never changed."""

    def __init__(
        self, gazetteer: Gazetteer, areas: Iterable[PlaceEntry], epcis: Mapping[str, str]
    ) -> None:
        self.gazetteer = gazetteer
        known = list(areas)
        self.areas = {entry.ref: entry for entry in known}
        self.epci_of = epcis
        self._whole: dict[str, list[PlaceEntry]] = defaultdict(list)
        for key, entry in _area_keys(known):
            if entry not in self._whole[key]:
                self._whole[key].append(entry)
        self._begun = sorted(_area_beginnings(known), key=lambda one: one.key)
        self._begun_keys = [one.key for one in self._begun]
        self.epcis_by_key: dict[str, list[PlaceEntry]] = defaultdict(list)
        for entry in known:
            if entry.level is Level.EPCI:
                self.epcis_by_key[epci_key(entry.name)].append(entry)
        self._by_length = _by_length([*gazetteer.by_name, *self._whole])
        # Départements that are one town, Paris, and its INSEE code.
        self.lone_communes: dict[str, str] = {}
        for departement, pool in gazetteer.by_departement.items():
            own = [row for row in pool.ids if gazetteer.places[row].kind == COMMUNE]
            if len(own) == 1:
                self.lone_communes[departement] = gazetteer.places[own[0]].code

    def commune(self, row: int) -> PlaceEntry:
        """The gazetteer's entry in that row, as one of the search."""
        return entry_of(self.gazetteer.places[row])

    def own_commune(self, code: str) -> PlaceEntry:
        """A commune of today under its own name."""
        return self.commune(self.gazetteer.commune_entry[code])

    def lone_commune(self, departement: str) -> PlaceEntry:
        """The commune that is all of a département."""
        return self.own_commune(self.lone_communes[departement])

    def whole(self, key: str) -> list[PlaceEntry]:
        """All territories that a compact name is the name of, also without its article."""
        communes = (self.commune(row) for row in self.gazetteer.by_name.get(key, ()))
        return [*self._whole.get(key, ()), *communes]

    def beginning(self, key: str) -> list[WeighedEntry]:
        """The weightiest of those whose name, or a telling word within, begins so."""
        prefixes = self.gazetteer.prefixes
        low, high = prefixes.span(key)
        rows = np.arange(low, high)
        if high - low > CONSIDERED:
            rows = rows[np.argpartition(prefixes.weights[low:high], -CONSIDERED)[-CONSIDERED:]]
        found = [
            WeighedEntry(
                self.commune(int(prefixes.entries[row])),
                float(prefixes.weights[row]) - _begun(len(prefixes.keys[row]) - len(key)),
            )
            for row in rows.tolist()
        ]
        low = bisect_left(self._begun_keys, key)
        high = bisect_left(self._begun_keys, key + "\uffff")
        for one in self._begun[low:high]:
            lost = _begun(len(one.key) - len(key)) + INSIDE * one.inside
            found.append(WeighedEntry(one.entry, self._weight(one.entry) - lost))
        found.sort(key=lambda one: -one.weight)
        return found[:CONSIDERED]

    def alike(self, key: str) -> list[WeighedEntry]:
        """Those whose name is one letter off, or two of a long one: dropped, doubled, swapped."""
        most = 2 if len(key) >= LONG_NAME else 1
        found: list[WeighedEntry] = []
        for length in range(len(key) - most, len(key) + most + 1):
            names = self._by_length.get(length, ())
            near = process.extract(
                key, names, scorer=OSA.distance, score_cutoff=most, limit=CONSIDERED
            )
            for name, wrong, _ in near:
                if wrong:
                    lost = WRONG_LETTER + SECOND_WRONG_LETTER * (wrong - 1)
                    found += [
                        WeighedEntry(entry, self._weight(entry) - lost)
                        for entry in self.whole(name)
                    ]
        found.sort(key=lambda one: -one.weight)
        return found[:CONSIDERED]

    def _weight(self, entry: PlaceEntry) -> float:
        """The logarithm of its inhabitants, less what makes it a rarer thing to look for.

        Of a département that is one town the town comes first.
        """
        lost = OTHER_NAME if entry.through else 0.0
        if entry.level is Level.EPCI:
            lost += EPCI_NAME
        if entry.level is Level.DEPARTEMENT and entry.code in self.lone_communes:
            lost += OTHER_NAME
        return math.log10(entry.population + 10) - lost

    def epcis_like(self, words: frozenset[str]) -> list[PlaceEntry]:
        """EPCI whose names hold all these words, those that say little else first."""
        found = [
            (len(set(key.split()) - words), -entry.population, entry.code, entry)
            for key, entries in self.epcis_by_key.items()
            if words <= set(key.split())
            for entry in entries
        ]
        return [entry for *_, entry in sorted(found, key=lambda one: one[:3])]

    def epcis_misspelt(self, key: str) -> list[PlaceEntry]:
        """EPCI whose names are a letter or two off."""
        near = process.extract(
            key,
            list(self.epcis_by_key),
            scorer=OSA.distance,
            score_cutoff=2 if len(key) >= LONG_NAME else 1,
            limit=5,
        )
        return [entry for name, _, _ in near for entry in self.epcis_by_key[name]]


def _begun(letters_to_come: int) -> float:
    return BEGUN + LETTER_TO_COME * min(letters_to_come, 25) if letters_to_come else 0.0


def entry_of(place: GazetteerEntry) -> PlaceEntry:
    """An entry of the gazetteer: under another name it is still the commune of today."""
    own = place.kind == COMMUNE
    return PlaceEntry(
        level=Level.COMMUNE,
        code=place.commune,
        name=place.commune_name,
        population=place.population,
        around=(place.departement_name, place.region_name),
        departements=frozenset((place.departement,)),
        region=place.region,
        through="" if own else place.name,
        through_code="" if own or place.code == place.commune else place.code,
        kind=place.kind,
    )


_SAYS_EPCI = MARKERS | EMPTY | {"eurometropole", "europeenne", "interco"}


def epci_key(text: str) -> str:
    """The words of an EPCI's name that are not its legal form nor small words."""
    return " ".join(word for word in normalise(text).split() if word not in _SAYS_EPCI)


def _area_keys(areas: list[PlaceEntry]) -> Iterator[tuple[str, PlaceEntry]]:
    names = {entry.name: entry for entry in areas if entry.level is Level.REGION}
    by_code = {(entry.level, entry.code): entry for entry in areas}
    for entry in areas:
        spelt = normalise(entry.name)
        for key in name_keys(spelt):
            yield key, entry
        if entry.level is Level.EPCI:
            # Also called by its name without its legal form: "Grand Reims".
            for key in name_keys(_without_legal_form(spelt)):
                yield key, entry
    for short, name in SHORT_REGIONS.items():
        if name in names:
            yield short, names[name]
    for level, former in (
        (Level.REGION, FORMER_REGIONS),
        (Level.DEPARTEMENT, FORMER_DEPARTEMENTS),
    ):
        for key, (name, code) in former.items():
            if (level, code) in by_code:
                yield key, replace(by_code[level, code], through=name, kind="former")


_LEGAL_WORDS = ("communaute", "communes", "agglomeration", "urbaine", "metropole")


def _without_legal_form(spelt: str) -> str:
    words = spelt.split(" ")
    if words[0] not in _LEGAL_WORDS:
        return spelt
    while words and (words[0] in _LEGAL_WORDS or words[0] in ("de", "du", "des", "d")):
        words = words[1:]
    return " ".join(words) or spelt


def _area_beginnings(areas: list[PlaceEntry]) -> Iterator[AreaName]:
    """From each telling word on; nobody looks for "Communauté de communes" by that."""
    for entry in areas:
        words = normalise(entry.name).split(" ")
        telling = [
            start
            for start, word in enumerate(words)
            if word not in LINKERS and word not in _LEGAL_WORDS
        ]
        for start in telling:
            yield AreaName("".join(words[start:]), entry, inside=start != telling[0])
        if words[0] in ARTICLES:
            yield AreaName("".join(words), entry)


def _by_length(keys: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for key in dict.fromkeys(keys):
        found[len(key)].append(key)
    return dict(found)
