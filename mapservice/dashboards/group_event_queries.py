"""Groups and events of a territory and of its parts, and where there is none of either."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from mapservice.dashboards import queries
from mapservice.dashboards.model import Counts, DashboardView
from mapservice.db.engine import fill
from mapservice.rollups import group_event_queries as counted
from mapservice.rollups.group_event_queries import GatheringCounts
from mapservice.rollups.model import COUNTRY
from mapservice.territories import epci_parts
from mapservice.territories.model import Level

CODES = "SELECT unnest(CAST(%(codes)s AS text[]))"
MADE_UP = """
SELECT EXISTS (SELECT FROM local_group WHERE source IN ('sample', 'generated'))
    OR EXISTS (SELECT FROM event_series WHERE source IN ('sample', 'generated'))"""
PACKED = """
  WITH place AS MATERIALIZED ({places})
SELECT string_agg(code, ','), {columns}
  FROM ({counts}) AS counted"""


@dataclass(frozen=True, eq=False)
class GatheringFigures:
    """Of territories of one level, ordered by code: how many groups and events there are in each.

    `population` is -1 where it is unknown, `year` the year it is of, 0 where there is not one.
    """

    codes: tuple[str, ...]
    population: Counts
    year: Counts
    groups: Counts
    events_coming: Counts
    events_past: Counts

    def without(self, figure: str) -> Counts:
        """Positions of those with inhabitants and none of that, the most inhabitants first."""
        none = np.flatnonzero((self.population > 0) & (getattr(self, figure) == 0))
        return none[np.argsort(-self.population[none], kind="stable")]


@dataclass(frozen=True, slots=True)
class GatheringRow:
    """One part of a territory; `population` None is unknown."""

    level: Level
    code: str
    name: str
    population: int | None
    counts: GatheringCounts

    @property
    def url(self) -> str:
        return f"/coordination/{self.level}/{self.code}"


@dataclass(frozen=True, slots=True)
class GatheringSilence:
    """How many parts have none of `figure`, and the most populous of them."""

    figure: str
    count: int
    rows: Sequence[GatheringRow]


@dataclass(frozen=True, slots=True)
class TerritoryGatherings:
    """What a page tells: `own` of the territory, `rows` of its most populous parts.

    `dormant` of its groups gave no sign for six months; `inhabited` parts are asked for silence.
    `made_up`: groups or events of a sample or a generator are counted somewhere in France.
    """

    own: GatheringCounts
    dormant: int
    parts: int
    years: tuple[int, ...]
    inhabited: int
    rows: Sequence[GatheringRow]
    silences: Sequence[GatheringSilence]
    made_up: bool


def figures(connection: Connection, view: DashboardView) -> GatheringFigures:
    """Of all parts of a view, noughts included; of an EPCI that straddles, its part."""
    where = queries.index_of_parts(queries.indexes(connection), view)
    places, values = "SELECT 1", dict[str, Any]()
    if where.parted is not None:
        assert view.ref is not None, "France has no parts of EPCI"
        inside, values = f"part.{view.ref.level} = %(within)s", {"within": view.ref.code}
        places = epci_parts.places(inside)
        counts, more = counted.part_counts(view.scope, view.now, inside, "place")
    else:
        among = "" if where.whole else CODES
        values = {} if where.whole else {"codes": list(where.codes)}
        counts, more = counted.counts_by_code(str(view.by), view.scope, view.now, among)
    sent = ", ".join(f"string_agg(int8send(CAST({one} AS bigint)), '')" for one in counted.COLUMNS)
    statement = fill(PACKED, {"places": places, "columns": sent, "counts": counts})
    codes, *packed = connection.exec_driver_sql(statement, values | more).one()
    # One entry more, for what is none of these territories.
    at = where.positions(codes.split(",") if codes else (), len(where))
    found: list[Counts] = []
    for column in packed:
        sums = np.zeros(len(where) + 1, np.int64)
        sums[at] = np.frombuffer(column or b"", ">i8")
        found.append(sums[:-1])
    return GatheringFigures(where.codes, where.population, where.year, *found)


def gatherings(
    connection: Connection, view: DashboardView, *, most_rows: int, first_rows: int, silent: int
) -> TerritoryGatherings:
    """All parts are rows up to `most_rows` of them, else the `first_rows` with most inhabitants."""
    found = figures(connection, view)
    level, code = (str(view.ref.level), view.ref.code) if view.ref else (COUNTRY, "FR")
    order = np.argsort(-found.population, kind="stable")
    shown = order if len(order) <= most_rows else order[:first_rows]
    quiet = {name: found.without(name) for name in ("groups", "events_coming")}
    rows = _rows(connection, view.by, found, shown)
    return TerritoryGatherings(
        own=counted.of_territory(connection, level, code, view.scope, view.now),
        dormant=counted.dormant(connection, level, code, view.scope, view.now),
        parts=len(found.codes),
        years=tuple(int(year) for year in np.unique(found.year[found.population >= 0])),
        inhabited=int((found.population > 0).sum()),
        rows=rows,
        silences=[
            GatheringSilence(name, len(at), _rows(connection, view.by, found, at[:silent]))
            for name, at in quiet.items()
        ],
        made_up=bool(connection.exec_driver_sql(MADE_UP).scalar_one()),
    )


def _rows(
    connection: Connection, level: Level, found: GatheringFigures, at: Counts
) -> list[GatheringRow]:
    codes = [found.codes[one] for one in at]
    names = {one.code: one.name for one in queries.names(connection, level, codes)}
    return [
        GatheringRow(
            level,
            code,
            names.get(code, code),
            None if found.population[one] < 0 else int(found.population[one]),
            GatheringCounts(*(int(getattr(found, name)[one]) for name in counted.COLUMNS)),
        )
        for code, one in zip(codes, at, strict=True)
    ]
