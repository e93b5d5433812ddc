"""A small drawing of a place, where an initiative has no photo: as precise as what is known.

A true point is a dot among its surroundings; what is known to a territory alone is its outline,
without a dot; what concerns the country is that. An address names all that a drawing shows, so that
initiatives share it, and whatever caches it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection

from mapservice.errors import NotFound
from mapservice.geocoding.model import Precision
from mapservice.initiatives.model import Theme
from mapservice.static_maps import drawing
from mapservice.static_maps.listing import HUES
from mapservice.static_maps.model import (
    DARK,
    LIGHT,
    DrawingFrame,
    DrawingPalette,
    DrawingShape,
    mercator,
)
from mapservice.territories import queries as territories
from mapservice.territories.coordinates import LonLat
from mapservice.territories.model import Level, TerritoryRef
from mapservice.tiles.live_map import FRANCE

WIDTH, HEIGHT = 320, 240
POINT, COUNTRY = "point", "pays"
# What a point shows around it, in degrees of latitude to each side: some three kilometres.
AROUND = 0.03
DOT = 11
# Of a drawing, before it is compressed. A jagged coast is drawn coarser until it fits.
MOST_BYTES = 6_000
# What is finer than so many pixels is left out: half of that on screens.
FINENESS = (1.1, 2.2, 4.0, 7.0)
FARTHEST, CODE_SIGNS = 80, 9
# Decimals of degrees in an address: a metre.
DIGITS = 5
_POSITION = re.compile(r"-?\d{1,3}\.\d{5},-?\d{1,2}\.\d{5}")


class Placed(Protocol):
    """What is known about the place of an initiative."""

    @property
    def precision(self) -> Precision: ...
    @property
    def theme(self) -> Theme: ...
    @property
    def point(self) -> tuple[float, float] | None: ...
    @property
    def territory(self) -> TerritoryRef | None: ...


def path_of(one: Placed) -> str | None:
    """The path of the drawing; None where no place is known, so that none can be drawn."""
    if one.point:
        lon, lat = one.point
        where = f"{POINT}/{lon:.{DIGITS}f},{lat:.{DIGITS}f}"
    elif one.precision is Precision.NATIONAL:
        where = f"{COUNTRY}/FR"
    elif one.territory:
        where = f"{one.territory.level}/{one.territory.code}"
    else:
        return None
    return f"/dessins/vignettes/{where}/{one.theme}.svg"


def document(connection: Connection, kind: str, where: str, theme: Theme) -> str:
    """The drawing of an address as `path_of` makes it. Raises NotFound for any other."""
    ref: TerritoryRef | None = None
    dot: tuple[float, float] | None = None
    if kind == POINT and _POSITION.fullmatch(where):
        here = LonLat.parse(where, "position")
        if abs(here.lat) > FARTHEST:
            raise NotFound("There is no such place.")
        box = (here.lon - AROUND, here.lat - AROUND, here.lon + AROUND, here.lat + AROUND)
        frame = DrawingFrame.around(box, WIDTH, HEIGHT, 0)
        dot = frame.place(*mercator(here.lon, here.lat))
    elif (kind, where) == (COUNTRY, "FR"):
        frame = DrawingFrame.around(FRANCE, WIDTH, HEIGHT, 0.04)
    else:
        found = None
        if kind in tuple(Level) and len(where) <= CODE_SIGNS:
            found = territories.find(connection, TerritoryRef(Level(kind), where))
        if found is None:
            raise NotFound("There is no such place.")
        ref = TerritoryRef(found.level, found.code)
        frame = DrawingFrame.around(found.bounds, WIDTH, HEIGHT, 0.16)
    made = ""
    for fine in FINENESS:
        country = kind == COUNTRY
        shapes = drawing.small_place(connection, frame, ref, fine, country=country)
        made = _svg(shapes, theme, dot)
        if len(made) <= MOST_BYTES:
            break
    return made


def _svg(
    shapes: Sequence[DrawingShape], theme: Theme, dot: tuple[float, float] | None = None
) -> str:
    """Both tints in one document, which the browser chooses between."""
    roles = dict.fromkeys(shape.role for shape in shapes)
    names = {role: f"r{number}" for number, role in enumerate(roles)}
    light, dark = HUES[theme]
    paths = "".join(f'<path class="{names[one.role]}" d="{one.path}"/>' for one in shapes)
    if dot:
        paths += f'<circle class="dot" cx="{dot[0]:.0f}" cy="{dot[1]:.0f}" r="{DOT}"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}">'
        f"<style>path{{stroke-linejoin:round}}{_rules(names, LIGHT, light)}"
        f"@media(prefers-color-scheme:dark){{{_rules(names, DARK, dark)}}}</style>"
        f'<rect class="sea" width="{WIDTH}" height="{HEIGHT}"/>{paths}</svg>'
    )


def _rules(names: Mapping[str, str], tint: DrawingPalette, hue: str) -> str:
    looks = {
        "land": f"fill:{tint.land}",
        "abroad": f"fill:{tint.abroad}",
        "line": f"fill:none;stroke:{tint.line};stroke-width:1.6",
        "shaded": f"fill:{hue};fill-opacity:.26;stroke:{hue};stroke-width:2.6",
    }
    dot = f".dot{{fill:{hue};stroke:{tint.ring};stroke-width:4}}"
    rules = "".join(f".{name}{{{looks[role]}}}" for role, name in names.items())
    return f".sea{{fill:{tint.water}}}{dot}{rules}"
