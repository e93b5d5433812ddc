"""A database of schema 0021 that has been in use comes to today's schema with all that it holds."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from sqlalchemy import Connection, Engine, make_url, text

from mapservice.db import catalogue, soundness
from mapservice.db.binaries import find_binaries
from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.db.revisions import current_revision, newest_revision
from mapservice.db.scripts import read_script, run_script
from mapservice.errors import ConfigurationError
from mapservice.rollups.queries import differences
from mapservice.rollups.service import compact, rebuild
from tests.conftest import temporary_database
from tests.db.conftest import OLD_SCHEMA

pytestmark = pytest.mark.long

PACKAGE = Path(str(resources.files("mapservice.db")))
ROWS = Path(__file__).parent / "old_rows.sql"

# What no upgrade may change, as queries that both schemas answer.
KEPT = {
    "initiatives": """
        SELECT md5(string_agg(concat_ws('|', id, title, description, theme, scale, status,
                                        created_at, updated_at, source_platform, source_id,
                                        source_licence, precision, ST_AsText(point), commune,
                                        epci, departement, region, ST_AsText(anchor), cell,
                                        search, state_since),
                              ';' ORDER BY id))
          FROM initiative""",
    "supports": """
        SELECT md5(string_agg(concat_ws('|', id, initiative, person, commune, network, confirmed_at,
                                        withdrawn_at, held_at, burst), ';' ORDER BY id))
          FROM support WHERE person IS NOT NULL""",
    "decisions": """
        SELECT md5(string_agg(ROW(id, initiative, revision, verdict, reason, decided_by, decided_at,
                                  decided_by_person, target, report)::text, ';' ORDER BY id))
          FROM decision""",
    "merges": "SELECT md5(string_agg(merge::text, ';' ORDER BY initiative)) FROM merge",
    "places": """
        SELECT md5(string_agg(location_match::text, ';' ORDER BY initiative))
          FROM location_match""",
    "proposals": "SELECT md5(string_agg(proposal::text, ';' ORDER BY initiative)) FROM proposal",
    "people": """
        SELECT md5(string_agg(ROW(id, email, email_key, name, locale, commune, created_at,
                                  confirmed_at, last_seen_at, erased_at)::text, ';' ORDER BY id))
          FROM person""",
    "territories": """
        SELECT md5(string_agg(concat_ws('|', level, code, name, population, epci, departement,
                                        region, ST_AsBinary(outline)), ';' ORDER BY level, code))
          FROM territory""",
    "by status": "SELECT status, count(*) FROM initiative GROUP BY 1 ORDER BY 1",
    "by place": """
        SELECT region, departement, theme, count(*) FROM initiative
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
    "rollups of initiatives": """
        SELECT level, status, theme, month, code, sum(initiatives)
          FROM (SELECT level, status, theme, month, code, initiatives FROM rollup
                 WHERE theme <> '' AND month > '-infinity'
                 UNION ALL
                SELECT level, status, theme, month, code, initiatives
                  FROM rollup_delta_level) AS sums
         GROUP BY 1, 2, 3, 4, 5 HAVING sum(initiatives) <> 0 ORDER BY 1, 2, 3, 4, 5""",
    "grid": """
        SELECT cell, sum(initiatives)
          FROM (SELECT cell, initiatives FROM rollup_cell WHERE zoom = 14
                 UNION ALL
                SELECT cell, initiatives FROM rollup_delta WHERE cell IS NOT NULL) AS sums
         GROUP BY 1 HAVING sum(initiatives) <> 0 ORDER BY 1""",
}
# Supports of those who have not erased their account, each person once, by what they count for.
EARNED = """
SELECT status, count(*), sum(coalesce(counted, 0))
  FROM initiative
  LEFT JOIN (SELECT ancestor AS id, count(DISTINCT person) AS counted
               FROM (SELECT ancestor, member FROM merge_line
                      UNION
                     SELECT id, id FROM initiative) AS line
               JOIN support ON support.initiative = member
              WHERE withdrawn_at IS NULL AND held_at IS NULL AND person IS NOT NULL
              GROUP BY ancestor) AS earned USING (id)
 GROUP BY status ORDER BY status"""


@pytest.fixture(scope="module")
def old_url(server_url: str) -> Iterator[str]:
    with temporary_database(server_url, "used") as url:
        engine = make_engine(url)
        with engine.begin() as connection:
            run_script(connection, OLD_SCHEMA.read_text(encoding="utf-8"))
            run_script(connection, ROWS.read_text(encoding="utf-8"))
        engine.dispose()
        yield url


@dataclass(frozen=True)
class UpgradedDatabase:
    """A database that was upgraded, and what it said of itself before."""

    engine: Engine
    kept: dict[str, list[Any]]
    earned: list[Any]
    brought: int
    unfolded: int


@pytest.fixture
def used(server_url: str, old_url: str) -> Iterator[Engine]:
    with temporary_database(server_url, "copied", str(make_url(old_url).database)) as url:
        engine = make_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture(scope="module")
def upgraded(server_url: str, old_url: str) -> Iterator[UpgradedDatabase]:
    with temporary_database(server_url, "grown", str(make_url(old_url).database)) as url:
        engine = make_engine(url)
        with engine.connect() as connection:
            assert number(connection, "SELECT count(*) FROM initiative") == 20_250
            assert number(connection, "SELECT count(*) FROM support") > 15_000
            assert number(connection, "SELECT count(*) FROM decision") == 5_000
            before = UpgradedDatabase(
                engine,
                told(connection),
                list(connection.execute(text(EARNED))),
                number(connection, "SELECT sum(supporters - supported_here) FROM initiative"),
                number(connection, "SELECT count(*) FROM rollup_delta"),
            )
        migrate(engine)
        yield before
        engine.dispose()


def told(connection: Connection) -> dict[str, list[Any]]:
    return {name: list(connection.execute(text(query))) for name, query in KEPT.items()}


def number(connection: Connection, query: str) -> int:
    return int(connection.execute(text(query)).scalar_one())


def test_all_that_it_holds_is_kept(upgraded: UpgradedDatabase) -> None:
    with upgraded.engine.connect() as connection:
        assert current_revision(connection) == newest_revision()
        assert told(connection) == upgraded.kept
        assert list(connection.execute(text(EARNED))) == upgraded.earned
        brought = "SELECT sum(source_supporters) FROM initiative"
        assert number(connection, brought) == upgraded.brought
        assert soundness.problems(connection) == []


def test_what_is_derived_since_is_there(upgraded: UpgradedDatabase) -> None:
    with upgraded.engine.connect() as connection:
        straddling = """
        SELECT count(*) FROM (SELECT FROM epci_part GROUP BY epci HAVING count(*) > 1) AS one"""
        assert number(connection, straddling) == 2
        imported = """
        SELECT count(*) FROM initiative JOIN waiting USING (id)
         WHERE status = 'pending' AND NOT EXISTS (SELECT FROM proposal WHERE initiative = id)"""
        assert number(connection, imported) > 0
        assert number(connection, "SELECT count(*) FROM support WHERE person IS NULL") == 0
        years = "SELECT array_agg(DISTINCT population_year) FROM territory"
        assert connection.execute(text(years)).scalar_one() == [2017]


def test_its_counts_are_right_before_and_after_changes_are_folded_in(
    upgraded: UpgradedDatabase,
) -> None:
    with upgraded.engine.connect() as connection:
        assert number(connection, "SELECT count(*) FROM rollup_delta") > upgraded.unfolded > 500
        earned = sum(row[2] for row in upgraded.earned)
        assert number(connection, "SELECT sum(supporters) FROM initiative") == earned
        assert differences(connection) == []
    for count in (compact, rebuild):
        count(upgraded.engine)
        with upgraded.engine.connect() as connection:
            assert number(connection, "SELECT count(*) FROM rollup_delta") == 0
            assert told(connection) == upgraded.kept
            assert differences(connection) == []


def test_it_becomes_the_schema_of_a_new_database(
    upgraded: UpgradedDatabase, empty_engine: Engine
) -> None:
    migrate(empty_engine)
    with upgraded.engine.connect() as connection:
        assert sorted(catalogue.present(connection)) == sorted(catalogue.expected())
    try:
        program = find_binaries().folder / "pg_dump"
    except ConfigurationError:
        pytest.skip("no pg_dump on this machine")
    assert dumped(program, upgraded.engine) == dumped(program, empty_engine)


def dumped(program: Path, engine: Engine) -> list[str]:
    """Without brackets, of which a condition has others once it was dumped and restored."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    command = [str(program), "--schema-only", "-d", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [re.sub("[()]", "", line) for line in done.stdout.splitlines()]
    assert len(lines) > 3000
    return [line for line in lines if not line.startswith("\\")]  # a key of each dump's own


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(
    used: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with used.connect() as connection:
        before = told(connection)
    monkeypatch.setattr("mapservice.db.migrate.read_script", refuse)
    with pytest.raises(FileNotFoundError):
        migrate(used)
    with used.connect() as connection:
        assert current_revision(connection) == "0021"
        assert told(connection) == before


def refuse(name: str) -> str:
    """Stands for a version without the last step of the upgrade."""
    if name == "upgrades/derived.sql":
        raise FileNotFoundError(name)
    return read_script(name)


@pytest.mark.parametrize("revision", ["0001", "0020"])
def test_an_older_database_is_told_what_to_do(old_engine: Engine, revision: str) -> None:
    with old_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    with pytest.raises(ConfigurationError, match=f"has schema {revision}; this version upgrades"):
        migrate(old_engine)
    with old_engine.connect() as connection:
        assert current_revision(connection) == revision


NEXT = """
from alembic import op
from mapservice.db.migrate import run_sql_at_end

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    op.execute("ALTER TABLE removal ADD COLUMN colour text")
    run_sql_at_end("colour.sql")
"""
COLOUR = """
INSERT INTO removal (initiative, removed_at, colour)
SELECT uuid_v7(), now(), proname FROM pg_proc WHERE proname = 'communes_around'"""


@pytest.mark.parametrize("start", ["old_engine", "empty_engine"])
def test_history_goes_on_after_the_baseline(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    """What a migration leaves for the end finds the functions of its own version."""
    engine: Engine = request.getfixturevalue(start)
    folder = shutil.copytree(PACKAGE / "migrations", tmp_path / "migrations")
    following = NEXT.format(newest=newest_revision())
    (folder / "versions" / "9999_colour.py").write_text(following, encoding="utf-8")
    config = Config()
    config.set_main_option("script_location", str(folder))
    monkeypatch.setattr("mapservice.db.migrate._config", lambda: config)
    monkeypatch.setattr(
        "mapservice.db.migrate.read_script",
        lambda name: COLOUR if name == "colour.sql" else read_script(name),
    )
    migrate(engine)
    migrate(engine)
    with engine.connect() as connection:
        assert current_revision(connection) == "9999"
        colours = connection.execute(text("SELECT colour FROM removal")).scalars().all()
        assert colours == ["communes_around"]
