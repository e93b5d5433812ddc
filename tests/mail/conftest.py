"""Mails that wait, and a transport to a server of the tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Row, text

from mapservice.mail.model import Mail
from mapservice.mail.service import enqueue
from mapservice.mail.transport import Transport, transport_of
from mapservice.settings import Settings
from tests.mail.post_office import PostOffice

TIMEOUT_MS = 300


@pytest.fixture
def queue(engine: Engine) -> Callable[..., list[str]]:
    """Keeps mails to these addresses, in this order of urgency; returns their Message-IDs."""

    def queue(*recipients: str) -> list[str]:
        with engine.begin() as connection:
            for recipient in recipients:
                enqueue(connection, letter(recipient))
        return [str(kept(engine, recipient).message_id) for recipient in recipients]

    return queue


def letter(recipient: str, **more: Any) -> Mail:
    values: dict[str, Any] = {
        "kind": "trial",
        "sender": "Initiatives locales <initiatives@map.test>",
        "recipient": recipient,
        "subject": "Un jardin à Rennes",
        "text": "Bonjour,\n.\n..\nÀ bientôt\n",
        "html": "<p>Bonjour</p>",
    }
    return Mail(**(values | more))


def transport_to(office: PostOffice) -> Transport:
    return transport_of(settings_for(office.url))


def settings_for(url: str, home: Path = Path("var"), timeout_ms: int = TIMEOUT_MS) -> Settings:
    return Settings(smtp_url=url, smtp_timeout_ms=timeout_ms, home=home)


def kept(engine: Engine, recipient: str) -> Row[Any]:
    with engine.connect() as connection:
        statement = text("SELECT * FROM delivery WHERE recipient = :recipient")
        return connection.execute(statement, {"recipient": recipient}).one()


def later(engine: Engine) -> None:
    """The time to try again comes for all that waits."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET next_try_at = now()"))
