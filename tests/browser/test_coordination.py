"""A coordination page in a real browser: all communes at once, months, the way down."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

pytestmark = pytest.mark.long

PATIENCE = 90_000  # ms: maps are drawn in software here, beside other tests
DRAWN = """() => new Promise((resolve) => {
  const look = () =>
    performance.getEntriesByName("areas-drawn").length ? resolve(true) : setTimeout(look, 20);
  look();
})"""


def open_france(page: Page, live_server: str) -> Locator:
    """The map of all communes, once its slider is there."""
    page.set_viewport_size({"width": 1280, "height": 1100})
    page.goto(f"{live_server}/coordination?by=commune&figure=initiatives&lang=fr")
    expect(page.locator("#curseur")).to_be_visible(timeout=PATIENCE)
    return page.locator("#carte-0")


def keep_waiting(_route: Route) -> None:
    """Never answers: what is seen till then is the picture."""


def colours(page: Page, canvas: str) -> int:
    """How many colours a canvas of the page shows."""
    script = """(found) => {
      const canvas = document.querySelector(found);
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      return new Set(new Uint32Array(data.buffer)).size;
    }"""
    return int(page.evaluate(script, canvas))


def test_all_communes_are_shown_before_the_map_comes(
    page: Page, live_server: str, complaints: list[str]
) -> None:
    page.route(re.compile("maplibre-gl.mjs"), keep_waiting)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{live_server}/coordination?by=commune&figure=initiatives")
    expect(page.locator("#carte-0 .map-first")).to_be_attached(timeout=PATIENCE)
    assert page.evaluate(DRAWN)
    assert colours(page, "#carte-0 .map-first") > 3
    assert complaints == []


def test_the_map_takes_the_place_of_the_picture(
    page: Page, live_server: str, complaints: list[str]
) -> None:
    box = open_france(page, live_server)
    expect(box).to_have_attribute("data-state", "ready", timeout=PATIENCE)
    expect(box.locator(".map-first")).to_have_count(0)
    assert complaints == []


def told_at(page: Page, box: Locator, x: float, y: float) -> str:
    """The name that the map tells under the pointer, which trembles till there is one."""
    told = box.locator(".map-told .map-card-title")
    for tries in range(200):
        page.mouse.move(x + tries % 2, y)
        if told.count():
            return told.inner_text()
        page.wait_for_timeout(100)
    raise AssertionError("nothing was told")


def test_a_commune_tells_its_figure_from_afar_and_near_by(page: Page, live_server: str) -> None:
    box = open_france(page, live_server)
    frame = box.bounding_box()
    assert frame is not None
    middle = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    assert told_at(page, box, *middle)
    for _ in range(2):
        box.locator(".maplibregl-ctrl-zoom-in").click()
        page.wait_for_timeout(600)  # the map glides
    page.mouse.move(5, 5)  # off the map
    expect(box.locator(".map-told")).to_have_count(0)
    told_at(page, box, *middle)
    page.mouse.move(middle[0] + 1, middle[1])
    page.wait_for_timeout(300)  # it tells what is under the pointer now
    name = box.locator(".map-told .map-card-title").inner_text()
    page.mouse.click(middle[0] + 1, middle[1])
    page.wait_for_url(re.compile(r"/coordination/commune/\d"), timeout=PATIENCE)
    expect(page.locator("h1")).to_contain_text(name)


def test_the_slider_shades_another_month(
    page: Page, live_server: str, complaints: list[str]
) -> None:
    open_france(page, live_server)
    slider = page.locator("#curseur input")
    with page.expect_response(re.compile(r"coordination\.json\?.*brief=1")) as asked:
        slider.evaluate(
            "(range) => { range.value = range.min; range.dispatchEvent(new Event('input')); }"
        )
    columns = asked.value.json()
    assert "codes" not in columns
    expect(page.locator("#curseur")).to_have_attribute("data-shown", re.compile(r"^\d{4}-\d\d"))
    shown = page.locator("#outre-mer-0 [data-code]").first
    assert shown.get_attribute("data-class") in {str(one) for one in range(-1, 6)}
    assert complaints == []
