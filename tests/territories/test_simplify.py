"""Simplified outlines: lighter, never empty, and neighbours still share one border."""

import math

import numpy as np
import pytest
import shapely
from shapely import Geometry, MultiPolygon, Point, Polygon, box

from mapservice.territories.model import CommuneRecord, Level, TerritorySet
from mapservice.territories.repair import RepairReport
from mapservice.territories.simplify import (
    FULL,
    band_of,
    dissolve,
    simplify,
    to_3857,
    tolerance_m,
)

Repaired = tuple[dict[str, CommuneRecord], RepairReport]


def two_sides_of_a_river() -> dict[str, Geometry]:
    """Two communes in EPSG:3857 metres that share a winding border of 201 vertices."""
    river = [(200 * math.sin(step / 5), step * 100.0) for step in range(201)]
    west = Polygon([(-20_000, 0), *river, (-20_000, 20_000)])
    east = Polygon([(20_000, 20_000), *reversed(river), (20_000, 0)])
    return {"west": west, "east": east}


def is_coverage(outlines: dict[str, Geometry]) -> bool:
    return bool(shapely.coverage_is_valid(np.array(list(outlines.values()), dtype=object)))


def vertices(outlines: dict[str, Geometry]) -> int:
    return int(shapely.get_num_coordinates(list(outlines.values())).sum())


def test_half_a_pixel_of_a_512_pixel_tile() -> None:
    assert tolerance_m(0) == pytest.approx(39_135.76, abs=0.01)
    assert tolerance_m(10) == pytest.approx(38.22, abs=0.01)


@pytest.mark.parametrize(("zoom", "band"), [(0, 4), (4, 4), (5, 6), (10, 10), (11, 11), (14, 11)])
def test_a_zoom_takes_the_first_band_that_is_fine_enough(zoom: int, band: int) -> None:
    assert band_of(zoom) == band


def test_a_shared_border_stays_shared() -> None:
    bands = simplify(two_sides_of_a_river())
    for outlines in bands.values():
        assert is_coverage(outlines)
        assert shapely.area(shapely.union_all(list(outlines.values()))) == pytest.approx(
            sum(shapely.area(list(outlines.values())))
        )
    assert vertices(bands[6]) < vertices(bands[8]) < vertices(bands[FULL])


def test_a_rock_in_the_sea_is_not_lost_at_the_smallest_zoom() -> None:
    rock = Point(0, 0).buffer(20)
    drawn = simplify({"rock": rock})[4]["rock"]
    assert not shapely.is_empty(drawn)
    assert shapely.is_valid(drawn)


def test_parents_are_the_union_of_their_members() -> None:
    squares = {"a": box(0, 0, 1, 1), "b": box(1, 0, 2, 1), "c": box(5, 5, 6, 6)}
    outlines = dissolve(squares, {"a": "35", "b": "35", "c": None})
    assert list(outlines) == ["35"]
    assert shapely.equals(outlines["35"], box(0, 0, 2, 1))
    assert isinstance(outlines["35"], MultiPolygon)


def test_projection_of_a_known_point() -> None:
    paris = to_3857({"paris": Point(2.3522, 48.8566)})["paris"]
    assert float(shapely.get_x(paris)) == pytest.approx(261_845.71, abs=0.5)
    assert float(shapely.get_y(paris)) == pytest.approx(6_250_564.35, abs=2)


@pytest.mark.long
def test_france_at_every_band(repaired: Repaired, france: TerritorySet) -> None:
    communes, _ = repaired
    shapes = {code: c.outline for code, c in communes.items() if c.outline is not None}
    departements = dissolve(shapes, {code: c.departement for code, c in communes.items()})
    regions = dissolve(
        departements, {p.code: p.parent for p in france.parents if p.level is Level.DEPARTEMENT}
    )
    assert (len(departements), len(regions)) == (101, 18)
    for outlines in (shapes, departements, regions):
        for band in simplify(to_3857(outlines)).values():
            assert not any(shapely.is_empty(list(band.values())))
            assert all(shapely.is_valid(list(band.values())))
            assert is_coverage(band)
