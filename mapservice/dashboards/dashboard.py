"""One territory as a page shows it: its figures, its parts, and which of them are silent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from mapservice.dashboards import queries, rollup_sql
from mapservice.dashboards.expected import Counts
from mapservice.dashboards.model import (
    DATED,
    LEAST_SISTERS,
    SUPPORTED,
    AreaFigures,
    DashboardFigure,
    DashboardView,
    SilenceKind,
    SilentAreas,
    TableOrder,
    silence_of,
)
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, at_territory, of_territory

# W, S, E, N of metropolitan France.
FRANCE = (-5.2, 41.3, 9.7, 51.2)
# A table has all of its rows up to so many, départements for one; a longer list is a file, and what
# stands on top is seen.
MOST_ROWS = 120
FIRST_ROWS = 50
SHOWN_SILENT = 12


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """How a territory is named in phrases; `level` None is France."""

    level: Level | None
    code: str
    name: str
    at: str
    of: str
    bounds: tuple[float, float, float, float]

    @property
    def url(self) -> str:
        return f"/coordination/{self.level}/{self.code}" if self.level else "/coordination"


@dataclass(frozen=True, slots=True)
class SuggestedCount:
    """What the size of a territory suggests, with limits; whether it is beyond them, and whether
    its silence is more than chance. `recent_mean`: how many in 90 days."""

    mean: float
    low: int
    high: int
    below: bool
    above: bool
    recent_mean: float
    telling: bool


@dataclass(frozen=True, eq=False)
class DashboardRow:
    """One line of a table; what is not known is None. `klass`: see `AreaFigures.classes`."""

    level: Level
    code: str
    name: str
    population: int | None
    year: int | None
    partial: bool
    initiatives: int
    supporters: int
    told: int
    local_share: float | None
    recent: int
    before: int
    rate: float | None
    change: float | None
    changed: bool
    silent_share: float | None
    last: datetime | None
    klass: int
    undated: int
    suggested: SuggestedCount | None

    @property
    def url(self) -> str:
        return f"/coordination/{self.level}/{self.code}"


@dataclass(frozen=True, eq=False)
class Dashboard:
    """`own` and `areas` are figures of the territory and of its parts; `silent` of `sisters`.

    `years` are those that the populations of its communes are of.
    """

    view: DashboardView
    titled: NamedPlace
    own: AreaFigures
    areas: AreaFigures
    last: datetime | None
    sisters: AreaFigures
    sisters_by: Level
    silence: SilentAreas | None
    years: tuple[int, ...] = ()

    @property
    def straddling(self) -> bool:
        """Whether some of the parts are EPCI of which but a part is shown."""
        return self.areas.partial is not None and bool(self.areas.partial.any())

    @property
    def epci_alone(self) -> int:
        """Initiatives known to no more than such an EPCI."""
        return 0 if self.areas.epci_alone is None else int(self.areas.epci_alone.sum())


@dataclass(frozen=True, eq=False)
class _Facts:
    """Of some territories of one level, by where they stand among its `areas`."""

    at: dict[int, int]
    names: list[queries.TerritoryName]
    last: dict[str, datetime]
    picked: AreaFigures


def titled(connection: Connection, view: DashboardView) -> NamedPlace:
    if view.ref is None:
        return NamedPlace(None, "FR", "France", "en France", "de France", FRANCE)
    found = territories.find(connection, view.ref)
    assert found is not None, "the request was checked"
    words = (found.level, found.name, found.article)
    at, of = at_territory(*words), of_territory(*words)
    return NamedPlace(found.level, found.code, found.name, at, of, found.bounds)


def sheet(
    connection: Connection,
    view: DashboardView,
    order: TableOrder | None = None,
    *,
    whole: bool = False,
    main: Dashboard | None = None,
) -> Dashboard:
    """Reads what a page needs: what is dear is read where the figure or the order wants it.

    Of all communes of France the windows of 90 days and who supports are such; `whole` reads them
    in any case. What the `main` sheet of the page holds already is taken from there.
    """
    areas = queries.among(connection, view, main.areas) if main else None
    if areas is None:
        every = whole or view.ref is not None or view.by is not Level.COMMUNE
        areas = queries.areas(
            connection,
            view,
            dated=every or view.figure in DATED or order in DATED,
            supports=every or view.figure in SUPPORTED or order in SUPPORTED,
            last=view.figure is DashboardFigure.LAST or order is TableOrder.LAST,
        )
    areas, own = _with_silent(connection, view, areas, queries.own(connection, view))
    sisters, by = _sisters(connection, view, areas)
    named, last = titled(connection, view), _last(connection, view)
    years = queries.population_years(connection, view)
    return Dashboard(view, named, own, areas, last, sisters, by, silence_of(sisters), years)


def rows(
    connection: Connection,
    sheet: Dashboard,
    at: Counts,
    breaks: tuple[float, ...],
    most: int = 0,
) -> tuple[list[DashboardRow], dict[SilenceKind, list[DashboardRow]]]:
    """Of the parts at these positions; and of the most telling that are silent in each way.

    What both need is read at once.
    """
    view, parts = sheet.view, sheet.areas
    silent = _silent_at(sheet, most)
    together = np.concatenate([np.zeros(0, np.int64), *silent.values()])
    if sheet.sisters is parts:
        facts = _facts(connection, sheet, parts, view.by, np.concatenate([at, together]))
        theirs = facts
    else:
        facts = _facts(connection, sheet, parts, view.by, at)
        theirs = _facts(connection, sheet, sheet.sisters, sheet.sisters_by, together)
    table = _rows(facts, view, at, breaks, own_silence(sheet), parts)
    quiet = replace(view, figure=DashboardFigure.RATE, by=sheet.sisters_by)
    lists = {
        verdict: _rows(theirs, quiet, those, (), sheet.silence, sheet.sisters)
        for verdict, those in silent.items()
    }
    return table, lists


def shown_order(
    connection: Connection, sheet: Dashboard, order: TableOrder, *, ascending: bool
) -> Counts:
    """Positions of the parts in the order of the table; unknown ones are last either way."""
    ranks = None
    if order is TableOrder.NAME:
        ranks = queries.name_ranks(connection, sheet.view.by, sheet.areas.codes)
    return sheet.areas.order(order, ranks, ascending=ascending)


def shown_rows(total: int) -> int:
    """How many of them the table of a page has."""
    return total if total <= MOST_ROWS else FIRST_ROWS


def own_silence(sheet: Dashboard) -> SilentAreas | None:
    """Of the parts themselves, where these are what is compared."""
    return sheet.silence if sheet.sisters is sheet.areas else silence_of(sheet.areas)


def _with_silent(
    connection: Connection, view: DashboardView, areas: AreaFigures, own: AreaFigures
) -> tuple[AreaFigures, AreaFigures]:
    if view.by is Level.COMMUNE and (view.ref is None or view.ref.level is not Level.COMMUNE):
        lived_in = areas.population > 0
        communes, silent = lived_in.sum(), (lived_in & areas.nothing).sum()
        return areas, _told(own, communes, silent)
    if view.by is Level.COMMUNE:
        return areas, _told(own, own.population > 0, (own.population > 0) & own.nothing)
    found = queries.silent(connection, view, areas.codes)
    return (
        replace(areas, communes=found.communes, silent=found.silent),
        replace(own, communes=found.all_communes, silent=found.all_silent),
    )


def _told(own: AreaFigures, communes: object, silent: object) -> AreaFigures:
    return replace(
        own,
        communes=np.atleast_1d(np.asarray(communes, np.int64)),
        silent=np.atleast_1d(np.asarray(silent, np.int64)),
    )


def _sisters(
    connection: Connection, view: DashboardView, areas: AreaFigures
) -> tuple[AreaFigures, Level]:
    """The parts, or the communes where the parts are too few to be compared."""
    if len(areas) >= LEAST_SISTERS or view.by is Level.COMMUNE:
        return areas, view.by
    communes = replace(view, by=Level.COMMUNE)
    return queries.areas(connection, communes), Level.COMMUNE


def _last(connection: Connection, view: DashboardView) -> datetime | None:
    level, code = (str(view.ref.level), view.ref.code) if view.ref else (rollup_sql.COUNTRY, "FR")
    return queries.last_days(connection, view.scope, level, [code]).get(code)


def _silent_at(sheet: Dashboard, most: int) -> dict[SilenceKind, Counts]:
    if sheet.silence is None or not most:
        return {}
    return {verdict: at[:most] for verdict, at in sheet.silence.at.items()}


def _facts(
    connection: Connection, sheet: Dashboard, areas: AreaFigures, level: Level, at: Counts
) -> _Facts:
    positions = np.unique(at)
    picked = areas.at(positions)
    view = replace(sheet.view, by=level)
    if picked.told is None or not picked.dated:
        picked = _completed(connection, view, picked)
    names = queries.names(connection, level, picked.codes)
    whole, parted = _apart(picked)
    last = queries.last_days(connection, view.scope, str(level), whole)
    if parted:
        last |= queries.last_days_of_parts(connection, view, parted)
    place = {int(position): number for number, position in enumerate(positions)}
    return _Facts(place, names, last, picked)


def _apart(areas: AreaFigures) -> tuple[list[str], list[str]]:
    """Codes of those that are whole, and of EPCI that straddle."""
    partial = np.zeros(len(areas), np.bool_) if areas.partial is None else areas.partial
    return (
        [code for code, is_part in zip(areas.codes, partial, strict=True) if not is_part],
        [code for code, is_part in zip(areas.codes, partial, strict=True) if is_part],
    )


def _completed(connection: Connection, view: DashboardView, picked: AreaFigures) -> AreaFigures:
    """The same with the two windows and who supports; both come by code."""
    found = queries.some(connection, view, picked.codes)
    return replace(
        picked,
        recent=found.recent,
        before=found.before,
        supporters=found.supporters,
        told=found.told,
        local=found.local,
        dated=True,
        compared=found.compared,
    )


def _rows(
    facts: _Facts,
    view: DashboardView,
    at: Counts,
    breaks: tuple[float, ...],
    silence: SilentAreas | None,
    areas: AreaFigures,
) -> list[DashboardRow]:
    numbers = np.array([facts.at[int(one)] for one in at], np.int64)
    picked = facts.picked.at(numbers)
    assert picked.supporters is not None, "facts are complete"
    assert picked.told is not None, "facts are complete"
    shares = picked.silent_share if picked.silent is not None else np.full(len(at), np.nan)
    classes = areas.classes(view.figure, breaks)[at]  # by all sisters, not by those picked
    rates, changes, changed = picked.rate, picked.change, picked.changed
    locals_ = picked.local_share
    suggested = _suggested(silence, at, areas)
    return [
        DashboardRow(
            view.by,
            facts.names[fact].code,
            facts.names[fact].name,
            int(picked.population[number]) if picked.population[number] >= 0 else None,
            (int(picked.year[number]) or None) if picked.year is not None else None,
            bool(picked.partial is not None and picked.partial[number]),
            int(picked.initiatives[number]),
            int(picked.supporters[number]),
            int(picked.told[number]),
            known(locals_[number]),
            int(picked.recent[number]),
            int(picked.before[number]),
            known(rates[number]),
            known(changes[number]),
            bool(changed[number]),
            known(shares[number]),
            facts.last.get(facts.names[fact].code),
            int(classes[number]),
            int(picked.undated[number]) if picked.undated is not None else 0,
            suggested[number],
        )
        for number, fact in enumerate(numbers)
    ]


def _suggested(
    silence: SilentAreas | None, at: Counts, areas: AreaFigures
) -> list[SuggestedCount | None]:
    if silence is None:
        return [None] * len(at)
    limits = silence.sisters.limits(areas.population[at])
    counts = areas.initiatives[at]
    below, above = limits.below(counts), limits.above(counts)
    return [
        SuggestedCount(
            float(limits.mean[number]),
            int(limits.low[number]),
            int(limits.high[number]),
            bool(below[number]),
            bool(above[number]),
            float(silence.recent_mean[one]),
            bool(silence.telling[one]),
        )
        if areas.population[one] > 0
        else None
        for number, one in enumerate(at)
    ]


def known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def numbers(values: Sequence[float]) -> list[float | None]:
    """As JSON has them: null for what is unknown."""
    return [None if value != value else value for value in values]
