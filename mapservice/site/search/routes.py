"""One box for places, themes and initiatives: a page, or the way to the place that was meant."""

import json
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.contributions.posts.model import FoundPost
from mapservice.contributions.proposals.queries import AuthorPage
from mapservice.errors import InvalidInput
from mapservice.events.model import Event
from mapservice.events.words import place_words as event_place
from mapservice.events.words import when_words
from mapservice.geocoding.matching.vocabulary import names_street
from mapservice.geocoding.service import GeocoderCache
from mapservice.groups.model import LocalGroup
from mapservice.groups.words import place_words as group_place
from mapservice.i18n import days_asked_label, level_label, quoted, theme_label
from mapservice.i18n import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import FACTS, InitiativeFilters, PageRequest
from mapservice.initiatives.model import Theme
from mapservice.initiatives.params import query_string, read_filters
from mapservice.initiatives.place_words import place_name
from mapservice.initiatives.queries import Initiative, WordsCount
from mapservice.site.search.model import PlaceEntry
from mapservice.site.search.service import SearchFound, respelling, search
from mapservice.territories.model import Level
from mapservice.web import edge
from mapservice.web.edge import only_parameters, services

blueprint = Blueprint("search", __name__)

# What may stand beside the words: it narrows the initiatives, and goes along to a place.
PARAMETERS = (
    *("q", "limit", "theme", "status", "territory", "since", "until", "precision"),
    *FACTS,
)
SUGGESTED = 6
SHOWN = 12
MOST = 50
# A reader gains nothing from a count of the rest.
MOST_COUNTED = 1_000
# Signs of a piece of news that are shown.
EXCERPT = 160
# Letters of a word, and how many words, that are searched alone where nothing has them all.
LEAST_WORD, MOST_WORDS_ALONE = 4, 3
# Of an arrondissement no page tells more than that of its city.
_PAST_KINDS = frozenset({"deleguee", "associee", "former"})


@blueprint.get("/recherche")
def page() -> ResponseReturnValue:
    """303 to the one place that the words mean; else all that answers them."""
    only_parameters(*PARAMETERS)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        found = search(connection, services().of(GeocoderCache), filters, _limit(paging, SHOWN))
        if found.certain:
            # What is certain today may be a homonym after the next load: nobody is to remember it.
            response = redirect(place_url(found.certain, filters), HTTPStatus.SEE_OTHER)
            response.headers["Cache-Control"] = "no-cache"
            return response
        count = found.count
        if count is None and filters.q:
            count = _counted(connection, found.filters)
        return render_template(
            "search/page.html",
            filters=filters,
            understood=understood_json(found),
            wider=_wider(connection, found),
            is_street=names_street(found.intent.words if found.intent else filters.q),
            is_here=found.intent is not None and found.intent.is_here,
            respelt=respelling(connection, services().of(GeocoderCache), found),
            listed=found.filters,
            places=[
                (hit, place_context(hit.entry), place_url(hit.entry, filters))
                for hit in found.places.hits
            ],
            postcode=_shared_postcode(connection, filters.q),
            themes=[(theme, theme_url(theme, _beside(found))) for theme in found.themes],
            organisations=[organisation_json(one) for one in found.organisations],
            news=[news_json(one) for one in found.news],
            events=found.events,
            event_rows=[event_json(one) for one in found.events.items],
            events_url=_list_url("/evenements", found.events.pairs),
            group_rows=[group_json(one) for one in found.groups.items],
            groups_url=_list_url("/groupes", found.groups.pairs),
            initiatives=found.initiatives,
            total=_told(count) if count else 0,
            at_least=bool(count and count.at_least),
            sample=initiatives.sample_share(connection),
        )


def _shared_postcode(connection: Connection, words: str) -> str:
    """The words, where they are a postcode of several communes; else ""."""
    locator = services().of(GeocoderCache).current(connection)
    return words if len(locator.communes_of_postcode(words)) > 1 else ""


def _wider(connection: Connection, found: SearchFound) -> list[tuple[str, str]]:
    """Where to go on from words that nothing answers together: words and address."""
    if found.initiatives:
        return []
    intent = found.intent
    if intent is None or not intent.place or not intent.words:
        return _words_alone(connection, found)
    everywhere = replace(found.filters, q=intent.words, territory=())
    there = replace(found.filters, q="", theme=())
    wider = [(_("%(words)s, partout", words=quoted(intent.words)), query_string(everywhere))]
    place = _places_words(intent.namesakes)[0]
    return [
        *(wider if initiatives.any_found(connection, everywhere) else ()),
        (_("toutes les initiatives : %(place)s", place=place), query_string(there)),
    ]


def _words_alone(connection: Connection, found: SearchFound) -> list[tuple[str, str]]:
    """Where no initiative has all words: of the longest, those that some have, with their lists."""
    words = list(dict.fromkeys(one for one in found.filters.q.split() if len(one) >= LEAST_WORD))
    if len(words) < 2:
        return []
    longest = sorted(words, key=len, reverse=True)[:MOST_WORDS_ALONE]
    alone = [replace(found.filters, q=word) for word in words if word in longest]
    return [
        (_("%(words)s seul", words=quoted(one.q)), query_string(one))
        for one in alone
        if initiatives.any_found(connection, one)
    ]


def _counted(connection: Connection, filters: InitiativeFilters) -> WordsCount:
    counts = dict(initiatives.count_by_theme(connection, filters, MOST_COUNTED))
    total = sum(counts.get(theme, 0) for theme in filters.theme or tuple(Theme))
    return WordsCount(total, at_least=sum(counts.values()) >= MOST_COUNTED)


def _told(count: WordsCount) -> int:
    """A lower bound down to its first digit: with all of them it would be read as a count."""
    if not count.at_least:
        return count.found
    step = int(10 ** (len(str(count.found)) - 1))
    return count.found // step * step


@blueprint.get("/recherche.json")
def suggestions() -> Response:
    """The same for scripts and other platforms; `limit` bounds each of the lists.

    `understood` is what a text of several words asks for, with the list that answers it, or null.
    """
    only_parameters(*PARAMETERS)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        found = search(connection, services().of(GeocoderCache), filters, _limit(paging, SUGGESTED))
    body = {
        "places": [place_json(hit.entry, filters) for hit in found.places.hits],
        "themes": [theme_json(theme, _beside(found)) for theme in found.themes],
        "initiatives": [initiative_json(one) for one in found.initiatives],
        "organisations": [organisation_json(one) for one in found.organisations],
        "news": [news_json(one) for one in found.news],
        "events": [event_json(one) for one in found.events.items],
        "groups": [group_json(one) for one in found.groups.items],
        "understood": understood_json(found),
    }
    return edge.whole_answer(json.dumps(body, ensure_ascii=False), edge.JSON)


def place_url(entry: PlaceEntry, filters: InitiativeFilters) -> str:
    """The page of a territory; its part of the map where a filter is to hold there too."""
    carried = replace(filters, q="", territory=())
    if not carried.is_empty:
        return "/" + query_string(replace(carried, territory=(entry.ref,)))
    past = entry.through_code if entry.kind in _PAST_KINDS else ""
    page = url_for("territories.page", level=entry.level, code=entry.code)
    return f"{page}?{urlencode({'depuis': past})}" if past else page


def place_context(entry: PlaceEntry) -> str:
    """What kind of territory it is, where it lies, and the other name that led there."""
    through = entry.through
    if through and entry.kind != "arrondissement":
        if entry.level is Level.REGION:
            through = _("dont l’ancienne région %(name)s", name=through)
        elif entry.level is Level.DEPARTEMENT:
            through = _("autrefois %(name)s", name=through)
        else:
            through = _("où se trouve %(name)s", name=through)
    around = [name for name in dict.fromkeys(entry.around) if name != entry.name]
    kind = "" if entry.level is Level.COMMUNE else level_label(entry.level).lower()
    return ", ".join(part for part in (kind, through, *around) if part)


def place_json(entry: PlaceEntry, filters: InitiativeFilters) -> dict[str, str]:
    return {
        "level": str(entry.level),
        "code": entry.code,
        "name": entry.name,
        "context": place_context(entry),
        "url": place_url(entry, filters),
    }


def theme_json(theme: Theme, filters: InitiativeFilters) -> dict[str, str]:
    return {"theme": str(theme), "name": theme_label(theme), "url": theme_url(theme, filters)}


def theme_url(theme: Theme, filters: InitiativeFilters) -> str:
    return "/initiatives" + query_string(replace(filters, q="", theme=(theme,)))


def understood_json(found: SearchFound) -> dict[str, object] | None:
    """What was understood of a text that says more than one thing; None of any other."""
    intent = found.intent
    if intent is None:
        return None
    place = intent.place
    words = [
        intent.words and quoted(intent.words),
        *(theme_label(theme) for theme in intent.themes),
        days_asked_label(intent.days) if intent.days else "",
        *_places_words(intent.namesakes),
    ]
    return {
        "name": " · ".join(one for one in words if one) or _("Toutes les initiatives"),
        "words": intent.words,
        "themes": [str(theme) for theme in intent.themes],
        "when": intent.days,
        "place": place_json(place, InitiativeFilters()) if place else None,
        "left_out": found.left_out,
        "url": "/initiatives" + query_string(found.filters),
    }


def _places_words(entries: Sequence[PlaceEntry]) -> list[str]:
    """Places that one name means; where there are several, with what each lies in."""
    if len(entries) < 2:
        return [place_words(one) for one in entries]
    both = [f"{place_words(one)} ({one.around[0]})" if one.around else one.name for one in entries]
    return [_("%(names)s ou %(last)s", names=", ".join(both[:-1]), last=both[-1])]


def place_words(entry: PlaceEntry) -> str:
    """A place by its name, with the former commune that led there: it stays in the words."""
    return f"{entry.name} ({entry.through})" if entry.through else entry.name


def organisation_json(page: AuthorPage) -> dict[str, str]:
    address = url_for("organisations.page", slug=page.slug)
    return {"name": page.name, "slug": page.slug, "url": address}


def news_json(post: FoundPost) -> dict[str, str]:
    text = " ".join(post.text.split())
    return {
        "id": str(post.id),
        "title": post.title,
        "text": text if len(text) <= EXCERPT else f"{text[:EXCERPT].rstrip()}…",
        "published_at": post.published_at.isoformat(),
        "context": post.commune_name or "",
        "url": f"/initiatives/{post.initiative}#post-{post.id}",
    }


def event_json(event: Event) -> dict[str, str]:
    return {
        "id": str(event.id),
        "title": event.title,
        "theme": str(event.theme),
        "when": when_words(event),
        "starts_at": event.starts_at.isoformat(),
        "context": event_place(event),
        "url": event.url,
    }


def group_json(group: LocalGroup) -> dict[str, str]:
    return {
        "id": str(group.id),
        "name": group.name,
        "theme": str(group.theme),
        "context": group_place(group),
        "url": group.url,
    }


def _list_url(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs, safe=',:')}" if pairs else path


def _beside(found: SearchFound) -> InitiativeFilters:
    """What a theme is chosen beside: the place and the days that were named, not the words."""
    return replace(found.filters, q="")


def initiative_json(initiative: Initiative) -> dict[str, str]:
    return {
        "id": str(initiative.id),
        "title": initiative.title,
        "theme": str(initiative.theme),
        "context": place_name(initiative),
        "url": initiative.url,
    }


def _limit(paging: PageRequest, default: int) -> int:
    limit = paging.limit or default
    if limit > MOST:
        raise InvalidInput("limit", f"must lie between 1 and {MOST}")
    return limit
