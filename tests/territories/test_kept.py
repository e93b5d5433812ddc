"""What is made of territories is made once for each load of them."""

from sqlalchemy import Connection, Engine, event, text

from mapservice.db.engine import snapshot_of
from mapservice.territories.queries import KeptByLoad, source_in_force

LOADED = text("INSERT INTO territory_load (source, licence, cog_year) VALUES ('test', '', 2026)")


def test_it_is_made_once_a_load(engine: Engine) -> None:
    made: list[int] = []

    def make(_connection: Connection) -> int:
        made.append(len(made))
        return made[-1]

    kept = KeptByLoad()
    with engine.connect() as connection:
        assert [kept.get(connection, "one", make) for _ in range(3)] == [0, 0, 0]
        assert kept.get(connection, "other", make) == 1
        connection.execute(LOADED)
        assert [kept.get(connection, "one", make) for _ in range(2)] == [2, 2]
        connection.rollback()
        assert kept.get(connection, "one", make) == 3


def test_a_page_of_one_moment_asks_once_which_load_is_in_force(engine: Engine) -> None:
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with snapshot_of(engine).connect() as snapshot, engine.connect() as other:
        before = [source_in_force(snapshot) for _ in range(3)]
        assert len(asked) == 1
        other.execute(LOADED)
        other.commit()
        # Its moment is that of before; whoever comes next sees the load.
        assert source_in_force(snapshot) == before[0] == before[2]
        snapshot.rollback()
        after = source_in_force(snapshot)
        assert after is not None
        assert after != before[0]
        assert source_in_force(other) == after
        other.execute(text("DELETE FROM territory_load WHERE id = :id"), {"id": after.id})
        other.commit()
