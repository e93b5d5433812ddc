"""An author with a public initiative, and those who follow and support it."""

import re
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, Row, text
from werkzeug.test import TestResponse

from tests.accounts.people.mailbox import fill_in, last_link, press, token_of
from tests.contributions.proposals.desk import propose
from tests.media import sender
from tests.moderation.moderator import Moderator

PUBLISHED = "UPDATE proposal SET queued_at = NULL, published_at = now(), published_revision = 1"
AUTHOR, FAN, OTHER = "ana@example.org", "fan@example.org", "other@example.org"


def rows(engine: Engine, statement: str, **bound: Any) -> list[Row[Any]]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement), bound).all())


def run(engine: Engine, statement: str, **bound: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), bound)


def published(client: FlaskClient, engine: Engine, **fields: str) -> UUID:
    """Proposed by who is then signed in with `client`, and agreed to."""
    made: UUID = propose(client, engine, **fields).id
    sender.publish(engine, made)
    run(engine, PUBLISHED)
    return made


def write(client: FlaskClient, initiative: UUID, words: str, *files: Any) -> TestResponse:
    path = f"/initiatives/{initiative}/nouvelles"
    token = token_of(client.get(path).text)
    return sender.post(client, path, {"token": token, "text": words, "alt": "Un pommier"}, files)


def thank(client: FlaskClient, initiative: UUID, words: str) -> TestResponse:
    page = f"/initiatives/{initiative}/nouvelles"
    return fill_in(client, page, {"text": words}, to=f"/initiatives/{initiative}/remercier")


def close(client: FlaskClient, initiative: UUID, status: str, words: str) -> TestResponse:
    page = f"/initiatives/{initiative}/clore?comme={status}"
    to = f"/initiatives/{initiative}/clore"
    return fill_in(client, page, {"status": status, "text": words}, to=to)


def accept(moderator: Moderator, engine: Engine) -> TestResponse:
    """The newest post, on its page in the queue."""
    return decide(moderator, engine, verdict="post")


def decide(moderator: Moderator, engine: Engine, **form: str) -> TestResponse:
    newest = rows(engine, "SELECT id FROM post ORDER BY made_at DESC, id DESC LIMIT 1")[0].id
    return moderator.post(f"/moderation/nouvelles/{newest}", **form)


def follow(app: Flask, engine: Engine, initiative: UUID, email: str = FAN) -> FlaskClient:
    """By the form and the mailed link; the browser of who follows."""
    client = app.test_client()
    sent = fill_in(client, f"/initiatives/{initiative}/suivre", {"email": email})
    assert sent.status_code == 303, sent.text
    assert press(client, last_link(engine, email)).status_code == 303
    return client


def support(
    app: Flask, engine: Engine, initiative: UUID, email: str, *, news: bool = False
) -> FlaskClient:
    client = app.test_client()
    form = {"email": email, "commune": "", **({"news": "1"} if news else {})}
    assert fill_in(client, f"/initiatives/{initiative}/soutenir", form).status_code == 303
    assert press(client, last_link(engine, email)).status_code == 303
    return client


def told(page: str) -> list[str]:
    """The texts of the news that a page shows, in its order."""
    return re.findall(r'<p class="as-written">(.*?)</p>', page, re.DOTALL)
