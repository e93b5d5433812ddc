"""What a calendar says of an event, read and not yet understood: its place and dates come after."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mapservice.events.incoming.clocks import CalendarTime


@dataclass(frozen=True, slots=True)
class CalendarTexts:
    """The texts of a VEVENT, cleaned; "" for what it does not say. `url` is its page."""

    title: str = ""
    description: str = ""
    categories: str = ""
    location: str = ""
    url: str = ""
    online_url: str = ""


@dataclass(frozen=True, slots=True)
class AddedDate:
    """An RDATE: when it begins, and how long it takes where it is a period."""

    begins: CalendarTime
    ends: CalendarTime | None = None
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One VEVENT. `number` counts them from 1.

    `recurrence` is set for one date of a series that is told by itself. `status` is "", TENTATIVE,
    CONFIRMED or CANCELLED. `sequence` and `modified` tell its versions apart. `rejected` is why it
    cannot be taken, `skipped` why it is not for the public, or "". `is_withheld`: it may not be
    public, as it is private or its licence forbids reuse, whatever was taken of it before.
    """

    number: int
    uid: str
    texts: CalendarTexts = CalendarTexts()
    lon: float | None = None
    lat: float | None = None
    status: str = ""
    begins: CalendarTime | None = None
    ends: CalendarTime | None = None
    duration: timedelta | None = None
    rule: str = ""
    added: tuple[AddedDate, ...] = ()
    excluded: tuple[CalendarTime, ...] = ()
    recurrence: CalendarTime | None = None
    licence: str = ""
    sequence: int = 0
    modified: datetime | None = None
    problems: tuple[str, ...] = ()
    rejected: str = ""
    skipped: str = ""
    is_withheld: bool = False


@dataclass(frozen=True, slots=True)
class CalendarSeries:
    """All that a calendar says under one UID: the event, and its dates that are told apart.

    `others` are numbers of VEVENTs that say the same again, or an older version of it.
    """

    main: CalendarEvent
    dates: tuple[CalendarEvent, ...] = ()
    others: tuple[int, ...] = ()

    @property
    def is_withheld(self) -> bool:
        return any(one.is_withheld for one in (self.main, *self.dates))
