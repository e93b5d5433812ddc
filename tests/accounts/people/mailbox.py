"""What a person sees of us: forms with what they carry, and the mails that wait for them."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

ADDRESS = "ana@example.org"
MAILS = """
SELECT kind, recipient, subject, text, html, headers, state, message_id, person
  FROM delivery WHERE recipient = :recipient ORDER BY created_at, id"""


@dataclass(frozen=True, slots=True)
class Received:
    """A mail that waits to be sent."""

    kind: str
    recipient: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]

    @property
    def link(self) -> str:
        """The path of the link that confirms."""
        found = re.search(r"/confirmer/[\w-]+", self.text)
        assert found, self.text
        return found[0]


def mails_to(engine: Engine, recipient: str = ADDRESS) -> list[Received]:
    with engine.connect() as connection:
        rows = connection.execute(text(MAILS), {"recipient": recipient}).mappings().all()
    return [Received(**{name: row[name] for name in Received.__slots__}) for row in rows]


def last_link(engine: Engine, recipient: str = ADDRESS) -> str:
    """The path of the newest link that was mailed there."""
    return mails_to(engine, recipient)[-1].link


def token_of(page: str) -> str:
    """The token that the first form of a page carries."""
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found, page
    return unescape(found[1])


def solution(client: FlaskClient) -> str:
    """The packed solution of a new challenge, found as a browser finds it."""

    made: dict[str, Any] = client.get("/preuve.json").get_json()
    for number in range(made["maxnumber"] + 1):
        if hashlib.sha256(f"{made['salt']}{number}".encode()).hexdigest() == made["challenge"]:
            found = {name: made[name] for name in ("challenge", "salt", "signature")}
            return base64.b64encode(json.dumps(found | {"number": number}).encode()).decode()
    raise AssertionError("no number solves this challenge")


def fill_in(client: FlaskClient, page: str, form: Mapping[str, str], **more: Any) -> TestResponse:
    """Sends the form of a page with its token, by default to where the page is."""
    sent_to = more.pop("to", page)
    environ = {"environ_base": more["environ_base"]} if "environ_base" in more else {}
    token = token_of(client.get(page, **environ).text)
    return client.post(sent_to, data={"token": token, **form}, **more)


def ask_for_link(client: FlaskClient, email: str = ADDRESS, **more: Any) -> TestResponse:
    return fill_in(client, "/connexion", {"email": email}, **more)


def press(client: FlaskClient, link: str, **more: Any) -> TestResponse:
    """Opens a mailed link and presses its button."""
    return fill_in(client, link, {}, **more)


def sign_in(client: FlaskClient, engine: Engine, email: str = ADDRESS) -> TestResponse:
    ask_for_link(client, email)
    return press(client, last_link(engine, email))
