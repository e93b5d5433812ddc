"""Groups of a territory, for its page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mapservice.groups import queries
from mapservice.groups.filters import GroupFilters
from mapservice.groups.model import LocalGroup
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.territories.model import TerritoryRef

SHOWN = 3


@dataclass(frozen=True, slots=True)
class GroupsThere:
    """Some groups of a territory; `pairs` are the filter of the list that holds all of them."""

    items: Sequence[LocalGroup]
    pairs: Sequence[tuple[str, str]]


def groups_there(connection: Connection, ref: TerritoryRef, now: datetime) -> GroupsThere:
    """The latest that are placed in a territory, and not archived."""
    wanted = GroupFilters(about=InitiativeFilters(territory=(ref,)))
    found = queries.find_page(connection, wanted, SHOWN, now).items
    return GroupsThere(found, wanted.to_pairs())
