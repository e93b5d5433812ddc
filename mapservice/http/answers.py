"""Answers with the headers they deserve: types, strong ETags, caching by kind, streams."""

import contextlib
import hashlib
from collections.abc import Callable
from itertools import chain

from flask import Response, request
from sqlalchemy import Connection, text

from mapservice.db.copy import Blocks
from mapservice.http.services import services

GEOJSON = "application/geo+json"
MVT = "application/vnd.mapbox-vector-tile"
CSV = "text/csv; charset=utf-8"
JSON = "application/json"

# A tile or a list may be that old; clients then ask again with its ETag.
FRESH_SECONDS = 60
EXPORT_TIMEOUT_MS = 600_000


def whole(body: str | bytes, content_type: str, max_age: int = FRESH_SECONDS) -> Response:
    """A body that is at hand: with a strong ETag, 304 when the client has it already."""
    content = body.encode() if isinstance(body, str) else body
    response = Response(content, content_type=content_type)
    response.set_etag(hashlib.blake2b(content, digest_size=16).hexdigest())
    response.headers["Cache-Control"] = f"public, max-age={max_age}"
    response.make_conditional(request)
    return response


def no_tile() -> Response:
    """An empty vector tile: nothing is there, which is not an error."""
    return Response(status=204, headers={"Cache-Control": f"public, max-age={FRESH_SECONDS}"})


def stream(content_type: str, filename: str, rows: Callable[[Connection], Blocks]) -> Response:
    """A body of any length, sent as the database yields it, in constant memory.

    The first block is read before anything is sent, so that an early error is still an answer.
    """
    stack = contextlib.ExitStack()
    with stack:
        connection = stack.enter_context(services().engine.connect())
        connection.execute(text(f"SET LOCAL statement_timeout = {EXPORT_TIMEOUT_MS}"))
        blocks = stack.enter_context(contextlib.closing(rows(connection)))
        first = next(blocks, b"")
        held = stack.pop_all()
    response = Response(chain([first], blocks), content_type=content_type)
    response.call_on_close(held.close)
    response.headers["Cache-Control"] = "public, no-cache"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
