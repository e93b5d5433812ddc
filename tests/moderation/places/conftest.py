"""Places in doubt of every kind, imported as any row is, and people who may decide about them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, Row, text
from werkzeug.test import TestResponse

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.roles.admins import sign_in_admin

# The words of each, and its point where it has one; each waits, the first the longest.
DOUBTS = """id,title,address,postcode,city,lon,lat
homonyms,Un jardin à Saint-Denis,,,Saint-Denis,,
postcode,Un four à pain,,35550,,,
elsewhere,Une fête de quartier,,35000,Rennes,-2.0258,48.6493
sea,Une plage propre,,79000,Niort,-3.0,45.0
nothing,Un coin de nature,,,Zzyzx,,
"""
CLEAR = "clear,Un verger,,79000,Niort,,\n"
# Saint-Malo holds the point of `elsewhere`.
SAINT_MALO, RENNES, NIORT, PLOUHA = "35288", "35238", "79191", "22222"

PLACE = """
SELECT initiative.id, initiative.precision AS shown, initiative.commune, initiative.epci,
       initiative.departement, initiative.region, ST_X(initiative.point) AS lon,
       ST_Y(initiative.point) AS lat, location_match.*
  FROM initiative
  JOIN location_match ON location_match.initiative = initiative.id
 WHERE initiative.source_id = :source_id"""


@pytest.fixture
def doubts(import_rows: Callable[[str], list[str]], engine: Engine) -> Engine:
    """The database with `DOUBTS`, waiting in that order, and one that is clear."""
    outcomes = import_rows(DOUBTS + CLEAR)
    assert outcomes == [*["to_review"] * 5, "imported"]
    with engine.begin() as connection:
        connection.execute(text(IN_ORDER))
    return engine


IN_ORDER = """
UPDATE location_match
   SET matched_at = CAST('2026-01-01T12:00:00Z' AS timestamptz) + days * interval '1 day'
  FROM (SELECT id, source_id,
               array_position(ARRAY['homonyms', 'postcode', 'elsewhere', 'sea', 'nothing'],
                              source_id) AS days FROM initiative) AS kept
 WHERE kept.id = location_match.initiative AND kept.days IS NOT NULL"""


def kept(engine: Engine, source_id: str) -> Row[Any]:
    """The initiative's place and its match record."""
    with engine.connect() as connection:
        return connection.execute(text(PLACE), {"source_id": source_id}).one()


def identifier(connection: Connection, source_id: str) -> UUID:
    statement = text("SELECT id FROM initiative WHERE source_id = :source_id")
    found: UUID = connection.execute(statement, {"source_id": source_id}).scalar_one()
    return found


@pytest.fixture(scope="session")
def review_app(database_url: str) -> Iterator[Flask]:
    app = create_app(Settings(database_url=database_url))
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@dataclass(frozen=True, slots=True)
class Person:
    """The browser of somebody who decides everywhere; `name` is the one that is recorded."""

    client: FlaskClient
    name: str

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def post(
        self, path: str, form: dict[str, str], headers: dict[str, str] | None = None
    ) -> TestResponse:
        return self.client.post(
            path,
            data=form,
            headers=headers or {},
        )

    def token(self) -> str:
        """The one that this person's forms carry."""
        listed = re.search(r'href="(/moderation/lieux/[^"]+)">', self.get("/moderation/lieux").text)
        assert listed
        page = self.get(listed[1]).text
        found = re.search(r'name="token" value="([^"]+)"', page)
        assert found, page
        return unescape(found[1])


@pytest.fixture
def people(review_app: Flask, engine: Engine) -> Callable[..., Person]:
    def person(name: str = "Ana") -> Person:
        client = review_app.test_client()
        return Person(client, sign_in_admin(client, engine, name))

    return person


@pytest.fixture
def ana(people: Callable[..., Person]) -> Person:
    return people("Ana")


@pytest.fixture
def ben(people: Callable[..., Person]) -> Person:
    return people("Ben")
