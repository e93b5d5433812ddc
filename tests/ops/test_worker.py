"""Gunicorn as we set it up, with clients that stay connected: more of them than it has threads."""

import http.client
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest

from scripts.benchmarks.server import Server, free_port
from scripts.benchmarks.server import running as running_server

COMMAND = [sys.executable, "-m", "gunicorn", "-c", "python:mapservice.gunicorn_conf"]
CLIENTS = 11


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One worker with four threads, before an application that needs nothing."""
    port = free_port()
    environ = {"PORT": str(port), "HOST": "127.0.0.1", "WEB_CONCURRENCY": "1"}
    command = [*COMMAND, "scripts.benchmarks.bare:app"]
    with running_server("bare", command, port, "/", environ, tmp_path) as started:
        yield started


def connected(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)


def ask(client: http.client.HTTPConnection) -> int:
    client.request("GET", "/")
    answer = client.getresponse()
    answer.read()
    return answer.status


def test_who_stays_connected_keeps_nobody_waiting(server: Server) -> None:
    clients = [connected(server) for _ in range(CLIENTS)]
    turns = Random(3).choices(range(CLIENTS), k=200)
    assert {ask(clients[turn]) for turn in [*range(CLIENTS), *turns]} == {200}
    for client in clients:
        client.close()


def test_requests_that_come_together_are_answered_in_turn(server: Server) -> None:
    with closing(
        socket.create_connection(("127.0.0.1", urlsplit(server.url).port), timeout=20)
    ) as client:
        one = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
        client.sendall(one * 3 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        received = b""
        while block := client.recv(65536):
            received += block
    assert received.count(b"HTTP/1.1 200 OK") == 4


def test_idle_clients_do_not_keep_it_from_stopping(server: Server) -> None:
    clients = [connected(server) for _ in range(3)]
    assert {ask(client) for client in clients} == {200}
    with os.fdopen(os.pidfd_open(server.pid), "rb") as running:
        watched = select.poll()
        watched.register(running, select.POLLIN)
        os.kill(server.pid, signal.SIGTERM)
        assert watched.poll(10_000)  # sooner than it is given to finish what it has begun
    for client in clients:
        client.close()
