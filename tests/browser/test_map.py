"""The citizens' map in a real browser: it draws, filters, opens an initiative, and stays honest."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.long

READY = "#map[data-state=ready]"
PATIENCE = 30_000  # ms: the map is drawn in software here


def open_map(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(READY, timeout=PATIENCE)


def first_feature(page: Page, live_server: str, precision: str) -> dict[str, Any]:
    answer = page.request.get(f"{live_server}/initiatives.geojson?precision={precision}&limit=1")
    feature: dict[str, Any] = answer.json()["features"][0]
    return feature


def click_centre(page: Page) -> None:
    box = page.locator("#map canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_map_draws_without_complaint_or_outside_request(
    page: Page, live_server: str, complaints: list[str], strangers: list[str], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 820})
    open_map(page, live_server)
    assert page.locator("#map canvas").count() == 1
    assert complaints == []
    assert strangers == []


def test_nothing_shifts_while_the_map_comes(page: Page, live_server: str) -> None:
    page.add_init_script(
        """window.shifted = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) window.shifted += entry.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    open_map(page, live_server)
    assert page.evaluate("window.shifted") < 0.05


def test_a_theme_narrows_the_list_and_the_address_without_a_reload(
    page: Page, live_server: str
) -> None:
    open_map(page, live_server)
    page.evaluate("window.stayed = true")
    page.locator("[data-key=culture]").click()
    expect(page.locator("[data-key=culture]")).to_have_attribute("aria-current", "true")
    assert page.url.endswith("/?theme=culture")
    themes = page.locator("#results .card").evaluate_all("cards => cards.map(c => c.dataset.theme)")
    assert set(themes) == {"culture"}
    assert page.evaluate("window.stayed") is True
    page.go_back()
    expect(page.locator("[data-key=culture]")).not_to_have_attribute("aria-current", "true")


def test_the_keyboard_chooses_a_suggested_commune(page: Page, live_server: str) -> None:
    open_map(page, live_server)
    page.locator("#q").press_sequentially("Rennes")
    expect(page.locator("#suggestion-0")).to_contain_text("Ille-et-Vilaine")
    expect(page.locator("#q")).to_have_attribute("aria-expanded", "true")
    page.locator("#q").press("ArrowDown")
    expect(page.locator("#q")).to_have_attribute("aria-activedescendant", "suggestion-0")
    page.locator("#q").press("Enter")
    expect(page.locator(".chip-chosen")).to_contain_text("Rennes")
    assert "territory=commune:35238" in page.url


def test_moving_the_map_asks_for_the_list_of_what_is_in_view(page: Page, live_server: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    open_map(page, live_server)
    with page.expect_response(lambda answer: "/initiatives?bbox=" in answer.url) as caught:
        page.mouse.move(900, 400)
        page.mouse.down()
        page.mouse.move(700, 300, steps=4)
        page.mouse.up()
    assert caught.value.ok
    expect(page.locator("#results-title")).to_contain_text("dans le cadre de la carte")
    assert re.search(r"#[\d.]+/-?[\d.]+/-?[\d.]+$", page.url)


def test_a_wheel_narrows_the_list_too(page: Page, live_server: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    open_map(page, live_server)
    with page.expect_response(lambda answer: "/initiatives?bbox=" in answer.url):
        page.mouse.move(680, 343)
        page.mouse.wheel(0, -120)
    expect(page.locator("#results-title")).to_contain_text("dans le cadre de la carte")
    assert re.search(r"#[\d.]+/-?[\d.]+/-?[\d.]+$", page.url)


def test_a_dot_opens_its_card_and_the_card_opens_the_page(page: Page, live_server: str) -> None:
    feature = first_feature(page, live_server, "point")
    lon, lat = feature["geometry"]["coordinates"]
    open_map(page, f"{live_server}/#17/{lat}/{lon}")
    click_centre(page)
    link = page.locator(f"#map a[href='/initiatives/{feature['id']}']").first
    expect(link).to_be_visible()
    link.click()
    expect(page.locator("h1")).to_have_text(feature["properties"]["title"])


def test_a_point_is_shown_as_one(page: Page, live_server: str, complaints: list[str]) -> None:
    feature = first_feature(page, live_server, "point")
    open_map(page, f"{live_server}/initiatives/{feature['id']}")
    config = page.evaluate("JSON.parse(document.getElementById('map-config').textContent)")
    assert config["point"] == pytest.approx(feature["geometry"]["coordinates"], abs=1e-5)
    assert complaints == []


def test_a_commune_is_tinted_and_never_gets_a_pin(
    page: Page, live_server: str, complaints: list[str]
) -> None:
    feature = first_feature(page, live_server, "commune")
    assert feature["properties"]["precision"] == "commune"
    open_map(page, f"{live_server}/initiatives/{feature['id']}")
    config = page.evaluate("JSON.parse(document.getElementById('map-config').textContent)")
    assert config["point"] is None
    assert config["territory"] == {"level": "commune", "code": feature["properties"]["commune"]}
    expect(page.locator(".plate-note")).to_contain_text("sans faux point")
    assert complaints == []


def test_the_card_under_the_pointer_is_lit_on_the_map(page: Page, live_server: str) -> None:
    feature = first_feature(page, live_server, "point")
    lon, lat = feature["geometry"]["coordinates"]
    open_map(page, f"{live_server}/#17/{lat}/{lon}")
    box = page.locator("#map canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    expect(page.locator(f".card[data-id='{feature['id']}']")).to_have_class(
        re.compile("is-hovered")
    )


def test_a_phone_offers_the_way_back_to_the_map(page: Page, live_server: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_map(page, live_server)
    expect(page.locator(".to-map")).to_be_hidden()
    page.evaluate("window.scrollTo(0, 1200)")
    page.locator(".to-map").click()
    expect(page.locator(".to-map")).to_be_hidden()
    expect(page.locator("#map")).to_be_in_viewport()


def test_without_webgl_the_list_stays_and_the_map_says_so(page: Page, live_server: str) -> None:
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null;")
    page.goto(live_server)
    expect(page.locator("#map-wait")).to_contain_text("ne peut pas s’afficher", timeout=PATIENCE)
    assert page.locator("#results .card").count() > 0
