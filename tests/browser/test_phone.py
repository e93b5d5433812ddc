"""The phone: a bar below, a sheet over the map with three stops, and the first result in view."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_accessibility import AXE, violations

pytestmark = pytest.mark.long

WIDTH, HEIGHT, BAR = 390, 844, 56
PATIENCE = 60_000
FINGER = 44
# Pages of every kind: a map, a list, a text, a form.
PAGES = ["/", "/initiatives", "/methode", "/autour-de-moi", "/proposer", "/connexion", "/aide"]
# Links within a line of text are as high as their line (WCAG 2.5.8, inline).
SMALL = """(least) => [...document.querySelectorAll("a, button, [role=slider], summary, input")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => !one.closest(".visually-hidden, .door-trap"))
  .filter((one) => !one.closest("p, dd, .prose, .card, .breadcrumb, .map, .skip, .name-list"))
  .map((one) => [one.className || one.textContent.trim(), one.getBoundingClientRect()])
  .filter(([, box]) => box.height > 1 && box.height < least - 0.5)
  .map(([name, box]) => `${name}: ${box.height}`)"""
END_IS_SEEN = """(least) => {
  window.scrollTo(0, document.documentElement.scrollHeight);
  return document.querySelector(".colophon").getBoundingClientRect().bottom <= least;
}"""
SHIFT = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) sum += one.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 300);
})"""

CARD_IS_SEEN = """() => {
  const [card, map, close] = [".maplibregl-popup", "#map", ".maplibregl-popup-close-button"]
    .map((one) => document.querySelector(one).getBoundingClientRect());
  const at = document.elementFromPoint(close.x + close.width / 2, close.y + close.height / 2);
  return {
    whole: card.left >= map.left && card.right <= map.right && card.top >= map.top,
    closes: at.matches(".maplibregl-popup-close-button"),
  };
}"""


@pytest.fixture
def phone(browser: Browser, live_server: str) -> Any:
    context = browser.new_context(
        locale="fr-FR",
        viewport={"width": WIDTH, "height": HEIGHT},
        base_url=live_server,
        reduced_motion="reduce",
        has_touch=True,
    )
    yield context.new_page()
    context.close()


def open_home(phone: Page) -> None:
    phone.goto("/")
    phone.wait_for_selector("#map[data-state=ready]", timeout=PATIENCE)


def stop_of(phone: Page) -> str:
    return str(phone.locator(".sheet-handle").get_attribute("aria-valuetext"))


def panel_top(phone: Page) -> float:
    return float(phone.locator(".atlas-panel").evaluate("one => one.getBoundingClientRect().top"))


def test_the_first_result_is_in_the_first_screen(phone: Page) -> None:
    open_home(phone)
    title = phone.locator("#results .card-title").first.bounding_box()
    assert title is not None
    assert title["y"] + title["height"] < HEIGHT - BAR
    assert phone.evaluate(SHIFT) < 0.05


@pytest.mark.parametrize("path", PAGES)
def test_the_bar_stands_below_every_page_and_hides_nothing(phone: Page, path: str) -> None:
    phone.goto(path)
    bar = phone.locator(".nav").bounding_box()
    assert bar is not None
    assert (round(bar["y"] + bar["height"]), round(bar["width"])) == (HEIGHT, WIDTH)
    # While a page grows, a browser may take a scroll back: whoever scrolls again gets to its end.
    phone.wait_for_function(END_IS_SEEN, arg=HEIGHT - BAR + 1, timeout=PATIENCE)
    assert phone.evaluate("document.documentElement.scrollWidth") <= WIDTH


@pytest.mark.parametrize("path", PAGES)
def test_what_fingers_touch_is_44_pixels_high(phone: Page, path: str) -> None:
    phone.goto(path)
    assert phone.evaluate(SMALL, FINGER) == []


def test_a_wide_window_has_its_menu_above_and_no_sheet(page: Page, live_server: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 844})
    page.goto(live_server)
    bar = page.locator(".nav").bounding_box()
    assert bar is not None
    assert bar["y"] + bar["height"] < 100
    for name in (".sheet-handle", ".sheet-toggle", ".nav-thumb", ".nav-icon"):
        expect(page.locator(name).first).to_be_hidden()


def test_one_button_toggles_map_and_list(phone: Page) -> None:
    open_home(phone)
    toggle = phone.locator(".sheet-toggle")
    expect(toggle).to_have_text("Liste", use_inner_text=True)
    toggle.click()
    expect(toggle).to_have_text("Carte", use_inner_text=True)
    assert stop_of(phone) == "liste entière"
    expect(phone.locator("#map")).to_be_hidden()
    assert panel_top(phone) < 150
    toggle.click()
    expect(toggle).to_have_text("Liste", use_inner_text=True)
    assert stop_of(phone) == "carte entière"
    assert panel_top(phone) > HEIGHT - BAR - 170
    expect(phone.locator("h1")).to_be_in_viewport()


def test_the_sheet_goes_by_keys(phone: Page) -> None:
    open_home(phone)
    handle = phone.get_by_role("slider", name="Hauteur de la liste")
    handle.focus()
    seen = []
    for key in ("ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown", "ArrowDown", "End", "Home"):
        phone.keyboard.press(key)
        seen.append(int(handle.get_attribute("aria-valuenow") or -1))
    assert seen == [2, 2, 1, 0, 0, 2, 0]


@pytest.mark.parametrize(
    ("by", "stop"), [(-350, "liste entière"), (330, "carte entière"), (40, "carte et liste")]
)
def test_the_sheet_is_dragged_to_the_nearest_stop(phone: Page, by: int, stop: str) -> None:
    open_home(phone)
    box = phone.locator(".sheet-handle").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    phone.mouse.move(x, y)
    phone.mouse.down()
    phone.mouse.move(x, y + by / 2, steps=4)
    phone.mouse.move(x, y + by, steps=4)
    phone.mouse.up()
    assert stop_of(phone) == stop
    assert phone.locator(".atlas-panel").evaluate("one => one.style.transform") == ""


def test_the_map_takes_the_room_that_it_is_given(phone: Page) -> None:
    open_home(phone)
    before = phone.locator("#map canvas").bounding_box()
    phone.locator(".sheet-handle").focus()
    phone.keyboard.press("Home")
    phone.wait_for_function(
        "(least) => document.querySelector('#map canvas').clientHeight > least",
        arg=(before or {"height": 0})["height"] + 150,
    )
    phone.keyboard.press("ArrowUp")
    phone.wait_for_function(
        "(high) => document.querySelector('#map canvas').clientHeight === high",
        arg=round((before or {"height": 0})["height"]),
    )


def test_a_card_of_the_map_is_seen_whole_and_can_be_closed(phone: Page) -> None:
    phone.goto("/#7.5/47.6/-1.6")
    phone.wait_for_selector("#map[data-state=ready]", timeout=PATIENCE)
    canvas = phone.locator(".maplibregl-canvas")
    seen = 0
    for step in range(1, 7):
        canvas.focus()
        for _ in range(step):
            phone.keyboard.press("n")
        phone.keyboard.press("Enter")
        # A cluster comes nearer instead.
        phone.wait_for_timeout(600)
        if not phone.locator(".maplibregl-popup").count():
            continue
        seen += 1
        shown = phone.evaluate(CARD_IS_SEEN)
        assert shown == {"whole": True, "closes": True}
        phone.locator(".maplibregl-popup-close-button").click()
        expect(phone.locator(".maplibregl-popup")).to_have_count(0)
    assert seen


@pytest.mark.parametrize("key", ["Home", "ArrowUp"])
def test_no_rule_is_broken_at_the_other_stops(phone: Page, key: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    open_home(phone)
    phone.locator(".sheet-handle").focus()
    phone.keyboard.press(key)
    assert violations(phone) == []


def test_without_a_script_the_list_stands_below_the_map(plain_page: Page, live_server: str) -> None:
    plain_page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    plain_page.goto(live_server)
    for name in (".sheet-handle", ".sheet-toggle"):
        expect(plain_page.locator(name)).to_be_hidden()
    expect(plain_page.locator(".map-drawing img")).to_be_visible()
    expect(plain_page.locator(".nav a[href='/']")).to_be_visible()
    title = plain_page.locator("#results .card-title").first.bounding_box()
    assert title is not None
    assert title["y"] > 300
