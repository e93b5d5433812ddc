"""The whole map in one file of vector tiles (PMTiles 3), for a static host.

A tile of the archive is the live tile of initiatives followed by that of territories: layers of
Mapbox Vector Tiles join end to end. Only tiles are made that can hold something: those of the grid
cells that are counted (`rollup_cell`), and those that a commune's box touches.
"""

import gzip
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer
from sqlalchemy import Connection, text

from mapservice.errors import SourceError
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import INITIATIVES_CREDIT, TERRITORIES_CREDIT, Tile, deinterleave
from mapservice.initiatives.model import Theme
from mapservice.publishing.exports.model import GRID_ZOOM, MAX_ZOOM
from mapservice.publishing.exports.unfinished import beside, publish
from mapservice.tiles import queries, territory_queries

# Metropolitan France and the overseas départements: west, south, east, north.
BOUNDS = (-63.2, -21.5, 55.9, 51.2)
CENTER = (2.6, 46.6, 5)
GZIP_LEVEL = 6
NUMBERS = ("population", "population_year")

CELLS = """
    SELECT DISTINCT cell >> :shift
      FROM (SELECT cell FROM rollup_cell WHERE zoom = :zoom AND initiatives > 0
             UNION ALL
            SELECT cell FROM rollup_delta WHERE cell IS NOT NULL) AS counted"""
# West, south, east, north in metres, EPSG:3857.
BOXES = """
    SELECT ST_XMin(outline_3857), ST_YMin(outline_3857),
           ST_XMax(outline_3857), ST_YMax(outline_3857)
      FROM territory
     WHERE level = 'commune'"""

Start = Callable[[int], None]
Advance = Callable[[int], None]


def write_archive(
    connection: Connection,
    filters: InitiativeFilters,
    target: Path,
    start: Start,
    advance: Advance,
    max_zoom: int = MAX_ZOOM,
) -> None:
    """Writes the archive to `target`, which a crash leaves as it was.

    `start` is told how many tiles there are to make, `advance` each time how many were made. Run
    it in a transaction of one snapshot, so that all tiles show the same moment. Raises SourceError
    when no tile holds anything.
    """
    west, south, east, north = (round(side * 1e7) for side in BOUNDS)
    lon, lat, zoom = CENTER
    header = {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": min(zoom, max_zoom),
        "center_lon_e7": round(lon * 1e7),
        "center_lat_e7": round(lat * 1e7),
    }
    tiles = sorted(_tiles(connection, max_zoom), key=_place_in_archive)
    start(len(tiles))
    with beside(target) as folder:
        made = folder / target.name
        with _writer(made) as writer:
            for tile in tiles:
                content = queries.initiatives_mvt(connection, tile, filters)
                content += territory_queries.territories_mvt(connection, tile)
                if content:
                    packed = gzip.compress(content, GZIP_LEVEL, mtime=0)
                    writer.write_tile(_place_in_archive(tile), packed)
                advance(1)
            if not writer.tile_entries:
                raise SourceError("There is nothing to show: load the territories first.")
            writer.finalize(header, _metadata(max_zoom))
        publish(made, target)


@contextmanager
def _writer(path: Path) -> Iterator[Writer]:
    """Closes the library's own temporary file too, which it forgets after an error."""
    with path.open("wb") as file:
        writer = Writer(file)
        with writer.tile_f:
            yield writer


def _place_in_archive(tile: Tile) -> int:
    """Along a Hilbert curve, zoom after zoom: neighbours on the map are neighbours in the file."""
    return int(zxy_to_tileid(tile.z, tile.x, tile.y))


def _tiles(connection: Connection, max_zoom: int) -> set[Tile]:
    """All tiles that may hold something, at every zoom."""
    grid = {"zoom": GRID_ZOOM, "shift": 2 * (GRID_ZOOM - max_zoom)}
    cells = [deinterleave(code) for code in connection.execute(text(CELLS), grid).scalars()]
    boxes = [tuple(row) for row in connection.execute(text(BOXES))]
    # Outlines are drawn in a margin around their tile too.
    margin = territory_queries.BUFFER / territory_queries.EXTENT
    found: set[Tile] = set()
    for zoom in range(max_zoom + 1):
        up = max_zoom - zoom
        found |= {Tile(zoom, x >> up, y >> up) for x, y in cells}
        size, middle = 2 * queries.HALF_METRES / 2**zoom, 2**zoom / 2
        for box in boxes:
            west, south, east, north = (side / size for side in box)
            columns = _between(west - margin + middle, east + margin + middle, zoom)
            rows = _between(middle - north - margin, middle - south + margin, zoom)
            found.update(Tile(zoom, x, y) for y in rows for x in columns)
    return found


def _between(first: float, last: float, zoom: int) -> range:
    return range(max(math.floor(first), 0), min(math.floor(last), 2**zoom - 1) + 1)


def _metadata(max_zoom: int) -> dict[str, Any]:
    """The archive's own description, with each layer's attributes and zooms."""
    names = ("id", "title", "theme", "status", "precision", "territory")
    counts = ("count", *(str(theme) for theme in Theme))
    layers = [_layer("initiatives", names, counts, 0, max_zoom)]
    for layer in territory_queries.LAYERS:
        if layer.first_zoom <= max_zoom:
            words = [name for name in layer.attributes if name not in NUMBERS]
            numbers = [name for name in layer.attributes if name in NUMBERS]
            layers.append(_layer(layer.name, words, numbers, layer.first_zoom, max_zoom))
    layers.append(_layer("labels", ("level", "code", "name"), ["population"], 0, max_zoom))
    return {
        "name": "Initiatives locales",
        "description": "Initiatives, and the territories of France that they stand on.",
        "type": "overlay",
        "version": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "attribution": f"{INITIATIVES_CREDIT} · {TERRITORIES_CREDIT}",
        "generator": "mapservice",
        "vector_layers": layers,
    }


def _layer(name: str, texts: Any, numbers: Any, first_zoom: int, max_zoom: int) -> dict[str, Any]:
    kinds = dict.fromkeys(texts, "String") | dict.fromkeys(numbers, "Number")
    return {"id": name, "fields": kinds, "minzoom": first_zoom, "maxzoom": max_zoom}
