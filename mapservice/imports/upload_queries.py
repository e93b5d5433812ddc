"""Files that people sent to be imported, and where they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from mapservice.db.engine import fill

UNFINISHED = ("sent", "checking", "accepted", "importing", "undoing")


@dataclass(frozen=True, slots=True)
class ImportUpload:
    """A file as it stands; `options` and `preview` as `uploads.py` writes them."""

    id: UUID
    person: UUID | None
    sent_by: str
    file_name: str
    state: str
    options: dict[str, Any]
    preview: dict[str, Any]
    done_rows: int
    total_rows: int
    attempts: int
    reason: str
    run: int | None
    sent_at: datetime

    @property
    def is_unfinished(self) -> bool:
        return self.state in UNFINISHED


def insert(
    connection: Connection,
    identifier: UUID,
    person: UUID | None,
    sent_by: str,
    file_name: str,
    options: Mapping[str, Any],
) -> None:
    """Keeps that a file was sent."""
    statement = text(INSERT).bindparams(bindparam("options", type_=JSONB))
    bound = {"id": identifier, "person": person, "sent_by": sent_by, "file_name": file_name[:300]}
    connection.execute(statement, bound | {"options": dict(options)})


def find(connection: Connection, identifier: UUID) -> ImportUpload | None:
    """One file, or None."""
    row = connection.execute(text(fill(ONE, {"columns": COLUMNS})), {"id": identifier})
    found = row.one_or_none()
    return ImportUpload(**found._mapping) if found else None


def of_runs(connection: Connection, runs: Sequence[int]) -> dict[int, ImportUpload]:
    """The files of some runs, by run; those of commands and of days past are none."""
    rows = connection.execute(text(fill(OF_RUNS, {"columns": COLUMNS})), {"runs": list(runs)})
    return {row.run: ImportUpload(**row._mapping) for row in rows}


def recent(
    connection: Connection, person: UUID | None, *, of_all: bool, limit: int
) -> list[ImportUpload]:
    """The newest first: of one person, or of all."""
    rows = connection.execute(
        text(fill(RECENT, {"columns": COLUMNS})),
        {"person": person, "of_all": of_all, "limit": limit},
    )
    return [ImportUpload(**row._mapping) for row in rows]


def waiting(connection: Connection, person: UUID | None) -> int:
    """How many files of one person a worker has still to look at."""
    bound = {"person": person, "states": list(UNFINISHED)}
    return int(connection.execute(text(COUNT_WAITING), bound).scalar_one())


def ask(
    connection: Connection,
    identifier: UUID,
    state: str,
    options: Mapping[str, Any],
    of: tuple[str, ...],
) -> bool:
    """Hands a file to the worker with new choices; False where it is in another state by now."""
    statement = text(ASK).bindparams(bindparam("options", type_=JSONB))
    bound = {"id": identifier, "state": state, "options": dict(options), "of": list(of)}
    done = connection.execute(statement, bound).rowcount == 1
    if done:
        connection.execute(text(DEFER))
    return done


def defer(connection: Connection) -> None:
    """Wakes a worker once the transaction is committed."""
    connection.execute(text(DEFER))


def claim(connection: Connection) -> ImportUpload | None:
    """The file that waits longest, taken up."""
    identifier = connection.execute(text(CLAIM)).scalar_one_or_none()
    return find(connection, identifier) if identifier else None


def rename(connection: Connection, identifier: UUID, file_name: str) -> None:
    """Keeps how a file is called, once it is fetched."""
    statement = text("UPDATE import_upload SET file_name = :name WHERE id = :id")
    connection.execute(statement, {"id": identifier, "name": file_name})


def advance(connection: Connection, identifier: UUID, done: int, total: int) -> None:
    """Keeps how far a worker is."""
    connection.execute(text(ADVANCE), {"id": identifier, "done": done, "total": total})


def settle(
    connection: Connection,
    identifier: UUID,
    state: str,
    *,
    preview: Mapping[str, Any] | None = None,
    run: int | None = None,
    reason: str = "",
) -> None:
    """Keeps what became of a file; without a preview the former one stays."""
    statement = text(SETTLE).bindparams(bindparam("preview", type_=JSONB(none_as_null=True)))
    bound = {
        "id": identifier,
        "state": state,
        "preview": dict(preview) if preview is not None else None,
        "run": run,
        "reason": reason,
    }
    connection.execute(statement, bound)


def recover(connection: Connection, most: int) -> int:
    """Hands files back whose worker died, or gives them up; returns how many wait."""
    connection.execute(text(RECOVER), {"most": most})
    return int(connection.execute(text(STILL), {"states": list(UNFINISHED)}).scalar_one())


def expire(connection: Connection) -> None:
    """Forgets files that were sent a day ago, and are not being looked at."""
    connection.execute(text(EXPIRE), {"states": list(UNFINISHED)})


def identifiers(connection: Connection) -> set[str]:
    """Those of all files that are kept."""
    rows = connection.execute(text("SELECT text(id) FROM import_upload"))
    return set(rows.scalars())


COLUMNS = """
id, person, sent_by, file_name, state, options, preview, done_rows, total_rows, attempts, reason,
run, sent_at"""

OF_RUNS = "SELECT {columns} FROM import_upload WHERE run = ANY(:runs) ORDER BY sent_at"

INSERT = """
INSERT INTO import_upload (id, person, sent_by, file_name, options)
VALUES (:id, :person, :sent_by, :file_name, :options)"""

ONE = "SELECT {columns} FROM import_upload WHERE id = :id"

RECENT = """
SELECT {columns} FROM import_upload
 WHERE :of_all OR person = CAST(:person AS uuid)
 ORDER BY sent_at DESC, id LIMIT :limit"""

COUNT_WAITING = """
SELECT count(*) FROM import_upload
 WHERE person IS NOT DISTINCT FROM CAST(:person AS uuid) AND state = ANY(:states)"""

ASK = """
UPDATE import_upload
   SET state = :state, options = :options, attempts = 0, done_rows = 0, reason = ''
 WHERE id = :id AND state = ANY(:of)"""

DEFER = """
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('default', 'run_imports', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1])"""

CLAIM = """
UPDATE import_upload
   SET state = CASE state WHEN 'sent' THEN 'checking' WHEN 'accepted' THEN 'importing'
                          ELSE state END,
       attempts = attempts + 1
 WHERE id = (SELECT id FROM import_upload
              WHERE state IN ('sent', 'accepted') OR (state = 'undoing' AND attempts = 0)
              ORDER BY sent_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id"""

ADVANCE = "UPDATE import_upload SET done_rows = :done, total_rows = :total WHERE id = :id"

SETTLE = """
UPDATE import_upload
   SET state = :state, reason = :reason, preview = coalesce(:preview, preview),
       run = coalesce(:run, run)
 WHERE id = :id"""

RECOVER = """
UPDATE import_upload
   SET state = CASE WHEN attempts >= :most THEN 'failed' WHEN state = 'checking' THEN 'sent'
                    WHEN state = 'importing' THEN 'accepted' ELSE state END,
       reason = CASE WHEN attempts >= :most THEN 'broken off' ELSE '' END,
       attempts = CASE WHEN state = 'undoing' AND attempts < :most THEN 0 ELSE attempts END
 WHERE state IN ('checking', 'importing') OR (state = 'undoing' AND attempts > 0)"""

STILL = "SELECT count(*) FROM import_upload WHERE state = ANY(:states)"

EXPIRE = """
DELETE FROM import_upload WHERE sent_at < now() - interval '1 day' AND NOT state = ANY(:states)"""
