"""The service, and two who moderate everywhere."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.roles.admins import sign_in_admin
from tests.moderation.moderator import Moderator


@pytest.fixture(scope="session")
def moderated(database_url: str) -> Iterator[Flask]:
    app = create_app(Settings(database_url=database_url, public_url="http://map.test"))
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def eva(moderated: Flask, engine: Engine) -> Moderator:
    client = moderated.test_client()
    return Moderator(client, sign_in_admin(client, engine, "Eva"))


@pytest.fixture
def max_(moderated: Flask, engine: Engine) -> Moderator:
    client = moderated.test_client()
    return Moderator(client, sign_in_admin(client, engine, "Max"))
