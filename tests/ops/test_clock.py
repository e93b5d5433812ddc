"""The clock of the machine is set while the worker works: jobs of each minute go on."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from mapservice import jobs
from mapservice.settings import Settings

DAY = 86_400
PATIENCE = 20  # seconds, fewer than until the next minute
LAST_DEFERRED = """
SELECT defer_timestamp FROM procrastinate_periodic_defers
 WHERE task_name = 'retry_stalled' ORDER BY id DESC LIMIT 1"""
WAITING = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'"
EMPTY = "TRUNCATE procrastinate_jobs, procrastinate_periodic_defers CASCADE"


class Clock:
    """The wall's, and how far it is off."""

    def __init__(self) -> None:
        self.true, self.off = time.time, 0

    def time(self) -> float:
        return self.true() + self.off


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "time", made.time)
    return made


def last_minute(engine: Engine) -> int:
    """For which minute (Unix seconds) jobs were deferred last; 0: for none."""
    with engine.connect() as connection:
        return int(connection.execute(text(LAST_DEFERRED)).scalar() or 0)


def is_idle(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(connection.execute(text(WAITING)).scalar_one() == 0)


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE} s"
        await asyncio.sleep(0.1)


@pytest.fixture
def no_jobs(engine: Engine) -> Iterator[None]:
    """What other tests deferred and nobody did."""
    for at_end in (False, True):
        with engine.begin() as connection:
            connection.execute(text(EMPTY))
        if not at_end:
            yield


@pytest.mark.usefixtures("no_jobs")
def test_jobs_of_each_minute_go_on_when_the_clock_is_set_forward_and_back(
    engine: Engine, database_url: str, clock: Clock
) -> None:
    app = jobs.make_jobs(Settings(database_url=database_url))

    async def trial() -> None:
        work = asyncio.ensure_future(jobs._work(app, database_url))
        try:
            await until(lambda: last_minute(engine) > 0)
            clock.off = DAY
            await until(lambda: last_minute(engine) > clock.true() + DAY - 120)
            await until(lambda: is_idle(engine))
            clock.off = 0
            await until(lambda: 0 < last_minute(engine) <= clock.true())
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    # In a thread of its own: a browser of this process may have a loop that runs in ours.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, trial()).result()
