"""Rivers and lakes under drawn maps, as under live ones: static/map/rivers, made by scripts/rivers.

They lie some 400 m off their true course, so near maps leave them out, and so do those that the
archive of the base map has water for. Without the files there are none.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely

from mapservice.static_maps import archive_ground
from mapservice.static_maps.model import HALF_METRES, DrawingFrame, DrawingShape, path_of
from mapservice.tiles.basemap.archive import ServedArchive

FOLDER = Path(__file__).resolve().parent.parent / "static" / "map" / "rivers"
# As in static/js/ground.js: from these zooms on the closer drawing, smaller rivers, none at all.
NEAR_FROM = 7.0
RANKS_FROM = {0: 0.0, 1: 0.0, 2: 0.0, 3: 5.0, 4: 7.0}
LAST_ZOOM = 10.8
# From this zoom on two courses of one river would stand beside each other.
ARCHIVE_FROM = 9.0


@dataclass(frozen=True, slots=True)
class Waterway:
    """`rank` 0 is lakes, 1 the largest rivers; `course` is in EPSG:3857."""

    rank: int
    name: str
    course: shapely.Geometry


def water_shapes(
    frame: DrawingFrame, archive: ServedArchive | None = None
) -> tuple[DrawingShape, ...]:
    """What a frame shows: our lakes, our rivers from the smallest on, then the archive's water."""
    ours = tuple(
        DrawingShape(f"river-{way.rank}" if way.rank else "lake", path)
        for way in waterways_in(frame, archive)
        if (path := path_of(frame, way.course))
    )
    return (*ours, *(archive_ground.water_drawn(archive, frame) if archive else ()))


def waterways_in(frame: DrawingFrame, archive: ServedArchive | None = None) -> Iterator[Waterway]:
    """Ours, cut a little outside the frame; none where the archive has them."""
    if frame.zoom > LAST_ZOOM:
        return
    if archive and frame.zoom >= ARCHIVE_FROM and archive_ground.covers(archive, frame):
        return
    reach = 8 / frame.scale
    bounds = (frame.west - reach, frame.south - reach, frame.east + reach, frame.north + reach)
    for way in waterways("near" if frame.zoom >= NEAR_FROM else "far"):
        if frame.zoom >= RANKS_FROM[way.rank]:
            yield Waterway(way.rank, way.name, shapely.clip_by_rect(way.course, *bounds))


@cache
def waterways(name: str) -> tuple[Waterway, ...]:
    """All of a file: lakes, then rivers from the smallest to the largest."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        return ()
    found = []
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        course = shapely.transform(shapely.from_geojson(json.dumps(feature["geometry"])), _project)
        told = feature["properties"]
        found.append(Waterway(told["rank"], told.get("name", ""), course))
    return tuple(sorted(found, key=lambda way: (way.rank > 0, -way.rank)))


def _project(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lon, lat = degrees.T
    northing = np.arcsinh(np.tan(np.radians(lat))) / np.pi
    return np.column_stack((lon / 180, northing)) * HALF_METRES


def degrees_of(course: shapely.Geometry, frame: DrawingFrame) -> shapely.Geometry:
    """In EPSG:4326, without what no eye could see in the frame."""
    plain = shapely.simplify(course, 0.5 / frame.scale)
    return shapely.transform(plain, lambda metres: np.round(_unproject(metres), 4))


def _unproject(metres: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    x, y = metres.T / HALF_METRES
    return np.column_stack((x * 180, np.degrees(np.arctan(np.sinh(y * np.pi)))))
