"""Time as OGC clients write it: instants, days and intervals, to the second and in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from mapservice.errors import InvalidInput
from mapservice.initiatives.filters import parse_moment

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(microsecond=0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
_DAY_LENGTH = len("2026-01-31")
OPEN = ("", "..")


@dataclass(frozen=True, slots=True)
class MomentSpan:
    """From one instant through another, both included; an instant is a span without length."""

    start: datetime
    end: datetime

    @classmethod
    def instant(cls, text: str, field: str) -> Self:
        """A timestamp, or a date, which lasts its whole day.

        GDAL writes the midnight that begins a day as `2026-01-31T`.
        """
        written = text.strip()
        moment = parse_moment(field, written.removesuffix("T"))
        if len(written) > _DAY_LENGTH:
            return cls(moment, moment)
        return cls(moment, moment + timedelta(days=1) - SECOND)

    @classmethod
    def between(cls, start: str, end: str, field: str) -> Self:
        """Either end may be open: ".." or "". Raises InvalidInput when they are out of order."""
        span = cls(
            FIRST if start in OPEN else cls.instant(start, field).start,
            LAST if end in OPEN else cls.instant(end, field).end,
        )
        if span.start > span.end:
            raise InvalidInput(field, "ends before it starts")
        return span

    @classmethod
    def parse(cls, text: str, field: str = "datetime") -> Self:
        """The parameter `datetime`: an instant, or `start/end`."""
        parts = text.split("/")
        if len(parts) == 1:
            return cls.instant(text, field)
        if len(parts) != len(("start", "end")):
            raise InvalidInput(field, "must be an instant or start/end")
        return cls.between(parts[0].strip(), parts[1].strip(), field)


def second_floor(moment: datetime) -> datetime:
    """The last whole second that is not after a moment."""
    return moment.replace(microsecond=0)


def second_ceiling(moment: datetime) -> datetime:
    """The first whole second that is not before a moment."""
    floor = second_floor(moment)
    return floor if floor == moment else floor + SECOND
