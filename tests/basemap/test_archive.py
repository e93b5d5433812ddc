"""Reading archives: what the library reads, in bounded memory, and nothing that is damaged."""

import gzip
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from pmtiles.reader import MmapSource, Reader
from pmtiles.tile import Compression, tileid_to_zxy

from mapservice.errors import SourceError
from mapservice.tiles.basemap.archive import DirectoryCache, TileArchive, open_served
from mapservice.tiles.basemap.model import TileSchema, schema_of
from mapservice.tiles.basemap.mvt import read_layers
from mapservice.tiles.basemap.service import ArchiveFile
from tests.basemap.archives import LAYERS, some_tiles, street, write_archive

MANY = 100_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "large.pmtiles"
    return write_archive(path, some_tiles(MANY))


def test_every_tile_is_the_one_that_the_library_reads(large: Path) -> None:
    with large.open("rb") as file, closing(TileArchive.open(large)) as archive:
        reader = Reader(MmapSource(file))
        assert archive.header == reader.header()
        assert archive.metadata == reader.metadata()
        for tile_id in [*range(30), *range(30, MANY + 2_000, 1_999)]:
            tile = tileid_to_zxy(tile_id)
            assert archive.tile(*tile) == reader.get(*tile)
        assert archive.tile(9, 511, 511) is None


def test_directories_are_parsed_once_and_kept_within_a_bound(large: Path) -> None:
    limit = 10_000
    with closing(TileArchive.open(large)) as archive:
        kept = DirectoryCache(Compression.GZIP, limit)
        header = archive.header
        root = archive.directory(header["root_offset"], header["root_length"])
        assert len(root) > 10
        reads: list[int] = []

        def read(offset: int, length: int) -> bytes:
            reads.append(offset)
            return archive.read(offset, length)

        leaves = list(zip(root.offsets.tolist(), root.lengths.tolist(), strict=True))
        for offset, length in leaves:
            start = header["leaf_directory_offset"] + offset
            kept.get(start, length, read)
            kept.get(start, length, read)
            assert kept.entries <= limit
        assert len(reads) == len(leaves)


def _cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _without_head(path: Path) -> None:
    path.write_bytes(path.read_bytes()[127:])


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _directory_damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[137:160] = bytes(23)
    path.write_bytes(bytes(content))


def _of_pictures(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[99] = 2
    path.write_bytes(bytes(content))


def _of_brotli(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[98] = 3
    path.write_bytes(bytes(content))


def _gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_cut_short, "not whole"),
        (_without_head, "no PMTiles archive"),
        (_emptied, "no PMTiles archive"),
        (_directory_damaged, "damaged"),
        (_of_pictures, "not vector tiles"),
        (_of_brotli, "BROTLI"),
        (_gone, "No such file"),
    ],
)
def test_what_is_damaged_is_told_and_not_opened(
    tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    path = write_archive(tmp_path / "one.pmtiles", some_tiles(50))
    damage(path)
    with pytest.raises(SourceError, match=words):
        open_served(path)


def test_an_archive_cut_short_anywhere_is_never_opened(tmp_path: Path) -> None:
    whole = write_archive(tmp_path / "one.pmtiles", some_tiles(40)).read_bytes()
    path = tmp_path / "cut.pmtiles"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(SourceError):
            open_served(path)


@pytest.mark.parametrize("schema", list(TileSchema))
def test_the_three_schemas_are_recognised(tmp_path: Path, schema: TileSchema) -> None:
    path = write_archive(tmp_path / "one.pmtiles", some_tiles(5), LAYERS[schema])
    served = open_served(path)
    with closing(served.archive):
        assert served.schema == schema


@pytest.mark.parametrize("layers", [(), ("water",), ("initiatives", "regions"), ("roads", "place")])
def test_other_layers_are_of_no_schema(tmp_path: Path, layers: tuple[str, ...]) -> None:
    assert schema_of(layers) is None
    path = write_archive(tmp_path / "one.pmtiles", some_tiles(5), layers)
    with pytest.raises(SourceError, match="no schema that there is a style for"):
        open_served(path)


def test_another_file_in_its_place_is_served_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "one.pmtiles"
    file = ArchiveFile(path)
    assert file.current() is None
    write_archive(path, {(0, 0, 0): gzip.compress(b"first")})
    first = file.current()
    assert first is not None
    assert first.archive.content(0, 0, 0) == b"first"
    assert file.current() is first
    following = write_archive(tmp_path / "two.pmtiles", {(0, 0, 0): gzip.compress(b"second")})
    half = tmp_path / "half.pmtiles"
    half.write_bytes(following.read_bytes()[:200])
    half.replace(path)
    assert file.current() is first, "the former one serves on"
    shutil.copy(following, half)
    half.replace(path)
    second = file.current()
    assert second is not None
    assert second.archive.content(0, 0, 0) == b"second"
    assert second.version != first.version


def test_names_are_read_out_of_a_tile() -> None:
    layers = {layer.name: layer for layer in read_layers(gzip.decompress(street("Rue Étroite")))}
    assert layers["transportation_name"].texts("name") == ["Rue Étroite"]
    assert layers["transportation"].features == 1
    for length in (1, 7, 30):
        with pytest.raises(ValueError, match="end"):
            list(read_layers(gzip.decompress(street("Rue"))[:length]))
