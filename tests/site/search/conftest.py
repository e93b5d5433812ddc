"""The search over all territories, with a few initiatives beside them."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.web.population import Made, fill

COMPOST = Made(title="Compost de quartier", theme="environnement", commune="79191")
BIKES = Made(title="Atelier vélo", theme="mobilite", commune="35238")
ELSEWHERE = Made(title="Ferme de Parcoul", theme="alimentation", commune="69123")


@pytest.fixture(scope="module")
def searching(app: Flask, shared_engine: Engine) -> FlaskClient:
    fill(shared_engine, [COMPOST, BIKES, ELSEWHERE])
    return app.test_client()
