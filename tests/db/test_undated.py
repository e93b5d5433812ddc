"""Unknown dates in the database: what an upgrade keeps, what may be written, what plans read."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from mapservice.db.migrate import migrate
from mapservice.rollups.queries import differences
from mapservice.rollups.service import rebuild
from tests.db.conftest import insert
from tests.web.population import Made
from tests.web.population import insert as insert_made

NATIONAL = """
INSERT INTO initiative (title, theme, scale, status, created_at, updated_at, precision)
SELECT 'Essai', 'culture', 'commune', 'published', day, day + interval '1 day', 'national'
  FROM generate_series(timestamptz '2025-01-15', timestamptz '2026-01-15', '20 days') AS day"""
KEPT = "SELECT id, created_at, updated_at, changed_at FROM initiative ORDER BY id"


def test_an_upgrade_keeps_every_date_and_count(old_engine: Engine) -> None:
    with old_engine.begin() as connection:
        connection.execute(text(NATIONAL))
        connection.execute(text("SELECT rollup_compact()"))
        connection.execute(text(NATIONAL))
        before = connection.execute(text(KEPT)).all()
    migrate(old_engine)
    with old_engine.connect() as connection:
        assert connection.execute(text(KEPT)).all() == before
        assert differences(connection) == []
    with old_engine.begin() as connection:
        connection.execute(
            text("UPDATE initiative SET created_at = NULL WHERE created_at > '2025-06-01'")
        )
        connection.execute(text("SELECT rollup_compact()"))
    with old_engine.connect() as connection:
        assert differences(connection) == []
    rebuild(old_engine)
    with old_engine.connect() as connection:
        assert differences(connection) == []


def test_a_date_that_nobody_writes_is_unknown(connection: Connection) -> None:
    row = insert(connection)
    assert (row.created_at, row.created_period, row.updated_at) == (None, None, None)
    assert row.changed_at is not None


@pytest.mark.parametrize("period", ["2022", "2022-03", "1901-12"])
def test_a_year_or_a_month_may_be_all_that_is_known(connection: Connection, period: str) -> None:
    assert insert(connection, created_period=period).created_period == period


@pytest.mark.parametrize("period", ["", "22", "2022-13", "2022-3", "2022-03-01", "mars 2022"])
def test_no_other_text_is_a_period(connection: Connection, period: str) -> None:
    with pytest.raises(IntegrityError, match="initiative_created_period_check"):
        insert(connection, created_period=period)


def test_a_day_and_a_period_are_not_both_kept(connection: Connection) -> None:
    with pytest.raises(IntegrityError, match="initiative_created_once_check"):
        insert(connection, created_period="2022", created_at="2022-03-01")


def test_what_changes_here_gives_no_date_to_what_had_none(connection: Connection) -> None:
    row = insert(connection)
    changed = text(
        "UPDATE initiative SET title = 'Autre', supporters = 3 WHERE id = :id RETURNING *"
    )
    after = connection.execute(changed, {"id": row.id}).one()
    assert (after.created_at, after.updated_at) == (None, None)
    assert after.changed_at > row.changed_at


@pytest.mark.parametrize(
    "changes", ["source_licence = 'ODbL'", "source_url = 'https://a.test'", "created_period = '22'"]
)
def test_harvesters_are_told_of_source_and_period(connection: Connection, changes: str) -> None:
    row = insert(connection)
    changes = changes.replace("'22'", "'2022'")
    statement = text(f"UPDATE initiative SET {changes} WHERE id = :id RETURNING changed_at")
    assert connection.execute(statement, {"id": row.id}).scalar_one() > row.changed_at


@pytest.mark.parametrize(
    ("day", "month"),
    [
        ("NULL", "infinity"),
        ("'2022-03-31T23:59:59Z'", "2022-03-01"),
        ("'0001-01-01'", "0001-01-01"),
    ],
)
def test_months_are_told_without_any_search_path(
    connection: Connection, day: str, month: str
) -> None:
    """As in a restored dump."""
    connection.execute(text("SET LOCAL search_path = ''"))
    told = f"SELECT CAST(public.rollup_month(CAST({day} AS timestamptz)) AS text)"
    assert connection.execute(text(told)).scalar_one() == month
    number = connection.execute(text(f"SELECT public.rollup_month_number('{month}')")).scalar_one()
    assert number == (-1 if month == "infinity" else int(month[:4]) * 12 + int(month[5:7]) - 1)


@pytest.fixture
def half_undated(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        insert_made(
            connection,
            [
                Made(
                    commune="35238",
                    created_at=f"2025-{number % 12 + 1:02}-01" if number % 2 else None,
                )
                for number in range(100)
            ],
        )
    with engine.connect() as connection:
        yield connection


def test_compaction_needs_no_search_path(half_undated: Connection) -> None:
    half_undated.execute(text("SET search_path = ''"))
    folded = half_undated.execute(text("SELECT public.rollup_compact()")).scalar_one()
    half_undated.execute(text("RESET search_path"))
    assert folded > 0
    assert differences(half_undated) == []
