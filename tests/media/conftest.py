"""The service with a store of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.media.storage import FolderStore
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.conftest import REVIEW_KEY

MakeApp = Callable[..., Flask]


@pytest.fixture(scope="session")
def media_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture
def store(media_folder: Path) -> FolderStore:
    return FolderStore(media_folder)


@pytest.fixture(scope="session")
def make_app(database_url: str, media_folder: Path) -> Iterator[MakeApp]:
    """Further settings may be given by their names."""
    made: list[Flask] = []

    def make(**more: Any) -> Flask:
        settings = Settings(
            database_url=database_url,
            public_url="http://map.test",
            review_key=REVIEW_KEY,
            home=media_folder / "home",
            secret_key="so that two applications know one another's keys",
            **{"media": str(media_folder), "max_photo_bytes": 3_000_000, **more},
        )
        made.append(create_app(settings))
        return made[-1]

    yield make
    for app in made:
        services: Services = app.extensions[SERVICES]
        services.dispose()


@pytest.fixture(scope="session")
def app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask, engine: Engine) -> FlaskClient:
    return app.test_client()
