"""The filter grammar at the edge: a query string becomes a `Filters` that names real places."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote_plus

from flask import Flask, Response, g, has_request_context, request
from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.initiatives.filters import Filters, Paging, parse
from mapservice.territories.lineage import queries
from mapservice.territories.model import TerritoryRef
from mapservice.web.services import services


@dataclass(frozen=True, slots=True, order=True)
class NamedTerritory(TerritoryRef):
    """A territory that exists, with what a page says of it; bounds are W, S, E, N, EPSG:4326."""

    name: str = ""
    bounds: tuple[float, float, float, float] = (0, 0, 0, 0)


def register(app: Flask) -> None:
    app.after_request(_tell_canonical)


def read_filters(connection: Connection, *beside: str) -> tuple[Filters, Paging]:
    """Filters and paging of the present request. Raises InvalidInput naming the parameter.

    `beside` names parameters that the address has beside those of the grammar.
    """
    pairs = request.args.items(multi=True)
    filters, paging = parse(pair for pair in pairs if pair[0] not in beside)
    return with_known_places(connection, filters), paging


def with_known_places(connection: Connection, filters: Filters) -> Filters:
    """The same filters, naming territories of today. Raises InvalidInput for one that is none."""
    if not filters.territory:
        return filters
    return replace(filters, territory=_named(connection, filters.territory))


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


def _named(connection: Connection, refs: tuple[TerritoryRef, ...]) -> tuple[NamedTerritory, ...]:
    """Each once, as it is called today; what was called otherwise is told by `_tell_canonical`."""
    found = {ref: queries.of_today(connection, ref) for ref in refs}
    named = {
        NamedTerritory(place.level, place.code, place.name, place.bounds)
        for place in found.values()
    }
    if has_request_context() and any(ref.code != place.code for ref, place in found.items()):
        g.territories_of_today = sorted(map(str, named))
    return tuple(sorted(named))


def _tell_canonical(response: Response) -> Response:
    """Where a code was given that a commune has no more, the address that says the same today."""
    today = g.get("territories_of_today")
    if today and response.status_code < HTTPStatus.BAD_REQUEST and "territory" in request.args:
        others = query_without("territory")
        query = "&".join(filter(None, [others, f"territory={','.join(today)}"]))
        address = f"{base_url()}{quote(request.path)}?{query}"
        response.headers.add("Link", f'<{address}>; rel="canonical"')
    return response
