"""Initiatives of every kind, some hundreds, and a service that makes reports of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.app import create_app
from mapservice.publishing.reports.model import ReportView, TerritoryReport
from mapservice.publishing.reports.queries import read
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.web.population import Made, fill, population

BASE = "http://map.test"
SITE = "Initiatives d’ici"
HOSTILE = "</script><script>document.title='pris'</script><b>Gras</b> #let =1+1"
# Places of few people, so that rates differ, and a title that is no title.
RURAL = (
    Made(id="0" * 31 + "1", title=HOSTILE, commune="35051", supporters=900),
    Made(title="Lavoir", commune="35003", theme="habitat", supporters=3),
    Made(title="Four à pain", commune="35003", theme="culture", supporters=2),
    Made(title="Verger", commune="35003", theme="culture", supporters=1),
    Made(title="Haies", commune="35003", theme="environnement"),
)

Reading = Callable[[str], TerritoryReport]


@pytest.fixture(scope="module")
def initiatives(shared_engine: Engine) -> None:
    """Half of them in the compacted base, half in the deltas; drafts and refused ones too."""
    fill(shared_engine, [*RURAL, *population(400)])


@pytest.fixture
def snapshot(shared_engine: Engine, initiatives: None) -> Iterator[Connection]:
    engine = shared_engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def reading(snapshot: Connection) -> Reading:
    return lambda query: read(snapshot, ReportView.of_query(query), BASE, SITE)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def reporting_app(database_url: str, home: Path) -> Iterator[Flask]:
    settings = Settings(database_url=database_url, public_url=BASE, home=home, site_name=SITE)
    app = create_app(settings)
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def orders(shared_engine: Engine, reporting_app: Flask, initiatives: None) -> FlaskClient:
    """A client, before anybody ordered anything."""
    with shared_engine.begin() as connection:
        connection.execute(text("TRUNCATE export; DELETE FROM procrastinate_jobs"))
    return reporting_app.test_client()
