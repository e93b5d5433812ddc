"""Figures of many territories in one statement: kept months, and parts of months from the base.

A statement sees one moment, so that what is kept, what changed since and what is counted singly
agree. Columns leave PostgreSQL as bytes, one value after the other: 34,875 communes are read as
fast as ten régions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from mapservice.activity.model import Scope
from mapservice.coordination import statements, summing
from mapservice.coordination.classes import Floats
from mapservice.coordination.expected import Counts
from mapservice.coordination.model import Areas, View
from mapservice.coordination.summing import COUNTRY, COUNTS, EVERY, SHARES, WINDOWS, Among, Values
from mapservice.coordination.windows import Slices, month_of, months_between, period, slices
from mapservice.db.text import Prepared, fetch_one, fill
from mapservice.territories.kept import kept_of
from mapservice.territories.model import Level, TerritoryRef

# The bounds of a period that has none.
EVER = "true"


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


def areas(
    connection: Connection,
    view: View,
    first: date | None,
    *,
    dated: bool = True,
    shares: bool = True,
) -> Areas:
    """The territories that a view divides its territory into, zeros included.

    Without `dated` the two windows of 90 days are left out, which `Areas.dated` says; without
    `shares` who is local.
    """
    scope = view.scope
    wanted = slices(scope.since, scope.until, view.now, first)
    if not dated:
        wanted = period(scope.since, scope.until, view.now.date(), first)
    fields = (*COUNTS, *(WINDOWS if dated else ()), *(SHARES if shares else ()))
    if view.ref is None:
        return _areas_of_all(connection, scope, str(view.by), wanted, fields)
    return _areas(connection, scope, _within(view), wanted, fields)


def some(connection: Connection, view: View, codes: Sequence[str], first: date | None) -> Areas:
    """Those with these codes, by code, with all figures."""
    among = Among(str(view.by), "code = ANY(%(some)s)", {"some": list(codes)})
    wanted = slices(view.scope.since, view.scope.until, view.now, first)
    return _areas(connection, view.scope, among, wanted, EVERY)


def own(connection: Connection, view: View, first: date | None) -> Areas:
    """The territory itself: what is known of it no better than by its name counts here too."""
    wanted = slices(view.scope.since, view.scope.until, view.now, first)
    among = Among(COUNTRY, "true", {}, few=False)
    if view.ref is not None:
        among = Among(str(view.ref.level), "code = %(own)s", {"own": view.ref.code}, view.ref)
    return _areas(connection, view.scope, among, wanted, EVERY)


def first_month(connection: Connection) -> date | None:
    """The earliest month that holds an initiative, whatever its status."""
    found = connection.execute(text(statements.FIRST_MONTH)).scalar_one()
    return found if found is None else month_of(found)


def silent(connection: Connection, view: View, codes: Sequence[str]) -> Silent:
    """By part, in the order of `codes`, and in the whole."""
    lively, values = _lively(view.scope)
    part = "code" if view.by is Level.COMMUNE else str(view.by)
    inside = summing.inside(view.ref)
    # Parts that are EPCI may reach beyond the whole.
    joined = f"({inside} OR epci = ANY(%(codes)s))" if view.by is Level.EPCI else inside
    texts = {"lively": lively, "part": part, "inside": inside, "joined": joined}
    bound = values | {"own": view.ref.code if view.ref else "", "codes": list(codes)}
    row = fetch_one(connection, Prepared.of(fill(statements.SILENT, texts), bound))
    return Silent(*map(integers, row))


def areas_and_last(connection: Connection, view: View) -> Areas:
    """The parts of all France, as `areas` has them, with the months since their last initiative."""
    among = _within(view)
    texts, values = _month_texts(view.scope, among.level, few=False)
    kept = texts["bounds"] == EVER
    texts |= {
        "changed": statements.CHANGED,
        "last": "last" if kept else "month",
        "months": "month = '-infinity'" if kept else "month > '-infinity' AND {bounds}",
        "number": statements.MONTH_NUMBER,
    }
    statement = fill(fill(statements.COLUMNS_AND_LAST, texts), texts)
    level = _all_of(connection, among.level)
    codes, *columns = fetch_one(connection, Prepared.of(statement, values))
    initiatives, supporters, numbers = level.placed(codes, columns, (0, 0, -1))
    nothing = np.zeros(len(level.codes), np.int64)
    return Areas(
        level.codes,
        level.population,
        initiatives,
        supporters,
        nothing,
        nothing,
        dated=False,
        months=_months_since(view, numbers),
    )


def last_months(connection: Connection, view: View, codes: Sequence[str]) -> Floats:
    """How many months lie between the last initiative of each part and the view's end.

    `codes` are those of all parts, in order; NaN for none.
    """
    among = _within(view)
    if not among.few:
        months = areas_and_last(connection, view).months
        assert months is not None, "it has them"
        return months
    made, values = _last_month(view.scope, among.level)
    area = fill(statements.AREA, {"level": among.level, "which": among.condition})
    texts = {"months": made, "area": area, "number": statements.MONTH_NUMBER}
    statement = Prepared.of(
        fill(statements.LAST_MONTHS, texts), values | among.values | {"codes": list(codes)}
    )
    return _months_since(view, integers(fetch_one(connection, statement)[0]))


def _months_since(view: View, numbers: Counts) -> Floats:
    """A month counts from its first day: the present one is 0."""
    end = view.end.year * 12 + view.end.month - 1 - (1 if view.scope.until else 0)
    months: Floats = np.where(numbers < 0, np.nan, np.maximum(end - numbers, 0).astype(float))
    return months


def last_days(
    connection: Connection, scope: Scope, level: str, codes: Sequence[str]
) -> dict[str, datetime]:
    """The exact moment of the last initiative of each; those without one are left out.

    Kept months tell where to look, so that each is one step in an index.
    """
    months, values = _last_month(scope, level)
    column = "true" if level == COUNTRY else f"initiative.{level} = known.code"
    texts = {"months": months, "themes": summing.themes(scope, "initiative"), "own": column}
    statement = fill(statements.LAST_DAYS, texts)
    rows = connection.exec_driver_sql(statement, values | {"codes": list(codes)})
    return {code: moment for code, moment in rows if moment is not None}


def series(connection: Connection, view: View, first: date | None) -> list[MonthCount]:
    """New initiatives by month, from the first one of all to the present, zeros included.

    Themes and statuses restrict it, the period does not: a reader sees what lies about it.
    """
    level, code = (str(view.ref.level), view.ref.code) if view.ref else (COUNTRY, "FR")
    texts = {
        "level": level,
        "place": summing.place(level),
        "fresh": summing.fresh_themes(view.scope),
    }
    values = summing.scope_values(view.scope) | {"code": code}
    rows = connection.exec_driver_sql(fill(statements.SERIES, texts), values)
    found = {month: (initiatives, supporters) for month, initiatives, supporters in rows}
    start = min([*found, first or view.now.date().replace(day=1)])
    last = max([*found, month_of(view.now.date())])
    months = [*months_between(start, last), last]
    return [MonthCount(month, *found.get(month, (0, 0))) for month in months]


def names(connection: Connection, level: Level, codes: Sequence[str]) -> list[Name]:
    """In the order of the codes."""
    bound = {"level": str(level), "codes": list(codes)}
    rows = connection.execute(text(statements.NAMES), bound)
    return [Name(*row) for row in rows]


def wide_names(connection: Connection) -> list[tuple[Level, str, str]]:
    """Level, code and name of every région and département, by name."""
    rows = connection.execute(text(statements.WIDE_NAMES))
    return [(Level(level), code, name) for level, code, name in rows]


def name_list(connection: Connection, level: Level, codes: Sequence[str]) -> list[str]:
    """Names alone, in the order of the codes: for thousands. A code gone meanwhile names itself."""
    known, named = connection.execute(text(statements.ALL_NAMES), {"level": str(level)}).one()
    by_code = dict(zip(known.split("\x1f"), named.split("\x1f"), strict=True)) if known else {}
    return [by_code.get(code, code) for code in codes]


def integers(packed: bytes | None) -> Counts:
    """A column as it leaves PostgreSQL."""
    return np.frombuffer(packed or b"", ">i8").astype(np.int64)


def _within(view: View) -> Among:
    """A commune is shown among those of its EPCI, or of its département where it has none."""
    ref, by = view.ref, view.by
    if ref is None:
        return Among(str(by), "true", {}, few=False)
    if ref.level is not by:
        return Among(str(by), f"{ref.level} = %(own)s", {"own": ref.code}, _holding(ref, by))
    return Among(str(by), statements.SISTERS, {"own": ref.code})


def _holding(ref: TerritoryRef, by: Level) -> TerritoryRef | None:
    """An EPCI may reach beyond the département or région that it is counted in."""
    return None if by is Level.EPCI else ref


def _areas(
    connection: Connection, scope: Scope, among: Among, wanted: Slices, fields: tuple[str, ...]
) -> Areas:
    parts, values = summing.parts(scope, among, wanted, fields)
    area = fill(statements.AREA, {"which": among.condition})
    texts = {
        "area": statements.COUNTRY_AREA if among.level == COUNTRY else area,
        "parts": parts,
        "sums": ", ".join(f"sum({field}) AS {field}" for field in fields),
        "told": "".join(fill(statements.COLUMN, {"field": field}) for field in fields),
        "level": among.level,
    }
    statement = Prepared.of(fill(statements.COLUMNS, texts), values | among.values)
    codes, population, *columns = fetch_one(connection, statement)
    known = tuple(codes.split(",")) if codes else ()
    found = dict(zip(fields, map(integers, columns), strict=True))
    return _as_areas(known, integers(population), found)


def _areas_of_all(
    connection: Connection, scope: Scope, level: str, wanted: Slices, fields: tuple[str, ...]
) -> Areas:
    """Those of a whole level, of which territories alone know how many there are."""
    parts, values = summing.parts(scope, Among(level, "true", {}, few=False), wanted, fields)
    texts = {
        "parts": parts,
        "sums": ", ".join(f"sum({field}) AS {field}" for field in fields),
        "told": "".join(fill(statements.COLUMN_OF_ALL, {"field": field}) for field in fields),
    }
    all_of = _all_of(connection, level)
    statement = Prepared.of(fill(statements.COLUMNS_OF_ALL, texts), values)
    codes, *columns = fetch_one(connection, statement)
    placed = all_of.placed(codes, columns, (0,) * len(fields))
    return _as_areas(all_of.codes, all_of.population, dict(zip(fields, placed, strict=True)))


def _as_areas(codes: tuple[str, ...], population: Counts, found: Mapping[str, Counts]) -> Areas:
    nothing = np.zeros(len(codes), np.int64)
    return Areas(
        codes,
        population,
        found["initiatives"],
        found["supporters"],
        found.get("recent", nothing),
        found.get("before", nothing),
        found.get("told"),
        found.get("local"),
        dated="recent" in found,
    )


@dataclass(frozen=True, eq=False)
class _Level:
    """All territories of a level: their codes in order, and where each stands."""

    codes: tuple[str, ...]
    population: Counts
    places: Mapping[str, int]

    def placed(
        self, codes: str | None, columns: Sequence[bytes | None], empty: Sequence[int]
    ) -> list[Counts]:
        """Columns of some codes as columns of all; a code that is new waits for the next look."""
        given = codes.split(",") if codes else []
        at = np.fromiter((self.places.get(code, -1) for code in given), np.int64, len(given))
        known = at >= 0
        whole = [np.full(len(self.codes), one, np.int64) for one in empty]
        for column, packed in zip(whole, columns, strict=True):
            column[at[known]] = integers(packed)[known]
        return whole


def _all_of(connection: Connection, level: str) -> _Level:
    return kept_of(connection).get(
        connection, (__name__, level), lambda asked: _read_level(asked, level)
    )


def _read_level(connection: Connection, level: str) -> _Level:
    row = connection.execute(text(statements.ALL_OF_LEVEL), {"level": level}).one()
    codes = tuple(row[0].split(",")) if row[0] else ()
    places = {code: place for place, code in enumerate(codes)}
    return _Level(codes, integers(row[1]), places)


def _last_month(scope: Scope, level: str) -> tuple[str, Values]:
    """SQL of `code, month` of those of `codes` that have one, looked up one by one."""
    texts, values = _month_texts(scope, level, few=True)
    texts |= {"untouched": statements.UNTOUCHED, "changed": statements.CHANGED}
    return fill(fill(statements.LAST_MONTH, texts), texts), values


def _month_texts(scope: Scope, level: str, *, few: bool) -> tuple[dict[str, str], Values]:
    """What is filled into SQL that looks at months, and its values."""
    bounds, values = summing.bounds_of(scope)
    place = summing.place(level)
    texts = {
        "level": level,
        "place": place,
        "bounds": " AND ".join(bounds) or EVER,
        "fresh": summing.fresh_themes(scope),
        "fresh_among": f"{place} = ANY(%(codes)s)" if few else "true",
    }
    return texts, values | summing.scope_values(scope)


def _lively(scope: Scope) -> tuple[str, dict[str, Any]]:
    """SQL of `code`: communes that hold something in the period."""
    bounds, values = summing.bounds_of(scope)
    whole = "month = '-infinity'" if not bounds else " AND ".join([*bounds, "month > '-infinity'"])
    texts = {
        "base_months": whole,
        "bounds": " AND ".join(bounds) or "true",
        "fresh": summing.fresh_themes(scope),
    }
    return fill(statements.LIVELY, texts), values | summing.scope_values(scope)
