"""Servers that a run starts on free ports of the loopback, and ends by their process id."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mapservice import gunicorn_conf
from scripts.benchmarks.options import ROOT

HOST = "127.0.0.1"
READY_SECONDS = (
    300  # `serve` looks through the database first; of a busy machine that takes minutes
)
GRACE_SECONDS = 20
# Every server gets as many processes as ours.
WORKERS = gunicorn_conf.workers


class NotReady(Exception):
    """A server that ended by itself or did not answer in time; its log's end is the message."""


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    pid: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def ours(
    database: str, home: Path, name: str = "ours", wsgi: Sequence[str] = (), *, keeps: bool = False
) -> Iterator[Server]:
    """Our gunicorn with its own settings; `wsgi` names another application for it.

    Every tile is made anew unless it `keeps` them.
    """
    port = free_port()
    environ = {
        "MAPSERVICE_DATABASE_URL": database,
        "MAPSERVICE_SECRET_KEY": "bench",
        "MAPSERVICE_HOME": str(home),
        "HOST": HOST,
        "PORT": str(port),
    }
    if not keeps:
        environ["MAPSERVICE_TILE_CACHE_BYTES"] = "0"
    command = [sys.executable, "-m", "gunicorn", "-c", "python:mapservice.gunicorn_conf", *wsgi]
    ready = "/" if wsgi else "/health/ready"
    with running(name, command, port, ready, environ, home) as server:
        yield server


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    port: int,
    ready: str,
    environ: Mapping[str, str],
    home: Path,
) -> Iterator[Server]:
    """Yields once `ready` is answered with 200. What the server says goes to `home/name.log`."""
    log = home / f"{name}.log"
    with started(command, environ, log) as child:
        url = f"http://{HOST}:{port}"
        _wait_until_ready(child, url + ready, log)
        yield Server(url, child.pid)


@contextmanager
def started(
    command: Sequence[str], environ: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """In a session of its own, so that its children end with it."""
    with log.open("wb") as out:
        child = subprocess.Popen(
            [*_ending_with_us(), *command],
            cwd=ROOT,
            env=os.environ | environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        _end(child)


def _ending_with_us() -> list[str]:
    """Linux: a child gets SIGTERM should this process be killed without a chance to end it."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _wait_until_ready(child: subprocess.Popen[bytes], url: str, log: Path) -> None:
    patience = time.monotonic() + READY_SECONDS
    while not _answers(url):
        if child.poll() is not None or time.monotonic() > patience:
            raise NotReady(f"{url} does not answer:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=20) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def forget_peaks(pid: int) -> None:
    """Peak memory of a server's workers counts from here on."""
    for child in _children(pid):
        Path("/proc", str(child), "clear_refs").write_text("5")


def peak_memory(pid: int) -> int:
    """The largest resident memory, in bytes, that one worker of a server ever had."""
    return max(_peak(child) for child in _children(pid))


def _peak(pid: int) -> int:
    lines = Path("/proc", str(pid), "status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines)
    return int(told["VmHWM"].split()[0]) * 1024


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
