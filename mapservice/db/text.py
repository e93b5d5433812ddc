"""SQL text around Core queries: for hot paths whose JSON or MVT PostGIS makes itself."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from psycopg import Connection as Driver
from psycopg import OperationalError, RawCursor
from psycopg.pq.abc import PGresult
from sqlalchemy import Connection, make_url
from sqlalchemy.sql import ClauseElement

_DIALECT = make_url("postgresql+psycopg://").get_dialect()()
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
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


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold it: no null character, and no half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None


def array_text(values: Iterable[int | str]) -> str:
    """As PostgreSQL writes an array, for SQL that casts it.

    As a list, its type would follow the size of its numbers, and be looked for at each run.
    """
    return (
        "{" + ",".join(_quoted(one) if isinstance(one, str) else str(one) for one in values) + "}"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class PreparedSql:
    """SQL text in PostgreSQL's own style (`$1`), and what is to be put there: by name.

    `values` are those known when it was made; the others come with each run.
    """

    text: bytes
    names: tuple[str, ...]
    values: Mapping[str, Any]

    @classmethod
    def of(cls, template: str, values: Mapping[str, Any]) -> Self:
        """From psycopg's style, `%(name)s`; `%%` stands for a percent sign."""
        names = tuple(dict.fromkeys(_BOUND.findall(template)))
        numbers = {name: f"${number}" for number, name in enumerate(names, 1)}
        text = _BOUND.sub(lambda found: numbers[found[1]], template).replace("%%", "%")
        return cls(text.encode(), names, {name: _bound(value) for name, value in values.items()})


def _bound(value: Any) -> Any:
    """Lists of texts are cast in every statement of ours, so that they can be texts."""
    is_texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return array_text(value) if is_texts else value


def fetch_one(connection: Connection, statement: PreparedSql, **values: Any) -> tuple[Any, ...]:
    """The only row of a statement; as `fetched` runs it."""
    with fetched(connection, statement, **values) as cursor:
        row = cursor.fetchone()
    assert row is not None, "the statement yields one row"
    return tuple(row)


def fetch_all(
    connection: Connection, statement: PreparedSql, **values: Any
) -> list[tuple[Any, ...]]:
    """The rows of a statement; as `fetched` runs it."""
    with fetched(connection, statement, **values) as cursor:
        return cursor.fetchall()


def fetch_bytes(connection: Connection, statement: PreparedSql, **values: Any) -> PGresult:
    """The rows of a statement whose columns are texts, in UTF-8, as they came.

    Making Python's tuples and texts of a thousand rows takes longer than a page's JSON.
    """
    with fetched(connection, statement, **values) as cursor:
        result = cursor.pgresult
    assert result is not None, "the statement yields rows"
    return result


@contextlib.contextmanager
def fetched(
    connection: Connection, statement: PreparedSql, **values: Any
) -> Iterator[RawCursor[tuple[Any, ...]]]:
    """A statement's result, in binary; the statement stays prepared.

    Raises errors of psycopg as they are; after one that ends the connection, its pool makes anew.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, Driver), "the engine is made on psycopg"
    known = {**statement.values, **values}
    bound = [known[name] for name in statement.names]
    try:
        with RawCursor(driver) as cursor:
            yield cursor.execute(statement.text, bound, prepare=True, binary=True)
    except OperationalError:
        if driver.closed:
            connection.invalidate()
        raise
