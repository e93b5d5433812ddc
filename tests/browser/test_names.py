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

pytestmark = [pytest.mark.long, pytest.mark.sampled]

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
  const names = rendered(["commune-labels", "seat-labels", "town-labels", "town-labels-above"]);
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
    """At least as many as the greedy placement would, and nearly all of those very ones."""
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
    assert same >= LEAST * fitting


PLACE = """async ([towns, taken, seed]) => {
  const { placeTowns } = await import("/static/js/town-names.js");
  if (seed !== null) {
    let state = seed;
    const chance = () => (state = (state * 48271) % 2147483647) / 2147483647;
    towns = Array.from({ length: 120 }, (_, number) => ({
      code: String(number), x: 800 * chance(), y: 600 * chance(), size: 11,
      width: 30 + 90 * chance(), population: 20000 + Math.round(200000 * chance()),
      seat: number === 0 ? "region" : undefined,
    }));
    taken = Array.from({ length: 60 }, () => [800 * chance(), 600 * chance()])
      .map(([x, y]) => [x - 15, y - 15, x + 15, y + 15]);
  }
  const placed = [...placeTowns(towns, taken)];
  const numbers = placed.map(([{ code }, { number }]) => [code, number]);
  const again = [...placeTowns(towns, taken, new Map(numbers))];
  const told = (found) =>
    Object.fromEntries(found.map(([{ code }, { box, number }]) => [code, [number, box]]));
  return { placed: told(placed), again: told(again), taken };
}"""


def place(page: Page, address: str, *asked: Any) -> dict[str, Any]:
    page.goto(f"{address}/methode")
    found: dict[str, Any] = page.evaluate(PLACE, list(asked))
    return found


def cover(one: list[float], other: list[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("seed", [7, 2010, 35238])
def test_names_cover_neither_markers_nor_each_other_and_keep_their_places(
    page: Page, live_server: str, seed: int
) -> None:
    found = place(page, live_server, [], [], seed)
    boxes = [box for _number, box in found["placed"].values()]
    assert len(boxes) > 40
    for at, box in enumerate(boxes):
        assert not any(cover(box, other) for other in (*boxes[:at], *found["taken"]))
    stayed = [code for code, place in found["placed"].items() if found["again"].get(code) == place]
    assert len(stayed) >= 0.9 * len(boxes)


def test_a_name_steps_aside_for_another_that_has_no_other_place(
    page: Page, live_server: str
) -> None:
    """The larger town could stand anywhere; the smaller one has a gap at its left alone."""
    large = {"code": "A", "x": 100, "y": 100, "width": 60, "size": 11, "population": 90_000}
    small = {"code": "B", "x": 172, "y": 100, "width": 40, "size": 11, "population": 30_000}
    walls = [[174, 0, 400, 300], [104, 0, 400, 92], [104, 108, 400, 300]]
    placed = place(page, live_server, [large, small], walls, None)["placed"]
    assert set(placed) == {"A", "B"}
    left, _top, right, _bottom = placed["B"][1]
    assert 100 < left < right < 174


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
