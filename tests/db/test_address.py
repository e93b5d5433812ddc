"""One address of several servers, read alike by all; a server that stands still is left."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from mapservice.db import engine as engine_module
from mapservice.db.address import at_server_of, connection_parameters, with_database
from mapservice.db.engine import connect, make_engine
from mapservice.errors import ConfigurationError
from mapservice.settings import Settings
from tests.conftest import temporary_database
from tests.relay import Relay, relay


@pytest.fixture
def way(server_url: str) -> Iterator[Relay]:
    with relay(server_url) as made:
        yield made


@pytest.fixture
def refused() -> int:
    """A port of the loopback at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def url_of(server_url: str, *ports: int, more: str = "") -> str:
    """The same database by TCP."""
    given = connection_parameters(server_url)
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    user = given.get("user", "")
    secret = f":{given['password']}" if given.get("password") else ""
    return f"postgresql://{user}{secret}@{hosts}/{given['dbname']}{more}"


def test_several_servers_are_named_in_one_address() -> None:
    found = connection_parameters("postgresql://ann:p%40ss@h1:5432,h2:5433/db")
    assert (found["host"], found["port"], found["dbname"]) == ("h1,h2", "5432,5433", "db")
    assert (found["user"], found["password"]) == ("ann", "p@ss")
    assert found["target_session_attrs"] == "read-write"
    assert found["connect_timeout"] == 2


def test_deadlines_stand_where_the_address_says_none() -> None:
    found = connection_parameters("postgresql+psycopg://h/db?connect_timeout=9&keepalives_idle=77")
    assert (found["connect_timeout"], found["keepalives_idle"]) == ("9", "77")
    assert found["tcp_user_timeout"] == 10_000
    assert "target_session_attrs" not in found


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://h/db", "must start with postgresql://"),
        ("nonsense", "is not a database URL"),
        ("postgresql://h:5432x/db", "a port is no port"),
        ("postgresql://h1:1,h2:70000/db", "a port is no port"),
        ("postgresql://h1/db?port=1,2", "each host has one port"),
        ("postgresql://h/db?sslmod=require", 'invalid URI query parameter: "sslmod"'),
        ("postgresql://ann:s3cret%zz@h/db", "is not a database URL"),
    ],
)
def test_a_wrong_address_is_told_without_its_password(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as told:
        make_engine(url)
    assert "s3cret" not in str(told.value)


def test_another_database_of_the_same_servers() -> None:
    url = with_database("postgresql://ann:p%40ss@h1:1,h2:2/db?sslmode=require", "other one")
    found = connection_parameters(url)
    assert (found["dbname"], found["host"], found["port"]) == ("other one", "h1,h2", "1,2")
    assert (found["password"], found["sslmode"]) == ("p@ss", "require")


def test_the_first_server_that_is_there_is_taken_by_all(
    server_url: str, way: Relay, refused: int
) -> None:
    url = url_of(server_url, refused, way.port)
    engine = make_engine(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        there = connection_parameters(at_server_of(url, driver))
        assert (there["host"], there["port"]) == ("127.0.0.1", str(way.port))
    engine.dispose()
    with connect(url) as plain:
        assert plain.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_takes_no_writes_is_passed_over(server_url: str, way: Relay) -> None:
    with temporary_database(server_url, "calm") as calm:
        name = str(connection_parameters(calm)["dbname"])
        with connect(server_url, autocommit=True) as server:
            server.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        both = with_database(url_of(server_url, way.port, way.port), name)
        with pytest.raises(psycopg.OperationalError, match="read-only"):
            connect(both)
        connect(with_database(url_of(server_url, way.port), name)).close()


def test_a_server_that_became_read_only_is_left(empty_engine: Engine) -> None:
    """The next connection of the pool is another one: as an address of several would choose."""
    asked = text("SELECT pg_backend_pid()")
    with empty_engine.connect() as connection:
        before = connection.execute(asked).scalar_one()
        connection.rollback()
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
        connection.commit()
        with pytest.raises(DBAPIError) as refusal:
            connection.execute(text("CREATE TABLE any_table ()"))
        assert refusal.value.connection_invalidated
    with empty_engine.begin() as connection:
        assert connection.execute(asked).scalar_one() != before
        connection.execute(text("CREATE TABLE any_table ()"))


def test_a_first_server_that_takes_connections_and_says_nothing_costs_seconds(
    server_url: str, way: Relay
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = url_of(server_url, int(silent.getsockname()[1]), way.port)
        begun = time.monotonic()
        connect(url).close()
        assert time.monotonic() - begun < 20


def test_an_idle_connection_to_a_server_that_stands_still_is_replaced(
    server_url: str, way: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapservice.db.engine.TRUSTED_SECONDS", 0.0)
    with relay(server_url) as second:
        engine = make_engine(url_of(server_url, way.port, second.port), pool_size=3)
        held = [engine.connect() for _ in range(3)]
        for one in held:
            one.execute(text("SELECT 1"))
            one.close()
        assert (way.connections, second.connections) == (3, 0)
        way.still.set()
        held = [engine.connect() for _ in range(3)]
        assert [one.execute(text("SELECT 1")).scalar_one() for one in held] == [1, 1, 1]
        assert second.connections == 3
        for one in held:
            one.close()
        engine.dispose()


def test_a_statement_under_way_ends_when_its_server_stands_still(
    server_url: str, way: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(engine_module, "ANSWER_SECONDS", 2)
    engine = make_engine(url_of(server_url, way.port))
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        threading.Timer(0.3, way.still.set).start()
        with pytest.raises(OperationalError, match="stands still") as ended:
            connection.execute(text("SELECT pg_sleep(60)"))
        assert ended.value.connection_invalidated
    way.still.clear()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_a_long_statement_of_a_server_that_answers_is_waited_for(
    server_url: str, way: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "SILENT_SECONDS", 0.2)
    with closing(connect(url_of(server_url, way.port))) as connection:
        before = way.connections
        assert connection.execute("SELECT 7 FROM pg_sleep(1)").fetchone() == (7,)
        assert way.connections > before  # it was asked meanwhile
        assert list(connection.notifies(timeout=0.5)) == []


def test_settings_take_such_an_address() -> None:
    url = "postgresql://h1:5432,h2:5432/db?target_session_attrs=read-write"
    assert Settings.from_env({"DATABASE_URL": url}).database_url == url
