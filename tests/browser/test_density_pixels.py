"""The map of densities, pixel by pixel: land is never masked, and a colour is what data say."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from mapservice.static_maps.shades import GROUND, HATCH, SCALES
from tests.conftest import LONG

pytestmark = pytest.mark.long

PATIENCE = 60_000  # ms: the maps are drawn in software here
ZOOMS = range(4, 11) if LONG else (4, 7, 10)
# Bretagne, which a mask once covered, the smallest one at home, and three islands.
REGIONS = ("53", "11", "94", "04", "06")
# From here on territories are outlines; farther off they are pixels of 1,200 m.
OUTLINES_FROM = 6
# Of each region so many communes of each class are looked at.
EACH = 12
# Colours are blended at edges of pixels and of hatching.
NEAR = 6
WATER = ("#d9e6ea", "#cadbe1")

# The library as it is, whose maps can be found afterwards.
WATCHED = """
export * from "/vendor/maplibre-gl/maplibre-gl.mjs?own";
import { Map as Own } from "/vendor/maplibre-gl/maplibre-gl.mjs?own";
export class Map extends Own {
  constructor(options) { super(options); (window.watched ??= []).push(this); }
}
"""
# Goes there, takes names and lines away, and reads the colour at each place, null outside.
LOOK = """async ([center, zoom, places]) => {
  const map = window.watched.find((one) => one.getContainer().id === "carte-1");
  for (const { id, type } of map.getStyle().layers) {
    if (type === "symbol" || type === "line") map.setLayoutProperty(id, "visibility", "none");
  }
  map.jumpTo({ center, zoom });
  for (let tries = 0; tries < 100 && !(map.areTilesLoaded() && map.isStyleLoaded()); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await new Promise((resolve) => { map.once("idle", resolve); map.triggerRepaint(); });
  const gl = map.getCanvas().getContext("webgl2");
  const [wide, high] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
  const ratio = wide / map.getCanvas().clientWidth;
  const pixels = new Uint8Array(4 * wide * high);
  await new Promise((resolve) => {
    map.once("render", () => {
      gl.readPixels(0, 0, wide, high, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
      resolve();
    });
    map.triggerRepaint();
  });
  return places.map((place) => {
    const { x, y } = map.project(place);
    const [column, row] = [Math.floor(x * ratio), high - 1 - Math.floor(y * ratio)];
    if (column < 0 || row < 0 || column >= wide || row >= high) return null;
    const at = 4 * (row * wide + column);
    return [...pixels.subarray(at, at + 3)];
  });
}"""
COMMUNES = """
    SELECT code, region, ST_Area(outline_3857) FROM territory WHERE level = 'commune'"""
# The middle of the largest circle inside each, EPSG:4326, and its radius in metres of EPSG:3857.
MIDDLES = """
    SELECT code, ST_X(ST_Transform(center, 4326)), ST_Y(ST_Transform(center, 4326)), radius
      FROM territory
     CROSS JOIN LATERAL ST_MaximumInscribedCircle(outline_3857)
     WHERE level = :level AND code = ANY(:codes)"""
WORLD = 40_075_016.7  # metres around the equator, which are 512 pixels at zoom 0
# So many pixels from any border no simplified outline leaves its territory.
INSIDE = 1.5
SEA = ((-7.5, 46.0), (4.5, 42.2), (-3.5, 44.6), (8.0, 42.6))


@dataclass(frozen=True, slots=True)
class Middle:
    """Well inside a territory: degrees, and how far any border is, in metres of EPSG:3857."""

    at: tuple[float, float]
    radius: float

    def holds(self, zoom: int) -> bool:
        """Is there room for a pixel of that zoom?"""
        return bool(self.radius * 512 * 2**zoom / WORLD >= INSIDE)


@dataclass(frozen=True)
class Land:
    """Communes by region, the largest first, and the middles of regions."""

    engine: Engine
    communes: Mapping[str, Sequence[str]]
    regions: Mapping[str, Middle]


def middles(engine: Engine, level: str, codes: Sequence[str]) -> dict[str, Middle]:
    with engine.connect() as connection:
        rows = connection.execute(text(MIDDLES), {"level": level, "codes": list(codes)})
        return {code: Middle((x, y), radius) for code, x, y, radius in rows}


@pytest.fixture(scope="module")
def land(sample_url: str) -> Iterator[Land]:
    engine = make_engine(sample_url)
    with engine.connect() as connection:
        rows = connection.execute(text(COMMUNES)).all()
    communes: dict[str, list[str]] = defaultdict(list)
    for code, region, _ in sorted(rows, key=lambda row: -row[2]):
        communes[region].append(code)
    yield Land(engine, communes, middles(engine, "region", list(communes)))
    engine.dispose()


@pytest.fixture(scope="module")
def france(browser: Browser, live_server: str) -> Iterator[Page]:
    """France's page of coordination on a desktop, whose maps can be moved."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="fr-FR")
    page = context.new_page()
    page.route(re.compile(r"maplibre-gl\.mjs$"), watched)
    page.goto(f"{live_server}/coordination?lang=fr")
    page.wait_for_selector("#carte-1[data-state=ready]", timeout=PATIENCE)
    page.wait_for_selector("#curseur:not([hidden])", timeout=PATIENCE)
    yield page
    context.close()


def watched(route: Route) -> None:
    route.fulfill(body=WATCHED, content_type="text/javascript")


def columns(page: Page, until: str = "") -> dict[str, Any]:
    """Codes, classes and counts that the page's map of densities is made of."""
    config = json.loads(page.locator("#coordination-maps").inner_text())[1]
    address = config["figures"] + (f"&until={until}" if until else "")
    found: dict[str, Any] = page.evaluate("async (url) => (await fetch(url)).json()", address)
    return found


def chosen(land: Land, region: str, classes: Mapping[str, int]) -> list[tuple[str, int, Middle]]:
    """Communes of a region, the largest of each class, with their class and middle."""
    found: dict[int, list[str]] = defaultdict(list)
    for code in land.communes[region]:
        if len(found[classes[code]]) < EACH:
            found[classes[code]].append(code)
    codes = [code for same in found.values() for code in same]
    known = middles(land.engine, "commune", codes)
    return [(code, classes[code], known[code]) for code in codes]


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def close(pixel: list[int], colour: str, by: int = NEAR) -> bool:
    return all(abs(one - other) <= by for one, other in zip(pixel, rgb(colour), strict=True))


def hatched(pixel: list[int]) -> bool:
    """Ground, line, or between both."""
    ground, line = rgb(GROUND["claire"]), rgb(HATCH["claire"])
    return all(
        low - NEAR <= one <= high + NEAR for one, low, high in zip(pixel, line, ground, strict=True)
    )


def shown_as(pixel: list[int], number: int) -> bool:
    if not number:
        return hatched(pixel)
    return close(pixel, SCALES["claire"]["heat"][number - 1])


def masked(pixel: list[int]) -> bool:
    return any(close(pixel, water, 3) for water in WATER)


def test_the_land_of_every_region_is_shown_at_every_zoom(france: Page, land: Land) -> None:
    """All 18, overseas too: as outlines each in its own colour; from afar never as water."""
    found = columns(france)
    classes = dict(zip(found["codes"].split(","), found["classes"], strict=True))
    wrong: list[tuple[Any, ...]] = []
    seen = 0
    for region, middle in land.regions.items():
        if not LONG and region not in REGIONS:
            continue
        communes = chosen(land, region, classes)
        for zoom in ZOOMS:
            asked = [one for one in communes if one[2].holds(zoom)]
            places = [middle.at, *(one.at for _, _, one in asked)]
            first, *pixels = france.evaluate(LOOK, [middle.at, zoom, places])
            if masked(first):
                wrong.append((region, zoom, "", None, first))
            for (code, number, _), pixel in zip(asked, pixels, strict=True):
                if pixel is not None:
                    seen += 1
                    exact = zoom >= OUTLINES_FROM
                    if masked(pixel) or (exact and not shown_as(pixel, number)):
                        wrong.append((region, zoom, code, number, pixel))
    assert wrong == []
    assert len(land.regions) == 18
    assert seen > (1000 if LONG else 100)


def test_from_afar_most_pixels_are_of_their_own_class(france: Page, land: Land) -> None:
    """Pixels of 1,200 m, several to one of the screen: those of large communes are unmixed."""
    found = columns(france)
    classes = dict(zip(found["codes"].split(","), found["classes"], strict=True))
    right = seen = 0
    for region, middle in land.regions.items():
        if not LONG and region not in REGIONS:
            continue
        asked = [one for one in chosen(land, region, classes) if one[2].holds(5)]
        pixels = france.evaluate(LOOK, [middle.at, 5, [one.at for _, _, one in asked]])
        for (_, number, _), pixel in zip(asked, pixels, strict=True):
            if pixel is not None:
                seen += 1
                right += shown_as(pixel, number)
    assert seen > 30
    assert right > 0.9 * seen


def test_open_sea_is_water(france: Page) -> None:
    for zoom in (4, 6, 8):
        for place in SEA:
            (pixel,) = france.evaluate(LOOK, [place, zoom, [place]])
            assert masked(pixel), (place, zoom, pixel)


def test_a_month_has_the_colours_of_all_months(france: Page, land: Land) -> None:
    """The slider goes back: the key stays, and each commune has the class of its count then."""
    key = france.locator("#cartes figure").nth(1).locator(".scale").inner_text()
    slider = france.locator("#curseur input")
    first = "range.value = Math.round((+range.min + +range.max) / 2)"
    slider.evaluate(f"(range) => {{ {first}; range.dispatchEvent(new Event('input')); }}")
    france.wait_for_selector("#curseur[data-shown^='2']", timeout=PATIENCE)
    until = france.locator("#curseur").get_attribute("data-shown")
    assert until
    whole, then = columns(france), columns(france, until)
    assert then["breaks"] == whole["breaks"]
    assert sum(then["values"]) < sum(whole["values"])
    assert france.locator("#cartes figure").nth(1).locator(".scale").inner_text() == key
    same = dict(zip(whole["values"], whole["classes"], strict=True))
    assert all(same.get(value, number) == number for value, number in
               zip(then["values"], then["classes"], strict=True))  # fmt: skip
    classes = dict(zip(then["codes"].split(","), then["classes"], strict=True))
    wrong = []
    for region in ("53", "11", "76", "04"):
        asked = [one for one in chosen(land, region, classes) if one[2].holds(7)]
        places = [one.at for _, _, one in asked]
        pixels = france.evaluate(LOOK, [land.regions[region].at, 7, places])
        for (code, number, _), pixel in zip(asked, pixels, strict=True):
            if pixel is not None and not shown_as(pixel, number):
                wrong.append((region, code, number, pixel))
    assert wrong == []
