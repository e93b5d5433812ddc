"""The filter grammar at the edge: a query string becomes a `Filters` that names real places."""

from dataclasses import dataclass, replace
from typing import Any

from flask import request
from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.http.services import services
from mapservice.initiatives.filters import Filters, Paging, parse
from mapservice.territories import queries as territories
from mapservice.territories.model import TerritoryRef


@dataclass(frozen=True, slots=True, order=True)
class NamedTerritory(TerritoryRef):
    """A territory that exists, with what a page says of it; bounds are W, S, E, N, EPSG:4326."""

    name: str = ""
    bounds: tuple[float, float, float, float] = (0, 0, 0, 0)


def read_filters(connection: Connection, *beside: str) -> tuple[Filters, Paging]:
    """Filters and paging of the present request. Raises InvalidInput naming the parameter.

    `beside` names parameters that the address has beside those of the grammar.
    """
    pairs = request.args.items(multi=True)
    filters, paging = parse(pair for pair in pairs if pair[0] not in beside)
    return with_known_places(connection, filters), paging


def with_known_places(connection: Connection, filters: Filters) -> Filters:
    """The same filters, naming real territories. Raises InvalidInput for one that is none."""
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


def _named(connection: Connection, refs: tuple[TerritoryRef, ...]) -> tuple[NamedTerritory, ...]:
    found = {ref: territories.find(connection, ref) for ref in refs}
    for ref, territory in found.items():
        if territory is None:
            raise InvalidInput("territory", f"there is no {ref}")
    return tuple(
        NamedTerritory(territory.level, territory.code, territory.name, territory.bounds)
        for territory in found.values()
        if territory
    )
