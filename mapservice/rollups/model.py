"""What a count is asked for and what it answers."""

from dataclasses import dataclass
from datetime import date
from typing import Self

from mapservice.errors import InvalidInput
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.model import Status, Theme
from mapservice.territories.model import TerritoryRef


@dataclass(frozen=True, slots=True)
class RollupScope:
    """Which counts: the part of the filter grammar that rollups can answer.

    `since` and `until` are first days of months, `until` exclusive; None leaves that end open.
    """

    statuses: tuple[Status, ...]
    themes: tuple[Theme, ...] = ()
    territories: tuple[TerritoryRef, ...] = ()
    since: date | None = None
    until: date | None = None

    @classmethod
    def of(cls, filters: InitiativeFilters) -> Self:
        """Raises InvalidInput naming a parameter that counts cannot follow."""
        for field in ("q", "bbox", "near", "radius", "precision"):
            if getattr(filters, field):
                raise InvalidInput(field, "does not apply to counts per territory")
        return cls(
            statuses=filters.statuses,
            themes=filters.theme,
            territories=filters.territory,
            since=_month("since", filters),
            until=_month("until", filters),
        )


def _month(field: str, filters: InitiativeFilters) -> date | None:
    moment = getattr(filters, field)
    if moment is None:
        return None
    if moment.day != 1 or moment.time() != moment.min.time():
        raise InvalidInput(field, "counts are kept by month: give its first (until: last) day")
    return date(moment.year, moment.month, 1)


@dataclass(frozen=True, slots=True)
class RollupTotal:
    """Counts over a whole filter; `communes` is how many have at least one initiative."""

    initiatives: int
    communes: int


@dataclass(frozen=True, slots=True)
class RollupDifference:
    """One place where the rollups and a recount from the base table disagree."""

    table: str
    key: str
    kept: int
    counted: int
