"""SQL text around Core queries: for hot paths whose JSON or MVT PostGIS makes itself."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.sql import ClauseElement

_DIALECT = make_url("postgresql+psycopg://").get_dialect()()


def compiled(query: ClauseElement) -> tuple[str, dict[str, Any]]:
    """A Core query as SQL text in psycopg's `%(name)s` style, and its bound values."""
    statement = query.compile(dialect=_DIALECT)
    return str(statement), dict(statement.params)


def embed(template: str, **queries: ClauseElement) -> tuple[str, dict[str, Any]]:
    """Puts Core queries where the SQL template says `{name}`; returns text and bound values.

    Bound names of several queries must differ, as SQLAlchemy numbers them per statement.
    """
    values: dict[str, Any] = {}
    texts: dict[str, str] = {}
    for name, query in queries.items():
        texts[name], bound = compiled(query)
        clash = values.keys() & bound.keys()
        assert not clash, f"bound names used twice: {clash}"
        values |= bound
    return fill(template, texts), values


def fill(template: str, texts: Mapping[str, str]) -> str:
    for name, text in texts.items():
        template = template.replace("{" + name + "}", text)
    return template
