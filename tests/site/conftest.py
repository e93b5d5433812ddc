"""Services with settings of a test's own."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services


@pytest.fixture
def served(database_url: str, engine: Engine) -> Iterator[Callable[..., FlaskClient]]:
    """A client of the service with these settings."""
    made: list[Flask] = []

    def served(**settings: Any) -> FlaskClient:
        known = Settings(database_url=database_url, public_url="http://map.test")
        made.append(create_app(dataclasses.replace(known, **settings)))
        return made[-1].test_client()

    yield served
    for app in made:
        services: Services = app.extensions[SERVICES]
        services.dispose()
