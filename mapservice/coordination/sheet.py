"""One territory as a page shows it: its figures, its parts, and which of them are silent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
from sqlalchemy import Connection

from mapservice.coordination import queries
from mapservice.coordination.expected import Counts
from mapservice.coordination.model import (
    DATED,
    LEAST_SISTERS,
    Areas,
    Figure,
    Order,
    Silence,
    Verdict,
    View,
    silence_of,
)
from mapservice.territories import queries as territories
from mapservice.territories.model import Level
from mapservice.territories.names import at_territory, of_territory

# W, S, E, N of metropolitan France.
FRANCE = (-5.2, 41.3, 9.7, 51.2)
SHOWN_ROWS = 100
SHOWN_SILENT = 12


@dataclass(frozen=True, slots=True)
class Titled:
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
class Suggested:
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
class Row:
    """One line of a table; what is not known is None. `klass`: see `Areas.classes`."""

    level: Level
    code: str
    name: str
    population: int
    initiatives: int
    supporters: int
    recent: int
    before: int
    rate: float | None
    change: float | None
    changed: bool
    silent_share: float | None
    last: datetime | None
    klass: int
    suggested: Suggested | None

    @property
    def url(self) -> str:
        return f"/coordination/{self.level}/{self.code}"


@dataclass(frozen=True, eq=False)
class Sheet:
    """`own` and `areas` are figures of the territory and of its parts; `silent` of `sisters`."""

    view: View
    titled: Titled
    own: Areas
    areas: Areas
    last: datetime | None
    sisters: Areas
    sisters_by: Level
    silence: Silence | None


def titled(connection: Connection, view: View) -> Titled:
    if view.ref is None:
        return Titled(None, "FR", "France", "en France", "de France", FRANCE)
    found = territories.find(connection, view.ref)
    assert found is not None, "the request was checked"
    words = (found.level, found.name, found.article)
    at, of = at_territory(*words), of_territory(*words)
    return Titled(found.level, found.code, found.name, at, of, found.bounds)


def sheet(
    connection: Connection, view: View, order: Order | None = None, *, whole: bool = False
) -> Sheet:
    """Reads what a page needs: what is dear is read where the figure or the order wants it.

    Of all communes of France the windows of 90 days are such; `whole` reads them in any case.
    """
    first = queries.first_month(connection)
    many = view.ref is None and view.by is Level.COMMUNE
    dated = whole or not many or view.figure in DATED or order in DATED
    areas = queries.areas(connection, view, first, dated=dated)
    own = queries.own(connection, view, first)
    areas, own = _with_silent(connection, view, areas, own)
    if view.figure is Figure.LAST or order is Order.LAST:
        months = queries.last_months(connection, view, str(view.by), areas.codes)
        areas = replace(areas, months=months)
    sisters, by = _sisters(connection, view, areas, first)
    return Sheet(
        view,
        titled(connection, view),
        own,
        areas,
        _last(connection, view),
        sisters,
        by,
        silence_of(sisters),
    )


def rows(
    connection: Connection,
    sheet: Sheet,
    at: Counts,
    breaks: tuple[float, ...],
    *,
    silence: Silence | None,
) -> list[Row]:
    """Of the parts at these positions."""
    return _rows(connection, sheet.view, sheet.areas, at, breaks, silence, sheet.view.by)


def silent_rows(
    connection: Connection, sheet: Sheet, verdict: Verdict, shown: int = SHOWN_SILENT
) -> list[Row]:
    """The most telling of those that are silent in one way."""
    assert sheet.silence is not None
    at = sheet.silence.at[verdict][:shown]
    view = replace(sheet.view, figure=Figure.RATE)
    return _rows(connection, view, sheet.sisters, at, (), sheet.silence, sheet.sisters_by)


def shown_order(connection: Connection, sheet: Sheet, order: Order, *, ascending: bool) -> Counts:
    """Positions of the parts in the order of the table; unknown ones are last either way."""
    names = None
    if order is Order.NAME:
        names = queries.name_list(connection, sheet.view.by, sheet.areas.codes)
    return sheet.areas.order(order, names, ascending=ascending)


def own_silence(sheet: Sheet) -> Silence | None:
    """Of the parts themselves, where these are what is compared."""
    return sheet.silence if sheet.sisters is sheet.areas else silence_of(sheet.areas)


def _with_silent(
    connection: Connection, view: View, areas: Areas, own: Areas
) -> tuple[Areas, Areas]:
    if view.by is Level.COMMUNE and (view.ref is None or view.ref.level is not Level.COMMUNE):
        lived_in = areas.population > 0
        communes, silent = lived_in.sum(), (lived_in & (areas.initiatives == 0)).sum()
        return areas, _told(own, communes, silent)
    if view.by is Level.COMMUNE:
        return areas, _told(own, own.population > 0, (own.population > 0) & (own.initiatives == 0))
    found = queries.silent(connection, view, areas.codes)
    return (
        replace(areas, communes=found.communes, silent=found.silent),
        replace(own, communes=found.all_communes, silent=found.all_silent),
    )


def _told(own: Areas, communes: object, silent: object) -> Areas:
    return replace(
        own,
        communes=np.atleast_1d(np.asarray(communes, np.int64)),
        silent=np.atleast_1d(np.asarray(silent, np.int64)),
    )


def _sisters(
    connection: Connection, view: View, areas: Areas, first: date | None
) -> tuple[Areas, Level]:
    """The parts, or the communes where the parts are too few to be compared."""
    if len(areas) >= LEAST_SISTERS or view.by is Level.COMMUNE:
        return areas, view.by
    communes = replace(view, by=Level.COMMUNE)
    return queries.areas(connection, communes, first), Level.COMMUNE


def _last(connection: Connection, view: View) -> datetime | None:
    level, code = (str(view.ref.level), view.ref.code) if view.ref else (queries.COUNTRY, "FR")
    return queries.last_days(connection, view.scope, level, [code]).get(code)


def _rows(
    connection: Connection,
    view: View,
    areas: Areas,
    at: Counts,
    breaks: tuple[float, ...],
    silence: Silence | None,
    level: Level,
) -> list[Row]:
    codes = [areas.codes[one] for one in at]
    names = queries.names(connection, level, codes)
    last = queries.last_days(connection, view.scope, str(level), codes)
    picked = areas.at(at) if areas.dated else _dated(connection, view, areas.at(at))
    shares = picked.silent_share if picked.silent is not None else np.full(len(at), np.nan)
    classes = picked.classes(view.figure, breaks)
    rates, changes, changed = picked.rate, picked.change, picked.changed
    return [
        Row(
            level,
            name.code,
            name.name,
            int(picked.population[number]),
            int(picked.initiatives[number]),
            int(picked.supporters[number]),
            int(picked.recent[number]),
            int(picked.before[number]),
            known(rates[number]),
            known(changes[number]),
            bool(changed[number]),
            known(shares[number]),
            last.get(name.code),
            int(classes[number]),
            _suggested(silence, int(at[number]), areas),
        )
        for number, name in enumerate(names)
    ]


def _dated(connection: Connection, view: View, picked: Areas) -> Areas:
    """The same with the two windows."""
    found = queries.some(connection, view, picked.codes, queries.first_month(connection))
    place = {code: number for number, code in enumerate(found.codes)}
    order = np.array([place[code] for code in picked.codes], np.int64)
    return replace(picked, recent=found.recent[order], before=found.before[order], dated=True)


def _suggested(silence: Silence | None, at: int, areas: Areas) -> Suggested | None:
    if silence is None or not areas.population[at]:
        return None
    limits = silence.limits
    counts = areas.initiatives
    return Suggested(
        float(limits.mean[at]),
        int(limits.low[at]),
        int(limits.high[at]),
        bool(limits.below(counts)[at]),
        bool(limits.above(counts)[at]),
        float(silence.recent_mean[at]),
        bool(silence.telling[at]),
    )


def known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def numbers(values: Sequence[float]) -> list[float | None]:
    """As JSON has them: null for what is unknown."""
    return [None if value != value else value for value in values]
