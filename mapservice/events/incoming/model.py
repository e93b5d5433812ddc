"""What a source says of an event, read and not yet understood: its place and dates come after.

Calendars (`calendar_reading.py`) and records of connectors (`record_reading.py`) are both read as
this, in the words of RFC 5545.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mapservice.events.incoming.clocks import CalendarTime
from mapservice.imports.column_evidence import ColumnMapping


@dataclass(frozen=True, slots=True)
class CalendarTexts:
    """The texts of an event, cleaned; "" for what its source does not say.

    `url` is its page, `registration_url` where one registers if that is not its page. `postcode`,
    `city` and `citycode` (INSEE) are parts of its place that a source tells by themselves.
    """

    title: str = ""
    description: str = ""
    categories: str = ""
    location: str = ""
    url: str = ""
    online_url: str = ""
    registration_url: str = ""
    postcode: str = ""
    city: str = ""
    citycode: str = ""


@dataclass(frozen=True, slots=True)
class AddedDate:
    """An RDATE: when it begins, and how long it takes where it is a period."""

    begins: CalendarTime
    ends: CalendarTime | None = None
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One event of a source. `number` counts them from 1.

    `recurrence` is set for one date of a series that is told by itself. `status` is "", TENTATIVE,
    CONFIRMED, CANCELLED, or POSTPONED (to a day that nobody knows yet). `mode` is that of
    `EventMode` where the source says it. `note` stands beside its dates. `sequence` and `modified`
    tell its versions apart. `rejected` is why it cannot be taken, `skipped` why it is not for the
    public, or "". `is_withheld`: it may not be public, as it is private or its licence forbids
    reuse, whatever was taken of it before.
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
    mode: str = ""
    note: str = ""
    sequence: int = 0
    modified: datetime | None = None
    problems: tuple[str, ...] = ()
    rejected: str = ""
    skipped: str = ""
    is_withheld: bool = False


@dataclass(frozen=True, slots=True)
class CalendarSeries:
    """All that a source says under one UID: the event, and its dates that are told apart.

    `others` are numbers of those that say the same again, or an older version of it.
    """

    main: CalendarEvent
    dates: tuple[CalendarEvent, ...] = ()
    others: tuple[int, ...] = ()

    @property
    def is_withheld(self) -> bool:
        return any(one.is_withheld for one in (self.main, *self.dates))


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """What a source gave, opened and read. `zone`: the zone of ours that it says it is made for,
    or "".

    `total`, `problems`, `encoding`, `separator` and `mapping` are what the log of imports keeps.
    """

    file_name: str
    series: tuple[CalendarSeries, ...]
    zone: str = ""
    problems: tuple[str, ...] = ()
    encoding: str = ""
    total: int = 0
    separator: str = ""
    mapping: tuple[ColumnMapping, ...] = ()

    def ids(self) -> set[str]:
        """The UIDs of all that it holds, also of what cannot be taken: it is not gone.

        What may not be public is, as far as the public is concerned.
        """
        return {one.main.uid for one in self.series if one.main.uid and not one.is_withheld}
