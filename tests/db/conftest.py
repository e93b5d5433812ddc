"""Databases without territories, and rows of `initiative` made of one difference each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Row, text

from mapservice.db.engine import make_engine
from mapservice.db.scripts import run_script
from tests.conftest import temporary_database

# A sound row: the town hall of nobody, the commune of Niort.
SOUND: dict[str, Any] = {
    "title": "Un verger pour tous",
    "theme": "environnement",
    "scale": "commune",
    "status": "published",
    "precision": "commune",
    "commune": "79191",
}

OLD_SCHEMA = Path(__file__).parent / "schema_0021.sql"


@pytest.fixture
def empty_engine(server_url: str) -> Iterator[Engine]:
    """A database without a schema."""
    with temporary_database(server_url, "empty") as url:
        engine = make_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def old_engine(empty_engine: Engine) -> Engine:
    """A database of schema 0021 without rows: the oldest one that may be upgraded."""
    with empty_engine.begin() as connection:
        run_script(connection, OLD_SCHEMA.read_text(encoding="utf-8"))
    return empty_engine


def insert(connection: Connection, **different: Any) -> Row[Any]:
    """Inserts the sound row with these columns changed; returns what was kept of it."""
    values = SOUND | different
    columns, bound = ", ".join(values), ", ".join(f":{name}" for name in values)
    statement = f"INSERT INTO initiative ({columns}) VALUES ({bound}) RETURNING *"
    return connection.execute(text(statement), values).one()
