"""Near me in a browser: by words, by the device, by a click on the map; without a script too."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.long

HERE = re.compile(r"near=(-?[\d.]+),(-?[\d.]+)")


def position(page: Page) -> tuple[float, float]:
    found = HERE.search(page.url)
    assert found, page.url
    return float(found[1]), float(found[2])


def test_without_a_script_a_commune_typed_shows_its_initiatives(
    plain_page: Page, live_server: str
) -> None:
    plain_page.goto(f"{live_server}/autour-de-moi")
    expect(plain_page.locator("#locate")).to_be_hidden()
    plain_page.locator("#lieu").fill("35000 Rennes")
    plain_page.locator("#lieu").press("Enter")
    lon, lat = position(plain_page)
    assert (lon, lat) == pytest.approx((-1.68, 48.11), abs=0.05)
    expect(plain_page.locator("h1")).to_contain_text("Rennes")
    plain_page.locator(".radii a", has_text="20").click()
    cards = plain_page.locator("#results .card")
    assert cards.count() > 0
    expect(plain_page.locator(".map-drawing img")).to_be_visible()


def test_a_suggestion_leads_to_its_circle(
    page: Page, live_server: str, complaints: list[str], strangers: list[str]
) -> None:
    page.goto(f"{live_server}/autour-de-moi")
    page.locator("#lieu").press_sequentially("Plouha")
    expect(page.get_by_role("option").first).to_contain_text("Plouha")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(HERE)
    assert position(page) == pytest.approx((-2.93, 48.68), abs=0.05)
    assert (complaints, strangers) == ([], [])


def test_the_device_is_asked_on_a_click_alone(browser: Browser, live_server: str) -> None:
    context = browser.new_context(
        locale="fr-FR",
        permissions=["geolocation"],
        geolocation={"longitude": -1.6794321, "latitude": 48.1147654},
    )
    page = context.new_page()
    page.goto(f"{live_server}/autour-de-moi?theme=culture")
    page.locator("#locate").click()
    page.wait_for_url(HERE)
    assert position(page) == (-1.679, 48.115)
    assert "theme=culture" in page.url
    assert context.storage_state()["origins"] == []
    context.close()


def test_a_device_that_refuses_is_told_of_the_other_ways(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/autour-de-moi")
    page.locator("#locate").click()
    expect(page.locator("#locate-note")).to_contain_text("Écrivez une commune")


def test_a_click_on_the_map_chooses_the_place(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/autour-de-moi?near=-3.2,48.2&radius=2000")
    expect(page.locator("#map")).to_have_attribute("data-state", "ready", timeout=60_000)
    box = page.locator("#map canvas").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.6)
    page.wait_for_url(lambda url: "near=-3.2,48.2" not in url)
    lon, lat = position(page)
    assert (lon, lat) == pytest.approx((-3.2, 48.2), abs=0.05)
    assert lon < -3.2
    assert lat < 48.2


def test_the_drawing_keeps_the_place_of_the_map(page: Page, live_server: str) -> None:
    """What is there before the live map has its very size, so that nothing moves."""
    page.goto(f"{live_server}/autour-de-moi?near=-1.68,48.11")
    drawing = page.locator(".map-drawing img").bounding_box()
    expect(page.locator("#map")).to_have_attribute("data-state", "ready", timeout=60_000)
    assert drawing is not None
    assert page.locator("#map").evaluate("box => box.clientWidth") == round(drawing["width"])
    expect(page.locator(".map-drawing img")).to_be_hidden()
