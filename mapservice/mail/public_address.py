"""Where this service is reached on this machine, for links written outside of a request.

`mapservice serve` keeps a file under `<home>/served` locked for as long as it lives: a file that
can be locked belongs to a process that has ended.
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

FOLDER = "served"


@contextlib.contextmanager
def recorded(home: Path, address: str, database_urls: Iterable[str]) -> Iterator[None]:
    """Records, while it lasts, that this process serves a database at `address`.

    The database has several URLs: that of the settings (empty: the private cluster), and its own.
    """
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}.json"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.ftruncate(descriptor, 0)
        told = {"address": address, "databases": [_digest(url) for url in database_urls]}
        os.write(descriptor, json.dumps(told).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def address_of(home: Path, database_url: str) -> str | None:
    """The address where that database is served, if any; of several the latest start counts."""
    with contextlib.suppress(OSError):
        files = sorted((home / FOLDER).glob("*.json"), key=lambda path: -path.stat().st_mtime)
        for path in files:
            address, databases = _read_living(path)
            if _digest(database_url) in databases:
                return address
    return None


def _digest(database_url: str) -> str:
    """A URL may hold a password."""
    return hashlib.sha256(database_url.encode()).hexdigest()


def _read_living(path: Path) -> tuple[str, list[str]]:
    """The address and databases in the file; none where its process has ended."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            with contextlib.suppress(ValueError, KeyError):
                found = json.load(file)
                return found["address"], found["databases"]
    return "", []
