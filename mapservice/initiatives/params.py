"""The filter grammar at the edge: a query string becomes filters that name real places."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import quote, urlencode

from flask import Response, after_this_request, has_request_context, request
from sqlalchemy import Connection

from mapservice.initiatives.filters import InitiativeFilters, PageRequest, parse
from mapservice.territories.lineage import queries
from mapservice.territories.model import TerritoryRef
from mapservice.web.edge import base_url, query_without


@dataclass(frozen=True, slots=True, order=True)
class NamedTerritory(TerritoryRef):
    """A territory that exists, with what a page says of it; bounds are W, S, E, N, EPSG:4326."""

    name: str = ""
    bounds: tuple[float, float, float, float] = (0, 0, 0, 0)


def read_filters(connection: Connection, *beside: str) -> tuple[InitiativeFilters, PageRequest]:
    """Filters and paging of the present request. Raises InvalidInput naming the parameter.

    `beside` names parameters that the address has beside those of the grammar.
    """
    pairs = request.args.items(multi=True)
    filters, paging = parse(pair for pair in pairs if pair[0] not in beside)
    return with_known_places(connection, filters), paging


def with_known_places(connection: Connection, filters: InitiativeFilters) -> InitiativeFilters:
    """The same filters, naming each territory once and as it is called today.

    Raises InvalidInput for one that is none. Where the request gives a code that its commune no
    longer has, the answer links the address that says the same today.
    """
    if not filters.territory:
        return filters
    found = {ref: queries.of_today(connection, ref) for ref in filters.territory}
    named = sorted(
        {
            NamedTerritory(place.level, place.code, place.name, place.bounds)
            for place in found.values()
        }
    )
    if has_request_context() and any(ref.code != place.code for ref, place in found.items()):
        today = ",".join(map(str, named))

        def tell_canonical(response: Response) -> Response:
            if response.status_code < HTTPStatus.BAD_REQUEST and "territory" in request.args:
                query = "&".join(filter(None, [query_without("territory"), f"territory={today}"]))
                address = f"{base_url()}{quote(request.path)}?{query}"
                response.headers.add("Link", f'<{address}>; rel="canonical"')
            return response

        after_this_request(tell_canonical)
    return replace(filters, territory=tuple(named))


def query_string(filters: InitiativeFilters, **changes: object) -> str:
    """The filters' canonical query string with some of them changed; None takes one away."""
    texts = dict(filters.to_pairs())
    for name, value in changes.items():
        texts.pop(name, None)
        if value not in (None, "", (), []):
            if isinstance(value, Iterable) and not isinstance(value, str):
                value = ",".join(map(str, value))
            texts[name] = str(value)
    return f"?{urlencode(texts, safe=',:')}" if texts else ""
