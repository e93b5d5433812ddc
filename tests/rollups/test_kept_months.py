"""The months of a territory that are kept in one row: exact after any change."""

import struct
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from mapservice.rollups.queries import differences
from mapservice.rollups.service import compact, rebuild, sort_series
from tests.emptied import empty

INSERT = text(
    """INSERT INTO initiative (title, theme, scale, status, created_at, updated_at, precision,
                               commune)
       VALUES ('Jardin', :theme, 'commune', :status, :at, :at, 'commune', :commune)"""
)
KEPT = text(
    """SELECT months, initiatives FROM rollup_series
        WHERE level = 'commune' AND code = :code AND theme = :theme AND status = 'published'"""
)
RENNES, BREST = "35238", "29019"


def day(month: int) -> datetime:
    return datetime(2025, month, 15, tzinfo=UTC)


def add(connection: Connection, month: int, theme: str = "culture", commune: str = RENNES) -> None:
    values = {"theme": theme, "status": "published", "at": day(month), "commune": commune}
    connection.execute(INSERT, values)


def held(engine: Engine, theme: str = "", code: str = RENNES) -> dict[int, int]:
    """How many are kept of each month, from January 2025 on; and all that is kept is right."""
    compact(engine)
    with engine.connect() as connection:
        assert differences(connection) == []
        row = connection.execute(KEPT, {"code": code, "theme": theme}).one_or_none()
    if row is None:
        return {}
    months = [month - 12 * 2025 + 1 for (month,) in struct.iter_unpack(">i", row.months)]
    return dict(zip(months, [n for (n,) in struct.iter_unpack(">i", row.initiatives)], strict=True))


@pytest.fixture
def three(engine: Engine) -> Engine:
    """Rennes in March (culture), June (habitat) and June (culture); folded in."""
    with engine.begin() as connection:
        add(connection, 3)
        add(connection, 6, "habitat")
        add(connection, 6)
    assert held(engine) == {3: 1, 6: 2}
    return engine


CHANGES: list[tuple[str, dict[int, int], dict[int, int]]] = [
    ("SELECT 1", {3: 1, 6: 2}, {3: 1, 6: 1}),
    (
        "DELETE FROM initiative WHERE theme = 'culture' AND created_at > '2025-06-01'",
        {3: 1, 6: 1},
        {3: 1},
    ),
    ("DELETE FROM initiative WHERE created_at > '2025-06-01'", {3: 1}, {3: 1}),
    ("DELETE FROM initiative", {}, {}),
    (
        "UPDATE initiative SET created_at = '2025-02-01' WHERE created_at > '2025-06-01'",
        {2: 2, 3: 1},
        {2: 1, 3: 1},
    ),
    ("UPDATE initiative SET created_at = '2025-09-01'", {9: 3}, {9: 2}),
    (
        "UPDATE initiative SET updated_at = '20205-01-02', created_at = '20205-01-01'",
        {1 + 12 * (20205 - 2025): 3},
        {1 + 12 * (20205 - 2025): 2},
    ),
    ("UPDATE initiative SET theme = 'habitat'", {3: 1, 6: 2}, {}),
    ("UPDATE initiative SET created_at = NULL", {}, {}),
    (
        "UPDATE initiative SET created_at = NULL WHERE created_at > '2025-06-01'",
        {3: 1},
        {3: 1},
    ),
    (
        "UPDATE initiative SET status = 'archived' WHERE created_at > '2025-06-01'",
        {3: 1},
        {3: 1},
    ),
    (
        f"UPDATE initiative SET commune = '{BREST}' WHERE created_at > '2025-06-01'",
        {3: 1},
        {3: 1},
    ),
]


@pytest.mark.parametrize(("change", "whole", "culture"), CHANGES)
def test_months_follow_what_happens(
    three: Engine, change: str, whole: dict[int, int], culture: dict[int, int]
) -> None:
    with three.begin() as connection:
        connection.execute(text(change))
    assert (held(three), held(three, "culture")) == (whole, culture)


def test_what_comes_and_goes_between_two_compactions_leaves_no_trace(three: Engine) -> None:
    with three.begin() as connection:
        add(connection, 11)
        connection.execute(text("DELETE FROM initiative WHERE created_at > '2025-11-01'"))
    assert held(three) == {3: 1, 6: 2}


def test_one_month_for_another_in_one_batch(three: Engine) -> None:
    """The number stays the same; the months do not."""
    with three.begin() as connection:
        connection.execute(text("DELETE FROM initiative WHERE created_at > '2025-06-01'"))
        add(connection, 8)
        add(connection, 8)
    assert held(three) == {3: 1, 8: 2}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE rollup_series SET supporters = supporters || supporters",
        "DELETE FROM rollup_series WHERE level = 'commune'",
        """INSERT INTO rollup_series
           SELECT level, theme, 'done', code, months, initiatives, supporters, told, local
             FROM rollup_series""",
    ],
)
def test_wrong_months_are_found_and_mended(three: Engine, damage: str) -> None:
    with three.begin() as connection:
        connection.execute(text(damage))
    with three.connect() as connection:
        assert {found.table for found in differences(connection)} == {"rollup_series"}
    rebuild(three)
    assert held(three) == {3: 1, 6: 2}


moves = st.lists(
    st.tuples(
        st.sampled_from(("add", "remove", "redate", "retheme", "move", "compact")),
        st.integers(1, 12),
        st.sampled_from(("culture", "habitat")),
        st.sampled_from((RENNES, BREST)),
    ),
    max_size=25,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=moves)
def test_any_changes(engine: Engine, moves: list[tuple[str, int, str, str]]) -> None:
    one = "(SELECT id FROM initiative ORDER BY id OFFSET :number % greatest("
    one += "(SELECT count(*) FROM initiative), 1) LIMIT 1)"
    changes: dict[str, Callable[[int, str, str], str]] = {
        "remove": lambda *_: f"DELETE FROM initiative WHERE id = {one}",
        "redate": lambda month, *_: (
            f"UPDATE initiative SET created_at = '2025-{month:02}-15' WHERE id = {one}"
        ),
        "retheme": lambda _, theme, __: f"UPDATE initiative SET theme = '{theme}' WHERE id = {one}",
        "move": lambda _, __, place: f"UPDATE initiative SET commune = '{place}' WHERE id = {one}",
    }
    empty(engine, "initiative")
    for what, month, theme, place in moves:
        if what == "compact":
            compact(engine)
            continue
        with engine.begin() as connection:
            if what == "add":
                add(connection, month, theme, place)
            else:
                connection.execute(text(changes[what](month, theme, place)), {"number": month})
    for code in (RENNES, BREST):
        held(engine, code=code)


def test_scattered_months_are_put_in_the_order_they_are_read_in(engine: Engine) -> None:
    """What is read of all communes at once stands together again, and is the same."""
    with engine.begin() as connection:
        communes = connection.execute(
            text("SELECT code FROM territory WHERE level = 'commune' ORDER BY md5(code) LIMIT 400")
        )
        for number, code in enumerate(communes.scalars().all()):
            add(connection, 1 + number % 12, ("culture", "habitat")[number % 2], code)
    compact(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE scattered AS SELECT * FROM rollup_series")
        connection.exec_driver_sql("DELETE FROM rollup_series")
        connection.exec_driver_sql(
            "INSERT INTO rollup_series SELECT * FROM scattered ORDER BY md5(code || theme || level)"
        )
        connection.exec_driver_sql("DROP TABLE scattered")
    by_key = text("SELECT * FROM rollup_series ORDER BY level, theme, status, code")
    with engine.connect() as connection:
        before = connection.execute(by_key).all()

    assert sort_series(engine)
    with engine.connect() as connection:
        assert connection.execute(by_key).all() == before
        assert differences(connection) == []
    assert not sort_series(engine), "once in order, it is left alone"
