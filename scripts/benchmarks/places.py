"""Where people live: the places that works ask about, the same ones in every run."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from mapservice.initiatives.grid import Tile

SEED = 1
# Half the height and width, in degrees, of the boxes that items are asked for.
REACH = 0.1

COMMUNES = """
    SELECT name, coalesce(postcodes[1], ''), population, ST_X(point), ST_Y(point)
      FROM territory
     WHERE level = 'commune' AND population > 0
     ORDER BY code"""


@dataclass(frozen=True, slots=True)
class Place:
    """A commune; `lon`, `lat` is its town hall, EPSG:4326."""

    name: str
    postcode: str
    population: int
    lon: float
    lat: float

    def tile(self, zoom: int) -> Tile:
        """The tile that holds it."""
        side = 2**zoom
        x = (self.lon + 180) / 360 * side
        y = (1 - math.asinh(math.tan(math.radians(self.lat))) / math.pi) / 2 * side
        return Tile(zoom, int(x), int(y))

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """West, south, east, north of a box around it, EPSG:4326."""
        west, south = round(self.lon - REACH, 4), round(self.lat - REACH, 4)
        return west, south, round(west + 2 * REACH, 4), round(south + 2 * REACH, 4)


def populated(url: str, number: int) -> list[Place]:
    """Distinct communes drawn by population: few of the largest are missing."""
    with psycopg.connect(url) as connection:
        places = [Place(*row) for row in connection.execute(COMMUNES)]
    weights = [place.population for place in places]
    drawn = random.Random(SEED).choices(places, weights, k=4 * number)
    return list(dict.fromkeys(drawn))[:number]


def tiles(places: Sequence[Place], zoom: int) -> list[Tile]:
    """The distinct tiles that hold them."""
    return list(dict.fromkeys(place.tile(zoom) for place in places))
