"""Answers kept for tiles and pages, shared by the processes of one machine, and forgotten when
they change.

One SQLite file: its readers never wait, and it outlives no change, because every process that
uses it also hears what is written (`tiles/tile_cache/changes.py`).
"""

import json
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

from mapservice.initiatives.grid import MAX_ZOOM, Tile, interleave

# Changes are told as tiles of this zoom.
CHANGE_ZOOM = 14
# Of how many changes the file remembers the order. An answer that took longer is not kept.
REMEMBERED = 20_000
# Every so many additions the file is looked at, and the oldest share of it dropped if it is full.
LOOK_EVERY = 200
DROPPED_SHARE = 4
BUSY_SECONDS = 10
# A page tells of more than what a change of tiles is told of, and of the time of day: it is never
# older than this.
PAGE_SECONDS = 5.0
# A page of one commune is told of, and yet may say that something is of today or past: it stands
# until the hour ends, as days do in every time zone of France.
HOUR_SECONDS = 3600.0
# In the place of a code, where tiles have those from nought on: something that pages tell of was
# sent by a form, and no tile shows it; the pages of all communes; below it those of each.
FORM, EVERY_COMMUNE = -1, -2

# Raised with each change of the table of answers, which is then made anew.
SCHEMA_VERSION = 2
SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
    id   INTEGER PRIMARY KEY,
    key  TEXT    NOT NULL UNIQUE,
    zoom INTEGER NOT NULL,
    code INTEGER NOT NULL,
    made REAL    NOT NULL,
    head TEXT    NOT NULL,
    body BLOB    NOT NULL
);
CREATE INDEX IF NOT EXISTS answer_tile ON answer (zoom, code);
CREATE TABLE IF NOT EXISTS change (id INTEGER PRIMARY KEY AUTOINCREMENT, code INTEGER);
"""
# A page that is said to be of the future was made before the clock was set back.
FIND = """
SELECT head, body FROM answer
 WHERE key = :key AND (zoom <> -3 OR made BETWEEN :page_from AND :now)
   AND (zoom <> -4 OR made BETWEEN :hour_from AND :now)"""
# A change of no code is one of everything. `deeper` is how far the change's zoom lies below the
# answer's, `higher` how far above.
KEEP = """
INSERT OR REPLACE INTO answer (key, zoom, code, made, head, body)
SELECT :key, :zoom, :code, :made, :head, :body
 WHERE :moment >= (SELECT coalesce(min(id), 1) - 1 FROM change)
   AND NOT EXISTS (SELECT 1 FROM change
                    WHERE id > :moment
                      AND (code IS NULL OR :zoom = -3 OR :zoom = -1 AND code >= 0
                           OR :zoom = -4 AND code IN (:code, -2)
                           OR :zoom >= 0 AND code >> :deeper = :code >> :higher))"""
FORGET_STALE = """
DELETE FROM answer WHERE zoom = -3 AND made < :page_from OR zoom = -4 AND made < :hour_from"""
FORGET_WITHIN = "DELETE FROM answer WHERE zoom = ? AND code >= ? AND code < ?"


class ChangeExtent(IntEnum):
    """Where a change alters an answer, if not in one tile; stands in the place of its zoom."""

    ANYWHERE = -1
    NOWHERE = -2  # only a new set of territories does
    PAGE = -3  # any does, and any form that is sent
    COMMUNE = -4  # see `CommuneExtent`


@dataclass(frozen=True, slots=True)
class CommuneExtent:
    """A page that changes with initiatives of this commune alone, by its INSEE code."""

    code: str

    @property
    def number(self) -> int:
        return EVERY_COMMUNE - 1 - int(self.code, 36)


AnswerExtent = Tile | ChangeExtent | CommuneExtent


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An HTTP answer as WSGI has it."""

    status: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    @classmethod
    def unpacked(cls, head: str, body: bytes) -> Self:
        status, headers = json.loads(head)
        return cls(status, [(name, value) for name, value in headers], body)

    def head(self) -> str:
        return json.dumps([self.status, list(self.headers)])


class TileCache:
    """`keep` what `find` is to give back, until `forget`. For any number of threads.

    Raises sqlite3.Error when the file cannot be used; nothing in it is worth more than a query.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path, self._most_bytes = path, most_bytes
        self._local = threading.local()
        self._added = 0

    def find(self, key: str) -> CachedAnswer | None:
        row = self._file().execute(FIND, {"key": key, **_oldest_pages()}).fetchone()
        return CachedAnswer.unpacked(*row) if row else None

    def moment(self) -> int:
        """The latest change heard of; taken before the database is asked."""
        (latest,) = self._file().execute("SELECT coalesce(max(id), 0) FROM change").fetchone()
        return int(latest)

    def keep(self, key: str, where: AnswerExtent, moment: int, answer: CachedAnswer) -> None:
        """Keeps it unless something changed there since `moment`."""
        zoom, code = _numbered(where)
        values = {"key": key, "zoom": zoom, "code": code, "moment": moment}
        values |= {"head": answer.head(), "body": answer.body, "made": time.time()}
        below = 2 * (CHANGE_ZOOM - zoom)
        values |= {"deeper": max(below, 0), "higher": max(-below, 0)}
        self._file().execute(KEEP, values)
        self._added += 1
        if self._added % LOOK_EVERY == 0:
            self._drop_oldest()

    def forget(self, codes: Iterable[int]) -> None:
        """Forgets tiles of any zoom over or under these of CHANGE_ZOOM, and what is anywhere."""
        changed = sorted(set(codes))
        file = self._file()
        with _writing(file):
            file.executemany("INSERT INTO change (code) VALUES (?)", ((code,) for code in changed))
            file.executemany(FORGET_WITHIN, _spans(changed))
            _forget_order(file)

    def forget_communes(self, codes: Iterable[str] | None) -> None:
        """Forgets the pages of these communes, or of all; other pages grow old by themselves."""
        file = self._file()
        with _writing(file):
            if codes is None:
                file.execute("INSERT INTO change (code) VALUES (?)", (EVERY_COMMUNE,))
                file.execute("DELETE FROM answer WHERE zoom = ?", (int(ChangeExtent.COMMUNE),))
            else:
                changed = [(CommuneExtent(code).number,) for code in sorted(set(codes))]
                file.executemany("INSERT INTO change (code) VALUES (?)", changed)
                file.executemany("DELETE FROM answer WHERE zoom = -4 AND code = ?", changed)
            _forget_order(file)

    def forget_pages(self) -> None:
        """Forgets pages but for those of a commune, and keeps none that was begun before."""
        file = self._file()
        with _writing(file):
            file.execute("INSERT INTO change (code) VALUES (?)", (FORM,))
            file.execute("DELETE FROM answer WHERE zoom = ?", (int(ChangeExtent.PAGE),))
            _forget_order(file)

    def forget_all(self) -> None:
        file = self._file()
        with _writing(file):
            file.execute("INSERT INTO change (code) VALUES (NULL)")
            file.execute("DELETE FROM answer")

    def _drop_oldest(self) -> None:
        file = self._file()
        (used,) = file.execute("SELECT coalesce(sum(length(body)), 0) FROM answer").fetchone()
        file.execute(FORGET_STALE, _oldest_pages())
        if used > self._most_bytes:
            file.execute(
                """DELETE FROM answer WHERE id <= (SELECT min(id) + (max(id) - min(id)) / ?
                                                     FROM answer)""",
                (DROPPED_SHARE,),
            )

    def _file(self) -> sqlite3.Connection:
        """One connection a thread; a process that was forked makes its own."""
        opened: _OpenFile | None = getattr(self._local, "opened", None)
        if opened is None:
            opened = self._local.opened = _OpenFile(_connected(self._path))
        return opened.file


class _OpenFile:
    """A thread's connection, closed with its thread or with the cache, whichever ends first."""

    __slots__ = ("__weakref__", "file")

    def __init__(self, file: sqlite3.Connection) -> None:
        self.file = file
        weakref.finalize(self, file.close).atexit = False


def _forget_order(file: sqlite3.Connection) -> None:
    file.execute("DELETE FROM change WHERE id <= (SELECT max(id) FROM change) - ?", (REMEMBERED,))


@contextmanager
def _writing(file: sqlite3.Connection) -> Iterator[None]:
    """One transaction that waits for its turn at once rather than in the middle."""
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        file.execute("ROLLBACK")
        raise
    file.execute("COMMIT")


def _numbered(where: AnswerExtent) -> tuple[int, int]:
    """Zoom and code, or what stands in their place."""
    match where:
        case ChangeExtent():
            return int(where), 0
        case CommuneExtent():
            return int(ChangeExtent.COMMUNE), where.number
        case Tile():
            return where.z, interleave(where.x, where.y)


def _oldest_pages() -> dict[str, float]:
    now = time.time()
    return {"now": now, "page_from": now - PAGE_SECONDS, "hour_from": now - now % HOUR_SECONDS}


def _connected(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The cache may be dropped, and its files closed, by another thread than those that used them.
    file = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = OFF")  # what a crash takes would be forgotten anyway
    file.execute("PRAGMA mmap_size = 268435456")
    if _schema_version(file) != SCHEMA_VERSION:
        with _writing(file):
            if _schema_version(file) != SCHEMA_VERSION:  # another process may have been faster
                file.execute("DROP TABLE IF EXISTS answer")
                for statement in SCHEMA.split(";"):
                    file.execute(statement)
                file.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return file


def _schema_version(file: sqlite3.Connection) -> int:
    (version,) = file.execute("PRAGMA user_version").fetchone()
    return int(version)


def _spans(codes: Iterable[int]) -> list[tuple[int, int, int]]:
    """Zoom and half-open range of codes of all tiles that hold these, or that lie in them."""
    spans = {(int(extent), 0, 1) for extent in (ChangeExtent.ANYWHERE, ChangeExtent.PAGE)}
    for code in codes:
        for zoom in range(CHANGE_ZOOM + 1):
            above = code >> 2 * (CHANGE_ZOOM - zoom)
            spans.add((zoom, above, above + 1))
        for zoom in range(CHANGE_ZOOM + 1, MAX_ZOOM + 1):
            shift = 2 * (zoom - CHANGE_ZOOM)
            spans.add((zoom, code << shift, (code + 1) << shift))
    return sorted(spans)
