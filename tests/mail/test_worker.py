"""The worker as it runs: woken by a commit, and starting again where a killed one stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text

from mapservice.mail.service import enqueue
from tests.conftest import REPOSITORY
from tests.mail.conftest import kept, letter
from tests.mail.post_office import PostOffice

Queue = Callable[..., list[str]]
ANA, BEN = "ana@example.org", "ben@example.org"
PATIENCE = 90  # seconds; a worker that does not wake within a minute is found by its sweep

# Works off what waits in turns of one mail each, then ends.
TURNS = """
from functools import partial
from mapservice import jobs
from mapservice.settings import Settings
jobs.mail.send_due = partial(jobs.mail.send_due, seconds=0)
app = jobs.make_jobs(Settings.from_env())
with app.open():
    app.run_worker(wait=False)
"""


@pytest.fixture(autouse=True)
def no_jobs(engine: Engine) -> None:
    """What earlier tests deferred and nobody did."""
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE procrastinate_jobs CASCADE"))


def environment(engine: Engine, office: PostOffice) -> dict[str, str]:
    return os.environ | {
        "MAPSERVICE_DATABASE_URL": engine.url.set(drivername="postgresql").render_as_string(
            hide_password=False
        ),
        "MAPSERVICE_SMTP_URL": office.url,
    }


@contextmanager
def worker(engine: Engine, office: PostOffice) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-c", "from mapservice.cli.main import main; main()", "worker"]
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment(engine, office))
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_commit_wakes_the_worker(engine: Engine) -> None:
    with PostOffice() as office, worker(engine, office):
        for recipient in (ANA, BEN):
            with engine.begin() as connection:
                enqueue(connection, letter(recipient))
            assert office.arrivals.acquire(timeout=PATIENCE)
    assert [message["To"] for message in office.taken] == [ANA, BEN]


@pytest.mark.long
def test_a_killed_worker_is_followed_by_one_that_sends_what_it_left(
    engine: Engine, queue: Queue
) -> None:
    (sent,) = queue(ANA)
    with PostOffice(hang_at="content") as office:
        with worker(engine, office):
            assert office.reached.wait(PATIENCE)
        office.mend()
        with engine.begin() as connection:
            connection.execute(text("UPDATE delivery SET next_try_at = now()"))
        with worker(engine, office):
            assert office.arrivals.acquire(timeout=PATIENCE)
    assert office.message_ids == [sent]


def test_a_long_queue_is_sent_in_turns(engine: Engine, queue: Queue) -> None:
    with engine.begin() as connection:
        for number in range(5):
            enqueue(connection, letter(f"person{number}@example.org"))
        connection.execute(
            text(
                "DELETE FROM procrastinate_jobs WHERE id > (SELECT min(id) FROM procrastinate_jobs)"
            )
        )
    with PostOffice() as office:
        command = [sys.executable, "-c", TURNS]
        subprocess.run(command, cwd=REPOSITORY, env=environment(engine, office), check=True)
    assert len(office.taken) == 5
    assert kept(engine, "person4@example.org").state == "sent"
