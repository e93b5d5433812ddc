"""From an extract of OpenStreetMap to an archive of vector tiles, by tilemaker.

tilemaker ends well without sea, without names and with a header that is wrong. So the sea is made
ready for it (EPSG:4326, cut to the extract), its tiles are written into an archive of our own, and
that is looked at before it takes its place.
"""

import json
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pmtiles.tile import Compression, TileType, tileid_to_zxy, zxy_to_tileid
from pmtiles.writer import Writer

from mapservice.errors import ConfigurationError, SourceError
from mapservice.settings import asset_folder
from mapservice.tiles.basemap.archive import AREAS, CREDIT, TileArchive, open_served
from mapservice.tiles.basemap.mvt import read_layers
from mapservice.tiles.basemap.pbf_extent import extent_of

Box = tuple[float, float, float, float]
Tell = Callable[[str], None]

RECIPE = "basemap"
COASTLINES = re.compile(rb"mapservice coastlines: (\d+)")
NEEDED_LAYERS = ("transportation", "transportation_name", "place", "water", "landcover", "building")
# At this zoom the sea is looked for, and every extract is a few tiles.
SEA_ZOOM = 9
# Tiles looked at for names and layers: those of the highest zoom, as many at most.
MOST_LOOKED_AT = 400
LAST_WORDS = 2_000
# Names of places do not make up for streets without any, nor the other way round.
NAMED_LAYERS = {"transportation_name": "street", "place": "place"}


@dataclass(frozen=True, slots=True)
class BuiltArchive:
    """What was made: for the person who asked, and for tests."""

    path: Path
    tiles: int
    bounds: Box
    names: int


def build(
    extract: Path, target: Path, water: Path | None, box: Box | None, tell: Tell
) -> BuiltArchive:
    """Writes the archive of an extract to `target`, which stays as it was if anything is missing.

    `water`: polygons of the sea (a shapefile, or its zip, of any CRS). `box` (west, south, east,
    north; EPSG:4326) where the extract tells none. Raises SourceError, or ConfigurationError
    without tilemaker.
    """
    program = shutil.which("tilemaker")
    if program is None:
        raise ConfigurationError("tilemaker is not installed: apt-get install tilemaker")
    bounds = box or extent_of(extract)
    if bounds is None:
        raise SourceError(
            f"{extract} does not tell which box it covers: give --bbox, or cut it with"
            " `osmium extract --set-bounds`"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".basemap-") as name:
        folder = Path(name)
        sea = _sea(water, bounds, folder, tell) if water else None
        made, coastlines = _run(program, extract, bounds, _recipe(folder, sea), folder, tell)
        tell("writing the archive")
        draft = folder / "basemap.pmtiles"
        tiles = _write(made, draft, bounds)
        tell("looking at it")
        names = _check(draft, needs_sea=coastlines > 0, has_water=water is not None)
        draft.replace(target)
    return BuiltArchive(target, tiles, bounds, names)


def _sea(water: Path, bounds: Box, folder: Path, tell: Tell) -> Path | None:
    """The sea within the box as a shapefile in EPSG:4326, or None where there is none."""
    import geopandas
    import pyogrio
    from pyogrio.errors import DataSourceError
    from pyproj import Transformer
    from shapely import box as rectangle

    tell("making the sea ready")
    source = f"/vsizip/{water.resolve()}" if water.suffix == ".zip" else str(water)
    try:
        crs = pyogrio.read_info(source)["crs"]
        if not crs:
            raise SourceError(f"{water} does not tell its coordinate system (.prj)")
        there = Transformer.from_crs(4326, crs, always_xy=True).transform_bounds(*bounds, 21)
        polygons = geopandas.read_file(source, bbox=there, engine="pyogrio")
    except (DataSourceError, ValueError) as error:
        raise SourceError(f"{water} is no shapefile of polygons: {error}") from None
    sea = polygons.to_crs(4326).geometry.make_valid().intersection(rectangle(*bounds))
    sea = sea[~sea.is_empty].explode(ignore_index=True)
    sea = sea[sea.geom_type == "Polygon"]
    if sea.empty:
        return None
    path = folder / "sea.shp"
    geopandas.GeoDataFrame(geometry=sea, crs=4326).to_file(path)
    return path


def _recipe(folder: Path, sea: Path | None) -> Path:
    """tilemaker's configuration with the place of the sea in it."""
    text = (asset_folder("geodata") / RECIPE / "tilemaker.json").read_text(encoding="utf-8")
    recipe = json.loads(text)
    if sea is None:
        del recipe["layers"]["ocean"]
    else:
        recipe["layers"]["ocean"]["source"] = str(sea)
    path = folder / "recipe.json"
    path.write_text(json.dumps(recipe), encoding="utf-8")
    return path


def _run(
    program: str, extract: Path, bounds: Box, recipe: Path, folder: Path, tell: Tell
) -> tuple[Path, int]:
    """The tiles as MBTiles, and how many ways of coast the extract has."""
    made, log = folder / "made.mbtiles", folder / "tilemaker.log"
    command = [
        program,
        *("--input", str(extract.resolve()), "--output", str(made)),
        *("--config", str(recipe)),
        *("--process", str((asset_folder("geodata") / RECIPE / "tilemaker.lua").resolve())),
        *("--bbox", ",".join(f"{side:.7f}" for side in bounds)),
        *("--store", str(folder / "store")),
    ]
    (folder / "store").mkdir()
    tell("tilemaker makes the tiles")
    with log.open("wb") as output:
        code = subprocess.run(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, check=False
        ).returncode
    written = log.read_bytes()
    if code or not made.is_file():
        words = re.sub(rb"[^\n]*\r", b"", written)[-LAST_WORDS:].decode(errors="replace")
        raise SourceError(f"tilemaker failed with code {code}:\n{words}")
    return made, sum(int(found) for found in COASTLINES.findall(written))


def _write(made: Path, draft: Path, bounds: Box) -> int:
    """The tiles of an MBTiles file as an archive whose header tells the truth; how many."""
    with closing(sqlite3.connect(f"file:{made}?mode=ro", uri=True)) as tiles:
        told = dict(tiles.execute("SELECT name, value FROM metadata"))
        layers = json.loads(told.get("json") or "{}").get("vector_layers", [])
        with draft.open("wb") as file:
            writer = Writer(file)
            with writer.tile_f:
                for tile_id, content in _tiles(tiles):
                    writer.write_tile(tile_id, content)
                if not writer.tile_entries:
                    raise SourceError("tilemaker made no tile at all")
                writer.finalize(archive_header(bounds), _metadata(layers, bounds))
            return int(writer.addressed_tiles)


def _tiles(tiles: sqlite3.Connection) -> Iterator[tuple[int, bytes]]:
    """By id, as the archive has them. MBTiles count rows from the south."""
    ids = sorted(
        zxy_to_tileid(z, x, 2**z - 1 - row)
        for z, x, row in tiles.execute("SELECT zoom_level, tile_column, tile_row FROM tiles")
    )
    find = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
    for tile_id in ids:
        z, x, y = tileid_to_zxy(tile_id)
        (content,) = tiles.execute(find, (z, x, 2**z - 1 - y)).fetchone()
        yield tile_id, content


def archive_header(bounds: Box) -> dict[str, Any]:
    """What the writer of archives does not find out by itself. Bounds: EPSG:4326."""
    west, south, east, north = bounds
    return {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": round(west * 1e7),
        "min_lat_e7": round(south * 1e7),
        "max_lon_e7": round(east * 1e7),
        "max_lat_e7": round(north * 1e7),
        "center_zoom": SEA_ZOOM,
        "center_lon_e7": round((west + east) / 2 * 1e7),
        "center_lat_e7": round((south + north) / 2 * 1e7),
    }


def _metadata(layers: list[Any], bounds: Box) -> dict[str, Any]:
    return {
        "name": "Fond de carte",
        "description": "OpenStreetMap, in the schema of OpenMapTiles, names in French",
        "type": "baselayer",
        "version": f"{datetime.now(UTC):%Y-%m-%d}",
        "attribution": f"{CREDIT} (ODbL)",
        "generator": "mapservice, tilemaker",
        "vector_layers": layers,
        AREAS: [list(bounds)],
    }


def _check(draft: Path, *, needs_sea: bool, has_water: bool) -> int:
    """How many names it has. Raises SourceError for whatever a map of it would lack."""
    served = open_served(draft)
    with closing(served.archive) as archive:
        missing = set(NEEDED_LAYERS) - {str(layer.get("id")) for layer in archive.layers}
        counted, names = _counted(archive)
        missing |= {layer for layer in NEEDED_LAYERS if not counted.get(layer)}
        if needs_sea and not _has_sea(archive):
            reason = "none of the polygons lies there" if has_water else "give --water"
            raise SourceError(
                f"the sea is missing: the extract has a coast, but zoom {SEA_ZOOM} has no sea"
                f" ({reason}; water-polygons-split of osmdata.openstreetmap.de)"
            )
        missing -= {"water"} if not needs_sea else set()
        if missing:
            raise SourceError(f"these layers are empty: {', '.join(sorted(missing))}")
        nameless = [told for layer, told in NAMED_LAYERS.items() if not names[layer]]
        if nameless:
            raise SourceError(" and ".join(f"no {told}" for told in nameless) + " has a name")
    return sum(names.values())


def _counted(archive: TileArchive) -> tuple[dict[str, int], dict[str, int]]:
    """Features by layer, and names of streets and of places, in tiles of the highest zooms."""
    counted: dict[str, int] = {}
    names = dict.fromkeys(NAMED_LAYERS, 0)
    for z, x, y in _sampled(archive):
        for layer in read_layers(archive.content(z, x, y) or b""):
            counted[layer.name] = counted.get(layer.name, 0) + layer.features
            if layer.name in names:
                names[layer.name] += len(layer.texts("name"))
    return counted, names


def _sampled(archive: TileArchive) -> Iterator[tuple[int, int, int]]:
    """Tiles all over the archive, the nearest zoom first."""
    ids = archive.tile_ids()
    step = max(1, len(ids) // MOST_LOOKED_AT)
    for tile_id in ids[::-1][::step][:MOST_LOOKED_AT]:
        yield tileid_to_zxy(int(tile_id))


def _has_sea(archive: TileArchive) -> bool:
    for tile_id in archive.tile_ids():
        z, x, y = tileid_to_zxy(int(tile_id))
        if z != SEA_ZOOM:
            continue
        for layer in read_layers(archive.content(z, x, y) or b""):
            if layer.name == "water" and "ocean" in layer.texts("class"):
                return True
    return False
