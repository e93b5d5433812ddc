"""Declarations of the OGC endpoints: reference systems, attributes, collections.

The same declarations serve the requests and write the OpenAPI document.
"""

from dataclasses import dataclass
from enum import StrEnum

from mapservice.territories.model import Level

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
# All outlines and points lie within; degrees, west, south, east, north.
FRANCE = (-63.2, -21.5, 55.9, 51.2)


@dataclass(frozen=True, slots=True)
class ReferenceSystem:
    """A reference system: its URI, its number, and whether its authority puts north first."""

    uri: str
    srid: int
    north_first: bool = False
    geographic: bool = False

    @property
    def decimals(self) -> int:
        """Digits that tell places a decimetre apart."""
        return 6 if self.geographic else 1


CRS84 = ReferenceSystem("http://www.opengis.net/def/crs/OGC/1.3/CRS84", 4326, geographic=True)
# In the order in which a collection lists them.
SYSTEMS = (
    CRS84,
    ReferenceSystem(EPSG + "4326", 4326, north_first=True, geographic=True),
    ReferenceSystem(EPSG + "3857", 3857),
    ReferenceSystem(EPSG + "2154", 2154),
)


class AttributeKind(StrEnum):
    """What an attribute holds; MOMENT is an instant to the second, UTC."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    MOMENT = "moment"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class FeatureAttribute:
    """One property of a collection's features; `nullable` where it may be unknown."""

    name: str
    kind: AttributeKind
    title: str
    nullable: bool = False
    choices: tuple[str, ...] = ()

    @property
    def queryable(self) -> bool:
        return self.kind is not AttributeKind.LIST


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A query parameter beyond those of the standard: one of our filter grammar.

    `most` is set for a number, which must be above 0; `pattern` is that of each value.
    """

    name: str
    description: str
    choices: tuple[str, ...] = ()
    many: bool = False
    most: float | None = None
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column of an order."""

    name: str
    descending: bool = False


class GatheringKind(StrEnum):
    """What people come together for, or in."""

    EVENTS = "events"
    GROUPS = "groups"


@dataclass(frozen=True, slots=True)
class ItemsCollection:
    """One collection: what it holds, how it is filtered and ordered.

    `level` is that of its territories, None for initiatives, events and groups (`gathering`);
    `counted`
    says that figures are joined to them. `zooms` are the first and the last that add anything to
    its tiles, None when it has none; `tiled` is what a feature of a tile carries.
    """

    id: str
    title: str
    description: str
    attributes: tuple[FeatureAttribute, ...]
    geometry: str
    order: tuple[SortKey, ...]
    level: Level | None = None
    gathering: GatheringKind | None = None
    counted: bool = False
    temporal: str | None = None
    grammar: tuple[QueryParameter, ...] = ()
    zooms: tuple[int, int] | None = None
    tiled: tuple[FeatureAttribute, ...] = ()

    @property
    def is_initiatives(self) -> bool:
        return self.level is None and self.gathering is None

    def attribute(self, name: str) -> FeatureAttribute | None:
        return next((one for one in self.attributes if one.name == name), None)

    @property
    def queryables(self) -> tuple[FeatureAttribute, ...]:
        return tuple(one for one in self.attributes if one.queryable)

    @property
    def identifier(self) -> str:
        """The attribute that is also the feature's id."""
        return self.attributes[0].name
