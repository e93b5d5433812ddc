"""Texts that say no more than a département, a région or the whole country."""

from collections.abc import Mapping
from dataclasses import dataclass

from mapservice.geocoding.matching.gazetteer import ARTICLES
from mapservice.geocoding.matching.parse import QueryReading
from mapservice.geocoding.matching.vocabulary import AREA_KINDS, LINKERS, WHOLE_WORDS

_FILLERS = LINKERS | AREA_KINDS | WHOLE_WORDS | {"dans", "territoire"}
_COUNTRY = frozenset(("france", "national", "nationale"))


@dataclass(frozen=True, slots=True)
class NamedArea:
    """The département or région that is all of a text; several if they are listed ("et").

    `explicit`: no town of that name can be meant, because its kind is given, or all of it is meant
    ("toute la Creuse"), or several are listed. `numbered`: its number stands beside its name.
    `spans`: where its names stand, [start, end), without their articles.
    """

    codes: frozenset[str]
    explicit: bool
    numbered: bool
    spans: tuple[tuple[int, int], ...]

    def has_inside(self, start: int, end: int) -> bool:
        """Whether the words are but a part of the name: Belfort in "Territoire de Belfort"."""
        return any(
            first <= start and end <= last and last - first > end - start
            for first, last in self.spans
        )


def area_of_text(reading: QueryReading, region_of: Mapping[str, str]) -> NamedArea | None:
    """None where the text holds more than areas' names and numbers.

    `region_of` gives the région of each département: "Finistère, Bretagne" is the former.
    """
    named = [h for h in (*reading.departements, *reading.regions) if h.named]
    codes = {hint.code for hint in named}
    codes -= {region_of.get(code, "") for code in codes}
    numbers = [hint for hint in reading.departements if not hint.named]
    if not codes or any(hint.code not in codes for hint in numbers):
        return None
    known = {i for hint in (*named, *numbers) for i in range(hint.start, hint.end)}
    words = {token.word for i, token in enumerate(reading.tokens) if i not in known}
    if not words <= _FILLERS:
        return None
    listed = bool(words & {"et", "ou"})
    if len(codes) > 1 and not listed:
        return None
    start = named[0].start
    lead = {token.word for token in reading.tokens[max(0, start - 1) : start + 1]}
    explicit = (
        len(codes) > 1
        or bool(words & AREA_KINDS)
        or (bool(words & WHOLE_WORDS) and not ARTICLES.isdisjoint(lead))
    )
    return NamedArea(frozenset(codes), explicit, bool(numbers), spans_of_areas(reading))


def spans_of_areas(reading: QueryReading) -> tuple[tuple[int, int], ...]:
    """Where names of départements and régions stand, without their articles."""
    return tuple(
        (hint.start + (reading.tokens[hint.start].word in ARTICLES), hint.end)
        for hint in (*reading.departements, *reading.regions)
        if hint.named
    )


def is_whole_country(reading: QueryReading) -> bool:
    """ "toute la France", "national"."""
    words = {token.word for token in reading.tokens}
    return bool(words & _COUNTRY) and words <= _COUNTRY | _FILLERS
