"""A standby of a private cluster, made by pg_basebackup as an operator would."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from mapservice.db import postmaster
from mapservice.db.binaries import find_binaries
from mapservice.db.postmaster import ClusterPaths, place

REPLICATION = "local replication all peer map=checkout\n"


def as_superuser(at: ClusterPaths, statement: str) -> list[tuple[object, ...]]:
    url = f"postgresql:///postgres?host={at.run}&user={postmaster.SUPERUSER}"
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(statement)
        return found.fetchall() if found.description else []


@contextmanager
def standby_of(primary: ClusterPaths) -> Iterator[ClusterPaths]:
    """Streams from the primary while it lasts; both run on sockets of their own."""
    access = primary.data / "pg_hba.conf"
    if REPLICATION not in access.read_text():
        access.write_text(access.read_text() + REPLICATION)
    as_superuser(primary, "SELECT pg_reload_conf()")
    home = Path(tempfile.mkdtemp(prefix="mapservice-test-", dir="/var/tmp"))
    home.chmod(0o711)
    at = place(home)
    copy: list[str | Path] = [find_binaries().folder / "pg_basebackup", "-D", at.data, "-R"]
    copy += ["-h", primary.run, "-U", postmaster.SUPERUSER, "--checkpoint=fast"]
    try:
        postmaster._give_to_server(at.data)
        postmaster._must(copy, "pg_basebackup failed")
        postmaster.start(at, "-F")
        yield at
    finally:
        if at.data.exists() and postmaster.is_running(at):
            postmaster.stop(at)
        shutil.rmtree(home)


def promote(at: ClusterPaths) -> None:
    command: list[str | Path] = [find_binaries().folder / "pg_ctl", "promote", "-w", "-D", at.data]
    postmaster._must(command, "the standby is not promoted")


def url_of_both(first: ClusterPaths, second: ClusterPaths) -> str:
    return f"postgresql:///{postmaster.ROLE}?host={first.run},{second.run}&user={postmaster.ROLE}"
