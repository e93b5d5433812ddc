"""Who starts groups, who visits and who moderates them."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.roles.admins import sign_in_admin
from tests.groups.founder import Founder
from tests.moderation.moderator import Moderator


@pytest.fixture(scope="session")
def group_app(database_url: str) -> Iterator[Flask]:
    app = create_app(Settings(database_url=database_url, public_url="http://map.test"))
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def visitor(group_app: Flask, engine: Engine) -> FlaskClient:
    return group_app.test_client()


@pytest.fixture
def founder(group_app: Flask, engine: Engine) -> Founder:
    return Founder(group_app.test_client(), engine)


@pytest.fixture
def eva(group_app: Flask, engine: Engine) -> Moderator:
    client = group_app.test_client()
    return Moderator(client, sign_in_admin(client, engine, "Eva"))
