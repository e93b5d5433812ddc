"""Tables emptied between tests, also while an answer that a test has left unread reads them."""

import gc

from psycopg.errors import LockNotAvailable
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError


def empty(engine: Engine, tables: str) -> None:
    """Truncates these and all that refers to them.

    An answer left unread holds a transaction until it is collected as garbage, which may be
    never: after a second of waiting that is done here. Raises `OperationalError` when the
    tables are held all the same.
    """
    try:
        _truncate(engine, tables, "1s")
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        gc.collect()
        _truncate(engine, tables, "30s")


def _truncate(engine: Engine, tables: str, patience: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{patience}'"))
        connection.execute(text(f"TRUNCATE {tables} CASCADE"))
