"""Territories as pixels: which one lies where, so that a map can shade all of them at once.

A picture is rows of runs from the north-west corner on; its pixels are squares of EPSG:3857.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely import MultiPolygon

# Metres of EPSG:3857, about 800 on the ground in the middle of France.
PIXEL = 1200
NOBODY = 0xFFFF
LONGEST_RUN = 0xFFFF
# So many pixels away one is looked for that a neighbour can spare.
NEAR = 12
FAR = np.iinfo(np.int64).max
# Where the numbers begin, each of two bytes: a browser reads them in place.
ALIGNED = 4

Grid = npt.NDArray[np.uint16]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RasterFrame:
    """The ground of a picture in pixels from the origin of EPSG:3857; rows count from the north."""

    west: int
    north: int
    width: int
    height: int

    @classmethod
    def around(cls, shapes: Sequence[MultiPolygon]) -> "RasterFrame":
        west, south, east, north = shapely.total_bounds(np.array(shapes)) / PIXEL
        left, top = int(np.floor(west)), int(np.ceil(north))
        return cls(left, top, int(np.ceil(east)) - left, top - int(np.floor(south)))

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """West, south, east, north in EPSG:3857."""
        west, north = self.west * PIXEL, self.north * PIXEL
        return west, north - self.height * PIXEL, west + self.width * PIXEL, north


def mosaic(pictures: Mapping[str, Mapping[int, MultiPolygon]], count: int) -> bytes:
    """One picture for each group of territories: their numbers, below `count`, and outlines.

    The file begins with the length of a JSON header (four bytes, little-endian) and that header,
    which is filled up with blanks; then come, for each picture, the numbers of its runs and then
    their lengths, in two bytes each. `NOBODY` is the number of what lies outside.
    """
    heads: list[dict[str, Any]] = []
    bodies: list[bytes] = []
    for shapes in pictures.values():
        frame = RasterFrame.around(list(shapes.values()))
        numbers, lengths = _runs(paint(shapes, frame))
        heads.append(
            {
                "bounds": frame.bounds,
                "width": frame.width,
                "height": frame.height,
                "runs": len(numbers),
            }
        )
        bodies += [numbers.astype("<u2").tobytes(), lengths.astype("<u2").tobytes()]
    header = json.dumps({"count": count, "pictures": heads}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % ALIGNED)
    return b"".join((len(header).to_bytes(ALIGNED, "little"), header, *bodies))


def paint(shapes: Mapping[int, MultiPolygon], frame: RasterFrame) -> Grid:
    """The number of the territory at the centre of each pixel; none of them is left out.

    One that holds no centre gets the nearest pixel of a neighbour that has more than one.
    """
    flat = np.full(frame.height * frame.width, NOBODY, np.uint16)
    numbers, first, last = _spans(shapes, frame)
    lengths = last - first
    starts = np.cumsum(lengths) - lengths
    flat[np.repeat(first - starts, lengths) + np.arange(lengths.sum())] = np.repeat(
        numbers, lengths
    )
    grid: Grid = flat.reshape(frame.height, frame.width)
    sizes = np.bincount(grid.ravel(), minlength=NOBODY + 1)
    for number, shape in shapes.items():
        if sizes[number]:
            continue
        inner = shape.representative_point()
        row, column = int(frame.north - inner.y / PIXEL), int(inner.x / PIXEL - frame.west)
        top, left = max(row - NEAR, 0), max(column - NEAR, 0)
        around = grid[top : row + NEAR + 1, left : column + NEAR + 1]
        rows, columns = np.indices(around.shape)
        far = (rows + top - row) ** 2 + (columns + left - column) ** 2
        free = (sizes[around] > 1) | (around == NOBODY)
        at = np.unravel_index(np.where(free, far, FAR).argmin(), around.shape)
        sizes[around[at]] -= 1
        sizes[number] += 1
        around[at] = number
    return grid


def _spans(
    shapes: Mapping[int, MultiPolygon], frame: RasterFrame
) -> tuple[Integers, Integers, Integers]:
    """Of each row that a territory crosses: its number, and pixels from `first` up to `last`.

    A border is crossed where it passes the middle of a row. Both neighbours work that out from the
    same two ends in the same order, so that no pixel between them is lost or painted twice.
    """
    number, x, y = _edges(shapes, frame)
    start, end = y.min(axis=1), y.max(axis=1)
    first = np.maximum(np.ceil(start - 0.5), 0).astype(np.int64)
    last = np.minimum(np.ceil(end - 0.5), frame.height).astype(np.int64)
    times = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(times)), times)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(times) - times, times)
    slope = (row + 0.5 - y[edge, 0]) / (y[edge, 1] - y[edge, 0])
    across = x[edge, 0] + slope * (x[edge, 1] - x[edge, 0])
    column = np.clip(np.ceil(across - 0.5), 0, frame.width).astype(np.int64)
    order = np.lexsort((column, row, number[edge]))
    pixels = (row * frame.width + column)[order]
    return number[edge][order][::2], pixels[::2], pixels[1::2]


def _edges(
    shapes: Mapping[int, MultiPolygon], frame: RasterFrame
) -> tuple[Integers, Floats, Floats]:
    """Whose each one is, and the columns and rows of its two ends, the northern one first."""
    polygons, whose = shapely.get_parts(np.array(list(shapes.values())), return_index=True)
    rings, of = shapely.get_rings(polygons, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    same = np.flatnonzero(ring[1:] == ring[:-1])
    x = points[:, 0] / PIXEL - frame.west
    y = frame.north - points[:, 1] / PIXEL
    ends_x = np.stack((x[same], x[same + 1]), axis=1)
    ends_y = np.stack((y[same], y[same + 1]), axis=1)
    turned = ends_y[:, 0] > ends_y[:, 1]
    ends_x[turned], ends_y[turned] = ends_x[turned, ::-1], ends_y[turned, ::-1]
    sloping = ends_y[:, 0] < ends_y[:, 1]
    numbers = np.array(list(shapes), np.int64)[whose[of[ring[same]]]]
    return numbers[sloping], ends_x[sloping], ends_y[sloping]


def _runs(grid: Grid) -> tuple[Grid, Grid]:
    """Numbers and lengths; what is longer than a length can say comes as several."""
    flat = grid.ravel()
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    lengths = np.diff(np.concatenate((starts, [flat.size])))
    parts = -(-lengths // LONGEST_RUN)
    numbers = np.repeat(flat[starts], parts)
    left = np.repeat(lengths, parts)
    again = np.arange(len(left)) - np.repeat(np.cumsum(parts) - parts, parts)
    return numbers, np.minimum(left - again * LONGEST_RUN, LONGEST_RUN).astype(np.uint16)
