"""Functions find their names whatever search_path is in force: dumps are restored under none."""

import pytest
from sqlalchemy import Connection, Engine, text

from mapservice.db import catalogue, soundness
from mapservice.db import migrate as migration
from tests.db.conftest import insert

UNSURE = """
SELECT oid::regprocedure::text
  FROM pg_proc
 WHERE pronamespace = 'public'::regnamespace AND prosqlbody IS NULL
   AND NOT EXISTS (SELECT FROM unnest(proconfig) AS kept WHERE kept LIKE 'search\\_path=%')
   AND NOT EXISTS (SELECT FROM pg_depend
                    WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
 ORDER BY 1"""


def test_every_function_says_where_it_looks(connection: Connection) -> None:
    """Pinned (`SET search_path`), or parsed when it was made (`RETURN`, `BEGIN ATOMIC`)."""
    assert connection.execute(text(UNSURE)).scalars().all() == []


def test_the_rule_finds_one_that_does_not(connection: Connection) -> None:
    made = "CREATE FUNCTION public.astray() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    connection.execute(text(made))
    assert connection.execute(text(UNSURE)).scalars().all() == ["astray()"]


WRITES = (
    """UPDATE public.initiative SET title = 'Un verger', status = 'done', precision = 'departement',
              departement = '79'""",
    "INSERT INTO public.person (email, email_key) VALUES ('a@example.org', 'a@example.org')",
    """INSERT INTO public.support (initiative, person, commune)
       SELECT initiative.id, person.id, '79191' FROM public.initiative, public.person""",
    "UPDATE public.support SET withdrawn_at = now()",
    "SELECT public.rollup_compact()",
    "SELECT public.rollup_rebuild()",
    "SELECT public.harvest_horizon()",
    "SELECT public.merge_head(id), public.merge_tree(id) FROM public.initiative",
    "UPDATE public.territory SET name = name || '' WHERE level = 'commune' AND code = '79191'",
    "DELETE FROM public.initiative",
    "TRUNCATE public.initiative CASCADE",
)


def test_writes_work_under_no_search_path(connection: Connection) -> None:
    insert(connection)
    connection.execute(text("SET LOCAL search_path = ''"))
    for statement in WRITES:
        connection.execute(text(statement))
    connection.execute(text("SET LOCAL search_path = public"))
    assert soundness.problems(connection) == []


def test_the_catalogue_is_that_of_a_migrated_database(connection: Connection) -> None:
    """After a migration: `scripts/catalogue`."""
    assert sorted(catalogue.present(connection)) == sorted(catalogue.expected())


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("ALTER TABLE initiative DROP COLUMN cell CASCADE", "missing: column initiative.cell"),
        ("DROP TRIGGER rollup_insert ON initiative", "missing: trigger initiative.rollup_insert"),
        ("ALTER TABLE initiative DISABLE TRIGGER rollup_insert", "rollup_insert disabled"),
        ("DROP INDEX initiative_idea", "missing: index initiative.initiative_idea"),
        ("DROP TABLE removal", "missing: table removal"),
        ("DROP FUNCTION harvest_horizon", "missing: function harvest_horizon(0)"),
        ("ALTER FUNCTION grid_cell RESET search_path", "not as it was made: function grid_cell(1)"),
        ("DROP VIEW waiting_now CASCADE", "missing: view waiting_now"),
        ("ALTER TABLE location_match DROP CONSTRAINT location_match_initiative_fkey", "fkey"),
        ("DELETE FROM rollup_delta", "initiatives that are published: 1 counted"),
        ("TRUNCATE territory_outline", "territory_outline is empty"),
        ("INSERT INTO removal SELECT id, now() FROM initiative", "removals: 1"),
    ],
)
def test_what_a_restore_may_have_lost_is_told(
    connection: Connection, damage: str, told: str
) -> None:
    one = insert(connection)
    verdict = {"id": one.id}
    connection.execute(text(DECIDED), verdict)
    assert soundness.problems(connection) == []
    connection.execute(text(damage))
    assert any(told in line for line in soundness.problems(connection))


def test_a_sequence_at_its_start_is_told(connection: Connection) -> None:
    connection.execute(text(DECIDED), {"id": insert(connection).id})
    reached = connection.execute(text("SELECT last_value FROM decision_id_seq")).scalar_one()
    connection.execute(text("SELECT setval('decision_id_seq', 1, false)"))
    try:
        assert "decision_id_seq is at its start" in " ".join(soundness.problems(connection))
    finally:  # no transaction takes a sequence back
        connection.execute(text("SELECT setval('decision_id_seq', :reached)"), {"reached": reached})


DECIDED = """
INSERT INTO decision (initiative, revision, verdict, decided_by)
VALUES (:id, 1, 'publish', 'an editor')"""


def test_rows_without_their_initiative_are_told(engine: Engine) -> None:
    """What a dump restored with `--disable-triggers`, or past a failed COPY, leaves behind."""
    with engine.connect() as connection:
        one = insert(connection)
        connection.execute(text(MATCH), {"id": one.id})
        connection.execute(text(f"ALTER TABLE location_match DROP CONSTRAINT {KEY}"))
        connection.execute(text("DELETE FROM initiative"))
        found = soundness.problems(connection)
    assert "location_match: 1 rows name no initiative that is there" in found


KEY = "location_match_initiative_fkey"
MATCH = """
INSERT INTO location_match (initiative, query, parts, status, precision, score, method, cog_year)
VALUES (:id, '{}', '{}', 'certain', 'commune', 1, 'name', 2026)"""


def test_an_upgrade_keeps_all_that_a_database_has(old_engine: Engine) -> None:
    """A database of schema 0021, before functions were pinned."""
    with old_engine.begin() as connection:
        connection.execute(text(HELD))
    with old_engine.connect() as connection:
        before = connection.execute(text(KEPT)).all()
    migration.migrate(old_engine)
    with old_engine.connect() as connection:
        assert connection.execute(text(KEPT)).all() == before
        assert connection.execute(text(UNSURE)).all() == []
        assert soundness.problems(connection) == []


HELD = """
INSERT INTO initiative (title, theme, scale, status, precision)
SELECT 'Un verger ' || n, 'culture', 'commune', 'published', 'none' FROM generate_series(1, 9) n"""
KEPT = "SELECT id, title, status, cell, search FROM initiative ORDER BY id"


def test_communes_that_are_lost_are_told(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(
            text("DELETE FROM territory WHERE level = 'commune' AND departement = '48'")
        )
        found = soundness.problems(connection)
        connection.rollback()
    assert [line for line in found if line.startswith("communes of département 48: 0 ")]
