"""Rollups stay true while several write, move and delete at once and another compacts."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from sqlalchemy import Connection, Engine, text

from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.model import Status, Theme
from mapservice.rollups.queries import differences, total
from mapservice.rollups.service import compact, rebuild
from tests.rollups import gatherings
from tests.web.population import Made, fill, insert, population

WRITERS = 4
ROUNDS = 100
# What is merged is so by its merge alone.
STATUSES = [status for status in Status if status != "merged"]
COMMUNES = ("35238", "79191", "75056", "97411", "29155")
NO_PLACE = "epci = NULL, departement = NULL, region = NULL"

Write = Callable[[Connection, Random, str], None]


def add(connection: Connection, dice: Random, writer: str) -> None:
    insert(
        connection,
        [
            Made(
                commune=dice.choice(COMMUNES),
                theme=dice.choice(list(Theme)),
                supporters=dice.randrange(9),
                created_at=dice.choice((None, "2026-01-15T12:00:00+00:00")),
                source_platform=writer,
            )
            for _ in range(dice.randrange(1, 6))
        ],
    )


def move_to_a_point(connection: Connection, dice: Random, writer: str) -> None:
    one(
        connection,
        dice,
        f"precision = 'point', commune = '{dice.choice(COMMUNES)}', {NO_PLACE},"
        f" point = ST_SetSRID(ST_MakePoint({dice.uniform(-4, 7)}, {dice.uniform(43, 50)}), 4326)",
    )


def lose_the_place(connection: Connection, dice: Random, writer: str) -> None:
    one(connection, dice, "precision = 'none', point = NULL, commune = NULL")


def decide(connection: Connection, dice: Random, writer: str) -> None:
    one(connection, dice, f"status = '{dice.choice(STATUSES)}', source_supporters = 1")


def learn_or_forget_the_day(connection: Connection, dice: Random, writer: str) -> None:
    day = dice.choice(("NULL", "'2025-12-05T10:00:00Z'"))
    one(connection, dice, f"created_at = {day}, created_period = NULL, updated_at = NULL")


def change_own_theme(connection: Connection, dice: Random, writer: str) -> None:
    """Many rows in one statement; nobody else has these at once, so writers never deadlock."""
    connection.execute(
        text(
            "UPDATE initiative SET theme = :theme WHERE source_platform = :writer AND theme < 'm'"
        ),
        {"theme": dice.choice(list(Theme)), "writer": writer},
    )


def remove(connection: Connection, dice: Random, writer: str) -> None:
    statement = f"DELETE FROM initiative WHERE id = ({anyone(dice)})"
    connection.execute(text(statement))


def change_the_mind(connection: Connection, dice: Random, writer: str) -> None:
    """What is rolled back counts for nothing."""
    with connection.begin_nested() as savepoint:
        connection.execute(text("DELETE FROM initiative WHERE source_platform = :w"), {"w": writer})
        savepoint.rollback()


def gather(connection: Connection, dice: Random, writer: str) -> None:
    """Groups and events are written beside initiatives; some of it is rolled back."""
    with connection.begin_nested() as savepoint:
        for _ in range(dice.randrange(1, 4)):
            dice.choice(gatherings.WRITES)(connection, dice, writer, list(COMMUNES))
        if dice.random() < 0.1:
            savepoint.rollback()


def one(connection: Connection, dice: Random, changes: str) -> None:
    connection.execute(text(f"UPDATE initiative SET {changes} WHERE id = ({anyone(dice)})"))


def anyone(dice: Random) -> str:
    """SQL for the id of any initiative, whoever wrote it."""
    return f"SELECT id FROM initiative ORDER BY id OFFSET {dice.randrange(40)} LIMIT 1"


WRITES: tuple[Write, ...] = (
    add,
    add,
    move_to_a_point,
    lose_the_place,
    decide,
    learn_or_forget_the_day,
    change_own_theme,
    remove,
    change_the_mind,
    gather,
    gather,
    gather,
    gather,
)


def write_much(engine: Engine, number: int) -> int:
    """Rounds of one transaction each, over a connection of its own; how many were done."""
    dice = Random(number)
    with engine.connect() as connection:
        for _ in range(ROUNDS):
            with connection.begin():
                dice.choice(WRITES)(connection, dice, f"writer-{number}")
    return ROUNDS


def compact_until(engine: Engine, done: threading.Event) -> int:
    folded = 0
    while not done.is_set():
        folded += compact(engine)
    return folded


@pytest.fixture
def after_the_storm(engine: Engine) -> Engine:
    """Four writers with a connection each, and a fifth that compacts all the while."""
    fill(engine, population(60))
    done = threading.Event()
    with ThreadPoolExecutor(WRITERS + 1) as threads:
        compacter = threads.submit(compact_until, engine, done)
        writers = [threads.submit(write_much, engine, number) for number in range(WRITERS)]
        try:
            assert [writer.result() for writer in writers] == [ROUNDS] * WRITERS
        finally:
            done.set()
        compacter.result()
    return engine


TABLES = {
    "rollup": """
        SELECT level, status, theme, month::text, code, initiatives, supporters, groups, events
          FROM rollup""",
    "rollup_cell": "SELECT zoom, cell, status, theme, initiatives, sum_x, sum_y FROM rollup_cell",
}


def contents(connection: Connection) -> dict[str, set[tuple[object, ...]]]:
    return {
        name: {tuple(row) for row in connection.execute(text(statement))}
        for name, statement in TABLES.items()
    }


def test_every_count_is_true_after_concurrent_writes(after_the_storm: Engine) -> None:
    engine = after_the_storm
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM initiative")).scalar_one() > 60
        for table in ("local_group", "event"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() > 20
        assert differences(connection) == []
    compact(engine)
    with engine.connect() as connection:
        assert differences(connection) == []
        assert connection.execute(text("SELECT count(*) FROM rollup_delta")).scalar_one() == 0
        compacted = contents(connection)
    rebuild(engine)
    with engine.connect() as connection:
        assert contents(connection) == compacted
        assert differences(connection) == []


def test_readers_see_one_total_while_others_move_and_compact(engine: Engine) -> None:
    """Moves change no count, so that any other number would be a torn read."""
    fill(engine, [Made(commune="35238", source_platform="writer-0") for _ in range(50)])
    done = threading.Event()

    def move() -> None:
        dice = Random(3)
        for _ in range(40):
            with engine.begin() as connection:
                move_to_a_point(connection, dice, "writer-0")

    with ThreadPoolExecutor(3) as threads:
        compacter = threads.submit(compact_until, engine, done)
        movers = [threads.submit(move) for _ in range(2)]
        seen = {totalled(engine)}
        while not all(mover.done() for mover in movers):
            seen.add(totalled(engine))
        done.set()
        compacter.result()
        for mover in movers:
            mover.result()
    assert seen == {50}


def totalled(engine: Engine) -> int:
    with engine.connect() as connection:
        return total(connection, InitiativeFilters())


def test_a_count_that_is_wrong_is_found_and_mended(engine: Engine) -> None:
    fill(engine, [Made(commune="35238", theme="culture", supporters=3)])
    compact(engine)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE rollup SET initiatives = 7 WHERE code = '35238' AND theme = 'culture'")
        )
        connection.execute(text("DELETE FROM rollup_cell WHERE zoom = 9"))
    with engine.connect() as connection:
        wrong = differences(connection)
    told = {(one.table, one.kept, one.counted) for one in wrong if "initiatives" in one.key}
    assert told == {("rollup", 7, 1), ("rollup_cell", 0, 1)}
    assert {one.table for one in wrong} == {"rollup", "rollup_series", "rollup_cell"}
    rebuild(engine)
    with engine.connect() as connection:
        assert differences(connection) == []


def test_counting_all_again_beside_a_compactor(engine: Engine) -> None:
    fill(engine, population(300, seed=5))
    done = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        compacter = threads.submit(compact_until, engine, done)
        try:
            for _ in range(12):
                rebuild(engine)
        finally:
            done.set()
        compacter.result()
    with engine.connect() as connection:
        assert differences(connection) == []


def test_emptying_one_table_keeps_the_counts_of_the_others(engine: Engine) -> None:
    """Whether folded in already or not: a group counts on when all initiatives go."""
    fill(engine, [Made(commune="35238")])
    for folded in (True, False):
        with engine.begin() as connection:
            gatherings.add_groups(connection, count=2)
            gatherings.add_events(connection, day="2026-05-01T18:00Z", count=3)
        if folded:
            compact(engine)
    for emptied, left in (
        ("event_series", (4, 0)),
        ("initiative", (4, 0)),
        ("local_group", (0, 0)),
    ):
        with engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {emptied} CASCADE"))
        with engine.connect() as connection:
            assert differences(connection) == []
            assert connection.execute(text(IN_BRITTANY)).one() == left, emptied


IN_BRITTANY = """
SELECT coalesce(sum(groups), 0), coalesce(sum(events), 0) FROM rollup_delta_level
 WHERE level = 'region' AND code = '53'"""


def test_a_count_of_groups_or_events_that_is_wrong_is_found(engine: Engine) -> None:
    with engine.begin() as connection:
        gatherings.add_groups(connection)
        gatherings.add_events(connection, day="2026-05-01T18:00Z")
    compact(engine)
    for column in ("groups", "events"):
        with engine.begin() as connection:
            wrong = f"UPDATE rollup SET {column} = 5 WHERE level = 'region' AND {column} > 0"
            connection.execute(text(wrong))
            found = differences(connection)
        assert found
        assert {(one.kept, one.counted) for one in found} == {(5, 1)}
        assert all(one.key.endswith(column) for one in found)
        rebuild(engine)
        with engine.connect() as connection:
            assert differences(connection) == []
            assert connection.execute(text("SELECT count(*) FROM rollup_series")).scalar_one() == 0
