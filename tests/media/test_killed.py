"""Processes of gunicorn are killed while photos come in: what was acknowledged is whole.

`MAPSERVICE_TEST_LONG` sends a thousand, with a kill for every twenty-five.
"""

import http.client
import io
import os
import re
import signal
import threading
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

import pytest
from sqlalchemy import text
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from mapservice.db.engine import make_engine
from mapservice.media import service
from mapservice.media.storage import FolderStore
from tests.accounts.people.mailbox import token_of
from tests.conftest import LONG
from tests.contributions.proposals.desk import GARDEN, hidden
from tests.media import pictures
from tests.media.conftest import RunningService

pytestmark = pytest.mark.long

UPLOADS = 1000 if LONG else 60
KILLS = UPLOADS // 25
SENDERS = 4
SHOWN = re.compile(r"/photos/([0-9a-f]{32})-")
TRIES = 60


@dataclass
class Sent:
    """Names of photos that a page showed, one for each picture that was sent."""

    names: list[str] = field(default_factory=list)
    broken: int = 0
    refused: list[int] = field(default_factory=list)


def ask(port: int, number: int, method: str, body: bytes = b"", kind: str = "") -> tuple[int, str]:
    held = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
    headers = {"X-Forwarded-For": f"198.51.{number // 250}.{number % 250 + 1}"}
    if kind:
        headers["Content-Type"] = kind
    try:
        held.request(method, "/proposer", body=body or None, headers=headers)
        answer = held.getresponse()
        return answer.status, answer.read().decode()
    finally:
        held.close()


def send_one(port: int, number: int, content: bytes) -> tuple[int, list[str]]:
    """A form of its own; the status, and the photos that the answer shows."""
    _status, page = ask(port, number, "GET")
    fields = {**GARDEN, "token": token_of(page), "form": hidden(page, "form"), "action": "preview"}
    photo = FileStorage(io.BytesIO(content), f"{number}.jpg")
    boundary, body = encode_multipart(MultiDict([*fields.items(), ("photos", photo)]))
    kind = f'multipart/form-data; boundary="{boundary}"'
    status, answer = ask(port, number, "POST", body, kind)
    return status, sorted(set(SHOWN.findall(answer)))


def keep_sending(port: int, numbers: "SimpleQueue[int]", sent: Sent, content: bytes) -> None:
    """Sends again, as people do, what broke off: with a form of its own each time."""
    while True:
        try:
            number = numbers.get_nowait()
        except Empty:
            return
        for _tried in range(TRIES):
            try:
                status, names = send_one(port, number, content)
            except (OSError, http.client.HTTPException, AssertionError):
                sent.broken += 1
                continue
            if status == 200:
                sent.names += names
                break
            sent.refused.append(status)


def test_no_acknowledged_photo_is_lost_while_processes_are_killed(running: RunningService) -> None:
    numbers: SimpleQueue[int] = SimpleQueue()
    for number in range(UPLOADS):
        numbers.put(number)
    sent, content = Sent(), pictures.jpeg(400, 300)
    senders = [
        threading.Thread(target=keep_sending, args=(running.port, numbers, sent, content))
        for _sender in range(SENDERS)
    ]
    store, engine = FolderStore(running.folder), make_engine(running.url)
    for one in senders:
        one.start()
    killed = 0
    while any(one.is_alive() for one in senders):
        # What the worker does meanwhile must not take a photo for one that nobody has.
        service.tidy(engine, store)
        service.sweep(engine, store)
        due = len(sent.names) // 25 >= killed if len(sent.names) > 5 else False
        if due and killed < KILLS and len(running.processes()) == 2:
            os.kill(running.processes()[killed % 2], signal.SIGKILL)
            killed += 1
        senders[0].join(0.2)
        for one in senders[1:]:
            one.join(0.01)
    with engine.connect() as connection:
        kept = set(connection.execute(text("SELECT name FROM photo")).scalars())
        assert service.missing(connection, store) == []
    engine.dispose()
    assert killed == KILLS
    assert len(sent.names) == len(set(sent.names)) == UPLOADS, (sent.broken, sent.refused)
    assert set(sent.names) <= kept
    for name in sent.names:
        for width in (320, 400):
            found = store.get(f"{name}-{width}.webp")
            assert found is not None
            assert pictures.opened(found).width == width
