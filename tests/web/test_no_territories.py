"""A database without territories, before the first load: every door says so, none fails."""

from collections.abc import Iterator

import pytest
from flask import Flask

from mapservice.app import create_app
from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES
from tests.conftest import temporary_database

COORDINATION = (
    "/coordination?by=commune",
    "/coordination?by=epci&figure=silent&since=2024-01-01",
    "/coordination?by=commune&figure=last&sort=name",
    "/coordination.json?by=commune&figure=change",
    "/coordination/region/53",
)


@pytest.fixture(scope="module")
def bare(server_url: str) -> Iterator[Flask]:
    with temporary_database(server_url, "bare") as url:
        engine = make_engine(url)
        migrate(engine)
        engine.dispose()
        app = create_app(Settings(database_url=url, public_url="http://map.test"))
        yield app
        app.extensions[SERVICES].dispose()


def test_no_door_fails(bare: Flask) -> None:
    rules = [rule for rule in bare.url_map.iter_rules() if "GET" in (rule.methods or ())]
    plain = [rule.rule for rule in rules if not rule.arguments]
    assert len(plain) > 50
    client = bare.test_client()
    answers = {
        path: client.get(path, buffered=True).status_code for path in [*plain, *COORDINATION]
    }
    assert {path: status for path, status in answers.items() if status == 500} == {}
