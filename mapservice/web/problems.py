"""Errors as answers: RFC 9457 for machines, a page for people, never a trace of the inside."""

from http import HTTPStatus

import structlog
from flask import Flask, Response, current_app, jsonify, make_response, render_template, request
from psycopg import errors as postgres
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from mapservice.errors import InvalidInput, MapserviceError, ServiceUnavailable
from mapservice.i18n.text import gettext as _
from mapservice.web.secret_paths import redacted

log = structlog.get_logger()

RETRY_AFTER_SECONDS = 5
API_PREFIXES = (
    "/tiles/",
    "/activity/",
    "/geocode/",
    "/ogc",
    "/health/",
    "/metrics",
    "/vendor/",
    "/api/",
)
API_SUFFIXES = (
    ".geojson",
    ".geojsonl",
    ".geojsons",
    ".json",
    ".csv",
    ".pbf",
    ".atom",
    ".ics",
    ".xlsx",
)


def register(app: Flask) -> None:
    """Turns every error of a request into an answer."""
    app.register_error_handler(MapserviceError, _domain_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(PoolTimeout, _busy)
    app.register_error_handler(DBAPIError, lambda error: _database_error(error.orig))
    app.register_error_handler(postgres.Error, _database_error)
    app.register_error_handler(Exception, _unexpected)


def is_api_request() -> bool:
    """Whether a machine asks: by the path, or because it takes JSON and no HTML."""
    if is_machine_path(request.path):
        return True
    if request.is_json:
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" and not request.accept_mimetypes.accept_html


def is_machine_path(path: str) -> bool:
    return path.startswith(API_PREFIXES) or path.endswith(API_SUFFIXES)


def _domain_error(error: MapserviceError) -> Response:
    field = error.field if isinstance(error, InvalidInput) else None
    response = _answer(error.status, str(error), field)
    if isinstance(error, ServiceUnavailable):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _http_error(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    response = _answer(status, error.description or status.phrase)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _busy(_error: PoolTimeout) -> Response:
    return _domain_error(
        ServiceUnavailable("Every database connection is in use; please try again.")
    )


def _database_error(error: BaseException | None) -> Response:
    """A statement over its time limit, or a database that is away, is not the client's fault."""
    if isinstance(error, postgres.QueryCanceled):
        return _domain_error(
            ServiceUnavailable("This took too long; ask for less, or try again later.")
        )
    if isinstance(error, postgres.OperationalError):
        log.error("database_unavailable", error=str(error))
        return _domain_error(ServiceUnavailable("The database does not answer; please try again."))
    return _unexpected(error)


def _unexpected(_error: BaseException | None) -> Response:
    log.exception("unexpected_error", path=redacted(current_app, request.path))
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side.")


def _answer(status: HTTPStatus, detail: str, field: str | None = None) -> Response:
    if is_api_request():
        return problem(status, detail, field)
    title, words = _words(status)
    # The English detail helps where it names a field; elsewhere our words say it all.
    shown = f"{words} ({detail})" if field else words
    page = render_template("error.html", status=int(status), title=title, detail=shown)
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def problem(status: HTTPStatus, detail: str, field: str | None = None) -> Response:
    """A problem document of RFC 9457, which no cache keeps."""
    body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    if field is not None:
        body["field"] = field
    response = jsonify(body)
    response.status_code = status
    response.content_type = "application/problem+json"
    response.headers["Cache-Control"] = "no-store"
    return response


def _words(status: HTTPStatus) -> tuple[str, str]:
    if status is HTTPStatus.NOT_FOUND:
        return _("Page introuvable"), _("Cette page n’existe pas, ou n’est plus publique.")
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        return (
            _("Service momentanément indisponible"),
            _("Merci de réessayer dans quelques instants."),
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _("Une erreur de notre côté"), _("Elle est notée ; merci de réessayer plus tard.")
    return _("Demande incomprise"), _("L’adresse demandée contient une erreur.")
