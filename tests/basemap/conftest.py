"""Services with a base map of a test's own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services

Open = Callable[..., FlaskClient]


@pytest.fixture
def service(database_url: str, engine: Engine) -> Iterator[Open]:
    """Clients of services with the settings that a test names."""
    made: list[Services] = []

    def service(**named: Any) -> FlaskClient:
        app = create_app(
            Settings(database_url=database_url, public_url="http://map.test", pool_size=1, **named)
        )
        made.append(app.extensions[SERVICES])
        return app.test_client()

    yield service
    for one in made:
        one.dispose()
