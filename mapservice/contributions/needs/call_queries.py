"""Needs that still lack hands, by place, skill and day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
)

from mapservice.contributions.needs.call_model import CallCursor, CallFilters
from mapservice.contributions.needs.model import NeedTarget
from mapservice.contributions.needs.queries import target_of
from mapservice.db.people_tables import need, need_owner, registration
from mapservice.db.tables import territory
from mapservice.initiatives.conditions import about, one_of
from mapservice.initiatives.model import Theme

COUNTED_UP_TO = 1_000
LAST_DAY = date(9999, 12, 31)

_NAMED = {level: territory.alias(f"{level}_of") for level in ("commune", "epci", "departement")}
_NAMED["region"] = territory.alias("region_of")


@dataclass(frozen=True, slots=True)
class OpenNeed:
    """A need with free places. `place` names the finest territory known of what asks, "" where it
    is of all of France or online; `departement` that around it."""

    target: NeedTarget
    theme: Theme
    place: str
    departement: str


@dataclass(frozen=True, slots=True)
class CallPage:
    """Needs in order of their days, those of no day last, and where the next page begins."""

    items: Sequence[OpenNeed]
    next: CallCursor | None


def find_page(
    connection: Connection,
    filters: CallFilters,
    since: date,
    limit: int,
    cursor: CallCursor | None = None,
) -> CallPage:
    """`since` is the earliest day that it is anywhere: what is over there is not listed."""
    own = need_owner.c
    names = [named.c.name for named in _NAMED.values()]
    chosen: Select[Any] = select(
        need.c.id,
        own.kind,
        own.owner,
        need.c.words,
        need.c.day,
        need.c.places,
        need.c.skill,
        _taken().label("taken"),
        own.title,
        own.day.label("on_day"),
        own.departement,
        own.region,
        own.is_open,
        own.theme,
        func.coalesce(*names, "").label("place"),
        case(
            (own.commune.is_not(None), func.coalesce(_NAMED["departement"].c.name, "")), else_=""
        ).label("around"),
    )
    joined: Any = need.join(need_owner, own.need == need.c.id)
    for level, named in _NAMED.items():
        joined = joined.outerjoin(named, and_(named.c.level == level, named.c.code == own[level]))
    chosen = (
        chosen.select_from(joined)
        .where(*_conditions(filters, since))
        .order_by(_order_day(), need.c.id)
        .limit(limit + 1)
    )
    if cursor is not None:
        day = cursor.day or LAST_DAY
        is_later = and_(_order_day() == day, need.c.id > cursor.id)
        chosen = chosen.where(or_(_order_day() > day, is_later))
    rows = connection.execute(chosen).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return CallPage(
        [_open_need(row) for row in rows[:limit]],
        CallCursor(last.on_day, last.id) if last else None,
    )


def count(connection: Connection, filters: CallFilters, since: date) -> int:
    """How many a filter finds, counted no farther than `COUNTED_UP_TO`."""
    joined = need.join(need_owner, need_owner.c.need == need.c.id)
    some = select(literal(1)).select_from(joined).where(*_conditions(filters, since))
    counted = select(func.count()).select_from(some.limit(COUNTED_UP_TO).subquery())
    return int(connection.execute(counted).scalar_one())


def _conditions(filters: CallFilters, since: date) -> list[ColumnElement[bool]]:
    own = need_owner.c
    found = [
        own.is_public,
        own.is_open,
        _taken() < need.c.places,
        *about(filters.about, need_owner),
    ]
    if filters.skill:
        found.append(one_of(need.c.skill, filters.skill))
    if filters.first or filters.last:
        found.append(own.day >= max(since, filters.first or since))
    else:
        found.append(or_(own.day.is_(None), own.day >= since))
    if filters.last:
        found.append(own.day <= filters.last)
    return found


def _order_day() -> ColumnElement[Any]:
    return func.coalesce(need_owner.c.day, LAST_DAY)


def _taken() -> Any:
    counted = select(func.count()).select_from(registration)
    return counted.where(registration.c.need == need.c.id).scalar_subquery()


def _open_need(row: Row[Any]) -> OpenNeed:
    values = dict(row._mapping)
    theme, place, around = values.pop("theme"), values.pop("place"), values.pop("around")
    return OpenNeed(target_of(values), Theme(theme), place, around)
