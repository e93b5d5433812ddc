"""How many names a map shows of those that would fit between its markers.

MAPSERVICE_TEST_NAMES names a served map to look at, with as many initiatives as one likes; else it
is the sample's.
"""

import math
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
# Of what fits between whole markers; and of what also fits where names may lie over their edges.
LEAST = {1: 0.95, 0.8: 0.93}
TOWNS = """
SELECT code, name, population, ST_X(point) AS lon, ST_Y(point) AS lat
  FROM territory WHERE level = 'commune' AND population > 20000 ORDER BY population DESC"""
SEATS = """
SELECT code, ST_X(point) AS lon, ST_Y(point) AS lat FROM territory
 WHERE level = 'commune' AND code = ANY(:codes)"""

# A greedy placement: each town in turn, the most populous first, takes the first place around it
# where its name covers no marker and no name placed before. How large letters and markers are held
# to be, and which places are tried, is for the script to say: each way is measured.
EIGHT = [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
    [0.75, 0.75],
    [-0.75, 0.75],
    [0.75, -0.75],
    [-0.75, -0.75],
]
# Size of letters (px), distances from the town (ems), directions, and the part of a marker's image
# that is in the way.
WAYS = [
    {"size": size, "distances": distances, "directions": EIGHT[:directions], "marker": marker}
    for size in (11, 12.5, 14)
    for distances, directions in (([0.6, 1.6, 2.6], 8), ([1], 8), ([0.5], 4), ([0.35], 1))
    for marker in (1, 0.8)
]
MEASURE = """([towns, ways]) => {
  const map = document.getElementById("map").map;
  const { clientWidth: wide, clientHeight: high } = map.getContainer();
  const rendered = (layers) => map.queryRenderedFeatures({ layers });
  const markers = rendered(["singles", "clusters", "stacks"]).map(({ geometry, layer }) => {
    const icon = layer.layout["icon-image"];
    const half = (map.getImage(String(icon?.name ?? icon))?.data.width ?? 68) / 4;
    return { ...map.project(geometry.coordinates), half };
  });
  const names = rendered(["commune-labels", "seat-labels", "town-labels", "town-labels-above"]);
  const shown = new Set(names.map(({ properties }) => properties.code));
  const context = document.createElement("canvas").getContext("2d");
  const apart = (a, b) => a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
  const inside = (one) => one[0] >= 0 && one[1] >= 0 && one[2] <= wide && one[3] <= high;
  const inView = towns.map((town) => ({ ...town, ...map.project([town.lon, town.lat]) }))
    .filter(({ x, y }) => x >= 0 && y >= 0 && x <= wide && y <= high);
  const fitting = ways.map(({ size, distances, directions, marker }) => {
    context.font = `500 ${size}px "Atkinson Hyperlegible Next Variable"`;
    const taken = markers.map(({ x, y, half }) =>
      [x - half * marker, y - half * marker, x + half * marker, y + half * marker]);
    const found = [];
    for (const { code, name, x, y } of inView) {
      const [w, h] = [context.measureText(name).width, size * 1.2];
      const spots = distances.flatMap((ems) => directions.map(([right, down]) => {
        const left = x + right * ems * size - (right > 0 ? 0 : right < 0 ? w : w / 2);
        const top = y + down * ems * size - (down > 0 ? 0 : down < 0 ? h : h / 2);
        return [left, top, left + w, top + h];
      }));
      const free = (one) => inside(one) && taken.every((other) => apart(one, other));
      const spot = spots.find(free);
      if (!spot) continue;
      taken.push(spot);
      found.push(code);
    }
    return found;
  });
  return { fitting, shown: [...shown], towns: inView.filter(({ code }) => shown.has(code)).length };
}"""


@pytest.fixture
def served(request: pytest.FixtureRequest) -> str:
    address = os.environ.get("MAPSERVICE_TEST_NAMES")
    return address or str(request.getfixturevalue("live_server"))


def measured(page: Page, address: str, towns: list[dict[str, Any]]) -> dict[str, Any]:
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector(READY, timeout=PATIENCE)
    found: dict[str, Any] = page.evaluate(MEASURE, [towns, WAYS])
    return found


def test_towns_of_20_000_are_named_where_their_names_fit(
    page: Page, served: str, connection: Connection
) -> None:
    """Of those that a greedy placement fits, whichever way it goes about it."""
    towns = [dict(row._mapping) for row in connection.execute(text(TOWNS))]
    page.set_viewport_size({"width": 1280, "height": 820})
    fitting, same = [0] * len(WAYS), [0] * len(WAYS)
    for zoom, lat, lon in VIEWS if LONG else VIEWS[2:5]:
        found = measured(page, f"{served}/#{zoom}/{lat}/{lon}", towns)
        print(zoom, lat, lon, found["towns"], [len(codes) for codes in found["fitting"]])
        for way, codes in enumerate(found["fitting"]):
            fitting[way] += len(codes)
            same[way] += len(set(codes) & set(found["shown"]))
    assert min(fitting) > 20
    shares = [named / fits for named, fits in zip(same, fitting, strict=True)]
    print([round(share, 3) for share in shares])
    for share, placement in zip(shares, WAYS, strict=True):
        assert share >= LEAST[float(str(placement["marker"]))], placement


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
    const disc = () => ({ x: 800 * chance(), y: 600 * chance(), radius: 15 });
    taken = Array.from({ length: 60 }, disc);
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


def cover_disc(box: list[float], disc: dict[str, float]) -> bool:
    """Whether a box reaches into a marker."""
    dx = max(box[0] - disc["x"], disc["x"] - box[2], 0)
    dy = max(box[1] - disc["y"], disc["y"] - box[3], 0)
    return math.hypot(dx, dy) < disc["radius"] - 1e-9


def wall(left: int, top: int, right: int, bottom: int) -> list[dict[str, float]]:
    """A rectangle full of small markers."""
    return [
        {"x": x, "y": y, "radius": 4}
        for x in range(left + 4, right, 4)
        for y in range(top + 4, bottom - 3, 4)
    ]


@pytest.mark.parametrize("seed", [7, 2010, 35238])
def test_names_cover_neither_markers_nor_each_other_and_keep_their_places(
    page: Page, live_server: str, seed: int
) -> None:
    found = place(page, live_server, [], [], seed)
    boxes = [box for _number, box in found["placed"].values()]
    assert len(boxes) > 40
    for at, box in enumerate(boxes):
        assert not any(cover(box, other) for other in boxes[:at])
        assert not any(cover_disc(box, disc) for disc in found["taken"])
    stayed = [code for code, place in found["placed"].items() if found["again"].get(code) == place]
    assert len(stayed) >= 0.9 * len(boxes)


def test_a_name_steps_aside_for_another_that_has_no_other_place(
    page: Page, live_server: str
) -> None:
    """The larger town could stand anywhere; the smaller one has a gap at its left alone."""
    large = {"code": "A", "x": 100, "y": 100, "width": 60, "size": 11, "population": 90_000}
    small = {"code": "B", "x": 172, "y": 100, "width": 40, "size": 11, "population": 30_000}
    walls = wall(174, 0, 400, 300) + wall(104, 0, 400, 92) + wall(104, 108, 400, 300)
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


# Names that the map shows, which of them stand at some distance, and how many lines lead to a town.
AROUND = """async () => {
  const { LEAST, PLACED, SPOTS } = await import("/static/js/town-names.js");
  const map = document.getElementById("map").map;
  const { features } = map.getSource(PLACED).serialize().data;
  const names = features.filter(({ geometry }) => geometry.type === "Point");
  const others = map.queryRenderedFeatures().filter(({ layer, properties, sourceLayer }) =>
    layer.type === "symbol" && sourceLayer === "labels" && properties.level === "commune"
      && properties.population >= LEAST);
  return {
    names: names.map(({ properties }) => [properties.name, SPOTS[properties.spot].distance]),
    lines: features.length - names.length,
    others: others.map(({ properties }) => properties.name),
  };
}"""


@pytest.mark.parametrize(("wide", "high"), [(390, 844), (1280, 900)])
def test_on_the_first_map_a_name_stands_at_its_town_or_a_line_leads_there(
    page: Page, live_server: str, wide: int, high: int
) -> None:
    """On a phone all of France is 300 pixels wide: some way off is at another town."""
    page.set_viewport_size({"width": wide, "height": high})
    page.goto(live_server)
    page.wait_for_selector(READY, timeout=PATIENCE)
    page.evaluate(REST)
    found = page.evaluate(AROUND)
    assert len(found["names"]) >= 7
    assert found["others"] == []
    assert found["lines"] == sum(distance > 1 for _name, distance in found["names"])


REST = """() => new Promise((resolve) => {
  const map = document.getElementById("map").map;
  if (map.loaded() && !map.isMoving()) return resolve();
  map.once("idle", () => resolve());
})"""
