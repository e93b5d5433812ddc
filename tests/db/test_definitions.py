"""Functions, views, triggers and comments: written down once, and kept as they are written."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import Connection, Engine, text

import mapservice.db
from mapservice.db import soundness
from mapservice.db.definitions import MADE, apply_definitions, definition_files
from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.db.scripts import read_script
from mapservice.errors import ConfigurationError
from mapservice.imports.fixtures.service import generate_initiatives
from mapservice.rollups.queries import differences
from scripts.schema_page import schema_page
from tests.db.conftest import insert

FOLDER = Path(str(resources.files(mapservice.db)))
STATEMENT = re.compile(
    r"^CREATE (?:OR REPLACE )?(FUNCTION|PROCEDURE|VIEW|(?:CONSTRAINT )?TRIGGER) (\w+)(.*?;\n)"
    r"(?=COMMENT|CREATE|DROP|\n|\Z)",
    re.M | re.S,
)
OF_DATABASE = """
SELECT proname FROM pg_proc
 WHERE pronamespace = 'public'::regnamespace AND NOT starts_with(proname, 'procrastinate_')
   AND NOT EXISTS (SELECT FROM pg_depend
                    WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
 UNION ALL
SELECT relname FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
   AND NOT EXISTS (SELECT FROM pg_depend
                    WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
                      AND deptype = 'e')"""
TRIGGERS = """
SELECT relname || '.' || tgname
  FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
 WHERE NOT tgisinternal AND NOT starts_with(relname, 'procrastinate_')"""


def made() -> list[tuple[str, str, str]]:
    """What the SQL files of the package make: its kind, its name, and the rest of the statement."""
    scripts = [file.read_text(encoding="utf-8") for file in sorted(FOLDER.rglob("*.sql"))]
    return [found for script in scripts for found in STATEMENT.findall(script)]


def test_every_function_and_view_is_written_down_once(connection: Connection) -> None:
    names = [name for kind, name, _ in made() if "TRIGGER" not in kind]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert sorted(names) == sorted(connection.execute(text(OF_DATABASE)).scalars())


def test_every_trigger_is_written_down_once(connection: Connection) -> None:
    tables = (
        re.search(r"\bON (\w+)", re.sub(r"UPDATE OF [\w, ]+?(?=\s+ON\b)", "UPDATE", rest))
        for kind, _, rest in made()
        if "TRIGGER" in kind
    )
    names = [name for kind, name, _ in made() if "TRIGGER" in kind]
    written = [f"{table[1]}.{name}" for table, name in zip(tables, names, strict=True) if table]
    assert sorted(written) == sorted(connection.execute(text(TRIGGERS)).scalars())


def test_every_function_says_in_its_file_where_it_looks() -> None:
    """By itself, or by a body that is parsed when it is made."""
    safe = re.compile(r"SET search_path FROM CURRENT|^\s+RETURN |^BEGIN ATOMIC", re.M)
    unsure = [name for kind, name, rest in made() if kind == "FUNCTION" and not safe.search(rest)]
    assert unsure == []


@pytest.mark.parametrize("folder", ["functions", "comments"])
def test_every_file_is_run(folder: str) -> None:
    listed = [file for file in definition_files() if file.startswith(folder)]
    assert sorted(listed) == sorted(f"{folder}/{one.name}" for one in (FOLDER / folder).iterdir())


UNSAID = """
SELECT 'table ' || relname
  FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm')
   AND coalesce(obj_description(oid, 'pg_class'), '') = '' AND relname !~ :foreign
 UNION ALL
SELECT 'column ' || relname || '.' || attname
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm') AND attnum > 0
   AND NOT attisdropped AND coalesce(col_description(attrelid, attnum), '') = ''
   AND relname !~ :foreign
 UNION ALL
SELECT 'function ' || proname
  FROM pg_proc
 WHERE pronamespace = 'public'::regnamespace AND coalesce(obj_description(oid, 'pg_proc'), '') = ''
   AND proname !~ :foreign
   AND NOT EXISTS (SELECT FROM pg_depend
                    WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
 ORDER BY 1"""
# Of the job queue's library, and of PostGIS.
FOREIGN = "^(procrastinate_|spatial_ref_sys$|geometry_columns$|geography_columns$)"


def test_no_table_column_or_function_is_without_a_comment(connection: Connection) -> None:
    assert connection.execute(text(UNSAID), {"foreign": FOREIGN}).scalars().all() == []
    connection.execute(text("ALTER TABLE support ADD COLUMN unsaid integer"))
    found = connection.execute(text(UNSAID), {"foreign": FOREIGN}).scalars().all()
    assert found == ["column support.unsaid"]


def test_the_page_of_the_schema_is_current(connection: Connection) -> None:
    """After a change of mapservice/db: `scripts/catalogue`."""
    page = FOLDER.parent.parent / "docs" / "schema.md"
    assert page.read_text(encoding="utf-8") == schema_page(connection)


@pytest.mark.parametrize(
    ("by_hand", "name"),
    [
        ("CREATE OR REPLACE FUNCTION rollup_finest_zoom() RETURNS integer RETURN 9", "functions"),
        ("DROP FUNCTION initiative_place CASCADE", "trigger initiative.initiative_place"),
        ("ALTER FUNCTION grid_cell RESET search_path", "functions"),
        ("DROP FUNCTION harvest_horizon", "functions"),
        ("COMMENT ON FUNCTION merge_tree IS NULL", "functions"),
        (
            "CREATE OR REPLACE VIEW support_once AS SELECT initiative, commune FROM support",
            "view support_once",
        ),
        ("DROP VIEW waiting_now", "view waiting_now"),
        ("DROP TRIGGER rollup_insert ON initiative", "trigger initiative.rollup_insert"),
        (
            "ALTER TABLE initiative DISABLE TRIGGER rollup_insert",
            "trigger initiative.rollup_insert",
        ),
        ("DROP TRIGGER burst_found ON burst", "trigger burst.burst_found"),
        ("COMMENT ON COLUMN support.network IS 'An address'", "comments"),
    ],
)
def test_what_a_hand_changed_is_put_right(connection: Connection, by_hand: str, name: str) -> None:
    apply_definitions(connection)
    before = objects(connection)
    connection.execute(text(by_hand))
    assert objects(connection) != before
    assert name in apply_definitions(connection)
    assert objects(connection) == before
    assert soundness.problems(connection) == []


def objects(connection: Connection) -> list[tuple[str, str]]:
    return sorted(tuple(row) for row in connection.execute(text(MADE)))


def test_a_migration_puts_right_what_a_hand_changed(empty_engine: Engine) -> None:
    migrate(empty_engine)
    number = text("SELECT rollup_finest_zoom()")
    with empty_engine.begin() as connection:
        connection.execute(
            text("CREATE OR REPLACE FUNCTION rollup_finest_zoom() RETURNS integer RETURN 9")
        )
        assert connection.execute(number).scalar_one() == 9
    migrate(empty_engine)
    with empty_engine.begin() as connection:
        assert connection.execute(number).scalar_one() == 14
        assert apply_definitions(connection) == []


def test_a_file_that_changed_is_run(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_definitions(connection)
    assert apply_definitions(connection) == []
    changed = {"functions/tiles.sql": ("RETURN 4000", "RETURN 5000")}

    def read_changed(name: str) -> str:
        return read_script(name).replace(*changed.get(name, ("", "")))

    monkeypatch.setattr("mapservice.db.definitions.read_script", read_changed)
    connection.execute(text("UPDATE definition SET made_at = '2026-01-01'"))
    assert apply_definitions(connection) == ["functions"]
    assert connection.execute(text("SELECT tile_changes_most()")).scalar_one() == 5000
    dated = "SELECT name FROM definition WHERE made_at > '2026-01-01'"
    assert connection.execute(text(dated)).scalars().all() == ["functions"]


def test_what_nothing_uses_is_dropped_once(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_definitions(connection)
    connection.execute(text("CREATE FUNCTION former() RETURNS integer RETURN 1"))

    def read_changed(name: str) -> str:
        drops = "DROP FUNCTION IF EXISTS former();" if "dropped" in name else ""
        return read_script(name) + drops

    monkeypatch.setattr("mapservice.db.definitions.read_script", read_changed)
    assert "dropped" in apply_definitions(connection)
    assert connection.execute(text("SELECT to_regproc('former')")).scalar_one() is None
    assert apply_definitions(connection) == []


def test_functions_change_while_a_writer_is_at_work(
    database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What locks a table or a view is not made anew where it is as it was."""
    migrate(engine)

    def read_changed(name: str) -> str:
        return read_script(name) + ("" if "triggers" in name else "\n\n-- changed\n")

    with engine.begin() as writer:
        insert(writer)
        writer.execute(text("SELECT FROM waiting_now"))
        monkeypatch.setattr("mapservice.db.definitions.read_script", read_changed)
        hasty = make_engine(database_url)
        try:
            with hasty.begin() as connection:
                connection.execute(text("SET LOCAL lock_timeout = '1ms'"))
                assert apply_definitions(connection) == ["functions", "dropped", "comments"]
                connection.rollback()
        finally:
            hasty.dispose()


def test_a_trigger_gives_way_to_writers_until_it_can_be_made(
    database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE initiative DISABLE TRIGGER rollup_insert"))
    monkeypatch.setattr("mapservice.db.definitions.PATIENCE_MS", 1)
    other = make_engine(database_url)
    with engine.connect() as writer:
        insert(writer)
        # The writer ends when we have given way for the third time.
        pauses = iter([lambda: None, lambda: None, writer.commit])
        monkeypatch.setattr("time.sleep", lambda _seconds: next(pauses)())
        try:
            with other.begin() as connection:
                assert apply_definitions(connection) == ["trigger initiative.rollup_insert"]
                assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "0"
            assert list(pauses) == []
        finally:
            other.dispose()


def test_who_is_local_is_asked_in_place(connection: Connection) -> None:
    """The function is written into the query, so that a commune is found by its index."""
    asked = """
    EXPLAIN SELECT FROM communes_around('35238', '243500139', '35', '53') AS around
             WHERE around.code = '35047'"""
    plan = "\n".join(connection.execute(text(asked)).scalars())
    assert "Function Scan" not in plan
    assert "Seq Scan" not in plan
    assert "(code = '35047'::text)" in plan


@pytest.mark.parametrize(
    ("place", "near", "far"),
    [
        (("35238", "243500139", "35", "53"), "35047", "35288"),  # Bruz, Saint-Malo: Rennes
        ((None, "243500139", "35", "53"), "35047", "35288"),
        (("35238", None, "35", "53"), "35238", "35047"),
        ((None, None, "35", "53"), "35288", "22278"),  # Saint-Brieuc: Ille-et-Vilaine
        ((None, None, None, "53"), "22278", "44109"),  # Nantes: Bretagne
        (("93066", "200054781", "93", "11"), "93059", "35238"),  # Pierrefitte-sur-Seine
    ],
)
def test_neighbours_are_local(
    connection: Connection, place: tuple[str | None, ...], near: str, far: str
) -> None:
    asked = "SELECT code FROM communes_around(:commune, :epci, :departement, :region)"
    names = ("commune", "epci", "departement", "region")
    statement = text(asked).bindparams(**dict(zip(names, place, strict=True)))
    codes = set(connection.execute(statement).scalars())
    assert near in codes
    assert far not in codes


def test_nobody_is_local_to_all_of_france(connection: Connection) -> None:
    statement = "SELECT count(*) FROM communes_around(NULL, NULL, NULL, NULL)"
    assert connection.execute(text(statement)).scalar_one() == 0


MONTHLY = """
SELECT level, theme, status, code, month, initiatives, supporters, told, local FROM rollup
 WHERE month > '-infinity' AND month < 'infinity'"""
UNPACKED = """
SELECT level, theme, status, code, month, initiatives, supporters, told, local
  FROM rollup_series_month"""


def test_other_tools_read_the_months_of_a_rollup(engine: Engine) -> None:
    generate_initiatives(engine, 400, 5, lambda _rows: None)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE initiative SET created_at = '0001-01-05' WHERE title < 'D'")
        )
        connection.execute(text("SELECT rollup_compact()"))
        monthly = connection.execute(text(f"{MONTHLY} ORDER BY 1, 2, 3, 4, 5")).all()
        assert len(monthly) > 1000
        unpacked = connection.execute(text(f"{UNPACKED} ORDER BY 1, 2, 3, 4, 5")).all()
        assert unpacked == monthly
        assert differences(connection) == []


def test_a_knot_of_locks_is_tried_again(
    empty_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL ends one of two transactions that wait for each other: it may be ours."""
    tries = []

    def knotted(connection: Connection) -> list[str]:
        tries.append(connection)
        if len(tries) < 3:
            raise DeadlockDetected
        return apply_definitions(connection)

    monkeypatch.setattr("mapservice.db.migrate.apply_definitions", knotted)
    migrate(empty_engine)
    assert len(tries) == 3
    with empty_engine.connect() as connection:
        assert soundness.problems(connection) == []


def test_a_migration_lets_pass_who_asks_while_somebody_reads_for_long(
    empty_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever came behind it would wait as long as it does: for the end of a download."""
    migrate(empty_engine)
    tries: list[Connection] = []

    def changed(connection: Connection) -> list[str]:
        tries.append(connection)
        connection.execute(text("ALTER TABLE initiative ADD COLUMN trial integer"))
        return apply_definitions(connection)

    monkeypatch.setattr("mapservice.db.migrate.apply_definitions", changed)
    monkeypatch.setattr("mapservice.db.migrate.LOCK_WAIT", "200ms")
    monkeypatch.setattr("mapservice.db.migrate.PAUSE_SECONDS", 0.1)
    with ThreadPoolExecutor(1) as pool:
        with empty_engine.connect() as download:
            download.execute(text("SELECT count(*) FROM initiative"))
            migration = pool.submit(migrate, empty_engine)
            while len(tries) < 3:
                assert not migration.done()
                with empty_engine.connect() as reader:
                    # Behind a lock that waits for the download, this would wait for ever.
                    reader.execute(text("SET LOCAL statement_timeout = '30s'"))
                    assert reader.execute(text("SELECT count(*) FROM initiative")).scalar_one() == 0
        migration.result()
    with empty_engine.connect() as connection:
        assert connection.execute(text("SELECT count(trial) FROM initiative")).scalar_one() == 0


def test_a_schema_newer_than_the_version_is_refused_and_left_as_it_is(empty_engine: Engine) -> None:
    """After a way back: what the newer version made is not for this one to change."""
    migrate(empty_engine)
    with empty_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("DROP VIEW rollup_series_due CASCADE"))
        before = connection.execute(text(MADE)).all()
    with pytest.raises(ConfigurationError, match="the database has schema 9999, this version"):
        migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert connection.execute(text(MADE)).all() == before
