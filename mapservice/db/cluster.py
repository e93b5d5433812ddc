"""The private PostgreSQL cluster of a checkout: made, started, shared, stopped.

Layout of `<home>/postgres` (a link, where the server's user may not enter `<home>`):

    data/         PostgreSQL's own folder, of the server's user, mode 0700
    run/          its Unix socket, mode 0700 (a folder of /tmp where the path would be too long)
    holders.lock  flock: shared by every process that uses the cluster
    keep          present after `start`: the last holder leaves the cluster running

The server listens on its Unix socket only, and `peer` lets in root and the server's own user:
there is no password to keep. PostgreSQL refuses to run as root, so root runs it as `postgres`.
Only the standard library is imported: `scripts/start` runs this before anything is installed.
"""

import argparse
import atexit
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from mapservice.db import postmaster
from mapservice.db.binaries import find_binaries
from mapservice.db.postmaster import (
    ClusterError,
    is_running,
    locked,
    place,
    postmaster_pid,
    processes,
    tell,
)
from mapservice.errors import MapserviceError

PLENTY = 16 * 2**30  # bytes of memory; a run of all tests fills some 2 GiB


class ClusterLease:
    """One process's claim on the running cluster; `release` gives it back, the last one stops it.

    Claims are shared locks, so those of a killed process end with it.
    """

    def __init__(self, home: Path, options: str = "") -> None:
        self.place = place(home)
        self._owner, self._options = os.getpid(), options
        self._lock: int | None = _lock_file(self.place.folder / "holders.lock", fcntl.LOCK_SH)
        try:
            self.revive()
        except BaseException:
            self.release()
            raise

    def revive(self) -> None:
        """Starts the server unless it runs. Raises ClusterError when it does not start."""
        with locked(self.place.folder):
            if not is_running(self.place):
                postmaster.start(self.place, self._options)

    def release(self) -> None:
        """Does nothing the second time, nor in a forked child: the lock is the parent's."""
        if self._lock is None or os.getpid() != self._owner:
            return
        lock, self._lock = self._lock, None
        try:
            if _alone(lock) and not self.place.keep.exists() and processes(self.place):
                postmaster.stop(self.place)
        finally:
            os.close(lock)


def _lock_file(path: Path, kind: int) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, kind)
    return descriptor


def _alone(lock: int) -> bool:
    """Turns the shared lock into the exclusive one, if nobody else has a share."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def running(home: Path) -> Iterator[str]:
    """The URL of the cluster, started if need be and stopped if nobody else is left to use it."""
    hold = ClusterLease(home)
    try:
        yield hold.place.url()
    finally:
        hold.release()


def ensure(home: Path) -> str:
    """Like `running`, for the rest of this process. Returns the URL."""
    hold = ClusterLease(home)
    atexit.register(hold.release)
    return hold.place.url()


# --- python -m mapservice.db.cluster ---------------------------------------------------------


def start(home: Path) -> str:
    """Starts it, to run until `stop`. Returns the URL."""
    with running(home) as address:
        place(home).keep.touch()
        return address


def stop(home: Path) -> None:
    """Stops it. Raises ClusterError while others use it."""
    at = place(home)
    lock = _lock_file(at.folder / "holders.lock", fcntl.LOCK_SH)
    try:
        at.keep.unlink(missing_ok=True)
        if not _alone(lock):
            raise ClusterError("the cluster is in use: it stops when its last user has ended")
        if is_running(at):
            postmaster.stop(at)
    finally:
        os.close(lock)


def url(home: Path) -> str:
    """The URL, whether it runs or not."""
    return place(home).url()


def status(home: Path) -> str:
    """One line for a person."""
    at = place(home)
    state = f"running, pid {postmaster_pid(at)}" if is_running(at) else "stopped"
    return f"{state}; {at.data}; {at.url()}"


def throwaway(command: Sequence[str]) -> int:
    """Runs a command with `MAPSERVICE_TEST_DATABASE_URL` of a cluster that ends with it.

    Returns the command's exit code. The data need not survive a power cut: nothing is synced.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    home = Path(tempfile.mkdtemp(prefix="mapservice-test-", dir=_scratch()))
    home.chmod(0o711)
    hold = None
    try:
        # Test workers keep many services, each with its own pool, until their last test.
        options = "-F -c synchronous_commit=off -c full_page_writes=off -c max_connections=300"
        hold = ClusterLease(home, options=options)
        address = hold.place.url()
        return _obedient(command, DATABASE_URL=address, MAPSERVICE_TEST_DATABASE_URL=address)
    finally:
        if hold:
            hold.release()
        shutil.rmtree(home)


def _scratch() -> Path:
    """In memory, where there is plenty of it: to empty tables makes hundreds of files a test, which
    takes a third of the time there."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    memory = Path("/", "dev", "shm")
    if pages * size >= PLENTY and memory.is_dir() and shutil.disk_usage(memory).free >= PLENTY / 2:
        return memory
    return Path("/", "var", "tmp")


def _obedient(command: Sequence[str], **environ: str) -> int:
    """The exit code of a child that gets the SIGINT and SIGTERM meant for us."""
    asked: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if child is not None:
            child.send_signal(number)

    for expected in (signal.SIGINT, signal.SIGTERM):
        signal.signal(expected, pass_on)
    child = subprocess.Popen(command, env=os.environ | environ, start_new_session=True)
    for number in asked:
        child.send_signal(number)
    return child.wait()


def main(words: Sequence[str] | None = None) -> int:
    """Returns 0, the code of the command run, or 1 after telling what is wrong."""
    parser = argparse.ArgumentParser(prog="mapservice.db.cluster", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("verb", choices=["check", "start", "stop", "status", "url", "throwaway"])
    parser.add_argument("command", nargs="*", help="after --, for throwaway")
    parser.add_argument("--home", type=Path, default=Path("var"))
    asked = parser.parse_args(words)
    try:
        if asked.verb == "throwaway":
            return throwaway(asked.command)
        if asked.verb == "stop":
            stop(asked.home)
        elif asked.verb == "check":
            found = find_binaries()
            print(f"PostgreSQL {found.major} with PostGIS {found.postgis} in {found.folder}")
        else:
            print({"start": start, "status": status, "url": url}[asked.verb](asked.home))
    except MapserviceError as error:
        tell(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
