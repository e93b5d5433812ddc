"""Organisers, visitors and moderators of events, with the worker's mails at hand."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.roles.admins import sign_in_admin
from tests.events.organiser import Organiser
from tests.moderation.moderator import Moderator


@pytest.fixture(scope="session")
def event_app(database_url: str) -> Iterator[Flask]:
    app = create_app(Settings(database_url=database_url, public_url="http://map.test"))
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def visitor(event_app: Flask, engine: Engine) -> FlaskClient:
    return event_app.test_client()


@pytest.fixture
def organiser(event_app: Flask, engine: Engine) -> Organiser:
    return Organiser(event_app.test_client(), engine)


@pytest.fixture
def eva(event_app: Flask, engine: Engine) -> Moderator:
    client = event_app.test_client()
    return Moderator(client, sign_in_admin(client, engine, "Eva"))
