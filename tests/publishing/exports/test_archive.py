"""The archive of tiles holds the live tiles, all of them, and is read by its own tools and GDAL."""

import gzip
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import mapbox_vector_tile
import pytest
from pmtiles.reader import MmapSource, Reader
from pmtiles.tile import Compression, TileType
from sqlalchemy import Connection, Engine

from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.errors import SourceError
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import Tile
from mapservice.initiatives.model import Theme
from mapservice.publishing.exports import archive, making
from mapservice.tiles import queries, territory_queries
from tests.conftest import temporary_database
from tests.web.population import Kept, tiles_of

# All tiles of these zooms are compared: 341, most of them sea.
ZOOM = 4
FILTERS = InitiativeFilters(theme=(Theme.CULTURE, Theme.HABITAT))


@pytest.fixture(scope="module")
def written(
    shared_engine: Engine, initiatives: list[Kept], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    target = tmp_path_factory.mktemp("archive") / "map.pmtiles"
    told: list[int] = []
    with shared_engine.connect() as connection:
        progress = (told.append, told.append)
        making.save(connection, "pmtiles", FILTERS, "", target, progress, ZOOM)
    assert told[0] == sum(told[1:]) > 10
    return target


@pytest.fixture
def content(written: Path) -> Iterator[Reader]:
    with written.open("rb") as file:
        yield Reader(MmapSource(file))


def live(connection: Connection, tile: Tile) -> bytes:
    initiatives = queries.initiatives_mvt(connection, tile, FILTERS)
    return initiatives + territory_queries.territories_mvt(connection, tile)


def test_every_tile_is_the_live_one(reader: Connection, content: Reader) -> None:
    pyramid = [Tile(z, x, y) for z in range(ZOOM + 1) for x in range(2**z) for y in range(2**z)]
    differ = [tile for tile in pyramid if unpacked(content, tile) != live(reader, tile)]
    assert differ == []


def unpacked(content: Reader, tile: Tile) -> bytes:
    packed = content.get(tile.z, tile.x, tile.y)
    return gzip.decompress(packed) if packed else b""


def test_both_layers_are_in_one_tile(content: Reader) -> None:
    layers = mapbox_vector_tile.decode(unpacked(content, Tile(4, 7, 5)))
    assert {"initiatives", "regions", "departements", "labels"} == layers.keys()
    counts = [one["properties"]["count"] for one in layers["initiatives"]["features"]]
    assert sum(counts) > 5


def test_the_archive_says_what_is_in_it(content: Reader) -> None:
    header, metadata = content.header(), content.metadata()
    assert (header["min_zoom"], header["max_zoom"], header["clustered"]) == (0, ZOOM, True)
    assert header["tile_type"] is TileType.MVT
    assert header["tile_compression"] is Compression.GZIP
    assert header["min_lon_e7"] < -630_000_000 < 550_000_000 < header["max_lon_e7"]
    layers = {layer["id"]: layer for layer in metadata["vector_layers"]}
    assert set(layers) == {"initiatives", "regions", "departements", "labels"}
    assert layers["initiatives"]["fields"]["count"] == "Number"
    assert metadata["attribution"]


def test_equal_tiles_are_kept_once(content: Reader) -> None:
    header = content.header()
    assert header["tile_contents_count"] <= header["addressed_tiles_count"]


@pytest.mark.parametrize("zoom", [8, 12])
def test_no_tile_near_an_initiative_or_a_coast_is_forgotten(
    reader: Connection, initiatives: list[Kept], zoom: int
) -> None:
    """Of those around places of every kind, what is not walked holds nothing."""
    walked = archive._tiles(reader, zoom)
    around = {
        Tile(zoom, x + east, y + south)
        for _, x, y in tiles_of(initiatives, zoom)
        for east in (-2, -1, 0, 1, 2)
        for south in (-2, -1, 0, 1, 2)
    }
    assert len(around & walked) > 20
    assert [tile for tile in around - walked if live(reader, tile)] == []


def test_gdal_reads_it(written: Path) -> None:
    ogrinfo = shutil.which("ogrinfo")
    formats = ogrinfo and subprocess.run([ogrinfo, "--formats"], capture_output=True, text=True)
    if not ogrinfo or not formats or "PMTiles" not in formats.stdout:
        pytest.skip("GDAL's driver for PMTiles is not installed")
    done = subprocess.run(
        [ogrinfo, "-q", "-json", written, "regions"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert '"name":"regions"' in done.stdout.replace(" ", "")


@pytest.fixture
def bare_engine(server_url: str) -> Iterator[Engine]:
    """A database with its schema and nothing in it."""
    with temporary_database(server_url, "bare") as url:
        engine = make_engine(url)
        migrate(engine)
        yield engine
        engine.dispose()


def test_an_archive_of_nothing_is_refused(bare_engine: Engine, tmp_path: Path) -> None:
    with bare_engine.connect() as connection, pytest.raises(SourceError):
        archive.write_archive(
            connection,
            InitiativeFilters(),
            tmp_path / "map.pmtiles",
            lambda n: None,
            lambda n: None,
            3,
        )
    assert list(tmp_path.iterdir()) == []
