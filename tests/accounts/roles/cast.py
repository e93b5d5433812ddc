"""Who acts in these tests, what waits for them in Bretagne and in Normandie, and what was kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from mapservice.accounts.roles import service
from mapservice.accounts.roles.model import GrantAuthor, RoleGrant, signature
from mapservice.mail.model import Letterhead
from mapservice.mail.service import EmailAddress
from mapservice.web.edge import make_token
from tests.accounts.people.mailbox import sign_in
from tests.web.population import Made, insert

BRETAGNE, NORMANDIE = "region:53", "region:28"
RENNES, CAEN = "35238", "14118"
COMMAND_LINE = GrantAuthor(name="command line")
SITE = Letterhead("Initiatives locales", "http://map.test", "initiatives@localhost")

# Each waits at /moderation/lieux: `both` by words of Rennes and a point in Caen.
DOUBTS = """id,title,address,postcode,city,lon,lat
bretagne,Un four à pain,,35550,,,
normandie,Une haie,,14400,,,
both,Une fête de quartier,,35000,Rennes,-0.3630,49.1829
nowhere,Un coin de nature,,,Zzyzx,,
"""

PROPOSE = """
WITH queued AS (
  INSERT INTO proposal (initiative, form, person, queued_at)
  SELECT id, gen_random_uuid(), CAST(:person AS uuid),
         CAST('2026-01-01T12:00:00Z' AS timestamptz) + number * interval '1 minute'
    FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS given (id, number)
  RETURNING initiative
)
INSERT INTO initiative_revision
       (initiative, number, title, summary, description, theme, scale, place)
SELECT id, 1, title, '', '', theme, scale, '{"words": ""}'
  FROM unnest(CAST(:ids AS uuid[])) AS given (one) JOIN initiative ON initiative.id = one"""

# All that moderation changes, as one text.
STATE = """
SELECT concat_ws('|',
  (SELECT string_agg(concat_ws(',', id, status, precision, commune, departement, region), ';'
                     ORDER BY id) FROM initiative),
  (SELECT string_agg(proposal::text, ';' ORDER BY initiative) FROM proposal),
  (SELECT string_agg(location_match::text, ';' ORDER BY initiative) FROM location_match),
  (SELECT string_agg(report::text, ';' ORDER BY id) FROM report),
  (SELECT string_agg(waiting::text, ';' ORDER BY kind, id) FROM waiting),
  (SELECT string_agg(merge::text, ';' ORDER BY initiative) FROM merge),
  (SELECT string_agg(burst::text, ';' ORDER BY id) FROM burst),
  (SELECT string_agg(role_grant::text, ';' ORDER BY person) FROM role_grant),
  (SELECT count(*) FROM decision), (SELECT count(*) FROM role_log),
  (SELECT count(*) FROM delivery WHERE kind LIKE 'proposal%'))"""


@dataclass(frozen=True, slots=True)
class Actor:
    """A browser: signed in (`person`), or not."""

    client: FlaskClient
    person: UUID | None = None

    @property
    def name(self) -> str:
        """As it is recorded."""
        return signature("", self.person) if self.person else ""

    def open(self, method: str, path: str, **form: str) -> TestResponse:
        """Sends a form with a token made for this actor."""
        sent: dict[str, Any] = {}
        if method != "GET":
            sent["data"] = {"token": self.token(), **form}
        return self.client.open(path, method=method, **sent)

    def get(self, path: str) -> TestResponse:
        return self.open("GET", path)

    def post(self, path: str, **form: str) -> TestResponse:
        return self.open("POST", path, **form)

    def token(self) -> str:
        with self.client.application.app_context():
            return make_token(f"reviewer {self.name}")


def actor(app: Flask, engine: Engine, name: str, *grants: tuple[str, str]) -> Actor:
    """Somebody who signs in by a mailed link, and has these roles."""
    client = app.test_client()
    email = f"{name}@example.org"
    sign_in(client, engine, email)
    for role, territory in grants:
        grant(engine, email, role, territory)
    return Actor(client, person_of(engine, email))


def grant(engine: Engine, email: str, role: str, territory: str = "") -> UUID:
    with engine.begin() as connection:
        given = RoleGrant.parse(role, territory)
        address = EmailAddress.parse(email)
        return service.grant(connection, address, given, COMMAND_LINE, SITE)


def revoke(engine: Engine, person: UUID, role: str, territory: str = "") -> None:
    with engine.begin() as connection:
        service.revoke(connection, person, RoleGrant.parse(role, territory), COMMAND_LINE)


def person_of(engine: Engine, email: str) -> UUID:
    with engine.connect() as connection:
        statement = text("SELECT id FROM person WHERE email = :email")
        found: UUID = connection.execute(statement, {"email": email}).scalar_one()
    return found


def proposals(engine: Engine, made: Sequence[Made], person: UUID | None = None) -> list[UUID]:
    """Initiatives that wait as proposals, in that order."""
    with engine.begin() as connection:
        insert(connection, made)
        ids = [one.id for one in made]
        connection.execute(text(PROPOSE), {"ids": ids, "person": person})
    return [UUID(one) for one in ids]


def proposal(engine: Engine, title: str, **place: Any) -> UUID:
    """One that waits, at a commune or at the precision that is named."""
    return proposals(engine, [Made(title=title, status="pending", id=str(uuid4()), **place)])[0]


def doubts(engine: Engine, import_rows: Callable[[str], list[str]]) -> dict[str, UUID]:
    """Ids of the places in doubt, by the names in `DOUBTS`."""
    assert import_rows(DOUBTS) == ["to_review"] * 4
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT source_id, id FROM initiative WHERE source_id <> ''")
        )
        return {row.source_id: row.id for row in rows}


def report(engine: Engine, initiative: UUID, words: str) -> UUID:
    """What somebody finds wrong with an initiative."""
    statement = """
        INSERT INTO report (initiative, confirmed, reason, text)
        VALUES (:initiative, false, 'other', :words) RETURNING id"""
    with engine.begin() as connection:
        bound = {"initiative": initiative, "words": words}
        found: UUID = connection.execute(text(statement), bound).scalar_one()
    return found


def burst(engine: Engine, initiative: UUID) -> UUID:
    """Supports of an initiative that somebody is to look at."""
    statement = """
        INSERT INTO burst (initiative, verdict, first_at, last_at, size, reasons)
        VALUES (:initiative, 'hold', now(), now(), 300, '[]') RETURNING id"""
    with engine.begin() as connection:
        bound = {"initiative": initiative}
        found: UUID = connection.execute(text(statement), bound).scalar_one()
    return found


def state(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text(STATE)).scalar_one())
