"""What a report's map shows: areas by class, and the colours of the site."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Those of static/css/territory.css and tokens.css in their light tint; a report is also printed.
COLOURS = ("#efe0b4", "#bfd3a6", "#7dbba5", "#3a939b", "#1a5f7a")
HATCH = "#a9b0ad"
UNKNOWN = "#c9ced0"
PAPER = "#faf8f2"
EDGE = "#6f7f87"


@dataclass(frozen=True, slots=True)
class Area:
    """One territory: its outline as GeoJSON, EPSG:4326; its class from 1, 0 for none, or None."""

    code: str
    shade: int | None
    geometry: Mapping[str, Any]


def fill_of(shade: int | None) -> str:
    """A colour, or the pattern named `hatch` of the document."""
    if shade is None:
        return UNKNOWN
    return COLOURS[shade - 1] if shade else "url(#hatch)"
