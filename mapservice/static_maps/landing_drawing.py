"""Where the rows of a file would come to lie, drawn before any of them is saved.

A dot is a true point; a dashed ring says that somewhere in the territory around it is all that is
known; what a person is to look at is a lozenge, so that no colour has to tell it apart.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection

from mapservice.static_maps import drawing
from mapservice.static_maps.landing_model import LandingPlace, drawn_of
from mapservice.static_maps.model import (
    FONT,
    DrawingFrame,
    DrawingMark,
    DrawingPalette,
    count_svg,
    credit_svg,
    document,
    mark_svg,
    mercator,
    radius_of,
    shape_svg,
)
from mapservice.static_maps.names import names_svg, place_names
from mapservice.territories.model import METROPOLITAN
from mapservice.tiles.basemap.archive import ServedArchive

WIDTH, HEIGHT = 640, 480
# What lies in one square of so many pixels is drawn as one mark of each kind, side by side.
SQUARE = 34


def landing_svg(
    connection: Connection,
    places: Sequence[LandingPlace],
    communes: Sequence[str],
    archive: ServedArchive | None,
    palette: DrawingPalette,
    *,
    title: str,
    told: str,
) -> str:
    """The drawing of some places, and the shade of the communes that are all that is known."""
    shown = drawn_of(places)
    frame = DrawingFrame.around(_bounds(shown), WIDTH, HEIGHT, 0.12)
    marks = _marks(frame, shown)
    ground = drawing.ground(connection, frame, communes, archive=archive)
    boxes = drawing.boxes_of(mark for mark, _ in marks)
    names = place_names(connection, frame, boxes, archive=archive)
    inside = "".join(
        (
            f'<rect width="{frame.width}" height="{frame.height}" fill="{palette.water}"/>',
            *(shape_svg(shape, palette) for shape in ground.shapes),
            names_svg(names, palette),
            f'<g font-family="{FONT}">',
            *(
                _lozenge(mark, palette) if doubt else mark_svg(mark, palette)
                for mark, doubt in marks
            ),
            "</g>",
            credit_svg(frame, palette, ground.credit),
        )
    )
    return document(frame, inside, title, told)


def _bounds(places: Sequence[LandingPlace]) -> tuple[float, float, float, float]:
    if not places:
        return METROPOLITAN
    lons, lats = [one.lon for one in places], [one.lat for one in places]
    return min(lons), min(lats), max(lons), max(lats)


def _marks(frame: DrawingFrame, places: Sequence[LandingPlace]) -> list[tuple[DrawingMark, bool]]:
    """The marks, and whether each is of what is in doubt; the fullest first."""
    squares: dict[tuple[int, int], list[tuple[float, float, LandingPlace]]] = defaultdict(list)
    for one in places:
        x, y = frame.place(*mercator(one.lon, one.lat))
        squares[int(x // SQUARE), int(y // SQUARE)].append((x, y, one))
    made: list[tuple[DrawingMark, bool]] = []
    for inside in squares.values():
        rows = sum(one.count for _, _, one in inside)
        middle = (
            sum(x * one.count for x, _, one in inside) / rows,
            sum(y * one.count for _, y, one in inside) / rows,
        )
        made += _side_by_side(middle, [one for _, _, one in inside])
    return sorted(made, key=lambda pair: -pair[0].count)


def _side_by_side(
    middle: tuple[float, float], places: Sequence[LandingPlace]
) -> list[tuple[DrawingMark, bool]]:
    counts: Counter[tuple[bool, bool]] = Counter()
    for one in places:
        counts[one.is_exact, one.in_doubt] += one.count
    marks = [
        (DrawingMark(0, middle[1], count, exact), doubt)
        for (exact, doubt), count in sorted(counts.items(), reverse=True)
    ]
    widths = [2 * radius_of(mark) + 3 for mark, _ in marks]
    left = middle[0] - sum(widths) / 2
    placed = []
    for (mark, doubt), width in zip(marks, widths, strict=True):
        placed.append((DrawingMark(left + width / 2, mark.y, mark.count, mark.exact), doubt))
        left += width
    return placed


def _lozenge(mark: DrawingMark, palette: DrawingPalette) -> str:
    reach = radius_of(mark) + 2
    at = f"M{mark.x:.1f} {mark.y - reach:.1f}l{reach:.1f} {reach:.1f} {-reach:.1f} {reach:.1f}"
    path = f'<path d="{at} {-reach:.1f} {-reach:.1f}Z"'
    if mark.exact:
        made = f'{path} fill="{palette.ink}" stroke="{palette.ring}" stroke-width="2"/>'
        colour = palette.ring
    else:
        made = (
            f'{path} fill="{palette.ring}" fill-opacity="0.85" stroke="{palette.ink}"'
            ' stroke-width="1.6" stroke-dasharray="3 2.4"/>'
        )
        colour = palette.ink
    return made + (count_svg(mark, reach, colour) if mark.count > 1 else "")
