"""What every work is given: the database, a folder for logs, and what was asked for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mapservice.db import cluster
from mapservice.settings import Settings
from scripts.benchmarks.database import database
from scripts.benchmarks.options import Options


@dataclass(frozen=True, slots=True)
class Bench:
    """`url` is the database of `options.count` initiatives; `server` finds those of other sizes."""

    url: str
    server: str
    home: Path
    options: Options

    @property
    def seconds(self) -> int:
        return self.options.seconds


@contextmanager
def prepared(options: Options) -> Iterator[Bench]:
    """Holds the database server while it is measured."""
    settings = Settings.from_env(os.environ)
    home = settings.home / "bench"
    home.mkdir(parents=True, exist_ok=True)
    if settings.database_url:
        yield _bench(settings.database_url, home, options)
        return
    with cluster.running(settings.home) as server:
        yield _bench(server, home, options)


def _bench(server: str, home: Path, options: Options) -> Bench:
    return Bench(database(server, options.count), server, home, options)
