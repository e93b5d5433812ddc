"""The filter grammar of events: that of initiatives for words, theme and place, and days.

`parse` turns the pairs of a query string into an `EventFilters` and a page, or raises InvalidInput
naming the parameter; `to_pairs` is its inverse.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Self
from uuid import UUID

from mapservice.errors import InvalidInput
from mapservice.events.model import PUBLIC, EventMode, EventStatus
from mapservice.initiatives import filters as initiatives
from mapservice.initiatives.filters import ABOUT, InitiativeFilters, parse_moment
from mapservice.initiatives.local_days import DaysAsked
from mapservice.web.parsing import parse_limit

OWN = ("from", "to", "when", "status", "mode", "initiative", "group")
LISTS = frozenset(("status", "mode"))
TILE_DAYS = 30  # that a map shows where no days are asked for

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class EventFilters:
    """Which events. Empty fields do not restrict.

    `about` holds words, theme and place. `begin` and `end` bound when events take place: a day is
    one of the clocks at the place of each event, a moment the same everywhere; `end` is exclusive
    (of days: the day after the last). An event that is under way takes place. Without either and
    without `when`, what is over is left out.
    """

    about: InitiativeFilters = field(default_factory=InitiativeFilters)
    begin: date | datetime | None = None
    end: date | datetime | None = None
    when: DaysAsked | None = None
    status: tuple[EventStatus, ...] = ()
    mode: tuple[EventMode, ...] = ()
    initiative: UUID | None = None
    group: UUID | None = None

    @property
    def is_empty(self) -> bool:
        return self == EventFilters()

    @property
    def has_days(self) -> bool:
        """Whether the filter says when; else what is not over yet is meant."""
        return bool(self.begin or self.end or self.when)

    def to_pairs(self) -> list[tuple[str, str]]:
        """The query string that parses to this value, in canonical order."""
        end = self.end
        if end is not None and not isinstance(end, datetime):
            end = end - timedelta(days=1)
        pairs = [pair for pair in self.about.to_pairs() if pair[0] in ABOUT]
        texts = (
            ("from", self.begin.isoformat() if self.begin else ""),
            ("to", end.isoformat() if end else ""),
            ("when", str(self.when or "")),
            ("status", ",".join(self.status)),
            ("mode", ",".join(self.mode)),
            ("initiative", str(self.initiative or "")),
            ("group", str(self.group or "")),
        )
        return [*pairs, *(pair for pair in texts if pair[1])]


@dataclass(frozen=True, slots=True)
class EventCursor:
    """Where a page begins: after the event that begins and ends at these moments, with this id."""

    starts_at: datetime
    ends_at: datetime
    id: UUID

    def encode(self) -> str:
        packed = json.dumps([self.starts_at.isoformat(), self.ends_at.isoformat(), str(self.id)])
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Raises InvalidInput for what is no cursor of ours."""
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            starts, ends, row = json.loads(packed)
            moments = (parse_moment("cursor", starts), parse_moment("cursor", ends))
            return cls(*moments, UUID(row))
        except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
            raise InvalidInput("cursor", "is not one that this service gave") from None


@dataclass(frozen=True, slots=True)
class EventPageRequest:
    """How many, from where; `limit` None leaves the address its own default."""

    limit: int | None = None
    cursor: EventCursor | None = None


def parse(pairs: Iterable[tuple[str, str]]) -> tuple[EventFilters, EventPageRequest]:
    """Reads a query string. Raises InvalidInput for what is unknown, repeated or malformed."""
    about, texts = initiatives.parse_about(pairs, OWN, LISTS)
    begin = _bound("from", texts["from"]) if "from" in texts else None
    end = _bound("to", texts["to"]) if "to" in texts else None
    if end is not None and not isinstance(end, datetime):
        end += timedelta(days=1)
    when = None
    if "when" in texts:
        word = texts["when"].strip().lower()
        if word not in tuple(DaysAsked):
            raise InvalidInput("when", f"{word[:40]!r} is not one of {', '.join(DaysAsked)}")
        if begin or end:
            raise InvalidInput("when", "does not go with from or to")
        when = DaysAsked(word)
    if begin and end and _moment(begin) >= _moment(end):
        raise InvalidInput("to", "must not come before from")
    found = EventFilters(
        about=about,
        begin=begin,
        end=end,
        when=when,
        status=tuple(EventStatus(one) for one in _words("status", texts.get("status", ""), PUBLIC)),
        mode=tuple(EventMode(one) for one in _words("mode", texts.get("mode", ""), EventMode)),
        initiative=_id("initiative", texts),
        group=_id("group", texts),
    )
    paging = EventPageRequest(
        limit=parse_limit(texts["limit"]) if "limit" in texts else None,
        cursor=EventCursor.decode(texts["cursor"]) if "cursor" in texts else None,
    )
    return found, paging


def within_days(filters: EventFilters, now: datetime) -> EventFilters:
    """The same of the days that a map shows where none are asked for."""
    if filters.has_days:
        return filters
    return replace(filters, begin=now, end=now + timedelta(days=TILE_DAYS))


def with_about(filters: EventFilters, about: InitiativeFilters) -> EventFilters:
    """The same, with places that are known by name."""
    return replace(filters, about=about)


def _bound(name: str, text: str) -> date | datetime:
    """A day in ISO 8601, or a moment (RFC 3339) with its offset."""
    written = text.strip()
    if _DAY.fullmatch(written):
        try:
            day = date.fromisoformat(written)
        except ValueError:
            raise InvalidInput(name, f"{text[:40]!r} is not a date such as 2026-01-31") from None
        if not 1900 <= day.year <= 9000:
            raise InvalidInput(name, "lies outside the calendar")
        return day
    moment = parse_moment(name, written)
    if not 1900 <= moment.year <= 9000:
        raise InvalidInput(name, "lies outside the calendar")
    return moment


def _moment(bound: date | datetime) -> datetime:
    if isinstance(bound, datetime):
        return bound
    return datetime(bound.year, bound.month, bound.day, tzinfo=UTC)


def _words(name: str, text: str, known: Iterable[str]) -> tuple[str, ...]:
    allowed = tuple(known)
    chosen = {part.strip().lower() for part in text.split(",") if part.strip()}
    for one in sorted(chosen - set(allowed)):
        raise InvalidInput(name, f"{one[:40]!r} is not one of {', '.join(allowed)}")
    return tuple(one for one in allowed if one in chosen)


def _id(name: str, texts: Mapping[str, str]) -> UUID | None:
    if name not in texts:
        return None
    try:
        return UUID(texts[name].strip())
    except ValueError:
        raise InvalidInput(name, "is not an id (UUID)") from None
