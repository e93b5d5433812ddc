"""Every figure equals a recount from the base table, whatever was written, folded or filtered."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Connection, Engine, text

from mapservice.activity.model import Scope
from mapservice.coordination import queries, sheet
from mapservice.coordination.model import Areas, Figure, View
from mapservice.coordination.windows import WINDOW, moment, month_of
from mapservice.initiatives.model import LISTED, Status, Theme
from mapservice.territories.model import Level, TerritoryRef

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
ROWS = 400

INSERT = """
INSERT INTO initiative (title, theme, scale, status, created_at, updated_at, precision, commune,
                        departement, region, supporters)
VALUES ('Essai', :theme, 'commune', :status, :at, :at, :precision, :commune, :departement, :region,
        :supporters)"""

BRETAGNE = TerritoryRef(Level.REGION, "53")
ILLE_ET_VILAINE = TerritoryRef(Level.DEPARTEMENT, "35")
RENNES_METROPOLE = TerritoryRef(Level.EPCI, "243500139")
REDON = TerritoryRef(Level.EPCI, "243500741")  # reaches into three départements
RENNES = TerritoryRef(Level.COMMUNE, "35238")
VIEWS = [
    (None, Level.REGION),
    (None, Level.DEPARTEMENT),
    (None, Level.EPCI),
    (None, Level.COMMUNE),
    (BRETAGNE, Level.DEPARTEMENT),
    (BRETAGNE, Level.EPCI),
    (BRETAGNE, Level.COMMUNE),
    (ILLE_ET_VILAINE, Level.COMMUNE),
    (ILLE_ET_VILAINE, Level.EPCI),
    (RENNES_METROPOLE, Level.COMMUNE),
    (REDON, Level.COMMUNE),
    (RENNES, Level.COMMUNE),
]
# Each scope is one thing that a filter may do; the last does all.
SCOPES = [
    Scope(LISTED),
    Scope((Status.ARCHIVED,)),
    Scope(LISTED, themes=(Theme.CULTURE, Theme.MOBILITE)),
    Scope(LISTED, since=date(2026, 6, 1)),
    Scope(LISTED, until=date(2026, 9, 1)),
    Scope(LISTED, until=date(2025, 2, 1)),
    Scope(LISTED, themes=(Theme.HABITAT,), since=date(2025, 3, 1), until=date(2026, 10, 1)),
]


@dataclass(frozen=True)
class Base:
    """One row of the base table, as far as figures depend on it."""

    theme: str
    status: str
    created_at: datetime
    supporters: int
    commune: str | None
    epci: str | None
    departement: str | None
    region: str | None


@pytest.fixture
def written(engine: Engine) -> Iterator[Connection]:
    """Random initiatives: some folded into the rollups, some changed or removed since, some new."""
    chance = random.Random(2010)
    with engine.begin() as connection:
        places = connection.execute(
            text(
                "SELECT code FROM territory WHERE level = 'commune'"
                " AND (departement IN ('35', '56', '44') OR code IN ('75056', '97411', '2A004'))"
                " ORDER BY code"
            )
        )
        communes = [*chance.sample(list(places.scalars()), 60), "35238", "97411", "35236"]
        connection.execute(text(INSERT), [_row(chance, communes) for _ in range(ROWS)])
        connection.execute(text("SELECT rollup_compact()"))
    with engine.begin() as connection:
        ids = list(connection.execute(text("SELECT id FROM initiative ORDER BY id")).scalars())
        chance.shuffle(ids)
        for change, some in (
            ("DELETE FROM initiative", ids[:40]),
            ("UPDATE initiative SET status = 'archived'", ids[40:80]),
            ("UPDATE initiative SET commune = '35238', precision = 'commune'", ids[80:120]),
            ("UPDATE initiative SET supporters = supporters + 3", ids[120:160]),
        ):
            connection.execute(text(f"{change} WHERE id = ANY(:ids)"), {"ids": some})
        connection.execute(text(INSERT), [_row(chance, communes) for _ in range(60)])
    with engine.connect() as connection:
        yield connection


def _row(chance: random.Random, communes: list[str]) -> dict[str, object]:
    """Many of the last months, and some at the very edges of the windows."""
    edge = NOW - chance.choice([1, 2]) * WINDOW + timedelta(seconds=chance.choice([-1, 0, 1]))
    at = NOW - timedelta(days=chance.expovariate(1 / 200), seconds=chance.randrange(86_400))
    precision = chance.choice(["commune"] * 8 + ["departement", "region", "national"])
    return {
        "theme": chance.choice(list(Theme)),
        "status": chance.choice(["published"] * 4 + ["done", "done", "archived", "pending"]),
        "at": edge if chance.random() < 0.1 else at,
        "precision": precision,
        "commune": chance.choice(communes) if precision == "commune" else None,
        "departement": "35" if precision == "departement" else None,
        "region": "53" if precision == "region" else None,
        "supporters": chance.randrange(20),
    }


def base(connection: Connection, scope: Scope) -> list[Base]:
    """Rows of the statuses, themes and end of a scope; its start is for counts of the period."""
    names = "theme, status, created_at, supporters, commune, epci, departement, region"
    rows = [Base(*row) for row in connection.execute(text(f"SELECT {names} FROM initiative"))]
    end = moment(scope.until) if scope.until else datetime.max.replace(tzinfo=UTC)
    return [
        row
        for row in rows
        if row.status in scope.statuses
        and (not scope.themes or row.theme in scope.themes)
        and row.created_at < end
    ]


def recounted(rows: list[Base], scope: Scope, level: str, code: str) -> tuple[int, int, int, int]:
    """Initiatives, supporters, recent ones, and those of the 90 days before."""
    ours = [row for row in rows if level == "country" or getattr(row, level) == code]
    start = moment(scope.since) if scope.since else datetime.min.replace(tzinfo=UTC)
    held = [row for row in ours if row.created_at >= start]
    end = moment(scope.until) if scope.until else NOW
    recent = sum(row.created_at >= end - WINDOW for row in ours)
    before = sum(end - 2 * WINDOW <= row.created_at < end - WINDOW for row in ours)
    return len(held), sum(row.supporters for row in held), recent, before


def figures(areas: Areas) -> dict[str, tuple[int, int, int, int]]:
    columns = (areas.initiatives, areas.supporters, areas.recent, areas.before)
    numbers = zip(*(column.tolist() for column in columns), strict=True)
    return dict(zip(areas.codes, numbers, strict=True))


@pytest.mark.parametrize("scope", SCOPES)
def test_counts_and_windows(written: Connection, scope: Scope) -> None:
    rows = base(written, scope)
    first = queries.first_month(written)
    for ref, by in VIEWS:
        view = View(ref, by, scope, NOW)
        found = figures(queries.areas(written, view, first))
        active = {code for code in (getattr(row, by) for row in rows) if code in found}
        nothing = (0, 0, 0, 0)
        assert {code: told for code, told in found.items() if told != nothing} == {
            code: told for code in active if (told := recounted(rows, scope, by, code)) != nothing
        }
        level, code = (str(ref.level), ref.code) if ref else ("country", "FR")
        own = figures(queries.own(written, view, first))
        assert own == {code: recounted(rows, scope, level, code)}


@pytest.mark.parametrize("scope", SCOPES)
def test_silent_communes(written: Connection, scope: Scope) -> None:
    start = moment(scope.since) if scope.since else datetime.min.replace(tzinfo=UTC)
    lively = {row.commune for row in base(written, scope) if row.created_at >= start}
    communes = written.execute(
        text(
            "SELECT code, epci, departement, region FROM territory"
            " WHERE level = 'commune' AND population > 0"
        )
    ).all()
    for ref, by in VIEWS:
        if by is Level.COMMUNE:
            continue
        shown = sheet.sheet(written, View(ref, by, scope, NOW, Figure.SILENT))
        assert shown.areas.communes is not None
        assert shown.areas.silent is not None
        assert shown.own.communes is not None
        assert shown.own.silent is not None
        all_of = Counter(getattr(one, by) for one in communes)
        silent = Counter(getattr(one, by) for one in communes if one.code not in lively)
        codes = shown.areas.codes
        assert shown.areas.communes.tolist() == [all_of[code] for code in codes]
        assert shown.areas.silent.tolist() == [silent[code] for code in codes]
        whole = [one.code for one in communes if not ref or getattr(one, ref.level) == ref.code]
        told = shown.own.communes[0], shown.own.silent[0]
        assert told == (len(whole), sum(one not in lively for one in whole))


@pytest.mark.parametrize("scope", SCOPES)
def test_last_initiatives(written: Connection, scope: Scope) -> None:
    start = moment(scope.since) if scope.since else datetime.min.replace(tzinfo=UTC)
    rows = [row for row in base(written, scope) if row.created_at >= start]
    for ref, by in VIEWS:
        view = View(ref, by, scope, NOW)
        codes = queries.areas(written, view, None).codes
        known = frozenset(codes)
        latest: dict[str, datetime] = {}
        for row in rows:
            code = getattr(row, by)
            if code in known:
                latest[code] = max(latest.get(code, row.created_at), row.created_at)
        assert queries.last_days(written, scope, by, codes) == latest
        months = queries.last_months(written, view, by, codes)
        end = scope.until or date(2026, 12, 1)
        told = {code: ago for code, ago in zip(codes, months.tolist(), strict=True) if ago == ago}
        assert told == {
            code: max((end.year - at.year) * 12 + end.month - at.month - 1, 0)
            for code, at in latest.items()
        }


@pytest.mark.parametrize("scope", SCOPES)
def test_months(written: Connection, scope: Scope) -> None:
    every = replace(scope, since=None, until=None)
    rows = base(written, every)
    for ref in (None, BRETAGNE, REDON, RENNES):
        view = View(ref, Level.COMMUNE, scope, NOW)
        counts = queries.series(written, view, queries.first_month(written))
        ours = [row for row in rows if ref is None or getattr(row, ref.level) == ref.code]
        by_month: dict[date, list[Base]] = defaultdict(list)
        for row in ours:
            by_month[month_of(row.created_at.date())].append(row)
        for told in counts:
            held = by_month[told.month]
            assert told.initiatives == len(held)
            assert told.supporters == sum(row.supporters for row in held)
        assert sum(told.initiatives for told in counts) == len(ours)


def test_the_heat_of_a_period_is_that_of_its_communes(written: Connection) -> None:
    scope = SCOPES[3]
    view = View(BRETAGNE, Level.COMMUNE, scope, NOW)
    spots = queries.spots(written, view, queries.first_month(written))
    areas = queries.areas(written, view, queries.first_month(written))
    assert sorted(spots.count.tolist()) == sorted(areas.initiatives[areas.initiatives > 0].tolist())
    assert ((spots.lon > -5.2) & (spots.lon < -1.0)).all()
    assert np.all((spots.lat > 47.2) & (spots.lat < 49.0))
