"""A service over what a module wrote once; the client of all tests would empty it each time."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services


@pytest.fixture(scope="module")
def keeping_client(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FlaskClient]:
    home = tmp_path_factory.mktemp("home")
    app = create_app(Settings(database_url=database_url, home=home))
    yield app.test_client()
    services: Services = app.extensions[SERVICES]
    services.dispose()
