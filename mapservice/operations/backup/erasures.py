"""Whoever is erased is erased in backups too: not by changing these, but by telling them.

Each backup has a file of keyed digests, one for each person erased up to now. It is written anew
right after an erasure, by the worker each minute for what was out of reach, and whole each time, so
that nothing depends on the order of writers. A restore erases again whoever it names.
"""

import os
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, text

from mapservice.errors import SourceError
from mapservice.operations.backup import queries
from mapservice.operations.backup.model import (
    ERASURES,
    MANIFEST,
    erasure_digest,
    read_erasures,
    write_erasures,
)

log = structlog.get_logger()

# Two that write at once would undo one another's: each reads the database when it is its turn.
TURN = "SELECT pg_advisory_xact_lock(hashtext('erasures'), 1)"


def tell_backups(engine: Engine) -> int:
    """Writes what their files of erasures lack; returns how many backups could not be reached.

    One that is not there may be on a disk that is not: `prune` and `forget` alone end that.
    """
    unreached = 0
    with engine.begin() as connection:
        backups = queries.known(connection)
        if not backups:
            return 0
        connection.execute(text(TURN))
        people = queries.erased_people(connection)
        for one in backups:
            if not (one.folder / MANIFEST).is_file():
                unreached += 1
                continue
            digests = {erasure_digest(one.erasure_key, person) for person in people}
            try:
                add_erasures(one.folder, digests)
            except (OSError, SourceError) as error:
                unreached += 1
                log.error("erasure_not_in_backup", folder=str(one.folder), error=str(error))
    return unreached


def tell_one(connection: Connection, folder: Path, key: bytes) -> None:
    """Writes the file of a backup that is being made."""
    digests = {erasure_digest(key, person) for person in queries.erased_people(connection)}
    add_erasures(folder, digests)


def add_erasures(folder: Path, digests: set[str]) -> None:
    """The file is there whole, with these digests and all that it had before."""
    path = folder / ERASURES
    former = read_erasures(path.read_text(encoding="ascii")) if path.exists() else None
    if former is not None and digests <= former:
        return
    draft = folder / f".{ERASURES}.draft"
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(number, "w", encoding="ascii") as file:
        file.write(write_erasures(digests | (former or set())))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    settle(folder)


def settle(folder: Path) -> None:
    """A name in a folder is safe once the folder is written too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
