"""A query cut into words and segments: what stands together, what follows a code, what is apart."""

import re
from collections.abc import Container
from dataclasses import dataclass
from enum import IntEnum

from mapservice.geocoding.matching.normalise import fold, words

_STRONG = re.compile(r"[,;()\[\]{}|\n\r\t:•·\"«»?!]")
_DASH = re.compile(r"\s-+\s")


class TokenGap(IntEnum):
    """What separates a word from the one before it, from nothing much to a clear cut."""

    SPACE = 0
    APOSTROPHE = 1
    HYPHEN = 2
    DASH = 3
    STRONG = 4


class QueryField(IntEnum):
    """Where a word was given: in the line of text, or in a field of its own."""

    TEXT = 0
    CITY = 1


@dataclass(frozen=True, slots=True)
class QueryToken:
    """One word; `gap` separates it from the one before, `bracketed` says it stands in (...)."""

    word: str
    gap: TokenGap
    field: QueryField
    bracketed: bool = False


@dataclass(frozen=True, slots=True)
class TokenSegment:
    """Words [start, end) that stand together, and whether a code is their neighbour."""

    start: int
    end: int
    field: QueryField
    after_code: bool = False
    before_code: bool = False
    last: bool = False


def tokenise(text: str, field: QueryField = QueryField.TEXT) -> list[QueryToken]:
    """The words of one field, in order."""
    folded = fold(text)
    tokens: list[QueryToken] = []
    previous_end = 0
    depth = 0
    for word, start, end in words(folded):
        between = folded[previous_end:start]
        depth = max(0, depth + between.count("(") - between.count(")"))
        gap = TokenGap.SPACE
        if not tokens or _STRONG.search(between):
            gap = TokenGap.STRONG
        elif _DASH.search(between) or " / " in between:
            gap = TokenGap.DASH
        elif "-" in between:
            gap = TokenGap.HYPHEN
        elif "'" in between:
            gap = TokenGap.APOSTROPHE
        tokens.append(QueryToken(word, gap, field, depth > 0))
        previous_end = end
    return tokens


def segments(
    tokens: list[QueryToken],
    codes: Container[int],
    skipped: Container[int],
    bridged: Container[int],
) -> list[TokenSegment]:
    """Runs of words between clear cuts and codes.

    `codes` are the positions of postcodes and INSEE codes, `skipped` those of words that name
    no town (cedex, BP, country), `bridged` those of dashes that belong to a name.
    """
    runs: list[tuple[int, int]] = []
    begun: int | None = None
    for i, token in enumerate(tokens):
        outside = i in codes or i in skipped
        cut = token.gap is TokenGap.STRONG or (token.gap is TokenGap.DASH and i not in bridged)
        if begun is not None and (outside or cut):
            runs.append((begun, i))
            begun = None
        if not outside and begun is None:
            begun = i
    if begun is not None:
        runs.append((begun, len(tokens)))
    # The last segment of each field is where a town is most often written.
    last = {tokens[start].field: end for start, end in runs}
    found = []
    for start, end in runs:
        before, after, field = start - 1, end, tokens[start].field
        while before in skipped:
            before -= 1
        while after in skipped:
            after += 1
        found.append(
            TokenSegment(start, end, field, before in codes, after in codes, end == last[field])
        )
    return found
