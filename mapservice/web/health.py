"""Whether this process lives, and whether it can serve."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from flask import Blueprint, Flask, Response, current_app, jsonify
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mapservice.db.revisions import current_revision, is_served, newest_revision
from mapservice.errors import ServiceUnavailable
from mapservice.web.edge import services

blueprint = Blueprint("health", __name__)

READY_SECONDS = 5.0  # that a question waits for a database that says nothing


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """What a room needs before it can serve: `find` names what is there, or None.

    `missing` tells an operator what to do. `find` may also raise ServiceUnavailable with words of
    its own. `app.py` hands the checks over.
    """

    name: str
    find: Callable[[Connection], str | None]
    missing: str


@dataclass(frozen=True, slots=True)
class ReadinessFindings:
    """The revision of the schema, and what each check found, where that is ours."""

    revision: str | None
    is_current: bool
    found: Mapping[str, str | None]


@dataclass(slots=True)
class ReadinessLook:
    """One look at a time, in a thread of its own; who asks meanwhile gets what it finds.

    A database that stands still, neither answering nor gone, holds whoever waits for it. Were these
    the threads that answer operators, it would hold `/health/live` too.
    """

    checks: tuple[ReadinessCheck, ...]
    # Asked before the database is: they may say why that is gone.
    ahead: Mapping[str, Callable[[], str]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _findings: Future[ReadinessFindings] | None = None
    _begun: float = 0.0

    def take(self, engine: Engine) -> ReadinessFindings:
        """Raises TimeoutError READY_SECONDS after the look began, and what the look raises."""
        with self._lock:
            if self._findings is None or self._findings.done():
                self._findings, self._begun = Future(), time.monotonic()
                look = (engine, self._findings)
                threading.Thread(target=self._look, args=look, daemon=True).start()
            findings, left = self._findings, self._begun + READY_SECONDS - time.monotonic()
        return findings.result(max(left, 0))

    def _look(self, engine: Engine, findings: Future[ReadinessFindings]) -> None:
        try:
            found: dict[str, str | None] = {name: find() for name, find in self.ahead.items()}
            with engine.connect() as connection:
                revision = current_revision(connection)
                is_current = is_served(revision)
                found |= {one.name: one.find(connection) for one in self.checks if is_current}
            findings.set_result(ReadinessFindings(revision, is_current, found))
        except BaseException as error:
            findings.set_exception(error)


def register(
    app: Flask, checks: Sequence[ReadinessCheck], ahead: Mapping[str, Callable[[], str]]
) -> None:
    """`ahead` are checks without the database, by name; each may raise ServiceUnavailable."""
    newest_revision()
    app.register_blueprint(blueprint)
    app.extensions[__name__] = ReadinessLook(tuple(checks), ahead)


@blueprint.get("/health/live")
def live() -> Response:
    return _fresh(jsonify(status="ok"))


@blueprint.get("/health/ready")
def ready() -> Response:
    """Ready means: the database answers, its schema is ours, and what each room needs is there."""
    look: ReadinessLook = current_app.extensions[__name__]
    try:
        findings = look.take(services().engine)
    except (DBAPIError, PoolTimeout, TimeoutError):
        raise ServiceUnavailable("The database does not answer.") from None
    if not findings.is_current:
        raise ServiceUnavailable(
            "The database schema is not this version's: run `mapservice db migrate`."
        )
    for check in look.checks:
        if findings.found[check.name] is None:
            raise ServiceUnavailable(check.missing)
    return _fresh(jsonify(status="ok", schema=findings.revision, **findings.found))


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
