"""A text searched everywhere at once: places, themes, initiatives, events, groups and what else.

A text that names a place beside other words is understood as such ("vélo Lyon"): what is found is
then of that place, and one address says it all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from mapservice.contributions.posts import queries as posts
from mapservice.contributions.posts.model import FoundPost
from mapservice.contributions.proposals import queries as proposals
from mapservice.contributions.proposals.queries import AuthorPage
from mapservice.errors import InvalidInput
from mapservice.geocoding.service import GeocoderCache
from mapservice.imports.text import words_of
from mapservice.imports.words import THEME_OF_GROUP, THEME_PATTERN
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import InitiativeFilters, parse
from mapservice.initiatives.model import Theme
from mapservice.initiatives.queries import Initiative, WordsCount
from mapservice.site.search import queries
from mapservice.site.search.gatherings import EventsFound, GroupsFound, find_events, find_groups
from mapservice.site.search.intent import SearchIntent, respelt, understand
from mapservice.site.search.model import FoundBy, PlaceEntry, PlacesFound
from mapservice.site.search.place_index import PlaceIndex
from mapservice.site.search.places import RIVAL_TOWN, PlaceFinder
from mapservice.territories.queries import kept_of

# So many initiatives are looked at to tell whether a name is an everyday word, and so many places.
LOOKED_AT = 20
# Of those that a word finds, to tell whether it is spelt as it is meant: common ones are at hand.
READ_OF_A_WORD = 3
# Words of themes, beside those by which imports recognise them.
_MORE_WORDS = {"repair": Theme.ENVIRONNEMENT, "bricolage": Theme.ENVIRONNEMENT}


@dataclass(frozen=True, slots=True)
class SearchFound:
    """All that answers a text; `certain` is the one place that it means, None where there is none.

    `initiatives` and `news` are those that `filters` finds. `intent` is what was understood of a
    text that says more than one thing, else None; `filters` says it in the grammar, as far as that
    goes: `left_out` are words about days that it has no filter for. `count` is how many `filters`
    finds, None where finding them did not tell.
    """

    places: PlacesFound
    certain: PlaceEntry | None
    themes: tuple[Theme, ...]
    initiatives: tuple[Initiative, ...]
    filters: InitiativeFilters
    intent: SearchIntent | None = None
    left_out: str = ""
    organisations: Sequence[AuthorPage] = ()
    news: Sequence[FoundPost] = ()
    events: EventsFound = field(default_factory=EventsFound)
    groups: GroupsFound = field(default_factory=GroupsFound)
    count: WordsCount | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing that was searched for says the text; a theme is no answer."""
        answers = (self.places.hits, self.initiatives, self.organisations, self.news)
        return not any((*answers, self.events.items, self.groups.items))


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
    """At most `limit` of each kind for the words of a filter, `filters.q`.

    The rest of the filter narrows what is no place: initiatives, news, events and groups.
    """
    if not filters.q:
        return SearchFound(PlacesFound(), None, (), (), filters)
    places = finder(connection, geocoders)
    whole = places.find(filters.q, limit)
    if not whole.certain:
        intent = understand(filters.q, lambda text: places.outright(text, limit))
        if intent.says_more and not _is_rather_whole(connection, filters, whole, intent):
            return _search_understood(connection, filters, intent, limit)
    return _search_whole(connection, filters, whole, limit)


def respelling(connection: Connection, geocoders: GeocoderCache, found: SearchFound) -> str:
    """A text that nothing answers, as it may have been meant; "" for any other, or none."""
    if not found.is_empty or found.intent:
        return ""
    places = finder(connection, geocoders)

    def is_said(text: str) -> bool:
        alone = replace(found.filters, q=text)
        return says_as_written(initiatives.find_page(connection, alone, READ_OF_A_WORD).items, text)

    return respelt(found.filters.q, lambda text: places.find(text, LOOKED_AT), is_said)


def says_as_written(found: Sequence[Initiative], text: str) -> bool:
    """Whether a title or summary has these very words, and not just others of their stem.

    Such words are spelt as they are meant: "atelier" is no misspelt Allier.
    """
    words = set(words_of(text).split())
    return any(words <= set(words_of(f"{one.title} {one.summary}").split()) for one in found)


def _is_rather_whole(
    connection: Connection, filters: InitiativeFilters, whole: PlacesFound, intent: SearchIntent
) -> bool:
    """Whether a text is a misspelt name as a whole, or words that initiatives say as they are."""
    if intent.days or intent.themes:
        return False
    if whole.best and whole.best.found_by is FoundBy.LIKENESS:
        entry = whole.best.entry
        count = len(words_of(filters.q).split())
        if count == len(words_of(entry.through or entry.name).split()):
            return True
    return intent.doubtful and initiatives.any_found(connection, filters)


def _search_understood(
    connection: Connection, filters: InitiativeFilters, intent: SearchIntent, limit: int
) -> SearchFound:
    """What is in the place, of the theme and of the days that were named.

    Where no initiative there says the words, those of the theme that the words name follow.
    """
    territory = filters.territory
    if not territory:
        territory = tuple(one.ref for one in intent.namesakes)
    theme = filters.theme or intent.themes
    asked = replace(filters, q=intent.words, territory=territory, theme=theme)
    narrowed, left_out = asked, ""
    if intent.days:
        narrowed, left_out = _of_days(connection, asked, intent)
    page = initiatives.find_page(connection, narrowed, limit)
    found = list(page.items)
    themes = intent.themes or themes_of(intent.words)
    if len(found) < limit and themes and intent.words:
        beside = replace(narrowed, q="", theme=themes)
        known = {one.id for one in found}
        more = initiatives.find_page(connection, beside, limit).items
        found += [one for one in more if one.id not in known]
    return SearchFound(
        PlacesFound(intent.places[:limit]),
        None,
        themes,
        tuple(found[:limit]),
        narrowed,
        intent,
        left_out,
        _organisations(connection, filters.q, intent.words, limit),
        posts.search(connection, asked, limit) if intent.words else (),
        find_events(connection, asked, intent.days, limit, datetime.now(UTC)),
        find_groups(connection, asked, intent.days, limit, datetime.now(UTC)),
        count=page.count,
    )


def _search_whole(
    connection: Connection, filters: InitiativeFilters, places: PlacesFound, limit: int
) -> SearchFound:
    """The text as it is: one place, or words."""
    themes, now = themes_of(filters.q), datetime.now(UTC)
    page = initiatives.find_page(connection, filters, max(limit, LOOKED_AT))
    found = page.items
    best = places.best.entry if places.best else None
    # If initiatives far from the best place say the word, it is more than that place's name.
    around = best.departements if best else frozenset[str]()
    is_word = bool(themes) or any(one.departement not in around for one in found)
    certain = best if places.certain else None
    if places.doubt_word and is_word:
        certain = None
    organisations = _organisations(connection, filters.q, "", limit)
    if themes or found:
        # A word that means something is no misspelt hamlet, nor the beginning of one: "vélo" is not
        # Velorcey. It may be the beginning of a town, or a misspelt one.
        by_chance = (FoundBy.LIKENESS, FoundBy.BEGINNING)
        is_said = says_as_written(found, filters.q)
        kept = (
            hit
            for hit in places.hits
            if hit.found_by not in by_chance
            or (
                hit.entry.population >= RIVAL_TOWN
                and not (is_said and hit.found_by is FoundBy.LIKENESS)
            )
        )
        places = replace(places, hits=tuple(kept))
    return SearchFound(
        places,
        certain,
        themes,
        tuple(found[:limit]),
        filters,
        organisations=organisations,
        news=() if certain else posts.search(connection, filters, limit),
        events=EventsFound() if certain else find_events(connection, filters, "", limit, now),
        groups=GroupsFound() if certain else find_groups(connection, filters, "", limit, now),
        count=page.count,
    )


def _of_days(
    connection: Connection, filters: InitiativeFilters, intent: SearchIntent
) -> tuple[InitiativeFilters, str]:
    """The filter within the days, where the grammar knows them; else the words that it has not.

    Where initiatives say the very day ("Le marché du samedi"), it is a word like others.
    """
    try:
        narrowed, _paging = parse([*filters.to_pairs(), ("when", intent.days)])
    except InvalidInput:
        worded = replace(filters, q=f"{intent.day_words} {intent.words}".strip())
        if initiatives.any_found(connection, worded):
            return worded, ""
        return filters, intent.day_words
    return narrowed, ""


def _organisations(connection: Connection, text: str, words: str, limit: int) -> list[AuthorPage]:
    """Those whose names say the text, else those that say what is left of it beside a place."""
    found = proposals.find_author_pages(connection, words_of(text), limit)
    if not found and words:
        found = proposals.find_author_pages(connection, words_of(words), limit)
    return found


def themes_of(text: str) -> tuple[Theme, ...]:
    """The themes that the words of a text name, in the order of the text."""
    words = words_of(text)
    named = [THEME_OF_GROUP[(match.lastindex or 1) - 1] for match in THEME_PATTERN.finditer(words)]
    named += [theme for word, theme in _MORE_WORDS.items() if word in words.split()]
    if len(words) >= 3:
        named += [theme for theme in Theme if theme is not Theme.AUTRE and theme.startswith(words)]
    return tuple(dict.fromkeys(named))
