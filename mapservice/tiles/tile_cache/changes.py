"""Hears from the database which tiles and pages change, and has them forgotten."""

import os
import selectors
import threading
import time
from dataclasses import dataclass

import psycopg
import structlog
from psycopg import sql
from sqlalchemy import Connection, text

from mapservice.db.engine import connect
from mapservice.tiles.tile_cache.store import TileCache

log = structlog.get_logger()

CHANNEL, PAGES_CHANNEL = "tile_changes", "page_changes"
EVERYTHING = "*"
# How often the database is asked whether it still speaks to us, at the least.
BEAT_SECONDS = 1.0
# So long at most who sent a form waits until what it changed has been heard of.
CATCH_UP_SECONDS = 1.0
# Tiles that were kept are not trusted when nothing was heard for so long.
PATIENCE_SECONDS = 5.0
AGAIN_SECONDS = 1.0
# While it lasts, it is told again after so long, with how often it was tried meanwhile.
TOLD_AGAIN_SECONDS = 60.0


def forget_everywhere(connection: Connection) -> None:
    """Once this transaction is committed, no process gives a tile or page that is kept now."""
    told = {"channel": CHANNEL, "tiles": EVERYTHING}
    connection.execute(text("SELECT pg_notify(:channel, :tiles)"), told)


@dataclass(slots=True)
class _Loss:
    """A time without a connection: told when it begins, now and then, and when it is over."""

    times: int = 0
    _told_at: float = 0.0

    def tell(self, error: str) -> None:
        self.times += 1
        now = time.monotonic()
        if self.times == 1 or now - self._told_at >= TOLD_AGAIN_SECONDS:
            self._told_at = now
            log.warning("tile_changes_lost", error=error, times=self.times)

    def end(self) -> None:
        if self.times:
            log.warning("tile_changes_heard_again", times=self.times)
        self.times = 0


class TileChangeListener:
    """A thread that listens as long as its process lives.

    A write is told when it is committed. Whoever hears it first forgets for all: the cache is
    shared. When the connection was lost, everything is forgotten as soon as there is another.
    """

    def __init__(self, database_url: str, cache: TileCache) -> None:
        self._url, self._cache = database_url, cache
        self._heard = float("-inf")
        self._loss = _Loss()
        self._ended = threading.Event()
        self._begun, self._done = 0, 0  # beats
        self._beaten = threading.Condition()
        self._ear, self._bell = os.pipe()
        self._thread = threading.Thread(target=self._run, name="tile changes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._beaten:
            if self._ended.is_set():
                return
            self._ended.set()
            self._wake()
        self._thread.join()
        os.close(self._ear)
        os.close(self._bell)

    def catch_up(self) -> bool:
        """Waits until all that was committed before has been heard of; False where that takes too
        long."""
        with self._beaten:
            if self._ended.is_set():  # nobody hears the bell, and its number may be another file's
                return False
            wanted = self._begun + 1
            self._wake()
            return self._beaten.wait_for(lambda: self._done >= wanted, CATCH_UP_SECONDS)

    @property
    def is_live(self) -> bool:
        """Whether every change but the latest few seconds' has been heard of."""
        return time.monotonic() - self._heard < PATIENCE_SECONDS

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._listen()
            except Exception as error:  # whatever it is, tiles are made anew until it is over
                self._heard = float("-inf")
                self._loss.tell(str(error))
                self._ended.wait(AGAIN_SECONDS)

    def _listen(self) -> None:
        with connect(self._url, autocommit=True) as connection:
            for channel in (CHANNEL, PAGES_CHANNEL):
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self._cache.forget_all()
            self._loss.end()
            with selectors.DefaultSelector() as selector:
                selector.register(connection.fileno(), selectors.EVENT_READ)
                selector.register(self._ear, selectors.EVENT_READ)
                while not self._ended.is_set():
                    self._beat(connection)
                    woken = {key.fd for key, _ in selector.select(BEAT_SECONDS)}
                    if self._ear in woken:
                        os.read(self._ear, 4096)

    def _beat(self, connection: psycopg.Connection) -> None:
        """Applies all that was committed before it began."""
        with self._beaten:
            self._begun += 1
            number = self._begun
        at = time.monotonic()
        connection.execute("SELECT")  # what was committed before has been sent by now
        for told in connection.notifies(timeout=0):
            self._apply(told.channel, told.payload)
        self._heard = at
        with self._beaten:
            self._done = number
            self._beaten.notify_all()

    def _apply(self, channel: str, payload: str) -> None:
        if channel == PAGES_CHANNEL:
            self._cache.forget_communes(None if payload == EVERYTHING else payload.split())
        elif payload == EVERYTHING:
            self._cache.forget_all()
        else:
            self._cache.forget(int(code, 16) for code in payload.split())

    def _wake(self) -> None:
        os.write(self._bell, b"1")
