"""Subscriptions, their subscribers, and the signed link that unsubscribes."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Self
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from mapservice.errors import InvalidInput
from mapservice.i18n import PARIS
from mapservice.initiatives.filters import InitiativeFilters, ListingSort, parse
from mapservice.mail.unsubscribe import signature
from mapservice.territories.coordinates import BBox, LonLat

MAX_CORNERS = 100
MAX_SUBSCRIPTIONS = 20
# Initiatives that one person may follow, each by itself.
MAX_FOLLOWED = 200
MAX_AREA_LENGTH = 4_000
FIRST_HOUR, LAST_HOUR = 7, 19


@dataclass(frozen=True, slots=True)
class DrawnArea:
    """A polygon drawn on the map: its corners in degrees, EPSG:4326, the first not repeated."""

    corners: tuple[LonLat, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """`lon,lat;lon,lat;…`. Raises InvalidInput naming `area`."""
        if len(text) > MAX_AREA_LENGTH:
            raise InvalidInput("area", f"is longer than {MAX_AREA_LENGTH} characters")
        corners = [LonLat.parse(part, "area") for part in text.split(";") if part.strip()]
        if len(corners) > 1 and corners[0] == corners[-1]:
            corners.pop()
        if not 3 <= len(corners) <= MAX_CORNERS:
            raise InvalidInput("area", f"needs from 3 to {MAX_CORNERS} corners")
        return cls(tuple(corners))

    @property
    def wkt(self) -> str:
        ring = (*self.corners, self.corners[0])
        return f"POLYGON(({','.join(f'{corner.lon} {corner.lat}' for corner in ring)}))"

    @property
    def bounds(self) -> BBox:
        lons = [corner.lon for corner in self.corners]
        lats = [corner.lat for corner in self.corners]
        return BBox(min(lons), min(lats), max(lons), max(lats))

    def __str__(self) -> str:
        return ";".join(str(corner) for corner in self.corners)


@dataclass(frozen=True, slots=True)
class SubscriptionSubject:
    """What a subscription is about: a filter, and an area drawn on the map if there is one."""

    filters: InitiativeFilters
    area: DrawnArea | None = None

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], area: str = "") -> Self:
        """From query parameters, of which order and page are ignored, and what goes by the clock.

        News is told of what is new: what is open at the minute of a mail is none. Raises
        InvalidInput.
        """
        filters, _ = parse(pairs)
        filters = replace(filters, when=None, open=None)
        sort = ListingSort.NEAR if filters.near else ListingSort.RECENT
        return cls(replace(filters, sort=sort), DrawnArea.parse(area) if area.strip() else None)

    @classmethod
    def of_query(cls, query: str, area: str = "") -> Self:
        return cls.of(parse_qsl(query), area)

    @property
    def query(self) -> str:
        """The filter's canonical query string, without the area; "" for everything."""
        return urlencode(self.filters.to_pairs(), safe=",:")

    @property
    def listing(self) -> str:
        """Path of the corresponding list; for an area, that of its bounding box."""
        shown = self.filters
        if self.area and not shown.bbox:
            shown = replace(shown, bbox=self.area.bounds)
        query = urlencode(shown.to_pairs(), safe=",:")
        return f"/initiatives?{query}" if query else "/initiatives"


@dataclass(frozen=True, slots=True)
class SubjectNames:
    """Names of the territories of a subject, in order, and of the commune that its circle is in."""

    territories: tuple[str, ...] = ()
    around: str = ""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A stored subscription. Its person was told of all changes of state before `told_until`."""

    id: UUID
    subject: SubscriptionSubject
    created_at: datetime
    told_until: datetime


@dataclass(frozen=True, slots=True)
class FollowedInitiative:
    """One initiative that a person follows; `is_public`: its page can be opened."""

    id: UUID
    initiative: UUID
    title: str
    is_public: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePost:
    """What a follower is to be told about an initiative: news, its end, thanks.

    `closed_as` is "done" or "archived" for an end, which may be without words.
    """

    id: UUID
    initiative: UUID
    title: str
    kind: str
    text: str
    closed_as: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A person who gets digests, and where and how to write to them."""

    id: UUID
    person: UUID
    email: str
    locale: str
    leave_key: bytes
    base_url: str
    by_mail: bool


def leave_path(follower: UUID, key: bytes) -> str:
    """The path of the page that ends all digests of a follower; it works while they exist."""
    return f"/suivre/quitter/{follower}/{signature(follower, key)}"


def day_to_tell(now: datetime) -> date | None:
    """The day in Paris whose digests may be written now; None at night."""
    here = now.astimezone(PARIS)
    return here.date() if FIRST_HOUR <= here.hour <= LAST_HOUR else None
