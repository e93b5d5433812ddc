"""What a text of several words asks for: days, a theme, a place, and words that are left.

"ce week-end à Rennes", "vélo Lyon", "Bretagne alimentation". Days are known by their words, themes
by their names; a place stands at the end or at the start, as the search itself finds it. What is
left is searched for as it is written.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mapservice.geocoding.matching.vocabulary import GENERIC_WORDS
from mapservice.i18n import theme_label
from mapservice.imports.text import words_of
from mapservice.initiatives.model import Theme
from mapservice.site.search.model import FoundBy, PlaceEntry, PlaceHit, PlacesFound
from mapservice.territories.model import Level

TODAY, TOMORROW, WEEKEND, WEEK = "today", "tomorrow", "weekend", "week"
# Monday first, as `date.weekday` counts.
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FRENCH_WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")

# A longer end of a text is no name: the longest have eight words.
LONGEST_PLACE = 9
# Of a text with more words, no more is looked at: whoever writes so much writes no search.
MOST_WORDS = 24
# A town of that size is meant where its name stands without a word that says so ("vélo Lyon"),
# also where a smaller one has the same name.
WELL_KNOWN = 5_000
# A name with nothing before it is that of a larger town whose name it begins ("à Aix").
LARGE_TOWN = 20_000
# The share of its inhabitants with which another of the same name is meant as well.
NAMESAKE = 0.2
# Words of a name that may be misspelt, and the fewest letters by which one tells.
LONGEST_MISSPELT, LEAST_MISSPELT = 3, 3

_DAYS = (
    (
        WEEKEND,
        (
            r"(?:(?:ce|le|du|pour le|this|next|(?:le )?prochain) )?"
            r"(?:week ?ends?|fin de semaine)(?: ci| prochain)?"
        ),
    ),
    (WEEKEND, r"(?:samedi (?:et|ou) dimanche)"),
    (WEEK, r"(?:(?:cette|la|dans la|pendant la|this) )(?:semaine|week)(?: ci)?"),
    (WEEK, r"ces (?:prochains )?jours(?: ci)?"),
    (TODAY, r"aujourd ?hui|today|ce jour|ce (?:matin|midi|soir)|cet (?:apres midi|aprem)|tonight"),
    (TOMORROW, r"demain(?: (?:matin|midi|soir|apres midi))?|tomorrow"),
    *(
        (
            day,
            (
                rf"(?:ce |this |next |(?:le )?prochain )?(?:{french}|{day})"
                r"(?: (?:prochain|matin|midi|soir|apres midi))?"
            ),
        )
        for day, french in zip(WEEKDAYS, _FRENCH_WEEKDAYS, strict=True)
    ),
)
# "Le samedi", "du mercredi", "chaque jeudi" tell a habit, not a day; names are made of them.
_HABIT = frozenset(["le", "du", "au", "les", "des", "chaque", "tous", "on", "every"])
_DAY_PATTERNS = tuple((day, re.compile(words)) for day, words in _DAYS)

# What says that a place follows; "près de" and "autour de" too.
_BEFORE_PLACE = frozenset(
    [
        "a",
        "au",
        "aux",
        "en",
        "dans",
        "vers",
        "pres",
        "proche",
        "autour",
        "sur",
        "chez",
        "depuis",
        "in",
        "near",
        "around",
        "at",
    ]
)
# What may stand between that and the name, and between the words of a name.
_LINKS = frozenset(
    ["de", "du", "des", "d", "la", "le", "les", "l", "a", "au", "aux", "en", "sur", "sous", "et"]
)
_ARTICLES = frozenset(["de", "du", "des", "d", "l", "la", "le", "les"])
# What asks for initiatives without saying which.
_ASKS = re.compile(
    r"^(?:(?:que|quoi) (?:faire|se passe t il)|ou|what to do|what s on)\b ?"
    r"|^(?:les |des |toutes les |liste des )?(?:initiatives?|projets? citoyens?)\b ?"
    r"|^(?:qui )?(?:se )?passe\b ?"
    r"|^(?:les |des |tous les )?(?:evenements?|rendez vous|groupes|events?|groups)\b ?"
    r"|^(?:les |des |toutes les )?(?:associations|activites|sorties|activities)\b ?"
)
# Where whoever writes is, which a text cannot tell.
_HERE = re.compile(
    r"(?:pres|autour|proche|a cote|a proximite)(?: de| d)?(?: chez)? (?:moi|nous|ici)"
    r"|par ici|dans (?:le|mon) (?:coin|quartier)|(?:near|around|close to) (?:me|here)|nearby"
)
_EDGES = frozenset(
    [
        "de",
        "du",
        "des",
        "d",
        "la",
        "le",
        "les",
        "l",
        "a",
        "au",
        "aux",
        "en",
        "dans",
        "sur",
        "pour",
        "et",
        "avec",
        "un",
        "une",
        "ou",
    ]
)


@dataclass(frozen=True, slots=True)
class SearchIntent:
    """What was understood. `words` are what is left, as they were written, "" for none.

    `days` is "today", "tomorrow", "weekend", "week", one of `WEEKDAYS` or ""; `day_words` are those
    that said so. `places` are those that the name may mean, the best first; `named` is the name as
    it was written. `doubtful`: the name may be an everyday word; whoever knows what initiatives say
    decides. `told`: there is more in the text than a name or words, were they none that one
    searches for ("initiatives à …"). `is_here`: it asks for what is around whoever writes.
    """

    words: str
    days: str = ""
    day_words: str = ""
    themes: tuple[Theme, ...] = ()
    places: tuple[PlaceHit, ...] = ()
    named: str = ""
    doubtful: bool = False
    told: bool = False
    is_here: bool = False

    @property
    def place(self) -> PlaceEntry | None:
        return self.places[0].entry if self.places else None

    @property
    def namesakes(self) -> tuple[PlaceEntry, ...]:
        """The place and those that the same name means as well: nobody said which one.

        Not a village that is called like a town.
        """
        if self.place is None:
            return ()
        name, least = words_of(self.place.name), self.place.population * NAMESAKE
        same = [
            one.entry
            for one in self.places[1:]
            if one.found_by is self.places[0].found_by
            and one.entry.level is self.place.level
            and words_of(one.entry.name) == name
            and one.entry.population >= least
        ]
        return (self.place, *same) if words_of(self.named) == name else (self.place,)

    @property
    def says_more(self) -> bool:
        """Whether there is more in it than words, or than a place and nothing else."""
        if self.days or self.themes or self.is_here:
            return True
        return bool(self.places) and (bool(self.words) or self.told)


@dataclass(frozen=True, slots=True)
class SplitWord:
    """A word as it was written, and its plain parts: "l'eau" has two."""

    written: str
    parts: tuple[str, ...]


FindPlaces = Callable[[str], PlacesFound]


def understand(text: str, find: FindPlaces) -> SearchIntent:
    """`find` says what a text alone may name. Nothing is raised, whatever the text."""
    words = _split(text)
    if not words or len(words) > MOST_WORDS:
        return SearchIntent(text.strip())
    words, days, day_words = _without_days(words)
    words, is_here = _without_here(words)
    words = _without_asking(words)
    whole = SearchIntent(_written(words), days, day_words, is_here=is_here)
    if not words:
        return whole
    found = _with_place(words, find)
    intent = replace(whole, words=_written(_trimmed(words)))
    if found:
        rest, hits, named = found
        rest = _without_asking(_trimmed(rest))
        doubtful = not known_town(hits[0].entry) and bool(intent.words)
        intent = replace(
            intent,
            words=_written(_trimmed(rest)),
            places=hits,
            named=named,
            doubtful=doubtful,
            told=words_of(named) != words_of(text),
        )
    theme = theme_named(intent.words)
    if theme:
        intent = replace(intent, words="", themes=(theme,))
    return intent


def respelt(text: str, find: FindPlaces, is_said: Callable[[str], bool]) -> str:
    """The text with a larger town spelt as it is called: "velo lyo" is "velo Lyon"; "" if none.

    `find` says what a text may name, misspelt ones too; `is_said`, whether initiatives say it as it
    is. It is for texts that nothing answers: many a word is like a town's name.
    """
    words = _split(text)
    if not 2 <= len(words) <= MOST_WORDS:
        return ""
    for length in range(min(len(words) - 1, LONGEST_MISSPELT), 0, -1):
        for start in (len(words) - length, 0):
            name = words[start : start + length]
            if sum(map(len, (one.written for one in name))) < LEAST_MISSPELT:
                continue
            best = find(_written(name)).best
            by_chance = best and best.found_by in (FoundBy.LIKENESS, FoundBy.BEGINNING)
            is_large = best and best.entry.population >= LARGE_TOWN
            if best and by_chance and is_large and not is_said(_written(name)):
                called = SplitWord(best.entry.name, ())
                return _written([*words[:start], called, *words[start + length :]])
    return ""


def theme_named(text: str) -> Theme | None:
    """The theme whose name a text is, and nothing else."""
    plain = words_of(text)
    return _THEMES.get(plain) or _THEMES.get(plain.removesuffix("s"))


def _theme_names() -> dict[str, Theme]:
    french: dict[str, Theme] = {}
    for theme in Theme:
        if theme is Theme.AUTRE:
            continue
        label = theme_label(theme, str)
        for name in (str(theme), words_of(label)):
            french[name] = theme
    english = {"environment": "environnement", "food": "alimentation", "mobility": "mobilite"}
    english |= {"housing": "habitat", "solidarity": "solidarite", "local economy": "economie"}
    return french | {name: Theme(theme) for name, theme in english.items()}


def _split(text: str) -> list[SplitWord]:
    found = []
    for written in re.split(r"[\s,;]+", text.strip()):
        parts = tuple(words_of(written).split())
        if parts:
            found.append(SplitWord(written, parts))
    return found


def _without_days(words: list[SplitWord]) -> tuple[list[SplitWord], str, str]:
    """Takes the first words about days out; a word that holds more than those stays.

    A day of the week is one where nothing makes it a habit: "samedi marché", not "le samedi".
    """
    for length in range(min(5, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            taken = words[start : start + length]
            plain = " ".join(part for word in taken for part in word.parts)
            day = next((day for day, one in _DAY_PATTERNS if one.fullmatch(plain)), "")
            if day in WEEKDAYS and start and words[start - 1].parts[-1] in _HABIT:
                continue
            if day:
                return words[:start] + words[start + length :], day, _written(taken)
    return words, "", ""


def _without_here(words: list[SplitWord]) -> tuple[list[SplitWord], bool]:
    """Takes "près de chez moi" out, and says whether it was there."""
    for length in range(min(5, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            taken = words[start : start + length]
            if _HERE.fullmatch(" ".join(part for word in taken for part in word.parts)):
                return words[:start] + words[start + length :], True
    return words, False


def _without_asking(words: list[SplitWord]) -> list[SplitWord]:
    """Without what asks for initiatives as such ("que faire à …", "les initiatives de …")."""
    plain = " ".join(part for word in words for part in word.parts)
    asked = _ASKS.match(plain)
    if not asked:
        return words
    count, rest = len(asked[0].split()), list(words)
    while rest and count > 0:
        count -= len(rest[0].parts)
        rest = rest[1:]
    return rest if count == 0 else words


def _with_place(
    words: list[SplitWord], find: FindPlaces
) -> tuple[list[SplitWord], tuple[PlaceHit, ...], str] | None:
    """The rest, what the name may mean, and the name: longest first, at the end, then the start."""
    most = min(len(words), LONGEST_PLACE)
    for length in range(most, 0, -1):
        before, name = words[: len(words) - length], words[len(words) - length :]
        if name[0].parts[0] in _BEFORE_PLACE and len(name) > 1 and not _is_article(name[0]):
            continue  # the same without it comes next
        hits = _meant(name, find, is_told=_is_told(before), alone=not before)
        if hits:
            before, name, hits = _shorter(before, name, hits, find)
            return before, hits, _written(name)
    for length in range(min(len(words) - 1, LONGEST_PLACE), 0, -1):
        name, after = words[:length], words[length:]
        told = name[0].parts[0] in _BEFORE_PLACE and len(name) > 1
        bare = name[1:] if told else name
        hits = _meant(bare, find, is_told=told, alone=False)
        if hits:
            return after, hits, _written(bare)
    return None


def _shorter(
    before: list[SplitWord], name: list[SplitWord], hits: tuple[PlaceHit, ...], find: FindPlaces
) -> tuple[list[SplitWord], list[SplitWord], tuple[PlaceHit, ...]]:
    """The name without what may belong to the words before it: "(ferme en) ville à Colombes".

    The end of a name behind "à" that means the same place is the name. "la Creuse" is the
    département behind "dans", though a commune is called so.
    """
    for start in range(len(name) - 1, 0, -1):
        if name[start - 1].parts[-1] not in _BEFORE_PLACE:
            continue
        fewer = _meant(name[start:], find, is_told=True, alone=False)
        if fewer and fewer[0].entry.ref == hits[0].entry.ref:
            return before + name[:start], name[start:], fewer
    if _is_article(name[0]) and len(name) > 1 and not known_town(hits[0].entry):
        bare = _meant(name[1:], find, is_told=_is_told(before), alone=False)
        if bare and known_town(bare[0].entry):
            return before, name[1:], bare
    return before, name, hits


def _is_article(word: SplitWord) -> bool:
    return word.parts[0] in _ARTICLES


def _is_told(before: Sequence[SplitWord]) -> bool:
    """Whether what stands before a name says that a place follows."""
    last = [part for word in before[-3:] for part in word.parts]
    while last and last[-1] in _ARTICLES:
        last.pop()
    return bool(last) and last[-1] in _BEFORE_PLACE


def _meant(
    name: list[SplitWord], find: FindPlaces, *, is_told: bool, alone: bool
) -> tuple[PlaceHit, ...]:
    """What a name means; none where it is likelier a word.

    With a word before it that says so, any name will do. Without one, it must be that of a town
    that people know, of an area, or a code; and be certain, or that of a larger town among others.
    """
    if all(word.parts[-1] in _LINKS for word in name) or name[-1].parts[-1] in _LINKS:
        return ()
    found = find(_written(name))
    best = found.best
    if best is None or best.found_by not in (FoundBy.CODE, FoundBy.NAME, FoundBy.WORDS):
        return ()
    if best.found_by is FoundBy.WORDS and not (
        found.certain and (is_told or known_town(best.entry) or _has_context(name, best.entry))
    ):
        return ()
    named = tuple(hit for hit in found.hits if hit.found_by is best.found_by) or found.hits
    if found.certain and not found.doubt_word:
        return named
    if is_told and not _is_everyday(name, best.entry):
        return _larger_first(found)
    if alone:
        return named if found.certain else ()
    return named if known_town(best.entry) and best.entry.level is not Level.EPCI else ()


def known_town(entry: PlaceEntry) -> bool:
    """Whether its name is the place before it is a word."""
    return entry.level is not Level.COMMUNE or entry.population >= WELL_KNOWN


def _has_context(name: list[SplitWord], entry: PlaceEntry) -> bool:
    """Whether something stands beside the name: a postcode, a département."""
    own = set(words_of(f"{entry.through} {entry.name}").split()) | _LINKS
    return any(part not in own for word in name for part in word.parts)


def _is_everyday(name: list[SplitWord], entry: PlaceEntry) -> bool:
    """Whether a small commune bears a word of every day ("en ville")."""
    parts = [part for word in name for part in word.parts if part not in _LINKS]
    return not known_town(entry) and all(part in GENERIC_WORDS for part in parts)


def _larger_first(found: PlacesFound) -> tuple[PlaceHit, ...]:
    """A small commune's name may be the beginning of a large town's: that one is meant by most."""
    best = found.hits[0].entry
    if best.population < WELL_KNOWN and not found.certain:
        larger = [
            hit
            for hit in found.hits
            if hit.entry.level is Level.COMMUNE and hit.entry.population >= LARGE_TOWN
        ]
        return (*larger, *(hit for hit in found.hits if hit not in larger))
    return found.hits


def _trimmed(words: list[SplitWord]) -> list[SplitWord]:
    """Without small words at the ends, which belonged to what was taken out."""
    kept = list(words)
    while kept and all(part in _EDGES | _BEFORE_PLACE for part in kept[-1].parts):
        kept.pop()
    while kept and all(part in _EDGES | _BEFORE_PLACE for part in kept[0].parts):
        kept.pop(0)
    return kept


def _written(words: Sequence[SplitWord]) -> str:
    return " ".join(word.written for word in words)


_THEMES = _theme_names()
