"""What day and hour it is where an initiative is, and whether that day is a public holiday there.

Each overseas département has a clock and holidays of its own. What has no place finer than France
goes by Paris. An area is the code of a département, or R and the code of a région where no
département is known.

Source of the holidays: Code du travail, L3133-1 (everywhere), L3422-2 (overseas) and L3134-13
(Bas-Rhin, Haut-Rhin, Moselle).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo

FRANCE = ""  # the area of all that has no calendar of its own
PARIS = ZoneInfo("Europe/Paris")
_OVERSEAS = {
    "971": ("America/Guadeloupe", "R01", (5, 27)),
    "972": ("America/Martinique", "R02", (5, 22)),
    "973": ("America/Cayenne", "R03", (6, 10)),
    "974": ("Indian/Reunion", "R04", (12, 20)),
    "976": ("Indian/Mayotte", "R06", (4, 27)),
}
_ZONES = {
    **{code: ZoneInfo(name) for code, (name, _, _) in _OVERSEAS.items()},
    **{region: ZoneInfo(name) for name, region, _ in _OVERSEAS.values()},
}
# The day on which the abolition of slavery is remembered there.
_ABOLITION = {
    **{code: day for code, (_, _, day) in _OVERSEAS.items()},
    **{region: day for _, region, day in _OVERSEAS.values()},
}
# Good Friday and 26 December are holidays there; Good Friday only in communes with a mixed church,
# of which we have no list. R44 is Grand Est, some of which lies there.
_CONCORDAT = ("57", "67", "68")
_PARTLY_CONCORDAT = ("R44",)
AREAS = (FRANCE, *_ZONES, *_CONCORDAT, *_PARTLY_CONCORDAT)
_FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
# Days after Easter Sunday: Monday, Ascension, Whit Monday.
_MOVABLE = (1, 39, 50)
SATURDAY, SUNDAY = 5, 6
FORTNIGHT_DAYS = 14


class DaysAsked(StrEnum):
    """Days by the calendar of each place, from today on; a week ends on Sunday, a fortnight has
    fourteen days.

    Every list that can be asked `when=` means the same by them.
    """

    TODAY = "today"
    WEEKEND = "weekend"
    WEEK = "week"
    FORTNIGHT = "fortnight"


@dataclass(frozen=True, slots=True)
class DaySpan:
    """Local days from `first` up to `end`, which is no longer part of it."""

    first: date
    end: date


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A date in an area; `is_holiday` None where it is one in some communes of the area."""

    date: date
    is_holiday: bool | None


def now() -> datetime:
    """The present minute, UTC: all that goes by the clock asks here, once a request."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def area_of(departement: str | None, region: str | None) -> str:
    """The area whose clock and holidays hold for a place; `FRANCE` for those of most."""
    area = departement or (f"R{region}" if region else "")
    return area if area in AREAS else FRANCE


def zone_of(area: str) -> ZoneInfo:
    return _ZONES.get(area, PARIS)


def local_day(day: date, area: str) -> LocalDay:
    return LocalDay(day, is_holiday(day, area))


def today(moment: datetime, area: str) -> date:
    return moment.astimezone(zone_of(area)).date()


def days_of(when: str, day: date) -> tuple[date, ...]:
    """The days from `day` on that are today, this week-end, this week (through Sunday), or those of
    a fortnight.

    What is past of them is left out: nobody can go there any more.
    """
    if when == "today":
        return (day,)
    if when == "fortnight":
        return tuple(day + timedelta(days=step) for step in range(FORTNIGHT_DAYS))
    sunday = day + timedelta(days=SUNDAY - day.weekday())
    first = max(day, sunday - timedelta(days=1)) if when == "weekend" else day
    return tuple(first + timedelta(days=step) for step in range((sunday - first).days + 1))


def span_of(when: DaysAsked, day: date) -> DaySpan:
    """`days_of` as a span."""
    days = days_of(when, day)
    return DaySpan(days[0], days[-1] + timedelta(days=1))


@cache
def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), f = divmod(b, 4), (b + 8) // 25
    h = (19 * a + b - d - (b - f + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def is_holiday(day: date, area: str) -> bool | None:
    """Whether a date is a public holiday in an area; None where that depends on the commune."""
    after = (day - easter(day.year)).days
    if (day.month, day.day) in _FIXED or after in _MOVABLE:
        return True
    if (day.month, day.day) == _ABOLITION.get(area):
        return True
    good_friday, boxing_day = after == -2, (day.month, day.day) == (12, 26)
    if area in _CONCORDAT:
        return True if boxing_day else None if good_friday else False
    if area in _PARTLY_CONCORDAT and (good_friday or boxing_day):
        return None
    return False
