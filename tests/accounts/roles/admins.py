"""Administrators who are signed in, without the way by mail that other tests are about."""

from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.accounts.people import service as people
from mapservice.accounts.roles.model import signature
from mapservice.web.edge import SESSION_COOKIE

ADMIT = """
WITH one AS (
  INSERT INTO person (email, email_key, name, confirmed_at)
  VALUES (:email, :email, :name, now())
      ON CONFLICT (email_key) DO UPDATE SET name = EXCLUDED.name RETURNING id
), granted AS (
  INSERT INTO role_grant (person, role, level, code)
  SELECT id, 'admin', 'country', '' FROM one ON CONFLICT DO NOTHING
)
SELECT id FROM one"""


def admin_session(engine: Engine, name: str) -> tuple[UUID, str]:
    """The person, and the secret of their session."""
    email = f"{name.lower()}@admin.example"
    with engine.begin() as connection:
        person: UUID = connection.execute(text(ADMIT), {"email": email, "name": name}).scalar_one()
        return person, people.start_session(connection, person)


def sign_in_admin(client: FlaskClient, engine: Engine, name: str) -> str:
    """Signs the client in; returns the name that is recorded with what they decide."""
    person, secret = admin_session(engine, name)
    client.set_cookie(SESSION_COOKIE, secret)
    return signature(name, person)
