"""Keys that tools hold in these tests, and what they send with them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from mapservice.accounts.api_keys import service
from mapservice.accounts.api_keys.model import ApiKeyScope
from mapservice.accounts.api_keys.service import ApiKeyRequest
from mapservice.accounts.people import queries as people
from tests.accounts.roles.cast import SITE, person_of

ALL = tuple(ApiKeyScope)


def key(
    engine: Engine, email: str, *scopes: ApiKeyScope, days: int = 30, name: str = "outil"
) -> str:
    """The secret of a new key of somebody who has signed in: of all scopes, or of these."""
    with engine.begin() as connection:
        person = people.find(connection, person_of(engine, email))
        assert person is not None
        wish = ApiKeyRequest(name, scopes or ALL, days)
        return service.create(connection, person, wish, uuid4(), SITE)


def call(
    client: FlaskClient, secret: str, path: str, method: str = "GET", **more: Any
) -> TestResponse:
    headers = {"Authorization": f"Bearer {secret}", **more.pop("headers", {})}
    return client.open(path, method=method, headers=headers, **more)


def end(engine: Engine, ago: timedelta = timedelta(0)) -> None:
    """All keys have ended."""
    statement = """
        UPDATE api_token SET created_at = now() - interval '400 days', expires_at = now() - :ago"""
    with engine.begin() as connection:
        connection.execute(text(statement), {"ago": ago})
