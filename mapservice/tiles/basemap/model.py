"""What the setting names: an archive of ours, raster tiles, or somebody's style or TileJSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from mapservice.errors import ConfigurationError

NOTHING = frozenset({"", "none"})
# Servers that are named by letters, as Leaflet counts them.
SUBDOMAINS = "abc"


class TileSchema(StrEnum):
    """How a set of vector tiles names its layers."""

    SHORTBREAD = "shortbread"
    OPENMAPTILES = "openmaptiles"
    PROTOMAPS = "protomaps"


class StyleTheme(StrEnum):
    """The colours that a style is asked in."""

    LIGHT = "light"
    DARK = "dark"
    PRINT = "print"


class BasemapKind(StrEnum):
    """What a map gets: tiles of our archive, raster tiles, or an address of a style or TileJSON."""

    VECTOR = "vector"
    RASTER = "raster"
    STYLE = "style"


# Layers that one schema has and no other: its mark among the names of `vector_layers`.
MARKS: Mapping[TileSchema, frozenset[str]] = {
    TileSchema.SHORTBREAD: frozenset(
        {"ocean", "water_polygons", "water_lines", "streets", "street_labels", "place_labels"}
    ),
    TileSchema.OPENMAPTILES: frozenset(
        {"transportation", "transportation_name", "waterway", "landcover", "housenumber", "place"}
    ),
    TileSchema.PROTOMAPS: frozenset(
        {"earth", "roads", "places", "physical_line", "buildings", "pois"}
    ),
}
ENOUGH = 3


def schema_of(layers: Sequence[str]) -> TileSchema | None:
    """The schema that the names of the layers tell, or None where they tell none or two."""
    score = {schema: len(marks & set(layers)) for schema, marks in MARKS.items()}
    best = max(score, key=lambda schema: score[schema])
    alone = sorted(score.values())[-2] < score[best]
    return best if score[best] >= ENOUGH and alone else None


@dataclass(frozen=True, slots=True)
class OutsideBasemap:
    """A base map on other hosts. `origins` are all that pages may ask for it, and nothing else."""

    kind: BasemapKind
    address: str
    attribution: str
    origins: tuple[str, ...]

    @property
    def raster_tiles(self) -> list[str]:
        """Addresses of raster tiles as MapLibre takes them: {s} spelt out, no {r}."""
        address = self.address.replace("{r}", "").replace("{-y}", "{y}")
        if "{s}" not in address:
            return [address]
        return [address.replace("{s}", letter) for letter in SUBDOMAINS]

    @property
    def raster_source(self) -> dict[str, Any]:
        """A source of MapLibre. Without a credit told, the host is named: somebody made it."""
        host = urlsplit(self.raster_tiles[0]).hostname
        return {
            "type": "raster",
            "tiles": self.raster_tiles,
            "tileSize": 256,
            "scheme": "tms" if "{-y}" in self.address else "xyz",
            "attribution": self.attribution or f"Fond de carte : {host}",
        }


def is_address(text: str) -> bool:
    return text.startswith(("https://", "http://"))


def outside(address: str, attribution: str = "", hosts: str = "") -> OutsideBasemap:
    """The base map at an address. `hosts`: further ones that its style names, by commas or blanks.

    Raises ConfigurationError for an address that no page could draw.
    """
    parts = urlsplit(address)
    raster = "{z}" in address
    if not parts.hostname:
        raise ConfigurationError(f"MAPSERVICE_BASEMAP names no host: {address!r}")
    if raster and parts.path.endswith((".pbf", ".mvt")):
        raise ConfigurationError(
            "MAPSERVICE_BASEMAP takes vector tiles by their TileJSON or style, not by {z}/{x}/{y}"
        )
    if parts.path.endswith(".pmtiles"):
        raise ConfigurationError(
            "MAPSERVICE_BASEMAP takes no archive on another server: cut what is needed from it"
            " with `mapservice basemap fetch`"
        )
    kind = BasemapKind.RASTER if raster else BasemapKind.STYLE
    found = OutsideBasemap(kind, address, attribution, ())
    asked = found.raster_tiles if raster else [address]
    named = [_named_host(host, parts.scheme) for host in hosts.replace(",", " ").split()]
    origins = dict.fromkeys([*map(origin_of, asked), *named])
    return OutsideBasemap(kind, address, attribution, tuple(origins))


def origin_of(address: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _named_host(text: str, scheme: str) -> str:
    origin = origin_of(text if is_address(text) else f"{scheme}://{text}")
    # It becomes a word of a header: nothing but a host and a port may stand in it.
    if "*" in origin or not urlsplit(origin).hostname or any(sign in origin for sign in ";,'\""):
        raise ConfigurationError(f"MAPSERVICE_BASEMAP_HOSTS names no host: {text!r}")
    return origin
