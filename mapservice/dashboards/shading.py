"""The classes of a map of figures: one door for page, live map, drawing and report.

Whoever shades territories by a figure asks here, with the territory, level, figure, period and
filters that its page has, and gets the same breaks and the same class for each territory.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from mapservice.dashboards import queries
from mapservice.dashboards.classes import UNKNOWN
from mapservice.dashboards.expected import Counts
from mapservice.dashboards.model import (
    DATED,
    SUPPORTED,
    AreaFigures,
    DashboardFigure,
    DashboardView,
    breaks_of,
    explained,
)


@dataclass(frozen=True, eq=False)
class AreaClasses:
    """Territories with the class of each: 1 and on, 0 for none, -1 for unknown.

    `breaks` are lower bounds of the second and later classes. `explained`: territories differ, but
    by no more than chance, so that one class holds all that have something.
    """

    areas: AreaFigures
    breaks: tuple[float, ...]
    classes: Counts
    explained: bool

    @property
    def by_code(self) -> Mapping[str, int]:
        return dict(zip(self.areas.codes, self.classes.tolist(), strict=True))

    @property
    def unknown(self) -> bool:
        return bool((self.classes == UNKNOWN).any())


def shades(
    connection: Connection, view: DashboardView, breaks: tuple[float, ...] | None = None
) -> AreaClasses:
    """Of the parts of a view; `breaks` are those of another month or map to be kept, if given."""
    return shaded(view.figure, figures(connection, view), breaks)


def shaded(
    figure: DashboardFigure, areas: AreaFigures, breaks: tuple[float, ...] | None = None
) -> AreaClasses:
    """The same of figures at hand."""
    bounds = breaks_of(figure, areas) if breaks is None else breaks
    chance = explained(figure, bounds, areas)
    return AreaClasses(areas, bounds, areas.classes(figure, bounds), chance)


def figures(connection: Connection, view: DashboardView) -> AreaFigures:
    """The parts with what the figure needs, no more."""
    areas = queries.areas(
        connection,
        view,
        dated=view.figure in DATED,
        supports=view.figure in SUPPORTED,
        last=view.figure is DashboardFigure.LAST,
    )
    if view.figure is DashboardFigure.SILENT:
        found = queries.silent(connection, view, areas.codes)
        return replace(areas, communes=found.communes, silent=found.silent)
    return areas
