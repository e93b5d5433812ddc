"""Making a backup, trying it, restoring it.

A backup is one folder, there whole or not at all: `manifest.json`, `database.dump`, the photos, the
files that exports promise, and the keys of the home folder. Counts, dump and files are those of one
snapshot; while they are copied no file of a photo is deleted.

A restore is one transaction too. What follows it (later migrations, erasing whom the file of
erasures names) is done before the service counts as ready: until then a table marks the database.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from psycopg import Connection as Driver
from psycopg import errors as postgres
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from mapservice import __version__
from mapservice.accounts.people import service as people
from mapservice.accounts.people.personal_data import PersonalDataProvider
from mapservice.db import soundness
from mapservice.db.address import at_server_of, with_database
from mapservice.db.cluster import ClusterLease
from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.db.revisions import current_revision
from mapservice.errors import ConfigurationError, MapserviceError, SourceError, StateConflict
from mapservice.media import service as media
from mapservice.media.storage import FolderStore, store_of
from mapservice.operations.backup import erasures, queries
from mapservice.operations.backup.model import (
    BASEMAP,
    DIGEST_BYTES,
    DUMP,
    ERASURES,
    EXPORTS,
    MANIFEST,
    MEDIA,
    PUSH_KEY,
    SECRET_KEY,
    BackupFile,
    BackupManifest,
    erasure_digest,
    read_erasures,
)
from mapservice.operations.backup.programs import PostgresClient
from mapservice.publishing.exports import queries as export_queries
from mapservice.publishing.exports.service import folder as export_folder
from mapservice.rollups import queries as rollups
from mapservice.settings import Settings

Tell = Callable[[str], None]

COPY_BYTES = 1024 * 1024
OUTSIDE = "outside"
PATIENCE = 5.0  # s until whoever left the database is gone from its list
OF_HOME = (PUSH_KEY, BASEMAP)
# One backup of a database at a time.
ALONE = "SELECT pg_try_advisory_lock(hashtext('backup'), 1)"
NOT_ALONE = "SELECT pg_advisory_unlock(hashtext('backup'), 1)"
UNMARK = "DROP TABLE IF EXISTS restore_under_way"
LOST_EXPORTS = "DELETE FROM export WHERE state = 'done' AND id <> ALL(CAST(:kept AS uuid[]))"


# --- Making --------------------------------------------------------------------------------------


def create(engine: Engine, settings: Settings, folder: Path, tell: Tell) -> BackupManifest:
    """Makes the folder, or leaves nothing. Raises StateConflict where one is or is being made."""
    target = folder.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StateConflict(f"{target} is there already: each backup has a folder of its own")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.draft")
    with _alone(engine):
        shutil.rmtree(draft, ignore_errors=True)  # of one that was killed
        draft.mkdir(mode=0o700)
        try:
            made = _fill(engine, settings, draft, tell)
            _write(draft / MANIFEST, made.to_json().encode())
            for parent, _folders, _files in os.walk(draft):
                erasures.settle(Path(parent))
            draft.replace(target)
            erasures.settle(target.parent)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        with engine.begin() as connection:
            queries.keep(connection, target, made.made_at, made.bytes, made.erasure_key)
    # Whoever was erased while it was made is known to the database, not yet to its file.
    erasures.tell_backups(engine)
    return made


@contextlib.contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if not connection.execute(text(ALONE)).scalar_one():
            raise StateConflict("another backup of this database is being made")
        try:
            yield
        finally:
            connection.execute(text(NOT_ALONE))


def _fill(engine: Engine, settings: Settings, draft: Path, tell: Tell) -> BackupManifest:
    files: dict[str, BackupFile] = {}
    store = store_of(settings)
    snapshots = engine.execution_options(isolation_level="REPEATABLE READ")
    with media.files_stay(engine), snapshots.connect() as connection:
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        made_at = connection.execute(text("SELECT now()")).scalar_one()
        schema = current_revision(connection)
        if schema is None:
            raise ConfigurationError("the database has no schema yet: there is nothing to back up")
        version = queries.server_version(connection)
        former = next(iter(queries.known(connection)), None)
        key = former.erasure_key if former else secrets.token_bytes(DIGEST_BYTES)
        tell("database …")
        driver = connection.connection.driver_connection
        assert isinstance(driver, Driver), "the engine is made on psycopg"
        client = PostgresClient.of(at_server_of(settings.database_url, driver), version)
        client.dump(snapshot, draft / DUMP)
        _settle_file(draft / DUMP)
        files[DUMP] = _read(draft / DUMP)
        counts = queries.counts(connection)
        wanted = sorted(media.named(connection))
        missing: list[str] = []
        if isinstance(store, FolderStore):
            tell(f"photos: {len(wanted)} files …")
            for name in wanted:
                content = store.get(name)
                if content is None:
                    missing.append(name)
                    continue
                files[f"{MEDIA}/{name}"] = _write(draft / MEDIA / name, content)
        else:
            tell("photos: in a store outside; they are not in this backup")
        for one in export_queries.finished(connection):
            with contextlib.suppress(FileNotFoundError):  # expired meanwhile
                source = export_folder(settings.home) / one.file_name
                name = f"{EXPORTS}/{one.file_name}"
                files[name] = _copy(source, draft / name)
        erasures.tell_one(connection, draft, key)
    secret = settings.secret_key.encode()
    if not secret:
        with contextlib.suppress(FileNotFoundError):
            secret = (settings.home / SECRET_KEY).read_bytes()
    if secret:
        files[SECRET_KEY] = _write(draft / SECRET_KEY, secret)
    else:
        tell("secret.key: there is none; forms that are open will have to be sent twice")
    for name in OF_HOME:
        with contextlib.suppress(FileNotFoundError):
            files[name] = _copy(settings.home / name, draft / name)
    for name in missing:
        tell(f"missing before this backup: photo {name}")
    return BackupManifest(
        made_at=made_at.astimezone(UTC),
        service=__version__,
        schema=schema,
        postgres=version,
        counts=counts,
        files=files,
        media=MEDIA if isinstance(store, FolderStore) else OUTSIDE,
        missing=tuple(missing),
        erasure_key=key,
    )


def _write(path: Path, content: bytes) -> BackupFile:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return BackupFile(hashlib.sha256(content).hexdigest(), len(content))


def _copy(source: Path, target: Path) -> BackupFile:
    """What was read, not what then lies there. Raises FileNotFoundError without a source."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as read:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            while block := read.read(COPY_BYTES):
                digest.update(block)
                size += len(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    return BackupFile(digest.hexdigest(), size)


def _read(path: Path) -> BackupFile:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(COPY_BYTES):
            digest.update(block)
            size += len(block)
    return BackupFile(digest.hexdigest(), size)


def _settle_file(path: Path) -> None:
    path.chmod(0o600)
    with path.open("rb") as file:
        os.fsync(file.fileno())


# --- Trying --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VerifiedBackup:
    """What a backup was found to hold. `faults` are lines for a person; none: all is as it says."""

    manifest: BackupManifest
    faults: Sequence[str]


def read_manifest(folder: Path) -> BackupManifest:
    """Raises SourceError for what is no backup."""
    try:
        return BackupManifest.parse((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SourceError(f"{folder} is no backup: it has no {MANIFEST}") from None


def file_faults(folder: Path, manifest: BackupManifest) -> list[str]:
    """What differs between the files that the manifest names and those that are there."""
    faults = []
    for name, told in sorted(manifest.files.items()):
        path = folder / name
        if not path.is_file():
            faults.append(f"{name}: is missing")
        elif _read(path) != told:
            faults.append(f"{name}: is not what was written (SHA-256)")
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    unknown = present - manifest.files.keys() - {MANIFEST, ERASURES, f".{ERASURES}.draft"}
    faults += [f"{name}: is none of this backup" for name in sorted(unknown)]
    try:
        read_erasures((folder / ERASURES).read_text(encoding="ascii"))
    except (OSError, ValueError, SourceError) as error:
        faults.append(f"{ERASURES}: {error}")
    return faults


def verify(engine: Engine, url: str, folder: Path, tell: Tell) -> VerifiedBackup:
    """Restores it beside, into a database that is dropped afterwards, and compares.

    On the same server where its role may make databases that have PostGIS, else on a cluster of its
    own. The live database only learns that the backup is good.
    """
    folder = folder.absolute()
    manifest = read_manifest(folder)
    tell(f"{len(manifest.files)} files …")
    faults = file_faults(folder, manifest)
    if not any(fault.startswith(DUMP) for fault in faults):
        tell("database, beside …")
        with _beside(engine, url, manifest.postgres) as scratch:
            faults += _restored_faults(scratch, folder, manifest)
    if not faults:
        # Known to this database or not, by the path that made it or another.
        with contextlib.suppress(DBAPIError), engine.begin() as connection:
            queries.mark_verified(connection, folder)
    return VerifiedBackup(manifest, faults)


def _restored_faults(url: str, folder: Path, manifest: BackupManifest) -> list[str]:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            version = queries.server_version(connection)
        try:
            PostgresClient.of(url, version).restore(folder / DUMP, instead=False)
        except MapserviceError as error:
            return [f"{DUMP}: {error}"]
        with engine.begin() as connection:
            connection.execute(text(UNMARK))
        with engine.connect() as connection:
            faults = count_faults(connection, manifest)
            schema = current_revision(connection)
            if schema != manifest.schema:
                faults.append(f"{DUMP}: has schema {schema}, not {manifest.schema}")
            named = media.named(connection)
        if manifest.media != OUTSIDE:
            lost = named - set(manifest.names(MEDIA)) - set(manifest.missing)
            faults += [f"{MEDIA}/{name}: a row names it, and it is not here" for name in lost]
        migrate(engine)
        with engine.connect() as connection:
            faults += soundness.problems(connection)
            faults += [
                f"{one.table} [{one.key}]: kept {one.kept}, counted {one.counted}"
                for one in rollups.differences(connection)
            ]
        return faults
    finally:
        engine.dispose()


def count_faults(connection: Connection, manifest: BackupManifest) -> list[str]:
    """Tables that have other numbers of rows than the manifest says."""
    found = queries.counts(connection)
    names = sorted((found.keys() | manifest.counts.keys()) - {"restore_under_way"})
    return [
        f"{name}: {found.get(name, 'no table')} rows, the backup had {manifest.counts.get(name)}"
        for name in names
        if found.get(name) != manifest.counts.get(name)
    ]


@contextlib.contextmanager
def _beside(engine: Engine, url: str, major: int) -> Iterator[str]:
    """The URL of an empty database with PostGIS, gone afterwards."""
    name = f"mapservice_verify_{secrets.token_hex(4)}"
    scratch = with_database(url, name)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            engine.execution_options(isolation_level="AUTOCOMMIT").connect()
        )
        try:
            server.execute(text(f"CREATE DATABASE {name}"))
        except ProgrammingError as error:
            if not isinstance(error.orig, postgres.InsufficientPrivilege):
                raise
        else:
            # Not by force: autovacuum may be at work in it, which no role but a superuser may end;
            # PostgreSQL itself sends it away, and waits for whoever has just left.
            stack.callback(lambda: server.execute(text(f"DROP DATABASE {name}")))
            if _has_postgis(scratch):
                yield scratch
                return
        yield stack.enter_context(_own_cluster(major))


def _has_postgis(url: str) -> bool:
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS postgis"))
    except DBAPIError:
        return False
    finally:
        engine.dispose()
    return True


@contextlib.contextmanager
def _own_cluster(major: int) -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="mapservice-verify-", dir=Path("/", "var", "tmp")))
    home.chmod(0o711)
    try:
        try:
            lease = ClusterLease(home, options="-c fsync=off")
        except ConfigurationError as error:
            raise ConfigurationError(
                f"there is no place to restore to: the role may not make databases with PostGIS, "
                f"and PostgreSQL {major} is not installed here\n{error}"
            ) from None
        try:
            yield lease.place.url()
        finally:
            lease.release()
    finally:
        shutil.rmtree(home, ignore_errors=True)


# --- Restoring -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RestoredBackup:
    """What a restore did: how many people were erased again, and what a person should know."""

    manifest: BackupManifest
    erased: int
    remarks: Sequence[str]


def restore(
    engine: Engine,
    settings: Settings,
    folder: Path,
    providers: Sequence[PersonalDataProvider],
    tell: Tell,
    *,
    instead: bool = False,
    later_erasures: Path | None = None,
) -> RestoredBackup:
    """Puts a backup in place of nothing, or `instead` of what is there.

    `later_erasures` is a newer file of erasures than that of the folder, from a later backup of the
    same service. Raises StateConflict where there is something already or the service runs,
    SourceError for a backup that is not whole.
    """
    folder = folder.absolute()
    manifest = read_manifest(folder)
    faults = file_faults(folder, manifest)
    if faults:
        raise SourceError("the backup is not whole:\n" + "\n".join(faults))
    digests = read_erasures((folder / ERASURES).read_text(encoding="ascii"))
    if later_erasures is not None:
        digests |= read_erasures(later_erasures.read_text(encoding="ascii"))
    with engine.connect() as connection:
        present = queries.tables(connection)
        half = "restore_under_way" in present
        if present and not half and not instead:
            raise StateConflict(
                f"the database has {len(present)} tables already: restore into an empty one, or say"
                " --replace to lose what is there"
            )
        _wait_until_alone(connection)
        version = queries.server_version(connection)
    tell("files …")
    remarks = _place_files(settings, folder, manifest, instead=instead or half)
    tell("database …")
    client = PostgresClient.of(settings.database_url, version)
    client.restore(folder / DUMP, instead=bool(present))
    with engine.connect() as connection:
        different = count_faults(connection, manifest)
    if different:
        raise SourceError("the restored rows are not those of the backup:\n" + "\n".join(different))
    migrate(engine)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("ANALYZE"))
    with engine.begin() as connection:
        kept = [name.partition(".")[0] for name in manifest.names(EXPORTS)]
        connection.execute(text(LOST_EXPORTS), {"kept": kept})
        # The database is older than its own backup, and than those that were made later.
        for path, told in (*_beside_of(folder, manifest.erasure_key), (folder, manifest)):
            queries.keep(connection, path, told.made_at, told.bytes, told.erasure_key)
    tell("erasures …")
    erased = _erase_again(engine, manifest.erasure_key, digests, providers)
    with contextlib.suppress(MapserviceError):  # else the worker does, within a minute
        media.delete_removed(engine, store_of(settings))
    try:
        erasures.add_erasures(folder, digests)
    except OSError as error:
        remarks.append(f"{folder} cannot be written ({error.strerror}): it gets no later erasures")
    with engine.begin() as connection:
        connection.execute(text(UNMARK))
    return RestoredBackup(manifest, erased, remarks)


def _beside_of(folder: Path, key: bytes) -> list[tuple[Path, BackupManifest]]:
    """Other backups of the same service that lie in the same folder."""
    return [
        (path, told)
        for path, told in found_in(folder.parent)
        if path != folder and told.erasure_key == key
    ]


def found_in(parent: Path) -> list[tuple[Path, BackupManifest]]:
    """The backups in a folder, the oldest first; what cannot be read as one is left out."""
    found = []
    for path in parent.absolute().iterdir():
        if not path.name.startswith(".") and (path / MANIFEST).is_file():
            with contextlib.suppress(SourceError, OSError, ValueError):
                found.append((path, read_manifest(path)))
    return sorted(found, key=lambda one: (one[1].made_at, one[0]))


def newest_in(parent: Path) -> Path:
    """By what they say of themselves, not by name. Raises SourceError where there is none."""
    found = found_in(parent)
    if not found:
        raise SourceError(f"{parent} holds no backup")
    return found[-1][0]


def _wait_until_alone(connection: Connection) -> None:
    """Of those who have just left, the service or a tool, a server takes a moment to see it."""
    until = time.monotonic() + PATIENCE
    while queries.others_connected(connection):
        if time.monotonic() > until:
            raise StateConflict("somebody is connected to the database: stop the service first")
        connection.rollback()  # within a transaction the list of who is there stays as it was
        time.sleep(0.1)


def _place_files(
    settings: Settings, folder: Path, manifest: BackupManifest, *, instead: bool
) -> list[str]:
    """Photos, exports and keys; what is there already stays unless it is to be replaced."""
    remarks: list[str] = []
    store = store_of(settings)
    for name in manifest.names(MEDIA):
        store.put(name, (folder / MEDIA / name).read_bytes(), _content_type(name))
    if manifest.media == OUTSIDE:
        remarks.append("photos are in a store outside, which this backup does not cover")
    remarks += [f"photo {name} was missing before the backup" for name in manifest.missing]
    for name in manifest.names(EXPORTS):
        _place(folder / EXPORTS / name, export_folder(settings.home) / name)
    for name in (SECRET_KEY, *OF_HOME):
        source, target = folder / name, settings.home / name
        if name not in manifest.files:
            continue
        if target.exists() and target.read_bytes() != source.read_bytes():
            if not instead:
                remarks.append(f"{target} is another one, and stays as it is")
                continue
            target.replace(target.with_name(f"{name}.before-restore"))
            remarks.append(f"{target} was another one, now {name}.before-restore")
        _place(source, target)
    kept = (folder / SECRET_KEY).read_text() if SECRET_KEY in manifest.files else ""
    if settings.secret_key and kept and settings.secret_key != kept:
        remarks.append(
            "MAPSERVICE_SECRET_KEY is not that of the backup: name that one too, in"
            " MAPSERVICE_FORMER_SECRET_KEY"
        )
    return remarks


def _content_type(name: str) -> str:
    return "image/jpeg" if name.endswith(".jpg") else "image/webp"


def _place(source: Path, target: Path) -> None:
    """Whole, under its name, with the rights it had."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.draft")
    draft.unlink(missing_ok=True)
    _copy(source, draft)
    draft.replace(target)


def _erase_again(
    engine: Engine, key: bytes, digests: set[str], providers: Sequence[PersonalDataProvider]
) -> int:
    with engine.connect() as connection:
        wanted = [
            person
            for person in queries.living_people(connection)
            if erasure_digest(key, person) in digests
        ]
    for person in wanted:
        with engine.begin() as connection:
            people.erase(connection, person, providers)
    return len(wanted)


# --- Keeping so many -----------------------------------------------------------------------------


def prune(engine: Engine, parent: Path, days: int, now: datetime) -> list[Path]:
    """Deletes the backups in a folder that are older; the newest stays whatever its age.

    What is no longer there of them is forgotten too.
    """
    found = found_in(parent)
    gone = [path for path, told in found[:-1] if (now - told.made_at).days >= days]
    for path in gone:
        # Under another name first: what is left of a deletion half-way is no backup.
        doomed = path.with_name(f".{path.name}.gone")
        path.rename(doomed)
        shutil.rmtree(doomed)
        with engine.begin() as connection:
            queries.forget(connection, path)
    # Of those that somebody deleted by hand, erasures need to reach none any more either.
    with engine.begin() as connection:
        for one in queries.known(connection):
            is_old = (now - one.made_at).days >= days
            if is_old and one.folder.parent == parent.absolute() and not one.folder.exists():
                queries.forget(connection, one.folder)
    return gone
