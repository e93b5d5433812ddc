"""Public ids, and the grid cell that a point falls into."""

import random
import time
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from mapservice.initiatives.grid import CELL_ZOOM, Tile, interleave

HALF = 20037508.342789244  # metres from the middle to the edge of the web-mercator square


def test_ids_are_version_7_of_the_present_millisecond_and_unique(connection: Connection) -> None:
    before = time.time_ns() // 1_000_000
    made = _ids(connection, 5000)
    after = time.time_ns() // 1_000_000
    assert {identifier.version for identifier in made} == {7}
    assert {identifier.variant for identifier in made} == {"specified in RFC 4122"}
    moments = [identifier.int >> 80 for identifier in made]
    assert before <= moments[0] <= moments[-1] <= after
    assert moments == sorted(moments)
    assert len(set(made)) == 5000


def test_ids_of_later_statements_sort_later(connection: Connection) -> None:
    first = _ids(connection, 1)[0]
    connection.execute(text("SELECT pg_sleep(0.002)"))
    assert first < _ids(connection, 1)[0]


def test_74_bits_of_an_id_are_random(connection: Connection) -> None:
    """Each bit but those of time, version and variant is set in about half of the ids."""
    made = _ids(connection, 4000)
    fixed = {76, 77, 78, 79, 62, 63}
    for bit in set(range(80)) - fixed:
        share = sum(identifier.int >> bit & 1 for identifier in made) / len(made)
        assert 0.42 < share < 0.58, bit


def test_cells_agree_with_the_morton_code_of_python(connection: Connection) -> None:
    chance = random.Random(1)
    points = [(chance.uniform(-HALF, HALF), chance.uniform(-HALF, HALF)) for _ in range(2000)]
    assert _cells(connection, points) == [_morton(x, y) for x, y in points]


@pytest.mark.parametrize(
    ("x", "y", "cell"),
    [
        (-HALF, HALF, 0),
        (HALF, -HALF, 4**CELL_ZOOM - 1),
        (HALF, HALF, interleave(2**CELL_ZOOM - 1, 0)),
        (-HALF, -HALF, interleave(0, 2**CELL_ZOOM - 1)),
        (0.0, 0.0, interleave(2**23, 2**23)),
        (-2 * HALF, 2 * HALF, 0),
        (2 * HALF, -2 * HALF, 4**CELL_ZOOM - 1),
    ],
)
def test_cells_at_the_edges_of_the_world_and_beyond(
    connection: Connection, x: float, y: float, cell: int
) -> None:
    assert _cells(connection, [(x, y)]) == [cell]


@pytest.mark.parametrize("zoom", [0, 1, 5, 11, 14, 20])
def test_a_tile_is_the_range_of_the_cells_of_its_points(connection: Connection, zoom: int) -> None:
    """Against PostGIS's own envelopes: inside at the first and last cell, outside beyond them."""
    side = 2 * HALF / 2**zoom
    chance = random.Random(zoom)
    columns = [(chance.randrange(2**zoom), chance.randrange(2**zoom)) for _ in range(50)]
    points = [
        (side * (x + chance.random()) - HALF, HALF - side * (y + chance.random()))
        for x, y in columns
    ]
    for (x, y), point, cell in zip(columns, points, _cells(connection, points), strict=True):
        first, end = Tile(zoom, x, y).cells(CELL_ZOOM)
        assert first <= cell < end, (zoom, x, y, point)
        assert end - first == 4 ** (CELL_ZOOM - zoom)


def test_tiles_of_one_zoom_share_no_cell_and_leave_none_out() -> None:
    ranges = sorted(Tile(3, x, y).cells(CELL_ZOOM) for x in range(8) for y in range(8))
    ends = [0, *(end for _, end in ranges)]
    assert [first for first, _ in ranges] == ends[:-1]
    assert ends[-1] == 4**CELL_ZOOM


def _ids(connection: Connection, count: int) -> list[UUID]:
    made = text("SELECT uuid_v7() FROM generate_series(1, :count)")
    return list(connection.execute(made, {"count": count}).scalars())


def _cells(connection: Connection, points: list[tuple[float, float]]) -> list[int]:
    question = text(
        """
        SELECT grid_cell(ST_SetSRID(ST_MakePoint(x, y), 3857))
          FROM unnest(CAST(:x AS float8[]), CAST(:y AS float8[])) WITH ORDINALITY AS p (x, y, place)
         ORDER BY place"""
    )
    xs, ys = [list(axis) for axis in zip(*points, strict=True)]
    return list(connection.execute(question, {"x": xs, "y": ys}).scalars())


def _morton(x: float, y: float) -> int:
    column = int((x + HALF) / (2 * HALF) * 2**CELL_ZOOM)
    row = int((HALF - y) / (2 * HALF) * 2**CELL_ZOOM)
    return interleave(column, row)
