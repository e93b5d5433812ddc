"""Initiatives of every kind, a service with a home of its own, and what SQL says of a filter."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.app import create_app
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.queries import find_page
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.web.population import Kept, fill, kept, population

COUNT = 300
BASE = "http://map.test"


@pytest.fixture(scope="module")
def initiatives(shared_engine: Engine) -> list[Kept]:
    """Those in the database, drafts and refused ones among them."""
    fill(shared_engine, population(COUNT))
    with shared_engine.connect() as connection:
        return kept(connection)


@pytest.fixture
def reader(shared_engine: Engine, initiatives: list[Kept]) -> Iterator[Connection]:
    """One snapshot of these initiatives."""
    with shared_engine.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def exporting_app(database_url: str, home: Path) -> Iterator[Flask]:
    app = create_app(Settings(database_url=database_url, public_url=BASE, home=home))
    yield app
    services: Services = app.extensions[SERVICES]
    services.engine.dispose()


@pytest.fixture
def orders(shared_engine: Engine, exporting_app: Flask, initiatives: list[Kept]) -> FlaskClient:
    """A client of the service over these initiatives, before anybody ordered anything."""
    with shared_engine.begin() as connection:
        connection.execute(text("TRUNCATE export; DELETE FROM procrastinate_jobs"))
    return exporting_app.test_client()


@pytest.fixture
def ids_by_sql(reader: Connection) -> Callable[[InitiativeFilters], list[str]]:
    """Ids that a filter means, in its order, as the list shows them."""
    return lambda filters: [str(one.id) for one in find_page(reader, filters, 10_000).items]
