"""What is written meanwhile: forms that people send, and initiatives that become public.

A form (a support, confirmed by mail later) has pages that are kept made anew; what becomes public,
written as the transaction of a moderator's decision writes it, has its tiles made anew.
"""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from scripts.chaos_trial.visitor import Visitor

PUBLISH = """
INSERT INTO initiative (title, theme, scale, status, precision, commune, created_at)
VALUES (%s, 'environnement', 'commune', 'published', 'commune', %s, now())"""
SOME = """
SELECT id::text FROM initiative
 WHERE status = 'published' AND commune IS NOT NULL ORDER BY id DESC LIMIT 500"""


@dataclass(slots=True)
class Writes:
    """`done` by what it was; `failed` says why."""

    port: int
    url: str
    codes: Sequence[str]
    a_second: float
    done: dict[str, int] = field(default_factory=lambda: {"form": 0, "publication": 0})
    failed: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        if self.a_second:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        dice, since = random.Random(1), time.monotonic()
        with psycopg.connect(self.url, autocommit=True) as connection:
            known = [one for (one,) in connection.execute(SOME)]
            number = 0
            while not self._ended.wait(max(since + number / self.a_second - time.monotonic(), 0)):
                number += 1
                if number % 2 and known:
                    self._send_form(number, dice.choice(known))
                    continue
                title = f"Un jardin de lancement {number}"
                connection.execute(PUBLISH, (title, dice.choice(self.codes)))
                self.done["publication"] += 1

    def _send_form(self, number: int, identifier: str) -> None:
        network = f"10.254.{number // 250 % 250}.{number % 250 + 1}"
        visitor, path = Visitor(self.port, network), f"/initiatives/{identifier}/soutenir"
        page, forms = visitor.forms(path)
        form = next((one for one in forms if one.action == path), None)
        if form is None:
            self.failed.append(f"{path}: {page.status}, no form")
            return
        typed = {**form.fields, "email": f"lancement{number}@example.org"}
        answer = visitor.post(form.action, typed)
        if answer.status == 303:
            self.done["form"] += 1
        else:
            self.failed.append(f"{path}: {answer.status}")
