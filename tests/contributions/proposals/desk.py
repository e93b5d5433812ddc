"""A person before the form: fills it in, looks at what was understood, sends, confirms."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, Row, text
from werkzeug.test import TestResponse

from tests.accounts.people.mailbox import last_link, press, token_of

ADDRESS = "ana@example.org"
GARDEN = {
    "title": "Un verger derrière la mairie",
    "summary": "Des pommiers pour tous.",
    "description": "Nous cherchons **dix** voisins.\n\n- des bras\n- des pelles",
    "theme": "alimentation",
    "scale": "commune",
    "place": "Rennes",
    "email": ADDRESS,
}

KEPT = """
SELECT initiative.*, proposal.person AS author, proposal.queued_at, proposal.published_at,
       proposal.reason, proposal.published_revision
  FROM initiative JOIN proposal ON proposal.initiative = initiative.id
 ORDER BY proposal.submitted_at DESC, initiative.id DESC"""


def hidden(page: str, name: str) -> str:
    """The value of a hidden field of a page."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, (name, page)
    return unescape(found[1])


def preview(
    client: FlaskClient, fields: Mapping[str, str], path: str = "/proposer"
) -> tuple[TestResponse, dict[str, str]]:
    """Looks before sending; returns the answer, and the fields with what its form carries."""
    page = client.get(path).text
    carried = {"token": token_of(page), "form": hidden(page, "form")}
    if 'name="revision"' in page:
        carried["revision"] = hidden(page, "revision")
    answer = client.post(path, data={**carried, **fields, "action": "preview"})
    if 'name="understood"' in answer.text:
        carried["understood"] = hidden(answer.text, "understood")
    return answer, {**carried, **fields}


def send(client: FlaskClient, fields: Mapping[str, str], path: str = "/proposer") -> TestResponse:
    """Looks, then sends."""
    answer, carried = preview(client, fields, path)
    assert answer.status_code == 200, answer.text
    return client.post(path, data={**carried, "action": "send"})


def propose(client: FlaskClient, engine: Engine, **changes: str) -> Row[Any]:
    """Sends, and presses the button of the mailed link if there is one; returns what was kept."""
    fields = {**GARDEN, **changes}
    answer = send(client, fields)
    if answer.headers["Location"] == "/connexion/envoyee":
        press(client, last_link(engine, fields["email"]))
    return kept(engine)[0]


def kept(engine: Engine) -> list[Row[Any]]:
    with engine.connect() as connection:
        return list(connection.execute(text(KEPT)).all())


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
