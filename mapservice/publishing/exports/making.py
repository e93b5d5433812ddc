"""Making exports: one at a time, each whole or not at all, kept for a while.

The worker that makes exports holds an advisory lock for as long as it lives: where a row says
"running" and nobody holds the lock, its worker has died, and `tidy` puts it back into the queue, or
gives it up after some tries.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl

import structlog
from sqlalchemy import Connection, Engine, text

from mapservice.initiatives import exports
from mapservice.initiatives.filters import InitiativeFilters, parse
from mapservice.initiatives.queries import count
from mapservice.publishing.exports import queries
from mapservice.publishing.exports.archive import write_archive
from mapservice.publishing.exports.formats import Advance, write_file
from mapservice.publishing.exports.model import (
    ARCHIVE,
    KEPT,
    MAX_ATTEMPTS,
    MAX_ZOOM,
    BundleFormat,
    ExportFormat,
    ExportJob,
    SheetFormat,
    StreamFormat,
)
from mapservice.publishing.exports.service import defer, folder
from mapservice.publishing.exports.sheets import write_sheet
from mapservice.publishing.exports.unfinished import beside, publish

log = structlog.get_logger()

LOCK_MAKING = "SELECT pg_try_advisory_xact_lock(hashtext('exports'), 1)"
CLAIM = """
    UPDATE export
       SET state = 'running', attempts = attempts + 1, done_rows = 0, total_rows = NULL
     WHERE id = (SELECT id FROM export WHERE state = 'queued' AND format = ANY(:formats)
                  ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id"""
COUNT = "UPDATE export SET total_rows = :total WHERE id = :id"
ADVANCE = "UPDATE export SET done_rows = done_rows + :rows WHERE id = :id"
FINISH = """
    UPDATE export
       SET state = 'done', bytes = :bytes, finished_at = now(), expires_at = now() + kept,
           asker = NULL
     WHERE id = :id"""
RECOVER = """
    UPDATE export
       SET state = CASE WHEN attempts < :most THEN 'queued' ELSE 'failed' END,
           asker = CASE WHEN attempts < :most THEN asker END,
           finished_at = CASE WHEN attempts < :most THEN NULL ELSE now() END,
           expires_at = CASE WHEN attempts < :most THEN NULL ELSE now() + :kept END
     WHERE state = 'running'"""
EXPIRE = "DELETE FROM export WHERE expires_at <= now() OR id = ANY(:ids)"


# Writes a bundle to a path from one snapshot; reports how many files there are, then each one.
Maker = Callable[[Connection, ExportJob, Path, Callable[[int], None], Advance], None]


def make_waiting(
    engine: Engine, home: Path, makers: Mapping[BundleFormat, Maker] | None = None
) -> int:
    """Makes waiting exports, the oldest first; returns how many. Idle while another worker does it.

    Bundles wait for a worker that has their makers.
    """
    makers = makers or {}
    formats = {"formats": [str(form) for form in (*ExportFormat, *SheetFormat, *makers)]}
    made = 0
    with engine.begin() as keeper:
        if not keeper.execute(text(LOCK_MAKING)).scalar_one():
            return 0
        while True:
            # Claimed in a transaction of its own, so that the page shows that it is being made.
            with engine.begin() as connection:
                identifier = connection.execute(text(CLAIM), formats).scalar_one_or_none()
                one = queries.find(connection, identifier) if identifier else None
            if one is None:
                return made
            _make(engine, folder(home), one, makers)
            made += 1


def tidy(engine: Engine, home: Path, max_bytes: int) -> None:
    """Deletes what expired or exceeds the quota, and requeues what a dead worker left behind."""
    with engine.begin() as connection:
        if connection.execute(text(LOCK_MAKING)).scalar_one():
            bound = {"most": MAX_ATTEMPTS, "kept": KEPT}
            connection.execute(text(RECOVER), bound)
            if queries.waiting(connection):
                defer(connection)
        # The oldest finished exports go until the others fit into `max_bytes`.
        surplus, total = [], 0
        for one in queries.finished(connection):
            total += one.bytes or 0
            if total > max_bytes:
                surplus.append(one.id)
        connection.execute(text(EXPIRE), {"ids": surplus})

    # Files, whole or not, of no export or of one that is gone are deleted. The folder is read
    # before the table, so that a file that appears meanwhile is left alone.
    shelf = folder(home)
    present = list(shelf.iterdir()) if shelf.is_dir() else []
    with engine.connect() as connection:
        kept = {one.file_name for one in queries.finished(connection)}
        running = {str(identifier) for identifier in queries.running(connection)}
    for path in present:
        if path.name in kept or path.name.lstrip(".").partition(".")[0] in running:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def save(
    connection: Connection,
    suffix: str,
    filters: InitiativeFilters,
    base_url: str,
    target: Path,
    progress: tuple[Callable[[int], None], Advance],
    max_zoom: int = MAX_ZOOM,
) -> None:
    """Writes a file in any format, named by its suffix, at once.

    `progress` is told how many steps there are, then how many are done. An archive of tiles goes
    up to `max_zoom`.
    """
    start, advance = progress
    if suffix == ARCHIVE:
        write_archive(connection, filters, target, start, advance, max_zoom)
        return
    start(count(connection, filters))
    if suffix in tuple(ExportFormat):
        write_file(connection, ExportFormat(suffix), filters, base_url, target, advance)
        return
    if suffix in tuple(SheetFormat):
        write_sheet(connection, SheetFormat(suffix), filters, base_url, target, advance)
        return
    form = StreamFormat(suffix)
    if form is StreamFormat.CSV:
        blocks = exports.csv_stream(connection, filters, base_url)
    elif form is StreamFormat.GEOJSON:
        blocks = exports.geojson_stream(connection, filters, base_url)
    else:
        separator = exports.RECORD_SEPARATOR if form is StreamFormat.GEOJSON_SEQUENCE else b""
        blocks = exports.geojson_lines(connection, filters, base_url, separator)
    with beside(target) as unfinished:
        made = unfinished / target.name
        with made.open("wb") as out:
            for block in blocks:
                out.write(block)
                advance(block.count(b"\n"))
        publish(made, target)


def _make(
    engine: Engine, shelf: Path, one: ExportJob, makers: Mapping[BundleFormat, Maker]
) -> None:
    shelf.mkdir(parents=True, exist_ok=True)
    target = shelf / one.file_name

    def start(total: int) -> None:
        _note(engine, COUNT, id=one.id, total=total)

    def advance(rows: int) -> None:
        _note(engine, ADVANCE, id=one.id, rows=rows)

    # One snapshot: the rows that are counted are those that are written.
    with engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
        if isinstance(one.format, BundleFormat):
            makers[one.format](connection, one, target, start, advance)
        else:
            filters, _ = parse(parse_qsl(one.filter))
            start(count(connection, filters))
            if isinstance(one.format, SheetFormat):
                write_sheet(connection, one.format, filters, one.base_url, target, advance)
            else:
                write_file(connection, one.format, filters, one.base_url, target, advance)
    _note(engine, FINISH, id=one.id, bytes=target.stat().st_size)
    log.info("export_made", export=str(one.id), format=one.format)


def _note(engine: Engine, statement: str, **bound: object) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), bound)
