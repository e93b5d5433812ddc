"""Where this service is reached on this machine, for links written outside of a request.

`mapservice serve` keeps a file under `<home>/served` locked for as long as it lives: a file that
can be locked belongs to a process that has ended.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = "served"


@dataclass(slots=True)
class ServedRecord:
    """The file of a process that serves, and what else it lets others of its machine know."""

    descriptor: int
    facts: dict[str, Any] = field(default_factory=dict)

    def tell(self, **facts: Any) -> None:
        self.facts |= facts
        written = json.dumps(self.facts).encode()
        os.pwrite(self.descriptor, written, 0)
        os.ftruncate(self.descriptor, len(written))


def key_mark(key: str) -> str:
    """By which two can tell whether they have the same key, and nothing else."""
    return hashlib.pbkdf2_hmac("sha256", key.strip().encode(), b"mark of the key", 20_000).hex()[
        :16
    ]


@contextlib.contextmanager
def recorded(home: Path, address: str, database_urls: Iterable[str]) -> Iterator[ServedRecord]:
    """Records, while it lasts, that this process serves a database at `address`.

    The database has several URLs: that of the settings (empty: the private cluster), and its own.
    """
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}.json"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        record = ServedRecord(descriptor)
        record.tell(
            started=time.time_ns(),
            address=address,
            databases=[_digest(url) for url in database_urls],
        )
        yield record
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def address_of(home: Path, database_url: str) -> str | None:
    """The address where that database is served, if any; of several the latest start counts."""
    for _pid, facts in served(home, database_url):
        return str(facts["address"])
    return None


def served(home: Path, database_url: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The processes that serve that database, the latest start first, and what they tell."""
    files: list[Path] = []
    with contextlib.suppress(OSError):
        files = sorted((home / FOLDER).glob("*.json"), key=_birth, reverse=True)
    for path in files:
        facts = _read_living(path)
        if _digest(database_url) in facts.get("databases", ()):
            yield int(path.stem), facts


def _birth(path: Path) -> int:
    """Of its process: what it tells later makes its file newer, and its start no later."""
    facts = _read_living(path)
    return int(facts.get("started") or path.stat().st_mtime_ns)


def _digest(database_url: str) -> str:
    """A URL may hold a password."""
    return hashlib.sha256(database_url.encode()).hexdigest()


def _read_living(path: Path) -> dict[str, Any]:
    """What is in the file; nothing where its process has ended."""
    with contextlib.suppress(FileNotFoundError), path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            with contextlib.suppress(ValueError):  # it is being written
                found = json.load(file)
                return found if isinstance(found, dict) else {}
    return {}
