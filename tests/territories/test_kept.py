"""What is made of territories is made once for each load of them."""

from sqlalchemy import Connection, Engine, text

from mapservice.territories.queries import KeptByLoad

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
