"""What is killed comes back, and nobody has to start the service again: the whole, for real."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from mapservice.db import postmaster
from mapservice.db.cluster import ClusterLease
from mapservice.db.postmaster import place, postmaster_pid
from tests.ops.running_site import (
    JOB_SECONDS,
    PATIENCE,
    REPOSITORY,
    Site,
    children,
    command_of,
    kill,
    serving,
    wait_for,
)

pytestmark = pytest.mark.long


@pytest.mark.parametrize("word", ["worker", "gunicorn"])
def test_a_child_that_is_killed_comes_back(own_site: Site, word: str) -> None:
    """Both are children of ours; gunicorn's is its master."""
    before = own_site.child(word)
    kill(before)
    wait_for(lambda: own_site.child(word) not in (None, before))
    own_site.check_whole()
    assert f"{word} ended by itself (SIGKILL): again in" in own_site.log.read_text()


def test_a_process_that_answers_requests_comes_back(own_site: Site) -> None:
    master = own_site.child("gunicorn")
    assert master
    before = children(master)
    kill(before[0])
    wait_for(lambda: bool(set(children(master)) - set(before)))
    own_site.check_whole()
    assert own_site.child("gunicorn") == master


def test_one_killed_backend_costs_seconds(own_site: Site) -> None:
    """PostgreSQL then starts anew, and every connection is lost."""
    with psycopg.connect(own_site.database_url, autocommit=True) as connection:
        asked = "SELECT pid FROM pg_stat_activity WHERE application_name = 'mapservice' LIMIT 1"
        row = connection.execute(asked).fetchone()
    assert row is not None
    kill(row[0])
    assert own_site.get("/initiatives").status in (200, 503)
    own_site.check_whole()


def test_a_killed_cluster_is_started_again(own_site: Site, france_home: Path) -> None:
    before = postmaster_pid(place(france_home))
    kill(before)
    wait_for(lambda: postmaster_pid(place(france_home)) not in (None, before))
    own_site.check_whole()
    assert "The database cluster runs again" in own_site.log.read_text()


def tell_all(pids: set[int], number: signal.Signals) -> None:
    """Whoever has ended meanwhile, as autovacuum does, needs to be told nothing."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def test_a_database_that_stands_still_does_not_hold_the_answer_that_we_live(
    own_site: Site, france_home: Path
) -> None:
    """Neither gone nor answering: as on a machine that swaps, or a disk that hangs."""
    server = place(france_home)
    stopped = postmaster.processes(server)
    try:
        tell_all(stopped, signal.SIGSTOP)
        with ThreadPoolExecutor(6) as pool:
            asked = [pool.submit(own_site.get, "/health/ready") for _ in range(6)]
            told = [one.result() for one in asked]
        assert {(answer.status, bool(answer.retry_after)) for answer in told} == {(503, True)}
        assert max(answer.seconds for answer in told) < 10
        live = own_site.get("/health/live")
        assert (live.status, live.seconds < 2) == (200, True)
    finally:
        tell_all(stopped, signal.SIGCONT)
    own_site.check_whole()
    assert own_site.ready()


def test_a_second_start_on_its_port_says_that_it_is_taken(own_site: Site, tmp_path: Path) -> None:
    port = own_site.base.rpartition(":")[2]
    environ = os.environ | {"PORT": port, "MAPSERVICE_HOME": str(tmp_path / "var"), "HOST": ""}
    command = [sys.executable, "-c", "from mapservice.cli.main import main; main()", "serve"]
    second = subprocess.run(
        command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {port}: Address already in use" in second.stderr
    assert "Serving on" not in second.stdout
    assert own_site.ready()


def test_links_of_mails_lead_to_where_it_serves(own_site: Site, france_home: Path) -> None:
    """A command finds the address; with the mails as files, the last one shows it."""
    environ = {k: v for k, v in os.environ.items() if not k.endswith("DATABASE_URL")}
    environ |= {"MAPSERVICE_HOME": str(france_home)}
    command = [sys.executable, "-c", "from mapservice.cli.main import main; main()"]
    granted = [*command, "users", "grant", "ana@example.org", "--role", "admin"]
    done = subprocess.run(
        granted, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    with psycopg.connect(own_site.database_url) as connection:
        row = connection.execute("SELECT text FROM delivery ORDER BY created_at DESC").fetchone()
    texts = [row[0]] if row else [file.read_text() for file in (france_home / "mail").iterdir()]
    assert any(own_site.base in text.replace("=\n", "") for text in texts)


def test_nothing_is_left_behind(france_home: Path, own_site: Site) -> None:
    """Asked to stop while a child waits for its next start. The last test of this site."""
    kill(own_site.child("worker"))
    wait_for(lambda: own_site.child("worker") is None)
    everyone = [own_site.process.pid, *children(own_site.process.pid)]
    everyone += [each for pid in everyone for each in children(pid)]
    own_site.process.terminate()
    assert own_site.process.wait(PATIENCE) == 0
    wait_for(lambda: not any(command_of(pid) for pid in everyone))
    assert not postmaster.processes(place(france_home))
    assert list((france_home / "served").iterdir()) == []


def test_without_its_database_it_says_so_and_goes_on(france_home: Path) -> None:
    """Somebody else's cluster, stopped and started under it."""
    hold = ClusterLease(france_home, options="-F")
    away = float(os.environ.get("MAPSERVICE_TEST_AWAY_SECONDS") or 8)
    try:
        with serving(france_home, hold.place.url()) as site:
            tile = "/tiles/initiatives/5/15/11.pbf"
            assert site.get(tile).status in (200, 204)
            workers = site.child("worker"), site.child("gunicorn")
            postmaster.stop(hold.place)
            end = time.monotonic() + away
            while time.monotonic() < end:
                for path in ("/health/ready", "/initiatives", "/initiatives.geojson"):
                    answer = site.get(path)
                    assert (answer.status, bool(answer.retry_after)) == (503, True)
                    assert answer.seconds < 5
                assert site.get("/health/live").status == 200
            hold.revive()
            assert site.get("/initiatives").status == 200  # the very first one
            job = site.queue_job()
            wait_for(lambda: site.is_done(job), JOB_SECONDS)
            assert site.get(tile).status in (200, 204)
            assert (site.child("worker"), site.child("gunicorn")) == workers
    finally:
        hold.release()


def test_it_starts_to_answer_without_its_database(france_home: Path) -> None:
    """Gunicorn's master dies while the database is away: its successor says 503, then works."""
    hold = ClusterLease(france_home, options="-F")
    try:
        with serving(france_home, hold.place.url()) as site:
            postmaster.stop(hold.place)
            before = site.child("gunicorn")
            kill(before)
            wait_for(lambda: site.child("gunicorn") not in (None, before))
            wait_for(lambda: site.get("/health/live").status == 200)
            assert site.get("/initiatives").status == 503
            hold.revive()
            site.check_whole()
    finally:
        hold.release()
