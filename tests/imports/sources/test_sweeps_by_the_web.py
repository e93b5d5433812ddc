"""`/importer`: administrators see the sources that live, and decide what waits."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.geocoding.service import Locator
from mapservice.imports.sources import service
from mapservice.imports.sources.harvest import SourceFetcher
from mapservice.imports.sources.model import LivingSource
from mapservice.outgoing.guarded_client import GuardedClient
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.roles.cast import BRETAGNE, Actor, actor
from tests.outgoing.stand_in import StandIn, standing_in


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def app(database_url: str, home: Path, engine: Engine) -> Iterator[Flask]:
    settings = Settings(database_url=database_url, public_url="http://map.test", home=home)
    app = create_app(settings)
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def source() -> Iterator[StandIn]:
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def fetcher(source: StandIn) -> SourceFetcher:
    return SourceFetcher(GuardedClient(frozenset({source.netloc})), {}, lambda seconds: None)


@pytest.fixture
def admin(app: Flask, engine: Engine) -> Actor:
    return actor(app, engine, "admin", ("admin", ""))


@pytest.fixture
def waiting(
    engine: Engine, source: StandIn, fetcher: SourceFetcher, locator: Locator, home: Path
) -> int:
    """The number of a run that waits, as three of ten places are gone."""
    place = {"addressLocality": "Niort", "postalCode": "79000"}
    made = [{"id": f"c{one}", "name": f"Lieu {one}", "address": place} for one in range(10)]

    def give(count: int) -> None:
        body = json.dumps({"data": made[:count]}).encode()
        source.routes["/api/elements.json"] = lambda handler: handler.give(body)

    said = LivingSource(
        "carto", "gogocarto", f"{source.base}/", "ODbL 1.0", "Le réseau", trusted=True
    )
    service.add(engine, said, frozenset({source.netloc}))
    give(10)
    service.sweep(engine, home, lambda _: locator, fetcher, "carto")
    give(7)
    return service.sweep(engine, home, lambda _: locator, fetcher, "carto").run


def archived(engine: Engine) -> int:
    with engine.connect() as connection:
        counted = text("SELECT count(*) FROM initiative WHERE status = 'archived'")
        return int(connection.execute(counted).scalar_one())


def state(engine: Engine, run: int) -> str:
    with engine.connect() as connection:
        found = text("SELECT state FROM import_run WHERE id = :run")
        return str(connection.execute(found, {"run": run}).scalar_one())


def test_an_administrator_applies_what_waits(
    admin: Actor,
    engine: Engine,
    waiting: int,
    fetcher: SourceFetcher,
    locator: Locator,
    home: Path,
) -> None:
    page = admin.get("/importer").text
    assert "3 des 10 initiatives publiques" in page
    assert "Lieu 7" in page
    assert "attend votre décision" in page
    assert archived(engine) == 0
    response = admin.post("/importer/sources", run=str(waiting), accept="1")
    assert (response.status_code, response.location) == (303, "/importer")
    assert "Acceptée" in admin.get("/importer").text
    assert admin.post("/importer/sources", run=str(waiting), accept="1").status_code == 409
    assert service.sweep_next(engine, home, lambda _: locator, fetcher, datetime.now(UTC))
    assert (archived(engine), state(engine, waiting)) == (3, "done")
    assert "3 des 10" not in admin.get("/importer").text


def test_an_administrator_gives_up_what_waits(
    admin: Actor, engine: Engine, waiting: int, home: Path
) -> None:
    assert admin.post("/importer/sources", run=str(waiting), drop="1").status_code == 303
    assert (archived(engine), state(engine, waiting)) == (0, "dropped")
    assert list((home / "sources").iterdir()) == []


def test_nobody_else_sees_or_decides(app: Flask, engine: Engine, waiting: int) -> None:
    coordinator = actor(app, engine, "coordinator", ("coordinator", BRETAGNE))
    assert "Sources suivies" not in coordinator.get("/importer").text
    answer = coordinator.post("/importer/sources", run=str(waiting), accept="1")
    assert answer.status_code == 404
    assert state(engine, waiting) == "waits"


@pytest.mark.parametrize("run", ["", "0", "x", "-1", "9" * 40, "²"])
def test_no_such_run_is_not_found(admin: Actor, run: str) -> None:
    assert admin.post("/importer/sources", run=run, accept="1").status_code == 404


def test_the_page_of_an_initiative_names_whom_its_source_asks_for(
    app: Flask, engine: Engine, waiting: int
) -> None:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT id FROM initiative LIMIT 1")).scalar_one()
    page = app.test_client().get(f"/initiatives/{found}").text
    assert "Le réseau" in page
    assert "ODbL 1.0" in page


def test_licence_and_attribution_leave_with_every_feature(app: Flask, waiting: int) -> None:
    client = app.test_client()
    for address in (
        "/initiatives.geojson",
        "/initiatives.geojson?q=Lieu",
        "/ogc/collections/initiatives/items?f=json&limit=100",
        "/ogc/collections/initiatives/items?f=json&limit=100&bbox=-5,41,10,52",
        "/ogc/collections/initiatives/items?f=json&limit=100&filter=attribution%20LIKE%20%27Le%25%27",
    ):
        found = client.get(address).get_json()["features"]
        assert len(found) == 10, address
        for one in found:
            told = {name: one["properties"][name] for name in ("source", "licence", "attribution")}
            assert told == {
                "source": "carto",
                "licence": "ODbL 1.0",
                "attribution": "Le réseau (ODbL 1.0)",
            }, address
    table = list(csv.DictReader(io.StringIO(client.get("/initiatives.csv", buffered=True).text)))
    assert {row["attribution"] for row in table} == {"Le réseau (ODbL 1.0)"}
    assert len(table) == 10
