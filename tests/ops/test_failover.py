"""The primary of an address of several is killed, or stands still: its standby is found by all."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mapservice.db import postmaster
from mapservice.db.address import with_database
from mapservice.db.cluster import ClusterLease
from mapservice.db.engine import make_engine
from mapservice.db.postmaster import ClusterPaths, postmaster_pid
from tests.conftest import temporary_database
from tests.db.test_address import url_of
from tests.ops.running_site import REPOSITORY, kill, serving, wait_for
from tests.ops.standby import as_superuser, promote, standby_of, url_of_both
from tests.relay import relay

pytestmark = pytest.mark.long

WRITERS = 4
# Of the client alone, once there is a primary again: connections, pools, a busy machine.
FOUND_SECONDS = 20
SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"


class Ledger:
    """Writers of rows with ids of their own, and which of these were acknowledged."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.acknowledged = engine, []  # type: tuple[Engine, list[str]]
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._write) for _ in range(WRITERS)]
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE ledger (id text PRIMARY KEY)"))
        for thread in self._threads:
            thread.start()

    def _write(self) -> None:
        while not self._ended.is_set():
            one = str(uuid4())
            try:
                with self.engine.begin() as connection:
                    connection.execute(text("INSERT INTO ledger VALUES (:id)"), {"id": one})
            except (DBAPIError, PoolTimeout):
                self._ended.wait(0.1)
            else:
                self.acknowledged.append(one)

    def grows(self) -> bool:
        before = len(self.acknowledged)
        wait_for(lambda: self._ended.is_set() or len(self.acknowledged) > before + WRITERS)
        return len(self.acknowledged) > before

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def lost(self) -> set[str]:
        with self.engine.connect() as connection:
            kept = set(connection.execute(text("SELECT id FROM ledger")).scalars())
        return set(self.acknowledged) - kept


@pytest.fixture
def pair(france_home: Path) -> Iterator[tuple[ClusterPaths, ClusterPaths]]:
    """A primary and its synchronous standby."""
    hold = ClusterLease(france_home, options="-F")
    try:
        # Of a test before: nothing would be committed until there is a standby.
        as_superuser(hold.place, "ALTER SYSTEM RESET synchronous_standby_names")
        with standby_of(hold.place) as standby:
            as_superuser(hold.place, "ALTER SYSTEM SET synchronous_standby_names = '*'")
            as_superuser(hold.place, "SELECT pg_reload_conf()")
            wait_for(lambda: as_superuser(hold.place, SYNCHRONOUS) == [(1,)])
            yield hold.place, standby
    finally:
        hold.release()


def test_the_standby_of_a_killed_primary_is_found_and_nothing_acknowledged_is_lost(
    pair: tuple[ClusterPaths, ClusterPaths], tmp_path: Path
) -> None:
    primary, standby = pair
    url = url_of_both(primary, standby)
    engine = make_engine(url, pool_size=WRITERS)
    with serving(tmp_path, url) as site:
        site.check_whole()
        children = site.child("gunicorn"), site.child("worker")
        ledger = Ledger(engine)
        try:
            assert ledger.grows()
            kill(postmaster_pid(primary))
            wait_for(lambda: not postmaster.processes(primary))
            promote(standby)
            begun = time.monotonic()
            assert ledger.grows()
            assert time.monotonic() - begun < FOUND_SECONDS
            wait_for(lambda: site.get("/initiatives").status == 200)
        finally:
            ledger.close()
        assert ledger.lost() == set()
        assert len(ledger.acknowledged) > WRITERS
        site.check_whole()
        assert (site.child("gunicorn"), site.child("worker")) == children
    engine.dispose()


WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "AUTOCOMMIT"])
def test_what_no_standby_has_confirmed_is_not_told_as_done(
    pair: tuple[ClusterPaths, ClusterPaths], isolation: str
) -> None:
    """For PostgreSQL a commit is done, with a warning, when somebody cancels its wait."""
    primary, standby = pair
    engine = make_engine(primary.url()).execution_options(isolation_level=isolation)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS confirmed (id integer)"))
    postmaster.stop(standby)

    def write() -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO confirmed VALUES (1)"))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        wait_for(lambda: bool(as_superuser(primary, WAITING)))
        as_superuser(primary, f"SELECT pg_cancel_backend(pid) FROM ({WAITING}) AS waiting")
        with pytest.raises(OperationalError, match="no standby has confirmed"):
            writing.result()
    engine.dispose()


def test_the_worker_leaves_a_server_that_stands_still_while_another_answers(
    server_url: str, france_template: str, tmp_path: Path
) -> None:
    """Whoever keeps it going starts another one."""
    with (
        temporary_database(server_url, "worked", france_template) as own,
        relay(server_url) as first,
        relay(server_url) as second,
    ):
        name = own.partition("?")[0].rpartition("/")[2]
        url = with_database(url_of(server_url, first.port, second.port), name)
        environ = os.environ | {"MAPSERVICE_DATABASE_URL": url, "MAPSERVICE_HOME": str(tmp_path)}
        command = [sys.executable, "-c", "from mapservice.cli.main import main; main()", "worker"]
        log = tmp_path / "worker.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(
                command, cwd=REPOSITORY, env=environ, stdout=output, stderr=output
            )
        try:
            alive = text("SELECT count(*) FROM procrastinate_workers")
            engine = make_engine(own)
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                wait_for(lambda: bool(connection.execute(alive).scalar_one()))
            engine.dispose()
            assert (first.connections > 1, second.connections) == (True, 0)
            first.still.set()
            assert worker.wait(60) == 1
            assert "worker_leaves_silent_server" in log.read_text()
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
