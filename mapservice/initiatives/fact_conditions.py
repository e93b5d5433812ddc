"""Practical facts in the filter grammar, as SQL: what nobody told matches nothing.

Days and hours are those of each place. Few areas have a calendar of their own (`local_days`), and
most days it asks the same of them as Paris does: what is asked of rows is told apart only where the
calendars differ at that moment.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    any_,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
)
from sqlalchemy.dialects.postgresql import ARRAY, INT4MULTIRANGE
from sqlalchemy.types import Date, Text

from mapservice.db.tables import initiative
from mapservice.initiatives.facts import Wheelchair
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.local_days import AREAS, days_of, local_day, today, zone_of
from mapservice.initiatives.opening_hours import DAY, day_keys

Spans = tuple[tuple[int, int], ...]
_own = initiative.c


def by_facts(filters: InitiativeFilters) -> list[ColumnElement[bool]]:
    """The conditions on `initiative` of the facts that a filter names; all must hold."""
    conditions: list[ColumnElement[bool]] = []
    if filters.access:
        conditions.append(_own.wheelchair == literal_column(f"'{Wheelchair.YES}'"))
    if filters.tag:
        conditions.append(_own.tags.op("&&")(_texts(filters.tag)))
    if filters.audience:
        conditions.append(_own.audience.op("&&")(_texts(filters.audience)))
    if filters.when:
        # Spelt out, so that an index of those that tell something serves.
        conditions.append(or_(_own.start_day.is_not(None), _own.open_minutes.is_not(None)))
        conditions.append(_by_area(lambda area: _asked_days(filters, area), _on_days))
    if filters.open:
        conditions.append(_own.open_minutes.is_not(None))
        conditions.append(_by_area(lambda area: _asked_minutes(filters, area), _in_minutes))
    return conditions


def _asked_days(filters: InitiativeFilters, area: str) -> tuple[tuple[date, Spans], ...]:
    """Each day that is asked for in an area, and where its minutes lie in `open_minutes`."""
    assert filters.as_of is not None, "set by the filter"
    days = days_of(str(filters.when), today(filters.as_of, area))
    return tuple((day, _spans(day, area, 0, DAY)) for day in days)


def _on_days(days: Sequence[tuple[date, Spans]]) -> ColumnElement[bool]:
    """On one of these days, by its days, and open then where its hours are told."""
    first, last = days[0][0], days[-1][0]
    each = or_(
        *(
            and_(_is_on(day), or_(_own.open_minutes.is_(None), _overlaps(spans)))
            for day, spans in days
        )
    )
    # The bounds of all days alone first: most rows have others.
    around = or_(
        and_(_own.end_day >= _day(first), _own.start_day <= _day(last)),
        and_(_own.start_day.is_(None), _own.open_minutes.is_not(None)),
    )
    return and_(around, each)


def _asked_minutes(filters: InitiativeFilters, area: str) -> tuple[tuple[date, Spans], ...]:
    """The present minute of today, and as one of the night that began yesterday."""
    assert filters.as_of is not None, "set by the filter"
    here = filters.as_of.astimezone(zone_of(area))
    minute, day = here.hour * 60 + here.minute, here.date()
    now = (day, _spans(day, area, minute, minute + 1))
    if local_day(day, area).is_holiday is not False:
        return (now,)  # a night is not taken to last into a holiday
    before = day - timedelta(days=1)
    return (now, (before, _spans(before, area, minute + DAY, minute + DAY + 1)))


def _in_minutes(days: Sequence[tuple[date, Spans]]) -> ColumnElement[bool]:
    return or_(*(and_(_is_on(day), _overlaps(spans)) for day, spans in days))


def _by_area(
    asked: Callable[[str], tuple[tuple[date, Spans], ...]],
    condition: Callable[[Sequence[tuple[date, Spans]]], ColumnElement[bool]],
) -> ColumnElement[bool]:
    """The condition of each area's own calendar, those that ask the same told once."""
    groups: dict[tuple[tuple[date, Spans], ...], list[str]] = {}
    for area in AREAS:
        groups.setdefault(asked(area), []).append(area)
    (most, _), *others = groups.items()  # the first area is most of France
    if not others:
        return condition(most)
    # As `local_days.area_of`, for those few.
    area_here = func.coalesce(_own.departement, literal_column("'R'") + _own.region)
    apart = [area for _, areas in others for area in areas]
    usual = func.coalesce(not_(area_here == any_(_texts(apart))), literal_column("true"))
    return or_(
        and_(condition(most), usual),
        *(and_(area_here == any_(_texts(areas)), condition(own)) for own, areas in others),
    )


def _spans(day: date, area: str, first: int, end: int) -> Spans:
    """Minutes of a date as keys of `open_minutes`; none if nobody knows whether it is a holiday."""
    here = local_day(day, area)
    if here.is_holiday is None:
        return ()
    return tuple((key + first, key + end) for key in day_keys(day, is_holiday=here.is_holiday))


def _is_on(day: date) -> ColumnElement[bool]:
    """Whether it takes place at all on a day, as far as days are told."""
    return case(
        (_own.start_day.is_(None), literal_column("true")),
        else_=and_(_own.start_day <= _day(day), _own.end_day >= _day(day)),
    )


def _overlaps(spans: Spans) -> ColumnElement[bool]:
    if not spans:
        return false()
    ranges = ",".join(f"[{first},{end})" for first, end in spans)
    return _own.open_minutes.op("&&")(cast(literal(f"{{{ranges}}}", Text), INT4MULTIRANGE))


def _day(day: date) -> ColumnElement[date]:
    return literal(day, Date)


def _texts(values: Sequence[str]) -> ColumnElement[Any]:
    return cast([str(value) for value in values], ARRAY(Text))
