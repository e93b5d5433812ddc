"""Which tiles of an archive lie in some boxes, and how the archive of these alone looks. Pure.

Tiles of a cell of the map are neighbours along the Hilbert curve, so that a box is few ranges of
ids at each zoom, and no tile needs to be looked at one by one.
"""

import gzip
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pmtiles.tile import Compression, HeaderDict, serialize_header, tileid_to_zxy, zxy_to_tileid

from mapservice.errors import SourceError
from mapservice.tiles.basemap.archive import HEADER_BYTES, ArchiveDirectory, Numbers

Box = Sequence[float]
Cell = tuple[int, int, int]

# Where the web-mercator square ends, in degrees.
LAST_LATITUDE = 85.0511287798066
# The header and the root directory must lie in the first 16,384 bytes of an archive.
ROOT_BYTES = 16_384 - HEADER_BYTES
LEAF_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class TileRanges:
    """Half-open ranges of tile ids, apart from each other and rising."""

    starts: Numbers
    ends: Numbers

    @property
    def tiles(self) -> int:
        return int((self.ends - self.starts).sum())

    def meets(self, first: int, last: int) -> bool:
        """Whether any id from `first` up to, and without, `last` is in a range."""
        at = int(np.searchsorted(self.ends, first, side="right"))
        return at < len(self.starts) and int(self.starts[at]) < last

    def within(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The parts of the ranges that lie from `first` up to, and without, `last`."""
        at = int(np.searchsorted(self.ends, first, side="right"))
        while at < len(self.starts) and self.starts[at] < last:
            yield max(first, int(self.starts[at])), min(last, int(self.ends[at]))
            at += 1


def ranges_of(boxes: Sequence[Box], max_zoom: int) -> TileRanges:
    """The ids of all tiles that meet a box (W, S, E, N; EPSG:4326), from zoom 0 on."""
    found: list[tuple[int, int]] = []
    for zoom in range(max_zoom + 1):
        found += _of_zoom([_columns_and_rows(box, zoom) for box in boxes], zoom)
    found.sort()
    merged: list[list[int]] = []
    for start, end in found:
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([start, end])
    starts, ends = np.array(merged, np.int64).reshape(-1, 2).T
    return TileRanges(starts, ends)


Window = tuple[int, int, int, int]


def _columns_and_rows(box: Box, zoom: int) -> Window:
    """First and last column and row of the tiles that meet a box; a shared edge is no meeting."""
    west, south, east, north = box
    size = 2**zoom
    columns = (west + 180) / 360 * size, (east + 180) / 360 * size
    rows = _row(north, size), _row(south, size)
    first_x, first_y = (min(max(math.floor(one), 0), size - 1) for one in (columns[0], rows[0]))
    last_x = min(max(math.ceil(columns[1]) - 1, first_x), size - 1)
    last_y = min(max(math.ceil(rows[1]) - 1, first_y), size - 1)
    return first_x, first_y, last_x, last_y


def _row(latitude: float, size: int) -> float:
    """From the north, in tiles of a map that is `size` of them high."""
    bounded = math.radians(min(max(latitude, -LAST_LATITUDE), LAST_LATITUDE))
    return (1 - math.asinh(math.tan(bounded)) / math.pi) / 2 * size


def _of_zoom(windows: list[Window], zoom: int) -> list[tuple[int, int]]:
    """Descends from the whole map into what a window cuts, and takes whole what lies within one."""
    found = []
    base = zxy_to_tileid(zoom, 0, 0)
    cells: list[tuple[Cell, list[Window]]] = [((0, 0, 0), windows)]
    while cells:
        (z, x, y), near = cells.pop()
        shift = zoom - z
        west, north = x << shift, y << shift
        east, south = west + (1 << shift) - 1, north + (1 << shift) - 1
        near = [
            one
            for one in near
            if one[0] <= east and one[2] >= west and one[1] <= south and one[3] >= north
        ]
        if not near:
            continue
        if any(
            one[0] <= west and one[2] >= east and one[1] <= north and one[3] >= south
            for one in near
        ):
            place = (zxy_to_tileid(z, x, y) - zxy_to_tileid(z, 0, 0)) << 2 * shift
            found.append((base + place, base + place + (1 << 2 * shift)))
            continue
        cells += [
            ((z + 1, 2 * x + column, 2 * y + row), near) for column in (0, 1) for row in (0, 1)
        ]
    return found


def cut(directory: ArchiveDirectory, wanted: TileRanges) -> ArchiveDirectory:
    """The entries of tiles that are wanted; runs are shortened to these. Leaves are left out."""
    columns = (directory.ids, directory.runs, directory.lengths, directory.offsets)
    touched = _touched(directory, wanted)
    rows = [
        (start, end - start, length, offset)
        for tile_id, run, length, offset in zip(
            *(column[touched].tolist() for column in columns), strict=True
        )
        for start, end in wanted.within(tile_id, tile_id + run)
    ]
    return ArchiveDirectory(*np.array(rows, np.int64).reshape(-1, 4).T)


def _touched(directory: ArchiveDirectory, wanted: TileRanges) -> npt.NDArray[np.bool_]:
    at = np.searchsorted(wanted.ends, directory.ids, side="right")
    is_tile = directory.runs > 0
    found = np.zeros(len(directory), bool)
    inside = is_tile & (at < len(wanted.starts))
    ends = directory.ids[inside] + directory.runs[inside]
    found[inside] = wanted.starts[at[inside]] < ends
    return found


def leaves(directory: ArchiveDirectory, wanted: TileRanges) -> list[tuple[int, int]]:
    """Offset and length of the directories below that may hold tiles that are wanted."""
    following = [*directory.ids[1:].tolist(), 1 << 62]
    return [
        (int(directory.offsets[at]), int(directory.lengths[at]))
        for at in np.flatnonzero(directory.runs == 0).tolist()
        if wanted.meets(int(directory.ids[at]), following[at])
    ]


@dataclass(frozen=True, slots=True)
class TileCopies:
    """What is to be copied, in order: bytes of the source's tile data, each tile's once."""

    offsets: Numbers
    lengths: Numbers

    @property
    def total(self) -> int:
        return int(self.lengths.sum())


def planned(entries: ArchiveDirectory) -> tuple[ArchiveDirectory, TileCopies]:
    """The entries with their offsets in the new archive, whose tiles lie in the order of their ids.

    Tiles that are the same in the source stay one.
    """
    _, first, inverse = np.unique(entries.offsets, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    firsts = first[order]
    lengths = entries.lengths[firsts]
    placed = np.empty(len(first), np.int64)
    placed[order] = np.cumsum(lengths) - lengths
    moved = ArchiveDirectory(
        entries.ids, entries.runs, entries.lengths, placed[inverse.reshape(-1)]
    )
    return moved, TileCopies(entries.offsets[firsts], lengths)


def joined(parts: Sequence[ArchiveDirectory]) -> ArchiveDirectory:
    """All entries by rising id. Raises SourceError when there is none."""
    columns = [
        np.concatenate([getattr(part, name) for part in parts] or [np.empty(0, np.int64)])
        for name in ("ids", "runs", "lengths", "offsets")
    ]
    order = np.argsort(columns[0], kind="stable")
    if not len(order):
        raise SourceError("the archive has no tile there")
    return ArchiveDirectory(*(column[order] for column in columns))


def head(
    source: HeaderDict,
    metadata: dict[str, Any],
    entries: ArchiveDirectory,
    copies: TileCopies,
    bounds: Box,
) -> bytes:
    """All of the new archive that stands before its tiles: the same for the same cut."""
    root, leaf_bytes = _directories(entries)
    packed = gzip.compress(json.dumps(metadata, ensure_ascii=False).encode(), mtime=0)
    west, south, east, north = (round(side * 1e7) for side in bounds)
    first_leaf = HEADER_BYTES + len(root) + len(packed)
    last_id = int(entries.ids[-1] + entries.runs[-1] - 1)
    min_zoom, max_zoom = (tileid_to_zxy(one)[0] for one in (int(entries.ids[0]), last_id))
    header: HeaderDict = {
        "version": 3,
        "root_offset": HEADER_BYTES,
        "root_length": len(root),
        "metadata_offset": HEADER_BYTES + len(root),
        "metadata_length": len(packed),
        "leaf_directory_offset": first_leaf,
        "leaf_directory_length": len(leaf_bytes),
        "tile_data_offset": first_leaf + len(leaf_bytes),
        "tile_data_length": copies.total,
        "addressed_tiles_count": int(entries.runs.sum()),
        "tile_entries_count": len(entries),
        "tile_contents_count": len(copies.offsets),
        "clustered": True,
        "internal_compression": Compression.GZIP,
        "tile_compression": source["tile_compression"],
        "tile_type": source["tile_type"],
        "min_zoom": min_zoom,
        "max_zoom": max_zoom,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": min(max(source["center_zoom"], min_zoom), max_zoom),
        "center_lon_e7": (west + east) // 2,
        "center_lat_e7": (south + north) // 2,
    }
    return bytes(serialize_header(header)) + root + packed + leaf_bytes


def _directories(entries: ArchiveDirectory) -> tuple[bytes, bytes]:
    """The root, and the leaves below it if all would not fit into the root."""
    whole = directory_bytes(entries)
    if len(whole) <= ROOT_BYTES:
        return whole, b""
    size = LEAF_ENTRIES
    while True:
        parts = [_slice(entries, start, start + size) for start in range(0, len(entries), size)]
        stored = [directory_bytes(part) for part in parts]
        lengths = np.array([len(one) for one in stored], np.int64)
        ids = np.array([part.ids[0] for part in parts], np.int64)
        root = ArchiveDirectory(ids, np.zeros_like(ids), lengths, np.cumsum(lengths) - lengths)
        packed = directory_bytes(root)
        if len(packed) <= ROOT_BYTES:
            return packed, b"".join(stored)
        size *= 2


def _slice(entries: ArchiveDirectory, start: int, end: int) -> ArchiveDirectory:
    return ArchiveDirectory(
        entries.ids[start:end],
        entries.runs[start:end],
        entries.lengths[start:end],
        entries.offsets[start:end],
    )


def directory_bytes(entries: ArchiveDirectory) -> bytes:
    """A directory as it is stored: the inverse of `parse_directory`, by gzip."""
    follows = np.zeros(len(entries), bool)
    follows[1:] = entries.offsets[1:] == entries.offsets[:-1] + entries.lengths[:-1]
    places = np.where(follows, 0, entries.offsets + 1)
    steps = np.diff(entries.ids, prepend=0)
    numbers = np.concatenate(([len(entries)], steps, entries.runs, entries.lengths, places))
    return gzip.compress(_variable(numbers), mtime=0)


def _variable(numbers: Numbers) -> bytes:
    """Whole numbers, seven bits to a byte, the lowest first."""
    sizes = np.ones(len(numbers), np.int64)
    for length in range(1, 9):
        sizes += numbers >= 1 << 7 * length
    ends = np.cumsum(sizes)
    starts = ends - sizes
    octets = np.zeros(int(ends[-1]), np.uint8)
    for place in range(int(sizes.max())):
        has = sizes > place
        more = np.where(sizes[has] > place + 1, 128, 0)
        octets[starts[has] + place] = (numbers[has] >> 7 * place & 127) | more
    return octets.tobytes()
