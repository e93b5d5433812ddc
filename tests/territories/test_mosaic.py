"""Territories as pixels: whose each is, none left out, and the file that a map reads."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from shapely import MultiPolygon, Point, Polygon, box
from sqlalchemy import Engine, text

from mapservice.territories.raster import LONGEST_RUN, NOBODY, PIXEL, RasterFrame, mosaic, paint


def squares(*corners: tuple[float, float, float, float]) -> dict[int, MultiPolygon]:
    """Rectangles in pixels, each west, south, east, north."""
    return {
        number: MultiPolygon([box(west * PIXEL, south * PIXEL, east * PIXEL, north * PIXEL)])
        for number, (west, south, east, north) in enumerate(corners)
    }


def read(content: bytes) -> tuple[int, list[dict[str, Any]], list[npt.NDArray[np.uint16]]]:
    """How many territories, the heads of pictures, and their pixels: as the page reads them."""
    size = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + size])
    at, grids = 4 + size, []
    assert at % 4 == 0
    for head in header["pictures"]:
        numbers = np.frombuffer(content, "<u2", head["runs"], at)
        lengths = np.frombuffer(content, "<u2", head["runs"], at + numbers.nbytes)
        at += 2 * numbers.nbytes
        grids.append(np.repeat(numbers, lengths).reshape(head["height"], head["width"]))
    assert at == len(content)
    return header["count"], header["pictures"], grids


def test_a_pixel_belongs_to_whoever_holds_its_centre() -> None:
    random = np.random.default_rng(7)
    seeds = shapely.MultiPoint(random.uniform(0, 40 * PIXEL, (60, 2)))
    around = box(0, 0, 40 * PIXEL, 40 * PIXEL)
    cells = shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=around))
    shapes = {
        number: MultiPolygon([shape])
        for number, shape in enumerate(shapely.intersection(cells, around))
    }
    frame = RasterFrame.around(list(shapes.values()))
    grid = paint(shapes, frame)
    for row, column in np.ndindex(grid.shape):
        centre = Point((frame.west + column + 0.5) * PIXEL, (frame.north - row - 0.5) * PIXEL)
        holders = {number for number, shape in shapes.items() if shape.contains(centre)}
        assert {int(grid[row, column])} - {NOBODY} == holders


def test_holes_and_islands() -> None:
    ring = Polygon(
        [(0, 0), (8 * PIXEL, 0), (8 * PIXEL, 8 * PIXEL), (0, 8 * PIXEL)],
        [[(2 * PIXEL, 2 * PIXEL), (6 * PIXEL, 2 * PIXEL), (6 * PIXEL, 5.9 * PIXEL)]],
    )
    shapes = {0: MultiPolygon([ring, box(10 * PIXEL, 0, 12 * PIXEL, 2 * PIXEL)])}
    grid = paint(shapes, RasterFrame.around(list(shapes.values())))
    assert int((grid == 0).sum()) == 64 - 6 + 4  # the triangle holds six centres
    assert grid[7, 11] == 0
    assert grid[0, 11] == NOBODY


def test_what_holds_no_centre_gets_a_pixel_that_a_neighbour_can_spare() -> None:
    shapes = squares((0, 0, 9.9, 9.9), (9.9, 0, 10, 0.3), (9.9, 0.3, 10, 0.6), (9.9, 0.6, 10, 0.9))
    grid = paint(shapes, RasterFrame.around(list(shapes.values())))
    assert {0, 1, 2, 3} <= set(grid.ravel().tolist())
    assert int((grid == 0).sum()) >= 96


def test_the_file_says_what_was_painted() -> None:
    near = squares((0, 0, 300, 300), (300, 0, 301, 2))
    far = {2: MultiPolygon([box(-5 * PIXEL, 7 * PIXEL, -3 * PIXEL, 8 * PIXEL)])}
    count, heads, grids = read(mosaic({"": near, "far": far}, 3))
    assert (count, len(heads)) == (3, 2)
    assert heads[0]["bounds"] == [0, 0, 301 * PIXEL, 300 * PIXEL]
    assert int((grids[0] == 0).sum()) == 90_000 > LONGEST_RUN
    assert np.array_equal(grids[0], paint(near, RasterFrame.around(list(near.values()))))
    assert grids[1].tolist() == [[2, 2]]


@pytest.fixture(scope="module")
def kept(shared_engine: Engine) -> tuple[list[str], bytes]:
    """Codes of all communes in order, and the picture that the load drew."""
    with shared_engine.connect() as connection:
        codes = connection.execute(
            text(
                """SELECT code FROM territory WHERE level = 'commune' ORDER BY code COLLATE "C" """
            )
        ).scalars()
        content = text("SELECT content FROM territory_mosaic WHERE level = 'commune'")
        return list(codes), bytes(connection.execute(content).scalar_one())


def test_every_commune_has_a_pixel_and_most_lie_where_they_are(
    shared_engine: Engine, kept: tuple[list[str], bytes]
) -> None:
    codes, content = kept
    count, heads, grids = read(content)
    assert count == len(codes)
    assert len(heads) == 1 + 5
    shown = set(np.concatenate([np.unique(grid) for grid in grids]).tolist()) - {NOBODY}
    assert shown == set(range(count))
    with shared_engine.connect() as connection:
        places = connection.execute(
            text(
                """SELECT code, ST_X(place), ST_Y(place)
                     FROM (SELECT code, ST_Transform(point, 3857) AS place
                             FROM territory WHERE level = 'commune') AS placed"""
            )
        ).all()
    right = sum(_at(heads, grids, x, y) == code for code, x, y in _numbered(places, codes))
    assert right > 0.93 * count  # town halls often stand near a border, and pixels are coarse


def _numbered(places: Any, codes: list[str]) -> list[tuple[int, float, float]]:
    numbers = {code: number for number, code in enumerate(codes)}
    return [(numbers[code], x, y) for code, x, y in places]


def _at(heads: list[dict[str, Any]], grids: list[Any], x: float, y: float) -> int | None:
    for head, grid in zip(heads, grids, strict=True):
        west, south, east, north = head["bounds"]
        if west <= x < east and south < y <= north:
            return int(grid[int((north - y) / PIXEL), int((x - west) / PIXEL)])
    return None
