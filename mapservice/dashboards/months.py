"""Kept months, what changed since and parts of months, read for many territories in one statement.

A statement sees one moment, so that all of these agree. Numbers leave PostgreSQL side by side, as
bytes, and are added up here: 34,875 communes and all of their months are one row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from mapservice.dashboards import rollup_sql, statements
from mapservice.dashboards.expected import Counts
from mapservice.dashboards.territory_index import TerritoryIndex
from mapservice.dashboards.windows import PartialMonth
from mapservice.db.engine import PreparedSql, fetch_all, fill
from mapservice.initiatives.model import Theme
from mapservice.rollups.model import RollupScope

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
# Of what has no month, and the last one of who has none.
NO_MONTH = -1


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
        """The last month of each place, of those that the mask tells."""
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
            at, month = _holding(parts)
            known = at < self.size
            np.maximum.at(last, at[known], month[known])
        return last


def _holding(parts: Sequence[tuple[MonthEntries, NDArray[np.bool_]]]) -> tuple[Counts, Counts]:
    """Places and their months that hold something, all parts together, each as its mask says."""
    at = np.concatenate([one.at[mask] for one, mask in parts])
    month = np.concatenate([one.month[mask] for one, mask in parts]).astype(np.int64)
    numbers = [one.sign * one.columns["initiatives"][mask] for one, mask in parts]
    keys, of = np.unique(at * MONTHS + month, return_inverse=True)
    held = keys[np.bincount(of, np.concatenate(numbers), len(keys)) > 0]
    return held // MONTHS, held % MONTHS


def read(
    connection: Connection,
    scope: RollupScope,
    places: TerritoryIndex,
    names: Sequence[str],
    parts: Sequence[PartialMonth] = (),
    *,
    by_month: bool,
) -> MonthCounts:
    """The columns `names`, `initiatives` among them; of parts of months, initiatives alone."""
    texts, values = _texts(scope, places)
    sums = fill(statements.SUMS, {"columns": _columns(names, SENT)})
    months = fill(statements.KEPT, {"columns": _columns(names, AS_KEPT)})
    base = {
        "": months if by_month else fill(sums, {"month": "-infinity"}),
        " undated": fill(sums, {"month": "infinity"}),
    }
    selects = {}
    for kind, one in base.items():
        selects[f"kept{kind}"] = fill(one, {"kept_themes": "kept_themes"})
        if values["less_themes"]:
            selects[f"less{kind}"] = fill(one, {"kept_themes": "less_themes"})
    selects["fresh"] = fill(statements.FRESH, {"columns": _columns(names, SENT)})
    counted = fill(statements.COUNTED, {"columns": _columns(names, SENT, *COUNTED)})
    for number, part in enumerate(parts):
        start, end = f"start_{number}", f"end_{number}"
        values |= {start: part.start, end: part.end}
        selects[f"part {number}"] = fill(counted, {"start": start, "end": end})
    filled = [fill(one, texts | {"source": f"'{source}'"}) for source, one in selects.items()]
    rows = fetch_all(connection, PreparedSql.of(" UNION ALL ".join(filled), values))
    found = {source: _entries(places, names, *row) for source, *row in rows}
    moves, undated = [found["fresh"]], [found["kept undated"]]
    if "less" in found:
        moves.append(replace(found["less"], sign=-1))
        undated.append(replace(found["less undated"], sign=-1))
    singly = tuple(found[f"part {number}"] for number in range(len(parts)))
    return MonthCounts(len(places), found["kept"], tuple(moves), singly, tuple(undated), by_month)


def _themes(scope: RollupScope) -> tuple[list[str], list[str]]:
    """Which kept ones to add up, and which to take away: of most themes, all less the others.

    All together are as many rows as two or three themes.
    """
    others = [theme for theme in Theme if theme not in scope.themes]
    if not scope.themes or not others:
        return [rollup_sql.ALL_THEMES], []
    if len(others) + 2 < len(scope.themes):
        return [rollup_sql.ALL_THEMES], [str(theme) for theme in others]
    return [str(theme) for theme in scope.themes], []


def _texts(scope: RollupScope, places: TerritoryIndex) -> tuple[dict[str, str], rollup_sql.Values]:
    """What is filled into the statement, and its values."""
    level = str(places.level) if places.level else rollup_sql.COUNTRY
    place = rollup_sql.place(level)
    values = rollup_sql.scope_values(scope)
    values["kept_themes"], values["less_themes"] = _themes(scope)
    chosen, inside = {"kept": "true", "fresh": "true"}, "true"
    if not places.whole:
        chosen = {"kept": "code = ANY(%(codes)s)", "fresh": f"{place} = ANY(%(codes)s)"}
        inside = chosen["fresh"]
        values["codes"] = list(places.codes)
    if places.inside:
        inside = f"{places.inside.level} = %(inside)s"
        values["inside"] = places.inside.code
    texts = {
        "level": level,
        "place": place,
        "fresh_themes": rollup_sql.fresh_themes(scope),
        "themes": rollup_sql.themes(scope, "initiative"),
        "inside": inside,
    }
    return texts | chosen, values


def _columns(names: Sequence[str], template: str, *only: str) -> str:
    """A column for each, empty for those that are not known."""
    return "".join(
        fill(template, {"name": name, "send": TYPES[name][0]})
        if not only or name in only
        else LACKING
        for name in names
    )


def _entries(
    places: TerritoryIndex,
    names: Sequence[str],
    codes: str | None,
    lengths: bytes | None,
    months: bytes | None,
    *columns: bytes | None,
) -> MonthEntries:
    runs = places.positions(codes.split(",") if codes else (), len(places))
    found = {
        name: np.frombuffer(packed or b"", TYPES[name][1])
        for name, packed in zip(names, columns, strict=True)
    }
    sizes = np.ones(len(runs), np.int64) if lengths is None else _integers(lengths)
    month = np.full(len(found["initiatives"]), NO_MONTH) if months is None else _integers(months)
    return MonthEntries(runs, sizes, month, found)


def _integers(packed: bytes) -> Numbers:
    return np.frombuffer(packed, ">i4").astype(np.int32)
