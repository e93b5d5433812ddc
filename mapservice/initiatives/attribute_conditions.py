"""Columns kept beside the fields, in the filter grammar, as SQL.

Only what pages and exports show is looked at (`attributes`), never what moderators alone see
(`withheld`): a filter must not answer what no page tells.
"""

import json
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, cast, func, literal, literal_column, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import Text

from mapservice.db.tables import initiative, initiative_detail
from mapservice.initiatives.filters import InitiativeFilters

# Of another name than the table that exports join, or the query within would be taken for its row.
_told = initiative_detail.alias("told")


def by_attributes(filters: InitiativeFilters) -> list[ColumnElement[bool]]:
    """One condition on `initiative` for all columns asked for; none where none is."""
    if not filters.attr:
        return []
    said = []
    for asked in filters.attr:
        # By index: `@>` compares numbers as numbers, so 12 finds 12.0.
        ways: list[ColumnElement[bool]] = [
            _told.c.attributes.op("@>")(_json({asked.name: one})) for one in asked.values
        ]
        if asked.ends is not None:
            ways.append(_lies_within(asked.name, *asked.ends))
        said.append(or_(*ways))
    return [initiative.c.id.in_(select(_told.c.initiative).where(*said))]


def _lies_within(name: str, *ends: Decimal | date | None) -> ColumnElement[bool]:
    """Within both ends, each included; what is no number, or no day, lies in no such range.

    Nothing is cast: a cell of another kind is no error, in whatever order conditions are asked.
    """
    first, last = ends
    bounds: list[ColumnElement[bool]]
    if isinstance(first, date) or isinstance(last, date):
        # Days as texts, which go one after the other whatever the language of the server.
        told = _told.c.attributes.op("->>", return_type=Text())(literal(name, Text))
        plain = told.collate("C")
        bounds = [plain.op("~")(literal_column("'^[0-9]{4}-[0-9]{2}-[0-9]{2}$'"))]
        bounds += [plain >= literal(first.isoformat(), Text)] if isinstance(first, date) else []
        bounds += [plain <= literal(last.isoformat(), Text)] if isinstance(last, date) else []
        return and_(*bounds)
    value = _told.c.attributes.op("->", return_type=JSONB)(literal(name, Text))
    # JSON has an order of its own, in which numbers are compared as such.
    bounds = [func.jsonb_typeof(value) == literal_column("'number'")]
    bounds += [value >= _json(first)] if first is not None else []
    bounds += [value <= _json(last)] if last is not None else []
    return and_(*bounds)


def _json(value: Any) -> ColumnElement[Any]:
    return cast(literal(_written(value), Text), JSONB)


def _written(value: Any) -> str:
    """JSON in which a decimal number keeps all of its digits."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        members = (f"{json.dumps(name)}: {_written(one)}" for name, one in value.items())
        return f"{{{', '.join(members)}}}"
    return json.dumps(value)
