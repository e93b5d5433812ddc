"""Cutting an archive on a server: the same tiles, whatever broke off, and clear words when not."""

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pmtiles.reader import MmapSource, Reader, all_tiles
from pmtiles.tile import Compression, serialize_header, tileid_to_zxy, zxy_to_tileid

from mapservice.errors import SourceError
from mapservice.tiles.basemap import fetch as fetching
from mapservice.tiles.basemap.archive import (
    AREAS,
    HEADER_BYTES,
    ArchiveDirectory,
    TileArchive,
    parse_directory,
)
from mapservice.tiles.basemap.cut import directory_bytes, ranges_of
from mapservice.tiles.basemap.fetch import LocalFile, RetryPatience, fetch
from mapservice.tiles.basemap.remote import BrokenOff
from tests.basemap.archives import Tiles, some_tiles, write_archive
from tests.basemap.range_server import ServerBehaviour, serving

BRETAGNE = (-5.15, 47.27, -1.01, 48.91)
AT_ONCE = RetryPatience(tries=1, pause=0)
# All of zooms 0 to 5, and a part of zoom 6.
SMALL = 2_000
LARGE = 100_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of one directory, and one of 100,000 tiles with directories below its root."""
    folder = tmp_path_factory.mktemp("archives")
    write_archive(folder / "small.pmtiles", some_tiles(SMALL), attribution="© somebody")
    write_archive(folder / "large.pmtiles", some_tiles(LARGE, seed=2))
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[tuple[str, ServerBehaviour]]:
    with serving(folder) as found:
        yield found


def tiles_of(path: Path) -> Tiles:
    """As the library reads them."""
    with path.open("rb") as file:
        return dict(all_tiles(MmapSource(file)))


def expected(tiles: Tiles, box: tuple[float, float, float, float], max_zoom: int) -> Tiles:
    """Those whose square meets the box, found by looking at each."""
    west, south, east, north = box
    found = {}
    for (z, x, y), content in tiles.items():
        size = 2**z
        left, right = x / size * 360 - 180, (x + 1) / size * 360 - 180
        top, bottom = (
            np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * row / size)))) for row in (y, y + 1)
        )
        if z <= max_zoom and left < east and right > west and bottom < north and top > south:
            found[z, x, y] = content
    return found


@pytest.mark.long
@pytest.mark.parametrize(("name", "zoom"), [("small", 5), ("small", 22), ("large", 22)])
@pytest.mark.parametrize(
    "box", [BRETAGNE, (-180.0, -80.0, 180.0, 80.0), (170.0, -50.0, 179.9, 1.0)]
)
def test_what_is_cut_equals_the_source_tile_for_tile(
    server: tuple[str, ServerBehaviour],
    folder: Path,
    tmp_path: Path,
    name: str,
    zoom: int,
    box: tuple[float, float, float, float],
) -> None:
    source = folder / f"{name}.pmtiles"
    made = fetch(f"{server[0]}/{name}.pmtiles", [box], tmp_path / "cut.pmtiles", zoom)
    wanted = expected(tiles_of(source), box, zoom)
    assert tiles_of(made.path) == wanted
    assert made.tiles == len(wanted)
    with closing(TileArchive.open(made.path)) as archive:
        for (z, x, y), content in wanted.items():
            assert archive.tile(z, x, y) == content
        outside = set(tiles_of(source)) - set(wanted)
        assert {tile for tile in outside if archive.tile(*tile) is not None} == set()


def test_several_boxes_are_cut_at_once_and_noted(folder: Path, tmp_path: Path) -> None:
    boxes = [BRETAGNE, (55.0, -21.5, 56.0, -20.8)]
    source = folder / "small.pmtiles"
    made = fetch(str(source), boxes, tmp_path / "cut.pmtiles", 22)
    tiles = tiles_of(source)
    assert tiles_of(made.path) == {
        **expected(tiles, boxes[0], 22),
        **expected(tiles, boxes[1], 22),
    }
    with made.path.open("rb") as file:
        reader = Reader(MmapSource(file))
        metadata, header = reader.metadata(), reader.header()
    assert metadata[AREAS] == [list(box) for box in boxes]
    assert metadata["attribution"] == "© somebody"
    assert (header["min_lon_e7"], header["max_lon_e7"]) == (-51_500_000, 560_000_000)
    assert header["clustered"]


def test_an_archive_with_directories_below_its_root_is_read_in_few_requests(
    server: tuple[str, ServerBehaviour], folder: Path, tmp_path: Path
) -> None:
    address, behaviour = server
    with closing(TileArchive.open(folder / "large.pmtiles")) as archive:
        assert archive.header["leaf_directory_length"] > 0
    fetch(f"{address}/large.pmtiles", [BRETAGNE], tmp_path / "cut.pmtiles", 22)
    assert len(behaviour.asked) < 40
    assert behaviour.sent < (folder / "large.pmtiles").stat().st_size / 4


@pytest.mark.long
def test_interrupted_anywhere_it_ends_right_when_run_again(
    server: tuple[str, ServerBehaviour], tmp_path: Path
) -> None:
    address, behaviour = server
    box, source = (-20.0, 30.0, 40.0, 60.0), f"{address}/small.pmtiles"
    whole = fetch(source, [box], tmp_path / "whole.pmtiles", 22, patience=AT_ONCE).path.read_bytes()
    sent, target = behaviour.sent, tmp_path / "cut.pmtiles"
    for position in range(0, sent, max(1, sent // 41)):
        behaviour.left = position
        with pytest.raises(BrokenOff if position == 0 else SourceError):
            fetch(source, [box], target, 22, patience=AT_ONCE)
        assert not target.exists()
        behaviour.left = 1 << 60
        fetch(source, [box], target, 22, patience=AT_ONCE)
        assert target.read_bytes() == whole
        target.unlink()


@pytest.mark.long
def test_interrupted_at_every_byte_it_ends_right_when_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte that is sent may be the last: of an archive that is small, whose directories are
    nested like a large one's."""
    tiles = some_tiles(120, seed=3, size=9)
    source = nested(write_archive(tmp_path / "source.pmtiles", tiles))
    box = (-100.0, -60.0, 100.0, 70.0)
    target, sent = tmp_path / "cut.pmtiles", 0
    left = 1 << 60

    class BreakingFile(LocalFile):
        def stream(self, offset: int, length: int) -> Iterator[bytes]:
            nonlocal left, sent
            for block in super().stream(offset, length):
                given = block[:left]
                left, sent = left - len(given), sent + len(given)
                yield given
                if len(given) < len(block):
                    raise SourceError("it broke off")

    monkeypatch.setattr(fetching, "LocalFile", BreakingFile)
    fetch(str(source), [box], target, 22)
    whole, every = target.read_bytes(), sent
    assert tiles_of(target) == expected(tiles, box, 22)
    target.unlink()
    assert 1_000 < every < 4_000
    kept = set()
    for position in range(every):
        left = position
        with pytest.raises(SourceError, match="it broke off"):
            fetch(str(source), [box], target, 22)
        assert not target.exists()
        left = 1 << 60
        kept.add(fetch(str(source), [box], target, 22).kept)
        assert target.read_bytes() == whole
        target.unlink()
    assert len(kept) > every / 4, "what had come was not used"


def nested(path: Path) -> Path:
    """The archive with its entries in directories below the root, as large ones have them."""
    with closing(TileArchive.open(path)) as archive:
        header = archive.header
        root = parse_directory(
            archive.read(header["root_offset"], header["root_length"]), Compression.GZIP
        )
    content = path.read_bytes()
    parts = [slice(at, at + 20) for at in range(0, len(root.ids), 20)]
    below = [
        directory_bytes(
            ArchiveDirectory(root.ids[a], root.runs[a], root.lengths[a], root.offsets[a])
        )
        for a in parts
    ]
    lengths = np.array([len(one) for one in below])
    above = directory_bytes(
        ArchiveDirectory(
            root.ids[[a.start for a in parts]],
            np.zeros(len(parts), int),
            lengths,
            np.cumsum(lengths) - lengths,
        )
    )
    metadata = content[header["metadata_offset"] :][: header["metadata_length"]]
    data = content[header["tile_data_offset"] :][: header["tile_data_length"]]
    start = HEADER_BYTES
    told = header.copy()
    told["root_offset"], told["root_length"] = start, len(above)
    told["metadata_offset"] = start + len(above)
    told["leaf_directory_offset"] = told["metadata_offset"] + len(metadata)
    told["leaf_directory_length"] = int(lengths.sum())
    told["tile_data_offset"] = told["leaf_directory_offset"] + told["leaf_directory_length"]
    made = serialize_header(told)
    path.write_bytes(made + above + metadata + b"".join(below) + data)
    return path


@pytest.mark.long
def test_an_unfinished_file_of_any_length_is_gone_on_with(
    server: tuple[str, ServerBehaviour], folder: Path, tmp_path: Path
) -> None:
    source, target = f"{server[0]}/small.pmtiles", tmp_path / "cut.pmtiles"
    fetch(source, [BRETAGNE], target, 22, patience=AT_ONCE)
    whole = target.read_bytes()
    with closing(TileArchive.open(target)) as archive:
        head = archive.header["tile_data_offset"]
    part, note = tmp_path / "cut.pmtiles.part", tmp_path / "cut.pmtiles.part.json"
    size = (tmp_path / "cut.pmtiles").stat().st_size
    identity = {"size": str((folder / "small.pmtiles").stat().st_size), "tag": server[1].tag}
    for length in {*range(0, size, max(1, size // 41)), head - 1, head, head + 1, size - 1, size}:
        part.write_bytes(whole[:length])
        note.write_text(json.dumps(identity))
        made = fetch(source, [BRETAGNE], target, 22, patience=AT_ONCE)
        assert made.kept == max(length, head)
        assert target.read_bytes() == whole
        assert {path.name for path in tmp_path.iterdir()} == {"cut.pmtiles"}


def test_what_was_damaged_on_the_way_is_thrown_away(folder: Path, tmp_path: Path) -> None:
    source, target = str(folder / "small.pmtiles"), tmp_path / "cut.pmtiles"
    whole = fetch(source, [BRETAGNE], target, 22).path.read_bytes()
    state = Path(source).stat()
    identity = {"size": state.st_size, "tag": str(state.st_mtime_ns)}
    part = tmp_path / "cut.pmtiles.part"
    # As after a power cut: the file is long enough, its end was never written.
    part.write_bytes(whole[:-40] + bytes(20))
    (tmp_path / "cut.pmtiles.part.json").write_text(json.dumps(identity))
    with pytest.raises(SourceError, match="damaged"):
        fetch(source, [BRETAGNE], target, 22)
    assert target.read_bytes() == whole
    assert fetch(source, [BRETAGNE], target, 22).path.read_bytes() == whole


def test_another_archive_at_the_address_is_fetched_anew(
    server: tuple[str, ServerBehaviour], folder: Path, tmp_path: Path
) -> None:
    address, behaviour = server
    source, target = f"{address}/small.pmtiles", tmp_path / "cut.pmtiles"
    fetch(source, [BRETAGNE], target, 22)
    behaviour.left = behaviour.sent - 200
    with pytest.raises(SourceError):
        fetch(source, [BRETAGNE], target, 22, patience=AT_ONCE)
    behaviour.left, behaviour.tag = 1 << 60, '"two"'
    made = fetch(source, [BRETAGNE], target, 22)
    with closing(TileArchive.open(made.path)) as archive:
        assert made.kept == archive.header["tile_data_offset"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("whole", "takes no range requests"),
        ("416", "answers 416"),
        ("none", "answers 404"),
        ("moved", "redirected without end"),
    ],
)
def test_a_server_that_gives_no_ranges_is_a_clear_error(
    server: tuple[str, ServerBehaviour], tmp_path: Path, kind: str, words: str
) -> None:
    address, behaviour = server
    behaviour.kind = kind
    with pytest.raises(SourceError, match=words):
        fetch(f"{address}/small.pmtiles", [BRETAGNE], tmp_path / "cut.pmtiles", 22)
    assert list(tmp_path.iterdir()) == []


def test_who_broke_it_off_is_told_how_to_go_on(
    server: tuple[str, ServerBehaviour], tmp_path: Path
) -> None:
    address, behaviour = server
    behaviour.left = 2_000
    with pytest.raises(SourceError, match="run the same command again to go on"):
        fetch(f"{address}/small.pmtiles", [BRETAGNE], tmp_path / "a.pmtiles", 22, patience=AT_ONCE)


def test_a_line_that_breaks_now_and_then_is_no_matter(
    server: tuple[str, ServerBehaviour], folder: Path, tmp_path: Path
) -> None:
    address, behaviour = server
    behaviour.each = 3_000
    source = folder / "small.pmtiles"
    made = fetch(
        f"{address}/small.pmtiles",
        [BRETAGNE],
        tmp_path / "a.pmtiles",
        22,
        patience=RetryPatience(2, 0),
    )
    assert tiles_of(made.path) == expected(tiles_of(source), BRETAGNE, 22)


def test_a_busy_server_is_asked_again(server: tuple[str, ServerBehaviour], tmp_path: Path) -> None:
    address, behaviour = server
    behaviour.kind = "busy"
    made = fetch(
        f"{address}/small.pmtiles",
        [BRETAGNE],
        tmp_path / "a.pmtiles",
        22,
        patience=RetryPatience(2, 0),
    )
    assert made.tiles > 5


def test_no_server_no_archive_and_no_tile_are_told_apart(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "cut.pmtiles"
    with pytest.raises(SourceError, match="does not answer"):
        fetch("http://127.0.0.1:9/a.pmtiles", [BRETAGNE], target, 22, patience=AT_ONCE)
    (tmp_path / "text.pmtiles").write_text("This is no archive. " * 20)
    with pytest.raises(SourceError, match="no PMTiles archive"):
        fetch(str(tmp_path / "text.pmtiles"), [BRETAGNE], target, 22)
    poor = write_archive(tmp_path / "poor.pmtiles", {(3, 0, 0): gzip.compress(b"x")})
    with pytest.raises(SourceError, match="no tile there"):
        fetch(str(poor), [BRETAGNE], target, 22)


def test_memory_does_not_grow_with_what_is_fetched(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    big = {tileid_to_zxy(one): gzip.compress(chance.bytes(2_000), 1) for one in range(12_000)}
    source = write_archive(tmp_path / "big.pmtiles", big)
    size = source.stat().st_size
    assert size > 20_000_000
    tracemalloc.start()
    fetch(str(source), [(-180.0, -85.0, 180.0, 85.0)], tmp_path / "cut.pmtiles", 22)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 5


@given(
    st.lists(
        st.tuples(
            st.integers(1, 1 << 40), st.integers(0, 300), st.integers(1, 1 << 30), st.booleans()
        ),
        min_size=1,
        max_size=200,
    )
)
@settings(deadline=None)
def test_a_directory_written_is_the_directory_read(rows: list[tuple[int, int, int, bool]]) -> None:
    ids = np.cumsum([row[0] for row in rows])
    lengths = np.array([row[2] for row in rows])
    follows = np.cumsum(lengths) - lengths
    offsets = np.array([follows[at] if row[3] else at * 7 for at, row in enumerate(rows)])
    made = ArchiveDirectory(ids, np.array([row[1] for row in rows]), lengths, offsets)
    read = parse_directory(directory_bytes(made), Compression.GZIP)
    for name in ("ids", "runs", "lengths", "offsets"):
        assert getattr(read, name).tolist() == getattr(made, name).tolist()


@given(st.integers(0, 9), st.data())
@settings(deadline=None)
def test_ranges_of_a_box_are_the_ids_of_its_tiles(zoom: int, data: st.DataObject) -> None:
    longitudes = st.integers(-179_000_000, 179_000_000).map(lambda one: one / 1e6)
    latitudes = st.integers(-80_000_000, 80_000_000).map(lambda one: one / 1e6)
    west, east = sorted(data.draw(st.tuples(longitudes, longitudes)))
    south, north = sorted(data.draw(st.tuples(latitudes, latitudes)))
    east, north = east + 0.001, north + 0.001
    found = ranges_of([(west, south, east, north)], zoom)
    size = 2**zoom
    columns = [
        x for x in range(size) if x / size * 360 - 180 < east and (x + 1) / size * 360 - 180 > west
    ]

    def top(row: int) -> float:
        return float(np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * row / size)))))

    rows = [y for y in range(size) if top(y) > south and top(y + 1) < north]
    wanted = {zxy_to_tileid(zoom, x, y) for x in columns for y in rows}
    base = zxy_to_tileid(zoom, 0, 0)
    given_ids = {
        one
        for start, end in zip(found.starts.tolist(), found.ends.tolist(), strict=True)
        for one in range(max(start, base), end)
    }
    assert given_ids == wanted
