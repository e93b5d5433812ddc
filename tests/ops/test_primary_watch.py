"""A question that the primary did not answer in time is no lost primary."""

import os
import signal
import time

import pytest
from sqlalchemy import Engine, text

from mapservice.web.replicas import PRIMARY_SECONDS, PrimaryWatch
from tests.ops.running_site import wait_for

# Of the backends of this user's watches: those that asked last how far the log goes.
WATCHING = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND query LIKE '%pg_current_wal_flush_lsn%'
   AND pid <> pg_backend_pid()"""


def test_a_new_connection_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    watch = PrimaryWatch("postgresql://nobody")
    watch.heard(1, now[0])
    now[0] += PRIMARY_SECONDS + 1
    watch.lost()
    assert watch.is_silent
    watch.connected()
    assert not watch.is_silent
    watch.lost()  # it let us in, and was too slow to say how far it is
    assert not watch.is_silent
    now[0] += PRIMARY_SECONDS + 1
    assert watch.is_silent


def test_a_lost_watch_asks_once_more_at_once() -> None:
    watch = PrimaryWatch("postgresql://nobody")
    assert watch.pause_until_asked_again() > 0
    watch.heard(1, time.monotonic())
    assert watch.pause_until_asked_again() == 0
    assert watch.pause_until_asked_again() > 0


def test_a_connection_that_stands_still_is_no_lost_primary(
    engine: Engine, database_url: str
) -> None:
    watch = PrimaryWatch(database_url)
    watch.start()
    stopped: int | None = None
    try:
        wait_for(lambda: watch.last is not None)
        with engine.connect() as connection:
            stopped = connection.execute(text(WATCHING)).scalar_one()
        try:
            os.kill(stopped, signal.SIGSTOP)
        except PermissionError:
            pytest.skip("the server is another user's")
        before = watch.last
        wait_for(lambda: watch.last is not None and watch.last is not before)
        assert not watch.is_silent
        since = watch.last
        wait_for(lambda: watch.last is not since)
        with engine.connect() as connection:
            assert stopped in connection.execute(text(WATCHING)).scalars().all()
    finally:
        watch.stop()
        if stopped is not None:
            os.kill(stopped, signal.SIGCONT)
