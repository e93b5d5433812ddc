"""CQL2, text and JSON, read by the library `cql2` into one tree: that of CQL2's JSON.

The library reads a text with an error in time that doubles with each open parenthesis (20 take a
second), so `_check_groups` has it read the innermost groups first, each once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import cql2

from mapservice.errors import InvalidInput
from mapservice.ogc.model import Crs

FIELD = "filter"
DEEPEST = 60
# One more than a collection of multipolygons has.
DEEPEST_WKT = 6

OPENING, CLOSING = "()"

Node = Any


class Language(StrEnum):
    """Values of `filter-lang`.

    GDAL (3.10) sends whole filters only to a server that names the language as a draft did, and
    then writes ILIKE, which CQL2 spells with CASEI.
    """

    TEXT = "cql2-text"
    JSON = "cql2-json"
    DRAFT_TEXT = "cql-text"


@dataclass(frozen=True, slots=True)
class Expression:
    """A filter as CQL2's JSON tree, and the reference system of its coordinates."""

    tree: Node
    crs: Crs

    @classmethod
    def parse(cls, text: str, language: Language, crs: Crs) -> Self:
        """Raises InvalidInput for what is not CQL2, or nested too deeply."""
        if language is Language.JSON:
            tree = _parsed(cql2.parse_json, text)
        else:
            tree = _text_tree(_without_ilike(text) if language is Language.DRAFT_TEXT else text)
        if _depth(tree) > DEEPEST:
            raise InvalidInput(FIELD, f"is nested more than {DEEPEST} deep")
        return cls(tree, crs)

    @property
    def properties(self) -> frozenset[str]:
        """The names that it reads."""
        return frozenset(_properties(self.tree))


def _text_tree(text: str) -> Node:
    _check_groups(text)
    return _parsed(cql2.parse_text, text)


def _parsed(parse: Any, text: str) -> Node:
    try:
        return parse(text).to_json()
    except Exception as refusal:  # it has no one class of its own for what it cannot read
        reason = " ".join(str(refusal).split())
        raise InvalidInput(FIELD, f"is not CQL2: {reason[:200]}") from None


_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|[\w:.]+|\(|\)|[^\w\s'\"()]|\s+|.", re.DOTALL)
_QUOTED = r"'(?:[^']|'')*'"
_ILIKE = re.compile(rf"({_QUOTED})|(\"[^\"]*\"|[\w.:]+)\s+ILIKE\s+({_QUOTED})", re.IGNORECASE)
# What may stand before the parenthesis of a group; after any other word it opens arguments.
_BEFORE_GROUP = frozenset({"and", "or", "not", "between", "like", "div"})
_WKT = re.compile(r"(multi)?(point|linestring|polygon)|geometrycollection|bbox|envelope")


def _without_ilike(text: str) -> str:
    """`name ILIKE 'pattern'` in CQL2's own words; what stands in quotes stays."""
    return _ILIKE.sub(lambda found: found[1] or f"CASEI({found[2]}) LIKE CASEI({found[3]})", text)


def _check_groups(text: str) -> None:
    """Raises InvalidInput unless parentheses match and every group reads as an expression."""
    opened: list[tuple[str, list[str]]] = []
    parts: list[str] = []
    before = ""
    for token in _TOKEN.findall(text):
        if token == OPENING:
            opened.append((_kind(before, opened[-1][0] if opened else ""), parts))
            if [kind for kind, _ in opened[-DEEPEST_WKT:]] == ["wkt"] * DEEPEST_WKT:
                raise InvalidInput(FIELD, "has a geometry nested too deeply")
            parts = []
        elif token == CLOSING:
            if not opened:
                raise InvalidInput(FIELD, "has a parenthesis that nothing opens")
            kind, outer = opened.pop()
            outer.append(_closed(kind, "".join(parts)))
            parts = outer
        else:
            parts.append(token)
        before = token.lower() if token.strip() else before
    if opened:
        raise InvalidInput(FIELD, "has a parenthesis that nothing closes")


def _kind(before: str, around: str) -> str:
    if around == "wkt" or _WKT.fullmatch(before) or before == "z":
        return "wkt"
    if before == "in":
        return "list"
    is_word = before[:1].isalnum() or before[:1] in ('"', "_")
    return "arguments" if is_word and before not in _BEFORE_GROUP else "group"


def _closed(kind: str, content: str) -> str:
    """What stands for a closed parenthesis in the text around it: something short once read."""
    if kind == "group":
        _parsed(cql2.parse_text, content)
        return "a"
    if kind == "list":
        _parsed(cql2.parse_text, f"a IN ({content})")
        return "(a)"
    return f"({content})"


def _depth(node: Node) -> int:
    """How many levels of operators and lists; the parsers bound what this walks."""
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        one, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting.extend((child, depth + 1) for child in _children(one))
    return deepest


def _children(node: Node) -> list[Node]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _properties(node: Node) -> Iterator[str]:
    if isinstance(node, dict) and isinstance(node.get("property"), str):
        yield node["property"]
    for child in _children(node):
        yield from _properties(child)
