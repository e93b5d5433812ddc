"""What a backup asks a database, and what it stores about backups."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, func, select, table, text

# Of PostGIS, which a database has before.
NOT_OURS = "spatial_ref_sys"

TABLES = """
SELECT relname FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
                      AND objid = pg_class.oid AND deptype = 'e')
 ORDER BY relname"""

OTHERS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND backend_type = 'client backend'"""

KEEP = """
INSERT INTO backup (folder, made_at, bytes, erasure_key) VALUES (:folder, :made_at, :bytes, :key)
    ON CONFLICT (folder) DO UPDATE
       SET made_at = EXCLUDED.made_at, bytes = EXCLUDED.bytes, verified_at = NULL,
           erasure_key = EXCLUDED.erasure_key"""

LACKING = """
SELECT id FROM person WHERE erased_at IS NOT NULL ORDER BY id"""


@dataclass(frozen=True, slots=True)
class KnownBackup:
    """A backup that was made of this database; `folder` is where it was made."""

    folder: Path
    made_at: datetime
    verified_at: datetime | None
    erasure_key: bytes


def server_version(connection: Connection) -> int:
    """The major version of the server."""
    number: str = connection.execute(text("SHOW server_version_num")).scalar_one()
    return int(number) // 10_000


def tables(connection: Connection) -> Sequence[str]:
    """The names of ours; none in a database that is empty but for its extensions."""
    names: Sequence[str] = connection.execute(text(TABLES)).scalars().all()
    return [name for name in names if name != NOT_OURS]


def counts(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {
        name: connection.execute(select(func.count()).select_from(table(name))).scalar_one()
        for name in tables(connection)
    }


def others_connected(connection: Connection) -> int:
    return int(connection.execute(text(OTHERS)).scalar_one())


def known(connection: Connection) -> list[KnownBackup]:
    """The newest first."""
    rows = connection.execute(
        text("SELECT folder, made_at, verified_at, erasure_key FROM backup ORDER BY made_at DESC")
    )
    return [
        KnownBackup(Path(row.folder), row.made_at, row.verified_at, bytes(row.erasure_key))
        for row in rows
    ]


def keep(connection: Connection, folder: Path, made_at: datetime, size: int, key: bytes) -> None:
    """Writes down that a backup was made there."""
    bound = {"folder": str(folder), "made_at": made_at, "bytes": size, "key": key}
    connection.execute(text(KEEP), bound)


def forget(connection: Connection, folder: Path) -> bool:
    """Whether it was known."""
    statement = text("DELETE FROM backup WHERE folder = :folder")
    return bool(connection.execute(statement, {"folder": str(folder)}).rowcount)


def mark_verified(connection: Connection, folder: Path) -> bool:
    """Whether this database knows of the backup."""
    statement = text("UPDATE backup SET verified_at = now() WHERE folder = :folder")
    return bool(connection.execute(statement, {"folder": str(folder)}).rowcount)


def erased_people(connection: Connection) -> Sequence[UUID]:
    found: Sequence[UUID] = connection.execute(text(LACKING)).scalars().all()
    return found


def living_people(connection: Connection) -> Sequence[UUID]:
    """All who are not erased, confirmed or not."""
    statement = text("SELECT id FROM person WHERE erased_at IS NULL")
    found: Sequence[UUID] = connection.execute(statement).scalars().all()
    return found
