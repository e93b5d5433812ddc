"""What strikes. Each returns the moment (monotonic) at which its cause was over, and a condition of
which the site cannot be well again: a successor of what was killed is there."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psycopg

from mapservice.db.postmaster import SOCKET_NAME, processes
from scripts.chaos_trial.schedule import Fault
from scripts.chaos_trial.site import LOOK_SECONDS, WATCHER, Site
from scripts.chaos_trial.visitor import Visitor

SUCCESSOR_SECONDS = 150.0
BACKENDS = """
SELECT pid FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND usename = 'mapservice'
 ORDER BY pid"""
# A segment of the log is used up, without a row that changes.
USE_UP_LOG = """
SELECT pg_logical_emit_message(false, 'chaos', 'x'), pg_switch_wal()"""
SMALLEST_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Strike:
    """When its cause was over, and whether what it ended has a successor. `silent` is how often
    nobody said meanwhile that the service lives."""

    over: float
    succeeded: Callable[[], bool] = lambda: True
    words: str = ""
    silent: int = 0


@dataclass(frozen=True, slots=True)
class StrikeTarget:
    """What a fault may need: the site, a seeded dice, how long the database is away."""

    site: Site
    dice: Random
    away: float


def worker(target: StrikeTarget) -> Strike:
    return _killed(target.site.worker)


def web_master(target: StrikeTarget) -> Strike:
    return _killed(target.site.web_master)


def postmaster(target: StrikeTarget) -> Strike:
    return _killed(target.site.postmaster)


def web_process(target: StrikeTarget) -> Strike:
    site = target.site
    _wait_for(lambda: bool(site.web_processes()))
    before = site.web_processes()
    os.kill(target.dice.choice(before), signal.SIGKILL)
    return Strike(time.monotonic(), lambda: len(set(site.web_processes())) >= len(before))


def backend(target: StrikeTarget) -> Strike:
    """PostgreSQL then ends all others too, and recovers."""
    pid = 0
    while not pid:
        pids = [row[0] for row in target.site.ask(BACKENDS)]
        with suppress(IndexError, ProcessLookupError):
            pid = target.dice.choice(pids)
            os.kill(pid, signal.SIGKILL)
    return Strike(time.monotonic(), lambda: pid not in processes(target.site.cluster))


def database_hangs(target: StrikeTarget) -> Strike:
    """All of its processes stand still, as on a machine that swaps or a disk that hangs."""
    stopped: set[int] = set()
    try:
        while fresh := processes(target.site.cluster) - stopped:
            for pid in fresh:
                _signal(pid, signal.SIGSTOP)
            stopped |= fresh
        silent = _silent_for(target)
    finally:
        for pid in stopped:
            _signal(pid, signal.SIGCONT)
    return Strike(time.monotonic(), silent=silent)


def database_refuses(target: StrikeTarget) -> Strike:
    """Every connection ends, and nobody gets another one; the server itself runs on."""
    socket = target.site.cluster.run / SOCKET_NAME
    aside = socket.with_name("aside")
    pids = [row[0] for row in target.site.ask(BACKENDS)]
    socket.rename(aside)
    try:
        for pid in pids:
            _signal(pid, signal.SIGTERM)
        silent = _silent_for(target)
    finally:
        if not socket.exists():
            aside.rename(socket)
    return Strike(time.monotonic(), silent=silent)


def disk_full(target: StrikeTarget) -> Strike:
    """Not one block is left on the disk of database, photos and tiles; sometimes the log of the
    database runs out too, which ends the server."""
    with _ballast(target.site.home / "ballast"):
        uses_up_log, end = (
            target.dice.random() < 0.5,
            time.monotonic() + 8 + target.dice.random() * 10,
        )
        while time.monotonic() < end:
            if uses_up_log:
                _use_up_log(target.site)
            time.sleep(0.5)
    return Strike(time.monotonic(), words="its log too" if uses_up_log else "")


def clock_forward(target: StrikeTarget) -> Strike:
    return _clock(target.site, 1)


def clock_back(target: StrikeTarget) -> Strike:
    return _clock(target.site, -1)


STRIKES: Mapping[Fault, Callable[[StrikeTarget], Strike]] = {
    Fault.WORKER: worker,
    Fault.WEB_PROCESS: web_process,
    Fault.WEB_MASTER: web_master,
    Fault.POSTMASTER: postmaster,
    Fault.BACKEND: backend,
    Fault.DATABASE_HANGS: database_hangs,
    Fault.DATABASE_REFUSES: database_refuses,
    Fault.DISK_FULL: disk_full,
    Fault.CLOCK_FORWARD: clock_forward,
    Fault.CLOCK_BACK: clock_back,
}


def left_out(site: Site) -> dict[Fault, str]:
    """What cannot strike on this machine, and why."""
    found = {}
    if not site.has_disk:
        found[Fault.DISK_FULL] = (
            "no file system can be mounted here (root, mkfs.ext4 and a loop device)"
        )
    if site.clock is None:
        for fault in (Fault.CLOCK_FORWARD, Fault.CLOCK_BACK):
            found[fault] = "libfaketime is not installed"
    return found


def _silent_for(target: StrikeTarget) -> int:
    """As long as the database is away, asks as a supervisor does: both questions, impatiently."""
    end, silent = time.monotonic() + target.away, 0
    while time.monotonic() < end:
        Visitor(target.site.port, WATCHER, patience=3).get("/health/ready")
        silent += Visitor(target.site.port, WATCHER, patience=5).get("/health/live").status != 200
        time.sleep(1)
    return silent


def _killed(find: Callable[[], int | None]) -> Strike:
    _wait_for(lambda: find() is not None)
    before = find()
    assert before
    os.kill(before, signal.SIGKILL)
    return Strike(time.monotonic(), lambda: find() not in (None, before))


def _clock(site: Site, days: int) -> Strike:
    site.set_clock(site.days + days)
    return Strike(time.monotonic(), words=f"now {site.days:+d}")


def _use_up_log(site: Site) -> None:
    with suppress(psycopg.Error), site.connect("postgres") as connection:
        for _ in range(40):
            connection.execute(USE_UP_LOG)


@contextmanager
def _ballast(path: Path) -> Iterator[None]:
    """A file that takes what is left, down to the last block."""
    with path.open("wb") as file:
        try:
            _fill(file.fileno())
            yield
        finally:
            path.unlink()


def _fill(descriptor: int) -> None:
    size, at = 1 << 32, 0
    while size >= SMALLEST_BLOCK:
        try:
            os.posix_fallocate(descriptor, at, size)
            at += size
        except OSError:
            size //= 2


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _wait_for(condition: Callable[[], bool], seconds: float = SUCCESSOR_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(LOOK_SECONDS)
