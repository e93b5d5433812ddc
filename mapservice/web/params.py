"""The query string and the body of a request, as every room reads them."""

from typing import Any
from urllib.parse import quote, unquote_plus

from flask import request

from mapservice.errors import InvalidInput
from mapservice.web.services import services


def only_parameters(*allowed: str) -> None:
    """For addresses outside the grammar. Raises InvalidInput for any other parameter."""
    for name in request.args:
        if name not in allowed:
            raise InvalidInput(name[:50], "is not a parameter of this address")


def json_object() -> dict[str, Any]:
    """The object that is the body of the request. Raises InvalidInput, also for endless depth."""
    try:
        body = request.get_json(silent=True, force=True)
    except RecursionError:
        body = None
    if not isinstance(body, dict):
        raise InvalidInput("body", "must be a JSON object")
    return body


def base_url() -> str:
    """The address that links start with, without a slash at its end."""
    return (services().settings.public_url or request.url_root).rstrip("/")


# What may stand in a query (RFC 3986, 3.4), and what is escaped already.
_QUERY_SIGNS = "!$&'()*+,;=:@/?%~-._"


def query_without(*names: str) -> str:
    """The query string of the present request as it was written, less some of its parameters.

    Written anew it could become longer than what was accepted. What no query may hold is escaped.
    """
    parts = request.query_string.decode("latin-1").split("&")
    kept = [part for part in parts if part and unquote_plus(part.partition("=")[0]) not in names]
    return quote("&".join(kept).encode("latin-1"), safe=_QUERY_SIGNS)
