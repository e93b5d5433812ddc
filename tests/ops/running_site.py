"""A service that runs whole, as a process of its own, and what may be asked of it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from mapservice.db.postmaster import place

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds in which any of it must have come back, on a busy machine
JOB_SECONDS = 30  # as docs/operating.md promises
# The territories are there already, and no sample is wanted.
SERVE = """
import sys
from mapservice.cli import serve
from mapservice.settings import Settings
serve.PREPARATION = serve.PREPARATION[:1]
sys.exit(serve.serve(Settings.from_env()))
"""
DEFER = """
SELECT (procrastinate_defer_jobs_v1(ARRAY[
    ROW('default', 'send_mail', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1]))[1]"""


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one request; 0 where there was none."""

    status: int
    retry_after: str | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class Site:
    """A service that runs, with the database that it serves."""

    process: "subprocess.Popen[bytes]"
    base: str
    database_url: str
    log: Path

    def get(self, path: str) -> Answer:
        begun = time.monotonic()
        try:
            with urllib.request.urlopen(self.base + path, timeout=20) as answer:
                return Answer(answer.status, None, time.monotonic() - begun)
        except urllib.error.HTTPError as error:
            retry = error.headers["Retry-After"]
            return Answer(error.code, retry, time.monotonic() - begun)
        except OSError:
            return Answer(0, None, time.monotonic() - begun)

    def child(self, word: str) -> int | None:
        """The process that we started with `word` in its command."""
        for pid in children(self.process.pid):
            if word in command_of(pid):
                return pid
        return None

    def ready(self) -> bool:
        return self.get("/health/ready").status == 200

    def queue_job(self) -> int:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            row = connection.execute(DEFER).fetchone()
            assert row is not None
            return int(row[0])

    def is_done(self, job: int) -> bool:
        """Jobs that succeeded are deleted."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            asked = "SELECT status::text FROM procrastinate_jobs WHERE id = %s"
            row = connection.execute(asked, [job]).fetchone()
        assert row is None or row[0] != "failed"
        return row is None

    def check_whole(self) -> None:
        """Pages and jobs, as after a start."""
        wait_for(lambda: self.get("/initiatives").status == 200)
        wait_for(lambda: attempt(self.queue_job) is not None)
        job = self.queue_job()
        wait_for(lambda: bool(attempt(lambda: self.is_done(job))), JOB_SECONDS)
        assert self.process.poll() is None


def attempt(ask: Callable[[], object]) -> object:
    with suppress(psycopg.OperationalError):
        return ask()
    return None


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def serving(home: Path, database_url: str = "", **environ: str) -> Iterator[Site]:
    port = free_port()
    unset = ("MAPSERVICE_DATABASE_URL", "DATABASE_URL", "MAPSERVICE_STARTED", "HOST")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    kept |= {"PORT": str(port), "MAPSERVICE_HOME": str(home), "WEB_CONCURRENCY": "1"} | environ
    if database_url:
        kept["MAPSERVICE_DATABASE_URL"] = database_url
    log = home / f"serve-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE], cwd=REPOSITORY, env=kept, stdout=output, stderr=output
        )
    site = Site(process, f"http://127.0.0.1:{port}", database_url or place(home).url(), log)
    try:
        wait_for(lambda: "Serving on" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield site
    finally:
        process.terminate()
        process.wait()


def kill(pid: int | None) -> None:
    assert pid
    os.kill(pid, signal.SIGKILL)
