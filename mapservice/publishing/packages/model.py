"""What a data package holds: its files, their columns, and what is left out of it.

The archive is a Frictionless Data Package 1.0 (`datapackage.json`); `docs/packages.md` says what
each file holds. What our own import needs beyond the standard stands in the member `mapservice`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mapservice.initiatives.facts import FACT_COLUMNS

MANIFEST = "datapackage.json"
README = "LISEZMOI.md"
OWN = "mapservice"
VERSION = 1
PHOTO_FOLDER = "photos"
# Members of `initiatives.geojsonl` that name territories: another load may call them otherwise.
NAMES = ("commune_name", "region_name")


class PackageResource(StrEnum):
    """The tables of a package, in the order in which they are written and read."""

    INITIATIVES = "initiatives"
    POSTS = "posts"
    PHOTOS = "photos"
    GROUPS = "groups"
    SERIES = "series"
    EVENTS = "events"

    @property
    def path(self) -> str:
        return f"{self}.geojsonl" if self in SPATIAL else f"{self}.jsonl"

    @property
    def media_type(self) -> str:
        return "application/geo+json-seq" if self in SPATIAL else "application/x-ndjson"


SPATIAL = (PackageResource.INITIATIVES, PackageResource.GROUPS, PackageResource.EVENTS)


@dataclass(frozen=True, slots=True)
class PackageOrigin:
    """The service that a package comes from; `base_url` is "" where it has no public address."""

    name: str
    base_url: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a package does not hold, how many, and why, in English as all of the manifest."""

    what: str
    count: int
    why: str

    def to_json(self) -> dict[str, Any]:
        return {"what": self.what, "count": self.count, "why": self.why}


@dataclass(frozen=True, slots=True)
class LicenceCount:
    """Under which words of its source how many initiatives are; "" where no licence was told."""

    licence: str
    initiatives: int


SOURCE_FIELDS = ("source", "source_url", "licence", "attribution")

_OTHER_TYPES = {
    "supporters": "integer",
    "source_supporters": "integer",
    "created_at": "datetime",
    "updated_at": "datetime",
    "published_at": "datetime",
    "archived_at": "datetime",
    "last_sign_at": "datetime",
    "made_at": "datetime",
    "added_at": "datetime",
    "starts_at": "datetime",
    "ends_at": "datetime",
    "former_starts_at": "datetime",
    "cancelled_at": "datetime",
    "start_day": "date",
    "end_day": "date",
    "is_free": "boolean",
    "changed_alone": "boolean",
    "tags": "array",
    "audience": "array",
    "exdates": "array",
    "rdates": "array",
    "attributes": "object",
    "shape": "geojson",
    "place_match": "object",
    "position": "integer",
    "focal_x": "integer",
    "focal_y": "integer",
    "width": "integer",
    "height": "integer",
    "capacity": "integer",
    "sequence": "integer",
    "members": "integer",
    "initiatives": "array",
    "duration": "duration",
}

FIELDS: dict[PackageResource, tuple[str, ...]] = {
    PackageResource.INITIATIVES: (
        *("id", "title", "summary", "description", "theme", "status", "scale", "precision"),
        *("commune", "commune_name", "epci", "departement", "region", "region_name"),
        *("place_text", "place_match", "shape", "supporters", "source_supporters"),
        *("created_at", "created_period", "updated_at", "url", "source_id", *SOURCE_FIELDS),
        *(*FACT_COLUMNS, "attributes"),
    ),
    PackageResource.POSTS: (
        *("id", "initiative", "kind", "text", "closed_as", "made_at", "published_at"),
        *SOURCE_FIELDS,
    ),
    PackageResource.PHOTOS: (
        *("id", "initiative", "post", "position", "alt", "credit", "focal_x", "focal_y"),
        *("width", "height", "added_at", "path", *SOURCE_FIELDS),
    ),
    PackageResource.GROUPS: (
        *("id", "status", "name", "summary", "description", "theme", "openness", "organisation"),
        *("area", "precision", "commune", "epci", "departement", "region", "place_text", "members"),
        *("initiatives", "last_sign_at", "submitted_at", "published_at", "archived_at", "url"),
        *SOURCE_FIELDS,
    ),
    PackageResource.SERIES: (
        *("id", "continues", "group", "starts_local", "duration", "zone", "rrule", "exdates"),
        *("rdates", "made_until", "submitted_at", "published_at", *SOURCE_FIELDS),
    ),
    PackageResource.EVENTS: (
        *("id", "series", "recurrence_id", "changed_alone", "status", "title", "summary"),
        *("description", "theme", "initiative", "starts_at", "ends_at", "zone", "starts_local"),
        *("ends_local", "mode", "online_url", "place_text", "precision", "commune", "epci"),
        *("departement", "region", "registration", "registration_url", "capacity"),
        *("former_starts_at", "former_place", "note", "sequence", "created_at", "cancelled_at"),
        *("url", *SOURCE_FIELDS),
    ),
}

MEANINGS = {
    "supporters": "confirmed by mail at the service that wrote this package",
    "source_supporters": "told by its source, verified by nobody here",
    "members": "confirmed by mail at the service that wrote this package; who they are stays there",
    "initiatives": "those of this package that belong to the group",
    "group": "the group of this package that an event belongs to",
    "place_match": "how its place was understood; null where nobody kept it",
    "shape": "a line or an area in EPSG:4326; the geometry of the feature is a true point or null",
    "source": "who published it first",
    "licence": "as its source wrote it; null: none was told",
    "attribution": "whom to name, in one line",
    "path": "its picture within the archive; null: left out, see left_out",
}


def schema_of(resource: PackageResource) -> dict[str, Any]:
    """The Table Schema of a resource."""
    fields = []
    for name in FIELDS[resource]:
        field = {"name": name, "type": _OTHER_TYPES.get(name, "string")}
        if name in MEANINGS:
            field["description"] = MEANINGS[name]
        fields.append(field)
    return {"fields": fields, "primaryKey": "id"}
