"""How many names a map shows of those that would fit between its markers.

MAPSERVICE_TEST_NAMES names a served map to look at, with as many initiatives as one likes; else it
is the sample's.
"""

import os
from typing import Any

import pytest
from playwright.sync_api import Page
from sqlalchemy import Connection, text

from mapservice.tiles import ground_labels
from tests.conftest import LONG

pytestmark = pytest.mark.sampled

READY = "#map[data-state=ready]"
PATIENCE = 120_000  # ms: the map is drawn in software here
# Zoom, latitude, longitude.
VIEWS = [
    (7, 48.6, 2.3), (7, 45.5, 4.6), (7.5, 43.5, 5.4), (8, 50.6, 3.0), (8, 48.2, -1.7),
    (8.5, 48.85, 2.35), (8, 44.8, -0.6), (9, 45.75, 4.85), (9, 43.4, 5.3), (9, 48.8, 2.3),
]  # fmt: skip
LEAST = 0.95
TOWNS = """
SELECT code, name, population, ST_X(point) AS lon, ST_Y(point) AS lat
  FROM territory WHERE level = 'commune' AND population > 20000 ORDER BY population DESC"""
SEATS = """
SELECT code, ST_X(point) AS lon, ST_Y(point) AS lat FROM territory
 WHERE level = 'commune' AND code = ANY(:codes)"""

# A greedy placement: each town in turn, the most populous first, takes the first place around it
# where its name, as large as the map has it, covers no marker and no name placed before.
MEASURE = """(towns) => {
  const map = document.getElementById("map").map;
  const { clientWidth: wide, clientHeight: high } = map.getContainer();
  const rendered = (layers) => map.queryRenderedFeatures({ layers });
  const taken = rendered(["singles", "clusters", "stacks"]).map(({ geometry, layer }) => {
    const { x, y } = map.project(geometry.coordinates);
    const icon = layer.layout["icon-image"];
    const half = (map.getImage(String(icon?.name ?? icon))?.data.width ?? 68) / 4;
    return [x - half, y - half, x + half, y + half];
  });
  const names = rendered(["commune-labels", "seat-labels"]);
  const shown = new Set(names.map(({ properties }) => properties.code));
  const context = document.createElement("canvas").getContext("2d");
  const size = 12.5;
  context.font = `500 ${size}px "Atkinson Hyperlegible Next Variable"`;
  const apart = (a, b) => a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
  const fitting = [];
  for (const town of towns) {
    const { x, y } = map.project([town.lon, town.lat]);
    if (x < 0 || y < 0 || x > wide || y > high) continue;
    const [w, h] = [context.measureText(town.name).width, size * 1.2];
    const spots = [0.6, 1.6, 2.6].flatMap((ems) => {
      const [far, near] = [size * ems, 0.75 * size * ems];
      return [
        [x + far, y - h / 2], [x - far - w, y - h / 2],
        [x - w / 2, y + far], [x - w / 2, y - far - h],
        [x + near, y + near], [x - near - w, y + near],
        [x + near, y - near - h], [x - near - w, y - near - h],
      ];
    }).map(([left, top]) => [left, top, left + w, top + h]);
    const inside = (one) => one[0] >= 0 && one[1] >= 0 && one[2] <= wide && one[3] <= high;
    const free = (one) => inside(one) && taken.every((other) => apart(one, other));
    const spot = spots.find(free);
    if (!spot) continue;
    taken.push(spot);
    fitting.push(town.code);
  }
  const inView = towns.filter(({ code }) => shown.has(code)).length;
  return { fitting, shown: [...shown], towns: inView };
}"""


@pytest.fixture
def served(request: pytest.FixtureRequest) -> str:
    address = os.environ.get("MAPSERVICE_TEST_NAMES")
    return address or str(request.getfixturevalue("live_server"))


def measured(page: Page, address: str, towns: list[dict[str, Any]]) -> dict[str, Any]:
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector(READY, timeout=PATIENCE)
    found: dict[str, Any] = page.evaluate(MEASURE, towns)
    return found


def test_towns_of_20_000_are_named_where_their_names_fit(
    page: Page, served: str, connection: Connection
) -> None:
    """At least as many as the greedy placement would, and nearly all of those very ones.

    Between dense markers two greedy placements differ in which of two neighbours gets a gap.
    """
    towns = [dict(row._mapping) for row in connection.execute(text(TOWNS))]
    page.set_viewport_size({"width": 1280, "height": 820})
    fitting = same = named = 0
    for zoom, lat, lon in VIEWS if LONG else VIEWS[2:5]:
        found = measured(page, f"{served}/#{zoom}/{lat}/{lon}", towns)
        missing = set(found["fitting"]) - set(found["shown"])
        fitting += len(found["fitting"])
        same += len(found["fitting"]) - len(missing)
        named += found["towns"]
        print(zoom, lat, lon, len(found["fitting"]), found["towns"], sorted(missing))
    assert fitting > 20
    assert named >= LEAST * fitting
    assert same >= (0.8 if LONG else LEAST) * fitting


def test_at_zoom_5_every_seat_of_a_region_is_named(
    page: Page, served: str, connection: Connection
) -> None:
    regional, _ = ground_labels.prefectures()
    rows = connection.execute(text(SEATS), {"codes": list(regional)}).all()
    seats = {row.code for row in rows if row.lat > 40}
    page.set_viewport_size({"width": 1680, "height": 1100})
    found = measured(page, f"{served}/#5/46.4/2.4", [])
    assert len(seats) == 13
    assert seats <= set(found["shown"])
