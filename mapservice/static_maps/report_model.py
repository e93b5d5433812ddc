"""What a report's map shows: areas by class, and the colours of the site."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mapservice.static_maps.shades import GROUND, SCALES, UNKNOWNS
from mapservice.static_maps.shades import HATCH as HATCHES
from mapservice.static_maps.shades import fill_of as fill_of_class

# A report is also printed: the light tint.
COLOURS = SCALES["claire"]["figure"]
HATCH = HATCHES["claire"]
UNKNOWN = UNKNOWNS["claire"]
PAPER = GROUND["claire"]
EDGE = "#6f7f87"


@dataclass(frozen=True, slots=True)
class ReportArea:
    """One territory: its outline as GeoJSON, EPSG:4326; its class from 1, 0 for none, or None."""

    code: str
    shade: int | None
    geometry: Mapping[str, Any]


def fill_of(shade: int | None) -> str:
    """A colour, or the pattern named `hatch` of the document."""
    return fill_of_class(-1 if shade is None else shade)
