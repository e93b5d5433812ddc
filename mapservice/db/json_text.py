"""JSON put together as text by SQL.

`json_build_object` looks up the type of each argument for each row, which takes longer than all
else in a feature of seventeen properties. Here the types are known when the statement is made.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Integer, Numeric, Text
from sqlalchemy.dialects.postgresql import UUID

Named = tuple[str, ColumnElement[Any]]


class JsonSafeText(Text):
    """Text that stands in JSON as it is: codes, words of an enumeration, moments.

    A constraint of its table, or the expression that makes it, keeps signs out that JSON escapes.
    """


class JsonNotNull(JsonSafeText):
    """The same, and never null."""


class RawJson(Text):
    """Text that is JSON already, or null."""


def object_text(columns: Iterable[Named]) -> str:
    """SQL of an object whose members are these columns of a row, as text.

    What a table declares as never null is taken at its word: no column may come as it is from the
    far side of an outer join.
    """
    literal, parts = "{", []
    for name, column in columns:
        opening, value, closing = _value(name, column)
        parts += [f"""'{literal}"{name}":{opening}'""", value]
        literal = f"{closing},"
    parts.append(f"'{literal.removesuffix(',')}}}'")
    return _joined(parts)


def _joined(parts: Sequence[str]) -> str:
    """In halves of halves, so that no text is copied more often than it must; `concat` looks at the
    type of each part."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_joined(parts[:half])} || {_joined(parts[half:])})"


def value_text(name: str, column: ColumnElement[Any]) -> str:
    """SQL of a column's value in JSON, as text."""
    opening, value, closing = _value(name, column)
    return f"'{opening}' || {value} || '{closing}'" if opening else value


def _value(name: str, column: ColumnElement[Any]) -> tuple[str, str, str]:
    """What stands before a value, its SQL, and what stands behind it."""
    kind = column.type
    known = isinstance(kind, JsonNotNull) or (isinstance(column, Column) and not column.nullable)
    if isinstance(kind, UUID | JsonSafeText):
        plain = f"{name}::text" if isinstance(kind, UUID) else name
        if known:
            return '"', plain, '"'
        return "", f"coalesce('\"' || {plain} || '\"', 'null')", ""
    shown = f"to_json({name})::text"
    if isinstance(kind, Integer | Numeric | Boolean):
        shown = f"{name}::text"
    elif isinstance(kind, RawJson):
        shown = name
    return "", shown if known else f"coalesce({shown}, 'null')", ""
