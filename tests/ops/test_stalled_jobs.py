"""Jobs of a worker that was killed are begun again, and none of them for ever."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import procrastinate
import pytest
from sqlalchemy import Engine, text

from mapservice import jobs
from mapservice.settings import Settings

STALLED = """
INSERT INTO procrastinate_jobs (queue_name, task_name, status, queueing_lock, attempts, args)
VALUES ('default', 'send_mail', 'doing', NULL, 1, '{}'),
       ('default', 'make_exports', 'doing', NULL, 5, '{}'),
       ('default', 'tidy_exports', 'doing', 'tidy_exports', 1, '{"timestamp": 1}'),
       ('default', 'tidy_exports', 'todo', 'tidy_exports', 0, '{"timestamp": 2}')"""
BEGUN = """
INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts, args)
VALUES ('default', 'send_mail', 'doing', 1, '{}')"""
DUE = """
SELECT count(*) FROM procrastinate_jobs
 WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())"""
EMPTY = "TRUNCATE procrastinate_jobs CASCADE"
LEFT = """
SELECT task_name, status::text, args ->> 'timestamp' FROM procrastinate_jobs ORDER BY task_name"""


def retry_stalled(database_url: str) -> None:
    app = jobs.make_jobs(Settings(database_url=database_url))

    async def retry() -> None:
        async with app.open_async():
            await app.tasks["retry_stalled"](timestamp=0)

    # In a thread of its own: a browser of this process may have a loop that runs in ours.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, retry()).result()


def test_what_a_dead_worker_had_begun_is_begun_again(engine: Engine, database_url: str) -> None:
    """One that was tried five times is not, nor one that waits already as another job."""
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE procrastinate_jobs CASCADE"))
        connection.execute(text(STALLED))
    retry_stalled(database_url)
    with engine.begin() as connection:
        left = [tuple(row) for row in connection.execute(text(LEFT))]
        connection.execute(text("TRUNCATE procrastinate_jobs CASCADE"))
    assert left == [("send_mail", "todo", None), ("tidy_exports", "todo", "2")]


def test_it_is_due_at_once_although_the_clock_of_the_worker_is_a_day_fast(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue itself goes by the clock of the database."""
    with engine.begin() as connection:
        connection.execute(text(EMPTY))
        connection.execute(text(BEGUN))
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr(procrastinate.utils, "utcnow", lambda: tomorrow)
    retry_stalled(database_url)
    with engine.begin() as connection:
        due = connection.execute(text(DUE)).scalar_one()
        connection.execute(text(EMPTY))
    assert due == 1
