"""`/metrics`, for whoever has the token of the operator."""

import hmac

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST

from mapservice.errors import NotFound
from mapservice.operations.metrics import write_metrics
from mapservice.web.edge import services

blueprint = Blueprint("operations", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Does not exist for anybody without the token, nor where none is set."""
    wanted, authorization = services().settings.metrics_token, request.authorization
    given = (authorization.token or "") if authorization else ""
    is_bearer = authorization is not None and authorization.type == "bearer"
    if not wanted or not is_bearer or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise NotFound("There is no such address.")
    body = write_metrics(services().engine, services().settings)
    response = Response(body, content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response
