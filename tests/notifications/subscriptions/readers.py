"""Somebody who follows, and what the postman brings them."""

import os
import re
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.i18n import PARIS
from mapservice.notifications.subscriptions import service
from mapservice.settings import Settings
from tests.accounts.people.mailbox import ADDRESS, Received, fill_in, last_link, mails_to, press
from tests.web.population import Made, insert

RENNES, CESSON, LYON = "35238", "35051", "69123"
SETTINGS = Settings(database_url="", public_url="http://map.test")
# A later day than today also for a run that goes past midnight.
DIGEST_DAY = datetime.now(PARIS).date() + timedelta(days=2)


def follow(client: FlaskClient, engine: Engine, query: str, email: str = ADDRESS) -> None:
    """By the form and the mailed link, or by the form alone when signed in."""
    sent = fill_in(client, f"/suivre{query}", {"email": email})
    assert sent.status_code == 303, sent.text
    if sent.headers["Location"] == "/connexion/envoyee":
        assert press(client, last_link(engine, email)).status_code == 303


def publish(engine: Engine, *made: Made) -> None:
    with engine.begin() as connection:
        insert(connection, made)


def tell(engine: Engine, day: date = DIGEST_DAY) -> int:
    return service.tell(engine, SETTINGS, day)


def digests(engine: Engine, recipient: str = ADDRESS) -> list[Received]:
    return [mail for mail in mails_to(engine, recipient) if mail.kind == "digest"]


def titles(mail: Received) -> list[str]:
    """Those that a digest names, in its order."""
    return re.findall(r"^- (.+) \(", mail.text, re.MULTILINE)


def leave_link(mail: Received) -> str:
    """The path in List-Unsubscribe."""
    return urlsplit(mail.headers["List-Unsubscribe"].strip("<>")).path


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def environ(url: str) -> dict[str, str]:
    return os.environ | {"MAPSERVICE_DATABASE_URL": url, "DATABASE_URL": url}
