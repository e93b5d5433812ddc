"""Whoever reads slowly, or asks for too much, takes nothing from others."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.publishing.exports.model import MAX_OWN, MAX_WAITING
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.conftest import REPOSITORY
from tests.ops.test_nginx import free_port, until_it_listens

THREADS = 4  # of the one process
READERS = 18


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """One process of gunicorn with our settings, before an application with large answers."""
    port = free_port()
    environ = os.environ | {"HOST": "127.0.0.1", "PORT": str(port), "WEB_CONCURRENCY": "1"}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:mapservice.gunicorn_conf"]
    server = subprocess.Popen(
        [*command, "tests.ops.large_app:app"],
        cwd=REPOSITORY,
        env=environ,
        stdout=subprocess.DEVNULL,
    )
    try:
        until_it_listens(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def ask(port: int, path: str, wait: float) -> int:
    line = HTTPConnection("127.0.0.1", port, timeout=wait)
    try:
        line.request("GET", path)
        return line.getresponse().status
    finally:
        line.close()


def is_answered(port: int) -> bool:
    try:
        return ask(port, "/small", wait=2) == 200
    except TimeoutError:
        return False


def slow_reader(port: int) -> socket.socket:
    """Asks for what does not fit into any buffer, and reads nothing of it."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", port))
    line.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    return line


def test_health_is_answered_while_every_thread_waits_for_slow_readers(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(READERS):
            stack.enter_context(slow_reader(port))
        while is_answered(port):
            """Until all threads are held."""
        begun = time.monotonic()
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert ask(port, path, wait=5) == 200
        assert time.monotonic() - begun < 5
        # A head that breaks off has none of the threads that health is answered by.
        for _ in range(3):
            half = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            half.sendall(b"GET /health/live HTTP/1.1\r\n")
        assert ask(port, "/health/live", wait=5) == 200
    assert ask(port, "/small", wait=20) == 200


def test_a_connection_that_says_nothing_holds_no_thread(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(3 * THREADS):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert ask(port, "/small", wait=3) == 200


def test_a_kept_connection_is_answered_again_and_again(port: int) -> None:
    line = HTTPConnection("127.0.0.1", port, timeout=10)
    for path in ("/small", "/health/live", "/small", "/metrics", "/small"):
        line.request("GET", path)
        answer = line.getresponse()
        assert (answer.status, answer.read()) == (200, b"ok")
    line.close()


def order(client: FlaskClient, number: int, address: str) -> int:
    answer = client.post(
        "/exports",
        json={"format": "gpkg", "filter": {"q": f"verger {number}"}},
        environ_base={"REMOTE_ADDR": address},
    )
    assert answer.status_code != 429 or int(answer.headers["Retry-After"]) > 0
    return answer.status_code


def test_one_address_cannot_fill_the_queue(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE export"))
    greedy = [order(client, number, "192.0.2.7") for number in range(40)]
    assert greedy.count(202) == MAX_OWN < MAX_WAITING
    assert greedy.count(429) == 40 - MAX_OWN
    assert order(client, 0, "192.0.2.7") == 202  # the file that is under way already
    # Its neighbour of the same IPv6 household is the same; the next one is not.
    assert [order(client, 50 + n, f"2001:db8::{n}") for n in range(6)] == [202] * 4 + [429] * 2
    assert order(client, 99, "192.0.2.8") == 202
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT asker FROM export")).scalars().all()
        assert all(len(one) == 16 for one in rows)
        connection.execute(
            text(
                """UPDATE export SET state = 'failed', asker = NULL, finished_at = now(),
                          expires_at = now() + interval '1 day'"""
            )
        )
    assert order(client, 100, "192.0.2.7") == 202
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE export"))


@pytest.mark.parametrize(
    ("limit", "statement", "engine_name"),
    [
        ({"statement_timeout_ms": 50}, "SELECT pg_sleep(1)", "engine"),
        ({"tile_timeout_ms": 50}, "SELECT pg_sleep(1)", "generic_plan"),
    ],
)
def test_each_kind_of_statement_has_its_limit(
    database_url: str, engine: Engine, limit: dict[str, Any], statement: str, engine_name: str
) -> None:
    app: Flask = create_app(Settings(database_url=database_url, **limit))
    services: Services = app.extensions[SERVICES]

    @app.get("/dear")
    def dear() -> str:
        with getattr(services, engine_name).connect() as connection:
            connection.execute(text(statement))
        return "done"

    try:
        answer = app.test_client().get("/dear", headers={"Accept": "application/json"})
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
    finally:
        services.dispose()
