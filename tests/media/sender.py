"""An author who sends photos, and what is kept of them."""

import io
import re
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import Engine, Row, text
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from mapservice.media.storage import FolderStore
from tests.accounts.people.mailbox import last_link, press, sign_in, token_of
from tests.contributions.proposals.desk import GARDEN, hidden, kept
from tests.media import pictures

AUTHOR = "ana@example.org"
Files = Sequence[tuple[bytes, str]]
SHOWN = re.compile(r'src="(/photos/[^"]+)"')


def multipart(fields: Mapping[str, str], files: Files) -> dict[str, Any]:
    sent = [(io.BytesIO(content), name) for content, name in files]
    return {**fields, "photos": sent}


def post(client: FlaskClient, path: str, fields: Mapping[str, str], files: Files) -> TestResponse:
    """In memory: of a form on the disk the client would leave the file open."""
    sent: list[tuple[str, Any]] = list(fields.items())
    sent += [("photos", FileStorage(io.BytesIO(content), name)) for content, name in files]
    boundary, body = encode_multipart(MultiDict(sent))
    kind = f'multipart/form-data; boundary="{boundary}"'
    return client.post(path, data=body, content_type=kind)


def preview(
    client: FlaskClient, files: Files, carried: Mapping[str, str] | None = None, **changes: str
) -> tuple[TestResponse, dict[str, str]]:
    """Fills in the form with photos and continues; returns the answer and what its form carries."""
    if carried is None:
        page = client.get("/proposer").text
        carried = {"token": token_of(page), "form": hidden(page, "form")}
    fields = {**GARDEN, **carried, **changes}
    answer = post(client, "/proposer", {**fields, "action": "preview"}, files)
    if 'name="understood"' in answer.text:
        fields["understood"] = hidden(answer.text, "understood")
    return answer, fields


def send(client: FlaskClient, fields: Mapping[str, str], **more: str) -> TestResponse:
    return client.post("/proposer", data={**fields, **more, "action": "send"})


def propose(client: FlaskClient, engine: Engine, files: Files, **more: str) -> Row[Any]:
    """Proposes with photos, confirmed; returns the initiative."""
    answer, fields = preview(client, files)
    assert answer.status_code == 200, answer.text
    sent = send(client, fields, **more)
    if sent.headers["Location"] == "/connexion/envoyee":
        press(client, last_link(engine, fields["email"]))
    return kept(engine)[0]


def author_of(client: FlaskClient, engine: Engine) -> FlaskClient:
    sign_in(client, engine, AUTHOR)
    return client


def add(client: FlaskClient, initiative: UUID, files: Files) -> TestResponse:
    path = f"/initiatives/{initiative}/photos"
    token = token_of(client.get(path).text)
    return client.post(
        path, data=multipart({"token": token}, files), content_type="multipart/form-data"
    )


def act(
    client: FlaskClient, initiative: UUID, photo: UUID, action: str, **fields: str
) -> TestResponse:
    path = f"/initiatives/{initiative}/photos"
    token = token_of(client.get(path).text)
    return client.post(f"{path}/{photo}", data={"token": token, "action": action, **fields})


def photos(engine: Engine) -> list[Row[Any]]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT * FROM photo ORDER BY position, id")))


def run(engine: Engine, statement: str, **bound: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), bound)


def publish(engine: Engine, initiative: UUID) -> None:
    """As a moderator does that saw all."""
    run(engine, "UPDATE initiative SET status = 'published' WHERE id = :id", id=initiative)
    run(engine, "UPDATE photo SET state = 'public' WHERE initiative = :id", id=initiative)


def addresses(page: str) -> list[str]:
    """Of the photos that a page shows."""
    return [unescape(one) for one in SHOWN.findall(page)]


def file_names(photo: Row[Any]) -> set[str]:
    made = {f"{photo.name}-{width}.webp" for width in photo.widths}
    return made | {f"{photo.name}-{photo.shared_width}.jpg"}


def stored(store: FolderStore) -> set[str]:
    return {one.name for one in store.stored()}


def one_photo(name: str = "verger.jpg", width: int = 800, height: int = 600) -> tuple[bytes, str]:
    return pictures.jpeg(width, height), name
