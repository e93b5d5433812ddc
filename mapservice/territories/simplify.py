"""Outlines for drawing: fewer vertices per zoom, neighbours still sharing one border.

All in EPSG:3857 metres. The simplification is that of a coverage (Visvalingam-Whyatt on shared
edges, GEOS ≥ 3.12): a border is drawn once for both sides, so no gap opens and none overlaps.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pyproj
import shapely
from shapely import Geometry, MultiPolygon, Polygon

from mapservice.territories.model import OUTLINE_ZOOMS

# Key of the outlines as they are, for every zoom above the last of `OUTLINE_ZOOMS`.
FULL = OUTLINE_ZOOMS[-1] + 1

TILE_PIXELS = 512
EQUATOR_M = 40_075_016.685578488  # circumference in EPSG:3857, 2π · 6,378,137 m

_TO_3857 = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)


def band_of(zoom: int) -> int:
    """The band that serves a zoom: 5 → 6, 10 → 10, 14 → FULL."""
    return next((band for band in OUTLINE_ZOOMS if zoom <= band), FULL)


def tolerance_m(zoom: int) -> float:
    """Half a pixel of a 512-pixel tile, in metres of EPSG:3857."""
    return EQUATOR_M / TILE_PIXELS / 2 / (1 << zoom)


def to_3857(outlines: Mapping[str, Geometry]) -> dict[str, Geometry]:
    """EPSG:4326 lon/lat → EPSG:3857, by code."""
    projected = shapely.transform(
        _array(outlines),
        lambda lon_lat: np.column_stack(_TO_3857.transform(lon_lat[:, 0], lon_lat[:, 1])),
    )
    return dict(zip(outlines, projected, strict=True))


def simplify(
    outlines: Mapping[str, Geometry], bands: Sequence[int] = OUTLINE_ZOOMS
) -> dict[int, dict[str, Geometry]]:
    """A coverage in EPSG:3857, by code → the same for each band, and under `FULL` as it came.

    None becomes empty: every ring keeps at least a triangle.
    """
    whole = _array(outlines)
    drawn = {
        band: dict(zip(outlines, shapely.coverage_simplify(whole, tolerance_m(band)), strict=True))
        for band in bands
    }
    return drawn | {FULL: dict(outlines)}


def dissolve(
    outlines: Mapping[str, Geometry], parents: Mapping[str, str | None]
) -> dict[str, Geometry]:
    """Outline of each parent: the union of its members. Any CRS; a valid coverage is needed.

    `parents` gives the parent of each code; a code without one is in no outline.
    """
    members: dict[str, list[Geometry]] = defaultdict(list)
    for code, outline in outlines.items():
        parent = parents.get(code)
        if parent is not None:
            members[parent].append(outline)
    unions = {code: shapely.coverage_union_all(parts) for code, parts in members.items()}
    # Always a multipolygon, even where the communes of a parent make one polygon.
    return {
        code: MultiPolygon([part for part in shapely.get_parts(union) if isinstance(part, Polygon)])
        for code, union in unions.items()
    }


def _array(outlines: Mapping[str, Geometry]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return np.array(list(outlines.values()), dtype=object)
