"""Small archives for tests, made by the library that others use."""

import gzip
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import mapbox_vector_tile
from pmtiles.tile import Compression, TileType, tileid_to_zxy, zxy_to_tileid
from pmtiles.writer import Writer

Tiles = Mapping[tuple[int, int, int], bytes]

# The marks of each schema, as archives tell of them.
LAYERS = {
    "shortbread": ("ocean", "water_polygons", "streets", "street_labels", "place_labels"),
    "openmaptiles": ("water", "transportation", "transportation_name", "waterway", "place"),
    "protomaps": ("earth", "water", "roads", "places", "buildings", "pois"),
}
WORLD = (-180.0, -85.0, 180.0, 85.0)


def write_archive(
    path: Path,
    tiles: Tiles,
    layers: Sequence[str] = LAYERS["openmaptiles"],
    bounds: tuple[float, float, float, float] = WORLD,
    **metadata: Any,
) -> Path:
    """Tiles as they are to be stored, by gzip."""
    ids = {zxy_to_tileid(*tile): content for tile, content in tiles.items()}
    west, south, east, north = (round(side * 1e7) for side in bounds)
    header = {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": 1,
    }
    told = {"vector_layers": [{"id": name, "fields": {}} for name in layers], **metadata}
    with path.open("wb") as file:
        writer = Writer(file)
        with writer.tile_f:
            for tile_id in sorted(ids):
                writer.write_tile(tile_id, ids[tile_id])
            writer.finalize(header, told)
    return path


def some_tiles(count: int, seed: int = 1, size: int = 60) -> dict[tuple[int, int, int], bytes]:
    """The first tiles of the pyramid, some the same as their neighbours, none of use on a map."""
    chance = random.Random(seed)
    found: dict[tuple[int, int, int], bytes] = {}
    content = b""
    for tile_id in range(count):
        if not content or chance.random() < 0.8:
            content = gzip.compress(chance.randbytes(chance.randrange(1, size)), mtime=0)
        found[tileid_to_zxy(tile_id)] = content
    return found


def drawn_tile(layers: Iterable[Mapping[str, Any]]) -> bytes:
    """A vector tile as it is stored; features have coordinates of 0 to 4096 and attributes."""
    return gzip.compress(mapbox_vector_tile.encode(list(layers)), mtime=0)


def street(name: str) -> bytes:
    """A tile of OpenMapTiles with one street across it, and its name."""
    line = "LINESTRING(0 2000, 4096 2100)"
    return drawn_tile(
        [
            {
                "name": "transportation",
                "features": [{"geometry": line, "properties": {"class": "primary"}}],
            },
            {
                "name": "transportation_name",
                "features": [{"geometry": line, "properties": {"class": "primary", "name": name}}],
            },
        ]
    )
