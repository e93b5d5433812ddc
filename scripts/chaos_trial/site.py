"""The service under trial, as an operator runs it: `mapservice serve` with a home of its own.

The home lies on a small file system where this machine lets us mount one, so that its disk can be
full without ours being so. The clock of the service's processes is libfaketime's, where that is.
"""

import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg

from mapservice.db.binaries import find_binaries
from mapservice.db.cluster import ClusterLease
from mapservice.db.postmaster import ClusterPaths, Command, place, postmaster_pid, processes
from scripts.chaos_trial.options import ROOT
from scripts.chaos_trial.visitor import Visitor

PROGRAMS = Path(sysconfig.get_path("scripts"))
START_SECONDS = 400.0  # the first start loads all territories
STOP_SECONDS = 60
DISK_BYTES = 6_000_000_000
UNSET = ("DATABASE_URL", "SECRET_KEY", "HOST", "PORT", "LOG_LEVEL", "FAKETIME")
# What a page of each kind needs: the database, the rollups, the cache of tiles.
PAGES = (
    "/health/ready",
    "/",
    "/initiatives",
    "/tiles/initiatives/5/15/11.pbf",
    "/activity/region.json",
)
LOOK_SECONDS = 0.1
WATCHER = "10.255.0.1"  # whose network the trial's own questions come from


class NotStarted(Exception):
    """The service did not start; its log's end is the message."""


@dataclass
class Site:
    """A service that runs. `days` is how far its clock is off; `has_disk`: one of its own."""

    process: "subprocess.Popen[bytes]"
    home: Path
    port: int
    log: Path
    environ: dict[str, str]
    has_disk: bool
    clock: Path | None
    days: int = 0
    watcher: Visitor = field(init=False)

    def __post_init__(self) -> None:
        self.watcher = Visitor(self.port, WATCHER, patience=10)

    @cached_property
    def cluster(self) -> ClusterPaths:
        return place(self.home)

    def connect(self, role: str = "mapservice") -> psycopg.Connection[Any]:
        url = self.cluster.url(role=role)
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def ask(self, statement: str, *bound: object) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(statement.encode(), bound).fetchall()

    # --- processes ----------------------------------------------------------------------------

    def worker(self) -> int | None:
        return self._child(lambda words: words[-1] == "worker")

    def web_master(self) -> int | None:
        return self._child(lambda words: any(Path(word).name == "gunicorn" for word in words))

    def web_processes(self) -> list[int]:
        master = self.web_master()
        return children(master) if master else []

    def postmaster(self) -> int | None:
        pid = postmaster_pid(self.cluster)
        return pid if pid in processes(self.cluster) else None

    def _child(self, fits: Callable[[list[str]], bool]) -> int | None:
        for pid in children(self.process.pid):
            words = command_of(pid)
            if words and fits(words):
                return pid
        return None

    # --- clock --------------------------------------------------------------------------------

    def set_clock(self, days: int) -> None:
        """Of all its processes, within a second. PostgreSQL keeps the machine's."""
        assert self.clock, "libfaketime is there"
        draft = self.clock.with_suffix(".new")
        draft.write_text(f"{days:+d}d\n")
        draft.replace(self.clock)
        self.days = days

    # --- answers ------------------------------------------------------------------------------

    def answers(self) -> bool:
        return all(self.watcher.get(path).status in (200, 204) for path in PAGES)


def children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def command_of(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    return []


def libfaketime() -> Path | None:
    """The library for programs of several threads, as Debian and Fedora install it."""
    for folder in ("/usr/lib/*/faketime", "/usr/lib64/faketime", "/usr/lib/faketime"):
        for found in sorted(Path("/").glob(f"{folder.lstrip('/')}/libfaketimeMT.so.1")):
            return found
    return None


@contextmanager
def serving(smtp_url: str, folder: Path, territories: str) -> Iterator[Site]:
    """Logs go into `folder`; all else is gone afterwards. `territories`: the URL of a database of
    this version that has them, or ""."""
    with ExitStack() as stack:
        work = Path(tempfile.mkdtemp(prefix="mapservice-chaos-", dir="/var/tmp"))
        work.chmod(0o711)  # the server's user must enter it
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        home = work / "home"
        home.mkdir(mode=0o711)
        has_disk = _mount(work / "disk", home)
        if has_disk:
            stack.callback(_unmount, home)
            home.chmod(0o711)
        (home / "cache").mkdir()
        for wheel in (ROOT / "var" / "cache").glob("*.whl"):
            shutil.copy(wheel, home / "cache")
        if territories:
            _copy(territories, home)
        library = libfaketime()
        clock = work / "clock" if library else None
        if clock:
            clock.write_text("+0d\n")
        port = free_port()
        environ = _environ(home, port, smtp_url) | _faked(library, clock)
        log = folder / "serve.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [PROGRAMS / "mapservice", "serve"],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        stack.callback(_end, process, home)
        site = Site(process, home, port, log, environ, has_disk, clock)
        _wait_until_serving(site)
        yield site


def _copy(source: str, home: Path) -> None:
    """All of a database, into a new cluster of this home, which is stopped afterwards."""
    hold = ClusterLease(home)
    try:
        programs = find_binaries().folder
        ours = ["--extension=unaccent", "--extension=pg_trgm", "--exclude-table=spatial_ref_sys"]
        dump: Command = [programs / "pg_dump", "-Fc", "-Z0", *ours, "-d", source]
        restore: Command = [programs / "pg_restore", "--no-owner", "-e", "-d", hold.place.url()]
        with subprocess.Popen(dump, stdout=subprocess.PIPE) as reading:
            subprocess.run(restore, stdin=reading.stdout, check=True)
        if reading.returncode:
            raise NotStarted(f"the territories could not be copied: code {reading.returncode}")
    finally:
        hold.release()


def _environ(home: Path, port: int, smtp_url: str) -> dict[str, str]:
    kept = {
        name: word
        for name, word in os.environ.items()
        if not name.startswith(("MAPSERVICE_", "PG")) and name not in UNSET
    }
    return kept | {
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "MAPSERVICE_HOME": str(home),
        "MAPSERVICE_SMTP_URL": smtp_url,
        "MAPSERVICE_MODERATION": "post",
        # Writers are people of many networks behind one proxy.
        "MAPSERVICE_TRUSTED_PROXIES": "loopback",
    }


def _faked(library: Path | None, clock: Path | None) -> dict[str, str]:
    """A clock that is set moves the wall's time alone: not the monotonic one, nor that of files.

    Without memory that processes share: one killed while it holds its lock would stop the others,
    which no clock does.
    """
    if library is None or clock is None:
        return {}
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DISABLE_SHM": "1",
        "NO_FAKE_STAT": "1",
    }


def _mount(image: Path, home: Path) -> bool:
    """A file system of its own, in a file; False where we may not."""
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    commands = (
        ["mkfs.ext4", "-q", "-F", "-m", "0", str(image)],
        ["mount", "-o", "loop", str(image), str(home)],
    )
    for command in commands:
        program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if os.geteuid() != 0 or program is None:
            return False
        if subprocess.run([program, *command[1:]], capture_output=True, check=False).returncode:
            return False
    return True


def _unmount(home: Path) -> None:
    subprocess.run(["umount", "-l", str(home)], check=False)


def _end(process: "subprocess.Popen[bytes]", home: Path) -> None:
    """Kindly, as an operator would; then whatever is left of it."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pid in processes(place(home)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _wait_until_serving(site: Site) -> None:
    patience = time.monotonic() + START_SECONDS
    while "Serving on" not in site.log.read_text(errors="replace"):
        if site.process.poll() is not None or time.monotonic() > patience:
            raise NotStarted(site.log.read_text(errors="replace")[-3000:])
        time.sleep(0.2)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
