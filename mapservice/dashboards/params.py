"""What a request asks of a coordination page, read and checked once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

from sqlalchemy import Connection

from mapservice.dashboards.classes import CLASSES
from mapservice.dashboards.model import PARTS, DashboardFigure, DashboardView, TableOrder
from mapservice.errors import InvalidInput, NotFound
from mapservice.initiatives.filters import InitiativeFilters, parse_territory
from mapservice.initiatives.params import read_filters
from mapservice.rollups.model import RollupScope
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef
from mapservice.web.parsing import parse_number

# A query string, the first value of each name.
Arguments = Mapping[str, str]

# Parameters beside those of the filter grammar.
FIGURE, BY, BESIDE = "figure", "par", "avec"
NO_BOUNDS = "aucune"
NOT_HERE = ("q", "territory", "bbox", "near", "radius", "precision", "limit", "cursor")


@dataclass(frozen=True, slots=True)
class DashboardParams:
    """A view, the filter as it was written, and how the table is ordered.

    `beside` is the territory to compare with; its level may be France's, None.
    """

    view: DashboardView
    filters: InitiativeFilters
    order: TableOrder
    ascending: bool
    beside: DashboardView | None

    @property
    def default_by(self) -> Level:
        return PARTS[self.view.ref.level if self.view.ref else None][0]


def read(
    connection: Connection, level: str, code: str, arguments: Arguments, *more: str
) -> DashboardParams:
    """Raises NotFound for a territory that is none, InvalidInput naming a parameter.

    `more` are parameters that one address alone has.
    """
    ref = place(level, code)
    if ref and territories.find(connection, ref) is None:
        raise NotFound(f"There is no {ref}.")
    for name in NOT_HERE:
        if name in arguments:
            raise InvalidInput(name, "does not apply to the figures of a territory")
    filters, _ = read_filters(connection, FIGURE, BY, BESIDE, "sort", "bornes", "bref", *more)
    by = _by(ref, arguments)
    scope = RollupScope.of(filters)
    view = DashboardView(ref, by, scope, datetime.now(UTC), _figure(by, arguments))
    order, ascending = _order(view, arguments)
    return DashboardParams(view, filters, order, ascending, _beside(connection, view, arguments))


def place(level: str, code: str) -> TerritoryRef | None:
    """None for France."""
    if not level:
        return None
    if level not in tuple(Level) or not (code.isascii() and code.isalnum() and len(code) <= 9):
        raise NotFound("There is no such territory.")
    return TerritoryRef(Level(level), code.upper())


def bounds(arguments: Arguments) -> tuple[float, ...] | None:
    """Class bounds that a map keeps while its month changes; None for those of the figures.

    One class alone has none, which `aucune` says.
    """
    text = arguments.get("bornes")
    if not text:
        return None
    if text == NO_BOUNDS:
        return ()
    numbers = tuple(parse_number("bornes", part) for part in text.split(","))
    if len(numbers) >= CLASSES or any(low >= high for low, high in pairwise(numbers)):
        raise InvalidInput("bornes", f"must be at most {CLASSES - 1} ascending numbers")
    return numbers


def joined(breaks: tuple[float, ...]) -> str:
    """The text that `bounds` reads."""
    return ",".join(repr(bound) for bound in breaks) or NO_BOUNDS


def _by(ref: TerritoryRef | None, arguments: Arguments) -> Level:
    allowed = PARTS[ref.level if ref else None]
    text = arguments.get(BY) or allowed[0]
    if text not in allowed:
        raise InvalidInput(BY, f"must be one of {', '.join(allowed)}")
    return Level(text)


def _figure(by: Level, arguments: Arguments) -> DashboardFigure:
    text = arguments.get(FIGURE) or DashboardFigure.RATE
    allowed = figures(by)
    if text not in allowed:
        raise InvalidInput(FIGURE, f"must be one of {', '.join(allowed)}")
    return DashboardFigure(text)


def figures(by: Level) -> tuple[DashboardFigure, ...]:
    """A commune has no communes of which a share could be silent."""
    return tuple(
        one
        for one in DashboardFigure
        if one is not DashboardFigure.SILENT or by is not Level.COMMUNE
    )


def orders(by: Level) -> tuple[TableOrder, ...]:
    return tuple(
        one for one in TableOrder if one is not TableOrder.SILENT or by is not Level.COMMUNE
    )


def default_order(view: DashboardView) -> TableOrder:
    """As the map shows it; but the rates of hamlets, where one is a lot, are no order to read."""
    # A part of an EPCI may be as small.
    small = view.by is Level.COMMUNE or (view.by is Level.EPCI and view.ref is not None)
    if view.figure is DashboardFigure.RATE and small:
        return TableOrder.INITIATIVES
    return TableOrder(view.figure)


def _order(view: DashboardView, arguments: Arguments) -> tuple[TableOrder, bool]:
    text = arguments.get("sort") or str(default_order(view))
    name = text.removeprefix("-")
    allowed = orders(view.by)
    if name not in allowed:
        raise InvalidInput(
            "sort", f"must be one of {', '.join(allowed)}, - before it turns it round"
        )
    return TableOrder(name), text.startswith("-")


def _beside(
    connection: Connection, view: DashboardView, arguments: Arguments
) -> DashboardView | None:
    text = arguments.get(BESIDE)
    if not text:
        return None
    if text == "france":
        ref = None
    else:
        ref = parse_territory(text, BESIDE)
        if territories.find(connection, ref) is None:
            raise InvalidInput(BESIDE, f"there is no {ref}")
    if ref == view.ref:
        raise InvalidInput(BESIDE, "must be another territory")
    allowed = PARTS[ref.level if ref else None]
    by = view.by if view.by in allowed else allowed[0]
    if view.figure is DashboardFigure.SILENT and by is Level.COMMUNE:
        raise InvalidInput(BESIDE, "is shown by communes, of which this figure tells nothing")
    return replace(view, ref=ref, by=by)
