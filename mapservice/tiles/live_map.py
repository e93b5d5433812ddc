"""What the scripts of a page need to draw its map."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from flask import url_for
from sqlalchemy import Connection, Engine

from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.params import NamedTerritory, query_string
from mapservice.territories import queries as territories
from mapservice.territories.model import METROPOLITAN, TerritoryRef
from mapservice.tiles import ground
from mapservice.tiles.basemap.service import Basemap
from mapservice.web.edge import services


class DrawnFilters(Protocol):
    """A filter of any kind that a drawing has an address for."""

    def to_pairs(self) -> list[tuple[str, str]]: ...


# Overseas there are other ways in.
FRANCE = METROPOLITAN


def map_config(
    filters: InitiativeFilters,
    bounds: Sequence[float],
    territory: TerritoryRef | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Tiles, the filter to put after their addresses, and what to show first (EPSG:4326).

    `territory` is outlined; `more` is for one page's script alone. `drawing` is the address of the
    drawn map that stands in until the live one is there.
    """
    return {
        "tiles": {
            "initiatives": url_for("tiles.initiatives_tilejson"),
            "territories": url_for("tiles.territories_tilejson"),
        },
        "filter": query_string(filters, bbox=None, sort=None).removeprefix("?"),
        "bounds": list(bounds),
        "territory": {"level": territory.level, "code": territory.code} if territory else None,
        "basemap": services().of(Basemap).page_config("/basemap"),
        "simplified_outlines": _simplified_outlines(),
        "drawing": _drawing(territory),
        **more,
    }


# Asked anew so often, as territories may be loaded meanwhile: by engine, when and what was found.
OUTLINES_KNOWN_SECONDS = 60.0
_outlines_known: WeakKeyDictionary[Engine, tuple[float, bool]] = WeakKeyDictionary()


def _simplified_outlines() -> bool:
    """Whether outlines of communes are the simplified ones that come by default.

    A page that asks holds a connection already. A second one of the same pool could wait for
    others that wait too, so this one comes from the pool of tiles, whose statements stand alone.
    """
    engine = services().generic_plan
    at, found = _outlines_known.get(engine, (-math.inf, False))
    if time.monotonic() - at > OUTLINES_KNOWN_SECONDS:
        with engine.connect() as connection:
            found = ground.has_simplified_outlines(connection)
        _outlines_known[engine] = (time.monotonic(), found)
    return found


def bounds_of(filters: InitiativeFilters) -> Sequence[float]:
    """West, south, east, north of what the filter is about."""
    if filters.bbox:
        box = filters.bbox
        return [box.west, box.south, box.east, box.north]
    named = [ref for ref in filters.territory if isinstance(ref, NamedTerritory)]
    if named:
        west, south, east, north = zip(*(ref.bounds for ref in named), strict=True)
        return [min(west), min(south), max(east), max(north)]
    if filters.near and filters.radius:
        reach = filters.radius / 111_000
        lon, lat = filters.near.lon, filters.near.lat
        return [lon - 1.5 * reach, lat - reach, lon + 1.5 * reach, lat + reach]
    return FRANCE


def listing_map(filters: InitiativeFilters, territory: TerritoryRef | None) -> dict[str, Any]:
    """The map of a filter. The drawing before it has the same filter, extent and colours."""
    return map_config(filters, bounds_of(filters), territory, **listing_drawings(filters))


def listing_drawings(
    filters: DrawnFilters,
    address: str = "",
    beside: Mapping[str, str] | None = None,
    *,
    only_box: bool = False,
) -> dict[str, Any]:
    """Addresses of what a map of a filter will show, by the size of the window.

    `address` draws it, and takes the parameters `beside`; else initiatives are drawn. `only_box`:
    nothing outside the box of the filter, where it has one.
    """
    address = address or url_for("drawings.listing_svg_of_filter")
    more = [*(beside or {}).items(), *([("cadre", "seul")] if only_box else [])]
    petite, carree, large = (
        f"{address}?{urlencode([*filters.to_pairs(), ('forme', shape), *more], safe=',:')}"
        for shape in ("petite", "carree", "large")
    )
    return {"drawing": carree, "drawing_small": petite, "drawing_wide": large}


def place_map(
    connection: Connection,
    territory: TerritoryRef | None,
    point: tuple[float, float] | None,
    **more: Any,
) -> dict[str, Any]:
    """The map of one place: the finest territory known, outlined, and its point if it has one."""
    place = territories.find(connection, territory) if territory else None
    at = list(point) if point else None
    return map_config(
        InitiativeFilters(), place.bounds if place else FRANCE, territory, point=at, **more
    )


def _drawing(territory: TerritoryRef | None) -> str:
    if territory is None:
        return url_for("drawings.france_svg")
    return url_for("drawings.territory_svg", level=territory.level, code=territory.code)
