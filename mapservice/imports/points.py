"""Coordinates of French files: which system they are in, and their way to EPSG:4326."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from mapservice.imports.readers.geojson import point_of
from mapservice.imports.text import words_of

Pair = tuple[float, float]
Interval = tuple[float, float]

# Of a point in whole tenths of a degree: several communes lie so near.
TEN_KILOMETRES = "the point is rounded to about ten kilometres"

# Longitude then latitude: mainland and Corsica, then every overseas land.
FRANCE = (
    (-5.6, 41.2, 9.8, 51.3),
    (-63.4, 14.2, -60.7, 18.3),
    (-54.8, 2.0, -51.4, 6.0),
    (55.1, -21.5, 56.0, -20.8),
    (44.9, -13.1, 45.4, -12.5),
    (-56.6, 46.6, -56.0, 47.3),
    (163.3, -23.0, 168.4, -19.3),
    (-155.0, -28.5, -134.0, -7.5),
    (-178.6, -14.7, -175.9, -13.0),
)
# A coarse outline, to choose between projections whose ranges overlap.
MAINLAND = shapely.Polygon(
    [
        (2.4, 51.2),
        (4.3, 50.2),
        (4.9, 50.3),
        (6.4, 49.6),
        (8.4, 49.1),
        (7.7, 47.4),
        (6.1, 46.3),
        (7.2, 45.9),
        (7.2, 44.7),
        (7.9, 43.7),
        (6.2, 42.8),
        (3.3, 43.1),
        (3.3, 42.3),
        (1.5, 42.3),
        (-1.9, 43.2),
        (-1.5, 45.8),
        (-2.9, 47.2),
        (-5.3, 47.8),
        (-5.3, 48.7),
        (-2.2, 48.9),
        (-2.1, 49.9),
        (0.0, 49.9),
        (1.4, 50.2),
        (1.4, 51.0),
    ]
)
CORSICA = shapely.box(8.4, 41.2, 9.7, 43.1)
# More vertices of a shape say nothing about which commune it lies in.
MAX_VERTICES = 2_000
OVERSEAS = shapely.MultiPolygon([shapely.box(*box) for box in FRANCE[1:]])


@dataclass(frozen=True, slots=True)
class FrenchProjection:
    """A projected system used in France: EPSG code, name, and the ranges of x and y in metres."""

    epsg: int
    name: str
    x: Interval
    y: Interval

    def holds(self, x: float, y: float) -> bool:
        """Whether the pair can be of this system."""
        return self.x[0] <= x <= self.x[1] and self.y[0] <= y <= self.y[1]

    def to_wgs84(self, x: float, y: float) -> Pair:
        """Longitude and latitude; infinite where the system does not reach."""
        lon, lat = _transformer(self.epsg).transform(x, y)
        return float(lon), float(lat)


# In order of preference where the evidence is equal: the legal systems come first.
PROJECTIONS = (
    FrenchProjection(2154, "Lambert-93", (0, 1_300_000), (6_000_000, 7_200_000)),
    FrenchProjection(5490, "UTM 20N", (440_000, 780_000), (1_560_000, 2_020_000)),
    FrenchProjection(2972, "UTM 22N", (80_000, 480_000), (220_000, 680_000)),
    FrenchProjection(2975, "UTM 40S", (300_000, 400_000), (7_600_000, 7_720_000)),
    FrenchProjection(4471, "UTM 38S", (480_000, 560_000), (8_540_000, 8_620_000)),
    FrenchProjection(27572, "Lambert II étendu", (0, 1_300_000), (1_600_000, 2_700_000)),
    FrenchProjection(3857, "Web Mercator", (-620_000, 1_100_000), (5_000_000, 6_700_000)),
    FrenchProjection(3857, "Web Mercator", (-7_100_000, 6_300_000), (-2_500_000, 2_100_000)),
)

ROUGH_NUMBER = r"[-+−]?\d+(?:[.,]\d+)?(?:e[-+]?\d+)?"
DEGREES = re.compile(
    r"([-+−]?\d{1,3})\s*°\s*(\d{1,2})\s*['′’]\s*(?:(\d{1,2}(?:[.,]\d+)?)\s*(?:\"|″|''|’’)?)?\s*"
    r"([NSEOW])?",
    re.IGNORECASE | re.ASCII,
)
WELL_KNOWN = re.compile(
    rf"(?:SRID=\d+;)?\s*POINT\s*(?:ZM?|M)?\s*\(\s*({ROUGH_NUMBER})\s+({ROUGH_NUMBER})[^()]*\)",
    re.IGNORECASE | re.ASCII,
)
TWO_NUMBERS = re.compile(
    r"[\[(]?\s*([-+−]?\d+(?:\.\d+)?)\s*[,;\s|]\s*([-+−]?\d+(?:\.\d+)?)\s*[\])]?"
    r"|[\[(]?\s*([-+−]?\d+,\d+)\s*(?:;|\||,?\s)\s*([-+−]?\d+,\d+)\s*[\])]?",
    re.ASCII,
)


def read_number(text: str) -> float | None:
    """A number with a decimal point or comma, spaces between thousands, or degrees-minutes.

    None for anything else, NaN and infinities included.
    """
    compact = "".join(text.split()).replace("−", "-")
    if degrees := DEGREES.fullmatch(compact):
        whole, minutes, seconds, side = degrees.groups()
        size = abs(float(whole.replace("−", "-"))) + float(minutes) / 60
        size += float((seconds or "0").replace(",", ".")) / 3600
        negative = whole[0] in "-−" or (side or "").upper() in ("S", "O", "W")
        return -size if negative else size
    if "," in compact and "." in compact:
        thousands = "." if compact.rindex(",") > compact.rindex(".") else ","
        compact = compact.replace(thousands, "")
    compact = compact.replace(",", ".").rstrip("°")
    if "_" in compact or len(compact) > 40:
        return None
    try:
        number = float(compact)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def read_pair(text: str) -> Pair | None:
    """The (x, y) of a cell that holds a whole point: WKT, GeoJSON, or two numbers.

    Two bare numbers are taken as latitude then longitude, the order of `geo_point_2d`; one
    that is only possible the other way round is turned.
    """
    stripped = text.strip()[:500]
    if match := WELL_KNOWN.fullmatch(stripped):
        return _both(*match.groups())
    if stripped.startswith("{"):
        try:
            return point_of(json.loads(stripped))[0]
        except (ValueError, RecursionError):
            return None
    if match := TWO_NUMBERS.fullmatch(stripped):
        pair = _both(*(number for number in match.groups() if number))
        turned = pair is not None and _is_degrees(*pair) and not in_france(*pair)
        return (pair[1], pair[0]) if pair and turned else pair
    return None


def in_france(lon: float, lat: float) -> bool:
    """Whether a point falls in the bounding box of a French land."""
    return any(west <= lon <= east and south <= lat <= north for west, south, east, north in FRANCE)


def choose_projection(pairs: Sequence[Pair], column_names: str = "") -> FrenchProjection | None:
    """The system that puts most of the pairs on French soil; None for plain degrees.

    The ranges of Lambert-93 and Web Mercator overlap, so the whole file decides.
    """
    metres = [pair for pair in pairs if not _is_degrees(*pair)]
    if len(metres) * 2 <= len(pairs):
        return None
    named = words_of(column_names)
    spellings = {2154: r"l ?93|lambert ?93|2154", 3857: r"3857|mercator"}
    likely = [p for p in PROJECTIONS if re.search(spellings.get(p.epsg, str(p.epsg)), named)]
    likely = likely or list(PROJECTIONS)
    best = max(likely, key=lambda projection: _on_soil(projection, metres))
    return best if _on_soil(best, metres) else None


def to_wgs84(x: float, y: float, projection: FrenchProjection | None) -> tuple[Pair | None, str]:
    """Longitude and latitude rounded to 1 cm, and what was mended or why there is no point.

    `projection` is that of the file; a pair outside its range may be of another legal system
    (overseas rows), or have its coordinates swapped.
    """
    if x == 0 and y == 0:
        return None, "0, 0 is no place in France; dropped"
    if _is_degrees(x, y) or _is_degrees(y, x):
        if in_france(x, y):
            return _rounded(x, y), ""
        if in_france(y, x):
            return _rounded(y, x), "latitude and longitude were swapped; put right"
        if not _is_degrees(x, y):
            return None, f"{x:g}, {y:g} is outside the world; dropped"
        return _rounded(x, y), f"{x:g}, {y:g} is outside France"
    # The file's own system, then the legal ones.
    legal = [other for other in PROJECTIONS[:5] if other is not projection]
    for candidate in [projection, *legal] if projection else legal:
        for pair, note in (((x, y), ""), ((y, x), "x and y were swapped; put right")):
            if candidate.holds(*pair):
                lon, lat = candidate.to_wgs84(*pair)
                if math.isfinite(lon) and in_france(lon, lat):
                    other = "" if candidate is projection else f"read as {candidate.name}"
                    return _rounded(lon, lat), "; ".join(filter(None, (note, other)))
    where = "outside the world" if max(abs(x), abs(y)) < 1_000 else "in no system used in France"
    return None, f"{x:g}, {y:g} is {where}; dropped"


def shape_to_wgs84(
    shape: BaseGeometry, projection: FrenchProjection | None
) -> tuple[BaseGeometry | None, str]:
    """The shape in EPSG:4326, and what was mended or why it is not used."""
    if len(shapely.get_coordinates(shape)) > MAX_VERTICES:
        extent = max(shape.bounds[2] - shape.bounds[0], shape.bounds[3] - shape.bounds[1])
        shape = shapely.simplify(shape, extent / MAX_VERTICES)
    notes: set[str] = set()
    failed: list[str] = []

    def turn(vertices: np.ndarray) -> np.ndarray:
        turned = np.array(vertices, dtype=float)
        for index, (x, y) in enumerate(vertices):
            pair, note = to_wgs84(float(x), float(y), projection)
            if pair is None:
                failed.append(note)
            else:
                turned[index] = pair
                # A vertex abroad is no mistake, and its numbers are of no use in a report.
                notes.update([note] if note and "outside" not in note else [])
        return turned

    turned = shapely.transform(shape, turn)
    if failed:
        return None, failed[0]
    return turned, "; ".join(sorted(notes))


def _rounded(lon: float, lat: float) -> Pair:
    return round(lon, 7), round(lat, 7)


def _is_degrees(lon: float, lat: float) -> bool:
    return abs(lon) <= 180 and abs(lat) <= 90


def _on_soil(projection: FrenchProjection, pairs: Sequence[Pair]) -> int:
    count = 0
    for pair in pairs:
        x, y = pair if projection.holds(*pair) else (pair[1], pair[0])
        if projection.holds(x, y):
            point = projection.to_wgs84(x, y)
            count += any(
                bool(shapely.contains_xy(land, *point)) for land in (MAINLAND, CORSICA, OVERSEAS)
            )
    return count


@cache
def _transformer(epsg: int) -> Transformer:
    return Transformer.from_crs(epsg, 4326, always_xy=True)


def _both(first: str, second: str) -> Pair | None:
    x, y = read_number(first), read_number(second)
    return None if x is None or y is None else (x, y)
