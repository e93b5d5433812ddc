"""Calendars as different makers write them, by hand, dated ahead of now; what becomes of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from mapservice.events.incoming.calendar_reading import read_calendar
from mapservice.events.incoming.service import import_calendar
from mapservice.geocoding.service import Locator
from mapservice.imports.row_reports import RowReport
from mapservice.imports.service import ImportOptions, ImportRun

# A Monday some weeks ahead, so that no date of these calendars is over.
TODAY = datetime.now(UTC).date()
MONDAY = TODAY + timedelta(days=21 - TODAY.weekday())

# As Outlook writes it: its own name, rules since 1601.
ROMANCE = """BEGIN:VTIMEZONE
TZID:Romance Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE"""
# A name that nobody else knows, with the rules that Paris has had since 1970.
OWN_ZONE = """BEGIN:VTIMEZONE
TZID:Heure de la mairie
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE"""


def day(offset: int) -> str:
    """So many days after the Monday, as a calendar writes it."""
    return f"{MONDAY + timedelta(days=offset):%Y%m%d}"


def event(*lines: str, uid: str = "un@essai", title: str = "Repas de quartier") -> str:
    """A VEVENT with these lines; what they say of UID and SUMMARY goes first."""
    told = [line.partition(":")[0].partition(";")[0] for line in lines]
    own = [] if "UID" in told else [f"UID:{uid}"]
    own += [] if "SUMMARY" in told else [f"SUMMARY:{title}"]
    own += [] if "DTSTAMP" in told else ["DTSTAMP:20260101T000000Z"]
    return "\n".join(["BEGIN:VEVENT", *own, *lines, "END:VEVENT"])


def calendar(*parts: str, head: tuple[str, ...] = ()) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//essai//FR", *head, *parts]
    return "\n".join([*lines, "END:VCALENDAR", ""]).replace("\n", "\r\n")


def paris(offset: int, hour: int = 18, minute: int = 30) -> str:
    return f"DTSTART;TZID=Europe/Paris:{day(offset)}T{hour:02d}{minute:02d}00"


def paris_end(offset: int, hour: int = 20, minute: int = 0) -> str:
    return f"DTEND;TZID=Europe/Paris:{day(offset)}T{hour:02d}{minute:02d}00"


@dataclass(frozen=True, slots=True)
class Imported:
    """An import that is done, and its reports."""

    run: ImportRun
    reports: list[RowReport]

    @property
    def outcomes(self) -> list[str]:
        return [str(one.outcome) for one in self.reports]

    @property
    def reason(self) -> str:
        return self.reports[0].reason


Import = Callable[..., Imported]


def importer(engine: Engine, locator: Locator, folder: Path) -> Import:
    def take(content: str | bytes, now: datetime | None = None, **options: Any) -> Imported:
        path = folder / "essai.ics"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        told = {"platform": "Agenda de l’essai", "licence": "Licence Ouverte 2.0", **options}
        run = import_calendar(engine, locator, read_calendar(path), ImportOptions(**told), now)
        return Imported(run, list(run.reports))

    return take


def occurrences(engine: Engine, condition: str = "true") -> list[Any]:
    """All that is kept of the events of a source, in order."""
    statement = text(
        "SELECT event.*, source_id, rrule, queued_at, published_at"
        "  FROM event JOIN event_series ON event_series.id = event.series"
        f" WHERE {condition} ORDER BY source_id, starts_at, recurrence_id"
    )
    with engine.connect() as connection:
        return list(connection.execute(statement))
