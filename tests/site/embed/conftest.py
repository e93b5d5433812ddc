"""A few initiatives whose words try to leave the HTML that they stand in."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.site.embed.few import CHOIR, DRAFT, GARDEN, REGIONAL
from tests.web.population import insert


@pytest.fixture
def filled(client: FlaskClient, engine: Engine) -> FlaskClient:
    with engine.begin() as connection:
        insert(connection, [GARDEN, CHOIR, REGIONAL, DRAFT])
    return client
