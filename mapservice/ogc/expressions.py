"""CQL2, text and JSON, as one tree: that of CQL2's JSON.

Texts are read by the library `cql2`. It takes a time that doubles with each open parenthesis of a
text with an error (20 take a second), so `_check_groups` has it read the innermost groups first,
each once. JSON is the tree already; what it means is checked where it becomes SQL.
"""

import json
import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import cql2

from mapservice.errors import InvalidInput
from mapservice.ogc.model import ReferenceSystem

FIELD = "filter"
DEEPEST = 60
# One more than a collection of multipolygons has.
DEEPEST_WKT = 6

OPENING, CLOSING = "()"

Node = Any


class FilterLanguage(StrEnum):
    """Values of `filter-lang`.

    GDAL (3.10) sends whole filters only to a server that names the language as a draft did, and
    then writes ILIKE, which CQL2 spells with CASEI.
    """

    TEXT = "cql2-text"
    JSON = "cql2-json"
    DRAFT_TEXT = "cql-text"


@dataclass(frozen=True, slots=True)
class FilterExpression:
    """A filter as CQL2's JSON tree, and the reference system of its coordinates.

    `bits_are_boolean` tells that 1 and 0 stand for true and false beside a boolean.
    """

    tree: Node
    crs: ReferenceSystem
    bits_are_boolean: bool = False

    @classmethod
    def parse(cls, text: str, language: FilterLanguage, crs: ReferenceSystem) -> Self:
        """Raises InvalidInput for what is not CQL2, or nested too deeply."""
        if "\x00" in text:
            raise InvalidInput(FIELD, "must not contain a null character")
        is_draft = language is FilterLanguage.DRAFT_TEXT
        if language is FilterLanguage.JSON:
            try:
                tree = json.loads(text, parse_constant=_refused_number, parse_float=_finite)
            except RecursionError:
                raise InvalidInput(FIELD, f"is nested more than {DEEPEST} deep") from None
            except ValueError as refusal:  # no JSON, or an integer of thousands of digits
                raise InvalidInput(FIELD, f"is not JSON: {str(refusal)[:200]}") from None
        else:
            written = _with_doubled_quotes(text)
            if is_draft:
                # `name ILIKE 'pattern'` in CQL2's own words; what stands in quotes stays.
                written = _ILIKE.sub(
                    lambda found: found[1] or f"CASEI({found[2]}) LIKE CASEI({found[3]})", written
                )
            _check_groups(written)
            tree = _parsed(written)
        if _depth(tree) > DEEPEST:
            raise InvalidInput(FIELD, f"is nested more than {DEEPEST} deep")
        return cls(tree, crs, is_draft)


def _refused_number(name: str) -> Node:
    raise InvalidInput(FIELD, f"has {name}, which is no number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refused_number(text[:40])


def _parsed(text: str) -> Node:
    try:
        return cql2.parse_text(text).to_json()
    except Exception as refusal:  # it has no one class of its own for what it cannot read
        reason = " ".join(str(refusal).split())
        raise InvalidInput(FIELD, f"is not CQL2: {reason[:200]}") from None


_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|[\w:.]+|\(|\)|[^\w\s'\"()]|\s+|.", re.DOTALL)
_QUOTED = r"'(?:[^']|'')*'"
# A character literal: `''` and `\'` stand for a quote, and `\\` for what it is (in a pattern, one
# backslash). The second form is that of a literal that ends in a single backslash.
_LITERAL = re.compile(
    r"""(?P<name>"[^"]*")|'(?P<text>(?:\\['\\]|''|[^'\\]|\\(?!['\\]))*+)'|'(?:''|[^'])*+'"""
)
_ESCAPED = re.compile(r"\\\\|\\'")
_ILIKE = re.compile(rf"({_QUOTED})|(\"[^\"]*\"|[\w.:]+)\s+ILIKE\s+({_QUOTED})", re.IGNORECASE)
# What may stand before the parenthesis of a group; after any other word it opens arguments.
_BEFORE_GROUP = frozenset({"and", "or", "not", "between", "like", "div"})
_WKT_WORDS = frozenset({"z", "m", "zm", "empty"})
_WKT = re.compile(r"(multi)?(point|linestring|polygon)|geometrycollection|bbox|envelope")


def _with_doubled_quotes(text: str) -> str:
    """Quotes in character literals as `''`; the standard (`escapeQuote`) has `\\'` too."""

    def doubled(found: re.Match[str]) -> str:
        if found["text"] is None:
            return found[0]
        # A doubled backslash stays as it is; `\'` becomes `''`.
        quotes = _ESCAPED.sub(
            lambda escape: "''" if escape[0].endswith("'") else escape[0], found["text"]
        )
        return f"'{quotes}'"

    return _LITERAL.sub(doubled, text)


def _check_groups(text: str) -> None:
    """Raises InvalidInput unless parentheses match and every group reads as an expression."""
    opened: list[tuple[str, list[str]]] = []
    parts: list[str] = []
    before = ""
    for token in _TOKEN.findall(text):
        around = opened[-1][0] if opened else ""
        if token == OPENING:
            # The word before a parenthesis, and what it stands in, say what it opens.
            is_word = before[:1].isalnum() or before[:1] in ('"', "_")
            if around == "wkt" or _WKT.fullmatch(before) or before == "z":
                kind = "wkt"
            elif before == "in":
                kind = "list"
            else:
                kind = "arguments" if is_word and before not in _BEFORE_GROUP else "group"
            opened.append((kind, parts))
            if [kind for kind, _ in opened[-DEEPEST_WKT:]] == ["wkt"] * DEEPEST_WKT:
                raise InvalidInput(FIELD, "has a geometry nested too deeply")
            parts = []
        elif token == CLOSING:
            if not opened:
                raise InvalidInput(FIELD, "has a parenthesis that nothing opens")
            kind, outer = opened.pop()
            # Once read, a group is represented by something short in the text around it.
            content = "".join(parts)
            if kind == "group":
                _parsed(content)
                outer.append("a")
            elif kind == "list":
                _parsed(f"a IN ({content})")
                outer.append("(a)")
            else:
                outer.append(f"({content})")
            parts = outer
        else:
            if around == "wkt":
                _check_coordinate(token)
            if token.lower() == "empty" and _WKT.fullmatch(before):
                raise InvalidInput(FIELD, f"has an empty geometry, {before.upper()} EMPTY")
            parts.append(token)
        before = token.lower() if token.strip() else before
    if opened:
        raise InvalidInput(FIELD, "has a parenthesis that nothing closes")


def _check_coordinate(token: str) -> None:
    """Of a word between the parentheses of a geometry. Raises InvalidInput naming it."""
    if not token[0].isalnum() or _WKT.fullmatch(token.lower()) or token.lower() in _WKT_WORDS:
        return
    try:
        # The sign of an exponent is a token of its own.
        number = float(token.removesuffix("e").removesuffix("E"))
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in token:
        raise InvalidInput(FIELD, f"has a coordinate that is not a number: {token[:40]!r}")


def _depth(node: Node) -> int:
    """How many levels of operators and lists; the parsers bound what this walks."""
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        one, depth = waiting.pop()
        deepest = max(deepest, depth)
        children = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        waiting.extend((child, depth + 1) for child in children)
    return deepest
