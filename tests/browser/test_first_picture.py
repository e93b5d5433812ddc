"""The drawing in a map's place is the map that takes it: its filter, its extent, its marks."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.long

READY = "#map[data-state=ready]"
PATIENCE = 60_000  # ms: the map is drawn in software here
NEAR = 6.0  # px

LIVE = """() => {
  const map = document.getElementById("map").map;
  return map.queryRenderedFeatures({ layers: ["singles", "clusters"] }).map((one) => {
    const { x, y } = map.project(one.geometry.coordinates);
    return [x, y, one.properties.count];
  });
}"""
# As `object-fit: cover` shows it.
DRAWN = """async () => {
  const image = document.querySelector(".map-drawing img");
  const box = document.getElementById("map").getBoundingClientRect();
  const text = await (await fetch(image.currentSrc)).text();
  const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  const [wide, high] = ["width", "height"].map((name) => Number(svg.getAttribute(name)));
  const scale = Math.max(box.width / wide, box.height / high);
  const marks = [...svg.querySelectorAll("[data-count]")].map((mark) => {
    const circle = mark.matches("circle") ? mark : mark.querySelector("circle");
    return [
      (box.width - wide * scale) / 2 + circle.getAttribute("cx") * scale,
      (box.height - high * scale) / 2 + circle.getAttribute("cy") * scale,
      Number(mark.dataset.count),
    ];
  });
  const names = svg.querySelectorAll(".names text").length;
  return { marks, box: [box.width, box.height], names };
}"""


@pytest.mark.parametrize("window", [(1280, 820), (390, 844), (1440, 900)])
@pytest.mark.parametrize(
    "query", ["", "?theme=culture", "?bbox=-2.2,47.8,-1.2,48.4", "?territory=region:53"]
)
def test_every_mark_stands_where_the_drawing_had_it(
    page: Page, live_server: str, window: tuple[int, int], query: str
) -> None:
    page.set_viewport_size({"width": window[0], "height": window[1]})
    page.goto(f"{live_server}/{query}")
    page.wait_for_selector(READY, timeout=PATIENCE)
    drawn: dict[str, Any] = page.evaluate(DRAWN)
    wide, high = drawn["box"]
    live = [(x, y, n) for x, y, n in page.evaluate(LIVE) if 0 < x < wide and 0 < y < high]
    assert live
    assert drawn["names"] > 0
    for x, y, count in live:
        assert any(
            abs(x - left) < NEAR and abs(y - top) < NEAR and count == number
            for left, top, number in drawn["marks"]
        ), (x, y, count)


def test_without_a_script_the_drawing_and_the_key_are_there(
    plain_page: Page, live_server: str
) -> None:
    plain_page.set_viewport_size({"width": 390, "height": 844})
    plain_page.goto(f"{live_server}/?theme=culture")
    assert "theme=culture" in plain_page.locator(".map-drawing img").evaluate("i => i.currentSrc")
    assert plain_page.locator(".legend-rows").is_visible()
    plain_page.emulate_media(media="print")
    assert plain_page.locator(".legend-rows").is_visible()
    assert plain_page.locator(".map-drawing img").is_visible()


def test_a_view_that_the_address_names_is_not_preceded_by_another(
    page: Page, live_server: str
) -> None:
    page.route("**/maplibre-gl.mjs*", lambda _route: None)  # which never comes
    page.goto(f"{live_server}/", wait_until="load")
    expect(page.locator(".map-drawing")).to_be_visible()
    page.goto("about:blank")
    page.goto(f"{live_server}/#9/45.76/4.84", wait_until="load")
    expect(page.locator(".map-drawing")).to_be_hidden()


def test_credits_leave_the_scale_free(page: Page, live_server: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 820})
    page.goto(f"{live_server}/")
    page.wait_for_selector(READY, timeout=PATIENCE)
    told = page.locator(".maplibregl-ctrl-attrib").bounding_box()
    scale = page.locator(".maplibregl-ctrl-scale").bounding_box()
    assert told
    assert scale
    assert scale["x"] + scale["width"] <= told["x"]
