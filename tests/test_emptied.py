"""What an earlier test holds does not stop a later one for ever."""

import gc
from typing import Any

from sqlalchemy import Engine, text

from tests.emptied import empty
from tests.web.population import Made, insert


def test_an_answer_left_unread_gives_way(engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238")])
    gc.disable()
    try:
        _read_in_part(engine)
        empty(engine, "initiative")
    finally:
        gc.enable()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM initiative")).scalar_one() == 0


def _read_in_part(engine: Engine) -> None:
    """Leaves a reading transaction in a ring of references, as an answer does."""
    connection = engine.connect()
    connection.execute(text("SELECT title FROM initiative"))
    ring: list[Any] = [connection]
    ring.append(ring)
