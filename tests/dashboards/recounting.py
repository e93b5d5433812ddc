"""Random writes of every kind, and a recount from the base tables of every figure that follows."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from random import Random
from typing import Any

from sqlalchemy import Connection, Row, text

from mapservice.dashboards import queries
from mapservice.dashboards.model import (
    WINDOW,
    AreaFigures,
    DashboardFigure,
    DashboardView,
    a_year_before,
    moment,
    month_of,
)
from mapservice.initiatives.filters import RollupScope
from mapservice.initiatives.model import LISTED, Status, Theme
from mapservice.territories.model import Level, TerritoryRef

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
Place = tuple[TerritoryRef | None, Level]
# A support of somebody: which of theirs counts, the least of them, and the commune told.
_Said = tuple[tuple[bool, bool, float, str], str | None]

# Each scope is one thing that a filter may do; the last does all.
SCOPES = [
    RollupScope(LISTED),
    RollupScope((Status.ARCHIVED,)),
    RollupScope(LISTED, themes=(Theme.CULTURE, Theme.MOBILITE)),
    RollupScope(LISTED, themes=tuple(theme for theme in Theme if theme is not Theme.MOBILITE)),
    RollupScope(LISTED, themes=tuple(Theme)[:6], until=date(2026, 9, 1)),
    RollupScope(LISTED, themes=tuple(Theme), since=date(2025, 3, 1)),
    RollupScope(LISTED, since=date(2026, 6, 1)),
    RollupScope(LISTED, since=date(2024, 3, 1)),
    RollupScope(LISTED, until=date(2026, 9, 1)),
    RollupScope(LISTED, until=date(2025, 2, 1)),
    RollupScope(LISTED, themes=(Theme.HABITAT,), since=date(2025, 3, 1), until=date(2026, 10, 1)),
]

INSERT = """
INSERT INTO initiative (title, theme, scale, status, created_at, updated_at, precision, commune,
                        epci, departement, region, source_supporters)
VALUES ('Essai', :theme, 'commune', :status, :at, :at, :precision, :commune, :epci, :departement,
        :region, :source_supporters)"""
PERSON = """
INSERT INTO person (email, email_key, confirmed_at)
SELECT address, address, now()
  FROM generate_series(1, :people) AS number
 CROSS JOIN LATERAL (VALUES (number || '@example.org')) AS one (address)
RETURNING id"""
SUPPORT = """
INSERT INTO support (initiative, person, commune, confirmed_at)
VALUES (:initiative, :person, :commune, :at) ON CONFLICT DO NOTHING"""
MERGE = "INSERT INTO merge (initiative, target) VALUES (:initiative, :target)"

# What happens to some of them; `initiatives` and `supports` are ids.
CHANGES = (
    "DELETE FROM initiative WHERE id = ANY(:initiatives)",
    "UPDATE initiative SET status = 'archived' WHERE id = ANY(:initiatives)",
    "UPDATE initiative SET precision = 'commune', commune = :home WHERE id = ANY(:initiatives)",
    "UPDATE initiative SET precision = 'none', commune = NULL WHERE id = ANY(:initiatives)",
    "UPDATE initiative SET source_supporters = source_supporters + 3 WHERE id = ANY(:initiatives)",
    "UPDATE support SET withdrawn_at = now(), commune = NULL WHERE id = ANY(:supports)",
    "UPDATE support SET held_at = now() WHERE id = ANY(:supports)",
    "UPDATE support SET commune = :home WHERE id = ANY(:supports)",
    "UPDATE support SET held_at = NULL WHERE held_at IS NOT NULL AND random() < 0.4",
    "DELETE FROM support WHERE person IN (SELECT person FROM support WHERE id = ANY(:supports))",
    "DELETE FROM support WHERE id = ANY(:supports)",
    "UPDATE initiative SET created_at = NULL, updated_at = NULL WHERE id = ANY(:initiatives)",
    """UPDATE initiative SET created_at = :at, updated_at = NULL
        WHERE id = ANY(:initiatives) AND created_at IS NULL""",
)


@dataclass(frozen=True, slots=True)
class Written:
    """Where random initiatives are, and what people say of where they live."""

    communes: Sequence[str]
    homes: Sequence[str | None]
    departement: str
    region: str
    epcis: Sequence[str] = ()


@dataclass(frozen=True)
class Base:
    """One row of the base table, as far as figures depend on it; supports are counted anew."""

    id: str
    theme: str
    status: str
    created_at: datetime | None
    supporters: int
    told: int
    local: int
    commune: str | None
    epci: str | None
    departement: str | None
    region: str | None


def write(connection: Connection, chance: Random, written: Written, many: int) -> None:
    """Initiatives and who supports them."""
    connection.execute(text(INSERT), [_initiative(chance, written) for _ in range(many)])
    known = _ids(connection, "person") or list(
        connection.execute(text(PERSON), {"people": 50}).scalars()
    )
    chosen = chance.sample(_ids(connection, "initiative"), many // 2)
    connection.execute(
        text(SUPPORT),
        [
            {
                "initiative": chance.choice(chosen),
                "person": chance.choice(known),
                "commune": chance.choice(written.homes),
                "at": NOW - timedelta(days=chance.randrange(900)),
            }
            for _ in range(4 * many)
        ],
    )


def change(connection: Connection, chance: Random, written: Written) -> None:
    """One thing after the other happens to some of them; then some are merged, and parted again."""
    for statement in CHANGES:
        initiatives, supports = _ids(connection, "initiative"), _ids(connection, "support")
        bound = {
            "initiatives": chance.sample(initiatives, len(initiatives) // 12),
            "supports": chance.sample(supports, len(supports) // 12),
            "home": chance.choice(written.communes),
            "at": NOW - timedelta(days=chance.randrange(400)),
        }
        names = [name for name in bound if f":{name}" in statement]
        connection.execute(text(statement), {name: bound[name] for name in names})
    public = _ids(connection, "initiative", "WHERE is_public(status)")
    chance.shuffle(public)
    size = len(public) // 8
    for one, other in zip(public[:size], public[size : 2 * size], strict=True):
        connection.execute(text(MERGE), {"initiative": one, "target": other})
    for one, other in zip(public[size : size + 4], public[-4:], strict=True):
        connection.execute(text(MERGE), {"initiative": one, "target": other})  # of three, one
    connection.execute(text("DELETE FROM merge WHERE initiative = ANY(:ids)"), {"ids": public[:3]})


def _ids(connection: Connection, table: str, where: str = "") -> list[str]:
    return list(connection.execute(text(f"SELECT id FROM {table} {where} ORDER BY id")).scalars())


def _initiative(chance: Random, written: Written) -> dict[str, object]:
    """Many of the last months, some at the very edges of the windows, and some of no known day."""
    end = chance.choice([NOW, a_year_before(NOW)])
    edge = end - WINDOW + timedelta(seconds=chance.choice([-1, 0, 1]))
    at = NOW - timedelta(days=chance.expovariate(1 / 200), seconds=chance.randrange(86_400))
    wide = ["departement", "region", "national", *(["epci"] if written.epcis else [])]
    precision = chance.choice(["commune"] * 8 + wide)
    return {
        "theme": chance.choice(list(Theme)),
        "status": chance.choice(["published"] * 4 + ["done", "done", "archived", "pending"]),
        "at": None if chance.random() < 0.3 else edge if chance.random() < 0.1 else at,
        "precision": precision,
        "commune": chance.choice(written.communes) if precision == "commune" else None,
        "epci": chance.choice(written.epcis) if precision == "epci" else None,
        "departement": written.departement if precision == "departement" else None,
        "region": written.region if precision == "region" else None,
        "source_supporters": chance.randrange(20),
    }


def base(connection: Connection) -> list[Base]:
    """All initiatives; who is local is found support by support, in no way like the database's."""
    homes = _homes(connection)
    supports = _supports(connection)
    rows = connection.execute(
        text(
            "SELECT id, theme, status, created_at,"
            " precision, commune, epci, departement, region FROM initiative"
        )
    )
    found = []
    for row in rows:
        place = (row.epci, row.commune, row.departement, row.region)
        finest = [number for number, code in enumerate(place) if code is not None][:1]
        said = supports[row.id]
        told = [code for code in said if code is not None and finest]
        local = [
            code
            for code in told
            for number in finest
            if any(home[number] == place[number] for home in homes[code])
        ]
        found.append(
            Base(
                row.id, row.theme, row.status, row.created_at, len(said), len(told),
                len(local), row.commune, row.epci, row.departement, row.region,
            )
        )  # fmt: skip
    return found


def _homes(connection: Connection) -> dict[str, list[tuple[str | None, ...]]]:
    """EPCI, commune, département, région of each commune of today that a code stands for."""
    rows = connection.execute(
        text("SELECT code, epci, departement, region FROM territory WHERE level = 'commune'")
    )
    today = {row.code: (row.epci, row.code, row.departement, row.region) for row in rows}
    homes = defaultdict(list, {code: [place] for code, place in today.items()})
    for code, commune in connection.execute(text("SELECT code, commune FROM territory_alias")):
        homes[code].append(today[commune])
    return homes


def _supports(connection: Connection) -> dict[str, list[str | None]]:
    """What those say who count for an initiative, or for one that is merged into it: each once."""
    merges = connection.execute(text("SELECT initiative, target FROM merge"))
    targets = {row.initiative: row.target for row in merges}
    counted: dict[str, dict[str, list[_Said]]] = defaultdict(lambda: defaultdict(list))
    rows = connection.execute(
        text(
            "SELECT id, initiative, person AS who, commune, confirmed_at"
            " FROM support WHERE withdrawn_at IS NULL AND held_at IS NULL"
        )
    )
    for row in rows:
        here = row.initiative
        while here is not None:
            last = -row.confirmed_at.timestamp()
            first = (row.commune is None, here != row.initiative, last, str(row.id))
            counted[here][row.who].append((first, row.commune))
            here = targets.get(here)
    said: dict[str, list[str | None]] = defaultdict(list)
    for initiative, people in counted.items():
        said[initiative] = [min(all_of)[1] for all_of in people.values()]
    return said


def chosen(rows: list[Base], scope: RollupScope) -> list[Base]:
    """Rows of the statuses, themes and end of a scope; its start is for counts of the period.

    Those of an unknown day are kept where the scope has no period.
    """
    end = moment(scope.until) if scope.until else datetime.max.replace(tzinfo=UTC)
    whole = scope.since is None and scope.until is None
    return [
        row
        for row in rows
        if row.status in scope.statuses
        and (not scope.themes or row.theme in scope.themes)
        and (whole if row.created_at is None else row.created_at < end)
    ]


def _in_scope(row: Base, scope: RollupScope) -> bool:
    """Of those that `chosen` keeps."""
    return row.created_at is None or row.created_at >= _start(scope)


def check(connection: Connection, scope: RollupScope, places: Sequence[Place]) -> None:
    """Every figure of every part, and of the whole, against what the base tables say."""
    every = base(connection)
    rows = chosen(every, scope)
    communes = connection.execute(
        text(
            "SELECT code, epci, departement, region FROM territory"
            " WHERE level = 'commune' AND population > 0"
        )
    ).all()
    for ref, by in places:
        view = DashboardView(ref, by, scope, NOW)
        counted = _counted(connection, view, rows)
        _check_counts(connection, view, rows, counted)
        every_day = chosen(every, replace(scope, since=None, until=None))
        _check_undated(connection, view, every_day)
        _check_last(connection, view, counted)
        if by is not Level.COMMUNE:
            undated = [row for row in every if row.created_at is None and row not in rows]
            there = chosen(undated, replace(scope, since=None, until=None))
            _check_silent(connection, view, [*rows, *there], communes)
    for ref in dict.fromkeys(ref for ref, _ in places):
        view = DashboardView(ref, Level.COMMUNE, scope, NOW)
        _check_months(connection, view, chosen(every, replace(scope, since=None, until=None)))
        _check_heat(connection, view, rows)


def _counted(connection: Connection, view: DashboardView, rows: list[Base]) -> list[Base]:
    """The rows that may count for a part: of an EPCI that straddles, those of communes inside."""
    ref = view.ref
    if view.by is not Level.EPCI or ref is None:
        return rows
    places = connection.execute(
        text(
            "SELECT epci, departement, region FROM territory"
            " WHERE level = 'commune' AND epci IS NOT NULL"
        )
    ).all()
    beyond = {one.epci for one in places if getattr(one, ref.level) != ref.code}
    within = {one.epci for one in places if getattr(one, ref.level) == ref.code}
    return [
        row
        for row in rows
        if row.epci not in beyond & within
        or (row.commune is not None and getattr(row, ref.level) == ref.code)
    ]


def _start(scope: RollupScope) -> datetime:
    return moment(scope.since) if scope.since else datetime.min.replace(tzinfo=UTC)


def _recounted(rows: list[Base], scope: RollupScope) -> tuple[int, ...]:
    """Initiatives, supporters, told, local, recent ones, those of the same days last year."""
    held = [row for row in rows if _in_scope(row, scope)]
    days = [row.created_at for row in rows if row.created_at]
    end = moment(scope.until) if scope.until else NOW
    return (
        len(held),
        sum(row.supporters for row in held),
        sum(row.told for row in held),
        sum(row.local for row in held),
        sum(day >= end - WINDOW for day in days),
        sum(a_year_before(end) - WINDOW <= day < a_year_before(end) for day in days),
    )


def _figures(areas: AreaFigures) -> dict[str, tuple[int, ...]]:
    assert areas.supporters is not None
    assert areas.told is not None
    assert areas.local is not None
    columns = (
        areas.initiatives, areas.supporters, areas.told, areas.local, areas.recent, areas.before,
    )  # fmt: skip
    numbers = zip(*(column.tolist() for column in columns), strict=True)
    return dict(zip(areas.codes, numbers, strict=True))


def _check_counts(
    connection: Connection, view: DashboardView, rows: list[Base], counted: list[Base]
) -> None:
    found = queries.areas(connection, view)
    by_code = _grouped(counted, view.by)
    assert _figures(found) == {
        code: _recounted(by_code.get(code, []), view.scope) for code in found.codes
    }
    less = queries.areas(connection, view, dated=False, supports=False)
    assert less.initiatives.tolist() == found.initiatives.tolist()
    some = [code for code in found.codes if code in by_code][:5]
    assert _figures(queries.some(connection, view, some)) == {
        code: _recounted(by_code[code], view.scope) for code in some
    }
    _check_alone(found, rows, view)
    own = _figures(queries.own(connection, view))
    assert own == {view.ref.code if view.ref else "FR": _recounted(_inside(rows, view), view.scope)}


def _check_undated(connection: Connection, view: DashboardView, rows: list[Base]) -> None:
    """Beside every figure, whatever the period: how many are of no known day."""
    undated = [row for row in rows if row.created_at is None]
    by_code = Counter(getattr(row, view.by) for row in _counted(connection, view, undated))
    for found in (queries.areas(connection, view), queries.areas(connection, view, dated=False)):
        assert found.undated is not None
        assert found.undated.tolist() == [by_code[code] for code in found.codes]
    own = queries.own(connection, view)
    assert own.undated is not None
    assert own.undated.tolist() == [len(_inside(undated, view))]


def _check_alone(found: AreaFigures, rows: list[Base], view: DashboardView) -> None:
    """What is known of no more than an EPCI that straddles."""
    if found.partial is None or found.epci_alone is None:
        return
    parts = [code for code, part in zip(found.codes, found.partial.tolist(), strict=True) if part]
    held = [row for row in rows if row.commune is None and _in_scope(row, view.scope)]
    assert found.epci_alone.sum() == sum(row.epci in parts for row in held)


def _grouped(rows: list[Base], level: Level) -> dict[str, list[Base]]:
    placed = sorted(
        (row for row in rows if getattr(row, level)), key=lambda row: str(getattr(row, level))
    )
    return {code: list(them) for code, them in groupby(placed, lambda row: getattr(row, level))}


def _inside(rows: list[Base], view: DashboardView) -> list[Base]:
    ref = view.ref
    return [row for row in rows if ref is None or getattr(row, ref.level) == ref.code]


def _check_last(connection: Connection, view: DashboardView, rows: list[Base]) -> None:
    areas = queries.areas(connection, view, last=True)
    codes = areas.codes
    known = frozenset(codes)
    latest: dict[str, datetime] = {}
    for row in rows:
        code = getattr(row, view.by)
        if code in known and row.created_at and _in_scope(row, view.scope):
            latest[code] = max(latest.get(code, row.created_at), row.created_at)
    parts = areas.partial.tolist() if areas.partial is not None else [False] * len(codes)
    whole = [code for code, part in zip(codes, parts, strict=True) if not part]
    partial = [code for code, part in zip(codes, parts, strict=True) if part]
    days = queries.last_days(connection, view.scope, view.by, whole)
    assert days | queries.last_days_of_parts(connection, view, partial) == latest
    assert areas.months is not None
    end = view.scope.until or date(2026, 12, 1)
    told = {code: ago for code, ago in zip(codes, areas.months.tolist(), strict=True) if ago == ago}
    assert told == {
        code: max((end.year - at.year) * 12 + end.month - at.month - 1, 0)
        for code, at in latest.items()
    }


def _check_silent(
    connection: Connection, view: DashboardView, rows: list[Base], communes: Sequence[Row[Any]]
) -> None:
    lively = {row.commune for row in rows if _in_scope(row, view.scope)}
    shown = queries.dashboard(connection, replace(view, figure=DashboardFigure.SILENT))
    counts = (shown.areas.communes, shown.areas.silent, shown.own.communes, shown.own.silent)
    parts, silent_parts, own, silent_own = (one.tolist() for one in counts if one is not None)
    ref = view.ref
    inside = [one for one in communes if not ref or getattr(one, ref.level) == ref.code]
    all_of = Counter(getattr(one, view.by) for one in inside)
    silent = Counter(getattr(one, view.by) for one in inside if one.code not in lively)
    assert parts == [all_of[code] for code in shown.areas.codes]
    assert silent_parts == [silent[code] for code in shown.areas.codes]
    whole = [one.code for one in inside]
    assert (own, silent_own) == ([len(whole)], [sum(one not in lively for one in whole)])


def _check_months(connection: Connection, view: DashboardView, rows: list[Base]) -> None:
    counts = queries.series(connection, view, queries.first_month(connection))
    by_month: dict[date, list[Base]] = defaultdict(list)
    for row in _inside(rows, view):
        if row.created_at:
            by_month[month_of(row.created_at.date())].append(row)
    told = {one.month: (one.initiatives, one.supporters) for one in counts if one.initiatives}
    assert told == {
        month: (len(held), sum(row.supporters for row in held)) for month, held in by_month.items()
    }


def _check_heat(connection: Connection, view: DashboardView, rows: list[Base]) -> None:
    """As many spots as communes with something, each as warm as that commune."""
    spots = queries.spots(connection, view)
    held = Counter(
        row.commune for row in _inside(rows, view) if row.commune and _in_scope(row, view.scope)
    )
    assert sorted(spots.count.tolist()) == sorted(held.values())
