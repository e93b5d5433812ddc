"""Cutting what is needed out of an archive on another server, by range requests.

What stands before the tiles is known once the directories are read, and is the same each time. So
the new archive is written from its first byte to its last, and one that was broken off anywhere
goes on at its end. Tiles go through memory block by block.
"""

import gzip
import json
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pmtiles.tile import HeaderDict

from mapservice.errors import SourceError
from mapservice.outgoing.way_out import STRAIGHT, WayOut
from mapservice.tiles.basemap.archive import (
    AREAS,
    DEEPEST,
    HEADER_BYTES,
    ArchiveDirectory,
    TileArchive,
    parse_directory,
    parse_header,
    parse_metadata,
)
from mapservice.tiles.basemap.cut import (
    Box,
    TileCopies,
    TileRanges,
    cut,
    head,
    joined,
    leaves,
    planned,
    ranges_of,
)
from mapservice.tiles.basemap.model import is_address
from mapservice.tiles.basemap.remote import BrokenOff, RemoteHost

Tell = Callable[[str], None]
Progress = Callable[[int, int], None]

BLOCK_BYTES = 1 << 18
# Bytes between two wanted parts that cost less to read than another request would.
GAP_BYTES = 32_768
REQUEST_BYTES = 64_000_000
TIMEOUT_SECONDS = 30.0
# After a failure it is tried again, each time after twice as long.
TRIES, PAUSE_SECONDS = 5, 1.0
# Metadata and directories larger than that are none.
LARGEST_PART = 64_000_000


class Source(Protocol):
    """Where bytes come from. `identity` tells one content from another at the same address."""

    identity: dict[str, Any]

    def stream(self, offset: int, length: int) -> Iterator[bytes]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class RetryPatience:
    """How often and after how many seconds something is tried again."""

    tries: int = TRIES
    pause: float = PAUSE_SECONDS


class LocalFile:
    """An archive on this machine."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from None
        state = os.fstat(self._file.fileno())
        self.identity: dict[str, Any] = {"size": state.st_size, "tag": str(state.st_mtime_ns)}

    def close(self) -> None:
        self._file.close()

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        self._file.seek(offset)
        while length:
            block = self._file.read(min(length, BLOCK_BYTES))
            if not block:
                raise SourceError("the archive ends too early: it is not whole")
            length -= len(block)
            yield block


class RemoteFile:
    """An archive at an address. Raises SourceError for a server that gives no ranges of it."""

    def __init__(self, address: str, patience: RetryPatience, way: WayOut) -> None:
        self._remote = RemoteHost(address, TIMEOUT_SECONDS, way=way)
        self._patience = patience
        self._answered = False
        self.identity: dict[str, Any] = {}

    def close(self) -> None:
        self._remote.close()

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        """The bytes, asked for again from where an answer broke off."""
        failures = 0
        while length:
            try:
                for block in self._once(offset, length):
                    offset, length, failures = offset + len(block), length - len(block), 0
                    yield block
            except BrokenOff as error:
                failures += 1
                if not self._answered:
                    raise  # it never answered: no patience helps where the address is wrong
                if failures >= self._patience.tries:
                    raise SourceError(f"{error}: run the same command again to go on") from None
                time.sleep(self._patience.pause * 2 ** (failures - 1))

    def _once(self, offset: int, length: int) -> Iterator[bytes]:
        last = offset + length - 1
        asked = {"Range": f"bytes={offset}-{last}", "Accept-Encoding": "identity"}
        try:
            answer = self._remote.get(asked)
            self._answered = True
            self._check(answer, offset, last)
            while length:
                block = answer.read(min(length, BLOCK_BYTES))
                if not block:
                    raise BrokenOff(f"{self._remote.address} broke off")
                length -= len(block)
                yield block
        except (OSError, HTTPException) as error:
            self._remote.close()
            raise BrokenOff(f"{self._remote.address} does not answer: {error}") from None
        except BrokenOff:
            self._remote.close()
            raise

    def _check(self, answer: HTTPResponse, offset: int, last: int) -> None:
        address, status = self._remote.address, answer.status
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            raise BrokenOff(f"{address} answers {status} {answer.reason}")
        if status == HTTPStatus.OK:
            self._remote.close()  # the body would be the whole archive
            raise SourceError(
                f"{address} takes no range requests: it answers with the whole file. Download it,"
                " and give its path as --from"
            )
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise SourceError(
                f"{address} answers 416: it has no bytes {offset} to {last}; the archive there is"
                " not whole, or its server takes no range requests"
            )
        if status != HTTPStatus.PARTIAL_CONTENT:
            raise SourceError(f"{address} answers {status} {answer.reason}")
        told, _, size = (answer.getheader("Content-Range") or "").partition("/")
        if told != f"bytes {offset}-{last}":
            raise SourceError(f"{address} was asked for bytes {offset}-{last}, and sent {told!r}")
        tag = answer.getheader("ETag") or answer.getheader("Last-Modified") or ""
        found = {"size": size, "tag": tag}
        if self.identity and found != self.identity:
            raise SourceError(f"{address} has changed meanwhile: run the command again")
        self.identity = found


@dataclass(frozen=True, slots=True)
class CutPlan:
    """An archive that is to be made: all before its tiles, and where these come from."""

    head: bytes
    entries: ArchiveDirectory
    copies: TileCopies
    data_offset: int

    @property
    def size(self) -> int:
        return len(self.head) + self.copies.total


@dataclass(frozen=True, slots=True)
class FetchedArchive:
    """What was made, how many bytes of it were there already, and how many came now."""

    path: Path
    tiles: int
    size: int
    kept: int


def fetch(
    source: str,
    boxes: Sequence[Box],
    target: Path,
    max_zoom: int,
    tell: Tell = lambda _: None,
    progress: Progress = lambda _done, _total: None,
    patience: RetryPatience = RetryPatience(),
    way: WayOut = STRAIGHT,
) -> FetchedArchive:
    """Writes the tiles of `source` (an address or a path) that meet a box to the archive `target`.

    `target` stays as it was till the new one is whole and looked through; till then it grows beside
    it, as `….part`. `progress` hears of bytes written, and of how many there will be. Boxes: west,
    south, east, north; EPSG:4326. Raises SourceError.
    """
    part = target.with_name(f"{target.name}.part")
    place: Source
    place = RemoteFile(source, patience, way) if is_address(source) else LocalFile(Path(source))
    with closing(place):
        tell("reading the directories")
        plan = _plan(place, boxes, max_zoom)
        kept = _ready(part, plan, place.identity, tell)
        _check_room(part, plan.size - kept)
        tell("fetching tiles")
        with part.open("ab") as file:
            for written in _copy(place, plan, kept, file.write):
                progress(written, plan.size)
            os.fsync(file.fileno())
    tell("looking it through")
    _look_through(part, plan, progress)
    part.replace(target)
    _note(part).unlink(missing_ok=True)
    return FetchedArchive(target, int(plan.entries.runs.sum()), plan.size, kept)


def _check_room(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise SourceError(f"{part.parent} has {free} bytes free, and {needed} are needed")


def _plan(place: Source, boxes: Sequence[Box], max_zoom: int) -> CutPlan:
    header = parse_header(_read(place, 0, HEADER_BYTES))
    wanted = ranges_of(boxes, min(max_zoom, header["max_zoom"]))
    entries, copies = planned(joined(list(_directories(place, header, wanted))))
    packed = _read(place, header["metadata_offset"], header["metadata_length"])
    metadata = parse_metadata(packed, header["internal_compression"])
    metadata[AREAS] = [list(box) for box in boxes]
    made = head(header, metadata, entries, copies, _bounds(boxes))
    return CutPlan(made, entries, copies, header["tile_data_offset"])


def _bounds(boxes: Sequence[Box]) -> Box:
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _directories(
    place: Source, header: HeaderDict, wanted: TileRanges
) -> Iterator[ArchiveDirectory]:
    """What is wanted of each directory; those below that cannot have any are not asked for."""
    level = [(header["root_offset"], header["root_length"])]
    for _ in range(DEEPEST):
        below: list[tuple[int, int]] = []
        for packed in _read_several(place, level):
            directory = parse_directory(packed, header["internal_compression"])
            yield cut(directory, wanted)
            start = header["leaf_directory_offset"]
            below += [(start + offset, length) for offset, length in leaves(directory, wanted)]
        if not below:
            return
        level = sorted(set(below))
    raise SourceError("the archive is damaged: its directories have no end")


def _read_several(place: Source, parts: list[tuple[int, int]]) -> Iterator[bytes]:
    """Parts by rising offset; those that follow each other come by one request."""
    offsets, lengths = np.array(parts, np.int64).reshape(-1, 2).T
    gathered = bytearray()
    pending = iter(lengths.tolist())
    wanted = next(pending)
    for block in _wanted_blocks(place, 0, TileCopies(offsets, lengths), 0):
        gathered += block
        while wanted <= len(gathered):
            yield bytes(gathered[:wanted])
            del gathered[:wanted]
            wanted = next(pending, 1 << 62)


def _read(place: Source, offset: int, length: int) -> bytes:
    if length > LARGEST_PART:
        raise SourceError("this is no PMTiles archive of version 3")
    return b"".join(place.stream(offset, length)) if length else b""


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _ready(part: Path, plan: CutPlan, identity: dict[str, Any], tell: Tell) -> int:
    """Makes the unfinished file ready to go on; how many bytes of it are good."""
    part.parent.mkdir(parents=True, exist_ok=True)
    if _goes_on(part, plan, identity):
        kept = part.stat().st_size
        tell(f"going on at byte {kept} of {plan.size}")
        return kept
    part.unlink(missing_ok=True)
    draft = _note(part).with_suffix(".new")
    draft.write_text(json.dumps(identity), encoding="utf-8")
    draft.replace(_note(part))
    part.write_bytes(plan.head)
    return len(plan.head)


def _goes_on(part: Path, plan: CutPlan, identity: dict[str, Any]) -> bool:
    """Whether the unfinished file is the beginning of this very archive."""
    try:
        same = json.loads(_note(part).read_text(encoding="utf-8")) == identity
        with part.open("rb") as file:
            begun = file.read(len(plan.head))
        size = part.stat().st_size
    except (OSError, ValueError):
        return False
    return same and begun == plan.head and size <= plan.size


def _copy(place: Source, plan: CutPlan, kept: int, write: Callable[[bytes], Any]) -> Iterator[int]:
    """Appends the tiles that are not there yet; yields how long the file is each time."""
    written = kept
    for block in _wanted_blocks(place, plan.data_offset, plan.copies, kept - len(plan.head)):
        write(block)
        written += len(block)
        yield written


def _wanted_blocks(place: Source, start: int, copies: TileCopies, skipped: int) -> Iterator[bytes]:
    """The bytes to copy from the `skipped`-th on, in order: by few requests, gaps thrown away.

    `start` is where in the source the offsets count from.
    """
    for pieces in _requests(copies, skipped):
        first, last = pieces[0][0], sum(pieces[-1])
        at, block = first, b""
        blocks = place.stream(start + first, last - first)
        for offset, length in pieces:
            while length:
                if at + len(block) <= offset:
                    at += len(block)
                    block = next(blocks)
                    continue
                begin = max(offset - at, 0)
                taken = block[begin : begin + length]
                yield taken
                offset, length = offset + len(taken), length - len(taken)


def _requests(copies: TileCopies, skipped: int) -> Iterator[list[tuple[int, int]]]:
    """Pieces (offset, length) that one request is for: rising, near each other, not too many."""
    ends = np.cumsum(copies.lengths)
    first = int(np.searchsorted(ends, skipped, side="right"))
    pieces: list[tuple[int, int]] = []
    for at in range(first, len(ends)):
        offset, length = int(copies.offsets[at]), int(copies.lengths[at])
        if at == first:
            done = skipped - (int(ends[at]) - length)
            offset, length = offset + done, length - done
        if pieces and not _joins(pieces, offset, length):
            yield pieces
            pieces = []
        pieces.append((offset, length))
    if pieces:
        yield pieces


def _joins(pieces: list[tuple[int, int]], offset: int, length: int) -> bool:
    gap = offset - sum(pieces[-1])
    return 0 <= gap <= GAP_BYTES and offset + length - pieces[0][0] <= REQUEST_BYTES


def _look_through(part: Path, plan: CutPlan, progress: Progress) -> None:
    """Reads every tile of the new archive once. Throws a damaged one away: SourceError."""
    try:
        with closing(TileArchive.open(part)) as archive:
            if archive.size != plan.size:
                raise SourceError(f"it has {archive.size} bytes and should have {plan.size}")
            start = archive.header["tile_data_offset"]
            at = 0
            for length in plan.copies.lengths.tolist():
                content = archive.read(start + at, length)
                if archive.is_packed:
                    gzip.decompress(content)
                at += length
                progress(start + at, plan.size)
    except (SourceError, OSError, EOFError, zlib.error) as error:
        part.unlink(missing_ok=True)
        _note(part).unlink(missing_ok=True)
        raise SourceError(f"what was fetched is damaged: run the command again ({error})") from None
