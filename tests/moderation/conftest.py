"""The service with a shared password, and two who know it."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.conftest import REVIEW_KEY
from tests.moderation.moderator import Moderator


@pytest.fixture(scope="session")
def moderated(database_url: str) -> Iterator[Flask]:
    app = create_app(
        Settings(database_url=database_url, review_key=REVIEW_KEY, public_url="http://map.test")
    )
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def eva(moderated: Flask, engine: Engine) -> Moderator:
    return Moderator(moderated.test_client(), "Eva")


@pytest.fixture
def max_(moderated: Flask, engine: Engine) -> Moderator:
    return Moderator(moderated.test_client(), "Max")
