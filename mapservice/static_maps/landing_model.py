"""Where rows of a file would land, as plain values: `landing_drawing.py` draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapservice.territories.model import METROPOLITAN


@dataclass(frozen=True, slots=True)
class LandingPlace:
    """Rows at one place, EPSG:4326. `is_exact`: a true point, else all that is known is a territory
    whose label point this is. `in_doubt`: a person is to look at them."""

    lon: float
    lat: float
    count: int
    is_exact: bool
    in_doubt: bool

    @property
    def is_metropolitan(self) -> bool:
        west, south, east, north = METROPOLITAN
        return west <= self.lon <= east and south <= self.lat <= north


def drawn_of(places: Sequence[LandingPlace]) -> list[LandingPlace]:
    """Those that the drawing shows: not those overseas where any is in metropolitan France."""
    return [one for one in places if one.is_metropolitan] or list(places)
