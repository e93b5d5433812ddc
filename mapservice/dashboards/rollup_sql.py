"""Conditions that the SQL of figures shares, and their values."""

from typing import Any

from mapservice.rollups.model import RollupScope

COUNTRY = "country"
ALL_THEMES = ""

Values = dict[str, Any]


def scope_values(scope: RollupScope) -> Values:
    return {
        "themes": [str(theme) for theme in scope.themes or (ALL_THEMES,)],
        "statuses": [str(status) for status in scope.statuses],
    }


def bounds_of(scope: RollupScope) -> tuple[list[str], Values]:
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


def themes(scope: RollupScope, table: str) -> str:
    return f"{table}.theme = ANY(%(themes)s)" if scope.themes else "true"


def fresh_themes(scope: RollupScope) -> str:
    return "theme = ANY(%(themes)s)" if scope.themes else "true"
