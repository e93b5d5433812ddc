"""A text searched everywhere at once: places, themes, initiatives; and where it surely leads."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from mapservice.geocoding.service import GeocoderCache
from mapservice.imports.text import words_of
from mapservice.imports.words import THEME_OF_GROUP, THEME_PATTERN
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.model import Theme
from mapservice.initiatives.queries import Initiative
from mapservice.site.search import queries
from mapservice.site.search.model import FoundBy, PlaceEntry, PlacesFound
from mapservice.site.search.place_index import PlaceIndex
from mapservice.site.search.places import RIVAL_TOWN, PlaceFinder
from mapservice.territories.queries import kept_of

# So many initiatives are looked at to tell whether a small commune's name is an everyday word.
LOOKED_AT = 20
# Words of themes, beside those by which imports recognise them.
_MORE_WORDS = {"repair": Theme.ENVIRONNEMENT, "bricolage": Theme.ENVIRONNEMENT}


@dataclass(frozen=True, slots=True)
class SearchFound:
    """All that answers a text; `certain` is the one place that it means, None where there is none.

    `initiatives` are those that the filter finds with the text as its words.
    """

    places: PlacesFound
    certain: PlaceEntry | None
    themes: tuple[Theme, ...]
    initiatives: tuple[Initiative, ...]


def finder(connection: Connection, geocoders: GeocoderCache) -> PlaceFinder:
    """That of the territories in force, made once for each load of them."""
    geocoder = geocoders.current(connection).geocoder

    def make(connection: Connection) -> PlaceFinder:
        epcis = queries.epci_of_communes(connection)
        index = PlaceIndex(geocoder.gazetteer, queries.areas(connection), epcis)
        return PlaceFinder(index, geocoder)

    return kept_of(connection).get(connection, "search", make)


def search(
    connection: Connection, geocoders: GeocoderCache, filters: InitiativeFilters, limit: int
) -> SearchFound:
    """At most `limit` places and as many initiatives for the words of a filter, `filters.q`.

    The rest of the filter narrows the initiatives alone.
    """
    if not filters.q:
        return SearchFound(PlacesFound(), None, (), ())
    places = finder(connection, geocoders).find(filters.q, limit)
    themes = themes_of(filters.q)
    found = initiatives.find_page(connection, filters, max(limit, LOOKED_AT)).items
    best = places.best.entry if places.best else None
    # If initiatives far from the best place say the word, it is more than that place's name.
    around = best.departements if best else frozenset[str]()
    is_word = bool(themes) or any(one.departement not in around for one in found)
    certain = best if places.certain else None
    if places.doubt_word and is_word:
        certain = None
    if themes or found:
        # A word that means something is no misspelt hamlet, nor the beginning of one: "vélo" is not
        # Velorcey. It may be the beginning of a town, or a misspelt one.
        by_chance = (FoundBy.LIKENESS, FoundBy.BEGINNING)
        kept = (
            hit
            for hit in places.hits
            if hit.found_by not in by_chance or hit.entry.population >= RIVAL_TOWN
        )
        places = replace(places, hits=tuple(kept))
    return SearchFound(places, certain, themes, tuple(found[:limit]))


def themes_of(text: str) -> tuple[Theme, ...]:
    """The themes that the words of a text name, in the order of the text."""
    words = words_of(text)
    named = [THEME_OF_GROUP[(match.lastindex or 1) - 1] for match in THEME_PATTERN.finditer(words)]
    named += [theme for word, theme in _MORE_WORDS.items() if word in words.split()]
    if len(words) >= 3:
        named += [theme for theme in Theme if theme is not Theme.AUTRE and theme.startswith(words)]
    return tuple(dict.fromkeys(named))
