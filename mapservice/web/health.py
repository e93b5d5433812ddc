"""Whether this process lives, whether it can serve, and its figures for Prometheus."""

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mapservice.db.revisions import current_revision, newest_revision
from mapservice.errors import Unavailable
from mapservice.territories.queries import source_in_force
from mapservice.web.services import services

blueprint = Blueprint("health", __name__)


@blueprint.get("/health/live")
def live() -> Response:
    return _fresh(jsonify(status="ok"))


@blueprint.get("/health/ready")
def ready() -> Response:
    """Ready means: the database answers, its schema is ours, and territories are loaded."""
    try:
        with services().engine.connect() as connection:
            revision = current_revision(connection)
            source = source_in_force(connection) if revision else None
    except (DBAPIError, PoolTimeout):
        raise Unavailable("The database does not answer.") from None
    if revision != newest_revision():
        raise Unavailable("The database schema is not this version's: run `mapservice db migrate`.")
    if source is None:
        raise Unavailable("No territories are loaded: run `mapservice territories load`.")
    return _fresh(jsonify(status="ok", schema=revision, territories=source.source))


@blueprint.get("/metrics")
def metrics() -> Response:
    return _fresh(Response(generate_latest(), content_type=CONTENT_TYPE_LATEST))


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
