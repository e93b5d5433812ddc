"""Which territories a text means, the best first, and whether it means one of them for certain.

Certain is what the text says outright: a code, or a name that is spelt as the territory's and is
that of no other one, or of one alone with its département, région or postcode beside it. A name
that is but alike, or that merely begins so, is a proposal.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace

from mapservice.geocoding.matching.areas import area_of_text
from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.matching.epci import MARKERS
from mapservice.geocoding.matching.gazetteer import ARRONDISSEMENT
from mapservice.geocoding.matching.normalise import normalise
from mapservice.geocoding.matching.parse import AreaHint, read
from mapservice.geocoding.matching.vocabulary import GENERIC_WORDS, LINKERS, SHORT_REGIONS
from mapservice.geocoding.model import GazetteerEntry, GeocodeQuery, MatchStatus
from mapservice.site.search.model import FoundBy, PlaceEntry, PlaceHit, PlacesFound
from mapservice.site.search.place_index import PlaceIndex, entry_of, epci_key
from mapservice.territories.model import Level, TerritoryRef

# Of a commune that so many people live in, the name is the town before it is a word.
WELL_KNOWN = 5_000
# A town whose name begins with that of a commune, and which is so much larger, may be meant by it.
OVERSHADOWING = 20_000
OVERSHADOWING_TIMES = 10
# A commune of that size makes its name as likely as that of the département ("Vienne").
RIVAL_TOWN = 10_000
# Corsica was one département, 20, until 1976.
CORSICA_NUMBER, CORSICA = "20", "94"
# A shorter text is alike to too many names.
SHORTEST_LIKENESS = 3

_ORDER = {Level.REGION: 0.0, Level.DEPARTEMENT: 1.0, Level.COMMUNE: 2.0, Level.EPCI: 3.0}
_KIND_WORDS = {
    **dict.fromkeys(("region",), Level.REGION),
    **dict.fromkeys(("departement", "dept", "dpt", "dep"), Level.DEPARTEMENT),
    **dict.fromkeys(("commune", "ville", "village", "mairie"), Level.COMMUNE),
    **dict.fromkeys(("epci", "interco", "intercommunalite", "eurometropole", *MARKERS), Level.EPCI),
}
_DEPARTEMENT_NUMBER = re.compile(r"0?[1-9]|[1-8][0-9]|9[0-5]|2[ab]|97[1-6]")
_CODE = re.compile(r"\d{5}|2[ab]\d{3}")
_SIREN = re.compile(r"\d{9}")
_ORDINAL = re.compile(r"\d{1,2}(?:er|e|eme|ieme|nd|nde)?")
_ABOUT_PLACES = LINKERS | {
    *("cedex", "france", "arrondissement", "arrdt", "arr", "departement", "dept", "dep", "dpt"),
    *("region", "commune", "ville", "village", "mairie"),
}


class PlaceFinder:
    """Pure, without state of its own."""

    def __init__(self, index: PlaceIndex, geocoder: Geocoder) -> None:
        self.index = index
        self.geocoder = geocoder

    def find(self, text: str, limit: int) -> PlacesFound:
        """Territories that any text may mean; nothing is raised."""
        spelt = normalise(text)
        compact = spelt.replace(" ", "")
        if not compact:
            return PlacesFound()
        ways: tuple[Callable[[], PlacesFound | None], ...] = (
            lambda: self._by_code(compact),
            lambda: self._by_name(text, spelt, compact),
            lambda: self._by_number(spelt),
            lambda: self._by_kind(spelt),
            lambda: self._by_area(text),
            lambda: self._by_name_in(spelt),
            lambda: self._by_words(text, spelt, compact),
        )
        answers = (way() for way in ways)
        found = next((answer for answer in answers if answer), PlacesFound())
        more = () if len(found.hits) >= limit else self._proposals(compact, alike=not found.hits)
        return replace(found, hits=_once((*found.hits, *more))[:limit])

    def outright(self, text: str, limit: int) -> PlacesFound:
        """What a text names as it is spelt; names that begin so follow, likenesses do not."""
        spelt = normalise(text)
        compact = spelt.replace(" ", "")
        if not compact:
            return PlacesFound()
        ways: tuple[Callable[[], PlacesFound | None], ...] = (
            lambda: self._by_code(compact),
            lambda: self._by_name(text, spelt, compact),
            lambda: self._by_number(spelt),
            lambda: self._by_kind(spelt),
            lambda: self._by_area(text),
            lambda: self._by_name_in(spelt),
            lambda: self._by_address(text, spelt),
        )
        answers = (way() for way in ways)
        found = next((answer for answer in answers if answer), PlacesFound())
        more = self._proposals(compact, alike=False) if found.hits else ()
        return replace(found, hits=_once((*found.hits, *more))[:limit])

    def _by_code(self, compact: str) -> PlacesFound | None:
        """A code, or the beginning of a postcode, or one whose leading nought a spreadsheet took.

        A postcode comes before an INSEE code of the same digits: people know the former.
        """
        if not any(character.isdigit() for character in compact):
            return None
        if compact == CORSICA_NUMBER:
            return self._area(Level.REGION, CORSICA)
        if _DEPARTEMENT_NUMBER.fullmatch(compact):
            return self._area(Level.DEPARTEMENT, compact.upper().rjust(2, "0"))
        if _SIREN.fullmatch(compact):
            return self._area(Level.EPCI, compact)
        pools = self.index.gazetteer.by_postcode
        if not _CODE.fullmatch(compact):
            if not compact.isdigit() or not 3 <= len(compact) <= 4:
                return None
            shortened = pools.get(f"0{compact}") if len(compact) == 4 else None
            begun = [
                row for code, held in pools.items() if code.startswith(compact) for row in held.ids
            ]
            entries = (*self._communes(shortened.ids if shortened else ()), *self._communes(begun))
            hits = _once(_hits(FoundBy.BEGINNING, entries))
            return PlacesFound(hits) if hits else None
        pool = pools.get(compact)
        postal = self._communes(pool.ids if pool else ())
        official = self._communes(self.index.gazetteer.by_code.get(compact.upper(), ()))
        meant = postal or official
        hits = _once(_hits(FoundBy.CODE, (*postal, *official)))
        return PlacesFound(hits, certain=len(meant) == 1) if hits else None

    def _area(self, level: Level, code: str) -> PlacesFound | None:
        entry = self.index.areas.get(TerritoryRef(level, code))
        return PlacesFound(_hits(FoundBy.CODE, [entry]), certain=True) if entry else None

    def _communes(self, rows: Iterable[int]) -> list[PlaceEntry]:
        """One entry for each commune, the largest first.

        An arrondissement says more than its city, a commune's own name more than another one.
        """
        entries = [self.index.commune(row) for row in rows]
        entries.sort(key=lambda one: (one.kind != ARRONDISSEMENT, bool(one.through)))
        by_code: dict[str, PlaceEntry] = {}
        for entry in entries:
            by_code.setdefault(entry.code, entry)
        return sorted(by_code.values(), key=lambda one: (-one.population, one.code))

    def _by_name(self, text: str, spelt: str, compact: str) -> PlacesFound | None:
        """A name and nothing else; whether it says one territory alone depends on who bears it.

        People leave accents out and add none: "marché" is not La Marche, and "Loiré" is no river.
        """
        entries = self.index.whole(compact)
        if not entries:
            return None
        accented = _accented(text)
        ranked = sorted(
            entries, key=lambda one: (not _bears(one, accented), *self._rank(one, compact))
        )
        hits = _once(_hits(FoundBy.NAME, ranked))
        best, others = hits[0].entry, [hit.entry for hit in hits[1:]]
        communes = [one for one in others if one.level is Level.COMMUNE]
        if best.level is Level.COMMUNE:
            small = best.population < WELL_KNOWN
            words = [word for word in spelt.split() if word not in LINKERS]
            certain = (
                not any(bool(one.through) == bool(best.through) for one in communes)
                and not (communes and small)
                and not any(one.level is Level.REGION for one in others)
                and not all(word in GENERIC_WORDS for word in words)
                and not self._is_overshadowed(best, compact)
                and (_bears(best, accented) or not small)
            )
            return PlacesFound(hits, certain, doubt_word=small)
        rivals = [one for one in others if one.level is best.level]
        rivals += [one for one in communes if one.population >= RIVAL_TOWN]
        # A former région is but a part of the one of today.
        partial = bool(best.through) and best.level is Level.REGION
        return PlacesFound(hits, certain=not rivals and not partial)

    def _rank(self, entry: PlaceEntry, compact: str) -> tuple[object, ...]:
        """Région, département, commune, EPCI; yet a département that is one town is that town.

        Own names come before former ones, whole ones before those without their article.
        """
        order = _ORDER[entry.level]
        if entry.level is Level.DEPARTEMENT and entry.code in self.index.lone_communes:
            order = _ORDER[Level.COMMUNE] + 0.5
        if entry.through and entry.level is Level.REGION:
            order = _ORDER[Level.COMMUNE]
        is_whole = _compact(entry.through or entry.name) == compact
        return (order, bool(entry.through), not is_whole, -entry.population, entry.code)

    def _is_overshadowed(self, entry: PlaceEntry, compact: str) -> bool:
        """Whether a far larger town's name begins so: "Aix", "Boulogne"."""
        least = max(OVERSHADOWING, OVERSHADOWING_TIMES * entry.population)
        return any(
            one.entry.population >= least
            and one.entry.level is Level.COMMUNE
            and one.entry.code != entry.code
            and not one.entry.through
            and _compact(one.entry.name).startswith(compact)
            for one in self.index.beginning(compact)
        )

    def _by_number(self, spelt: str) -> PlacesFound | None:
        """A number beside the kind of territory, or with an article: "le 35", "région 53"."""
        words = [word for word in spelt.split(" ") if word not in LINKERS and word != "dans"]
        numbers = [word for word in words if _DEPARTEMENT_NUMBER.fullmatch(word)]
        kinds = {_KIND_WORDS.get(word) for word in words if word not in numbers}
        if len(numbers) != 1 or not kinds <= {Level.REGION, Level.DEPARTEMENT} or len(kinds) > 1:
            return None
        level = kinds.pop() if kinds else Level.DEPARTEMENT
        return self._area(level or Level.DEPARTEMENT, numbers[0].upper().rjust(2, "0"))

    def _by_kind(self, spelt: str) -> PlacesFound | None:
        """A name beside the kind of territory: "agglo de Rennes", "ville de Vienne"."""
        words = spelt.split(" ")
        kinds = {_KIND_WORDS[word] for word in (words[0], words[-1]) if word in _KIND_WORDS}
        if len(words) < 2 or len(kinds) != 1:
            return None
        level = kinds.pop()
        if level is Level.EPCI:
            key = epci_key(spelt)
            if not key:
                return None
            same = sorted(self.index.epcis_by_key.get(key, ()), key=lambda one: -one.population)
            more = self.index.epcis_like(frozenset(key.split()))
            # And the EPCI of the communes that are called so: "agglo de Plouha".
            called = self.index.whole(key.replace(" ", ""))
            for entry in sorted(called, key=lambda one: -one.population):
                epci = self.index.epci_of.get(entry.code) if entry.level is Level.COMMUNE else None
                if epci:
                    more.append(self.index.areas[TerritoryRef(Level.EPCI, epci)])
            more = more if same or more else self.index.epcis_misspelt(key)
            hits = _once((*_hits(FoundBy.NAME, same), *_hits(FoundBy.WORDS, more)))
            return PlacesFound(hits, certain=len(same) == 1) if hits else None
        rest = [word for word in words if word not in _KIND_WORDS]
        while rest and rest[0] in ("de", "du", "des", "d"):
            rest = rest[1:]
        compact = "".join(rest)
        named = [entry for entry in self.index.whole(compact) if entry.level is level]
        ranked = sorted(named, key=lambda one: self._rank(one, compact))
        hits = _once(_hits(FoundBy.NAME, ranked))
        return PlacesFound(hits, certain=len(hits) == 1) if hits else None

    def _by_area(self, text: str) -> PlacesFound | None:
        """Words that name a département or a région alone: "Ille-et-Vilaine (35)"."""
        gazetteer = self.index.gazetteer
        reading = read(GeocodeQuery(text=text), gazetteer)
        area = area_of_text(reading, gazetteer.departement_region)
        if area is None:
            return None
        entries: list[PlaceEntry] = []
        told: tuple[tuple[Level, list[AreaHint]], ...] = (
            (Level.DEPARTEMENT, reading.departements),
            (Level.REGION, reading.regions),
        )
        for level, hints in told:
            for code in sorted({hint.code for hint in hints if hint.named} & area.codes):
                if level is Level.DEPARTEMENT and code in self.index.lone_communes:
                    entries.append(self.index.lone_commune(code))
                entries.append(self.index.areas[TerritoryRef(level, code)])
        hits = _once(_hits(FoundBy.NAME, entries))
        return PlacesFound(hits, certain=len(area.codes) == 1) if hits else None

    def _by_name_in(self, spelt: str) -> PlacesFound | None:
        """A name, or the beginning of one, with the number of its département: "Évry 91".

        What lies elsewhere is not meant, however well it bears the name.
        """
        *words, number = spelt.split(" ")
        if not words or not _DEPARTEMENT_NUMBER.fullmatch(number):
            return None
        departement, compact = number.upper().rjust(2, "0"), "".join(words)

        def inside(entries: Iterable[PlaceEntry]) -> list[PlaceEntry]:
            found = [
                one
                for one in entries
                if one.level is Level.COMMUNE and departement in one.departements
            ]
            return sorted(found, key=lambda one: (bool(one.through), -one.population, one.code))

        whole = inside(self.index.whole(compact))
        begun = inside(one.entry for one in self.index.beginning(compact))
        hits = _once((*_hits(FoundBy.NAME, whole), *_hits(FoundBy.BEGINNING, begun)))
        meant = {one.code for one in whole or begun}
        return PlacesFound(hits, certain=len(meant) == 1) if hits else None

    def _by_words(self, text: str, spelt: str, compact: str) -> PlacesFound | None:
        """A commune with its postcode or département, an address: as the geocoder reads it."""
        if " " not in spelt:
            return None
        match = self.geocoder.match(GeocodeQuery(text=text))
        sure = match.status in (MatchStatus.CERTAIN, MatchStatus.LIKELY)
        if match.status is MatchStatus.NONE or not match.candidates:
            return None
        told = tells_no_more(text, match.candidates[0].place)
        if not told and not sure:
            return None
        hits = _hits(FoundBy.WORDS, [entry_of(one.place) for one in match.candidates])
        if not told:
            return PlacesFound(_once((*self._proposals(compact, alike=True), *hits)))
        return PlacesFound(_once(hits), certain=sure)

    def _by_address(self, text: str, spelt: str) -> PlacesFound | None:
        """A commune with its postcode or département, as the geocoder reads it, nothing more."""
        if " " not in spelt:
            return None
        match = self.geocoder.match(GeocodeQuery(text=text))
        if match.status is MatchStatus.NONE or not match.candidates:
            return None
        if not tells_no_more(text, match.candidates[0].place):
            return None
        sure = match.status in (MatchStatus.CERTAIN, MatchStatus.LIKELY)
        hits = _hits(FoundBy.WORDS, [entry_of(one.place) for one in match.candidates])
        return PlacesFound(_once(hits), certain=sure)

    def _proposals(self, compact: str, *, alike: bool) -> tuple[PlaceHit, ...]:
        """Names that begin so and, if asked, those that are alike, the weightiest first."""
        if any(character.isdigit() for character in compact) or len(compact) < 2:
            return ()
        found = [
            PlaceHit(one.entry, FoundBy.BEGINNING, one.weight)
            for one in self.index.beginning(compact)
        ]
        if alike and len(compact) >= SHORTEST_LIKENESS:
            found += [
                PlaceHit(one.entry, FoundBy.LIKENESS, one.weight)
                for one in self.index.alike(compact)
            ]
        return tuple(sorted(found, key=lambda hit: -hit.score))


def _hits(found_by: FoundBy, entries: Iterable[PlaceEntry]) -> tuple[PlaceHit, ...]:
    return tuple(PlaceHit(entry, found_by) for entry in entries)


def _once(hits: Iterable[PlaceHit]) -> tuple[PlaceHit, ...]:
    """The first of each territory."""
    kept: dict[TerritoryRef, PlaceHit] = {}
    for hit in hits:
        kept.setdefault(hit.entry.ref, hit)
    return tuple(kept.values())


def _compact(name: str) -> str:
    return normalise(name).replace(" ", "")


def _accented(text: str) -> str:
    """Its letters alone, accents and all; "" where it has no accent to tell names apart by."""
    letters = "".join(one for one in text.casefold() if one.isalpha())
    return "" if letters.isascii() else unicodedata.normalize("NFC", letters)


def _bears(entry: PlaceEntry, accented: str) -> bool:
    return not accented or _accented(entry.through or entry.name).endswith(accented)


def tells_no_more(text: str, place: GazetteerEntry) -> bool:
    """Whether a text is the name or a code of a place with what it lies in, and small words."""
    spelt = normalise(text)
    if spelt.replace(" ", "") in {place.code.lower(), place.commune.lower(), *place.postcodes}:
        return True
    name = place.commune_name if place.kind == ARRONDISSEMENT else place.name
    words = normalise(name).split(" ")
    rest = spelt.split(" ")
    for word in words:
        if word in rest:
            rest.remove(word)
        elif word not in LINKERS:
            return False
    around = {place.departement.lower(), place.code.lower(), place.commune.lower()}
    around |= {*place.postcodes, *normalise(place.departement_name).split()}
    around |= set(normalise(place.region_name).split())
    around |= {short for short, region in SHORT_REGIONS.items() if region == place.region_name}
    is_cedex = "cedex" in rest
    return all(
        word in around
        or word in _ABOUT_PLACES
        or (place.kind == ARRONDISSEMENT and _ORDINAL.fullmatch(word))
        or (is_cedex and word.isdigit())
        for word in rest
    )
