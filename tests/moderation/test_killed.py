"""Four writers as processes, killed at random and begun again: nothing lost, nothing counted twice.

`MAPSERVICE_KILL_WRITES` says how many writes each does (150 unless set; 5000 takes many minutes).
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, text

from mapservice.contributions.supports.queries import differences as support_differences
from mapservice.rollups.queries import differences as rollup_differences
from mapservice.rollups.service import compact
from tests.web.population import Made, insert

pytestmark = pytest.mark.long

WRITERS, PEOPLE, INITIATIVES = 4, 6, 24
WRITES = int(os.environ.get("MAPSERVICE_KILL_WRITES", "150"))
REPOSITORY = Path(__file__).resolve().parents[2]

CROWD = """
INSERT INTO person (email, email_key, name, confirmed_at)
SELECT email, email, CAST(writer AS text), now()
  FROM generate_series(0, :writers - 1) AS writer, generate_series(1, :people) AS number,
       LATERAL (SELECT 'p' || writer || '-' || number || '@example.org') AS given (email)"""

DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

# Whom each counts for, walked along `merge` itself.
LINES = """
WITH RECURSIVE up (member, ancestor) AS (
    SELECT initiative, target FROM merge
     UNION
    SELECT up.member, merge.target FROM up JOIN merge ON merge.initiative = up.ancestor
), due AS (
    SELECT ancestor, member FROM up UNION SELECT ancestor, ancestor FROM up
)
SELECT count(*) FROM due FULL JOIN merge_line USING (ancestor, member)
 WHERE due.ancestor IS NULL OR merge_line.ancestor IS NULL"""

STATES = """
SELECT count(*) FROM initiative FULL JOIN merge ON merge.initiative = initiative.id
 WHERE (merge.initiative IS NOT NULL) <> (initiative.status = 'merged')"""


@dataclass
class Life:
    """A writer from one start to its end: killed once so many writes are done, if not ended."""

    process: subprocess.Popen[bytes]
    dies_after: int


@dataclass
class Trial:
    """The writers, their logs, and how often one was killed."""

    url: str
    folder: Path
    dice: Random = field(default_factory=lambda: Random(7))
    running: dict[int, Life] = field(default_factory=dict)
    kills: int = 0

    def log(self, number: int) -> Path:
        return self.folder / f"{number}.log"

    def lines(self, number: int) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log(number).read_text().splitlines()]

    def done(self, number: int) -> int:
        return self.log(number).read_bytes().count(b'{"done"')

    def begin(self, number: int) -> None:
        log = self.log(number)
        log.touch()
        whole = log.read_bytes()
        log.write_bytes(whole[: whole.rfind(b"\n") + 1])  # it may have been killed in a line
        done = self.done(number)
        more = (str(number), str(WRITES - done), str(log), str(self.dice.random()))
        command = [sys.executable, "-m", "tests.moderation.writer", self.url, *more]
        dies_after = done + self.dice.randint(min(WRITES // 6, 100), min(WRITES // 2, 800))
        self.running[number] = Life(subprocess.Popen(command, cwd=REPOSITORY), dies_after)

    def run(self) -> None:
        """Until all have done their writes."""
        for number in range(WRITERS):
            self.begin(number)
        while self.running:
            time.sleep(0.02 + WRITES / 20_000)  # a look reads the logs
            for number, life in list(self.running.items()):
                self.look(number, life)

    def look(self, number: int, life: Life) -> None:
        ended = life.process.poll()
        if ended is None and self.done(number) >= life.dies_after:
            life.process.send_signal(signal.SIGKILL)
            ended = life.process.wait()
            self.kills += ended != 0
        if ended is None:
            return
        assert ended in (0, -signal.SIGKILL), self.lines(number)[-1]
        del self.running[number]
        if self.done(number) < WRITES:
            self.begin(number)


def test_writers_that_are_killed_lose_nothing(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    made = [Made(commune="35238", supporters=number) for number in range(INITIATIVES)]
    with engine.begin() as connection:
        insert(connection, made)
        connection.execute(text(CROWD), {"writers": WRITERS, "people": PEOPLE})
        connection.execute(text("DELETE FROM removal"))
    before = deadlocks(engine)
    trial = Trial(database_url, tmp_path)
    trial.run()
    assert trial.kills > 0
    assert deadlocks(engine) == before
    for _ in range(2):
        with engine.connect() as connection:
            assert rollup_differences(connection) == []
            assert support_differences(connection) == []
            assert connection.execute(text(LINES)).scalar_one() == 0
            assert connection.execute(text(STATES)).scalar_one() == 0
            assert connection.execute(text(QUEUE)).scalar_one() == 0
        compact(engine)
    lines = [trial.lines(number) for number in range(WRITERS)]
    check_acknowledged(engine, lines)
    tally = Counter(line["done"]["verb"] for one in lines for line in one if "done" in line)
    print(f"{dict(tally)}, {trial.kills} kills")
    assert tally.keys() == {
        "create", "support", "withdraw", "move", "merge", "unmerge", "delete",
    }  # fmt: skip


def deadlocks(engine: Engine) -> int:
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        return int(connection.execute(text(DEADLOCKS)).scalar_one())


def check_acknowledged(engine: Engine, logs: list[list[dict[str, Any]]]) -> None:
    """Each write that was noted after its commit is there, or somebody set out to delete it."""
    with engine.connect() as connection:
        known = set(connection.execute(text("SELECT CAST(id AS text) FROM initiative")).scalars())
        backed: dict[str, set[str]] = {}
        for person, initiative in connection.execute(text(BACKED)):
            backed.setdefault(person, set()).add(initiative)
        logged = Counter(tuple(row) for row in connection.execute(text(DECIDED)))
    gone = {
        line["before"]["id"]
        for log in logs
        for line in log
        if line.get("before", {}).get("verb") == "delete" and "id" in line["before"]
    }
    for log in logs:
        done = [line["done"] for line in log if "done" in line]
        assert {one["id"] for one in done if one["verb"] == "create"} <= known | gone
        assert not {one["id"] for one in done if one["verb"] == "delete"} & known
        for person, last in last_backed(log).items():
            assert backed.get(person, set()) - gone == last - gone, person
    acknowledged = Counter(
        (f"Writer {number}", one["verb"], one["id"])
        for number, log in enumerate(logs)
        for one in (line["done"] for line in log if "done" in line)
        if one["verb"] in ("merge", "unmerge")
    )
    assert not acknowledged - logged


def last_backed(log: list[dict[str, Any]]) -> dict[str, set[str]]:
    """What each person backs by the last word of their writer, where nothing was begun after it."""
    found: dict[str, set[str]] = {}
    for number, line in enumerate(log):
        one = line.get("done") or line.get("before") or {}
        if "done" in line and "backed" in one:
            found[one["person"]] = set(one["backed"])
        elif one.get("verb") in ("support", "withdraw"):
            answered = number + 1 < len(log) and log[number + 1].get("done")
            if not answered:
                found.pop(one["person"], None)
    return found


BACKED = """
SELECT CAST(person AS text), CAST(initiative AS text)
  FROM support WHERE withdrawn_at IS NULL AND person IS NOT NULL"""

DECIDED = "SELECT decided_by, verdict, CAST(initiative AS text) FROM decision"

QUEUE = """
SELECT count(*)
  FROM waiting_now
  FULL JOIN (SELECT * FROM waiting WHERE kind <> 'burst') AS kept USING (kind, id)
 WHERE waiting_now.since IS DISTINCT FROM kept.since"""
