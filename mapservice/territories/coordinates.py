"""Positions and boxes in degrees, EPSG:4326, as requests write them."""

from dataclasses import dataclass, replace
from typing import Self

from mapservice.errors import InvalidInput
from mapservice.web.parsing import parse_numbers, plain_number


@dataclass(frozen=True, slots=True)
class BBox:
    """West, south, east, north in degrees, EPSG:4326; west > east spans the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def parse(cls, text: str, field: str = "bbox") -> Self:
        west, south, east, north = parse_numbers(field, text, 4, "west,south,east,north")
        if not (-180 <= west <= 180 and -180 <= east <= 180):
            raise InvalidInput(field, "longitudes must lie between -180 and 180")
        if not (-90 <= south <= north <= 90):
            raise InvalidInput(field, "latitudes must lie between -90 and 90, south before north")
        return cls(west, south, east, north)

    def parts(self) -> tuple[Self, ...]:
        """This box, or the two halves of one that spans the antimeridian."""
        if self.west <= self.east:
            return (self,)
        return (replace(self, east=180.0), replace(self, west=-180.0))

    def __str__(self) -> str:
        sides = (self.west, self.south, self.east, self.north)
        return ",".join(plain_number(side) for side in sides)


@dataclass(frozen=True, slots=True)
class LonLat:
    """A position in degrees, EPSG:4326."""

    lon: float
    lat: float

    @classmethod
    def parse(cls, text: str, field: str = "near") -> Self:
        lon, lat = parse_numbers(field, text, 2, "longitude,latitude")
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise InvalidInput(field, "must be longitude,latitude in degrees")
        return cls(lon, lat)

    def __str__(self) -> str:
        return f"{plain_number(self.lon)},{plain_number(self.lat)}"
