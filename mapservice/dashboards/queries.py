"""Figures of territories as columns, what is silent, months, densities: read and put together.

Kept months, what changed since and parts of months are read for many territories in one statement.
A statement sees one moment, so that all of these agree. Numbers leave PostgreSQL side by side, as
bytes, and are added up here: 34,875 communes and all of their months are one row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from mapservice.dashboards.model import (
    DATED,
    LEAST_SISTERS,
    NEAR_KM,
    SUPPORTED,
    WIDE_KM,
    AreaClasses,
    AreaFigures,
    CommuneCounts,
    Counts,
    Dashboard,
    DashboardFigure,
    DashboardRow,
    DashboardView,
    DensityField,
    Floats,
    NamedPlace,
    NeighbourIndex,
    PartialMonth,
    SilenceKind,
    SilentAreas,
    StraddlingEpci,
    SuggestedCount,
    TableOrder,
    TerritoryIndex,
    counted,
    distinct_breaks,
    month_of,
    months_between,
    neighbours_within,
    shaded,
    silence_of,
    spans,
    windows,
)
from mapservice.db.engine import PreparedSql, fetch_all, fill
from mapservice.initiatives.filters import RollupScope
from mapservice.initiatives.model import Theme
from mapservice.rollups.model import ALL_THEMES, COUNTRY
from mapservice.territories import queries as territories
from mapservice.territories.lineage.model import plain
from mapservice.territories.model import (
    Level,
    ParentTerritory,
    TerritoryRef,
    at_territory,
    of_territory,
    without_article,
)
from mapservice.territories.queries import kept_of

Numbers = NDArray[np.integer[Any]]
# How each number is sent, and read here.
TYPES = {
    "initiatives": ("int4send", ">i4"),
    "supporters": ("int8send", ">i8"),
    "told": ("int4send", ">i4"),
    "local": ("int4send", ">i4"),
}
SENT = ", string_agg({send}({name}), '')"
AS_KEPT = ", string_agg({name}, '')"
LACKING = ", CAST(NULL AS bytea)"
COUNTED = ("initiatives",)
# More than there are, so that a place and a month make one number.
MONTHS = 1 << 24
# The month of what has none, and the last month of a territory without any.
NO_MONTH = -1
COUNTS = ("initiatives",)
SUPPORTS = ("supporters", "told", "local")
# What may hold a territory, the nearest first.
ABOVE = (Level.EPCI, Level.DEPARTEMENT, Level.REGION)
# Degrees, EPSG:4326, leave PostgreSQL as whole numbers of this part of one.
PER_DEGREE = 100_000
# A population that no source tells.
UNKNOWN_POPULATION = -1
# Territories are read by runs of codes that stand side by side in an index. Of more runs than these
# all of their level are read, and the others left out: a run is a step in an index (25 µs), and all
# are read in 18 ms (sums) or 40 ms (months) at 1,000,000 initiatives.
MOST_RUNS = 800
RUNS = """
       unnest(CAST(%(firsts)s AS text[]), CAST(%(lasts)s AS text[])) AS run (first, last)
       JOIN {kept} ON code BETWEEN run.first AND run.last"""
# W, S, E, N of metropolitan France.
FRANCE = (-5.2, 41.3, 9.7, 51.2)
FIRST_MONTH = """
SELECT min(month)
  FROM (SELECT min(month) AS month FROM rollup
         WHERE level = 'country' AND code = 'FR' AND theme = '' AND month > '-infinity'
           AND month < 'infinity' AND initiatives <> 0
         UNION ALL
        SELECT min(month) FROM rollup_delta
         WHERE month < 'infinity' AND initiatives <> 0) AS either"""
# Of all territories of a level: who holds each, how many live there, and where their name stands.
PLACES = """
SELECT string_agg(code, ',' ORDER BY code),
       string_agg(coalesce(epci, ''), ',' ORDER BY code),
       string_agg(coalesce(departement, ''), ',' ORDER BY code),
       string_agg(coalesce(region, ''), ',' ORDER BY code),
       string_agg(int8send(CAST(coalesce(population, -1) AS bigint)), '' ORDER BY code),
       string_agg(int8send(CAST(coalesce(population_year, 0) AS bigint)), '' ORDER BY code),
       string_agg(int8send(CAST(ST_X(point) * 100000 AS bigint)), '' ORDER BY code),
       string_agg(int8send(CAST(ST_Y(point) * 100000 AS bigint)), '' ORDER BY code)
  FROM territory
 WHERE level = :level"""
# Sources of the figures, one row each: codes, how many entries each of them has (one where that is
# null), months of the entries, columns.
SUMS = """
SELECT {source} AS source, string_agg(code, ','), CAST(NULL AS bytea), CAST(NULL AS bytea){columns}
  FROM {single}
 WHERE level = '{level}' AND theme = ANY(%({kept_themes})s) AND status = ANY(%(statuses)s)
   AND month = '{month}'"""
KEPT = """
SELECT {source} AS source, string_agg(code, ','),
       string_agg(int4send(octet_length(months) / 4), ''),
       string_agg(months, ''){columns}
  FROM {listed}
 WHERE level = '{level}' AND theme = ANY(%({kept_themes})s) AND status = ANY(%(statuses)s)"""
FRESH = """
SELECT {source} AS source, string_agg({place}, ','), CAST(NULL AS bytea),
       string_agg(int4send(rollup_month_number(month)), ''){columns}
  FROM rollup_delta
 WHERE status = ANY(%(statuses)s) AND {place} IS NOT NULL AND {themes} AND {inside}"""
COUNTED_PART = """
SELECT {source} AS source, string_agg(code, ','), CAST(NULL AS bytea), CAST(NULL AS bytea){columns}
  FROM (SELECT {place} AS code, CAST(count(*) AS integer) AS initiatives
          FROM initiative
         WHERE coalesce(created_at, '-infinity'::timestamptz) >= %({start})s
           AND coalesce(created_at, '-infinity'::timestamptz) < %({end})s AND {inside}
           AND status = ANY(%(statuses)s) AND {themes} AND {place} IS NOT NULL
         GROUP BY 1) AS counted"""
# One step in the index `rollup_code` for each status and theme.
UNTOUCHED = """
            SELECT asked.code, own.month
              FROM unnest(CAST(%(codes)s AS text[])) AS asked (code)
             CROSS JOIN unnest(CAST(%(themes)s AS text[])) AS chosen (theme)
             CROSS JOIN unnest(CAST(%(statuses)s AS text[])) AS state (status)
             CROSS JOIN LATERAL (
                   SELECT month
                     FROM rollup
                    WHERE level = '{level}' AND rollup.code = asked.code
                      AND rollup.theme = chosen.theme AND rollup.status = state.status
                      AND month > '-infinity' AND month < 'infinity' AND initiatives <> 0
                      AND {bounds}
                    ORDER BY month DESC LIMIT 1) AS own
             WHERE asked.code NOT IN (SELECT {place} FROM rollup_delta WHERE {place} IS NOT NULL)"""
# Of the months that changed since they were summed up: those that hold something now.
CHANGED = """
            SELECT code, month
              FROM (SELECT code, month, initiatives
                      FROM rollup
                     WHERE level = '{level}' AND theme = ANY(%(themes)s)
                       AND status = ANY(%(statuses)s) AND month > '-infinity'
                       AND month < 'infinity' AND {bounds}
                       AND code = ANY(ARRAY(SELECT DISTINCT {place} FROM rollup_delta
                                             WHERE {place} = ANY(%(codes)s)))
                     UNION ALL
                    SELECT {place}, month, initiatives
                      FROM rollup_delta
                     WHERE status = ANY(%(statuses)s) AND month < 'infinity' AND {bounds}
                       AND {themes}
                       AND {place} = ANY(%(codes)s)) AS changed
             GROUP BY code, month
            HAVING sum(initiatives) > 0"""
LAST_MONTH = """
    SELECT code, max(month) AS month
      FROM ({untouched} UNION ALL {changed}) AS held
     WHERE code = ANY(%(codes)s)
     GROUP BY code"""
LAST_DAYS = """
SELECT code, latest.created_at
  FROM ({months}) AS known
 CROSS JOIN LATERAL (
       SELECT created_at
         FROM initiative
        WHERE {own}
          AND coalesce(created_at, '-infinity'::timestamptz) >= known.month AT TIME ZONE 'UTC'
          AND coalesce(created_at, '-infinity'::timestamptz)
              < (known.month + interval '1 month') AT TIME ZONE 'UTC'
          AND status = ANY(%(statuses)s) AND {themes}
        ORDER BY coalesce(created_at, '-infinity'::timestamptz) DESC LIMIT 1) AS latest"""
SERIES = """
SELECT month, CAST(sum(initiatives) AS bigint), CAST(sum(supporters) AS bigint)
  FROM (SELECT month, initiatives, supporters
          FROM rollup
         WHERE level = '{level}' AND code = %(code)s AND theme = ANY(%(themes)s)
           AND status = ANY(%(statuses)s) AND month > '-infinity' AND month < 'infinity'
         UNION ALL
        SELECT month, initiatives, supporters
          FROM rollup_delta
         WHERE {place} = %(code)s AND status = ANY(%(statuses)s) AND {themes}
           AND month < 'infinity') AS kept
 WHERE initiatives <> 0 OR supporters <> 0
 GROUP BY month
 ORDER BY month"""
NAMES = """
SELECT code, name
  FROM unnest(CAST(:codes AS text[])) WITH ORDINALITY AS asked (code, place)
  JOIN territory USING (code)
 WHERE level = :level
 ORDER BY place"""
# Two long texts, parted by a sign that no name has, are read faster than many short ones.
ALL_NAMES = r"""
SELECT string_agg(code, E'\x1f'), string_agg(replace(name, E'\x1f', ' '), E'\x1f')
  FROM territory
 WHERE level = :level"""


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
class CommuneSurroundings:
    """Communes that a density is told of, and all whose initiatives count for one of them.

    `radius`: kilometres. `near` numbers these `communes` as they stand.
    """

    radius: int
    codes: tuple[str, ...]
    near: NeighbourIndex
    communes: TerritoryIndex


@dataclass(frozen=True, eq=False)
class ActivityPoints:
    """Where communes with something are, degrees EPSG:4326, and how much they hold."""

    lon: Floats
    lat: Floats
    count: Counts


def number_of(month: date) -> int:
    """Months since the year 0."""
    return month.year * 12 + month.month - 1


@dataclass(frozen=True, eq=False)
class MonthEntries:
    """Numbers one by one: to which place each belongs, to which month, and what it counts.

    They come in runs of one place each, as long as `lengths` says, by month. `runs` are positions
    of places; the number of these stands for one that is not among them. `sign` -1: to take away.
    """

    runs: Counts
    lengths: Numbers
    month: Numbers
    columns: Mapping[str, Numbers]
    sign: int = 1

    @cached_property
    def at(self) -> Counts:
        return np.repeat(self.runs, self.lengths)

    def between(self, since: date | None, until: date | None) -> NDArray[np.bool_]:
        """Which of them are of months of a period, `until` exclusive: never what has no month."""
        mask: NDArray[np.bool_] = self.month != NO_MONTH
        if since:
            mask &= self.month >= number_of(since)
        if until:
            mask &= self.month < number_of(until)
        return mask

    def total(self, name: str, size: int, mask: NDArray[np.bool_] | None = None) -> Counts:
        """By place; floats are exact up to 2^53."""
        values = self.columns[name] if mask is None else self.columns[name] * mask
        return self.sign * np.bincount(self.at, values, size + 1)[:size].astype(np.int64)

    def latest(self, size: int, mask: NDArray[np.bool_]) -> Counts:
        """The last month of each place, among the entries that the mask picks."""
        last = np.full(size + 1, NO_MONTH, np.int64)
        if len(self.runs):
            starts = np.cumsum(self.lengths) - self.lengths
            ends = np.maximum.reduceat(np.where(mask, self.month, NO_MONTH), starts)
            np.maximum.at(last, self.runs, ends)
        return last[:size]


@dataclass(frozen=True, eq=False)
class MonthCounts:
    """What was read of so many places.

    `kept` are months, or without them the sums of all; `moves` are to be added to them; `counted`
    stands apart. `undated` is what has no known day: no month of `kept` has it, sums of all do, and
    of `moves` it is what has no month.
    """

    size: int
    kept: MonthEntries
    moves: tuple[MonthEntries, ...]
    counted: tuple[MonthEntries, ...]
    undated: tuple[MonthEntries, ...] = ()
    by_month: bool = True

    def totals(
        self, names: Sequence[str], since: date | None, until: date | None
    ) -> dict[str, Counts]:
        """Of a period; where it has a bound there must be months."""
        found = {name: np.zeros(self.size, np.int64) for name in names}
        whole = self.undated if self.by_month and not (since or until) else ()
        for one in (self.kept, *self.moves, *whole):
            mask = one.between(since, until) if since or until else None
            for name, total in found.items():
                total += one.total(name, self.size, mask)
        return found

    def unknown(self) -> Counts:
        """How many of each place have no known day, whatever the period."""
        found = np.zeros(self.size, np.int64)
        for one in self.undated:
            found += one.total("initiatives", self.size)
        fresh = self.moves[0]
        return found + fresh.total("initiatives", self.size, fresh.month == NO_MONTH)

    def singly(self, times: Sequence[int]) -> Counts:
        """Initiatives of the parts of months, each part so many times."""
        found = np.zeros(self.size, np.int64)
        for one, sign in zip(self.counted, times, strict=True):
            found += sign * one.total("initiatives", self.size)
        return found

    def last(self, since: date | None, until: date | None) -> Counts:
        """The last month of each place that holds something, NO_MONTH for none.

        Of a place that something is added to or taken from, months are summed up first.
        """
        moved = np.zeros(self.size + 1, np.bool_)
        for one in self.moves:
            moved[one.at] = True
        kept, anew = self.kept.between(since, until), moved[self.kept.at]
        last = self.kept.latest(self.size, kept & ~anew & (self.kept.columns["initiatives"] > 0))
        if moved.any():
            parts = [(self.kept, kept & anew)]
            parts += [(one, one.between(since, until)) for one in self.moves]
            # A place and a month make one number, whose entries of all parts are added up.
            keys = np.concatenate(
                [one.at[mask] * MONTHS + one.month[mask].astype(np.int64) for one, mask in parts]
            )
            counts = [one.sign * one.columns["initiatives"][mask] for one, mask in parts]
            keys, of = np.unique(keys, return_inverse=True)
            held = keys[np.bincount(of, np.concatenate(counts), len(keys)) > 0]
            at, month = held // MONTHS, held % MONTHS
            known = at < self.size
            np.maximum.at(last, at[known], month[known])
        return last


TerritoryIndexes = Mapping[Level, TerritoryIndex]


def indexes(connection: Connection) -> TerritoryIndexes:
    """All territories that there are, by level; made once per load of territories."""
    return kept_of(connection).get(connection, __name__, _read_indexes)


def _read_indexes(connection: Connection) -> TerritoryIndexes:
    found: dict[Level, TerritoryIndex] = {}
    for level in (*reversed(ABOVE), Level.COMMUNE):
        row = connection.execute(text(PLACES), {"level": str(level)}).one()
        # Without a parent a text is empty; of a level without territories there is none.
        codes, *above = (() if one is None else tuple(one.split(",")) for one in row[:4])
        under = {
            wider: found[wider].positions(names)
            for wider, names in zip(ABOVE, above, strict=True)
            if wider in found
        }
        population, year, lon, lat = (
            np.frombuffer(one or b"", ">i8").astype(np.int64) for one in row[4:]
        )
        spots = (lon / PER_DEGREE, lat / PER_DEGREE)
        found[level] = TerritoryIndex(level, codes, population, year, under, *spots, whole=True)
    return found


def index_of_parts(known: TerritoryIndexes, view: DashboardView) -> TerritoryIndex:
    """What a view divides its territory into."""
    ref, every, communes = view.ref, known[view.by], known[Level.COMMUNE]
    if ref is None:
        return every
    if ref.level is view.by:
        # A commune is shown among those of its EPCI, or of its département where it has none.
        this = _is(known, ref)
        for level in (Level.EPCI, Level.DEPARTEMENT):
            above = communes.under[level]
            if (above[this] >= 0).any():
                return every.pick(np.isin(above, above[this]))
        return every.pick(this)
    if view.by is not Level.EPCI:
        return every.pick(within(known, ref, view.by), ref)

    # Every EPCI with a commune in a département or a région, with what it has there.
    of, here = communes.under[Level.EPCI], within(known, ref, Level.COMMUNE)
    member = of >= 0
    in_all = np.bincount(of[member], minlength=len(every))
    inside = np.bincount(of[member & here], minlength=len(every))
    at = np.flatnonzero(inside)
    partial = inside[at] < in_all[at]
    picked = every.pick(at)
    if not partial.any():
        return picked
    pieces = np.isin(of, at[partial])
    parted = StraddlingEpci(
        partial,
        communes.pick(pieces),
        np.searchsorted(at, of[pieces]).astype(np.int64),
        here[pieces],
    )
    # Inhabitants of the parts, -1 where they are unknown, and their year, 0 where several.
    peopled = parted.communes.population >= 0
    people = parted.total(parted.communes.population * peopled)
    people[parted.total(peopled.astype(np.int64)) == 0] = UNKNOWN_POPULATION
    years = parted.communes.year.astype(np.float64)
    first, last = parted.least(years), -parted.least(-years)
    year = np.where(first == last, first, 0).astype(np.int64)
    return replace(
        picked,
        population=np.where(partial, people, picked.population),
        year=np.where(partial, year, picked.year),
        parted=parted,
    )


def within(known: TerritoryIndexes, ref: TerritoryRef, level: Level) -> NDArray[np.bool_]:
    """Which territories of a level lie in another one, or are it."""
    if ref.level is level:
        return _is(known, ref)
    mask: NDArray[np.bool_] = known[level].under[ref.level] == _position(known, ref)
    return mask


def _is(known: TerritoryIndexes, ref: TerritoryRef) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = np.arange(len(known[ref.level])) == _position(known, ref)
    return mask


def _position(known: TerritoryIndexes, ref: TerritoryRef) -> int:
    """-2, where nothing is, for a territory that no longer exists."""
    return int(known[ref.level].positions([ref.code], -2)[0])


def read_months(
    connection: Connection,
    scope: RollupScope,
    places: TerritoryIndex,
    names: Sequence[str],
    parts: Sequence[PartialMonth] = (),
    *,
    by_month: bool,
) -> MonthCounts:
    """The columns `names`, `initiatives` among them; of parts of months, initiatives alone."""
    values = scope_values(scope)
    # All themes together are as many rows as two or three: of most themes, all less the others.
    others = [str(theme) for theme in Theme if theme not in scope.themes]
    kept_themes, less_themes = [str(theme) for theme in scope.themes], list[str]()
    if not scope.themes or not others:
        kept_themes = [ALL_THEMES]
    elif len(others) + 2 < len(scope.themes):
        kept_themes, less_themes = [ALL_THEMES], others
    values |= {"kept_themes": kept_themes, "less_themes": less_themes}

    level = str(places.level) if places.level else COUNTRY
    place = place_column(level)
    single, listed, inside = "rollup", "rollup_series", "true"
    if places.inside:
        inside = f"{places.inside.level} = %(inside)s"
        values["inside"] = places.inside.code
    elif not places.whole:
        inside = f"{place} = ANY(%(codes)s)"
        values["codes"] = list(places.codes)
    if not places.whole:
        firsts, lasts = places.runs
        if len(firsts) <= MOST_RUNS:
            single, listed = fill(RUNS, {"kept": single}), fill(RUNS, {"kept": listed})
            values |= {"firsts": firsts, "lasts": lasts}
    texts = {
        "level": level,
        "place": place,
        "themes": theme_condition(scope),
        "single": single,
        "listed": listed,
        "inside": inside,
    }

    # A statement for each source, all of them one: they must see the same moment.
    sent = "".join(fill(SENT, {"name": name, "send": TYPES[name][0]}) for name in names)
    as_kept = "".join(fill(AS_KEPT, {"name": name}) for name in names)
    counted = "".join(
        fill(SENT, {"name": name, "send": TYPES[name][0]}) if name in COUNTED else LACKING
        for name in names
    )
    sums = fill(SUMS, {"columns": sent})
    base = {
        "": fill(KEPT, {"columns": as_kept}) if by_month else fill(sums, {"month": "-infinity"}),
        " undated": fill(sums, {"month": "infinity"}),
    }
    selects = {}
    for kind, one in base.items():
        selects[f"kept{kind}"] = fill(one, {"kept_themes": "kept_themes"})
        if less_themes:
            selects[f"less{kind}"] = fill(one, {"kept_themes": "less_themes"})
    selects["fresh"] = fill(FRESH, {"columns": sent})
    for number, part in enumerate(parts):
        start, end = f"start_{number}", f"end_{number}"
        values |= {start: part.start, end: part.end}
        selects[f"part {number}"] = fill(
            COUNTED_PART, {"columns": counted, "start": start, "end": end}
        )
    filled = [fill(one, texts | {"source": f"'{source}'"}) for source, one in selects.items()]

    found = {}
    for source, codes, lengths, months, *columns in fetch_all(
        connection, PreparedSql.of(" UNION ALL ".join(filled), values)
    ):
        runs = places.positions(codes.split(",") if codes else (), len(places))
        read = {
            name: np.frombuffer(packed or b"", TYPES[name][1])
            for name, packed in zip(names, columns, strict=True)
        }
        sizes: Numbers = np.ones(len(runs), np.int64)
        month: Numbers = np.full(len(read["initiatives"]), NO_MONTH)
        if lengths is not None:
            sizes = np.frombuffer(lengths, ">i4").astype(np.int32)
        if months is not None:
            month = np.frombuffer(months, ">i4").astype(np.int32)
        found[source] = MonthEntries(runs, sizes, month, read)
    moves, undated = [found["fresh"]], [found["kept undated"]]
    if "less" in found:
        moves.append(replace(found["less"], sign=-1))
        undated.append(replace(found["less undated"], sign=-1))
    singly = tuple(found[f"part {number}"] for number in range(len(parts)))
    return MonthCounts(len(places), found["kept"], tuple(moves), singly, tuple(undated), by_month)


def scope_values(scope: RollupScope) -> dict[str, Any]:
    return {
        "themes": [str(theme) for theme in scope.themes or (ALL_THEMES,)],
        "statuses": [str(status) for status in scope.statuses],
    }


def theme_condition(scope: RollupScope) -> str:
    return "theme = ANY(%(themes)s)" if scope.themes else "true"


def place_column(level: str) -> str:
    """What names a territory of that level in a row of `initiative` or `rollup_delta`."""
    return "'FR'" if level == COUNTRY else level


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
    where = index_of_parts(indexes(connection), view)
    return _areas(connection, view, where, dated=dated, supports=supports, last=last)


def among(connection: Connection, view: DashboardView, every: AreaFigures) -> AreaFigures | None:
    """The parts of a view picked from all of their level, as far as these were read; or None."""
    known = indexes(connection)
    if every.codes is not known[view.by].codes:
        return None
    where = index_of_parts(known, view)
    return None if where.parted else every.at(known[view.by].positions(where.codes))


def some(connection: Connection, view: DashboardView, codes: Sequence[str]) -> AreaFigures:
    """Those of the view's level with these codes, by code, with all figures but the last."""
    where = indexes(connection)
    every = index_of_parts(where, view) if view.by is Level.EPCI else where[view.by]
    known = every.positions(codes)
    return _areas(connection, view, every.pick(np.unique(known[known >= 0])))


def own(connection: Connection, view: DashboardView) -> AreaFigures:
    """The territory itself, with what is known of it by its name alone; France is its régions'
    sum."""
    known = indexes(connection)
    if view.ref is not None:
        return _areas(connection, view, known[view.ref.level].pick(_is(known, view.ref), view.ref))
    regions = known[Level.REGION]
    people = np.maximum(regions.population, 0).sum(keepdims=True)
    years = np.unique(regions.year)
    year = years if len(years) == 1 else np.zeros(1, np.int64)
    nowhere = np.zeros(1)
    france = TerritoryIndex(None, ("FR",), people, year, {}, nowhere, nowhere, whole=True)
    return _areas(connection, view, france)


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
    parts = wanted.parts if wanted else ()
    found = read_months(connection, view.scope, where, names, parts, by_month=by_month)
    totals = found.totals(names, since, until)

    recent, before, compared = *np.zeros((2, len(where)), np.int64), False
    if wanted:
        recent, before = (
            found.totals(COUNTS, months.start, months.end)["initiatives"] + found.singly(times)
            for months, times in (
                (wanted.recent, [part.recent for part in parts]),
                (wanted.before, [part.before for part in parts]),
            )
        )
        # Does the first initiative of all go back as far as the season of last year? Else what is
        # new since would look like growth of territories, not of the map.
        first, (_, past) = first_month(connection), spans(until, view.now)
        compared = first is not None and first <= month_of(past.start.date())

    months_since = None
    if last:
        # A month counts from its first day: the present one is 0.
        end = number_of(view.end) - (1 if until else 0)
        numbers = found.last(since, until)
        ages = np.maximum(end - numbers, 0).astype(float)
        months_since = np.where(numbers == NO_MONTH, np.nan, ages)
    undated, counted = found.unknown(), totals["initiatives"]
    ever = found.totals(COUNTS, None, None)["initiatives"] if since or until else counted
    return AreaFigures(
        codes=where.codes,
        population=where.population,
        initiatives=counted,
        recent=recent,
        before=before,
        supporters=totals.get("supporters"),
        told=totals.get("told"),
        local=totals.get("local"),
        months=months_since,
        undated=undated,
        ever=ever,
        with_day=counted if since or until else counted - undated,
        dated=dated,
        compared=compared,
        year=where.year,
    )


def population_years(connection: Connection, view: DashboardView) -> tuple[int, ...]:
    """The years of the populations of a territory's communes, where these are known."""
    known = indexes(connection)
    communes = known[Level.COMMUNE]
    years = communes.year
    if view.ref is not None:
        years = years[within(known, view.ref, Level.COMMUNE)]
    return tuple(int(year) for year in np.unique(years) if year)


def first_month(connection: Connection) -> date | None:
    """The earliest month that holds an initiative, whatever its status."""
    found = connection.execute(text(FIRST_MONTH)).scalar_one()
    return found if found is None else month_of(found)


def silent(
    connection: Connection,
    view: DashboardView,
    codes: Sequence[str],
    counts: CommuneCounts | None = None,
) -> SilentCommunes:
    """By part, in the order of `codes`, and in the whole. `counts` are those of its communes."""
    known = indexes(connection)
    where, every = communes_of(known, view), known[view.by]
    of, at = where.under[view.by], every.positions(codes)
    lived_in = where.population > 0
    found = counts or commune_counts(connection, view.scope, where)
    # One of an unknown day may be of any period: nobody can call the commune silent.
    bounded = bool(view.scope.since or view.scope.until)
    silent = lived_in & (found.period + found.undated * bounded == 0)
    # By part; one entry more, 0, for the part -1 that is none.
    by_part = (
        np.bincount(of[which & (of >= 0)], minlength=len(every) + 1).astype(np.int64)[at]
        for which in (lived_in, silent)
    )
    in_all = (np.atleast_1d(which.sum()) for which in (lived_in, silent))
    return SilentCommunes(*by_part, *in_all)


def spots(connection: Connection, view: DashboardView) -> ActivityPoints:
    """The communes of a view's territory that hold something, for a heatmap of any period."""
    where = communes_of(indexes(connection), view)
    count = commune_counts(connection, view.scope, where).period
    held = count > 0
    return ActivityPoints(where.lon[held], where.lat[held], count[held])


def communes_of(known: TerritoryIndexes, view: DashboardView) -> TerritoryIndex:
    """All communes of a view's territory."""
    every = known[Level.COMMUNE]
    return every if view.ref is None else every.pick(within(known, view.ref, Level.COMMUNE))


def commune_counts(
    connection: Connection, scope: RollupScope, where: TerritoryIndex
) -> CommuneCounts:
    by_month = bool(scope.since or scope.until)
    found = read_months(connection, scope, where, COUNTS, by_month=by_month)
    period = found.totals(COUNTS, scope.since, scope.until)["initiatives"]
    ever = found.totals(COUNTS, None, None)["initiatives"] if by_month else period
    return CommuneCounts(period, found.unknown(), ever)


def last_days(
    connection: Connection, scope: RollupScope, level: str, codes: Sequence[str]
) -> dict[str, datetime]:
    """The exact moment of the last initiative of each; those without one are left out.

    Kept months tell where to look, so that each is one step in an index.
    """
    values = scope_values(scope) | {"codes": list(codes)}
    bounds = []
    if scope.since:
        bounds.append("month >= CAST(%(since)s AS date)")
        values["since"] = scope.since
    if scope.until:
        bounds.append("month < CAST(%(until)s AS date)")
        values["until"] = scope.until
    texts = {
        "untouched": UNTOUCHED,
        "changed": CHANGED,
        "level": level,
        "place": place_column(level),
        "bounds": " AND ".join(bounds) or "true",
        "themes": theme_condition(scope),
        "own": "true" if level == COUNTRY else f"initiative.{level} = known.code",
    }
    statement = fill(LAST_DAYS, {"months": LAST_MONTH} | texts)
    rows = connection.exec_driver_sql(statement, values)
    return {code: moment for code, moment in rows if moment is not None}


def last_days_of_parts(
    connection: Connection, view: DashboardView, codes: Sequence[str]
) -> dict[str, datetime]:
    """The same of those of these EPCI that straddle: of their part alone."""
    where = index_of_parts(indexes(connection), view)
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
        "place": place_column(level),
        "themes": theme_condition(view.scope),
    }
    values = scope_values(view.scope) | {"code": code}
    rows = connection.exec_driver_sql(fill(SERIES, texts), values)
    found = {month: (initiatives, supporters) for month, initiatives, supporters in rows}
    start = min([*found, first or view.now.date().replace(day=1)])
    last = max([*found, month_of(view.now.date())])
    months = [*months_between(start, last), last]
    return [MonthCount(month, *found.get(month, (0, 0))) for month in months]


def names(connection: Connection, level: Level, codes: Sequence[str]) -> list[TerritoryName]:
    """In the order of the codes."""
    bound = {"level": str(level), "codes": list(codes)}
    rows = connection.execute(text(NAMES), bound)
    return [TerritoryName(*row) for row in rows]


def parents(connection: Connection, ref: TerritoryRef | None) -> list[ParentTerritory]:
    """What a territory lies in, the widest first."""
    if ref is None:
        return []
    known = indexes(connection)
    this = known[ref.level].pick(_is(known, ref))
    found = []
    for level in reversed(ABOVE):
        above = [at for at in this.under.get(level, ()) if at >= 0]
        codes = [known[level].codes[at] for at in above]
        found += [
            ParentTerritory(level, one.code, one.name) for one in names(connection, level, codes)
        ]
    return found


def name_list(connection: Connection, level: Level, codes: Sequence[str]) -> list[str]:
    """Names alone, in the order of the codes: for thousands. A code gone meanwhile names itself."""
    known, named = connection.execute(text(ALL_NAMES), {"level": str(level)}).one()
    by_code = dict(zip(known.split("\x1f"), named.split("\x1f"), strict=True)) if known else {}
    return [by_code.get(code, code) for code in codes]


def name_ranks(connection: Connection, level: Level, codes: Sequence[str]) -> Counts:
    """Where each stands in a French list of all names of its level; equal names at one place."""
    every = indexes(connection)[level]

    def rank(connection: Connection) -> Counts:
        listed = name_list(connection, level, every.codes)
        keys = [plain(without_article(name)) for name in listed]
        return np.unique(keys, return_inverse=True)[1].astype(np.int64)

    ranks = kept_of(connection).get(connection, (__name__, level), rank)
    found: Counts = ranks[every.positions(codes)]
    return found


def shades(
    connection: Connection, view: DashboardView, breaks: tuple[float, ...] | None = None
) -> AreaClasses:
    """The parts of a view with their classes: asked by page, live map, drawing and report alike.

    With the same territory, level, figure, period and filters all of these have the same breaks,
    and each territory the same class. `breaks` are those of another month or map, if given.
    """
    found = areas(
        connection,
        view,
        dated=view.figure in DATED,
        supports=view.figure in SUPPORTED,
        last=view.figure is DashboardFigure.LAST,
    )
    if view.figure is DashboardFigure.SILENT:
        quiet = silent(connection, view, found.codes)
        found = replace(found, communes=quiet.communes, silent=quiet.silent)
    return shaded(view.figure, found, breaks)


def density(
    connection: Connection,
    view: DashboardView,
    breaks: tuple[float, ...] | None = None,
    *,
    counts: CommuneCounts | None = None,
) -> DensityField:
    """How many initiatives lie around each commune: a number that means the same at every zoom.

    Of each commune: the initiatives of all communes whose middle is no further than a fixed number
    of kilometres from its own, across every border. That is a kernel of fixed size on the ground,
    so a colour stands for one count, in any month, at any zoom, on any page with the same radius; a
    heatmap of points, whose radius is in pixels, cannot say so. The classes are those of all months
    together; `breaks` spares finding them. `counts` are those of its `surroundings`, where a page
    has read them already.
    """
    here = surroundings(connection, view)
    found = counts or commune_counts(connection, view.scope, here.communes)
    sums = here.near.sums(found.period)
    if breaks is None:
        breaks = distinct_breaks([counted(here.near.sums(found.ever))])
    return DensityField(here.codes, sums, breaks, here.radius)


def surroundings(connection: Connection, view: DashboardView) -> CommuneSurroundings:
    """What a density of a view's territory takes in."""
    small = view.ref is not None and view.ref.level in (Level.EPCI, Level.COMMUNE)
    km = NEAR_KM if small else WIDE_KM
    known = indexes(connection)
    communes, near = known[Level.COMMUNE], neighbours(connection, km)
    if view.ref is None:
        return CommuneSurroundings(km, communes.codes, near, communes)
    # Its communes, and whatever lies near one of them.
    at = np.flatnonzero(within(known, view.ref, Level.COMMUNE))
    codes = tuple(communes.codes[one] for one in at)
    near, needed = near.pick(at)
    return CommuneSurroundings(km, codes, near, communes.pick(needed))


def neighbours(connection: Connection, km: int) -> NeighbourIndex:
    """Which communes lie near each other; made once per load of territories."""

    def find(connection: Connection) -> NeighbourIndex:
        communes = indexes(connection)[Level.COMMUNE]
        return neighbours_within(communes.lon, communes.lat, km)

    return kept_of(connection).get(connection, (__name__, km), find)


def named_place(connection: Connection, view: DashboardView) -> NamedPlace:
    if view.ref is None:
        return NamedPlace(None, "FR", "France", "en France", "de France", FRANCE)
    found = territories.find(connection, view.ref)
    assert found is not None, "the request was checked"
    words = (found.level, found.name, found.article)
    at, of = at_territory(*words), of_territory(*words)
    return NamedPlace(found.level, found.code, found.name, at, of, found.bounds)


def dashboard(
    connection: Connection,
    view: DashboardView,
    order: TableOrder | None = None,
    *,
    dated: bool = False,
    supports: bool = False,
    density: bool = False,
    main: Dashboard | None = None,
) -> Dashboard:
    """Reads what a page needs: what is dear is read where the figure or the order wants it.

    Of all communes of France the windows of 90 days and the supporters are such; `dated` and
    `supports` read them in any case. With `density` what that needs is read along, as
    `Dashboard.around`. What the `main` dashboard of the page holds already is taken from there.
    """
    # All communes that the density needs: those of the territory are among them.
    around = surroundings(connection, view).communes if density else None
    counts: CommuneCounts | None = None
    parts = among(connection, view, main.areas) if main else None
    if parts is None:
        every = view.ref is not None or view.by is not Level.COMMUNE
        parts = areas(
            connection,
            view,
            dated=dated or every or view.figure in DATED or order in DATED,
            supports=supports or every or view.figure in SUPPORTED or order in SUPPORTED,
            last=view.figure is DashboardFigure.LAST or order is TableOrder.LAST,
        )
        if view.by is Level.COMMUNE and view.ref is None:
            assert parts.undated is not None, "all are read"
            assert parts.ever is not None, "all are read"
            counts = CommuneCounts(parts.initiatives, parts.undated, parts.ever)
    itself = own(connection, view)

    # Silent communes: among the parts, or counted for each of them.
    if view.by is Level.COMMUNE:
        alone = view.ref is not None and view.ref.level is Level.COMMUNE
        communes = itself if alone else parts
        lived_in = communes.population > 0
        itself = replace(
            itself,
            communes=np.atleast_1d(lived_in.sum()),
            silent=np.atleast_1d((lived_in & communes.nothing).sum()),
        )
    else:
        theirs: CommuneCounts | None = None
        if around is not None:
            counts = commune_counts(connection, view.scope, around)
            theirs = counts.at(around.positions(communes_of(indexes(connection), view).codes))
        found = silent(connection, view, parts.codes, theirs)
        parts = replace(parts, communes=found.communes, silent=found.silent)
        itself = replace(itself, communes=found.all_communes, silent=found.all_silent)

    # What is compared: the parts, or the communes where the parts are too few.
    sisters, sisters_by = parts, view.by
    if len(parts) < LEAST_SISTERS and view.by is not Level.COMMUNE:
        sisters_by = Level.COMMUNE
        sisters = areas(connection, replace(view, by=sisters_by))
    level, code = (str(view.ref.level), view.ref.code) if view.ref else (COUNTRY, "FR")
    return Dashboard(
        view=view,
        place=named_place(connection, view),
        own=itself,
        areas=parts,
        last=last_days(connection, view.scope, level, [code]).get(code),
        sisters=sisters,
        sisters_by=sisters_by,
        silence=silence_of(sisters),
        years=population_years(connection, view),
        around=counts,
    )


@dataclass(frozen=True, eq=False)
class _RowFacts:
    """Of some territories of one level, by where they stand among its `areas`."""

    at: dict[int, int]
    names: list[TerritoryName]
    last: dict[str, datetime]
    picked: AreaFigures


def dashboard_rows(
    connection: Connection,
    shown: Dashboard,
    at: Counts,
    breaks: tuple[float, ...],
    most: int = 0,
) -> tuple[list[DashboardRow], dict[SilenceKind, list[DashboardRow]]]:
    """The parts at these positions; and up to `most` that are silent in each way, most telling
    first.

    What both need is read at once; who supports them is in the table alone.
    """
    view, parts = shown.view, shown.areas
    quiet: dict[SilenceKind, Counts] = {}
    if shown.silence is not None and most:
        quiet = {kind: found[:most] for kind, found in shown.silence.at.items()}
    together = np.concatenate([np.zeros(0, np.int64), *quiet.values()])
    if shown.sisters is parts:
        facts = _facts(
            connection, view, parts, np.concatenate([at, together]), supports=len(at) > 0
        )
        theirs = facts
    else:
        facts = _facts(connection, view, parts, at, supports=True)
        sisters_by = replace(view, by=shown.sisters_by)
        theirs = _facts(connection, sisters_by, shown.sisters, together, supports=False)
    table = _rows(facts, view, at, breaks, shown.own_silence, parts)
    sisters_view = replace(view, figure=DashboardFigure.RATE, by=shown.sisters_by)
    lists = {
        kind: _rows(theirs, sisters_view, those, (), shown.silence, shown.sisters)
        for kind, those in quiet.items()
    }
    return table, lists


def _facts(
    connection: Connection, view: DashboardView, every: AreaFigures, at: Counts, *, supports: bool
) -> _RowFacts:
    positions = np.unique(at)
    picked = every.at(positions)
    if (supports and picked.told is None) or not picked.dated:
        # The two windows and the supporters, which were not read of all; both come by code.
        more = some(connection, view, picked.codes)
        picked = replace(
            picked,
            recent=more.recent,
            before=more.before,
            supporters=more.supporters,
            told=more.told,
            local=more.local,
            dated=True,
            compared=more.compared,
        )
    partial = np.zeros(len(picked), np.bool_) if picked.partial is None else picked.partial
    whole = [code for code, is_part in zip(picked.codes, partial, strict=True) if not is_part]
    parted = [code for code, is_part in zip(picked.codes, partial, strict=True) if is_part]
    last = last_days(connection, view.scope, str(view.by), whole)
    if parted:
        last |= last_days_of_parts(connection, view, parted)
    place = {int(position): number for number, position in enumerate(positions)}
    return _RowFacts(place, names(connection, view.by, picked.codes), last, picked)


def _rows(
    facts: _RowFacts,
    view: DashboardView,
    at: Counts,
    breaks: tuple[float, ...],
    silence: SilentAreas | None,
    every: AreaFigures,
) -> list[DashboardRow]:
    numbers = np.array([facts.at[int(one)] for one in at], np.int64)
    picked = facts.picked.at(numbers)
    shares = picked.silent_share if picked.silent is not None else np.full(len(at), np.nan)
    classes = every.classes(view.figure, breaks)[at]  # by all sisters, not by those picked
    rates, changes, changed = picked.rate, picked.change, picked.changed
    supporters, told = picked.supporters, picked.told
    locals_ = np.full(len(at), np.nan) if told is None else picked.local_share

    suggested: list[SuggestedCount | None] = [None] * len(at)
    if silence is not None:
        limits = silence.sisters.limits(every.population[at])
        below, above = (beyond(every.initiatives[at]) for beyond in (limits.below, limits.above))
        suggested = [
            SuggestedCount(
                mean=float(limits.mean[number]),
                low=int(limits.low[number]),
                high=int(limits.high[number]),
                below=bool(below[number]),
                above=bool(above[number]),
                recent_mean=float(silence.recent_mean[one]),
                telling=bool(silence.telling[one]),
            )
            if every.population[one] > 0
            else None
            for number, one in enumerate(at)
        ]
    return [
        DashboardRow(
            level=view.by,
            code=facts.names[fact].code,
            name=facts.names[fact].name,
            population=int(picked.population[number]) if picked.population[number] >= 0 else None,
            year=(int(picked.year[number]) or None) if picked.year is not None else None,
            partial=bool(picked.partial is not None and picked.partial[number]),
            initiatives=int(picked.initiatives[number]),
            supporters=None if supporters is None else int(supporters[number]),
            told=None if told is None else int(told[number]),
            local_share=number_or_none(locals_[number]),
            recent=int(picked.recent[number]),
            before=int(picked.before[number]),
            rate=number_or_none(rates[number]),
            change=number_or_none(changes[number]),
            changed=bool(changed[number]),
            silent_share=number_or_none(shares[number]),
            last=facts.last.get(facts.names[fact].code),
            klass=int(classes[number]),
            undated=int(picked.undated[number]) if picked.undated is not None else 0,
            suggested=suggested[number],
        )
        for number, fact in enumerate(numbers)
    ]


def number_or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def shown_order(
    connection: Connection, shown: Dashboard, order: TableOrder, *, ascending: bool
) -> Counts:
    """Positions of the parts in the order of the table; unknown ones are last either way."""
    ranks = None
    if order is TableOrder.NAME:
        ranks = name_ranks(connection, shown.view.by, shown.areas.codes)
    return shown.areas.order(order, ranks, ascending=ascending)
