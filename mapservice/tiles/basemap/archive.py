"""Reading a PMTiles archive (version 3) tile by tile: its directories are parsed once and kept.

A directory is columns of numbers: the ids of its entries along the Hilbert curve, zoom after zoom,
how many tiles in a row are this one (0: a directory below), and where its bytes are.
"""

import gzip
import json
import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt
from pmtiles.tile import (
    Compression,
    HeaderDict,
    MagicNumberNotFound,
    SpecVersionUnsupported,
    TileType,
    deserialize_header,
    zxy_to_tileid,
)

from mapservice.errors import SourceError
from mapservice.tiles.basemap.model import TileSchema, schema_of

HEADER_BYTES = 127
# The format's own limit of how deep directories lie below each other.
DEEPEST = 4
# Entries of directories kept in memory, at 28 bytes each: 14 MB.
KEPT_ENTRIES = 500_000
# No archive is as long: tilemaker writes such lengths, of what it has not counted.
UNTOLD_LENGTH = 1 << 62
# A directory that unpacks to more than that is none.
LARGEST_DIRECTORY = 256_000_000

CREDIT = '<a href="https://www.openstreetmap.org/copyright">© OpenStreetMap</a>'
# Where `fetch` and `build` note what an archive covers: boxes of west, south, east, north.
AREAS = "mapservice:areas"

Numbers = npt.NDArray[np.int64]
ReadBytes = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class ArchiveDirectory:
    """Entries by rising id; offsets count from the tile data, or from the leaf directories."""

    ids: Numbers
    runs: Numbers
    lengths: Numbers
    offsets: Numbers

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, tile_id: int) -> int:
        """The place of the entry that the tile is in, or below; -1 if there is none."""
        at = int(np.searchsorted(self.ids, tile_id, side="right")) - 1
        if at < 0 or (self.runs[at] and tile_id >= self.ids[at] + self.runs[at]):
            return -1
        return at


def parse_directory(packed: bytes, compression: Compression) -> ArchiveDirectory:
    """The columns of a directory as it is stored. Raises SourceError for what is none."""
    numbers = _numbers(unpack(packed, compression, LARGEST_DIRECTORY))
    count = int(numbers[0]) if len(numbers) else -1
    if count < 0 or len(numbers) != 1 + 4 * count:
        raise SourceError("a directory of the archive is damaged")
    ids, runs, lengths, places = numbers[1:].reshape(4, count)
    return ArchiveDirectory(np.cumsum(ids), runs, lengths, _offsets(places, lengths))


def unpack(packed: bytes, compression: Compression, limit: int) -> bytes:
    """Raises SourceError for what is damaged, or unpacks to more than `limit` bytes."""
    if compression == Compression.NONE:
        return packed
    if compression != Compression.GZIP:
        raise SourceError(f"the archive is compressed by {compression.name}, which is not read")
    try:
        stream = zlib.decompressobj(wbits=31)
        content = stream.decompress(packed, limit)
    except zlib.error as error:
        raise SourceError(f"the archive is damaged: {error}") from None
    if not stream.eof:
        raise SourceError("the archive is damaged: a part of it ends too early, or never")
    return content


def _numbers(content: bytes) -> Numbers:
    """All variable-length integers of the bytes: seven bits each, the last without the eighth."""
    octets = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(octets < 128)
    if not len(ends) or ends[-1] != len(octets) - 1:
        raise SourceError("a directory of the archive is damaged")
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > 9:
        raise SourceError("a directory of the archive is damaged")
    places = np.arange(len(octets)) - np.repeat(starts, lengths)
    parts = (octets & 127).astype(np.int64) << (7 * places)
    return np.asarray(np.add.reduceat(parts, starts), np.int64)


def _offsets(places: Numbers, lengths: Numbers) -> Numbers:
    """A place of 0 says: just after the entry before; any other is the offset plus one."""
    if not len(places):
        return places
    told = places > 0
    if not told[0]:
        raise SourceError("a directory of the archive is damaged")
    before = np.cumsum(lengths) - lengths
    anchors = np.flatnonzero(told)
    anchor = anchors[np.cumsum(told) - 1]
    return np.asarray(places[anchor] - 1 + before - before[anchor], np.int64)


@dataclass(frozen=True, slots=True)
class TileArchive:
    """An open archive whose header was checked against the file that it stands in.

    May be read by many threads, and by processes forked after it was opened.
    """

    path: Path
    version: str
    size: int
    header: HeaderDict
    metadata: dict[str, Any]
    _file: int
    _kept: "DirectoryCache"

    @classmethod
    def open(cls, path: Path) -> "TileArchive":
        """Raises SourceError for what is no archive of vector tiles, or is not whole."""
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from None
        try:
            return cls._of_file(path, file)
        except SourceError as error:
            os.close(file)
            raise SourceError(f"{path}: {error}") from None

    @classmethod
    def _of_file(cls, path: Path, file: int) -> "TileArchive":
        state = os.fstat(file)
        header = parse_header(os.pread(file, HEADER_BYTES, 0))
        _check_extent(header, state.st_size)
        packed = os.pread(file, header["metadata_length"], header["metadata_offset"])
        metadata = parse_metadata(packed, header["internal_compression"])
        kept = DirectoryCache(header["internal_compression"])
        version = f"{state.st_mtime_ns:x}-{state.st_size:x}-{state.st_ino:x}"
        archive = cls(path, version, state.st_size, header, metadata, file, kept)
        archive.directory(header["root_offset"], header["root_length"])
        return archive

    @property
    def schema(self) -> TileSchema | None:
        return schema_of([str(layer.get("id")) for layer in self.layers])

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The layers that the tiles have, as TileJSON tells them."""
        found = self.metadata.get("vector_layers")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north; EPSG:4326."""
        header = self.header
        west, south = header["min_lon_e7"] / 1e7, header["min_lat_e7"] / 1e7
        return west, south, header["max_lon_e7"] / 1e7, header["max_lat_e7"] / 1e7

    @property
    def is_packed(self) -> bool:
        """Whether tiles are stored by gzip."""
        return self.header["tile_compression"] == Compression.GZIP

    def close(self) -> None:
        os.close(self._file)

    def read(self, offset: int, length: int) -> bytes:
        """Raises SourceError where the file ends before."""
        content = os.pread(self._file, length, offset)
        if len(content) != length:
            raise SourceError(f"{self.path} ends too early: it is not whole")
        return content

    def directory(self, offset: int, length: int) -> ArchiveDirectory:
        """The directory at that place of the file, from memory if it was read lately."""
        return self._kept.get(offset, length, self.read)

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """A tile as it is stored, or None. Raises SourceError where the archive is damaged."""
        header, tile_id = self.header, zxy_to_tileid(z, x, y)
        offset, length = header["root_offset"], header["root_length"]
        for _ in range(DEEPEST):
            directory = self.directory(offset, length)
            at = directory.find(tile_id)
            if at < 0:
                return None
            offset, length = int(directory.offsets[at]), int(directory.lengths[at])
            if directory.runs[at]:
                return self.read(header["tile_data_offset"] + offset, length)
            offset += header["leaf_directory_offset"]
        raise SourceError(f"{self.path} is damaged: its directories have no end")

    def tile_ids(self) -> Numbers:
        """The ids of all entries, rising: one for each run of tiles that are the same."""
        header = self.header
        found: list[Numbers] = []
        below = [(header["root_offset"], header["root_length"], 0)]
        while below:
            offset, length, depth = below.pop()
            if depth == DEEPEST:
                raise SourceError(f"{self.path} is damaged: its directories have no end")
            directory = self.directory(offset, length)
            leaves = directory.runs == 0
            found.append(directory.ids[~leaves])
            starts = directory.offsets[leaves] + header["leaf_directory_offset"]
            places = zip(starts.tolist(), directory.lengths[leaves].tolist(), strict=True)
            below += [(start, size, depth + 1) for start, size in places]
        return np.sort(np.concatenate(found))

    def content(self, z: int, x: int, y: int) -> bytes | None:
        """A tile unpacked: a Mapbox Vector Tile."""
        packed = self.tile(z, x, y)
        if packed is None or not self.is_packed:
            return packed
        return gzip.decompress(packed)


class DirectoryCache:
    """Directories by their place, those used least lately forgotten beyond `KEPT_ENTRIES`."""

    def __init__(self, compression: Compression, limit: int = KEPT_ENTRIES) -> None:
        self._compression = compression
        self._limit = limit
        self._found: OrderedDict[int, ArchiveDirectory] = OrderedDict()
        self._entries = 0
        self._lock = threading.Lock()

    @property
    def entries(self) -> int:
        """How many are in memory now."""
        return self._entries

    def get(self, offset: int, length: int, read: ReadBytes) -> ArchiveDirectory:
        with self._lock:
            found = self._found.get(offset)
            if found is not None:
                self._found.move_to_end(offset)
                return found
        found = parse_directory(read(offset, length), self._compression)
        with self._lock:
            if offset not in self._found:
                self._found[offset] = found
                self._entries += len(found)
            while self._entries > self._limit and len(self._found) > 1:
                self._entries -= len(self._found.popitem(last=False)[1])
        return found


def parse_header(content: bytes) -> HeaderDict:
    """Raises SourceError for what is no archive of vector tiles that we can serve."""
    try:
        if len(content) < HEADER_BYTES:
            raise SourceError("this is no PMTiles archive")
        header = deserialize_header(content)
    except (MagicNumberNotFound, SpecVersionUnsupported, ValueError):
        raise SourceError("this is no PMTiles archive of version 3") from None
    if header["tile_type"] != TileType.MVT:
        raise SourceError(f"its tiles are {header['tile_type'].name}, not vector tiles (MVT)")
    for compression in (header["internal_compression"], header["tile_compression"]):
        if compression not in (Compression.NONE, Compression.GZIP):
            raise SourceError(f"it is compressed by {compression.name}, only gzip is read")
    return header


def _check_extent(header: HeaderDict, size: int) -> None:
    ends = (
        header["root_offset"] + header["root_length"],
        header["metadata_offset"] + header["metadata_length"],
        header["leaf_directory_offset"] + header["leaf_directory_length"],
        header["tile_data_offset"] + header["tile_data_length"],
    )
    for end in ends:
        if size < end < UNTOLD_LENGTH:
            raise SourceError(f"it has {size} bytes, but should have {end}: it is not whole")
    if not header["root_length"]:
        raise SourceError("it has no directory")


def parse_metadata(packed: bytes, compression: Compression) -> dict[str, Any]:
    """The JSON object beside the tiles; an archive may have none."""
    if not packed:
        return {}
    try:
        found = json.loads(unpack(packed, compression, LARGEST_DIRECTORY))
    except ValueError:
        raise SourceError("its metadata are no JSON") from None
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class ServedArchive:
    """An archive that maps can be drawn from: its tiles have a schema that we style."""

    archive: TileArchive
    schema: TileSchema

    @property
    def version(self) -> str:
        """Stands in addresses of tiles, so that another archive has other ones."""
        return self.archive.version

    @property
    def attribution(self) -> str:
        found = self.archive.metadata.get("attribution")
        return found.strip() if isinstance(found, str) and found.strip() else CREDIT

    @property
    def has_french_names(self) -> bool:
        """Whether names in French stand beside `name`, where they differ."""
        fields = [layer.get("fields") for layer in self.archive.layers]
        return any("name:fr" in one or "name_fr" in one for one in fields if isinstance(one, dict))

    @property
    def areas(self) -> list[list[float]]:
        """The boxes that it covers: what was cut for, or else its bounds. EPSG:4326."""
        found = self.archive.metadata.get(AREAS)
        return found if _are_boxes(found) else [list(self.archive.bounds)]


def _are_boxes(found: Any) -> TypeGuard[list[list[float]]]:
    return (
        isinstance(found, list)
        and bool(found)
        and all(
            isinstance(box, list)
            and len(box) == 4
            and all(isinstance(side, int | float) for side in box)
            for box in found
        )
    )


def open_served(path: Path) -> ServedArchive:
    """Raises SourceError where no map could be drawn from the file."""
    archive = TileArchive.open(path)
    schema = archive.schema
    if schema is None:
        names = ", ".join(str(layer.get("id")) for layer in archive.layers) or "none"
        archive.close()
        raise SourceError(
            f"{path}: its layers ({names}) are those of no schema that there is a style for:"
            " Shortbread, OpenMapTiles, Protomaps"
        )
    return ServedArchive(archive, schema)
