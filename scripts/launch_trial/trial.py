"""The service as an operator runs it, nginx before it, a database of its own: cold, then loaded."""

import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from mapservice.db import cluster
from mapservice.errors import ConfigurationError
from mapservice.settings import Settings
from scripts.benchmarks.database import database
from scripts.benchmarks.places import Place, populated
from scripts.benchmarks.server import free_port, running, started
from scripts.launch_trial import front, processes, report
from scripts.launch_trial.keepalive import KeptConnections
from scripts.launch_trial.options import PLACES, Options
from scripts.launch_trial.visitors import Crowd
from scripts.launch_trial.writers import Writes

NAME = "launch_trial"
LISTEN_SECONDS = 20.0
SAMPLE_SECONDS = 1.0
CODES = "SELECT name, coalesce(postcodes[1], ''), code FROM territory WHERE level = 'commune'"


@dataclass(frozen=True, slots=True)
class Site:
    """What runs: where nginx listens and writes, and the first process of each part."""

    port: int
    folder: Path
    roots: dict[str, int]
    url: str


def run(options: Options) -> bool:
    """Whether every answer came, and soon enough."""
    settings = Settings.from_env()
    front.program()
    if settings.database_url:
        return _run(settings.database_url, options)
    with cluster.running(settings.home) as server:
        return _run(server, options)


def _run(server: str, options: Options) -> bool:
    with copied(server, options) as url, serving(url) as site:
        places = populated(url, PLACES)
        crowd = Crowd(
            KeptConnections(front.HOST, site.port), places, codes_of(url, places), options.seed
        )
        writes = Writes(site.port, url, crowd.codes, options.writes)
        samples: list[processes.CpuSample] = []
        ended = threading.Event()

        def watch() -> None:
            while True:
                samples.append(processes.sample(site.roots))
                if ended.wait(SAMPLE_SECONDS):
                    break
            samples.append(processes.sample(site.roots))

        watching = threading.Thread(target=watch)
        since = time.monotonic()
        watching.start()
        writes.start()
        try:
            asyncio.run(crowd.open_maps(options.opens, options.minutes * 60))
        finally:
            took = time.monotonic() - since
            writes.stop()
            ended.set()
            watching.join()
        found = report.Findings(
            options,
            took,
            crowd.told,
            writes,
            samples,
            front.tile_cache(site.folder),
            front.failures(site.folder),
        )
        report.show(found)
        return not report.problems(found)


@contextmanager
def copied(server: str, options: Options) -> Iterator[str]:
    """A copy that the trial may write to; gone afterwards."""
    template = options.template or make_url(database(server, options.count)).database or ""
    names = {"name": sql.Identifier(NAME), "template": sql.Identifier(template)}
    drop = sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(**names)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        url = make_url(server).set(database=NAME).render_as_string(hide_password=False)
        try:
            yield url
        finally:
            connection.execute(drop)


@contextmanager
def serving(url: str) -> Iterator[Site]:
    with ExitStack() as stack:
        made = stack.enter_context(tempfile.TemporaryDirectory(prefix="mapservice-launch-"))
        folder = Path(made)
        home = folder / "home"
        home.mkdir()
        port, app_port = free_port(), free_port()
        environ = {
            "MAPSERVICE_DATABASE_URL": url,
            "MAPSERVICE_HOME": str(home),
            "MAPSERVICE_SECRET_KEY": "for-the-loopback-alone-0123456789",
            "MAPSERVICE_TRUSTED_PROXIES": "loopback",
            "MAPSERVICE_REQUEST_LOG": "off",  # nginx writes one
            "HOST": front.HOST,
            "PORT": str(app_port),
        }
        command = [str(Path(sys.executable).with_name("mapservice")), "serve"]
        service = stack.enter_context(
            running("service", command, app_port, "/health/ready", environ, home)
        )
        path = front.configured(folder, port, app_port)
        directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
        words = [front.program(), "-c", str(path), "-g", directives]
        before = stack.enter_context(started(words, {}, folder / "nginx.log"))
        _wait_for(port)
        with psycopg.connect(url) as connection:
            postmaster = processes.parent(connection.info.backend_pid)
        roots = processes.parts_of_service(service.pid)
        roots |= {"nginx": before.pid, "PostgreSQL": postmaster}
        yield Site(port, folder, roots, url)


def _wait_for(port: int) -> None:
    async def reach() -> None:
        _, writer = await asyncio.open_connection(front.HOST, port)
        writer.close()

    patience = time.monotonic() + LISTEN_SECONDS
    while True:
        try:
            return asyncio.run(reach())
        except OSError:
            if time.monotonic() > patience:
                raise ConfigurationError("nginx does not listen") from None
            time.sleep(0.1)


def codes_of(url: str, places: Sequence[Place]) -> list[str]:
    """The INSEE codes of the places, in their order."""
    with psycopg.connect(url) as connection:
        known = {(name, postcode): code for name, postcode, code in connection.execute(CODES)}
    return [known[(place.name, place.postcode)] for place in places]
