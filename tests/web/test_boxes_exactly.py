"""Boxes whose sides run through places, or just beside them: pages and counts tell exactly."""

from itertools import product
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from mapservice.initiatives.grid_cover import COLUMN_BITS, ROW_BITS, sides
from mapservice.territories.coordinates import BBox
from mapservice.web.edge import SERVICES
from tests.web.population import Kept

MEANT = text(
    """SELECT id::text
         FROM initiative
        WHERE status IN ('published', 'done')
          AND ST_X(anchor) BETWEEN :west AND :east
          AND ST_Y(anchor) BETWEEN :south AND :north"""
)
PLACES = text(
    """SELECT cell, ST_X(anchor) AS lon, ST_Y(anchor) AS lat
         FROM initiative
        WHERE anchor IS NOT NULL"""
)
# Degrees: on the place itself, within the 2.4 m of its cell, in the next one, far away.
BESIDE = (0.0, 1e-12, 1e-9, 3e-6, 2e-5, 0.004, 0.7)


def found(client: FlaskClient, box: BBox, limit: int) -> tuple[int, list[str]]:
    """What the first page says of their number, and the ids of all pages."""
    degrees = f"{box.west!r},{box.south!r},{box.east!r},{box.north!r}"
    address = f"/ogc/collections/initiatives/items?{urlencode({'bbox': degrees, 'limit': limit})}"
    matched: int | None = None
    ids: list[str] = []
    while address:
        page = client.get(address).get_json()
        matched = page["numberMatched"] if matched is None else matched
        ids += [feature["id"] for feature in page["features"]]
        address = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    assert matched is not None
    return matched, ids


@settings(max_examples=60, deadline=None)
@given(
    corners=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
    beside=st.tuples(*[st.sampled_from((-1, 1))] * 4),
    far=st.tuples(*[st.sampled_from(BESIDE)] * 4),
    limit=st.sampled_from((1, 10, 1000)),
)
def test_sides_that_run_through_places(
    app: Flask,
    doors: FlaskClient,
    initiatives: list[Kept],
    corners: tuple[int, int],
    beside: tuple[int, ...],
    far: tuple[float, ...],
    limit: int,
) -> None:
    with app.extensions[SERVICES].engine.connect() as connection:
        places = connection.execute(PLACES).all()
        one, other = (places[number % len(places)] for number in corners)
        west, east = sorted((one.lon, other.lon))
        south, north = sorted((one.lat, other.lat))
        moved = [sign * step for sign, step in zip(beside, far, strict=True)]
        west, east = sorted((west + moved[0], east + moved[1]))
        south, north = sorted((south + moved[2], north + moved[3]))
        box = BBox(west, south, east, north)
        values = {"west": west, "south": south, "east": east, "north": north}
        meant = set(connection.execute(MEANT, values).scalars())
    limit = max(limit, len(meant) // 8)
    matched, ids = found(doors, box, limit)
    assert (matched, len(ids), set(ids)) == (len(meant), len(meant), meant)


@pytest.mark.parametrize("step", BESIDE)
def test_bits_of_codes_bound_a_box(app: Flask, initiatives: list[Kept], step: float) -> None:
    """What is within is in it, and what is not touched is not: whatever PROJ rounds."""
    with app.extensions[SERVICES].engine.connect() as connection:
        places = connection.execute(PLACES).all()
    for one, (east, north) in product(places[:40], [(0.0, step), (step, 0.0), (step, step)]):
        box = BBox(one.lon - east, one.lat - north, one.lon + step, one.lat + step)
        around = sides(box)
        for place in places:
            column, row = place.cell & COLUMN_BITS, place.cell & ROW_BITS
            inside = box.west <= place.lon <= box.east and box.south <= place.lat <= box.north
            west, last, north_row, south_row = around.touched
            touched = west <= column <= last and north_row <= row <= south_row
            west, last, north_row, south_row = around.within
            within = west < column < last and north_row < row < south_row
            assert touched or not inside
            assert inside or not within
