"""Water, roads and quarters under drawn maps, from the archive of the base map.

GDAL's PMTiles driver reads the tiles; of the three schemas only what a small drawing can show is
taken. Where the archive ends, the drawing has our own ground alone, as the live map does.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from math import floor
from typing import NamedTuple

import shapely
import structlog

from mapservice.static_maps.model import DrawingFrame, DrawingShape, path_of
from mapservice.tiles.basemap.archive import ServedArchive
from mapservice.tiles.basemap.model import TileSchema

log = structlog.get_logger()

# Roads by rank, and the zoom (of tiles of 512 pixels) from which a drawing has room for them.
ROAD_RANKS: dict[str, tuple[int, float]] = {
    "motorway": (1, 6.0), "trunk": (1, 6.0), "highway": (1, 6.0), "primary": (1, 8.5),
    "major_road": (1, 8.5), "secondary": (2, 10.5), "medium_road": (2, 10.5),
    "tertiary": (2, 12.0), "minor": (3, 13.5), "minor_road": (3, 13.5), "residential": (3, 13.5),
    "unclassified": (3, 13.5), "living_street": (3, 13.5), "pedestrian": (3, 13.5),
}  # fmt: skip
LINES_OF_WATER = {"river", "canal"}
QUARTERS = {"suburb", "quarter", "neighbourhood"}
KNOWN_KINDS = {*ROAD_RANKS, *LINES_OF_WATER, *QUARTERS}
QUARTERS_FROM = 12.0
# Nearer to the ground than this no tile of a whole country is asked for.
FIRST_ZOOM = 5.0


@dataclass(frozen=True, slots=True)
class SchemaLayers:
    """How a schema calls what is drawn: its layers, and what tells kinds, the finest first."""

    water: tuple[str, ...]
    waterways: tuple[str, ...]
    roads: str
    places: str
    kinds: tuple[str, ...]


LAYERS = {
    TileSchema.OPENMAPTILES: SchemaLayers(
        ("water",), ("waterway",), "transportation", "place", ("class",)
    ),
    TileSchema.SHORTBREAD: SchemaLayers(
        ("ocean", "water_polygons"), ("water_lines",), "streets", "place_labels", ("kind",)
    ),
    TileSchema.PROTOMAPS: SchemaLayers(
        ("water",), ("water", "physical_line"), "roads", "places",
        ("kind_detail", "pmap:kind_detail", "kind", "pmap:kind"),
    ),
}  # fmt: skip
NAMES = ("name:fr", "name_fr", "name")


class DrawnFeature(NamedTuple):
    """A feature in a frame: the finest kind that is known here, its name, its shape (EPSG:3857)."""

    kind: str
    name: str
    shape: shapely.Geometry


def credit_of(served: ServedArchive | None) -> str:
    """Who made the base map, as plain text: it stands in the corner of what is drawn from it."""
    return unescape(re.sub(r"<[^>]*>", "", served.attribution)).strip() if served else ""


def covers(served: ServedArchive, frame: DrawingFrame) -> bool:
    """Whether the archive holds some of what a frame shows."""
    west, south, east, north = frame.degrees
    return frame.zoom >= FIRST_ZOOM and any(
        box[0] < east and west < box[2] and box[1] < north and south < box[3]
        for box in served.areas
    )


def water_courses(
    served: ServedArchive, frame: DrawingFrame
) -> Iterator[tuple[bool, shapely.Geometry]]:
    """Water of the frame, EPSG:3857: whether it is an area, and its shape, cut a little outside."""
    if not covers(served, frame):
        return
    layers = LAYERS[served.schema]
    for name in dict.fromkeys((*layers.water, *layers.waterways)):
        for kind, _name, shape in _features(served, frame, name):
            for part in shapely.get_parts(shape):
                if isinstance(part, shapely.Polygon):
                    yield True, part
                elif isinstance(part, shapely.LineString) and kind in LINES_OF_WATER:
                    yield False, part


def water_drawn(served: ServedArchive, frame: DrawingFrame) -> tuple[DrawingShape, ...]:
    """The same as shapes of a drawing: areas, then rivers."""
    courses = list(water_courses(served, frame))
    paths = (
        (role, "".join(path_of(frame, shape) for is_area, shape in courses if is_area is areas))
        for role, areas in (("sea", True), ("river-3", False))
    )
    return tuple(DrawingShape(role, path) for role, path in paths if path)


def roads_drawn(served: ServedArchive, frame: DrawingFrame) -> tuple[DrawingShape, ...]:
    """Roads that the frame has room for, the smallest first."""
    if not covers(served, frame):
        return ()
    paths: dict[int, list[str]] = {3: [], 2: [], 1: []}
    for kind, _name, shape in _features(served, frame, LAYERS[served.schema].roads):
        rank, first = ROAD_RANKS.get(kind, (0, 0.0))
        if not rank or frame.zoom < first:
            continue
        lines = [part for part in shapely.get_parts(shape) if isinstance(part, shapely.LineString)]
        paths[rank] += [path_of(frame, line) for line in lines]
    return tuple(
        DrawingShape(f"road-{rank}", "".join(path)) for rank, path in paths.items() if path
    )


def quarters(served: ServedArchive, frame: DrawingFrame) -> list[tuple[str, float, float]]:
    """Names of quarters and where they stand, in pixels of the frame, each once."""
    if frame.zoom < QUARTERS_FROM or not covers(served, frame):
        return []
    found: dict[str, tuple[float, float]] = {}
    for kind, name, shape in _features(served, frame, LAYERS[served.schema].places):
        if kind in QUARTERS and name and isinstance(shape, shapely.Point):
            found.setdefault(name, frame.place(shape.x, shape.y))
    return [(name, x, y) for name, (x, y) in found.items()]


def _features(served: ServedArchive, frame: DrawingFrame, layer: str) -> Iterator[DrawnFeature]:
    """None for a layer that the archive has not; what cannot be read is told in the log."""
    # A service without an archive goes without GDAL and its memory.
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    layers = LAYERS[served.schema]
    archive = served.archive
    zoom = min(max(floor(frame.zoom + 0.5), archive.header["min_zoom"]), archive.header["max_zoom"])
    bounds = (frame.west, frame.south, frame.east, frame.north)
    try:
        # All attributes as one JSON text: what an archive's metadata list of them may be short.
        _meta, _ids, packed, columns = pyogrio.raw.read(
            archive.path,
            layer=layer,
            bbox=bounds,
            columns=["json"],
            ZOOM_LEVEL=zoom,
            JSON_FIELD="YES",
        )
    except DataLayerError:
        return
    except DataSourceError as error:
        log.warning("basemap_unreadable", reason=str(error), layer=layer)
        return
    reach = 8 / frame.scale
    shapes = shapely.clip_by_rect(
        shapely.from_wkb(packed),
        frame.west - reach, frame.south - reach, frame.east + reach, frame.north + reach,
    )  # fmt: skip
    for attributes, shape in zip(columns[0], shapes, strict=True):
        told = json.loads(attributes)
        kinds = (told.get(name) for name in layers.kinds)
        names = (told.get(name) for name in NAMES)
        yield DrawnFeature(
            next((kind for kind in kinds if kind in KNOWN_KINDS), ""),
            next((name for name in names if isinstance(name, str) and name), ""),
            shape,
        )
