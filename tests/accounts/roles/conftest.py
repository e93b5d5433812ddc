"""The service, as those with roles see it."""

from collections.abc import Iterator

import pytest
from flask import Flask

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services


@pytest.fixture(scope="session")
def keyed_app(database_url: str) -> Iterator[Flask]:
    app = create_app(Settings(database_url=database_url, public_url="http://map.test"))
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()
