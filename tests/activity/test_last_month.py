"""The last month that a territory saw something: kept beside its sums, exact after any change."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from mapservice.activity.queries import differences
from mapservice.activity.service import compact, rebuild

INSERT = text(
    """INSERT INTO initiative (title, theme, scale, status, created_at, updated_at, precision,
                               commune)
       VALUES ('Jardin', :theme, 'commune', :status, :at, :at, 'commune', :commune)"""
)
KEPT = text(
    """SELECT last FROM rollup
        WHERE level = 'commune' AND code = :code AND theme = :theme AND status = 'published'
          AND month = '-infinity'"""
)
RENNES, BREST = "35238", "29019"


def day(month: int) -> datetime:
    return datetime(2025, month, 15, tzinfo=UTC)


def add(connection: Connection, month: int, theme: str = "culture", commune: str = RENNES) -> None:
    values = {"theme": theme, "status": "published", "at": day(month), "commune": commune}
    connection.execute(INSERT, values)


def last(engine: Engine, theme: str = "", code: str = RENNES) -> int | None:
    """The month of 2025 that is kept, None for none; and all that is kept is right."""
    compact(engine)
    with engine.connect() as connection:
        assert differences(connection) == []
        found = connection.execute(KEPT, {"code": code, "theme": theme}).scalar_one_or_none()
    return found.month if found else None


@pytest.fixture
def three(engine: Engine) -> Engine:
    """Rennes in March (culture), June (habitat) and June (culture); folded in."""
    with engine.begin() as connection:
        add(connection, 3)
        add(connection, 6, "habitat")
        add(connection, 6)
    assert last(engine) == 6
    return engine


CHANGES: list[tuple[str, int | None, int | None]] = [
    ("SELECT 1", 6, 6),
    ("DELETE FROM initiative WHERE theme = 'culture' AND created_at > '2025-06-01'", 6, 3),
    ("DELETE FROM initiative WHERE created_at > '2025-06-01'", 3, 3),
    ("DELETE FROM initiative", None, None),
    ("UPDATE initiative SET created_at = '2025-02-01' WHERE created_at > '2025-06-01'", 3, 3),
    ("UPDATE initiative SET updated_at = '2025-09-01', created_at = '2025-09-01'", 9, 9),
    ("UPDATE initiative SET theme = 'habitat'", 6, None),
    ("UPDATE initiative SET status = 'archived' WHERE created_at > '2025-06-01'", 3, 3),
    (f"UPDATE initiative SET commune = '{BREST}' WHERE created_at > '2025-06-01'", 3, 3),
]


@pytest.mark.parametrize(("change", "whole", "culture"), CHANGES)
def test_the_last_month_follows_what_happens(
    three: Engine, change: str, whole: int | None, culture: int | None
) -> None:
    with three.begin() as connection:
        connection.execute(text(change))
    assert (last(three), last(three, "culture")) == (whole, culture)


def test_what_comes_and_goes_between_two_compactions_leaves_no_trace(three: Engine) -> None:
    with three.begin() as connection:
        add(connection, 11)
        connection.execute(text("DELETE FROM initiative WHERE created_at > '2025-11-01'"))
    assert last(three) == 6


def test_one_month_for_another_in_one_batch(three: Engine) -> None:
    """The number stays the same; the last month does not."""
    with three.begin() as connection:
        connection.execute(text("DELETE FROM initiative WHERE created_at > '2025-06-01'"))
        add(connection, 8)
        add(connection, 8)
    assert last(three) == 8


def test_a_wrong_last_month_is_found_and_mended(three: Engine) -> None:
    with three.begin() as connection:
        connection.execute(text("UPDATE rollup SET last = '2025-07-01' WHERE last IS NOT NULL"))
    with three.connect() as connection:
        assert any("last" in found.key for found in differences(connection))
    rebuild(three)
    assert last(three) == 6


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
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE initiative CASCADE"))
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
        last(engine, code=code)
