"""Reads from a standby: the same answers, never older than promised, and none that is missing."""

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Response
from sqlalchemy import Engine, text
from werkzeug.test import Client, TestResponse

from mapservice.app import create_app, create_served_app
from mapservice.db import postmaster
from mapservice.db.address import each_server
from mapservice.db.cluster import ClusterLease
from mapservice.db.engine import make_engine
from mapservice.db.postmaster import ClusterPaths, postmaster_pid
from mapservice.errors import ConfigurationError
from mapservice.settings import Settings
from mapservice.tiles.tile_cache.middleware import TileCacheMiddleware
from mapservice.web.edge import PRIMARY, SENT_COOKIE, SERVICES, MapserviceFlask, Services, services
from mapservice.web.request_log import READS, READS_MOVED
from tests.ops.running_site import kill, wait_for
from tests.ops.standby import as_superuser, standby_of
from tests.web.population import Made, column_row, insert

pytestmark = pytest.mark.long

RENNES = "/ogc/collections/initiatives/items?bbox=-1.8,48,-1.5,48.2&limit=1000"
TILE = "/tiles/initiatives/9/{}/{}.pbf".format(*column_row(9, -1.67, 48.11))
# What docs/cluster.md promises of a standby that is lost, and this machine's other work.
LOST_SECONDS, BUSY_SECONDS = 2.0, 3.0
DELAY_SECONDS = 3


@dataclass(slots=True)
class Pair:
    """A service in this process that reads from `standby` and writes to `primary`."""

    primary: ClusterPaths
    standby: ClusterPaths
    engine: Engine
    app: MapserviceFlask
    served: TileCacheMiddleware
    without: Client
    name: str
    titles: list[str] = field(default_factory=list)
    reading: threading.Event = field(default_factory=threading.Event)
    read_from: list[str] = field(default_factory=list)

    def get(self, path: str, **headers: str) -> TestResponse:
        return Client(self.served, use_cookies=False).get(path, headers=headers, buffered=True)

    def server_of(self, path: str) -> str:
        """Which one answered, as the metrics have it; "" for what no standby may answer."""
        before = self.counts()
        assert self.get(path).status_code == 200
        after = self.counts()
        return next((name for name in after if after[name] > before[name]), "")

    def counts(self) -> dict[str, float]:
        return {name: READS.labels(name)._value.get() for name in (PRIMARY, self.name)}

    def wait_until_standby_answers(self) -> None:
        wait_for(lambda: self.server_of(RENNES) == self.name)

    def write(self) -> str:
        """The title of a new initiative in Rennes, of which the whole machine is told."""
        self.titles.append(f"Jardin {uuid4()}")
        heard_of = self.served.cache.moment()
        with self.engine.begin() as connection:
            insert(connection, [Made(commune="35238", title=self.titles[-1])])
        wait_for(lambda: self.served.cache.moment() > heard_of)
        return self.titles[-1]

    def read_for_long(self) -> Response:
        """A view of several statements, which see one moment."""
        with services().snapshot.connect() as connection:
            self.read_from.append(services().reading().name)
            connection.execute(text("SELECT count(*) FROM cleared"))
            self.reading.set()
            connection.execute(text("SELECT pg_sleep(2)"))
            connection.execute(text("SELECT count(*) FROM cleared"))
        return Response("read")

    @contextmanager
    def paused(self) -> Iterator[None]:
        as_superuser(self.standby, "SELECT pg_wal_replay_pause()")
        state = "SELECT pg_get_wal_replay_pause_state()"
        wait_for(lambda: as_superuser(self.standby, state) == [("paused",)])
        try:
            yield
        finally:
            as_superuser(self.standby, "SELECT pg_wal_replay_resume()")


@pytest.fixture(scope="module")
def clusters(france_home: Path) -> Iterator[tuple[ClusterPaths, ClusterPaths]]:
    hold = ClusterLease(france_home, options="-F")
    try:
        as_superuser(hold.place, "ALTER SYSTEM RESET synchronous_standby_names")
        as_superuser(hold.place, "SELECT pg_reload_conf()")
        with standby_of(hold.place) as standby:
            yield hold.place, standby
    finally:
        hold.release()


@pytest.fixture(scope="module")
def pair(
    clusters: tuple[ClusterPaths, ClusterPaths], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    primary, standby = clusters
    with pytest.MonkeyPatch.context() as environ:
        for name, value in {
            "DATABASE_URL": primary.url(),
            "REPLICA_URL": standby.url(),
            "REPLICA_DELAY_MS": str(DELAY_SECONDS * 1000),
            "HOME": str(tmp_path_factory.mktemp("home")),
            "PUBLIC_URL": "http://map.test",
            "SECRET_KEY": "trial",
        }.items():
            environ.setenv(f"MAPSERVICE_{name}", value)
        served = create_served_app()
    assert isinstance(served, TileCacheMiddleware)
    app = served._application
    assert isinstance(app, MapserviceFlask)
    engine = make_engine(primary.url())
    without = create_app(
        Settings(database_url=primary.url(), public_url="http://map.test", secret_key="trial")
    )
    (name,) = each_server(standby.url(), "")
    made = Pair(primary, standby, engine, app, served, Client(without, use_cookies=False), name)

    @app.post("/trial")
    def write_trial() -> Response:
        with services().engine.begin() as connection:
            insert(connection, [Made(commune="35238", title="Jardin de qui écrit")])
        return Response("done")

    app.add_url_rule("/trial/long", view_func=made.read_for_long)
    made.get(RENNES)
    yield made
    made.served.stop()
    for one in (app, without):
        held: Services = one.extensions[SERVICES]
        held.dispose()
    engine.dispose()


def test_the_standby_gives_the_same_answers_and_no_view_asks_it_to_write(pair: Pair) -> None:
    pair.write()
    pair.wait_until_standby_answers()
    paths = [
        rule.rule
        for rule in pair.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments
    ]
    paths += [RENNES, TILE, "/territoires/commune/35238", "/ogc/collections/initiatives/items"]
    by_standby = 0
    moved = _moved(pair)
    for path in paths:
        if path.startswith(("/metrics", "/health", "/trial")):
            continue
        before = pair.counts()[pair.name]
        found, expected = pair.get(path), pair.without.get(path, buffered=True)
        assert found.status_code == expected.status_code, path
        by_standby += pair.counts()[pair.name] > before
    assert _moved(pair) == moved
    assert by_standby > 20, "it answers hardly anything"
    for path in (RENNES, TILE, "/activity/region.json"):
        assert _body(pair.get(path)) == _body(pair.without.get(path)), path


def _body(answer: TestResponse) -> bytes:
    """Without the moment of the answer."""
    return re.sub(rb'"(timeStamp|as_of)": ?"[^"]*"', b"", answer.data)


def _moved(pair: Pair) -> float:
    found = [one for metric in READS_MOVED.collect() for one in metric.samples]
    return sum(
        one.value
        for one in found
        if one.name.endswith("_total") and one.labels["server"] == pair.name
    )


def test_what_was_heard_of_is_read_although_the_standby_stands_still(pair: Pair) -> None:
    pair.wait_until_standby_answers()
    with pair.paused():
        title = pair.write()
        for _ in range(10):
            assert title in pair.get(RENNES).text
        assert pair.server_of(RENNES) == PRIMARY
    pair.wait_until_standby_answers()
    assert title in pair.get(RENNES).text


def test_a_standby_that_is_too_far_behind_is_not_asked(pair: Pair) -> None:
    """What it lacks is nothing that anybody was told of: its delay alone counts."""
    pair.wait_until_standby_answers()
    with pair.engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS untold (id integer)"))
    pair.wait_until_standby_answers()
    with pair.paused():
        with pair.engine.begin() as connection:
            connection.execute(text("INSERT INTO untold VALUES (1)"))
        paused = time.monotonic()
        wait_for(lambda: pair.server_of(RENNES) == PRIMARY)
        assert time.monotonic() - paused < DELAY_SECONDS + 10
        time.sleep(1)
        assert pair.server_of(RENNES) == PRIMARY
    pair.wait_until_standby_answers()


def test_a_write_is_read_at_once_by_who_wrote_it(pair: Pair) -> None:
    pair.wait_until_standby_answers()
    with pair.paused():
        person = Client(pair.served)
        answer = person.post("/trial")
        assert SENT_COOKIE in answer.headers["Set-Cookie"]
        assert "Jardin de qui écrit" in person.get("/initiatives").text
        assert "Jardin de qui écrit" in pair.get(RENNES).get_data(as_text=True)
    pair.wait_until_standby_answers()
    # Another machine of ours hears of no form, and the cookie says enough.
    before = pair.counts()
    assert pair.get(RENNES, Cookie=f"{SENT_COOKIE}=1").status_code == 200
    assert pair.get(RENNES, Cookie="personne=abc").status_code == 200
    assert pair.get(RENNES, Authorization="Bearer abc").status_code in (200, 401)
    assert pair.counts() == before


def test_no_stale_tile_or_page_is_kept(pair: Pair) -> None:
    """The standby is paused and let go on at random, while somebody writes and others read."""
    pair.wait_until_standby_answers()
    ended, stale = threading.Event(), []  # type: threading.Event, list[str]
    heard: list[str] = []

    def read() -> None:
        while not ended.is_set():
            known = heard[-1:]
            page = pair.get("/initiatives?territory=commune:35238&sort=recent").text
            pair.get(TILE)
            stale.extend(title for title in known if title not in page)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(6):
            with pair.paused():
                heard.append(pair.write())
                time.sleep(0.1)
            heard.append(pair.write())
            time.sleep(0.1)
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    assert stale == []
    assert pair.get(TILE).data == pair.without.get(TILE).data
    assert pair.get(TILE).data == pair.get(TILE).data


@dataclass(slots=True)
class Readers:
    """Ask without a pause; note each status, and the longest answer."""

    pair: Pair
    statuses: list[int] = field(default_factory=list)
    longest: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)

    def run(self, strike: Callable[[], None]) -> None:
        threads = [threading.Thread(target=self._read) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            wait_for(lambda: len(self.statuses) > 20)
            strike()
            wait_for(lambda: self.pair.server_of("/activity/region.json") == PRIMARY)
            several = len(self.statuses) + 40
            wait_for(lambda: len(self.statuses) > several)
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def _read(self) -> None:
        while not self._ended.is_set():
            for path in (RENNES, "/activity/region.json", "/tiles/initiatives.json"):
                begun = time.monotonic()
                self.statuses.append(self.pair.get(path).status_code)
                self.longest = max(self.longest, time.monotonic() - begun)


def test_a_standby_that_stands_still_costs_no_answer(pair: Pair) -> None:
    pair.wait_until_standby_answers()
    stopped: set[int] = set()

    def stop() -> None:
        stopped.update(postmaster.processes(pair.standby))
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)

    readers = Readers(pair)
    try:
        readers.run(stop)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert max(readers.statuses) < 500
    assert readers.longest < LOST_SECONDS + BUSY_SECONDS
    pair.wait_until_standby_answers()


def test_a_killed_standby_costs_no_answer(pair: Pair) -> None:
    pair.wait_until_standby_answers()
    readers = Readers(pair)
    readers.run(lambda: kill(postmaster_pid(pair.standby)))
    assert max(readers.statuses) < 500
    assert readers.longest < LOST_SECONDS + BUSY_SECONDS
    wait_for(lambda: not postmaster.processes(pair.standby))
    postmaster.start(pair.standby, "-F")
    pair.wait_until_standby_answers()


def test_a_statement_that_recovery_cancels_is_answered_by_the_primary(pair: Pair) -> None:
    """Whoever reads for long on a standby is cancelled by it, so that it may go on copying."""
    pair.wait_until_standby_answers()
    with pair.engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS cleared (id integer)"))
        connection.execute(text("INSERT INTO cleared VALUES (1)"))
    as_superuser(pair.standby, "ALTER SYSTEM SET max_standby_streaming_delay = 0")
    as_superuser(pair.standby, "SELECT pg_reload_conf()")
    pair.wait_until_standby_answers()
    pair.read_from.clear()
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(pair.get("/trial/long").status_code))
    thread.start()
    try:
        assert pair.reading.wait(60)
        with pair.engine.begin() as connection:
            connection.execute(text("DROP TABLE cleared"))
            connection.execute(text("CREATE TABLE cleared (id integer)"))
    finally:
        thread.join()
    assert (answers, pair.read_from) == ([200], [pair.name, PRIMARY])


def test_reads_go_on_while_no_primary_answers(pair: Pair) -> None:
    pair.write()  # an empty tile would be another answer
    pair.wait_until_standby_answers()
    pair.get(TILE)
    stopped: set[int] = set()
    try:
        stopped.update(postmaster.processes(pair.primary))
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(DELAY_SECONDS + 5)
        for path in (RENNES, TILE, "/activity/region.json"):
            begun = time.monotonic()
            assert pair.get(path).status_code == 200, path
            assert time.monotonic() - begun < LOST_SECONDS + BUSY_SECONDS
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    title = pair.write()
    wait_for(lambda: title in pair.get(RENNES).text)


def test_a_bad_address_names_its_setting() -> None:
    with pytest.raises(ConfigurationError, match="MAPSERVICE_REPLICA_URL must start with"):
        create_app(Settings(database_url="postgresql:///a", replica_url="mysql://h/db"))
