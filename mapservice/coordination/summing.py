"""What to sum, as SQL: kept months with their deltas, and single initiatives of parts of months."""

from dataclasses import dataclass
from typing import Any

from mapservice.activity.model import Scope
from mapservice.coordination import statements
from mapservice.coordination.windows import Count, Months, Part, Slices
from mapservice.db.text import fill
from mapservice.territories.model import Level, TerritoryRef

COUNTRY = "country"
ALL_THEMES = ""

# Types that PostgreSQL sums much faster than bigint; floats are exact up to 2^53.
FIELDS = {
    "initiatives": "integer",
    "supporters": "float8",
    "recent": "integer",
    "before": "integer",
    "told": "integer",
    "local": "integer",
}
COUNTS = ("initiatives", "supporters")
WINDOWS = ("recent", "before")
SHARES = ("told", "local")
EVERY = (*COUNTS, *WINDOWS, *SHARES)
# Which sum of the rollups a slice adds to which field.
SOURCES = {
    Count.PERIOD: {name: name for name in (*COUNTS, *SHARES)},
    Count.RECENT: {"recent": "initiatives"},
    Count.BEFORE: {"before": "initiatives"},
}

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Among:
    """Which territories of a level: a condition of ours on `territory`, with its values.

    `inside` holds them all, if one does; `few`: their codes are looked up one by one.
    """

    level: str
    condition: str
    values: Values
    inside: TerritoryRef | None = None
    few: bool = True


def parts(
    scope: Scope, among: Among, wanted: Slices, fields: tuple[str, ...]
) -> tuple[str, Values]:
    """A SELECT of `code` and the fields for each slice; kept ones have two, base and deltas."""
    made: list[str] = []
    values = scope_values(scope)
    for number, part in enumerate(wanted):
        start, end = f"start_{number}", f"end_{number}"
        values |= {start: part.start, end: part.end}
        if isinstance(part, Months):
            made += _kept(scope, among, part, (start, end), fields)
        else:
            values["inside"] = among.inside.code if among.inside else ""
            made.append(_counted(scope, among, part, (start, end), fields))
    known = {name: value for name, value in values.items() if value is not None}
    return " UNION ALL ".join(made), known


def scope_values(scope: Scope) -> Values:
    return {
        "themes": [str(theme) for theme in scope.themes or (ALL_THEMES,)],
        "statuses": [str(status) for status in scope.statuses],
    }


def bounds_of(scope: Scope) -> tuple[list[str], Values]:
    """Conditions on `month` that it lies in the period."""
    bounds, values = [], {}
    if scope.since:
        bounds.append("month >= CAST(%(since)s AS date)")
        values["since"] = scope.since
    if scope.until:
        bounds.append("month < CAST(%(until)s AS date)")
        values["until"] = scope.until
    return bounds, values


def place(level: str) -> str:
    return "'FR'" if level == COUNTRY else level


def themes(scope: Scope, table: str) -> str:
    return f"{table}.theme = ANY(%(themes)s)" if scope.themes else "true"


def fresh_themes(scope: Scope) -> str:
    return "theme = ANY(%(themes)s)" if scope.themes else "true"


def inside(ref: TerritoryRef | None) -> str:
    """The condition on communes that they lie in a territory."""
    if ref is None:
        return "true"
    return f"{'code' if ref.level is Level.COMMUNE else ref.level} = %(own)s"


def _kept(
    scope: Scope, among: Among, part: Months, span: tuple[str, str], fields: tuple[str, ...]
) -> list[str]:
    start, end = span
    bounds = [f"month >= CAST(%({start})s AS date)"] if part.start else []
    bounds += [f"month < CAST(%({end})s AS date)"] if part.end else []
    base = [*bounds, "month > '-infinity'"] if bounds else ["month = '-infinity'"]
    if among.few:
        base.append(fill(statements.AMONG, {"place": "code"}))
    minus = "-" if part.sign < 0 else ""
    sources = {field: f"{minus}{name}" for field, name in SOURCES[part.count].items()}
    texts = {
        "level": among.level,
        "place": place(among.level),
        "sums": _columns(sources, fields),
        "months": " AND ".join(base),
        "fresh_months": " AND ".join([*bounds, fresh_themes(scope)]),
    }
    return [fill(statements.KEPT, texts), fill(statements.FRESH, texts)]


def _counted(
    scope: Scope, among: Among, part: Part, span: tuple[str, str], fields: tuple[str, ...]
) -> str:
    start, end = span
    sources = {"recent": f"{part.recent} * count(*)", "before": f"{part.before} * count(*)"}
    texts = {
        "place": place(among.level),
        "sums": _columns(sources, fields),
        "start": start,
        "end": end,
        "themes": themes(scope, "initiative"),
        "inside": _among(among),
    }
    return fill(statements.COUNTED, texts)


def _among(among: Among) -> str:
    """Which initiatives may count; a few places are looked up in the index of each."""
    if among.inside:
        return f"{among.inside.level} = %(inside)s"
    if among.few and among.level != COUNTRY:
        return fill(statements.AMONG, {"place": among.level})
    return "true"


def _columns(sources: dict[str, str], fields: tuple[str, ...]) -> str:
    terms = (f"CAST({sources.get(name, '0')} AS {FIELDS[name]}) AS {name}" for name in fields)
    return ", ".join(terms)
