"""Whether this process lives, and whether it can serve."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Blueprint, Flask, Response, current_app, jsonify
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mapservice.db.revisions import current_revision, newest_revision
from mapservice.errors import ServiceUnavailable
from mapservice.web.edge import services

blueprint = Blueprint("health", __name__)


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """What a room needs before it can serve: `find` names what is there, or None.

    `missing` tells an operator what to do. `find` may also raise ServiceUnavailable with words of
    its own. `app.py` hands the checks over.
    """

    name: str
    find: Callable[[Connection], str | None]
    missing: str


def register(app: Flask, checks: Sequence[ReadinessCheck]) -> None:
    app.register_blueprint(blueprint)
    app.extensions[__name__] = tuple(checks)


@blueprint.get("/health/live")
def live() -> Response:
    return _fresh(jsonify(status="ok"))


@blueprint.get("/health/ready")
def ready() -> Response:
    """Ready means: the database answers, its schema is ours, and what each room needs is there."""
    checks: tuple[ReadinessCheck, ...] = current_app.extensions[__name__]
    try:
        with services().engine.connect() as connection:
            revision = current_revision(connection)
            is_current = revision == newest_revision()
            found = {one.name: one.find(connection) for one in checks if is_current}
    except (DBAPIError, PoolTimeout):
        raise ServiceUnavailable("The database does not answer.") from None
    if not is_current:
        raise ServiceUnavailable(
            "The database schema is not this version's: run `mapservice db migrate`."
        )
    for check in checks:
        if found[check.name] is None:
            raise ServiceUnavailable(check.missing)
    return _fresh(jsonify(status="ok", schema=revision, **found))


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
