"""Whether a column can hold the titles of initiatives: judged by its cells, not by its name."""

import re
from collections.abc import Callable, Sequence

from mapservice.imports.codes import looks_like_code
from mapservice.imports.dates import read_date
from mapservice.imports.points import read_number
from mapservice.imports.text import folded, one_line, words_of
from mapservice.imports.words import EPCI_NAME

# Whether words are the name of a territory and nothing else.
NamesTerritory = Callable[[str], bool]

PLAIN_NAMES = frozenset({"title", "titre", "intitule"})

ENOUGH = 0.5
# Titles repeat (one association in several places), categories do little else.
FEWEST_DISTINCT = 0.5
# With fewer cells than that, a few that are alike prove nothing.
TELLING = 6
CIVILITY = re.compile(r"(?:m|mr|mme|mlle|dr|me|monsieur|madame|mademoiselle|docteur)")
ADDRESS_OF = re.compile(r"https?://|www\.|@\w")
MOST_LISTED = 6


def no_territory(_words: str) -> bool:
    """Where no names of territories are at hand."""
    return False


def why_no_title(
    values: Sequence[str],
    names_territory: NamesTerritory = no_territory,
    *,
    is_plain: bool = False,
) -> str:
    """Why cells (each of another row) are no titles, or "" where they can be.

    `is_plain`: the column is called "title" and nothing else, so that a few alike are no doubt.
    """
    if not values:
        return ""
    if _share(values, _is_text) < ENOUGH:
        return "holds numbers, codes, dates or addresses of pages"
    territories = sum(
        (EPCI_NAME.match(words) is not None and len(words) <= 80) or names_territory(words)
        for words in map(one_line, values)
    )
    if territories >= ENOUGH * len(values):
        return "holds names of communes, EPCI or other territories"
    if _share(values, lambda text: CIVILITY.fullmatch(words_of(text))) >= ENOUGH:
        return "holds forms of address"
    distinct = len({folded(text) for text in values})
    is_telling = len(values) >= TELLING or (distinct == 1 and len(values) >= 3 and not is_plain)
    if is_telling and distinct < FEWEST_DISTINCT * len(values):
        return f"holds {distinct} different texts in {len(values)} rows that differ"
    return ""


def could_be_titles(values: Sequence[str], names_territory: NamesTerritory = no_territory) -> bool:
    """Whether a column is worth naming to somebody who looks for the titles."""
    if not values or _share(values, lambda text: len(text) >= 3) < ENOUGH:
        return False
    return not why_no_title(values, names_territory)


def _share(values: Sequence[str], test: Callable[[str], object]) -> float:
    return sum(bool(test(value)) for value in values) / len(values)


def _is_text(text: str) -> bool:
    text = one_line(text)
    return (
        any(map(str.isalpha, text))
        and not ADDRESS_OF.search(text)
        and not looks_like_code(text)
        and read_number(text) is None
        and read_date(text) is None
    )
