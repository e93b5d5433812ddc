"""Figures of many territories in one statement: kept months, and parts of months from the base.

A statement sees one moment, so that what is kept, what changed since and what is counted singly
agree. Columns leave PostgreSQL as bytes, one value after the other: 34,875 communes are read as
fast as ten régions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from mapservice.activity.model import Scope
from mapservice.coordination.classes import Floats
from mapservice.coordination.expected import Counts
from mapservice.coordination.model import Areas, View
from mapservice.coordination.windows import (
    Count,
    Months,
    Part,
    Slices,
    month_of,
    months_between,
    period,
    slices,
)
from mapservice.db.text import Prepared, fetch_one, fill
from mapservice.maps.model import Tile
from mapservice.maps.territory_queries import BUFFER, EXTENT, Layer, shown
from mapservice.territories.model import Level, TerritoryRef

COUNTRY = "country"
# How many territories there are, about, and which part of them is a few.
HOW_MANY = {
    COUNTRY: 1,
    Level.REGION: 18,
    Level.DEPARTEMENT: 101,
    Level.EPCI: 1_254,
    Level.COMMUNE: 34_875,
}
FEW = 10
ALL_THEMES = ""


@dataclass(frozen=True, slots=True)
class Name:
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
class Silent:
    """Communes with inhabitants, and those of them without an initiative: by part, and in all."""

    communes: Counts
    silent: Counts
    all_communes: Counts
    all_silent: Counts


@dataclass(frozen=True, eq=False)
class Spots:
    """Where communes with something are, degrees EPSG:4326, and how much they hold."""

    lon: Floats
    lat: Floats
    count: Counts


def areas(connection: Connection, view: View, first: date | None, *, dated: bool = True) -> Areas:
    """The territories that a view divides its territory into, zeros included.

    Without `dated` the two windows of 90 days are left out, which `Areas.dated` says.
    """
    wanted = slices(view.scope.since, view.scope.until, view.now, first)
    if not dated:
        wanted = period(view.scope.since, view.scope.until, view.now.date(), first)
    found = _areas(connection, view.scope, str(view.by), _within(view), wanted)
    return found if dated else replace(found, dated=False)


def some(connection: Connection, view: View, codes: Sequence[str], first: date | None) -> Areas:
    """Those with these codes, by code, with all figures."""
    where = _Where("code = ANY(%(some)s)", {"some": list(codes)}, None)
    wanted = slices(view.scope.since, view.scope.until, view.now, first)
    return _areas(connection, view.scope, str(view.by), where, wanted)


def own(connection: Connection, view: View, first: date | None) -> Areas:
    """The territory itself: what is known of it no better than by its name counts here too."""
    wanted = slices(view.scope.since, view.scope.until, view.now, first)
    if view.ref is None:
        return _areas(connection, view.scope, COUNTRY, _FRANCE, wanted)
    where = _Where("code = %(own)s", {"own": view.ref.code}, view.ref)
    return _areas(connection, view.scope, str(view.ref.level), where, wanted)


def first_month(connection: Connection) -> date | None:
    """The earliest month that holds an initiative, whatever its status."""
    found = connection.execute(text(FIRST_MONTH)).scalar_one()
    return found if found is None else month_of(found)


def silent(connection: Connection, view: View, codes: Sequence[str]) -> Silent:
    """By part, in the order of `codes`, and in the whole."""
    lively, values = _lively(view.scope)
    inside = _inside(view.ref)
    part = "code" if view.by is Level.COMMUNE else str(view.by)
    statement = fill(
        SILENT, {"lively": lively, "part": part, "inside": inside, "joined": _joined(view)}
    )
    bound = values | {"own": view.ref.code if view.ref else "", "codes": list(codes)}
    row = fetch_one(connection, Prepared.of(statement, bound))
    return Silent(*map(_integers, row))


def last_months(connection: Connection, view: View, level: str, codes: Sequence[str]) -> Floats:
    """How many months lie between the last initiative of each and the view's end; NaN for none."""
    made, values = _last_month(view.scope, level, codes)
    statement = Prepared.of(fill(LAST_MONTHS, {"months": made}), values | {"codes": list(codes)})
    row = fetch_one(connection, statement)
    numbers = _integers(row[0]).astype(float)
    numbers[numbers < 0] = np.nan
    # A month counts from its first day: the present one is 0.
    end = view.end.year * 12 + view.end.month - 1 - (1 if view.scope.until else 0)
    months: Floats = np.maximum(end - numbers, 0)
    return months


def last_days(
    connection: Connection, scope: Scope, level: str, codes: Sequence[str]
) -> dict[str, datetime]:
    """The exact moment of the last initiative of each; those without one are left out.

    Kept months tell where to look, so that each is one step in an index.
    """
    months, values = _last_month(scope, level, codes)
    texts = {"months": months, "themes": _themes(scope, "initiative"), "own": _own_column(level)}
    statement = fill(LAST_DAYS, texts)
    rows = connection.exec_driver_sql(statement, values | {"codes": list(codes)})
    return {code: moment for code, moment in rows if moment is not None}


def series(connection: Connection, view: View, first: date | None) -> list[MonthCount]:
    """New initiatives by month, from the first one of all to the present, zeros included.

    Themes and statuses restrict it, the period does not: a reader sees what lies about it.
    """
    level, code = (str(view.ref.level), view.ref.code) if view.ref else (COUNTRY, "FR")
    texts = {"level": level, "place": _place(level), "fresh": _fresh_themes(view.scope)}
    values = _values(view.scope) | {"code": code}
    rows = connection.exec_driver_sql(fill(SERIES, texts), values)
    found = {month: (initiatives, supporters) for month, initiatives, supporters in rows}
    start = min([*found, first or view.now.date().replace(day=1)])
    last = max([*found, month_of(view.now.date())])
    months = [*months_between(start, last), last]
    return [MonthCount(month, *found.get(month, (0, 0))) for month in months]


def names(connection: Connection, level: Level, codes: Sequence[str]) -> list[Name]:
    """In the order of the codes."""
    rows = connection.execute(text(NAMES), {"level": str(level), "codes": list(codes)})
    return [Name(*row) for row in rows]


def wide_names(connection: Connection) -> list[tuple[Level, str, str]]:
    """Level, code and name of every région and département, by name."""
    rows = connection.execute(text(WIDE_NAMES))
    return [(Level(level), code, name) for level, code, name in rows]


def name_list(connection: Connection, level: Level, codes: Sequence[str]) -> list[str]:
    """Names alone, in the order of the codes: for thousands."""
    statement = "SELECT array_agg(name ORDER BY place) FROM ({names}) AS named"
    bound = {"level": str(level), "codes": list(codes)}
    found = connection.execute(text(fill(statement, {"names": NAMES_PLACED})), bound).scalar_one()
    return list(found or ())


def spots(connection: Connection, view: View, first: date | None) -> Spots:
    """The communes of a view's territory that hold something, for a heatmap of any period."""
    counted, values = _by_commune(view, first, few=view.ref is not None)
    statement = fill(SPOTS, {"counted": counted, "inside": _inside(view.ref)})
    bound = values | {"own": view.ref.code if view.ref else ""}
    lon, lat, count = fetch_one(connection, Prepared.of(statement, bound))
    return Spots(_integers(lon) / 1e5, _integers(lat) / 1e5, _integers(count))


def mask(connection: Connection, ref: TerritoryRef | None) -> str:
    """Everything but a territory, as a GeoJSON geometry, EPSG:4326."""
    which = "level = :level AND code = :code" if ref else "level = 'region'"
    bound = {"level": str(ref.level), "code": ref.code} if ref else {}
    zoom = 10 if ref and ref.level in (Level.COMMUNE, Level.EPCI) else 8 if ref else 6
    statement = fill(MASK, {"which": which, "zoom": str(zoom)})
    return str(connection.execute(text(statement), bound).scalar_one())


def outlines_mvt(connection: Connection, tile: Tile, level: Level) -> bytes:
    """All territories of a level that a tile meets, at any zoom, with their code alone."""
    layer = Layer("areas", level, 0, ("code",))
    numbers = {"z": str(tile.z), "x": str(tile.x), "y": str(tile.y)}
    sizes = {"extent": str(EXTENT), "buffer": str(BUFFER)}
    statement = fill(OUTLINES, {"shown": shown(layer, tile)} | numbers | sizes)
    return bytes(connection.exec_driver_sql(statement).scalar_one())


@dataclass(frozen=True, slots=True)
class _Where:
    """A condition of ours on `territory`, its values, and the territory that holds them all."""

    condition: str
    values: dict[str, Any]
    inside: TerritoryRef | None


_FRANCE = _Where("true", {}, None)


def _within(view: View) -> _Where:
    """A commune is shown among those of its EPCI, or of its département where it has none."""
    ref, by = view.ref, view.by
    if ref is None:
        return _FRANCE
    if ref.level is not by:
        return _Where(f"{ref.level} = %(own)s", {"own": ref.code}, _holding(ref, by))
    return _Where(SISTERS, {"own": ref.code}, None)


def _holding(ref: TerritoryRef, by: Level) -> TerritoryRef | None:
    """An EPCI may reach beyond the département or région that it is counted in."""
    return None if by is Level.EPCI else ref


def _areas(
    connection: Connection, scope: Scope, level: str, where: _Where, wanted: Slices
) -> Areas:
    parts, values = _parts(scope, level, wanted, where.inside, few=where is not _FRANCE)
    area = COUNTRY_AREA if level == COUNTRY else fill(AREA, {"which": where.condition})
    statement = fill(COLUMNS, {"area": area, "parts": " UNION ALL ".join(parts), "level": level})
    bound = _values(scope) | values | where.values
    codes, *columns = fetch_one(connection, Prepared.of(statement, bound))
    population, initiatives, supporters, recent, before = map(_integers, columns)
    known = tuple(codes.split(",")) if codes else ()
    return Areas(known, population, initiatives, supporters, recent, before)


def _integers(packed: bytes | None) -> Counts:
    return np.frombuffer(packed or b"", ">i8").astype(np.int64)


def _values(scope: Scope) -> dict[str, Any]:
    return {
        "themes": [str(theme) for theme in scope.themes or (ALL_THEMES,)],
        "statuses": [str(status) for status in scope.statuses],
    }


def _parts(
    scope: Scope, level: str, wanted: Slices, inside: TerritoryRef | None, *, few: bool
) -> tuple[list[str], dict[str, Any]]:
    """A SELECT of `code` and the four sums for each slice; kept ones have two, base and deltas."""
    parts: list[str] = []
    values: dict[str, Any] = {}
    for number, part in enumerate(wanted):
        start, end = f"start_{number}", f"end_{number}"
        values |= {start: part.start, end: part.end}
        if isinstance(part, Months):
            made = _kept(scope, level, part, start, end, few=few)
        else:
            values["inside"] = inside.code if inside else ""
            made = [_counted(scope, level, part, start, end, inside)]
        parts += made
    return parts, {name: value for name, value in values.items() if value is not None}


def _kept(scope: Scope, level: str, part: Months, start: str, end: str, *, few: bool) -> list[str]:
    bounds = [f"month >= CAST(%({start})s AS date)"] if part.start else []
    bounds += [f"month < CAST(%({end})s AS date)"] if part.end else []
    among = "code = ANY(ARRAY(SELECT code FROM area))"
    base = [*bounds, "month > '-infinity'"] if bounds else ["month = '-infinity'"]
    texts = {
        "level": level,
        "place": _place(level),
        "sums": _sums(part.count, part.sign),
        "months": " AND ".join([*base, among] if few else base),
        "fresh_months": " AND ".join([*bounds, _fresh_themes(scope)]),
    }
    return [fill(KEPT, texts), fill(FRESH, texts)]


def _counted(
    scope: Scope,
    level: str,
    part: Part,
    start: str,
    end: str,
    inside: TerritoryRef | None,
) -> str:
    texts = {
        "place": _place(level),
        "sums": _columns("0", "0", f"{part.recent} * count(*)", f"{part.before} * count(*)"),
        "start": start,
        "end": end,
        "themes": _themes(scope, "initiative"),
        "inside": f"{inside.level} = %(inside)s" if inside else "true",
    }
    return fill(COUNTED, texts)


def _sums(count: Count, sign: int) -> str:
    """The columns of a slice: initiatives and supporters of the period, recent, before."""
    minus = "-" if sign < 0 else ""
    signed, zero = f"{minus}initiatives", "0"
    if count is Count.RECENT:
        return _columns(zero, zero, signed, zero)
    if count is Count.BEFORE:
        return _columns(zero, zero, zero, signed)
    return _columns(signed, f"{minus}supporters", zero, zero)


def _columns(*terms: str) -> str:
    pairs = zip(terms, COLUMN_TYPES, strict=True)
    return ", ".join(f"CAST({term} AS {kind}) AS {name}" for term, (name, kind) in pairs)


def _by_commune(view: View, first: date | None, *, few: bool) -> tuple[str, dict[str, Any]]:
    """SQL of `code, initiatives` over the period, by commune; `few`: of those in `area` alone."""
    scope = view.scope
    wanted = period(scope.since, scope.until, view.now.date(), first)
    parts, values = _parts(scope, "commune", wanted, None, few=few)
    statement = fill(
        "SELECT code, sum(initiatives) AS initiatives FROM ({parts}) AS part GROUP BY code",
        {"parts": " UNION ALL ".join(parts)},
    )
    return statement, values | _values(scope)


def _last_month(scope: Scope, level: str, codes: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """SQL of `code, month` of those that have one.

    A few are looked up one by one; of many, their months are read through.
    """
    bounds, values = _bounds(scope)
    texts = {
        "level": level,
        "place": _place(level),
        "bounds": " AND ".join(bounds) or "true",
        "fresh": _fresh_themes(scope),
    }
    few = FEW * len(codes) <= HOW_MANY[level]
    asked = {
        "untouched": UNTOUCHED_FEW if few else UNTOUCHED_MANY,
        "among": "code = ANY(%(codes)s)" if few else "true",
        "fresh_among": "{place} = ANY(%(codes)s)" if few else "true",
    }
    return fill(fill(LAST_MONTH, asked), texts), values | _values(scope)


def _lively(scope: Scope) -> tuple[str, dict[str, Any]]:
    """SQL of `code`: communes that hold something in the period."""
    bounds, values = _bounds(scope)
    whole = "month = '-infinity'" if not bounds else " AND ".join([*bounds, "month > '-infinity'"])
    texts = {
        "base_months": whole,
        "bounds": " AND ".join(bounds) or "true",
        "fresh": _fresh_themes(scope),
    }
    return fill(LIVELY, texts), values | _values(scope)


def _bounds(scope: Scope) -> tuple[list[str], dict[str, Any]]:
    """Conditions on `month` that it lies in the period."""
    bounds, values = [], {}
    if scope.since:
        bounds.append("month >= CAST(%(since)s AS date)")
        values["since"] = scope.since
    if scope.until:
        bounds.append("month < CAST(%(until)s AS date)")
        values["until"] = scope.until
    return bounds, values


def _joined(view: View) -> str:
    """Which communes tell of a view: those in its parts, and those in the whole."""
    if view.by is Level.EPCI:
        return f"({_inside(view.ref)} OR epci = ANY(%(codes)s))"
    return _inside(view.ref)


def _inside(ref: TerritoryRef | None) -> str:
    """The condition on communes that they lie in a territory."""
    if ref is None:
        return "true"
    return f"{'code' if ref.level is Level.COMMUNE else ref.level} = %(own)s"


def _place(level: str) -> str:
    return "'FR'" if level == COUNTRY else level


def _own_column(level: str) -> str:
    return "true" if level == COUNTRY else f"initiative.{level} = known.code"


def _themes(scope: Scope, table: str) -> str:
    return f"{table}.theme = ANY(%(themes)s)" if scope.themes else "true"


def _fresh_themes(scope: Scope) -> str:
    return "theme = ANY(%(themes)s)" if scope.themes else "true"


# PostgreSQL sums these much faster than bigint; floats are exact up to 2^53.
COLUMN_TYPES = (
    ("initiatives", "integer"),
    ("supporters", "float8"),
    ("recent", "integer"),
    ("before", "integer"),
)

FIRST_MONTH = """
SELECT min(month)
  FROM (SELECT min(month) AS month FROM rollup
         WHERE level = 'country' AND code = 'FR' AND month > '-infinity'
         UNION ALL
        SELECT min(month) FROM rollup_delta) AS either"""

AREA = "SELECT code, population FROM territory WHERE level = '{level}' AND ({which})"
COUNTRY_AREA = """
    SELECT 'FR' AS code, sum(population) AS population FROM territory WHERE level = 'region'"""

SISTERS = """CASE
        WHEN (SELECT epci FROM territory WHERE level = 'commune' AND code = %(own)s) IS NULL
        THEN departement =
             (SELECT departement FROM territory WHERE level = 'commune' AND code = %(own)s)
        ELSE epci = (SELECT epci FROM territory WHERE level = 'commune' AND code = %(own)s)
    END"""

COLUMNS = """
WITH area AS MATERIALIZED ({area}), counted AS (
    SELECT code, sum(initiatives) AS initiatives, sum(supporters) AS supporters,
           sum(recent) AS recent, sum(before) AS before
      FROM ({parts}) AS part
     GROUP BY code
)
SELECT string_agg(code, ',' ORDER BY code),
       string_agg(int8send(population), '' ORDER BY code),
       string_agg(int8send(coalesce(initiatives, 0)::bigint), '' ORDER BY code),
       string_agg(int8send(coalesce(supporters, 0)::bigint), '' ORDER BY code),
       string_agg(int8send(coalesce(recent, 0)::bigint), '' ORDER BY code),
       string_agg(int8send(coalesce(before, 0)::bigint), '' ORDER BY code)
  FROM (SELECT * FROM area LEFT JOIN counted USING (code) ORDER BY code) AS figure"""

KEPT = """
    SELECT code, {sums}
      FROM rollup
     WHERE level = '{level}' AND theme = ANY(%(themes)s) AND status = ANY(%(statuses)s)
       AND {months}"""

FRESH = """
    SELECT {place} AS code, {sums}
      FROM rollup_delta
     WHERE status = ANY(%(statuses)s) AND {place} IS NOT NULL AND {fresh_months}"""

COUNTED = """
    SELECT {place} AS code, {sums}
      FROM initiative
     WHERE created_at >= %({start})s AND created_at < %({end})s AND {inside}
       AND status = ANY(%(statuses)s) AND {themes} AND {place} IS NOT NULL
     GROUP BY 1"""

# Communes where nobody lives cannot be silent.
SILENT = """
WITH area AS MATERIALIZED (
    SELECT code, {part} AS part, {inside} AS inside
      FROM territory WHERE level = 'commune' AND population > 0 AND {joined}
), found AS MATERIALIZED (
    SELECT part, inside, lively.code IS NULL AS silent
      FROM area LEFT JOIN ({lively}) AS lively USING (code)
), by_part AS (
    SELECT part, count(*) AS communes, count(*) FILTER (WHERE silent) AS silent
      FROM found GROUP BY part
)
SELECT string_agg(int8send(coalesce(communes, 0)), '' ORDER BY place),
       string_agg(int8send(coalesce(silent, 0)), '' ORDER BY place),
       (SELECT int8send(count(*)) FROM found WHERE inside),
       (SELECT int8send(count(*)) FROM found WHERE inside AND silent)
  FROM unnest(CAST(%(codes)s AS text[])) WITH ORDINALITY AS asked (part, place)
  LEFT JOIN by_part USING (part)"""

# Compaction leaves no row without an initiative: a row that is there holds some. So the index alone
# tells of all that nothing was added to since; the others are summed up.
LIVELY = """
    SELECT DISTINCT code
      FROM rollup
     WHERE level = 'commune' AND theme = ANY(%(themes)s) AND status = ANY(%(statuses)s)
       AND {base_months}
       AND code NOT IN (SELECT commune FROM rollup_delta WHERE commune IS NOT NULL)
     UNION ALL
    SELECT code
      FROM (SELECT code, initiatives
              FROM rollup
             WHERE level = 'commune' AND theme = ANY(%(themes)s) AND status = ANY(%(statuses)s)
               AND {base_months}
               AND code IN (SELECT commune FROM rollup_delta WHERE commune IS NOT NULL)
             UNION ALL
            SELECT commune, initiatives
              FROM rollup_delta
             WHERE commune IS NOT NULL AND status = ANY(%(statuses)s) AND {bounds} AND {fresh}
           ) AS changed
     GROUP BY code
    HAVING sum(initiatives) > 0"""

UNTOUCHED_MANY = """
            SELECT code, month
              FROM rollup
             WHERE level = '{level}' AND theme = ANY(%(themes)s) AND status = ANY(%(statuses)s)
               AND month > '-infinity' AND {bounds}
               AND code NOT IN (SELECT {place} FROM rollup_delta WHERE {place} IS NOT NULL)"""
UNTOUCHED_FEW = """
            SELECT asked.code, own.month
              FROM unnest(CAST(%(codes)s AS text[])) AS asked (code)
             CROSS JOIN LATERAL (
                   SELECT max(month) AS month
                     FROM rollup
                    WHERE level = '{level}' AND rollup.code = asked.code
                      AND theme = ANY(%(themes)s) AND status = ANY(%(statuses)s)
                      AND month > '-infinity' AND {bounds}) AS own
             WHERE asked.code NOT IN (SELECT {place} FROM rollup_delta WHERE {place} IS NOT NULL)"""

LAST_MONTH = """
    SELECT code, max(month) AS month
      FROM ({untouched}
             UNION ALL
            SELECT code, month
              FROM (SELECT code, month, initiatives
                      FROM rollup
                     WHERE level = '{level}' AND theme = ANY(%(themes)s)
                       AND status = ANY(%(statuses)s) AND month > '-infinity' AND {bounds}
                       AND {among}
                       AND code IN (SELECT {place} FROM rollup_delta WHERE {place} IS NOT NULL)
                     UNION ALL
                    SELECT {place}, month, initiatives
                      FROM rollup_delta
                     WHERE status = ANY(%(statuses)s) AND {bounds} AND {fresh}
                       AND {place} IS NOT NULL AND {fresh_among}) AS changed
             GROUP BY code, month
            HAVING sum(initiatives) > 0) AS held
     WHERE month IS NOT NULL AND {among}
     GROUP BY code"""

LAST_MONTHS = """
SELECT string_agg(int8send(coalesce(
           CAST(extract(year FROM month) * 12 + extract(month FROM month) - 1 AS bigint), -1)),
           '' ORDER BY place)
  FROM unnest(CAST(%(codes)s AS text[])) WITH ORDINALITY AS asked (code, place)
  LEFT JOIN ({months}) AS known USING (code)"""

LAST_DAYS = """
SELECT code, latest.created_at
  FROM ({months}) AS known
 CROSS JOIN LATERAL (
       SELECT created_at
         FROM initiative
        WHERE {own} AND initiative.created_at >= known.month AT TIME ZONE 'UTC'
          AND initiative.created_at < (known.month + interval '1 month') AT TIME ZONE 'UTC'
          AND status = ANY(%(statuses)s) AND {themes}
        ORDER BY created_at DESC LIMIT 1) AS latest"""

SERIES = """
SELECT month, CAST(sum(initiatives) AS bigint), CAST(sum(supporters) AS bigint)
  FROM (SELECT month, initiatives, supporters
          FROM rollup
         WHERE level = '{level}' AND code = %(code)s AND theme = ANY(%(themes)s)
           AND status = ANY(%(statuses)s) AND month > '-infinity'
         UNION ALL
        SELECT month, initiatives, supporters
          FROM rollup_delta
         WHERE {place} = %(code)s AND status = ANY(%(statuses)s) AND {fresh}) AS kept
 GROUP BY month
 ORDER BY month"""

NAMES = """
SELECT code, name
  FROM unnest(CAST(:codes AS text[])) WITH ORDINALITY AS asked (code, place)
  JOIN territory USING (code)
 WHERE level = :level
 ORDER BY place"""
NAMES_PLACED = NAMES.replace("code, name", "name, place").replace("\n ORDER BY place", "")

WIDE_NAMES = """
SELECT level, code, name
  FROM territory
 WHERE level IN ('region', 'departement')
 ORDER BY level DESC, unaccent(name)"""

SPOTS = """
WITH area AS MATERIALIZED (
    SELECT code, point FROM territory WHERE level = 'commune' AND {inside}
)
SELECT string_agg(int8send(CAST(ST_X(point) * 100000 AS bigint)), '' ORDER BY code),
       string_agg(int8send(CAST(ST_Y(point) * 100000 AS bigint)), '' ORDER BY code),
       string_agg(int8send(CAST(initiatives AS bigint)), '' ORDER BY code)
  FROM area JOIN ({counted}) AS counted USING (code)
 WHERE initiatives > 0"""

# The world as far as maps show it, less the outline; régions, a coverage, are joined as one.
MASK = """
SELECT ST_AsGeoJSON(ST_Difference(
           ST_MakeEnvelope(-180, -85, 180, 85, 4326),
           ST_Transform(ST_UnaryUnion(ST_Collect(geom)), 4326)), 4)
  FROM territory_outline
 WHERE {which} AND zoom = {zoom}"""

OUTLINES = """
SELECT ST_AsMVT(feature, 'areas', {extent}, 'geom')
  FROM (SELECT code,
               ST_AsMVTGeom(outline, ST_TileEnvelope({z}, {x}, {y}), {extent}, {buffer}, true)
                   AS geom
          FROM ({shown}) AS shown) AS feature
 WHERE geom IS NOT NULL"""
