"""The one filter grammar: what every list, map, tile, export and feed of initiatives accepts.

`parse` turns the pairs of a query string into an `InitiativeFilters` and a `PageRequest`, or raises
InvalidInput naming the parameter. Once built, both are valid; `to_pairs` is the inverse of `parse`.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import partial
from itertools import pairwise
from typing import Any, Self, TypeVar

from mapservice.errors import InvalidInput
from mapservice.geocoding.model import Precision
from mapservice.initiatives import local_days
from mapservice.initiatives.facts import Audience, read_tag
from mapservice.initiatives.kept_attributes import MAX_ASKED, PREFIX, AttributeAsked
from mapservice.initiatives.local_days import DaysAsked
from mapservice.initiatives.model import LISTED, PUBLIC, Status, Theme
from mapservice.territories.coordinates import BBox, LonLat
from mapservice.territories.model import Level, TerritoryRef
from mapservice.web.parsing import parse_limit, parse_number, plain_number

Choice = TypeVar("Choice", bound=StrEnum)

DEFAULT_RADIUS = 10_000.0  # metres
MAX_RADIUS = 1_000_000.0
MAX_TERRITORIES = 100
MAX_QUERY_LENGTH = 200
MAX_TAGS_ASKED = 20

_CODE = re.compile(r"[0-9A-Z]{1,9}")


class ListingSort(StrEnum):
    """Orders of a listing; each is total, by falling back on the id."""

    RECENT = "recent"
    SUPPORTED = "supported"
    NEAR = "near"


class OpenAsked(StrEnum):
    """When it is to be open."""

    NOW = "now"


class AccessAsked(StrEnum):
    """Whom it must be wholly accessible to, as somebody told."""

    WHEELCHAIR = "wheelchair"


@dataclass(frozen=True, slots=True)
class InitiativeFilters:
    """Which initiatives, in which order. Empty fields do not restrict.

    `status` empty means what a listing shows by default (published and done). `since` and
    `until` bound the creation date, `until` exclusive: what has no known day matches neither.
    `radius` is in metres. `when` and `open` go by the clock of each place: `as_of` is the minute
    (UTC) that they are asked for, the present one unless it is given; it is no parameter. `attr`
    holds the parameters `attr.NAME`.
    """

    q: str = ""
    theme: tuple[Theme, ...] = ()
    status: tuple[Status, ...] = ()
    territory: tuple[TerritoryRef, ...] = ()
    bbox: BBox | None = None
    near: LonLat | None = None
    radius: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    precision: tuple[Precision, ...] = ()
    when: DaysAsked | None = None
    open: OpenAsked | None = None
    access: tuple[AccessAsked, ...] = ()
    tag: tuple[str, ...] = ()
    audience: tuple[Audience, ...] = ()
    attr: tuple[AttributeAsked, ...] = ()
    sort: ListingSort = ListingSort.RECENT
    as_of: datetime | None = None

    def __post_init__(self) -> None:
        # Never anything else, so that equal filters are equal, whoever made them.
        as_of = (self.as_of or local_days.now()) if self.goes_by_clock else None
        object.__setattr__(self, "as_of", as_of)

    @property
    def goes_by_clock(self) -> bool:
        """Whether the same filter finds others later on, though nothing has changed."""
        return bool(self.when or self.open)

    @property
    def statuses(self) -> tuple[Status, ...]:
        return self.status or LISTED

    @property
    def is_empty(self) -> bool:
        """Whether nothing is restricted; the order does not count."""
        return replace(self, sort=ListingSort.RECENT) == InitiativeFilters()

    @property
    def counted(self) -> bool:
        """Whether the rollups can answer: only themes, statuses and territories of one level."""
        return self.bbox is None and self.counted_within

    @property
    def counted_within(self) -> bool:
        """The same of what is left without the box."""
        others = (self.q, self.near, self.radius, self.since, self.until, self.precision)
        facts = (self.when, self.open, self.access, self.tag, self.audience, self.attr)
        return not any((*others, *facts)) and len({ref.level for ref in self.territory}) <= 1

    @property
    def has_generic_plan(self) -> bool:
        """Whether one plan is best for all values: themes and statuses alone do not change it."""
        return self.counted and not self.territory

    def to_pairs(self) -> list[tuple[str, str]]:
        """The query string that parses to this value, in canonical order."""
        since = until = ""
        if self.since:
            is_day = self.since.time() == time()
            since = self.since.date().isoformat() if is_day else self.since.isoformat()
        if self.until:
            # The day whose end this is; the calendar knows none before its first.
            is_day = self.until.time() == time() and self.until.date() > date.min
            last_day = (self.until - timedelta(days=1)).date() if is_day else None
            until = last_day.isoformat() if last_day else self.until.isoformat()
        default = ListingSort.NEAR if self.near else ListingSort.RECENT
        texts = (
            ("q", self.q),
            ("theme", ",".join(self.theme)),
            ("status", ",".join(self.status)),
            ("territory", ",".join(str(ref) for ref in self.territory)),
            ("bbox", str(self.bbox or "")),
            ("near", str(self.near or "")),
            ("radius", plain_number(self.radius) if self.radius else ""),
            ("since", since),
            ("until", until),
            ("precision", ",".join(self.precision)),
            ("when", self.when or ""),
            ("open", self.open or ""),
            ("access", ",".join(self.access)),
            ("tag", ",".join(self.tag)),
            ("audience", ",".join(self.audience)),
            *((one.parameter, one.text) for one in self.attr),
            ("sort", "" if self.sort is default else self.sort),
        )
        return [(name, text) for name, text in texts if text]


# What a cursor holds of a row without a known day: so PostgreSQL writes a moment before all others.
UNDATED = "-infinity"


@dataclass(frozen=True, slots=True)
class ListingCursor:
    """Where a page begins: after the row with this sort value and id."""

    sort: ListingSort
    value: float | str
    id: str

    def encode(self) -> str:
        packed = json.dumps([self.sort, self.value, self.id], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            sort, value, row = json.loads(packed)
            cursor = cls(ListingSort(sort), value, row)
        except (ValueError, TypeError, binascii.Error, RecursionError):
            raise InvalidInput("cursor", "is not one that this service gave") from None
        if not cursor.is_sound():
            raise InvalidInput("cursor", "is not one that this service gave")
        return cursor

    def is_sound(self) -> bool:
        if not isinstance(self.id, str) or not _UUID.fullmatch(self.id):
            return False
        if self.sort is ListingSort.RECENT:
            if self.value == UNDATED:
                return True
            try:
                return isinstance(self.value, str) and bool(parse_moment("cursor", self.value))
            except InvalidInput:
                return False
        number = self.value
        if not isinstance(number, int | float) or isinstance(number, bool):
            return False
        return 0 <= number < 2**31


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many, from where; `limit` None leaves the door its own default."""

    limit: int | None = None
    cursor: ListingCursor | None = None


# What says something of all that has words, a theme and a place.
ABOUT = ("q", "theme", "territory", "bbox", "near", "radius")


def parse_about(
    pairs: Iterable[tuple[str, str]], own: Collection[str], lists: Collection[str]
) -> tuple[InitiativeFilters, dict[str, str]]:
    """The query string of something that is found by words, theme and place as initiatives are.

    `own` are the names of its further parameters, whose texts are returned as they came; those of
    `lists` may be repeated, and are joined by commas. `limit` and `cursor` are among the texts too.
    Raises InvalidInput for what is unknown, repeated or malformed.
    """
    shared: list[tuple[str, str]] = []
    texts: dict[str, str] = {}
    for name, text in pairs:
        if name in ABOUT:
            shared.append((name, text))
            continue
        if name not in own and name not in ("limit", "cursor"):
            raise InvalidInput(name[:50], "is not a parameter of this address")
        if not text.strip():
            continue  # an HTML form sends its empty fields too
        if name in texts and name not in lists:
            raise InvalidInput(name, "is given more than once")
        texts[name] = f"{texts[name]},{text}" if name in texts else text
    about, _paging = parse(shared)
    return about, texts


def parse(pairs: Iterable[tuple[str, str]]) -> tuple[InitiativeFilters, PageRequest]:
    """Reads a query string. Raises InvalidInput for what is unknown, repeated or malformed."""
    texts: dict[str, str] = {}
    for name, text in pairs:
        if name not in PARAMETERS and not name.startswith(PREFIX):
            raise InvalidInput(name[:50], "is not a parameter of this address")
        if "\x00" in text:
            raise InvalidInput(name[:50], "must not contain a null character")
        if not text.strip():
            continue  # an HTML form sends its empty fields too
        if name in texts and name not in LISTS:
            raise InvalidInput(name[:50], "is given more than once")
        texts[name] = f"{texts[name]},{text}" if name in texts else text
    filters = InitiativeFilters(
        **{name: read(texts[name]) for name, read in _READERS.items() if name in texts},
        attr=_attributes(texts),
    )

    # The rules that tie parameters to each other.
    if filters.near is not None:
        sort = filters.sort if "sort" in texts else ListingSort.NEAR
        filters = replace(filters, sort=sort, radius=filters.radius or DEFAULT_RADIUS)
    elif filters.radius is not None:
        raise InvalidInput("radius", "needs near=longitude,latitude")
    elif filters.sort is ListingSort.NEAR:
        raise InvalidInput("sort", "near needs near=longitude,latitude")
    if filters.since and filters.until and filters.since >= filters.until:
        raise InvalidInput("until", "must come after since")

    paging = PageRequest(
        limit=parse_limit(texts["limit"]) if "limit" in texts else None,
        cursor=ListingCursor.decode(texts["cursor"]) if "cursor" in texts else None,
    )
    if paging.cursor and paging.cursor.sort is not filters.sort:
        raise InvalidInput("cursor", "belongs to another sort")
    return filters, paging


def _choices(field: str, kind: type[Choice], allowed: Iterable[Choice]) -> Callable[[str], Any]:
    known = tuple(allowed)

    def read(text: str) -> tuple[Choice, ...]:
        chosen = {_choice(field, part, kind, known) for part in text.split(",")}
        return tuple(choice for choice in known if choice in chosen)

    return read


def _choice(field: str, text: str, kind: type[Choice], allowed: tuple[Choice, ...]) -> Choice:
    value = text.strip().lower()
    if value not in allowed:
        raise InvalidInput(field, f"{text[:40]!r} is not one of {', '.join(allowed)}")
    return kind(value)


def _query(text: str) -> str:
    words = " ".join(text.split())
    if len(words) > MAX_QUERY_LENGTH:
        raise InvalidInput("q", f"is longer than {MAX_QUERY_LENGTH} characters")
    return words


def _tags(text: str) -> tuple[str, ...]:
    """Tags as they are kept, each once, in order: any of them is looked for."""
    tags = {tag for tag in map(read_tag, text.split(",")) if tag}
    if not tags:
        raise InvalidInput("tag", f"{text[:40]!r} is not a tag")
    if len(tags) > MAX_TAGS_ASKED:
        raise InvalidInput("tag", f"names more than {MAX_TAGS_ASKED} tags")
    return tuple(sorted(tags))


def _attributes(texts: Mapping[str, str]) -> tuple[AttributeAsked, ...]:
    """Columns that sources keep beside the fields, in the order of their names: all must hold."""
    names = [name for name in texts if name.startswith(PREFIX)]
    asked = sorted(AttributeAsked.parse(name, texts[name]) for name in names)
    if len(asked) > MAX_ASKED:
        raise InvalidInput(f"{PREFIX}*", f"names more than {MAX_ASKED} columns")
    for one, other in pairwise(asked):
        if one.name == other.name:
            raise InvalidInput(one.parameter[:50], "is given more than once")
    return tuple(asked)


def _territories(text: str) -> tuple[TerritoryRef, ...]:
    parts = [part.strip() for part in re.split(r"[,|]", text)]
    if len(parts) > MAX_TERRITORIES:
        raise InvalidInput("territory", f"names more than {MAX_TERRITORIES} territories")
    return tuple(sorted({parse_territory(part) for part in parts}))


def parse_territory(text: str, field: str = "territory") -> TerritoryRef:
    """`level:code`, such as `commune:35238` or `departement:2A`."""
    level, _, code = text.partition(":")
    if level not in tuple(Level) or not _CODE.fullmatch(code.upper()):
        raise InvalidInput(field, f"{text[:40]!r} is not level:code, such as commune:35238")
    return TerritoryRef(Level(level), code.upper())


def _radius(text: str) -> float:
    metres = parse_number("radius", text)
    if not 0 < metres <= MAX_RADIUS:
        raise InvalidInput("radius", f"must lie between 0 and {MAX_RADIUS:.0f} metres")
    return metres


def _until(text: str) -> datetime:
    """A day means through its end, so the exclusive bound is the day after."""
    moment = parse_moment("until", text)
    return moment + timedelta(days=1) if _DAY.fullmatch(text.strip()) else moment


# Digits are ASCII, and the parts those of RFC 3339: Python reads much more than that.
_DAY = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}")
_MOMENT = re.compile(_DAY.pattern + r"([T ][0-9:.]{2,15}(Z|[+ -][0-9:]{2,6})?)?")


def parse_moment(field: str, text: str) -> datetime:
    """An ISO date (its first instant, UTC) or an RFC 3339 timestamp, from year 1 to 9998."""
    written = text.strip()
    try:
        if not _MOMENT.fullmatch(written):
            raise ValueError(written)
        # A "+" that was not escaped in an address arrives as a blank.
        mended = written.replace(" ", "+") if "T" in written else written
        moment = datetime.fromisoformat(mended)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(field, f"{text[:40]!r} is not a date such as 2026-01-31") from None
    if not 1 <= moment.year <= 9998:
        raise InvalidInput(field, "lies outside the calendar")
    return moment


_READERS: dict[str, Callable[[str], Any]] = {
    "q": _query,
    "theme": _choices("theme", Theme, Theme),
    "status": _choices("status", Status, PUBLIC),
    "territory": _territories,
    "bbox": BBox.parse,
    "near": LonLat.parse,
    "radius": _radius,
    "since": partial(parse_moment, "since"),
    "until": _until,
    "precision": _choices("precision", Precision, Precision),
    "when": lambda text: _choice("when", text, DaysAsked, tuple(DaysAsked)),
    "open": lambda text: _choice("open", text, OpenAsked, tuple(OpenAsked)),
    "access": _choices("access", AccessAsked, AccessAsked),
    "tag": _tags,
    "audience": _choices("audience", Audience, Audience),
    "sort": lambda text: _choice("sort", text, ListingSort, tuple(ListingSort)),
}
LISTS = frozenset({"theme", "status", "territory", "precision", "access", "tag", "audience"})
PARAMETERS = frozenset(_READERS) | {"limit", "cursor"}


# What counts per territory know nothing of.
FACTS = ("when", "open", "access", "tag", "audience", "attr")
UNCOUNTED = ("q", "bbox", "near", "radius", "precision", *FACTS)


@dataclass(frozen=True, slots=True)
class RollupScope:
    """Which counts: the part of the filter grammar that rollups can answer.

    `since` and `until` are first days of months, `until` exclusive; None leaves that end open.
    """

    statuses: tuple[Status, ...]
    themes: tuple[Theme, ...] = ()
    territories: tuple[TerritoryRef, ...] = ()
    since: date | None = None
    until: date | None = None

    @classmethod
    def of(cls, filters: InitiativeFilters) -> Self:
        """Raises InvalidInput naming a parameter that counts cannot follow."""
        for field in UNCOUNTED:
            if getattr(filters, field):
                raise InvalidInput(field, "does not apply to counts per territory")
        return cls(
            statuses=filters.statuses,
            themes=filters.theme,
            territories=filters.territory,
            since=_month("since", filters),
            until=_month("until", filters),
        )


def _month(field: str, filters: InitiativeFilters) -> date | None:
    moment = getattr(filters, field)
    if moment is None:
        return None
    if moment.day != 1 or moment.time() != moment.min.time():
        raise InvalidInput(field, "counts are kept by month: give its first (until: last) day")
    return date(moment.year, moment.month, 1)
