"""A backup is whole or absent; what is restored from it is what was there, less who left since."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, make_url, text

from mapservice.accounts.people import service as people
from mapservice.app import PERSONAL_DATA, create_app
from mapservice.cli.backup import check_key
from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.errors import ConfigurationError, ServiceUnavailable, SourceError, StateConflict
from mapservice.imports.fixtures.service import generate_initiatives
from mapservice.mail import public_address
from mapservice.media.service import delete_removed, missing
from mapservice.media.storage import store_of
from mapservice.notifications.push.encryption import VapidKey
from mapservice.operations.backup import queries, service
from mapservice.operations.backup.erasures import tell_backups
from mapservice.operations.backup.model import DUMP, ERASURES, MANIFEST
from mapservice.operations.backup.programs import PostgresClient
from mapservice.rollups import queries as rollups
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from mapservice.web.health import ReadinessLook
from tests.conftest import temporary_database
from tests.db.conftest import insert

pytestmark = pytest.mark.long

PHOTO = "ab" * 16
VAPID = VapidKey.make().text
EXPORT = UUID("00000000-0000-4000-8000-000000000001")

FILLED = (
    """INSERT INTO person (id, email, email_key, name, confirmed_at)
       SELECT ('00000000-0000-4000-9000-00000000000' || n)::uuid, n || '@example.org',
              n || '@example.org', 'Person ' || n, now()
         FROM generate_series(1, 3) AS n""",
    """INSERT INTO support (initiative, person, commune)
       SELECT backed.id, person.id, backed.commune
         FROM (SELECT id, commune FROM initiative ORDER BY id LIMIT 20) AS backed
        CROSS JOIN person""",
    f"""INSERT INTO photo (name, initiative, person, position, state, widths, width, height,
                           shared_width, shared_height, shared_bytes)
        SELECT '{PHOTO}', min(id::text)::uuid, '00000000-0000-4000-9000-000000000001', 0, 'public',
               '{{320}}', 320, 240, 320, 240, 5
          FROM initiative""",
    f"""INSERT INTO export (id, format, filter, state, base_url, bytes, finished_at, expires_at,
                            kept)
        VALUES ('{EXPORT}', 'gpkg', '', 'done', 'http://map.test', 6, now(),
                now() + interval '7 days', interval '7 days')""",
    "SELECT rollup_compact()",
)
FIRST, SECOND, THIRD = (UUID(f"00000000-0000-4000-9000-00000000000{n}") for n in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Site:
    """A service that has data: its settings, its engine, and the secret of somebody's session."""

    settings: Settings
    engine: Engine
    session: str


def quiet(_words: str) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def bare_template(server_url: str) -> Iterator[str]:
    """The name of a database with our tables and no territories, which is copied in a moment."""
    with temporary_database(server_url, "bare") as url:
        engine = make_engine(url)
        migrate(engine)
        engine.dispose()
        yield str(make_url(url).database)


@pytest.fixture
def site(server_url: str, bare_template: str, tmp_path: Path) -> Iterator[Site]:
    with made_site(server_url, bare_template, tmp_path) as site:
        yield site


@contextmanager
def made_site(server_url: str, template: str, folder: Path) -> Iterator[Site]:
    """People, supports, photos, an export and a session, in a copy of the template."""
    home = folder / "home"
    home.mkdir()
    (home / "secret.key").write_text("the key that signs")
    (home / "vapid.key").write_text(VAPID)
    with temporary_database(server_url, "kept", template) as url:
        engine = make_engine(url)
        with engine.begin() as connection:
            for number in range(20):
                insert(connection, title=f"Un verger {number}", precision="none", commune=None)
            for statement in FILLED:
                connection.execute(text(statement))
            session = people.start_session(connection, SECOND)
        settings = Settings(database_url=url, home=home, tile_cache_bytes=0)
        store = store_of(settings)
        store.put(f"{PHOTO}-320.webp", b"webp!", "image/webp")
        store.put(f"{PHOTO}-320.jpg", b"jpeg!", "image/jpeg")
        (home / "exports").mkdir()
        (home / "exports" / f"{EXPORT}.gpkg").write_bytes(b"export")
        yield Site(settings, engine, session)
        engine.dispose()


@pytest.fixture
def empty(server_url: str, tmp_path: Path) -> Iterator[Site]:
    """A machine with nothing: a new database, and a home that is not there."""
    with temporary_database(server_url, "restored") as url:
        engine = make_engine(url)
        yield Site(Settings(database_url=url, home=tmp_path / "new"), engine, "")
        engine.dispose()


Backup = Callable[[], Path]


@pytest.fixture
def backup(site: Site, tmp_path: Path) -> Path:
    folder = tmp_path / "backups" / "monday"
    service.create(site.engine, site.settings, folder, quiet)
    return folder


def contents(engine: Engine) -> dict[str, object]:
    """Rows by table, and digests of what people would miss."""
    with engine.connect() as connection:
        found: dict[str, object] = dict(queries.counts(connection))
        for table in ("initiative", "person", "support", "session", "photo", "export"):
            order = "digest" if table == "session" else "id"
            digest = f"SELECT md5(string_agg(one::text, '' ORDER BY {order})) FROM {table} AS one"
            found[f"contents of {table}"] = connection.execute(text(digest)).scalar_one()
        places = "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"
        found["sequences"] = connection.execute(text(places)).all()
    return found


def restore(site: Site, folder: Path, *, instead: bool = False) -> service.RestoredBackup:
    site.engine.dispose()
    return service.restore(
        site.engine, site.settings, folder, PERSONAL_DATA, quiet, instead=instead
    )


def test_a_restored_service_is_the_one_that_was(site: Site, empty: Site, backup: Path) -> None:
    before = contents(site.engine)
    site.engine.dispose()
    shutil.rmtree(site.settings.home)

    done = restore(empty, backup)

    after = contents(empty.engine)
    # The restored service knows of the backup that it came from.
    assert (before.pop("backup"), after.pop("backup")) == (1, 1)
    assert after == before
    assert done.erased == 0
    with empty.engine.connect() as connection:
        assert missing(connection, store_of(empty.settings)) == []
        assert rollups.differences(connection) == []
    store = store_of(empty.settings)
    assert store.get(f"{PHOTO}-320.webp") == b"webp!"
    home = empty.settings.home
    assert (home / "exports" / f"{EXPORT}.gpkg").read_bytes() == b"export"
    assert (home / "secret.key").read_text() == "the key that signs"
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600
    assert (home / "vapid.key").read_text() == VAPID


def test_who_was_signed_in_still_is(site: Site, empty: Site, backup: Path) -> None:
    restore(empty, backup)
    app = create_app(empty.settings)
    services: Services = app.extensions[SERVICES]
    try:
        client = app.test_client()
        client.set_cookie("personne", site.session)
        page = client.get("/compte")
        assert page.status_code == 200
        assert "2@example.org" in page.text
        assert client.get(f"/exports/{EXPORT}/file", buffered=True).data == b"export"
    finally:
        services.dispose()


def test_who_was_erased_since_is_erased_again(site: Site, empty: Site, backup: Path) -> None:
    app = create_app(site.settings)
    services: Services = app.extensions[SERVICES]
    client = app.test_client()
    client.set_cookie("personne", site.session)
    form = client.get("/compte/effacer").text
    token = form.split('name="token" value="')[1].split('"')[0]
    assert client.post("/compte/effacer", data={"token": token}).status_code == 200
    services.dispose()
    # At once: no worker was there.
    told = (backup / ERASURES).read_text()
    assert len(told.split()) == 1
    assert SECOND.hex not in told.replace("-", "")

    done = restore(empty, backup)

    assert done.erased == 1
    with empty.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT id, email, name, erased_at IS NOT NULL AS erased FROM person ORDER BY id")
        ).all()
        sessions = connection.execute(text("SELECT count(*) FROM session")).scalar_one()
        supports = connection.execute(
            text("SELECT count(*) FROM support WHERE person = :id"), {"id": SECOND}
        ).scalar_one()
        assert rollups.differences(connection) == []
    assert [(row.id, row.email, row.erased) for row in rows] == [
        (FIRST, "1@example.org", False),
        (SECOND, None, True),
        (THIRD, "3@example.org", False),
    ]
    assert (sessions, supports) == (0, 0)


def test_photos_of_who_was_erased_go_again(site: Site, empty: Site, backup: Path) -> None:
    with site.engine.begin() as connection:
        people.erase(connection, FIRST, PERSONAL_DATA)
    assert tell_backups(site.engine) == 0
    restore(empty, backup)
    assert store_of(empty.settings).get(f"{PHOTO}-320.webp") is None


def test_an_erasure_waits_for_a_backup_out_of_reach(site: Site, backup: Path) -> None:
    away = backup.parent.rename(backup.parent.with_name("unplugged"))
    with site.engine.begin() as connection:
        people.erase(connection, FIRST, PERSONAL_DATA)
    assert tell_backups(site.engine) == 1
    away.rename(backup.parent)
    assert (backup / ERASURES).read_text() == ""
    assert tell_backups(site.engine) == 0
    assert len((backup / ERASURES).read_text().split()) == 1


def test_an_erasure_waits_for_a_disk_that_left_an_empty_folder(site: Site, backup: Path) -> None:
    """What a mount point is without its disk: the folder above is there, the backup is not."""
    away = backup.rename(backup.with_name("unmounted"))
    with site.engine.begin() as connection:
        people.erase(connection, FIRST, PERSONAL_DATA)
    assert tell_backups(site.engine) == 1
    away.rename(backup)
    assert tell_backups(site.engine) == 0
    assert len((backup / ERASURES).read_text().split()) == 1


def test_a_backup_that_was_deleted_is_forgotten_with_its_time(site: Site, backup: Path) -> None:
    later = backup.with_name("tuesday")
    service.create(site.engine, site.settings, later, quiet)
    shutil.rmtree(backup)
    assert tell_backups(site.engine) == 1
    made = service.read_manifest(later).made_at
    for days, known in ((29, 2), (31, 1)):
        assert service.prune(site.engine, backup.parent, 30, made + timedelta(days=days)) == []
        with site.engine.connect() as connection:
            assert len(queries.known(connection)) == known
    assert tell_backups(site.engine) == 0


def test_later_erasures_reach_the_backup_that_was_restored_and_those_beside(
    site: Site, empty: Site, backup: Path
) -> None:
    later = backup.with_name("tuesday")
    service.create(site.engine, site.settings, later, quiet)
    restore(empty, backup)
    with empty.engine.begin() as connection:
        people.erase(connection, FIRST, PERSONAL_DATA)
    assert tell_backups(empty.engine) == 0
    for folder in (backup, later):
        assert len((folder / ERASURES).read_text().split()) == 1


def test_the_newest_is_so_by_its_own_date(site: Site, backup: Path) -> None:
    later = backup.with_name("before-1.4")
    service.create(site.engine, site.settings, later, quiet)
    assert service.newest_in(backup.parent) == later
    empty_one = backup.with_name("none")
    empty_one.mkdir()
    with pytest.raises(SourceError, match="holds no backup"):
        service.newest_in(empty_one)


def test_an_older_backup_learns_from_the_erasures_of_a_later_one(
    site: Site, empty: Site, backup: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "a copy made on monday"
    shutil.copytree(backup, elsewhere)
    with site.engine.begin() as connection:
        people.erase(connection, THIRD, PERSONAL_DATA)
    later = tmp_path / "backups" / "tuesday"
    service.create(site.engine, site.settings, later, quiet)
    empty.engine.dispose()
    done = service.restore(
        empty.engine,
        empty.settings,
        elsewhere,
        PERSONAL_DATA,
        quiet,
        later_erasures=later / ERASURES,
    )
    assert done.erased == 1


def test_a_restore_refuses_a_database_that_is_not_empty(site: Site, backup: Path) -> None:
    before = contents(site.engine)
    with pytest.raises(StateConflict, match="--replace"):
        restore(site, backup)
    assert contents(site.engine) == before


def test_a_restore_that_is_told_to_puts_all_back(site: Site, backup: Path) -> None:
    before = contents(site.engine)
    with site.engine.begin() as connection:
        connection.execute(text("DELETE FROM support"))
        connection.execute(text("CREATE TABLE of_a_later_version (id int)"))
    restore(site, backup, instead=True)
    after = contents(site.engine)
    assert after == before


def test_a_restore_waits_for_nobody(site: Site, backup: Path) -> None:
    with site.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        second = make_engine(site.settings.database_url)
        with pytest.raises(StateConflict, match="stop the service"):
            service.restore(second, site.settings, backup, PERSONAL_DATA, quiet, instead=True)
        second.dispose()


def test_a_dump_that_breaks_off_changes_nothing(site: Site, backup: Path) -> None:
    """As if the disk had lost its end, and its digest had been made of that."""
    before = contents(site.engine)
    dump = backup / DUMP
    dump.write_bytes(dump.read_bytes()[: dump.stat().st_size * 2 // 3])
    told = json.loads((backup / MANIFEST).read_text())
    told["files"][DUMP] = {
        "sha256": hashlib.sha256(dump.read_bytes()).hexdigest(),
        "bytes": dump.stat().st_size,
    }
    (backup / MANIFEST).write_text(json.dumps(told))
    with pytest.raises(Exception, match=r"cannot be read|refuses|is no dump"):
        restore(site, backup, instead=True)
    assert contents(site.engine) == before


def test_a_good_backup_is_found_good(site: Site, backup: Path) -> None:
    found = service.verify(site.engine, site.settings.database_url, backup, quiet)
    assert list(found.faults) == []
    with site.engine.connect() as connection:
        (known,) = queries.known(connection)
        assert known.verified_at is not None
        left = text("SELECT count(*) FROM pg_database WHERE datname LIKE 'mapservice_verify%'")
        assert connection.execute(left).scalar_one() == 0


def test_what_is_wrong_with_a_backup_is_named(site: Site, backup: Path) -> None:
    photo = backup / "media" / f"{PHOTO}-320.webp"
    photo.write_bytes(b"webp?")
    (backup / "secret.key").unlink()
    (backup / "left.over").touch()
    told = json.loads((backup / MANIFEST).read_text())
    told["counts"]["support"] += 1
    (backup / MANIFEST).write_text(json.dumps(told))
    found = service.verify(site.engine, site.settings.database_url, backup, quiet)
    assert sorted(found.faults) == [
        "left.over: is none of this backup",
        f"media/{PHOTO}-320.webp: is not what was written (SHA-256)",
        "secret.key: is missing",
        "support: 60 rows, the backup had 61",
    ]
    with site.engine.connect() as connection:
        (known,) = queries.known(connection)
    assert known.verified_at is None
    with pytest.raises(SourceError, match="not whole"):
        restore(site, backup, instead=True)


def test_a_backup_that_fails_leaves_nothing(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(service, "_copy", full)
    folder = tmp_path / "backups" / "monday"
    with pytest.raises(OSError, match="No space"):
        service.create(site.engine, site.settings, folder, quiet)
    assert list(folder.parent.iterdir()) == []
    with site.engine.connect() as connection:
        assert queries.known(connection) == []


def test_a_backup_replaces_none(site: Site, backup: Path) -> None:
    before = (backup / MANIFEST).read_text()
    with pytest.raises(StateConflict, match="there already"):
        service.create(site.engine, site.settings, backup, quiet)
    assert (backup / MANIFEST).read_text() == before


def test_files_stay_while_a_backup_copies_them(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photo that is removed after the snapshot is in the backup, and gone after it."""
    store = store_of(site.settings)
    dump = PostgresClient.dump

    def remove_meanwhile(client: PostgresClient, snapshot: str, target: Path) -> None:
        dump(client, snapshot, target)
        with site.engine.begin() as connection:
            connection.execute(text("DELETE FROM photo"))
        assert delete_removed(site.engine, store) == 0

    monkeypatch.setattr(PostgresClient, "dump", remove_meanwhile)
    made = service.create(site.engine, site.settings, tmp_path / "monday", quiet)
    assert made.missing == ()
    assert made.names("media") == [f"{PHOTO}-320.jpg", f"{PHOTO}-320.webp"]
    assert delete_removed(site.engine, store) == 1
    assert store.get(f"{PHOTO}-320.webp") is None


def test_old_backups_go_and_the_newest_stays(site: Site, backup: Path) -> None:
    later = backup.with_name("tuesday")
    service.create(site.engine, site.settings, later, quiet)
    told = service.read_manifest(later).made_at
    now = told.replace(year=told.year + 1)
    assert service.prune(site.engine, backup.parent, 30, now) == [backup]
    assert [path.name for path in backup.parent.iterdir()] == ["tuesday"]
    assert service.prune(site.engine, backup.parent, 30, now) == []
    with site.engine.connect() as connection:
        assert [one.folder for one in queries.known(connection)] == [later]


@pytest.mark.long
def test_the_commands_of_the_page(
    server_url: str, france_template: str, empty: Site, tmp_path: Path
) -> None:
    """`backup create`, `backup verify` and `restore`, as an operator types them."""
    with made_site(server_url, france_template, tmp_path) as site:
        generate_initiatives(site.engine, 300, 3, lambda _rows: None)
        site.engine.dispose()
        before = contents(site.engine)
        follow_the_page(site, empty, tmp_path / "by hand")
        after = contents(empty.engine)
        assert (before.pop("backup"), after.pop("backup")) == (0, 1)
        assert after == before
        app = create_app(empty.settings)
        services: Services = app.extensions[SERVICES]
        assert app.test_client().get("/health/ready").status_code == 200
        services.dispose()


def follow_the_page(site: Site, empty: Site, folder: Path) -> None:

    def run(of: Site, *words: str | Path) -> subprocess.CompletedProcess[str]:
        environ = {
            "PATH": os.environ["PATH"],
            "MAPSERVICE_DATABASE_URL": of.settings.database_url,
            "MAPSERVICE_HOME": str(of.settings.home),
        }
        program = Path(sys.executable).with_name("mapservice")
        return subprocess.run(
            [program, *words], env=environ, capture_output=True, text=True, check=False
        )

    made = run(site, "backup", "create", folder)
    assert (made.returncode, made.stdout.split(":")[0]) == (0, "made"), made.stderr
    assert folder.stat().st_mode & 0o777 == 0o700
    good = run(site, "backup", "verify", folder)
    assert (good.returncode, good.stdout.split(":")[0]) == (0, "good"), good.stderr
    refused = run(site, "restore", folder)
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    done = run(empty, "restore", folder)
    assert done.returncode == 0, done.stderr
    assert "erased again: 0" in done.stdout
    (folder / DUMP).write_bytes(b"")
    bad = run(site, "backup", "verify", folder)
    assert bad.returncode == 1
    assert f"NO  {DUMP}: is not what was written" in bad.stdout


def test_another_key_than_that_of_the_service_that_runs_is_not_saved(site: Site) -> None:
    url = site.settings.database_url
    own = (site.settings.home / "secret.key").read_text()
    for key, is_refused in ((own, False), ("another one", True)):
        with public_address.recorded(site.settings.home, "http://127.0.0.1:1", [url]) as record:
            record.tell(key=public_address.key_mark(key))
            if is_refused:
                with pytest.raises(ConfigurationError, match="signs with another key"):
                    check_key(site.settings)
            else:
                check_key(site.settings)


def test_a_full_disk_is_told_though_the_database_is_gone() -> None:
    def full() -> str:
        raise ServiceUnavailable("The disk is full: home has 0 bytes left.")

    away = make_engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(ServiceUnavailable, match="The disk is full"):
        ReadinessLook((), {"disk": full}).take(away)
    away.dispose()
