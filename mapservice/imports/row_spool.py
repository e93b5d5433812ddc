"""Rows of a file read once and kept in a file of ours until each is saved; memory stays the same.

Reading takes longer than all else that is done here with a row, so it is shared out to processes
where there are several. What depends on the file as a whole (which points its rows share) is known
once the last row is read, and only then the first one is saved.
"""

import json
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, fields
from functools import partial
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import IO

from mapservice.errors import ServiceUnavailable
from mapservice.geocoding.parallel import on_cores
from mapservice.imports.reading import SourceFile
from mapservice.imports.repeated_rows import title_key
from mapservice.imports.row_identity import digest_of, source_id_of
from mapservice.imports.rows import NumberedRecord
from mapservice.imports.shared_points import PointSighting, packed
from mapservice.imports.text import digest_number
from mapservice.initiatives.model import Scale, SourceRow, Status, Theme

# Rows that one process takes at a time, how many such are on their way to each, and rows up to
# which a file is too short to be shared out.
CHUNK_ROWS, CHUNKS_AHEAD, FEW_ROWS = 250, 4, 2_000

# What a row is in the file that it came from is not asked for again.
_NAMES = tuple(one.name for one in fields(SourceRow) if one.name != "raw")
_values_of = attrgetter(*_NAMES)


# Takes the number of rows, and yields what advances it.
Progress = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@contextmanager
def no_progress(total: int) -> Iterator[Callable[[int], None]]:
    """Nobody is told."""
    del total
    yield lambda _rows: None


@dataclass(frozen=True, slots=True)
class IdentifiedRow:
    """A row with its id at its source and the digest of what it says."""

    row: SourceRow
    source_id: str
    digest: str

    @classmethod
    def of(cls, row: SourceRow) -> "IdentifiedRow":
        return cls(row, source_id_of(row), digest_of(row))


@dataclass(frozen=True, slots=True)
class _ReadChunk:
    """Rows as lines of JSON, their points as `SharedPoints` takes them, and of each row that is an
    initiative the digests of its title and its id, eight bytes each."""

    lines: bytes
    points: bytes
    titles: bytes
    ids: bytes


@dataclass(frozen=True, slots=True)
class RowSpool:
    """The rows of a file, in order, as often as they are asked for; `points`, and the digests of
    titles and ids, of all of them."""

    points: bytes
    titles: bytes
    ids: bytes
    _kept: IO[bytes]

    @property
    def rows(self) -> Iterator[IdentifiedRow]:
        self._kept.seek(0)
        return map(_row_of, self._kept)


@contextmanager
def spooled(
    source: SourceFile, folder: Path | None, processes: int, progress: Progress
) -> Iterator[RowSpool]:
    """Reads all rows into a file in `folder` (None: where this machine keeps what is passing) that
    is gone with the block.

    Raises SourceError if the source breaks while it is read, ServiceUnavailable where there is no
    room. No thread may be about where there are `processes`: they are forked. `progress` begins
    after that.
    """
    points, titles, ids = bytearray(), bytearray(), bytearray()
    with ExitStack() as until_saved:
        with _needing_room():
            kept = until_saved.enter_context(tempfile.TemporaryFile(dir=folder))
        for chunk in _read(source, processes, progress):
            points += chunk.points
            titles += chunk.titles
            ids += chunk.ids
            with _needing_room():
                kept.write(chunk.lines)
        with _needing_room():
            kept.flush()
        yield RowSpool(bytes(points), bytes(titles), bytes(ids), kept)


@contextmanager
def _needing_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ServiceUnavailable(f"The rows cannot be kept: {error.strerror}") from None


def _read(source: SourceFile, processes: int, progress: Progress) -> Iterator[_ReadChunk]:
    processes = processes if source.total > FEW_ROWS else 1
    chunks = _chunked(source.records, CHUNK_ROWS)
    with (
        on_cores(partial(_read_chunk, source), processes) as share_out,
        progress(source.total) as advance,
    ):
        # All that is given at once is sent at once; the next ones are on their way before these
        # are taken, so that nobody waits for this process.
        shares = _shared_out(share_out, chunks, processes * CHUNKS_AHEAD)
        share = next(shares, None)
        while share:
            following = next(shares, None)
            for count, read in share:
                yield read
                advance(count)
            share = following


def _shared_out(
    share_out: Callable[[Iterable[Sequence[NumberedRecord]]], Iterator[_ReadChunk]],
    chunks: Iterator[Sequence[NumberedRecord]],
    at_once: int,
) -> Iterator[Iterator[tuple[int, _ReadChunk]]]:
    """Some chunks at a time, each with its number of rows, read or being read."""
    while given := list(islice(chunks, at_once)):
        yield zip(map(len, given), share_out(given), strict=True)


def _chunked(records: Iterable[NumberedRecord], size: int) -> Iterator[Sequence[NumberedRecord]]:
    remaining = iter(records)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _read_chunk(source: SourceFile, records: Sequence[NumberedRecord]) -> _ReadChunk:
    rows = [IdentifiedRow.of(source.row(one)) for one in records]
    sightings = (PointSighting.of(one.row, one.source_id) for one in rows)
    entries = [one for one in rows if not (one.row.rejected or one.row.skipped)]
    told = (json.dumps([one.source_id, one.digest, *_values_of(one.row)]) for one in rows)
    return _ReadChunk(
        b"".join(line.encode() + b"\n" for line in told),
        packed(one for one in sightings if one is not None),
        array("q", (digest_number(title_key(one.row.title)) for one in entries)).tobytes(),
        array("q", (digest_number(one.source_id) for one in entries)).tobytes(),
    )


def _row_of(line: bytes) -> IdentifiedRow:
    source_id, digest, *values = json.loads(line)
    told = dict(zip(_NAMES, values, strict=True))
    told["theme"] = Theme(told["theme"])
    told["scale"] = Scale(told["scale"])
    told["status"] = Status(told["status"])
    told["problems"] = tuple(told["problems"])
    return IdentifiedRow(SourceRow(raw={}, **told), source_id, digest)
