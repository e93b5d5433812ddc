"""A box or a circle as cells of the grid: those wholly inside it, and those at its edge."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapservice.initiatives.grid import CELL_ZOOM
from mapservice.territories.coordinates import BBox, LonLat

# A box is at most so many cells wide and high, and one more at each side.
STEPS = 32
# A circle, whose cells at the edge are looked at more closely, is cut finer.
CIRCLE_STEPS = 64
# Metres of EPSG:3857 around the equator.
AROUND = 40_075_016.685578488
# Positions are worked out in two ways, here and by PROJ: cells that nearly touch the edge belong to
# it. In cells.
DOUBT = 1e-6

# The bits of a code that are its column's, and those that are its row's.
COLUMN_BITS = 0x5555_5555_5555
ROW_BITS = COLUMN_BITS << 1

_MASKS = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)

Cells = npt.NDArray[np.int64]
Lengths = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CodeRanges:
    """Half-open ranges of Z-order codes, ascending, none touching the next."""

    first: Sequence[int]
    end: Sequence[int]

    def __lshift__(self, bits: int) -> "CodeRanges":
        """The same ground in codes of a finer grid."""
        return CodeRanges(
            [code << bits for code in self.first], [code << bits for code in self.end]
        )


@dataclass(frozen=True, slots=True)
class CodeBox:
    """A box in bits of Z-order codes: those of columns, and those of rows, compare as they do.

    `touched` are the first and the last that the box touches, `within` those that come just before
    and just behind what lies wholly in it. Each is west, east, north, south.
    """

    touched: Sequence[int]
    within: Sequence[int]


@dataclass(frozen=True, slots=True)
class GridCover:
    """Cells of one zoom that a shape touches: `inner` ones lie wholly in it, `edge` ones do not."""

    zoom: int
    inner: CodeRanges
    edge: CodeRanges

    @property
    def shift(self) -> int:
        """Bits between codes of this zoom and those of initiatives."""
        return 2 * (CELL_ZOOM - self.zoom)


def cover(bbox: BBox, finest: int) -> GridCover:
    """Cells as fine as STEPS allow, and no finer than `finest`. The box has west <= east."""
    west, east = _column(bbox.west), _column(bbox.east)
    north, south = _row(bbox.north), _row(bbox.south)
    zoom = _zoom(max(east - west, south - north), finest, STEPS)
    size = 2**zoom
    columns = _touched(west * size, east * size, size)
    rows = _touched(north * size, south * size, size)
    codes = _spread(rows)[:, None] << 1 | _spread(columns)[None, :]
    inside = _inside(rows, north * size, south * size)[:, None]
    inside = inside & _inside(columns, west * size, east * size)[None, :]
    return GridCover(zoom, _spans(codes[inside]), _spans(codes[~inside]))


def sides(bbox: BBox) -> CodeBox:
    """Those of the finest cells, that initiatives lie in. The box has west <= east."""
    size = 2**CELL_ZOOM
    ends = np.array([_column(bbox.west), _column(bbox.east), _row(bbox.north), _row(bbox.south)])
    outward = np.array([-DOUBT, DOUBT, -DOUBT, DOUBT])
    return CodeBox(_bits(ends * size + outward), _bits(ends * size - outward))


def _bits(positions: Lengths) -> list[int]:
    """Of two columns and two rows, in a code."""
    cells = np.clip(np.floor(positions), 0, 2**CELL_ZOOM - 1).astype(np.int64)
    spread: list[int] = (_spread(cells) << np.array([0, 0, 1, 1])).tolist()
    return spread


def circle_cover(centre: LonLat, least: float, most: float) -> GridCover:
    """Cells around a position. The radius lies between two, in metres of EPSG:3857."""
    across, down = _column(centre.lon), _row(centre.lat)
    reach = most / AROUND
    zoom = _zoom(2 * reach, CELL_ZOOM, CIRCLE_STEPS)
    size = 2**zoom
    columns = _touched((across - reach) * size, (across + reach) * size, size)
    rows = _touched((down - reach) * size, (down + reach) * size, size)
    codes = _spread(rows)[:, None] << 1 | _spread(columns)[None, :]
    (nearest_x, farthest_x), (nearest_y, farthest_y) = (
        _distances(columns, across * size),
        _distances(rows, down * size),
    )
    nearest = np.hypot(nearest_y[:, None], nearest_x[None, :])
    farthest = np.hypot(farthest_y[:, None], farthest_x[None, :])
    inside = farthest <= least / AROUND * size - DOUBT
    touched = nearest <= reach * size + DOUBT
    return GridCover(zoom, _spans(codes[inside]), _spans(codes[touched & ~inside]))


def _distances(cells: Cells, position: float) -> tuple[Lengths, Lengths]:
    """Along one axis, in cells: from a position to the nearest and the farthest side of each."""
    before, behind = cells - position, cells + 1 - position
    return np.maximum(np.maximum(before, -behind), 0), np.maximum(np.abs(before), np.abs(behind))


def _column(lon: float) -> float:
    """Share of the square's width from its west edge."""
    return (lon + 180) / 360


def _row(lat: float) -> float:
    """Share of its height from the north edge; beyond the square, that edge."""
    sine = math.sin(math.radians(lat))
    if abs(sine) >= 1:
        return 0.0 if sine > 0 else 1.0
    return min(max(0.5 - math.atanh(sine) / (2 * math.pi), 0.0), 1.0)


def _zoom(width: float, finest: int, steps: int) -> int:
    if width <= 0:
        return finest
    return min(max(math.floor(math.log2(steps / width)), 0), finest)


def _touched(start: float, end: float, size: int) -> Cells:
    first = min(max(math.floor(start - DOUBT), 0), size - 1)
    last = min(max(math.floor(end + DOUBT), 0), size - 1)
    return np.arange(first, last + 1, dtype=np.int64)


def _inside(cells: Cells, start: float, end: float) -> npt.NDArray[np.bool_]:
    return (cells > math.floor(start + DOUBT)) & (cells < math.floor(end - DOUBT))


def _spread(numbers: Cells) -> Cells:
    """Puts a zero bit after every bit."""
    for shift, mask in _MASKS:
        numbers = (numbers | numbers << shift) & mask
    return numbers


def _spans(codes: Cells) -> CodeRanges:
    if not codes.size:
        return CodeRanges([], [])
    codes = np.sort(codes)
    breaks = np.flatnonzero(np.diff(codes) != 1)
    first = codes[np.concatenate(([0], breaks + 1))]
    end = codes[np.concatenate((breaks, [codes.size - 1]))] + 1
    return CodeRanges(first.tolist(), end.tolist())
