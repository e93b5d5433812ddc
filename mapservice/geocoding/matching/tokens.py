"""A query cut into words and segments: what stands together, what follows a code, what is apart."""

import re
from collections.abc import Container, Iterator
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
        gap = _gap(between) if tokens else TokenGap.STRONG
        tokens.append(QueryToken(word, gap, field, depth > 0))
        previous_end = end
    return tokens


def _gap(between: str) -> TokenGap:
    if _STRONG.search(between):
        return TokenGap.STRONG
    if _DASH.search(between) or " / " in between:
        return TokenGap.DASH
    if "-" in between:
        return TokenGap.HYPHEN
    return TokenGap.APOSTROPHE if "'" in between else TokenGap.SPACE


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
    found: list[TokenSegment] = []
    for start, end in _runs(tokens, codes, skipped, bridged):
        found.append(
            TokenSegment(
                start,
                end,
                tokens[start].field,
                after_code=_code_before(start, codes, skipped),
                before_code=_code_after(end, codes, skipped),
            )
        )
    return _mark_last(found)


def _runs(
    tokens: list[QueryToken],
    codes: Container[int],
    skipped: Container[int],
    bridged: Container[int],
) -> Iterator[tuple[int, int]]:
    start: int | None = None
    for i, token in enumerate(tokens):
        outside = i in codes or i in skipped
        cut = token.gap is TokenGap.STRONG or (token.gap is TokenGap.DASH and i not in bridged)
        if start is not None and (outside or cut):
            yield start, i
            start = None
        if not outside and start is None:
            start = i
    if start is not None:
        yield start, len(tokens)


def _code_before(start: int, codes: Container[int], skipped: Container[int]) -> bool:
    i = start - 1
    while i in skipped:
        i -= 1
    return i in codes


def _code_after(end: int, codes: Container[int], skipped: Container[int]) -> bool:
    i = end
    while i in skipped:
        i += 1
    return i in codes


def _mark_last(found: list[TokenSegment]) -> list[TokenSegment]:
    """The last segment of each field is where a town is most often written."""
    ends = {segment.field: segment.end for segment in found}
    return [
        TokenSegment(s.start, s.end, s.field, s.after_code, s.before_code, s.end == ends[s.field])
        for s in found
    ]
