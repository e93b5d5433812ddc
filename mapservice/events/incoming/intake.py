"""How sweeps of living sources take in events (`imports/sources/intakes.py`)."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine

from mapservice.events.incoming import queries
from mapservice.events.incoming.calendar_reading import read_calendar
from mapservice.events.incoming.model import CalendarFile
from mapservice.events.incoming.record_reading import read_records
from mapservice.events.incoming.service import import_calendar
from mapservice.imports.connectors.model import RecordKind
from mapservice.imports.sources.harvest import RECORDS
from mapservice.imports.sources.intakes import OWN, Intakes, RecordIntake


def _opened(
    engine: Engine, platform: str, path: Path, mapping: Mapping[str, str], count: int
) -> CalendarFile:
    del engine, platform, mapping, count
    return read_records(path) if path.suffix == RECORDS else read_calendar(path)


EVENTS = RecordIntake(
    _opened, CalendarFile.ids, queries.upcoming_titles, import_calendar, "upcoming events"
)
INTAKES: Intakes = {**OWN, RecordKind.EVENT: EVENTS}
