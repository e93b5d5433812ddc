"""One line of a package read as what it says; what is malformed is named, never guessed."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self, TypeVar
from uuid import UUID

import shapely

from mapservice.contributions.posts.model import PostKind
from mapservice.contributions.proposals.model import one_line
from mapservice.errors import InvalidInput
from mapservice.events.model import PUBLIC as PUBLIC_EVENTS
from mapservice.events.model import EventMode, EventStatus, RegistrationMode
from mapservice.events.recurrence import ZONES, RecurrenceRule
from mapservice.geocoding.model import (
    GeocodeMatch,
    GeocodeQuery,
    MatchStatus,
    Precision,
    QueryParts,
)
from mapservice.geocoding.service import Placement
from mapservice.groups.model import (
    MAX_ORGANISATION,
    GroupOpenness,
    GroupStatus,
    OrganisationMistake,
    read_organisation,
)
from mapservice.groups.model import PUBLIC as PUBLIC_GROUPS
from mapservice.imports.readers.tables import storable
from mapservice.initiatives.facts import FACT_COLUMNS, InitiativeFacts, read_facts, typed_facts
from mapservice.initiatives.model import PUBLIC, Scale, Status, Theme
from mapservice.initiatives.service import InitiativeDraft
from mapservice.media.model import MAX_ALT, MAX_CREDIT
from mapservice.publishing.packages.model import NAMES

Choice = TypeVar("Choice", bound=StrEnum)

MAX_SHAPE_VERTICES = 10_000
MAX_ATTRIBUTES = 60_000  # signs of JSON
MAX_LINKED = 10_000  # initiatives of a group
# What depends on where a line is read or written, and not on what it says.
_PLACE_OF_WRITING = frozenset((*NAMES, "url", "supporters", "source_supporters"))
_WEB = re.compile(r"https?://[^\s]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_DURATION = re.compile(r"PT([0-9]{1,8})S")
_PATH = re.compile(r"photos/[0-9a-f-]{36}\.webp")


@dataclass(frozen=True, slots=True)
class LineMembers:
    """The members of a line, read by their names; InvalidInput names the one at fault."""

    values: Mapping[str, Any]

    def text(self, name: str, most: int, *, least: int = 0) -> str:
        """Paragraphs of plain text; "" for null."""
        value = self.values.get(name)
        if value is None:
            value = ""
        if not isinstance(value, str):
            raise InvalidInput(name, "is no text")
        value = storable(value)
        if not least <= len(value) <= most:
            raise InvalidInput(name, f"has {len(value)} signs, not {least} to {most}")
        return value

    def line(self, name: str, most: int, *, least: int = 0) -> str:
        text = self.text(name, most, least=least)
        return _CONTROL.sub(" ", text).strip() if _CONTROL.search(text) else text

    def choice(self, name: str, kind: type[Choice], known: tuple[Choice, ...] = ()) -> Choice:
        value = self.values.get(name)
        if value not in tuple(known or kind):
            raise InvalidInput(name, f"is not one of {', '.join(known or kind)}")
        return kind(value)

    def uuid(self, name: str) -> UUID:
        try:
            return UUID(str(self.values.get(name)))
        except ValueError:
            raise InvalidInput(name, "is no UUID") from None

    def uuid_or_none(self, name: str) -> UUID | None:
        return None if self.values.get(name) is None else self.uuid(name)

    def moment(self, name: str) -> datetime:
        """A moment with its offset from UTC."""
        return self._time(name, has_zone=True)

    def moment_or_none(self, name: str) -> datetime | None:
        return None if self.values.get(name) is None else self.moment(name)

    def wall_time(self, name: str) -> datetime:
        return self._time(name, has_zone=False)

    def number(self, name: str, most: int, *, least: int = 0) -> int:
        value = self.values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise InvalidInput(name, f"is no whole number of {least} to {most}")
        return value

    def number_or_none(self, name: str, most: int) -> int | None:
        return None if self.values.get(name) is None else self.number(name, most)

    def address(self, name: str, most: int = 2_000) -> str:
        """An address of the web, "" for null."""
        text = self.line(name, most)
        if text and not _WEB.fullmatch(text):
            raise InvalidInput(name, "is no address of the web")
        return text

    def objects(self, name: str) -> dict[str, Any]:
        value = self.values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise InvalidInput(name, "is no object")
        return value

    def _time(self, name: str, *, has_zone: bool) -> datetime:
        return _moment(name, self.values.get(name), has_zone=has_zone)


def read_initiative(feature: Mapping[str, Any]) -> InitiativeDraft:
    """A feature of `initiatives.geojsonl`. Raises InvalidInput naming the member at fault."""
    told = _members(feature)
    created_period = told.line("created_period", 7) or None
    precision = told.choice("precision", Precision)
    supporters = told.number_or_none("supporters", 2**30) or 0
    source_supporters = told.number_or_none("source_supporters", 2**30)
    if supporters or source_supporters is not None:
        # Confirmed elsewhere, by people who are not known here: told by its source.
        source_supporters = supporters + (source_supporters or 0)
    source = told.line("source", 200, least=1)
    return InitiativeDraft(
        id=None,
        new_id=told.uuid("id"),
        title=told.line("title", 200, least=1),
        summary=told.text("summary", 500),
        description=told.text("description", 20_000),
        theme=told.choice("theme", Theme),
        scale=told.choice("scale", Scale),
        status=told.choice("status", Status, PUBLIC),
        created_at=told.moment_or_none("created_at"),
        created_period=created_period,
        updated_at=told.moment_or_none("updated_at"),
        source_platform=source,
        source_id=told.line("source_id", 400) or None,
        source_url=told.address("source_url"),
        source_licence=told.line("licence", 300),
        source_digest=None,
        place_text=told.line("place_text", 1_000),
        placement=_placement(told, precision, feature.get("geometry")),
        facts=_facts(told),
        attributes=_attributes(told),
        shape=_shape(told),
        source_supporters=source_supporters,
    )


def digest(feature: Mapping[str, Any]) -> str:
    """Of all that a line says, wherever it is written; supports count as the source claims them."""
    properties = dict(feature["properties"])
    told = sum(properties.get(name) or 0 for name in ("supporters", "source_supporters"))
    content = {
        name: value for name, value in properties.items() if name not in _PLACE_OF_WRITING
    } | {"geometry": feature.get("geometry"), "supports": told}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _members(feature: Mapping[str, Any]) -> LineMembers:
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        raise InvalidInput("properties", "are missing: no feature")
    return LineMembers(properties)


def _placement(told: LineMembers, precision: Precision, geometry: Any) -> Placement:
    level = Precision.COMMUNE if precision is Precision.POINT else precision
    has_code = level not in (Precision.NATIONAL, Precision.NONE)
    code = told.line(str(level), 9, least=1) if has_code else None
    point = _point(geometry)
    if (point is not None) != (precision is Precision.POINT):
        raise InvalidInput("geometry", f"does not go with the precision {precision}")
    match = LineMembers(told.objects("place_match"))
    kept = bool(match.values)
    score = match.values.get("score") if kept else 0.0
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise InvalidInput("place_match", "has no score of 0 to 1")
    return Placement(
        precision=precision,
        code=code,
        lon=point[0] if point else None,
        lat=point[1] if point else None,
        match=GeocodeMatch(
            query=GeocodeQuery(text=told.line("place_text", 1_000)),
            parts=QueryParts(),
            status=match.choice("status", MatchStatus) if kept else MatchStatus.NONE,
            precision=level,
            score=float(score),
            method=match.line("method", 100) if kept else "",
            year=match.number("cog_year", 2200, least=1943) if kept else 0,
            reason="as told by the package that it came with",
        ),
        to_review=False,
        attribution=match.line("attribution", 300) if kept else "",
    )


def _point(geometry: Any) -> tuple[float, float] | None:
    """Longitude and latitude (EPSG:4326); None for null."""
    if geometry is None:
        return None
    pair = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if not isinstance(pair, list) or len(pair) != 2 or geometry.get("type") != "Point":
        raise InvalidInput("geometry", "is no point, nor null")
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in pair):
        raise InvalidInput("geometry", "has no two numbers")
    lon, lat = float(pair[0]), float(pair[1])
    if abs(lon) > 180 or abs(lat) > 85:
        raise InvalidInput("geometry", "lies off the map")
    return lon, lat


def _facts(told: LineMembers) -> InitiativeFacts:
    """Through the same gate as what people type."""
    stored = {name: told.values[name] for name in FACT_COLUMNS if told.values.get(name) is not None}
    try:
        facts = InitiativeFacts.from_json(stored)
        read, mistakes, why = read_facts(typed_facts(facts), one_line)
    except (TypeError, ValueError, AttributeError):
        raise InvalidInput("facts", "are malformed") from None
    for name, mistake in mistakes.items():
        raise InvalidInput(name, why or str(mistake))
    return read


def _attributes(told: LineMembers) -> dict[str, Any]:
    found = told.objects("attributes")
    if len(json.dumps(found)) > 2 * MAX_ATTRIBUTES:
        raise InvalidInput("attributes", "say too much")
    for name, value in found.items():
        if not isinstance(value, str | int | float | bool | None):
            raise InvalidInput("attributes", f"{name[:50]!r} is no plain value")
    return {
        storable(name): storable(value) if isinstance(value, str) else value
        for name, value in found.items()
    }


def _shape(told: LineMembers) -> str:
    """Hexadecimal digits of its WKB (EPSG:4326), "" for none."""
    written = told.objects("shape")
    if not written:
        return ""
    try:
        shape = shapely.from_geojson(json.dumps(written))
    except (shapely.GEOSException, ValueError):
        raise InvalidInput("shape", "is no geometry") from None
    if shape.is_empty or shapely.get_num_coordinates(shape) > MAX_SHAPE_VERTICES:
        raise InvalidInput("shape", f"is empty, or has over {MAX_SHAPE_VERTICES} vertices")
    return str(shapely.to_wkb(shape, hex=True))


@dataclass(frozen=True, slots=True)
class PostRecord:
    """A piece of news, or closing words."""

    id: UUID
    initiative: UUID
    kind: str
    text: str
    closed_as: str | None
    made_at: datetime
    published_at: datetime

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> Self:
        told = LineMembers(line)
        kind = told.choice("kind", PostKind, (PostKind.NEWS, PostKind.CLOSING))
        closed = None
        if kind is PostKind.CLOSING:
            closed = str(told.choice("closed_as", Status, (Status.DONE, Status.ARCHIVED)))
        return cls(
            told.uuid("id"),
            told.uuid("initiative"),
            str(kind),
            told.text("text", 4_000, least=0 if closed else 1),
            closed,
            told.moment("made_at"),
            told.moment("published_at"),
        )

    def bound(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """What is said of a photo; `path` "" where its picture is not in the package."""

    id: UUID
    initiative: UUID
    post: UUID | None
    position: int
    alt: str
    credit: str
    focal_x: int
    focal_y: int
    added_at: datetime
    path: str

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> Self:
        told = LineMembers(line)
        path = told.line("path", 100)
        if path and not _PATH.fullmatch(path):
            raise InvalidInput("path", "is not one of a picture")
        return cls(
            told.uuid("id"),
            told.uuid("initiative"),
            told.uuid_or_none("post"),
            told.number("position", 32_000),
            told.line("alt", MAX_ALT),
            told.line("credit", MAX_CREDIT),
            told.number("focal_x", 100),
            told.number("focal_y", 100),
            told.moment("added_at"),
            path,
        )


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A group; `values` are the columns of `local_group`, its point as `lon` and `lat`."""

    id: UUID
    source: str
    initiatives: list[UUID]
    values: dict[str, Any]

    @classmethod
    def read(cls, feature: Mapping[str, Any]) -> Self:
        told = _members(feature)
        point = _point(feature.get("geometry"))
        status = told.choice("status", GroupStatus, PUBLIC_GROUPS)
        organisation = read_organisation(told.line("organisation", MAX_ORGANISATION))
        if isinstance(organisation, OrganisationMistake):
            raise InvalidInput("organisation", str(organisation))
        linked = told.values.get("initiatives") or []
        if not isinstance(linked, list) or len(linked) > MAX_LINKED:
            raise InvalidInput("initiatives", "is no list of identifiers")
        values = {
            "status": str(status),
            "name": told.line("name", 200, least=1),
            "summary": told.text("summary", 500),
            "description": told.text("description", 20_000),
            "theme": str(told.choice("theme", Theme)),
            "openness": str(told.choice("openness", GroupOpenness)),
            "organisation": organisation,
            "area": str(told.choice("area", Scale)),
            "place_text": told.line("place_text", 1_000),
            "precision": str(told.choice("precision", Precision)),
            "lon": point[0] if point else None,
            "lat": point[1] if point else None,
            **_codes(told),
            "last_sign_at": told.moment("last_sign_at"),
            "submitted_at": told.moment("submitted_at"),
            "published_at": told.moment("published_at"),
            "archived_at": told.moment("archived_at") if status is GroupStatus.ARCHIVED else None,
            "source_url": told.address("source_url"),
            "source_licence": told.line("licence", 300),
        }
        return cls(
            told.uuid("id"),
            told.line("source", 200, least=1),
            [LineMembers({"initiatives": one}).uuid("initiatives") for one in linked],
            values,
        )

    def bound(self) -> dict[str, Any]:
        return {"id": self.id, "source": self.source, **self.values}


@dataclass(frozen=True, slots=True)
class SeriesRecord:
    """When events take place."""

    id: UUID
    continues: UUID | None
    group: UUID | None
    starts_local: datetime
    duration: timedelta
    zone: str
    rrule: str
    exdates: list[datetime]
    rdates: list[datetime]
    made_until: datetime | None
    submitted_at: datetime
    published_at: datetime
    source: str
    source_url: str
    source_licence: str

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> Self:
        told = LineMembers(line)
        zone = _zone(told)
        rrule = told.line("rrule", 300)
        if rrule:
            RecurrenceRule.parse(rrule, zone)
        written = _DURATION.fullmatch(told.line("duration", 20))
        if not written:
            raise InvalidInput("duration", "is not told in seconds, such as PT7200S")
        return cls(
            told.uuid("id"),
            told.uuid_or_none("continues"),
            told.uuid_or_none("group"),
            told.wall_time("starts_local"),
            timedelta(seconds=int(written[1])),
            zone,
            rrule,
            _wall_times(told, "exdates"),
            _wall_times(told, "rdates"),
            told.moment_or_none("made_until"),
            told.moment("submitted_at"),
            told.moment("published_at"),
            told.line("source", 200, least=1),
            told.address("source_url"),
            told.line("licence", 300),
        )

    def bound(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One occurrence; `values` are the columns of `event`, its point as `lon` and `lat`."""

    id: UUID
    series: UUID
    values: dict[str, Any]

    @classmethod
    def read(cls, feature: Mapping[str, Any]) -> Self:
        told = _members(feature)
        point = _point(feature.get("geometry"))
        values = {
            "recurrence_id": told.wall_time("recurrence_id"),
            "changed_alone": told.values.get("changed_alone") is True,
            "status": str(told.choice("status", EventStatus, PUBLIC_EVENTS)),
            "title": told.line("title", 200, least=1),
            "summary": told.text("summary", 500),
            "description": told.text("description", 20_000),
            "theme": str(told.choice("theme", Theme)),
            "initiative": told.uuid_or_none("initiative"),
            "starts_at": told.moment("starts_at"),
            "ends_at": told.moment("ends_at"),
            "zone": _zone(told),
            "starts_local": told.wall_time("starts_local"),
            "ends_local": told.wall_time("ends_local"),
            "mode": str(told.choice("mode", EventMode)),
            "online_url": told.address("online_url"),
            "place_text": told.line("place_text", 1_000),
            "precision": str(told.choice("precision", Precision)),
            "lon": point[0] if point else None,
            "lat": point[1] if point else None,
            **_codes(told),
            "registration": str(told.choice("registration", RegistrationMode, _REGISTRATIONS)),
            "registration_url": told.address("registration_url"),
            "capacity": told.number_or_none("capacity", 2**30),
            "former_starts_at": told.moment_or_none("former_starts_at"),
            "former_place": told.line("former_place", 1_000),
            "note": told.text("note", 2_000),
            "sequence": told.number("sequence", 2**30),
            "created_at": told.moment("created_at"),
            "cancelled_at": told.moment_or_none("cancelled_at"),
        }
        return cls(told.uuid("id"), told.uuid("series"), values)

    def bound(self) -> dict[str, Any]:
        return {"id": self.id, "series": self.series, **self.values}


# Nobody here could give the seats of an event from elsewhere.
_REGISTRATIONS = (RegistrationMode.NONE, RegistrationMode.EXTERNAL)


def _codes(told: LineMembers) -> dict[str, str | None]:
    """The codes of its territories, as they are told: what they mean, the database knows."""
    names = ("commune", "epci", "departement", "region")
    return {name: told.line(name, 9) or None for name in names}


def _zone(told: LineMembers) -> str:
    zone = told.line("zone", 50)
    if zone not in ZONES:
        raise InvalidInput("zone", f"is not one of {', '.join(ZONES)}")
    return zone


def _wall_times(told: LineMembers, name: str) -> list[datetime]:
    value = told.values.get(name)
    if not isinstance(value, list) or len(value) > 2_000:
        raise InvalidInput(name, "is no list of wall times")
    return [_moment(name, one, has_zone=False) for one in value]


def _moment(name: str, value: Any, *, has_zone: bool) -> datetime:
    try:
        read = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidInput(name, "is no moment (RFC 3339)") from None
    if (read.tzinfo is not None) != has_zone:
        wanted = "needs its offset from UTC" if has_zone else "is wall time, without an offset"
        raise InvalidInput(name, wanted)
    return read
