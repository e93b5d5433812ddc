"""What the scripts of a page need to draw its map."""

from collections.abc import Sequence
from typing import Any

from flask import url_for
from sqlalchemy import Connection

from mapservice.http.pages import query_string
from mapservice.http.services import services
from mapservice.initiatives.filters import Filters
from mapservice.territories import queries as territories
from mapservice.territories.model import TerritoryRef

# West, south, east, north of metropolitan France; overseas there are other ways in.
FRANCE = (-5.2, 41.3, 9.7, 51.2)


def map_config(
    filters: Filters, bounds: Sequence[float], territory: TerritoryRef | None = None, **more: Any
) -> dict[str, Any]:
    """Tiles, the filter to put after their addresses, and what to show first (EPSG:4326).

    `territory` is outlined; `more` is for one page's script alone. `drawing` is the address of the
    drawn map that stands in until the live one is there.
    """
    settings = services().settings
    basemap = {"url": settings.basemap_url, "attribution": settings.basemap_attribution}
    return {
        "tiles": {
            "initiatives": url_for("tiles.initiatives_tilejson"),
            "territories": url_for("tiles.territories_tilejson"),
        },
        "filter": query_string(filters, bbox=None, sort=None).removeprefix("?"),
        "bounds": list(bounds),
        "territory": {"level": territory.level, "code": territory.code} if territory else None,
        "basemap": basemap if settings.basemap_url else None,
        "drawing": _drawing(territory),
        **more,
    }


def place_map(
    connection: Connection,
    territory: TerritoryRef | None,
    point: tuple[float, float] | None,
    **more: Any,
) -> dict[str, Any]:
    """The map of one place: the finest territory known, outlined, and its point if it has one."""
    place = territories.find(connection, territory) if territory else None
    at = list(point) if point else None
    return map_config(Filters(), place.bounds if place else FRANCE, territory, point=at, **more)


def _drawing(territory: TerritoryRef | None) -> str:
    if territory is None:
        return url_for("drawings.france_svg")
    return url_for("drawings.territory_svg", level=territory.level, code=territory.code)
