"""Names of towns on drawn maps: where there is room for them between the initiatives.

The same candidates, order and places around a town as on a live map without markers
(static/js/ground.js); between markers the live one also moves names aside (town-names.js).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import floor

from sqlalchemy import Connection, text

from mapservice.static_maps import archive_ground
from mapservice.static_maps.model import FONT, DrawingFrame, DrawingPalette
from mapservice.static_maps.wide_frames import of_territories
from mapservice.tiles import ground_labels
from mapservice.tiles.basemap.archive import ServedArchive

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels of the frame

LAST_ZOOM = 12
MOST = 70
SIZE, SEAT_SIZE = 11.5, 12.5
# Mean width of a letter of the family, in ems; a little wide, as no font is read here.
LETTER = 0.56
# From this zoom on a name lies on the ground of its commune rather than beside a sign.
SIGNS_UNTIL = 10
# Where the box is: the share of its width left of the town and of its height above, then how far
# right and down, in ems.
DIRECTIONS = (
    (0.0, 0.5, 1.0, 0.0), (1.0, 0.5, -1.0, 0.0), (0.5, 1.0, 0.0, -1.0), (0.5, 0.0, 0.0, 1.0),
    (0.0, 1.0, 0.75, -0.75), (0.0, 0.0, 0.75, 0.75),
    (1.0, 1.0, -0.75, -0.75), (1.0, 0.0, -0.75, 0.75),
    (0.0, 0.5, 1.0, -0.5), (0.0, 0.5, 1.0, 0.5), (1.0, 0.5, -1.0, -0.5), (1.0, 0.5, -1.0, 0.5),
)  # fmt: skip
DISTANCES = (0.5, 1.0, 1.6, 2.2, 2.8)
SMALL_DISTANCES = (0.5, 1.0)
SMALL = 20_000

CANDIDATES = """
    SELECT name, coalesce(population, 0) AS population, seat, ST_X(point) AS x, ST_Y(point) AS y
      FROM ({labels}) AS label
     WHERE level = 'commune'
     ORDER BY coalesce(population, 0)
              + CASE seat WHEN 'region' THEN 5000000 WHEN 'departement' THEN 10000 ELSE 0 END DESC,
              code"""


@dataclass(frozen=True, slots=True)
class PlacedName:
    """A name within its box; the town itself stands at `x`, `y`, in pixels of the frame."""

    name: str
    box: Box
    x: float
    y: float
    regional: bool
    marked: bool


def place_names(
    connection: Connection,
    frame: DrawingFrame,
    taken: Sequence[Box] = (),
    most: int = MOST,
    archive: ServedArchive | None = None,
) -> tuple[PlacedName, ...]:
    """Towns of the frame, the most important first, clear of each other and of `taken`.

    Near the ground quarters follow, where the archive of the base map knows them.
    """
    zoom = min(max(floor(frame.zoom), 0), LAST_ZOOM)
    reach = ground_labels.square_of(zoom)
    box = f"ST_MakeEnvelope({frame.west}, {frame.south}, {frame.east}, {frame.north}, 3857)"
    labels = ground_labels.labels(zoom, box, f"ST_Expand({box}, {reach})")
    if not labels:
        return ()
    statement = text(CANDIDATES.replace("{labels}", labels))
    rows = of_territories(connection, frame, "names", lambda found: found.execute(statement).all())
    held, placed = list(taken), list[PlacedName]()
    for row in rows:
        if len(placed) == most:
            break
        x, y = frame.place(row.x, row.y)
        regional = row.seat == "region"
        far = regional or row.population >= SMALL
        on_ground = zoom >= SIGNS_UNTIL
        for one in _boxes(row.name, x, y, regional=regional, far=far, on_ground=on_ground):
            if _inside(one, frame) and not any(_overlap(one, other) for other in held):
                held.append(one)
                sign = (x - 3, y - 3, x + 3, y + 3)
                marked = not on_ground and not any(_overlap(sign, mark) for mark in taken)
                placed.append(PlacedName(row.name, one, x, y, regional, marked))
                break
    for name, x, y in archive_ground.quarters(archive, frame) if archive else ():
        one = next(_boxes(name, x, y, regional=False, far=False, on_ground=True))
        if len(placed) < most and _inside(one, frame) and not any(_overlap(one, b) for b in held):
            held.append(one)
            placed.append(PlacedName(name, one, x, y, regional=False, marked=False))
    return tuple(placed)


def names_around(
    connection: Connection, bounds: Sequence[float]
) -> Iterator[tuple[str, float, float, float, float]]:
    """For a map that others draw: name, longitude and latitude of each town, and how far from there
    the middle of its name stands, in pixels right and down. `bounds` are W, S, E, N, EPSG:4326."""
    frame = DrawingFrame.around(bounds, 900, 600)
    for one in place_names(connection, frame, most=40):
        left, top, right, bottom = one.box
        lon, lat = frame.position(one.x, one.y)
        yield one.name, lon, lat, (left + right) / 2 - one.x, (top + bottom) / 2 - one.y


def _boxes(
    name: str, x: float, y: float, *, regional: bool, far: bool, on_ground: bool
) -> Iterator[Box]:
    size = SEAT_SIZE if regional else SIZE
    wide, high = LETTER * size * len(name) + 2, 1.15 * size
    if on_ground:
        yield (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    for distance in DISTANCES if far else SMALL_DISTANCES:
        for before, above, right, down in DIRECTIONS:
            left = x + right * distance * size - before * wide
            top = y + down * distance * size - above * high
            yield (left, top, left + wide, top + high)


def names_svg(names: Sequence[PlacedName], palette: DrawingPalette) -> str:
    """Between the ground and the initiatives."""
    if not names:
        return ""
    signs = "".join(
        f"M{one.x - reach:.1f} {one.y:.1f}a{reach} {reach} 0 1 0 {2 * reach} 0"
        f"a{reach} {reach} 0 1 0 {-2 * reach} 0"
        for one in names
        if one.marked
        for reach in [2.6 if one.regional else 1.7]
    )
    texts = "".join(_text(one) for one in names)
    return (
        f'<path class="signs" d="{signs}" fill="{palette.halo}" stroke="{palette.label}"'
        f' stroke-width="1.1"/>'
        f'<g class="names" font-family="{FONT}" font-size="{SIZE}" font-weight="450"'
        f' text-anchor="middle" fill="{palette.label}" stroke="{palette.halo}" stroke-width="2.6"'
        f' stroke-linejoin="round" paint-order="stroke">{texts}</g>'
    )


def _text(one: PlacedName) -> str:
    left, top, right, bottom = one.box
    more = f' font-size="{SEAT_SIZE}" font-weight="700"' if one.regional else ""
    size = SEAT_SIZE if one.regional else SIZE
    base = (top + bottom) / 2 + 0.35 * size
    return f'<text x="{(left + right) / 2:.1f}" y="{base:.1f}"{more}>{escape(one.name)}</text>'


def _inside(box: Box, frame: DrawingFrame) -> bool:
    left, top, right, bottom = box
    return left > 2 and top > 2 and right < frame.width - 2 and bottom < frame.height - 2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
