"""SQL text around Core queries: for hot paths whose JSON or MVT PostGIS makes itself."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.sql import ClauseElement

_DIALECT = make_url("postgresql+psycopg://").get_dialect()()
_BOUND = re.compile(r"%\((\w+)\)s")


def compiled(query: ClauseElement, prefix: str = "") -> tuple[str, dict[str, Any]]:
    """A Core query as SQL text in psycopg's `%(name)s` style, and its bound values.

    Two queries put into one statement need different prefixes, as each numbers its own values.
    """
    statement = query.compile(dialect=_DIALECT)
    text = _BOUND.sub(rf"%({prefix}\1)s", str(statement))
    return text, {prefix + name: value for name, value in statement.params.items()}


def fill(template: str, texts: Mapping[str, str]) -> str:
    """Puts SQL of ours where the template says `{name}`; values are bound, never put in."""
    for name, text in texts.items():
        template = template.replace("{" + name + "}", text)
    return template
