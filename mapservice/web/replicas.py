"""Which standbys of the database may answer: those that copy, answer, and are not too far behind.

A thread for each server asks it some four times a second how far its log (WAL) goes. The primary's
answers, each with its moment, say what a standby that has replayed so much must know: everything
that was committed before the question. So no clock of another machine counts, and neither does a
standby's own word on its delay, which grows while nobody writes and is nought where it is cut off.

The moments are those of the tile cache (`tiles/tile_cache/store.py`): how many changes and forms
this machine has heard of. What was heard of before a request, a standby that answers it has
replayed.
"""

import itertools
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from psycopg import Connection as Driver
from psycopg import OperationalError
from psycopg.pq import ExecStatus
from sqlalchemy import Engine

from mapservice.db.engine import answer_within, autocommit_of, connect, snapshot_of
from mapservice.web import request_log

log = structlog.get_logger()

# How often each server is asked, and how long it has to answer. A standby that stands still is
# left after both.
BEAT_SECONDS, ANSWER_SECONDS = 0.25, 0.5
# Until a server that is lost, or no standby, is connected to once more.
AGAIN_SECONDS = 1.0
# Whoever wants to know sooner, as something was just written, waits at least so long in between.
PAUSE_SECONDS = 0.02
# A primary that says nothing for so long is not waited for by what a standby may answer as well.
# One question of ours may be lost or late, of a busy machine: so it has half of that to answer, and
# is then asked once more, by a new connection, before it is taken for lost.
PRIMARY_SECONDS, PRIMARY_ANSWER_SECONDS = 3.0, 1.5
# Some more samples than the delay allowed, so that the figures of a later standby are true.
REMEMBERED_SECONDS = 30.0

# Of a commit that waits for the disk, all is flushed before anybody hears of it.
PRIMARY = b"""
SELECT (CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn()
        ELSE pg_current_wal_flush_lsn() END - '0/0')::bigint"""
STANDBY = b"""
SELECT coalesce(pg_last_wal_replay_lsn() - '0/0', -1)::bigint WHERE pg_is_in_recovery()"""


@dataclass(frozen=True, slots=True)
class ServerEngines:
    """The pools that lead to one server, or to whichever is the primary."""

    name: str
    engine: Engine
    autocommit: Engine
    snapshot: Engine
    generic_plan: Engine

    @classmethod
    def of(cls, name: str, engine: Engine, generic_plan: Engine) -> "ServerEngines":
        return cls(name, engine, autocommit_of(engine), snapshot_of(engine), generic_plan)

    def dispose(self) -> None:
        self.engine.dispose()
        self.generic_plan.dispose()


class WalSample(NamedTuple):
    """What had been heard of when the primary's log went so far. `at` is of the monotonic clock."""

    at: float
    moment: int
    position: int


class ServerWatch(ABC):
    """A thread that asks one server again and again, as long as it is wanted."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._ended,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Does not wait: whoever connects to a server that stands still takes seconds."""
        self._ended.set()
        self._wake.set()
        self.lost()

    def ask_soon(self) -> None:
        self._wake.set()

    @abstractmethod
    def heard(self, position: int, asked_at: float) -> None: ...

    @abstractmethod
    def lost(self) -> None: ...

    @abstractmethod
    def position(self, driver: Driver[Any]) -> int | None:
        """In bytes of the log; None from a server that does not say it soon enough."""

    def connected(self) -> None:
        """Called at each new connection: it may lead to another server."""
        return

    def tell(self) -> None:
        """Writes its figures, in the process of its thread."""
        return

    def _run(self, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                self._watch(ended)
            except OperationalError:
                pass
            except Exception as error:  # whatever it is, the primary answers until it is over
                log.warning("replica_watch_failed", error=str(error))
            if not ended.is_set():
                self.lost()
                self.tell()
            ended.wait(self.pause_until_asked_again())

    def pause_until_asked_again(self) -> float:
        """In seconds, once it is lost."""
        return AGAIN_SECONDS

    def _watch(self, ended: threading.Event) -> None:
        driver = connect(self._url, autocommit=True)
        try:
            self.connected()
            while not ended.is_set():
                asked_at = time.monotonic()
                found = self.position(driver)
                if found is None:
                    return
                self.heard(found, asked_at)
                self.tell()
                self._wake.wait(BEAT_SECONDS)
                self._wake.clear()
                ended.wait(max(asked_at + PAUSE_SECONDS - time.monotonic(), 0))
        finally:
            driver.close()


def _number_told(driver: Driver[Any], statement: bytes, seconds: float) -> int | None:
    result = answer_within(driver, statement, seconds)
    if result is None or result.status != ExecStatus.TUPLES_OK or not result.ntuples:
        return None
    value = result.get_value(0, 0)
    return int(value) if value else None


class PrimaryWatch(ServerWatch):
    """How far the primary's log went, and when."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.moment: Callable[[], int] = lambda: 0
        self.on_sample: Callable[[], None] = lambda: None
        self.on_other_server: Callable[[], None] = lambda: None
        self._samples: list[WalSample] = []
        self._lock = threading.Lock()
        self._heard_of = 0
        self._is_lost, self._was_asked_again = True, True
        self._spoke_at = time.monotonic()

    @property
    def last(self) -> WalSample | None:
        samples = self._samples
        return samples[-1] if samples else None

    @property
    def is_silent(self) -> bool:
        """Neither an answer nor a new connection for so long: a lost question alone is no proof."""
        return self._is_lost and time.monotonic() - self._spoke_at > PRIMARY_SECONDS

    def pause_until_asked_again(self) -> float:
        """At once the first time."""
        again, self._was_asked_again = self._was_asked_again, True
        return AGAIN_SECONDS if again else 0

    def proven_by(self, position: int) -> WalSample | None:
        """The latest sample all of which a standby knows that has replayed so far."""
        with self._lock:
            return next((one for one in reversed(self._samples) if one.position <= position), None)

    def position(self, driver: Driver[Any]) -> int | None:
        self._heard_of = self.moment()  # before the question: all of it is in the log by then
        return _number_told(driver, PRIMARY, PRIMARY_ANSWER_SECONDS)

    def connected(self) -> None:
        """The log of another primary is another one, were it of the same length."""
        self._spoke_at = time.monotonic()
        with self._lock:
            self._samples = []
        self.on_other_server()

    def heard(self, position: int, asked_at: float) -> None:
        sample = WalSample(asked_at, self._heard_of, position)
        last = self.last
        if last and (position < last.position or sample.moment < last.moment):
            self.connected()
        with self._lock:
            since = asked_at - REMEMBERED_SECONDS
            self._samples = [*(one for one in self._samples if one.at > since), sample]
        self._is_lost, self._was_asked_again = False, False
        self._spoke_at = time.monotonic()
        if last is None or sample.moment != last.moment:
            self.on_sample()

    def lost(self) -> None:
        self._is_lost = True


class ReplicaWatch(ServerWatch):
    """Whether a standby answers and copies, and what it must know: `proven`."""

    def __init__(self, name: str, url: str, primary: PrimaryWatch) -> None:
        super().__init__(url)
        self.name, self._primary = name, primary
        self.is_live = False
        self.proven: WalSample | None = None
        self._since = 0.0

    def position(self, driver: Driver[Any]) -> int | None:
        return _number_told(driver, STANDBY, ANSWER_SECONDS)

    def heard(self, position: int, asked_at: float) -> None:
        if not self.is_live:
            self._since = asked_at
            log.info("replica_found", server=self.name)
        self.proven = self._primary.proven_by(position) or self.proven
        self.is_live = True

    def lost(self) -> None:
        """It may come back knowing less: it replays anew from where it last was safe."""
        if self.is_live:
            log.warning("replica_lost", server=self.name)
        self.is_live, self.proven = False, None

    def tell(self) -> None:
        request_log.REPLICA_UP.labels(self.name).set(self.is_live)
        last, proven = self._primary.last, self.proven
        if last and self.is_live:
            known = proven.at if proven else self._since
            request_log.REPLICA_DELAY.labels(self.name).set(max(last.at - known, 0))

    def forget_proof(self) -> None:
        self.proven = None


class Replicas:
    """The standbys of MAPSERVICE_REPLICA_URL, watched from the first request of a process on.

    `make` makes the pools of one of them, of its name, its URL and whether it is given up.
    """

    def __init__(
        self,
        primary_url: str,
        urls: Mapping[str, str],
        delay_seconds: float,
        make: Callable[[str, str, Callable[[], bool]], ServerEngines],
    ) -> None:
        self._delay_seconds = delay_seconds
        self._primary = PrimaryWatch(primary_url)
        self._watches = {name: ReplicaWatch(name, url, self._primary) for name, url in urls.items()}
        self._engines = {
            name: make(name, urls[name], _given_up(watch)) for name, watch in self._watches.items()
        }
        self._primary.on_sample = self._ask_standbys
        self._primary.on_other_server = self._forget_proofs
        self._process, self._starting = 0, threading.Lock()
        self._turn = itertools.count()

    def hear_of(self, moment: Callable[[], int]) -> None:
        """How many changes and forms this machine has heard of at this moment."""
        self._primary.moment = moment

    def start(self, process: int) -> None:
        """In this process: threads that were started before a fork are not ours."""
        if self._process != process:
            with self._starting:
                if self._process != process:
                    for watch in (self._primary, *self._watches.values()):
                        watch.start()
                    self._process = process

    def dispose(self) -> None:
        self._process = 0
        for watch in (self._primary, *self._watches.values()):
            watch.stop()
        for engines in self._engines.values():
            engines.dispose()

    def fit_for(self, moment: int | None) -> ServerEngines | None:
        """One that has replayed all that was heard of by then, and is not too far behind."""
        found = [
            watch.name
            for watch in self._not_too_late()
            if moment is not None and (proven := watch.proven) and proven.moment >= moment
        ]
        if not found:
            self._primary.ask_soon()
        return self._one_of(found)

    def last_resort(self, tried: Collection[str] = ()) -> ServerEngines | None:
        """One that is not too far behind what the primary, now away, was known to have written."""
        found = [watch.name for watch in self._not_too_late() if watch.name not in tried]
        return self._one_of(found)

    @property
    def is_primary_silent(self) -> bool:
        return self._primary.is_silent

    def give_up(self, name: str) -> None:
        """Until it is heard of again."""
        self._watches[name].lost()

    def _one_of(self, names: list[str]) -> ServerEngines | None:
        """Each in its turn."""
        return self._engines[names[next(self._turn) % len(names)]] if names else None

    def _not_too_late(self) -> list[ReplicaWatch]:
        last = self._primary.last
        if last is None:
            return []
        return [
            watch
            for watch in self._watches.values()
            if watch.is_live
            and (proven := watch.proven)
            and last.at - proven.at <= self._delay_seconds
        ]

    def _ask_standbys(self) -> None:
        for watch in self._watches.values():
            watch.ask_soon()

    def _forget_proofs(self) -> None:
        for watch in self._watches.values():
            watch.forget_proof()


def _given_up(watch: ReplicaWatch) -> Callable[[], bool]:
    return lambda: not watch.is_live
