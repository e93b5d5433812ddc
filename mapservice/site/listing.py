"""One page of a listing with its counts, as pages for people show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.initiatives import queries
from mapservice.initiatives.filters import InitiativeFilters, PageRequest
from mapservice.initiatives.model import Theme
from mapservice.initiatives.queries import Initiative
from mapservice.rollups import queries as activity

PAGE_SIZE = 20
MAX_PAGE_SIZE = 1000
# Of what the rollups cannot tell, no more is counted: a reader gains nothing from the rest.
COUNTED_UP_TO = 5_000


@dataclass(frozen=True, slots=True)
class ListPage:
    """What a template shows of a listing; where there are `more`, `total` is a lower bound.

    `facets` count each theme as if the filter named none.
    """

    items: list[Initiative]
    total: int
    more: bool
    next_url: str | None
    first: bool
    facets: tuple[tuple[Theme, int], ...]


def list_page(
    connection: Connection,
    filters: InitiativeFilters,
    paging: PageRequest,
    path: str = "/initiatives",
    beside: Sequence[tuple[str, str]] = (),
) -> ListPage:
    """`path` and the pairs `beside` make the address of the next page.

    Raises InvalidInput for too large a page.
    """
    limit = paging.limit or PAGE_SIZE
    if limit > MAX_PAGE_SIZE:
        raise InvalidInput("limit", f"pages for people hold at most {MAX_PAGE_SIZE}")
    facets = activity.facets(connection, filters, COUNTED_UP_TO)
    found = queries.find_page(connection, filters, limit, paging.cursor)
    next_url = None
    if found.next:
        pairs = [*filters.to_pairs(), *beside]
        pairs += [("limit", str(paging.limit))] if paging.limit else []
        pairs.append(("cursor", found.next.encode()))
        next_url = f"{path}?{urlencode(pairs, safe=',:')}"
    return ListPage(
        items=list(found.items),
        total=sum(facets[theme] for theme in filters.theme or facets),
        more=not filters.counted and sum(facets.values()) >= COUNTED_UP_TO,
        next_url=next_url,
        first=paging.cursor is None,
        facets=tuple(facets.items()),
    )
