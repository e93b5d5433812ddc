"""The box that an extract of OpenStreetMap says it covers, from the header of its .osm.pbf.

Format: https://wiki.openstreetmap.org/wiki/PBF_Format
"""

import zlib
from pathlib import Path

from mapservice.errors import SourceError
from mapservice.tiles.basemap.mvt import read_fields

LARGEST_HEADER = 64_000
NANO = 1e-9
# Fields: of BlobHeader, Blob, HeaderBlock and HeaderBBox.
TYPE, DATA_SIZE = 1, 3
RAW, ZLIB = 1, 3
BBOX = 1
LEFT, RIGHT, TOP, BOTTOM = 1, 2, 3, 4


def extent_of(extract: Path) -> tuple[float, float, float, float] | None:
    """West, south, east, north; None where the header tells none. Raises SourceError."""
    try:
        with extract.open("rb") as file:
            length = int.from_bytes(file.read(4), "big")
            blob_header = dict(read_fields(file.read(min(length, LARGEST_HEADER))))
            size = blob_header.get(DATA_SIZE)
            if not isinstance(size, int) or bytes(_bytes(blob_header[TYPE])) != b"OSMHeader":
                raise ValueError("no header")
            blob = dict(read_fields(file.read(min(size, LARGEST_HEADER * 10))))
        block = dict(read_fields(_unpacked(blob)))
        if BBOX not in block:
            return None
        box = dict(read_fields(_bytes(block[BBOX])))
        west, east, north, south = (_degrees(box[side]) for side in (LEFT, RIGHT, TOP, BOTTOM))
    except (OSError, ValueError, KeyError, zlib.error) as error:
        raise SourceError(f"{extract} is no extract of OpenStreetMap (.osm.pbf): {error}") from None
    return west, south, east, north


def _unpacked(blob: dict[int, int | memoryview]) -> memoryview:
    if RAW in blob:
        return _bytes(blob[RAW])
    return memoryview(zlib.decompress(_bytes(blob[ZLIB])))


def _bytes(field: int | memoryview) -> memoryview:
    if isinstance(field, int):
        raise ValueError("a number where bytes should be")
    return field


def _degrees(field: int | memoryview) -> float:
    """From nanodegrees, signed in zigzag."""
    if not isinstance(field, int):
        raise ValueError("bytes where a number should be")
    return (field >> 1 ^ -(field & 1)) * NANO
