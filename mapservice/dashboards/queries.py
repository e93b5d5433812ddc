"""Figures of territories as columns, what is silent, months, and when each last saw something."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from mapservice.dashboards import rollup_sql, statements, territory_index
from mapservice.dashboards.classes import Floats
from mapservice.dashboards.expected import Counts
from mapservice.dashboards.model import AreaFigures, DashboardView
from mapservice.dashboards.months import NO_MONTH, MonthCounts, number_of, read
from mapservice.dashboards.rollup_sql import COUNTRY
from mapservice.dashboards.territory_index import TerritoryIndex, atlas, parts
from mapservice.dashboards.windows import ActivityWindows, month_of, months_between, spans, windows
from mapservice.db.engine import fill
from mapservice.rollups.model import RollupScope
from mapservice.territories.lineage.model import plain
from mapservice.territories.model import Level, without_article
from mapservice.territories.queries import kept_of

COUNTS = ("initiatives",)
SUPPORTS = ("supporters", "told", "local")


@dataclass(frozen=True, slots=True)
class TerritoryName:
    """How a territory is called."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class MonthCount:
    """New initiatives and their supporters of one month."""

    month: date
    initiatives: int
    supporters: int


@dataclass(frozen=True, eq=False)
class SilentCommunes:
    """Communes with inhabitants, and those of them without an initiative: by part, and in all."""

    communes: Counts
    silent: Counts
    all_communes: Counts
    all_silent: Counts


@dataclass(frozen=True, eq=False)
class ActivityPoints:
    """Where communes with something are, degrees EPSG:4326, and how much they hold."""

    lon: Floats
    lat: Floats
    count: Counts


def areas(
    connection: Connection,
    view: DashboardView,
    *,
    dated: bool = True,
    supports: bool = True,
    last: bool = False,
) -> AreaFigures:
    """The territories that a view divides its territory into, zeros included.

    Without `dated` the two windows of 90 days are left out, which `AreaFigures.dated` says; without
    `supports` who supports them; `last` adds the months since the last initiative.
    """
    where = parts(atlas(connection), view)
    return _areas(connection, view, where, dated=dated, supports=supports, last=last)


def among(connection: Connection, view: DashboardView, every: AreaFigures) -> AreaFigures | None:
    """The parts of a view picked from all of their level, as far as these were read; or None."""
    known = atlas(connection)
    if every.codes is not known[view.by].codes:
        return None
    where = parts(known, view)
    return None if where.parted else every.at(known[view.by].positions(where.codes))


def some(connection: Connection, view: DashboardView, codes: Sequence[str]) -> AreaFigures:
    """Those of the view's level with these codes, by code, with all figures but the last."""
    where = atlas(connection)
    every = parts(where, view) if view.by is Level.EPCI else where[view.by]
    known = every.positions(codes)
    return _areas(connection, view, every.pick(np.unique(known[known >= 0])))


def own(connection: Connection, view: DashboardView) -> AreaFigures:
    """The territory itself: what is known of it no better than by its name counts here too."""
    return _areas(connection, view, territory_index.own(atlas(connection), view.ref))


def population_years(connection: Connection, view: DashboardView) -> tuple[int, ...]:
    """Of which years the populations of a territory's communes are, those that say so."""
    known = atlas(connection)
    communes = known[Level.COMMUNE]
    years = communes.year
    if view.ref is not None:
        years = years[territory_index.within(known, view.ref, Level.COMMUNE)]
    return tuple(int(year) for year in np.unique(years) if year)


def first_month(connection: Connection) -> date | None:
    """The earliest month that holds an initiative, whatever its status."""
    found = connection.execute(text(statements.FIRST_MONTH)).scalar_one()
    return found if found is None else month_of(found)


def silent(connection: Connection, view: DashboardView, codes: Sequence[str]) -> SilentCommunes:
    """By part, in the order of `codes`, and in the whole."""
    known = atlas(connection)
    communes, every = known[Level.COMMUNE], known[view.by]
    of, at = communes.under[view.by], every.positions(codes)
    where = communes
    if view.ref is not None:
        inside = territory_index.within(known, view.ref, Level.COMMUNE)
        where, of = communes.pick(inside), of[inside]
    lived_in = where.population > 0
    # What is there of an unknown day may be of any period: nobody can call the commune silent.
    silent = lived_in & (_initiatives(connection, view.scope, where, undated=True) == 0)
    by_part = (_by_part(of, which, len(every))[at] for which in (lived_in, silent))
    in_all = (np.atleast_1d(which.sum()) for which in (lived_in, silent))
    return SilentCommunes(*by_part, *in_all)


def spots(connection: Connection, view: DashboardView) -> ActivityPoints:
    """The communes of a view's territory that hold something, for a heatmap of any period."""
    known = atlas(connection)
    where = known[Level.COMMUNE]
    if view.ref is not None:
        where = where.pick(territory_index.within(known, view.ref, Level.COMMUNE))
    count = _initiatives(connection, view.scope, where)
    held = count > 0
    return ActivityPoints(where.lon[held], where.lat[held], count[held])


def commune_counts(connection: Connection, scope: RollupScope) -> Counts:
    """What each commune holds, all of them, in the order of their codes."""
    return _initiatives(connection, scope, atlas(connection)[Level.COMMUNE])


def last_days(
    connection: Connection, scope: RollupScope, level: str, codes: Sequence[str]
) -> dict[str, datetime]:
    """The exact moment of the last initiative of each; those without one are left out.

    Kept months tell where to look, so that each is one step in an index.
    """
    months, values = _last_month(scope, level)
    column = "true" if level == COUNTRY else f"initiative.{level} = known.code"
    texts = {"months": months, "themes": rollup_sql.themes(scope, "initiative"), "own": column}
    statement = fill(statements.LAST_DAYS, texts)
    rows = connection.exec_driver_sql(statement, values | {"codes": list(codes)})
    return {code: moment for code, moment in rows if moment is not None}


def last_days_of_parts(
    connection: Connection, view: DashboardView, codes: Sequence[str]
) -> dict[str, datetime]:
    """The same of those of these EPCI that straddle: of their part alone."""
    where = parts(atlas(connection), view)
    if where.parted is None:
        return {}
    of, communes = where.parted.of, where.parted.communes
    asked = where.parted.inside & np.isin(of, where.positions(codes))
    held = [communes.codes[one] for one in np.flatnonzero(asked)]
    days = last_days(connection, view.scope, str(Level.COMMUNE), held)
    found: dict[str, datetime] = {}
    for one in np.flatnonzero(asked):
        day, code = days.get(communes.codes[one]), where.codes[of[one]]
        if day is not None:
            found[code] = max(day, found.get(code, day))
    return found


def series(connection: Connection, view: DashboardView, first: date | None) -> list[MonthCount]:
    """New initiatives by month, from the first one of all to the present, zeros included.

    Themes and statuses restrict it, the period does not: a reader sees what lies about it.
    """
    level, code = (str(view.ref.level), view.ref.code) if view.ref else (COUNTRY, "FR")
    texts = {
        "level": level,
        "place": rollup_sql.place(level),
        "fresh": rollup_sql.fresh_themes(view.scope),
    }
    values = rollup_sql.scope_values(view.scope) | {"code": code}
    rows = connection.exec_driver_sql(fill(statements.SERIES, texts), values)
    found = {month: (initiatives, supporters) for month, initiatives, supporters in rows}
    start = min([*found, first or view.now.date().replace(day=1)])
    last = max([*found, month_of(view.now.date())])
    months = [*months_between(start, last), last]
    return [MonthCount(month, *found.get(month, (0, 0))) for month in months]


def names(connection: Connection, level: Level, codes: Sequence[str]) -> list[TerritoryName]:
    """In the order of the codes."""
    bound = {"level": str(level), "codes": list(codes)}
    rows = connection.execute(text(statements.NAMES), bound)
    return [TerritoryName(*row) for row in rows]


def wide_names(connection: Connection) -> list[tuple[Level, str, str]]:
    """Level, code and name of every région and département, by name."""
    rows = connection.execute(text(statements.WIDE_NAMES))
    return [(Level(level), code, name) for level, code, name in rows]


def name_list(connection: Connection, level: Level, codes: Sequence[str]) -> list[str]:
    """Names alone, in the order of the codes: for thousands. A code gone meanwhile names itself."""
    known, named = connection.execute(text(statements.ALL_NAMES), {"level": str(level)}).one()
    by_code = dict(zip(known.split("\x1f"), named.split("\x1f"), strict=True)) if known else {}
    return [by_code.get(code, code) for code in codes]


def name_ranks(connection: Connection, level: Level, codes: Sequence[str]) -> Counts:
    """Where each stands in a French list of all names of its level; equal names at one place."""
    every = atlas(connection)[level]
    ranks = kept_of(connection).get(
        connection, (__name__, level), lambda asked: _ranks(name_list(asked, level, every.codes))
    )
    found: Counts = ranks[every.positions(codes)]
    return found


def _ranks(names: Sequence[str]) -> Counts:
    keys = [plain(without_article(name)) for name in names]
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)


def _areas(
    connection: Connection,
    view: DashboardView,
    where: TerritoryIndex,
    *,
    dated: bool = True,
    supports: bool = True,
    last: bool = False,
) -> AreaFigures:
    """Of an EPCI that straddles, the sums of its communes inside."""
    found = _counted(connection, view, where, dated=dated, supports=supports, last=last)
    parted = where.parted
    if parted is None:
        return found
    pieces = _counted(connection, view, parted.communes, dated=dated, supports=supports, last=last)
    return found.of_parts(pieces, parted.partial, parted)


def _counted(
    connection: Connection,
    view: DashboardView,
    where: TerritoryIndex,
    *,
    dated: bool,
    supports: bool,
    last: bool,
) -> AreaFigures:
    since, until = view.scope.since, view.scope.until
    wanted = windows(until, view.now) if dated else None
    names = (*COUNTS, *SUPPORTS) if supports else COUNTS
    by_month = bool(wanted or last or since or until)
    found = read(
        connection, view.scope, where, names, wanted.parts if wanted else (), by_month=by_month
    )
    totals = found.totals(names, since, until)
    recent, before = _windows(found, wanted) if wanted else np.zeros((2, len(where)), np.int64)
    undated, counted = found.unknown(), totals["initiatives"]
    return AreaFigures(
        where.codes,
        where.population,
        totals["initiatives"],
        recent,
        before,
        supporters=totals.get("supporters"),
        told=totals.get("told"),
        local=totals.get("local"),
        months=_months_since(view, found.last(since, until)) if last else None,
        undated=undated,
        with_day=counted if since or until else counted - undated,
        dated=dated,
        compared=dated and _compared(connection, view),
        year=where.year,
    )


def _compared(connection: Connection, view: DashboardView) -> bool:
    """Does the first initiative of all go back as far as the season of last year?

    Else what is new since would look like growth of territories, not of the map.
    """
    first = first_month(connection)
    _, past = spans(view.scope.until, view.now)
    return first is not None and first <= month_of(past.start.date())


def _windows(found: MonthCounts, wanted: ActivityWindows) -> tuple[Counts, Counts]:
    recent, before = (
        found.totals(("initiatives",), months.start, months.end)["initiatives"]
        for months in (wanted.recent, wanted.before)
    )
    return (
        recent + found.singly([part.recent for part in wanted.parts]),
        before + found.singly([part.before for part in wanted.parts]),
    )


def _initiatives(
    connection: Connection, scope: RollupScope, where: TerritoryIndex, *, undated: bool = False
) -> Counts:
    """Of the scope's period; with `undated` also those of an unknown day, which are in none."""
    by_month = bool(scope.since or scope.until)
    found = read(connection, scope, where, ("initiatives",), by_month=by_month)
    total = found.totals(("initiatives",), scope.since, scope.until)["initiatives"]
    return total + found.unknown() if undated and by_month else total


def _by_part(of: Counts, which: NDArray[np.bool_], size: int) -> Counts:
    """How many are in each part; one entry more, 0, for the part -1 that is none."""
    counts = np.bincount(of[which & (of >= 0)], minlength=size + 1)
    return counts.astype(np.int64)


def _months_since(view: DashboardView, numbers: Counts) -> Floats:
    """A month counts from its first day: the present one is 0."""
    end = number_of(view.end) - (1 if view.scope.until else 0)
    months: Floats = np.where(
        numbers == NO_MONTH, np.nan, np.maximum(end - numbers, 0).astype(float)
    )
    return months


def _last_month(scope: RollupScope, level: str) -> tuple[str, rollup_sql.Values]:
    """SQL of `code, month` of those of `codes` that have one, looked up one by one."""
    bounds, values = rollup_sql.bounds_of(scope)
    texts = {
        "untouched": statements.UNTOUCHED,
        "changed": statements.CHANGED,
        "level": level,
        "place": rollup_sql.place(level),
        "bounds": " AND ".join(bounds) or "true",
        "fresh": rollup_sql.fresh_themes(scope),
    }
    return fill(statements.LAST_MONTH, texts), values | rollup_sql.scope_values(scope)
