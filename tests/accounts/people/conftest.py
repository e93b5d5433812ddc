"""The service without a public address, and a package that keeps something about people."""

from collections.abc import Iterator

import pytest
from flask import Flask

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services


@pytest.fixture(scope="session")
def bare_app(database_url: str) -> Iterator[Flask]:
    app = create_app(Settings(database_url=database_url))
    yield app
    services: Services = app.extensions[SERVICES]
    services.engine.dispose()
