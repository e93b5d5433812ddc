"""Tiles and items a second from one node, and with one and two standbys that read, in one run.

All nodes stand on one machine here, so that its cores are shared: the table says what a standby
costs or brings on such a machine, and which part of the reads it took over from the primary. How
much two machines answer more than one is for two machines to say.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

import psycopg

from mapservice.db.binaries import find_binaries
from mapservice.errors import ConfigurationError
from scripts.benchmarks import items, tiles
from scripts.benchmarks.load import load
from scripts.benchmarks.places import populated
from scripts.benchmarks.server import HOST, Server, free_port, running

PLACES, LIMIT = 100, 100
CATCH_UP_SECONDS = 120
KINDS = ("z14", "z12", "items")
ANSWERED = """
SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"""
WRITTEN = "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint"
REPLAYED = "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint"


@dataclass(slots=True)
class Asked:
    """Of one arrangement and kind: answers a second, round by round, failures, and the standbys'
    share of the transactions."""

    per_second: list[float] = field(default_factory=list)
    failed: int = 0
    by_standbys: list[float] = field(default_factory=list)


def copy(source: str, url: str) -> None:
    """All that the database at `source` has, as the page on backups copies it."""
    programs = find_binaries().folder
    dump = [programs / "pg_dump", "-Fc", "--extension=unaccent", "--extension=pg_trgm"]
    dump += ["--exclude-table=spatial_ref_sys", f"--dbname={source}"]
    restore = [programs / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url}"]
    with subprocess.Popen(dump, stdout=subprocess.PIPE) as dumping:
        subprocess.run(restore, stdin=dumping.stdout, env=_unwaiting(), check=True)
    if dumping.returncode:
        raise ConfigurationError("pg_dump failed")


def _unwaiting() -> dict[str, str]:
    """What fills it need not wait for the standbys: they are waited for at the end."""
    return os.environ | {"PGOPTIONS": "-c synchronous_commit=off"}


def fill(url: str, count: int) -> None:
    """Schema, territories and made-up initiatives, as an operator's commands make them."""
    for words in (
        ["db", "migrate"],
        ["territories", "load", "--if-needed"],
        ["initiatives", "generate", "--count", str(count)],
    ):
        code = "from mapservice.cli.main import main; main()"
        environ = _unwaiting() | {"MAPSERVICE_DATABASE_URL": url}
        subprocess.run([sys.executable, "-c", code, *words], env=environ, check=True)


def measure(
    primary: str,
    standbys: Sequence[str],
    seconds: int,
    rounds: int,
    tell: Callable[[str], None],
) -> list[str]:
    """What went wrong. `primary` and `standbys` are URLs of one server each."""
    _wait_until_replayed(primary, standbys)
    paths = _paths(primary)
    asked = {(count, kind): Asked() for kind in KINDS for count in range(len(standbys) + 1)}
    for _ in range(rounds):
        for count in range(len(standbys) + 1):
            with _service(primary, standbys[:count]) as server:
                for kind in KINDS:
                    one, before = asked[count, kind], _answered(primary, standbys)
                    found = load(server.url, paths[kind], seconds)
                    time.sleep(1.5)  # the servers' own counters are told once a second at most
                    after = _answered(primary, standbys)
                    done = [b - a for a, b in zip(before, after, strict=True)]
                    one.per_second.append(found.per_second)
                    one.by_standbys.append(sum(done[1:]) / max(sum(done), 1))
                    one.failed += found.failed
    beside = "".join(
        f" | + {number} standby{'s' * (number > 1)}" for number in range(1, len(standbys) + 1)
    )
    tell(f"| a second | node{beside} |")
    tell("|---|" + "---:|" * (len(standbys) + 1))
    for kind in KINDS:
        row = [_told(asked[count, kind]) for count in range(len(standbys) + 1)]
        tell(f"| {kind} | " + " | ".join(row) + " |")
    return [
        f"{one.failed} answers of {kind} with {count} standbys failed"
        for (count, kind), one in asked.items()
        if one.failed
    ]


def _told(one: Asked) -> str:
    rounds = " / ".join(f"{rate:.0f}" for rate in one.per_second)
    share = sum(one.by_standbys) / len(one.by_standbys)
    return f"{rounds} ({share:.0%} by standbys)"


def _paths(url: str) -> Mapping[str, Sequence[str]]:
    places = populated(url, PLACES)
    found = {f"z{z}": [tiles.path(one) for one in tiles.tiles(places, z)] for z in (14, 12)}
    return found | {"items": [items.path(items.OGC, place, LIMIT) for place in places]}


def _answered(primary: str, standbys: Sequence[str]) -> list[int]:
    return [_number(url, ANSWERED) for url in (primary, *standbys)]


def _number(url: str, statement: LiteralString) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        return int(row[0] or 0) if row else 0


def _wait_until_replayed(primary: str, standbys: Sequence[str]) -> None:
    patience, written = time.monotonic() + CATCH_UP_SECONDS, _number(primary, WRITTEN)
    while any(_number(url, REPLAYED) < written for url in standbys):
        if time.monotonic() > patience:
            raise ConfigurationError("the standbys do not catch up")
        time.sleep(0.5)


@contextmanager
def _service(primary: str, standbys: Sequence[str]) -> Iterator[Server]:
    """Every tile made anew. Several standbys are one URL of several hosts."""
    with tempfile.TemporaryDirectory(prefix="mapservice-throughput-") as made:
        port = free_port()
        environ = {
            "MAPSERVICE_DATABASE_URL": primary,
            "MAPSERVICE_REPLICA_URL": _joined(standbys),
            "MAPSERVICE_TILE_CACHE_BYTES": "0",
            "MAPSERVICE_REQUEST_LOG": "off",
            "MAPSERVICE_SECRET_KEY": "bench",
            "MAPSERVICE_HOME": made,
            "HOST": HOST,
            "PORT": str(port),
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "python:mapservice.gunicorn_conf"]
        with running("ours", command, port, "/health/ready", environ, Path(made)) as server:
            yield server


def _joined(urls: Sequence[str]) -> str:
    if not urls:
        return ""
    before, _, rest = urls[0].partition("@")
    hosts = ",".join(url.partition("@")[2].partition("/")[0] for url in urls)
    return f"{before}@{hosts}/{rest.partition('/')[2]}"
