"""Time zones as calendars tell them: VTIMEZONE (RFC 5545, 3.6.5), from the system's zone data.

icalendar 7.3 writes the onset of summer time by the clock after the change, where RFC 5545 wants
the one before it; ical.js then misreads hours near it. So these few lines are ours.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@lru_cache(64)
def timezone_lines(zone: str, first_year: int, last_year: int) -> tuple[str, ...]:
    """The lines of a zone whose offsets hold from the first year to the end of the last one."""
    info = ZoneInfo(zone)
    moment = datetime(first_year, 1, 1, tzinfo=UTC)
    end = datetime(last_year + 1, 1, 1, tzinfo=UTC) + DAY
    before = _offset(info, moment)
    lines = ["BEGIN:VTIMEZONE", f"TZID:{zone}"]
    lines += _observance(info, moment, before)
    while moment < end:
        if _offset(info, moment + DAY) != _offset(info, moment):
            change = _change_within(info, moment, moment + DAY)
            lines += _observance(info, change, before)
            before = _offset(info, change)
        moment += DAY
    return (*lines, "END:VTIMEZONE")


def _observance(info: ZoneInfo, change: datetime, before: timedelta) -> list[str]:
    """From a change on; its onset is told by the clock before it."""
    local = change.astimezone(info)
    kind = "DAYLIGHT" if local.dst() else "STANDARD"
    onset = (change + before).replace(tzinfo=None)
    return [
        f"BEGIN:{kind}",
        f"DTSTART:{onset:%Y%m%dT%H%M%S}",
        f"TZOFFSETFROM:{_signed(before)}",
        f"TZOFFSETTO:{_signed(_offset(info, change))}",
        f"TZNAME:{local.tzname()}",
        f"END:{kind}",
    ]


def _change_within(info: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The moment from which the offset is that of `high`; changes fall on whole minutes."""
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=int((high - low).total_seconds() // 120))
        if _offset(info, middle) == _offset(info, high):
            high = middle
        else:
            low = middle
    return high


def _offset(info: ZoneInfo, moment: datetime) -> timedelta:
    found = moment.astimezone(info).utcoffset()
    assert found is not None, "a zone has an offset"
    return found


def _signed(offset: timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
