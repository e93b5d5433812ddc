"""The service with a store, a moderator, and comments closed or open."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.roles.admins import sign_in_admin
from tests.moderation.moderator import Moderator

MakeApp = Callable[..., Flask]


@pytest.fixture(scope="session")
def make_app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeApp]:
    """Further settings may be given by their names."""
    folder: Path = tmp_path_factory.mktemp("posts")
    made: list[Flask] = []

    def make(**more: Any) -> Flask:
        settings = Settings(
            database_url=database_url,
            public_url="http://map.test",
            home=folder,
            secret_key="so that two applications know one another's forms",
            **more,
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


@pytest.fixture(scope="session")
def open_app(make_app: MakeApp) -> Flask:
    """Texts are public at once, and comments are open."""
    return make_app(moderation="post", comments="on")


@pytest.fixture
def client(app: Flask, engine: Engine) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def moderator(app: Flask, engine: Engine) -> Moderator:
    client = app.test_client()
    return Moderator(client, sign_in_admin(client, engine, "Mado"))
