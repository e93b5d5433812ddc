"""A job that sends and meets a database on its way back tries again in seconds, not minutes."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from mapservice import jobs
from mapservice.settings import Settings

EMPTY = "TRUNCATE procrastinate_jobs CASCADE"
LEFT = """
SELECT task_name, status::text,
       scheduled_at BETWEEN now() - interval '5 s' AND now() + interval '5 s'
  FROM procrastinate_jobs"""


def work(database_url: str) -> None:
    """Does what is due, once."""
    app = jobs.make_jobs(Settings(database_url=database_url))

    async def run() -> None:
        async with app.open_async():
            await app.tasks["send_mail"].defer_async()
            await app.run_worker_async(
                wait=False, delete_jobs="successful", install_signal_handlers=False
            )

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, run()).result()


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (OperationalError("SELECT 1", {}, Exception("starting up")), ("todo", True)),
        (LookupError("a fault of ours"), ("failed", None)),
    ],
)
def test_only_what_the_database_said_is_tried_again(
    engine: Engine,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    left: tuple[str, bool | None],
) -> None:
    with engine.begin() as connection:
        connection.execute(text(EMPTY))

    def fail(*_given: object, **_more: object) -> bool:
        raise error

    monkeypatch.setattr("mapservice.mail.service.send_due", fail)
    work(database_url)
    with engine.begin() as connection:
        found = [tuple(row) for row in connection.execute(text(LEFT)) if row[0] == "send_mail"]
        connection.execute(text(EMPTY))
    assert found == [("send_mail", *left)]
