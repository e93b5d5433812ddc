"""Building from OpenStreetMap: Monaco as a whole, and loud failures where something lacks."""

import gzip
import os
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import geopandas
import mapbox_vector_tile
import pytest
from pmtiles.reader import MmapSource, Reader, all_tiles
from shapely import box as rectangle

from mapservice.errors import ConfigurationError, SourceError
from mapservice.settings import asset_folder
from mapservice.tiles.basemap import build as building
from mapservice.tiles.basemap.archive import TileArchive, open_served
from mapservice.tiles.basemap.build import BuiltArchive, build
from mapservice.tiles.basemap.model import TileSchema
from mapservice.tiles.basemap.mvt import read_layers
from mapservice.tiles.basemap.pbf_extent import extent_of

# Of the extract's own header.
MONACO = (7.409205, 43.72335, 7.448637, 43.75169)
# Streets of the town, and quarters of it, as people there write them.
KNOWN = {"Boulevard des Moulins", "Avenue de la Costa", "Monte-Carlo", "La Condamine"}


@pytest.fixture(scope="module")
def sources(trial_data: Path) -> Path:
    folder = trial_data / "basemap"
    if not (folder / "monaco.osm.pbf").is_file():
        pytest.skip("the extract of Monaco is absent")
    return folder


@pytest.fixture(scope="module")
def tilemaker() -> str:
    found = shutil.which("tilemaker")
    if found is None:
        pytest.skip("no tilemaker on this machine")
    return found


@pytest.fixture(scope="module")
def monaco(sources: Path, tilemaker: str, tmp_path_factory: pytest.TempPathFactory) -> BuiltArchive:
    target = tmp_path_factory.mktemp("built") / "monaco.pmtiles"
    water = sources / "water_polygons.zip"
    return build(sources / "monaco.osm.pbf", target, water, None, lambda _: None)


def test_the_box_of_an_extract_is_the_one_its_header_tells(sources: Path) -> None:
    assert extent_of(sources / "monaco.osm.pbf") == pytest.approx(MONACO, abs=1e-6)


def test_what_is_no_extract_is_told(tmp_path: Path) -> None:
    for content in (b"", b"\x00\x00\x00\x0dno extract at all", bytes(500), b"\xff" * 500):
        path = tmp_path / "a.osm.pbf"
        path.write_bytes(content)
        with pytest.raises(SourceError, match="no extract of OpenStreetMap"):
            extent_of(path)


def test_monaco_has_streets_names_and_sea(monaco: BuiltArchive) -> None:
    served = open_served(monaco.path)
    assert served.schema == TileSchema.OPENMAPTILES
    assert "OpenStreetMap" in served.attribution
    with closing(served.archive) as archive:
        assert archive.bounds == pytest.approx(MONACO, abs=1e-6)
        assert (archive.header["min_zoom"], archive.header["max_zoom"]) == (0, 14)
        names = {
            name
            for tile in ((14, 8529, 5973), (14, 8529, 5974), (14, 8530, 5973))
            for layer in read_layers(archive.content(*tile) or b"")
            for name in layer.texts("name")
        }
        assert names >= KNOWN
        for tile in ((9, 266, 186), (14, 8530, 5974)):
            (water,) = [
                layer
                for layer in read_layers(archive.content(*tile) or b"")
                if layer.name == "water"
            ]
            assert "ocean" in water.texts("class")


def test_a_street_is_one_line_where_maps_name_it(monaco: BuiltArchive) -> None:
    """OpenStreetMap has it in pieces, most of which are shorter than its name on a phone."""
    with closing(open_served(monaco.path).archive) as archive:
        layers = mapbox_vector_tile.decode(archive.content(14, 8529, 5973) or b"")
    streets = layers["transportation_name"]["features"]
    told = Counter(tuple(sorted(one["properties"].items())) for one in streets)
    assert len(told) > 30
    assert set(told.values()) == {1}


def test_its_header_tells_the_truth_to_other_readers(monaco: BuiltArchive) -> None:
    with monaco.path.open("rb") as file:
        source = MmapSource(file)
        header = Reader(source).header()
        tiles = dict(all_tiles(source))
    assert header["clustered"]
    assert header["addressed_tiles_count"] == len(tiles) == monaco.tiles
    assert header["tile_data_offset"] + header["tile_data_length"] == monaco.path.stat().st_size
    assert all(list(read_layers(gzip.decompress(content))) for content in tiles.values())


def test_without_its_sea_a_coast_is_no_map(sources: Path, tilemaker: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"the sea is missing.*--water"):
        build(sources / "monaco.osm.pbf", tmp_path / "a.pmtiles", None, None, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_polygons_that_lie_elsewhere_are_no_sea(
    sources: Path, tilemaker: str, tmp_path: Path
) -> None:
    elsewhere = geopandas.GeoDataFrame(geometry=[rectangle(0, 0, 9_000, 9_000)], crs=3857)
    elsewhere.to_file(tmp_path / "sea.shp")
    with pytest.raises(SourceError, match=r"the sea is missing.*none of the polygons"):
        build(
            sources / "monaco.osm.pbf",
            tmp_path / "a.pmtiles",
            tmp_path / "sea.shp",
            None,
            lambda _: None,
        )


def test_what_is_no_shapefile_is_told(sources: Path, tilemaker: str, tmp_path: Path) -> None:
    (tmp_path / "sea.zip").write_bytes(b"no zip")
    with pytest.raises(SourceError, match="no shapefile of polygons"):
        build(
            sources / "monaco.osm.pbf",
            tmp_path / "a.pmtiles",
            tmp_path / "sea.zip",
            None,
            lambda _: None,
        )


def _spoiling(folder: Path, tilemaker: str, statement: str) -> str:
    """A folder with a tilemaker whose tiles lack something afterwards."""
    folder.mkdir()
    program = folder / "tilemaker"
    program.write_text(
        f"""#!{sys.executable}
import sqlite3, subprocess, sys
code = subprocess.run([{tilemaker!r}, *sys.argv[1:]]).returncode
tiles = sqlite3.connect(sys.argv[sys.argv.index("--output") + 1])
tiles.execute({statement!r})
tiles.commit()
sys.exit(code)
"""
    )
    program.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("DELETE FROM tiles", "no tile at all"),
        ("DELETE FROM tiles WHERE zoom_level > 8", "the sea is missing|layers are empty"),
        ("UPDATE metadata SET value = '{}' WHERE name = 'json'", "no schema"),
    ],
)
def test_what_lacks_layers_or_tiles_fails_and_leaves_the_former_archive(
    sources: Path,
    tilemaker: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: str,
    words: str,
) -> None:
    programs = _spoiling(tmp_path / "bin", tilemaker, spoil)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    target = tmp_path / "a.pmtiles"
    target.write_bytes(b"the former one")
    with pytest.raises(SourceError, match=words):
        build(
            sources / "monaco.osm.pbf",
            target,
            sources / "water_polygons.zip",
            None,
            lambda _: None,
        )
    assert target.read_bytes() == b"the former one"
    assert {path.name for path in tmp_path.iterdir()} == {"bin", target.name}


# Before the recipe: what it writes to the layer LOST goes astray, or has no name.
WITHOUT_LAYER = """
local function Layer(name, area) _G.Layer(name == "LOST" and "poi" or name, area) end
"""
WITHOUT_NAMES = """
local layer = ""
local function Layer(name, area) layer = name; _G.Layer(name, area) end
local function Attribute(key, ...)
    if key == "name" and ("LOST" == "" or layer == "LOST") then return end
    _G.Attribute(key, ...)
end
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("before", "lost", "words"),
    [
        (WITHOUT_NAMES, "", "no street and no place has a name"),
        (WITHOUT_NAMES, "transportation_name", "no street has a name"),
        (WITHOUT_NAMES, "place", "no place has a name"),
        *(
            (WITHOUT_LAYER, layer, f"these layers are empty: {layer}$")
            for layer in ("transportation", "transportation_name", "place", "landcover", "building")
        ),
    ],
)
def test_whatever_an_archive_lacks_is_named_and_it_is_refused(
    sources: Path,
    tilemaker: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    lost: str,
    words: str,
) -> None:
    geodata = tmp_path / "geodata" / "basemap"
    shutil.copytree(asset_folder("geodata") / "basemap", geodata)
    recipe = geodata / "tilemaker.lua"
    recipe.write_text(before.replace("LOST", lost) + recipe.read_text())
    monkeypatch.setattr(building, "asset_folder", lambda _: tmp_path / "geodata")
    with pytest.raises(SourceError, match=words):
        build(
            sources / "monaco.osm.pbf",
            tmp_path / "a.pmtiles",
            sources / "water_polygons.zip",
            None,
            lambda _: None,
        )
    assert not (tmp_path / "a.pmtiles").exists()


def test_without_tilemaker_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="apt-get install tilemaker"):
        build(tmp_path / "a.osm.pbf", tmp_path / "a.pmtiles", None, None, lambda _: None)


def test_an_inland_extract_needs_no_sea(tilemaker: str, tmp_path: Path) -> None:
    """Nothing of a coast: a street with a name, a house, a wood, a village."""
    osm = tmp_path / "inland.osm"
    osm.write_text(INLAND)
    osmium = shutil.which("osmium")
    if osmium is None:
        pytest.skip("no osmium on this machine")
    extract = tmp_path / "inland.osm.pbf"
    subprocess.run([osmium, "cat", osm, "-o", extract], check=True)
    with pytest.raises(SourceError, match="does not tell which box"):
        build(extract, tmp_path / "a.pmtiles", None, None, lambda _: None)
    made = build(extract, tmp_path / "a.pmtiles", None, (2.0, 47.0, 2.02, 47.02), lambda _: None)
    with closing(TileArchive.open(made.path)) as archive:
        assert archive.tile_ids().size == made.tiles


def _way(identifier: int, nodes: str, **tags: str) -> str:
    refs = "".join(f'<nd ref="{one}"/>' for one in nodes.split())
    told = "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())
    return f'<way id="{identifier}" version="1">{refs}{told}</way>'


INLAND = "".join(
    (
        '<osm version="0.6">',
        *(
            f'<node id="{row * 10 + column + 1}" version="1" lat="{47.001 + row / 500}"'
            f' lon="{2.001 + column / 500}"/>'
            for row in range(8)
            for column in range(8)
        ),
        '<node id="99" version="1" lat="47.005" lon="2.005">',
        '<tag k="place" v="village"/><tag k="name" v="Bourg"/></node>',
        _way(1, "1 2 3 4", highway="residential", name="Rue du Puits"),
        _way(2, "1 2 12 11 1", building="yes"),
        _way(3, "23 28 78 73 23", landuse="forest"),
        "</osm>",
    )
)
