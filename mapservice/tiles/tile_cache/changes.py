"""Hears from the database which tiles change, and has them forgotten."""

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

CHANNEL = "tile_changes"
EVERYTHING = "*"
# How often the database is asked whether it still speaks to us, at the least.
BEAT_SECONDS = 1.0
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
        self._thread = threading.Thread(target=self._run, name="tile changes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

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
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            self._cache.forget_all()
            self._loss.end()
            while not self._ended.is_set():
                beat = time.monotonic()
                connection.execute("SELECT")  # what was committed before has been sent by now
                self._hear(connection, 0)
                self._heard = beat
                self._hear(connection, BEAT_SECONDS)

    def _hear(self, connection: psycopg.Connection, seconds: float) -> None:
        for told in connection.notifies(timeout=seconds):
            self._apply(told.payload)

    def _apply(self, payload: str) -> None:
        if payload == EVERYTHING:
            self._cache.forget_all()
        else:
            self._cache.forget(int(code, 16) for code in payload.split())
