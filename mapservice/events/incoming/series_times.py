"""When a series of a calendar takes place, in wall times of a zone of ours.

What cannot be said so exactly is refused by name: a rule that RFC 5545 has and we do not, one
without an end on a clock that no part of France has, a length of more than 31 days.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mapservice.errors import InvalidInput
from mapservice.events.incoming.clocks import (
    CalendarClock,
    CalendarTime,
    steady_shift,
    zone_named,
)
from mapservice.events.incoming.model import CalendarEvent, CalendarSeries
from mapservice.events.model import FURTHEST_YEARS, LONGEST, NO_LENGTH
from mapservice.events.recurrence import (
    MAX_DATES,
    EventTimes,
    RecurrenceRule,
    wall_time,
    within_year,
)

DAY = timedelta(days=1)
# What was over before that is left out; of a series, the dates before it.
LOOK_BACK = timedelta(days=366)
FAR = datetime.fromisoformat("9000-01-01")  # wall time


@dataclass(frozen=True, slots=True)
class WantedDate:
    """One date that a calendar tells: the wall time that the rule gives it, and its own times.

    `told` is the VEVENT that says it: that of the series, or one of its own (`is_alone`).
    """

    recurrence: datetime
    times: EventTimes
    told: CalendarEvent
    is_alone: bool = False
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class SeriesTimes:
    """The times of a series, and its dates up to a year ahead; `notes` say what was mended."""

    times: EventTimes
    dates: tuple[WantedDate, ...]
    notes: tuple[str, ...] = ()


def zone_for(told: CalendarTime, calendar_zone: str, place_zone: str) -> str:
    """The zone that an event is kept in.

    Its own where that is one of ours; else that of the calendar; else that of the place, as times
    without a clock and whole days are those of where one comes to.
    """
    if told.french:
        return told.french
    return place_zone if told.is_day else calendar_zone or place_zone


def times_of(event: CalendarEvent, zone: str) -> EventTimes:
    """The times of one VEVENT without its rule. Raises InvalidInput."""
    if event.begins is None:
        raise InvalidInput("DTSTART", "is missing: nobody knows when it begins")
    begins = event.begins.on(zone)
    if event.duration is not None:
        length, name = event.duration, "DURATION"
    elif event.ends is not None:
        length, name = event.ends.on(zone) - begins, "DTEND"
    else:
        length, name = timedelta(0), "DTSTART"
    return EventTimes(begins, _checked(length, name, is_day=event.begins.is_day), zone)


def _checked(length: timedelta, name: str, *, is_day: bool = False) -> timedelta:
    if length < timedelta(0):
        raise InvalidInput(name, "lies before it begins")
    if length == timedelta(0):
        return DAY if is_day else NO_LENGTH
    if length > LONGEST:
        raise InvalidInput(name, f"makes it longer than {LONGEST.days} days")
    return length


def series_times(
    series: CalendarSeries, zone: str, zones: Sequence[str], now: datetime
) -> SeriesTimes:
    """All of it. `zones` are those of the dates that are told apart, in their order.

    Raises InvalidInput naming the property that cannot be taken.
    """
    if series.main.recurrence is not None:
        return _dates_alone(series, zones)
    main = series.main
    times = times_of(main, zone)
    notes: list[str] = []
    if main.rule:
        times = _with_rule(times, main, zone, notes)
    whole = replace(times, added=(), excluded=())
    excluded = {_date_on(one, zone, times.start) for one in main.excluded}
    own_lengths: dict[datetime, timedelta] = {}
    added = set(times.added)
    for one in main.added:
        local = _date_on(one.begins, zone, times.start)
        added.add(local)
        length = one.duration
        if one.ends is not None:
            length = one.ends.on(zone) - local
        if length is not None and _checked(length, "RDATE") != times.duration:
            own_lengths[local] = _checked(length, "RDATE")

    if len(series.dates) > MAX_DATES:
        raise InvalidInput("RECURRENCE-ID", f"tells more than {MAX_DATES} dates apart")
    recurrences = [
        _date_on(event.recurrence, zone, times.start)
        for event in series.dates
        if event.recurrence is not None
    ]
    given = {times.start, *added}
    if recurrences and times.rule:
        given |= set(whole.starts(max(recurrences) + timedelta(seconds=1)))
    apart: dict[datetime, WantedDate] = {}
    for event, own_zone, local in zip(series.dates, zones, recurrences, strict=True):
        is_cancelled = event.status == "CANCELLED"
        if event.begins is None:
            own = EventTimes(local, times.duration, zone)
        else:
            own = times_of(event, own_zone)
        apart[local] = WantedDate(local, own, event, is_alone=True, is_cancelled=is_cancelled)
        if local not in excluded and not is_cancelled and local not in given:
            added.add(local)
            notes.append(f"RECURRENCE-ID: {local:%Y-%m-%d %H:%M} is no date of its rule; added")

    # What is cancelled by itself is left out of the rule, so that no later night makes it anew.
    excluded |= {local for local, one in apart.items() if one.is_cancelled}
    times = replace(
        times, added=tuple(sorted(added - {times.start})), excluded=tuple(sorted(excluded))
    )
    if len(times.added) > MAX_DATES or len(times.excluded) > MAX_DATES:
        raise InvalidInput("RDATE", f"makes more than {MAX_DATES} dates beside its rule")
    times = _without_long_past(times, wall_time(now - LOOK_BACK, zone))
    horizon = wall_time(within_year(now), zone)
    starts = times.starts(horizon) if times.rule else times.starts(FAR)
    starts = starts or times.starts(FAR, limit=1)
    if starts and starts[0] > wall_time(now, zone) + timedelta(days=366 * FURTHEST_YEARS):
        raise InvalidInput("DTSTART", f"lies more than {FURTHEST_YEARS} years ahead")
    # Dates told apart are there from the first, as none of the nights to come knows them.
    late = {one for one, date in apart.items() if one >= horizon and not date.is_cancelled}
    starts = sorted({*starts, *late})
    dates = []
    for local in starts:
        own_times = EventTimes(local, own_lengths.get(local, times.duration), zone)
        plain = WantedDate(local, own_times, main, is_alone=local in own_lengths)
        dates.append(apart.get(local, plain))
    dates += [one for one in apart.values() if one.is_cancelled]
    return SeriesTimes(times, tuple(dates), tuple(notes))


def _dates_alone(series: CalendarSeries, zones: Sequence[str]) -> SeriesTimes:
    """Of a series that the calendar does not hold: its dates, with no rule."""
    if len(series.dates) > MAX_DATES:
        raise InvalidInput("RECURRENCE-ID", f"tells more than {MAX_DATES} dates apart")
    dates = []
    for event, zone in zip(series.dates, zones, strict=True):
        assert event.recurrence is not None
        own = times_of(event, zone)
        local = _date_on(event.recurrence, zone, own.start)
        is_cancelled = event.status == "CANCELLED"
        dates.append(WantedDate(local, own, event, is_alone=True, is_cancelled=is_cancelled))
    dates.sort(key=lambda one: one.recurrence)
    first = dates[0]
    times = EventTimes(
        first.recurrence,
        first.times.duration,
        first.times.zone,
        added=tuple(one.recurrence for one in dates[1:]),
        excluded=tuple(one.recurrence for one in dates if one.is_cancelled),
    )
    told = "its calendar tells dates of it alone, and not how it recurs"
    return SeriesTimes(times, tuple(dates), (told,))


def _date_on(told: CalendarTime, zone: str, start: datetime) -> datetime:
    """A date of a series: where a day alone is told, at the hour at which the series begins."""
    local = told.on(zone)
    return datetime.combine(local.date(), start.time()) if told.is_day else local


def _with_rule(times: EventTimes, event: CalendarEvent, zone: str, notes: list[str]) -> EventTimes:
    """The same with its RRULE; on a clock that is none of ours, as far as that can be said."""
    assert event.begins is not None
    clock = event.begins.clock
    if clock is None or clock.french == zone:
        found = replace(times, rule=RecurrenceRule.parse(event.rule, zone))
        return _aligned(found, notes)
    shift = steady_shift(clock, zone)
    if shift is not None and times.start.date() == event.begins.local.date():
        rule = RecurrenceRule.parse(event.rule, zone)
        return _aligned(replace(times, rule=rule), notes)
    return _expanded(times, event, clock, zone, notes)


def _aligned(times: EventTimes, notes: list[str]) -> EventTimes:
    found = times.aligned()
    if found.start != times.start:
        notes.append(
            f"DTSTART: {times.start:%Y-%m-%d} is no date of its rule, which begins on"
            f" {found.start:%Y-%m-%d}"
        )
    return found


def _expanded(
    times: EventTimes, event: CalendarEvent, clock: CalendarClock, zone: str, notes: list[str]
) -> EventTimes:
    """The dates of a rule one by one, where the clock that it goes by shifts against ours."""
    assert event.begins is not None
    if not zone_named(clock.name):
        told = f"recurs by the clock {clock.name[:60]!r}, which is no zone that is known"
        raise InvalidInput("RRULE", told)
    rule = RecurrenceRule.parse(event.rule, clock.name)
    if rule.count is None and rule.until is None:
        raise InvalidInput(
            "RRULE",
            f"goes on without an end by the clock {clock.name[:60]!r}, which shifts against that"
            f" of {zone}",
        )
    theirs = EventTimes(event.begins.local, times.duration, clock.name, rule)
    starts = theirs.aligned().starts(FAR, limit=MAX_DATES + 1)
    if len(starts) > MAX_DATES:
        raise InvalidInput("RRULE", f"gives more than {MAX_DATES} dates by a clock of its own")
    ours = [CalendarTime(one, clock).on(zone) for one in starts]
    notes.append(f"RRULE: goes by the clock {clock.name[:60]!r}; its {len(ours)} dates are kept")
    return replace(times, start=ours[0], added=tuple(ours[1:]))


def _without_long_past(times: EventTimes, cutoff: datetime) -> EventTimes:
    """From the first date on that was not over a year ago. Raises InvalidInput where none is."""
    if times.start + times.duration > cutoff:
        return times
    kept = tuple(one for one in times.added if one + times.duration > cutoff)
    if times.rule is None:
        if not kept:
            raise OverLongAgo
        return replace(times, start=kept[0], added=kept[1:])
    bare = EventTimes(times.start, times.duration, times.zone, times.rule)
    before = bare.starts(cutoff)
    rule = times.rule
    if rule.count is not None:
        rule = replace(rule, count=rule.count - len(before))
    following = replace(bare, rule=replace(times.rule, count=None)).starts(
        cutoff + timedelta(days=366 * 30), limit=len(before) + 1
    )
    ended = rule.count is not None and rule.count <= 0
    if ended or len(following) <= len(before):
        if not kept:
            raise OverLongAgo
        return replace(times, start=kept[0], rule=None, added=kept[1:])
    return replace(times, start=following[-1], rule=rule, added=kept)


class OverLongAgo(Exception):
    """Nothing of it took place within the last year, or is to come."""
