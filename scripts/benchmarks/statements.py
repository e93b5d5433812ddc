"""The SQL that our own doors run for a path, to be run again without them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self
from unittest.mock import patch

from flask import Flask
from psycopg import RawCursor
from sqlalchemy import Connection, event

from mapservice.app import create_app
from mapservice.db import engine as prepared
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from scripts.benchmarks.raw import Call, Request


def own_requests(url: str, paths: Sequence[str]) -> list[Request]:
    """What the service executes for each path. Raises AssertionError for one that it refuses."""
    app = create_app(Settings(database_url=url, secret_key="bench"))
    try:
        return [_request(app, path) for path in paths]
    finally:
        _services(app).dispose()


def _request(app: Flask, path: str) -> Request:
    with _heard(app) as calls:
        answer = app.test_client().get(path)
    assert answer.status_code < 300, f"{path}: {answer.status}"
    return calls


@contextmanager
def _heard(app: Flask) -> Iterator[list[Call]]:
    """What SQLAlchemy runs, and what our own prepared statements do."""
    calls: list[Call] = []

    def hear(
        _connection: Connection, _cursor: Any, sql: str, values: Mapping[str, Any], *_: Any
    ) -> None:
        calls.append(Call(sql, values or {}))

    class Hearing(RawCursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
            calls.append(Call(bytes(query).decode(), list(params or ())))
            return super().execute(query, params, **options)

    engines = {_services(app).engine, _services(app).generic_plan, _services(app).autocommit}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", hear)
    try:
        with patch.object(prepared, "RawCursor", Hearing):
            yield calls
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", hear)


def _services(app: Flask) -> Services:
    services: Services = app.extensions[SERVICES]
    return services
