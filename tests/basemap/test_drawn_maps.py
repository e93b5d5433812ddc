"""Drawn maps over an archive: its water, roads and quarters, and its credit."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from mapservice.publishing.reports import page, words
from mapservice.publishing.reports.model import ReportView
from mapservice.publishing.reports.queries import read
from mapservice.static_maps import archive_ground
from mapservice.static_maps.model import DrawingFrame
from mapservice.tiles.basemap.archive import ServedArchive, open_served
from tests.basemap.archives import LAYERS, drawn_tile, write_archive

# Around Rennes, whose tile at zoom 12 this is.
TILE = (12, 2028, 1421)
BOUNDS = (-1.7578, 48.1074, -1.6699, 48.166)
ROAD, LAKE = "LINESTRING(0 2000, 4096 2100)", "POLYGON((500 500, 1500 500, 1500 1500, 500 500))"
STREAM, QUARTER = "LINESTRING(0 3000, 4096 3000)", "POINT(3000 1000)"


def layer(called: str, geometry: str, **attributes: str) -> dict[str, Any]:
    return {"name": called, "features": [{"geometry": geometry, "properties": attributes}]}


CONTENTS = {
    "openmaptiles": [
        layer("water", LAKE, **{"class": "lake"}),
        layer("waterway", STREAM, **{"class": "river"}),
        layer("transportation", ROAD, **{"class": "primary"}),
        layer("place", QUARTER, **{"class": "suburb", "name": "Villejean"}),
    ],
    "shortbread": [
        layer("water_polygons", LAKE, kind="water"),
        layer("water_lines", STREAM, kind="river"),
        layer("streets", ROAD, kind="primary"),
        layer("place_labels", QUARTER, kind="suburb", name="Villejean"),
    ],
    "protomaps": [
        {
            "name": "water",
            "features": [
                {"geometry": LAKE, "properties": {"kind": "lake"}},
                {"geometry": STREAM, "properties": {"kind": "river"}},
            ],
        },
        layer("roads", ROAD, kind="major_road", kind_detail="primary"),
        layer("places", QUARTER, kind="locality", kind_detail="suburb", name="Villejean"),
    ],
}


@pytest.fixture(params=sorted(CONTENTS))
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServedArchive]:
    path = write_archive(
        tmp_path / "rennes.pmtiles",
        {TILE: drawn_tile(CONTENTS[request.param])},
        sorted({*LAYERS[request.param], *(one["name"] for one in CONTENTS[request.param])}),
        BOUNDS,
        attribution='<a href="https://carto.test">© carto &amp; co</a>',
    )
    found = open_served(path)
    yield found
    found.archive.close()


def frame_within(bounds: tuple[float, float, float, float] = BOUNDS) -> DrawingFrame:
    return DrawingFrame.around(bounds, 640, 480)


def test_each_schema_gives_water_roads_and_quarters(served: ServedArchive) -> None:
    frame = frame_within()
    assert [shape.role for shape in archive_ground.water_drawn(served, frame)] == ["sea", "river-3"]
    (road,) = archive_ground.roads_drawn(served, frame)
    assert road.role == "road-1"
    # From edge to edge of the tile, a little below its middle.
    places = [tuple(map(float, one)) for one in re.findall(r"([\d.-]+) ([\d.-]+)", road.path)]
    (left, y), (right, _lower) = places[0], places[-1]
    assert right - left > 300
    assert 200 < y < 280
    # Names of quarters come nearer to the ground.
    assert archive_ground.quarters(served, frame) == []
    close = frame_within((-1.73, 48.11, -1.675, 48.145))
    ((name, x, y),) = archive_ground.quarters(served, close)
    assert name == "Villejean"
    assert close.position(x, y) == pytest.approx((-1.6934, 48.1217), abs=1e-3)


def test_far_away_nothing_of_it_is_read(served: ServedArchive) -> None:
    nice = frame_within((7.1, 43.6, 7.3, 43.8))
    assert not archive_ground.covers(served, nice)
    assert (
        archive_ground.water_drawn(served, nice) == archive_ground.roads_drawn(served, nice) == ()
    )
    assert archive_ground.quarters(served, nice) == []


def test_a_file_that_is_gone_leaves_the_drawing_as_it_was_without(served: ServedArchive) -> None:
    served.archive.path.unlink()
    assert archive_ground.water_drawn(served, frame_within()) == ()


Open = Callable[..., FlaskClient]


@pytest.mark.parametrize(
    "path",
    [
        "/dessins/carte.svg?bbox=-1.75,48.11,-1.68,48.16",
        "/dessins/commune/35238.svg",
        "/dessins/autour/-1.70,48.13.svg?radius=2500",
        "/coordination/epci/243500139.svg",
    ],
)
def test_drawings_name_who_made_their_ground(
    service: Open, served: ServedArchive, path: str
) -> None:
    answer = service(basemap=str(served.archive.path)).get(path)
    assert answer.status_code == 200
    drawn = answer.get_data(as_text=True)
    assert "© carto &amp; co</text>" in drawn
    assert "carto" not in service().get(path).get_data(as_text=True)


def test_reports_have_its_water_and_say_whose_it_is(
    connection: Connection, served: ServedArchive
) -> None:
    view = ReportView.parse([("territory", "epci:243500139"), ("by", "commune")])
    report = read(connection, view, "http://map.test", "Initiatives", served)
    assert "Eaux de la carte\u00a0: © carto & co." in words.sources(report)
    assert '"rank": 3' in page.render(connection, report)
    without = read(connection, view, "http://map.test", "Initiatives")
    assert '"rank": 3' not in page.render(connection, without)
