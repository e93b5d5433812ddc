"""A database that is dumped and restored is the same one, and goes on as before."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text

from mapservice.app import create_app
from mapservice.db import soundness
from mapservice.db.binaries import find_binaries
from mapservice.db.engine import make_engine
from mapservice.errors import ConfigurationError
from mapservice.imports.fixtures.service import generate_initiatives
from mapservice.rollups import queries as activity
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.conftest import LONG, temporary_database
from tests.db.conftest import insert

pytestmark = pytest.mark.sampled

# What the role of the service may not restore, as the extension is somebody else's.
HARMLESS = re.compile(r"must be owner of extension postgis|permission denied for table spatial_ref")
# As `docs/operating.md` says it: all of it may be restored by that role.
OURS = ("--extension=unaccent", "--extension=pg_trgm", "--exclude-table=spatial_ref_sys")

FILLED = (
    """INSERT INTO person (email, email_key)
       SELECT n || '@example.org', n || '@example.org' FROM generate_series(1, 3) AS n""",
    """INSERT INTO support (initiative, person, commune, held_at)
       SELECT backed.id, person.id, backed.commune, CASE WHEN person.email LIKE '3%' THEN now() END
         FROM (SELECT id, commune FROM initiative ORDER BY id LIMIT 50) AS backed
        CROSS JOIN person""",
    """INSERT INTO decision (initiative, revision, verdict, decided_by)
       SELECT id, 1, 'publish', 'an editor' FROM initiative ORDER BY id LIMIT 20""",
    """INSERT INTO report (initiative, confirmed, reason)
       SELECT id, false, 'place' FROM initiative ORDER BY id LIMIT 5""",
    """INSERT INTO merge (initiative, target)
       SELECT min(id::text)::uuid, max(id::text)::uuid
         FROM initiative WHERE status = 'published'""",
    "SELECT rollup_compact()",
    """DELETE FROM initiative
        WHERE id IN (SELECT id FROM initiative WHERE status = 'published'
                        AND id NOT IN (SELECT initiative FROM merge UNION SELECT target FROM merge)
                      ORDER BY id DESC LIMIT 12)""",
    "UPDATE initiative SET theme = 'culture' WHERE id IN (SELECT id FROM initiative LIMIT 9)",
)


@pytest.fixture(scope="module")
def programs() -> Path:
    try:
        return find_binaries().folder
    except ConfigurationError:
        pytest.skip("no pg_dump on this machine")


@pytest.fixture(scope="module")
def full_url(server_url: str, france_template: str) -> Iterator[str]:
    """Territories, and hundreds of initiatives with all that hangs on them, not all folded."""
    with temporary_database(server_url, "dumped", france_template) as url:
        engine = make_engine(url)
        generate_initiatives(engine, 300, 5, lambda _rows: None)
        with engine.begin() as connection:
            for statement in FILLED:
                connection.execute(text(statement))
        engine.dispose()
        yield url


def contents(engine: Engine) -> dict[str, object]:
    """How many rows each table has, and each sequence's place; of initiatives all they say."""
    with engine.connect() as connection:
        names = sorted(set(inspect(connection).get_table_names()) - {"spatial_ref_sys"})
        found: dict[str, object] = {
            name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one()
            for name in names
        }
        digest = "SELECT md5(string_agg(one::text, '' ORDER BY id)) FROM initiative AS one"
        found["contents of initiative"] = connection.execute(text(digest)).scalar_one()
        places = "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"
        found["sequences"] = connection.execute(text(places)).all()
    return found


def run(*command: str | Path) -> str:
    """What it complains of."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr


def check_restored(source: str, restored: str) -> None:
    before, after = make_engine(source), make_engine(restored)
    try:
        assert contents(after) == contents(before)
        with after.connect() as connection:
            assert soundness.problems(connection) == []
            assert activity.differences(connection) == []
        with after.begin() as connection:
            insert(connection, title="Un verger d’après la sauvegarde")
        with after.connect() as connection:
            connection.execute(text("SELECT rollup_compact()"))
            assert activity.differences(connection) == []
        check_answers(restored)
    finally:
        before.dispose()
        after.dispose()


def check_answers(url: str) -> None:
    app = create_app(Settings(database_url=url, tile_cache_bytes=0))
    services: Services = app.extensions[SERVICES]
    try:
        client = app.test_client()
        assert client.get("/health/ready").status_code == 200
        found = client.get("/initiatives.geojson?q=sauvegarde", buffered=True).get_json()
        assert [one["properties"]["commune"] for one in found["features"]] == ["79191"]
        assert client.get("/tiles/initiatives/5/15/11.pbf").status_code == 200
        assert client.get("/territoires/commune/79191").status_code == 200
    finally:
        services.dispose()


@pytest.mark.long
def test_a_plain_dump(programs: Path, full_url: str, server_url: str, tmp_path: Path) -> None:
    file = tmp_path / "all.sql"
    assert run(programs / "pg_dump", "-d", full_url, "-f", file) == ""
    with temporary_database(server_url, "plain") as url:
        told = run(programs / "psql", "-X", "-q", "-d", url, "-f", file)
        assert [line for line in told.splitlines() if not HARMLESS.search(line)] == []
        check_restored(full_url, url)


@pytest.mark.parametrize("jobs", ["1", "2"] if LONG else ["2"])
def test_a_custom_dump(
    programs: Path, full_url: str, server_url: str, tmp_path: Path, jobs: str
) -> None:
    file = tmp_path / "all.dump"
    assert run(programs / "pg_dump", "-Fc", "-Z1", *OURS, "-d", full_url, "-f", file) == ""
    with temporary_database(server_url, "custom") as url:
        told = run(programs / "pg_restore", "--no-owner", "-e", "-j", jobs, "-d", url, file)
        assert told == ""
        check_restored(full_url, url)
