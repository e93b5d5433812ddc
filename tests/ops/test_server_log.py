"""Gunicorn with our settings, asked badly: what it writes down of its visitors."""

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from mapservice.web import logging
from tests.ops.test_nginx import free_port, until_it_listens

SECRET = "kQ0Zb3f_9-qWvT7Lr2NxY8cPdE1uHsJa"
VISITOR = "127.0.0.7"
ASKED = (
    f"GET /confirmer/{SECRET} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET /confirmer/{SECRET} HTTP/9.9\r\nHost: x\r\n\r\n",
    f"NONSENSE {SECRET}\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: x\r\nX y: /confirmer/{SECRET}\r\n\r\n",
    f"GET /{SECRET}{'a' * 9000} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {SECRET}\r\n\r\n",
)


@pytest.mark.parametrize("level", ["warning", "debug"])
def test_neither_addresses_nor_secrets(repository: Path, tmp_path: Path, level: str) -> None:
    port, log = free_port(), tmp_path / "server.log"
    environ = os.environ | {
        "HOST": "127.0.0.1", "PORT": str(port), "WEB_CONCURRENCY": "1", "LOG_LEVEL": level,
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "-c", "python:mapservice.gunicorn_conf"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "tests.ops.failing_app:app"], cwd=repository, env=environ, stderr=output
        )
        try:
            until_it_listens(port)
            for asked in ASKED:
                line = socket.create_connection(
                    ("127.0.0.1", port), timeout=20, source_address=(VISITOR, 0)
                )
                with line:
                    line.sendall(asked.encode())
                    while line.recv(4096):
                        pass
        finally:
            server.terminate()
            server.wait()
    written = log.read_text()
    # What the application itself prints aside (nothing here), every line is one of JSON.
    lines = [json.loads(line) for line in written.splitlines()]
    assert {"level", "timestamp", "event"} <= {name for line in lines for name in line}
    assert "Invalid request" in written
    assert "RuntimeError: as asked" in written
    assert SECRET not in written
    assert VISITOR not in written


def test_a_line_goes_to_the_standard_error_of_its_moment() -> None:
    with contextlib.redirect_stderr(io.StringIO()) as former:
        logging.configure()
        log = structlog.get_logger()
    former.close()
    with contextlib.redirect_stderr(io.StringIO()) as present:
        log.info("later")
    assert json.loads(present.getvalue())["event"] == "later"
