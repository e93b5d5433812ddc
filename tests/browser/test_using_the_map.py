"""The map by pointer and by keyboard: clusters part, cards hold the focus, nothing hides France."""

import json
import re
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, Request, expect
from shapely.geometry import Point, shape

pytestmark = pytest.mark.long

READY = "#map[data-state=ready]"
PATIENCE = 60_000  # ms: the map is drawn in software here
MAP = 'document.getElementById("map").map'
LARGEST = f"""() => {{
  const map = {MAP};
  const box = map.getCanvas().getBoundingClientRect();
  const inside = ({{ x, y }}) => x > 20 && y > 20 && x < box.width - 80 && y < box.height - 20;
  const place = ({{ properties: {{ count }}, geometry: {{ coordinates }} }}) =>
    ({{ count, ...map.project(coordinates) }});
  const found = map.queryRenderedFeatures({{ layers: ["clusters"] }}).map(place)
    .filter(inside).sort((one, other) => other.count - one.count)[0];
  return found && {{ count: found.count, x: found.x + box.x, y: found.y + box.y }};
}}"""
LARGEST_COUNT = f"""() => Math.max(0, ...{MAP}.queryRenderedFeatures({{ layers: ["clusters"] }})
  .map(({{ properties }}) => properties.count))"""


def open_map(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(READY, timeout=PATIENCE)


def wait_until(page: Page, expression: str) -> None:
    """Our content policy forbids the evaluation of strings that `wait_for_function` would poll."""
    for _ in range(PATIENCE // 100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never true: {expression}")


def rest(page: Page) -> None:
    """Until the map has come to rest with all its tiles."""
    wait_until(page, f"!{MAP}.isMoving() && {MAP}.loaded() && {MAP}.areTilesLoaded()")


def test_a_cluster_parts_when_it_is_clicked(page: Page, live_server: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 820})
    open_map(page, live_server)
    for _ in range(8):
        before: dict[str, Any] | None = page.evaluate(LARGEST)
        if before is None:
            break
        zoom = page.evaluate(f"{MAP}.getZoom()")
        page.mouse.click(before["x"], before["y"])
        wait_until(page, f"{MAP}.getZoom() > {zoom} || document.querySelector('.maplibregl-popup')")
        if page.locator(".maplibregl-popup").count():
            break
        rest(page)
        # One that was opened is no longer there as one.
        wait_until(page, f"({LARGEST_COUNT})() < {before['count']}")
    else:
        pytest.fail("clusters never end")


def test_what_stands_at_one_place_is_listed(page: Page, live_server: str) -> None:
    """A cluster of two tiles' depth whose members share one position."""
    members = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [2.35, 48.85]},
            "properties": {"id": f"00000000-0000-4000-8000-00000000000{n}", "title": f"Projet {n}",
                           "theme": "culture", "precision": "point", "count": 1},
        }
        for n in range(3)
    ]  # fmt: skip
    answer = json.dumps({"type": "FeatureCollection", "features": members})
    page.route(
        re.compile(r"/tiles/initiatives/\d+/\d+/\d+\.geojson"),
        lambda route: route.fulfill(body=answer, content_type="application/geo+json"),
    )
    open_map(page, live_server)
    found = page.evaluate(LARGEST)
    page.mouse.click(found["x"], found["y"])
    expect(page.locator(".maplibregl-popup .map-list li")).to_have_count(3)


def test_the_keyboard_walks_opens_and_closes(page: Page, live_server: str) -> None:
    feature = page.request.get(f"{live_server}/initiatives.geojson?precision=point&limit=1").json()
    lon, lat = feature["features"][0]["geometry"]["coordinates"]
    open_map(page, f"{live_server}/#17/{lat}/{lon}")
    canvas = page.locator("#map canvas")
    canvas.focus()
    expect(page.locator(".map-keys")).to_be_attached()
    page.keyboard.press("n")
    expect(page.locator("#map > .visually-hidden[role=status]")).to_contain_text(" sur ")
    page.keyboard.press("Enter")
    card = page.locator(".maplibregl-popup")
    expect(card).to_be_visible()
    assert card.evaluate("card => card.contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    assert canvas.evaluate("canvas => document.activeElement === canvas")


def test_the_search_comes_before_the_map(page: Page, live_server: str) -> None:
    open_map(page, live_server)
    order = page.evaluate(
        """() => {
          const follows = (one, other) =>
            Boolean(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
          return follows(document.getElementById("q"), document.querySelector("#map canvas"));
        }"""
    )
    assert order is True


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
def test_nothing_of_ours_lies_on_the_map(page: Page, live_server: str, width: int) -> None:
    """Brest, Hendaye, Perpignan and Bonifacio: no key and no strip hides them."""
    page.set_viewport_size({"width": width, "height": 844})
    open_map(page, live_server)
    corners = [[-4.49, 48.39], [-1.77, 43.36], [2.9, 42.7], [9.16, 41.39]]
    hit = page.evaluate(
        f"""(corners) => corners.map((corner) => {{
          const {{ x, y }} = {MAP}.project(corner);
          const box = {MAP}.getCanvas().getBoundingClientRect();
          const found = document.elementFromPoint(x + box.x, y + box.y);
          return Boolean(found?.closest("#map")) && !found.closest(".legend, .far, .map-foot");
        }})""",
        corners,
    )
    assert hit == [True] * 4


def test_the_device_is_asked_on_a_click_and_its_place_rounded(page: Page, live_server: str) -> None:
    context = page.context
    context.grant_permissions(["geolocation"])
    context.set_geolocation({"latitude": 48.117_344, "longitude": -1.677_891})
    open_map(page, live_server)
    page.locator(".map-locate").click()
    page.wait_for_url(re.compile(r"#13\.00/48\.1170/-1\.6780$"), timeout=PATIENCE)


def test_a_view_pasted_into_the_address_is_gone_to(page: Page, live_server: str) -> None:
    open_map(page, f"{live_server}/?theme=culture")
    page.evaluate("location.hash = '#9/45.76/4.84'")
    wait_until(page, f"Math.abs({MAP}.getZoom() - 9) < 0.01")
    assert "theme=culture" in page.url


def test_the_list_of_a_view_in_the_address_waits_for_no_map(page: Page, live_server: str) -> None:
    """The list of all of France would stand beside it for as long as the map takes."""
    boxes: list[list[float]] = []

    def note(request: Request) -> None:
        if found := re.search(r"[?&]bbox=([^&]+)", unquote(request.url)):
            boxes.append([float(one) for one in found[1].split(",")])

    page.on("request", note)
    with page.expect_request(re.compile(r"/initiatives\?.*bbox=")):
        page.route("**/vendor/maplibre-gl/*.mjs", lambda route: route.abort())
        page.goto(f"{live_server}/#9/48.11/-1.68")
    expect(page.locator("#results .results-scope")).to_be_visible()
    page.unroute("**/vendor/maplibre-gl/*.mjs")

    # It is the box that the map itself then shows.
    page.reload()
    page.wait_for_selector(READY, timeout=PATIENCE)
    shown = page.evaluate(f"{MAP}.getBounds().toArray().flat()")
    width = shown[2] - shown[0]
    assert boxes[0] == pytest.approx(shown, abs=width / 50)


def test_a_card_of_a_commune_lights_its_outline_and_no_spot(page: Page, live_server: str) -> None:
    address = f"{live_server}/initiatives.geojson?precision=commune&limit=1"
    commune = page.request.get(address).json()["features"][0]["properties"]["commune"]
    open_map(page, f"{live_server}/?territory=commune:{commune}&precision=commune")
    page.locator(".card").first.hover()
    state = page.evaluate(
        f"""(id) => {MAP}.getFeatureState(
          {{ source: "territories", sourceLayer: "communes", id }})""",
        commune,
    )
    assert state.get("lit") is True


def test_in_street_context_a_commune_is_said_in_words(page: Page, live_server: str) -> None:
    address = f"{live_server}/initiatives.geojson?precision=commune&limit=1"
    one = page.request.get(address).json()["features"][0]["properties"]
    open_map(page, f"{live_server}/?territory=commune:{one['commune']}&precision=commune")
    anchor = page.locator(".card").first.evaluate("card => [card.dataset.lon, card.dataset.lat]")
    page.evaluate(f"{MAP}.jumpTo({{ center: {json.dumps(anchor)}.map(Number), zoom: 15 }})")
    rest(page)
    wait_until(page, f"{MAP}.queryRenderedFeatures({{ layers: ['stacks'] }}).length > 0")
    shown = page.evaluate(
        f"""() => {{
          const {{ properties, layer }} = {MAP}.queryRenderedFeatures({{ layers: ["stacks"] }})[0];
          const icons = {MAP}.queryRenderedFeatures({{ layers: ["singles"] }})
            .filter(({{ properties: {{ precision }} }}) => precision !== "point");
          return [properties.told, icons.length];
        }}"""
    )
    name, words = shown[0].split("\n")
    assert "quelque part dans la commune" in words
    assert name in (page.locator(".card .card-place").first.text_content() or "")
    assert shown[1] == 0
    expect(page.locator(".legend")).to_contain_text("contour simplifié")
    # On the map where that is hidden: a phone has its legend behind a button.
    expect(page.locator(".map-place")).not_to_contain_text("contours simplifiés")
    page.set_viewport_size({"width": 390, "height": 844})
    rest(page)
    expect(page.locator(".legend-note")).to_be_hidden()
    expect(page.locator(".map-place")).to_contain_text("contours simplifiés")


WORDS_BOX = f"""() => {{
  const map = {MAP}, [words] = map.queryRenderedFeatures({{ layers: ["stacks"] }});
  if (!words) return [];
  const {{ x, y }} = map.project(words.geometry.coordinates);
  return [[-70, -16], [70, -16], [-70, 16], [70, 16]]
    .map(([right, down]) => map.unproject([x + right, y + down]).toArray());
}}"""


@pytest.mark.parametrize("code", ["13056", "77337"])
def test_words_for_a_commune_stand_on_its_ground(page: Page, live_server: str, code: str) -> None:
    """The town halls of these stand at their borders: half of the words spoke of a neighbour."""
    page.set_viewport_size({"width": 1280, "height": 820})
    place = page.request.get(f"{live_server}/ogc/collections/communes/items/{code}").json()
    ground = shape(place["geometry"]).buffer(0.0005)  # tiles hold it simplified
    open_map(page, f"{live_server}/?territory=commune:{code}&precision=commune")
    anchor = page.locator(".card").first.evaluate("card => [card.dataset.lon, card.dataset.lat]")
    page.evaluate(f"{MAP}.jumpTo({{ center: {json.dumps(anchor)}.map(Number), zoom: 15 }})")
    corners: list[list[float]] = []
    for _ in range(PATIENCE // 100):
        corners = page.evaluate(WORDS_BOX)
        if corners and all(ground.contains(Point(at)) for at in corners):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"words stand beside {place['properties']['name']}: {corners}")


def test_words_for_a_commune_keep_clear_of_dots(page: Page, live_server: str) -> None:
    """A dot is put where the words would stand: they step aside, and stay."""
    address = f"{live_server}/initiatives.geojson?precision=commune&limit=1"
    one = page.request.get(address).json()["features"][0]["properties"]
    open_map(page, f"{live_server}/?territory=commune:{one['commune']}&precision=commune")
    anchor = page.locator(".card").first.evaluate("card => [card.dataset.lon, card.dataset.lat]")
    page.evaluate(f"{MAP}.jumpTo({{ center: {json.dumps(anchor)}.map(Number), zoom: 15 }})")
    rest(page)
    at = f"{json.dumps(anchor)}.map(Number)"
    there = f"{MAP}.queryRenderedFeatures({MAP}.project({at}), {{ layers: ['stacks'] }}).length"
    wait_until(page, f"{there} > 0")
    page.evaluate(
        f"""() => {{
          const map = {MAP}, width = 30, height = 30;
          map.addImage("a-dot", {{ width, height, data: new Uint8Array(4 * width * height) }});
          const data = {{ type: "Point", coordinates: {at} }};
          map.addSource("dots", {{ type: "geojson", data }});
          const layout = {{ "icon-image": "a-dot", "icon-allow-overlap": true }};
          map.addLayer({{ id: "dots", type: "symbol", source: "dots", layout }}, "singles");
        }}"""
    )
    wait_until(page, f"{there} === 0")
    assert page.evaluate(f"{MAP}.queryRenderedFeatures({{ layers: ['stacks'] }}).length") > 0


RINGS = f"""() => {{
  const map = {MAP}, at = (one) => map.project(one.geometry.coordinates);
  const rendered = (layer) => map.queryRenderedFeatures({{ layers: [layer] }});
  const dots = rendered("singles").filter((one) => one.properties.precision === "point").map(at);
  const rooms = (ring) => dots.map((dot) => Math.hypot(dot.x - ring.x, dot.y - ring.y));
  return {{
    rings: rendered("stacks").map((one) =>
      [one.properties.territory, one.properties.count, Math.min(1000, ...rooms(at(one)))]),
    soft: rendered("singles").filter((one) => one.properties.precision === "commune")
      .map((one) => one.properties.territory),
  }};
}}"""


@pytest.mark.parametrize(
    ("view", "commune"), [("11/49.494/0.108", "76351"), ("11/48.1/-1.675", "35238")]
)
def test_a_ring_tells_how_many_a_commune_holds_and_covers_no_dot(
    page: Page, live_server: str, view: str, commune: str
) -> None:
    """Two of the sample each; a true point of Rennes lies 10 px beside the commune's spot."""
    open_map(page, f"{live_server}/#{view}")
    rest(page)
    found = page.evaluate(RINGS)
    (ring,) = [one for one in found["rings"] if one[0] == commune]
    assert ring[1] == 2
    assert ring[2] >= 34
    # By itself each would lie on the ring, and its icon where the number stands.
    assert commune not in found["soft"]
