"""The doors over some hundred initiatives of every kind, made once for each file of tests."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from tests.web.population import Kept, fill, kept, population

COUNT = 300


@pytest.fixture(scope="module")
def initiatives(shared_engine: Engine) -> list[Kept]:
    """Those in the database, drafts and refused ones among them; no export of other tests waits."""
    with shared_engine.begin() as writing:
        writing.execute(text("DELETE FROM export"))
    fill(shared_engine, population(COUNT))
    with shared_engine.connect() as connection:
        return kept(connection)


@pytest.fixture(scope="module")
def doors(app: Flask, initiatives: list[Kept]) -> FlaskClient:
    """A client of the service, over these initiatives."""
    return app.test_client()
