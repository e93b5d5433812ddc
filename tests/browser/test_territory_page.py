"""The page of a territory in a real browser: map, figures on it, and all of it without scripts."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.long

READY = "#map[data-state=ready]"
PATIENCE = 30_000  # ms: the map is drawn in software here
PATHS = ["/territoires", "/territoires/region/53", "/territoires/commune/35238"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("width", [390, 1280])
def test_the_map_draws_without_complaint_and_nothing_overflows(
    page: Page, live_server: str, complaints: list[str], path: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 820})
    page.goto(live_server + path)
    page.wait_for_selector(READY, timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []


def test_nothing_shifts_while_the_map_comes(page: Page, live_server: str) -> None:
    page.add_init_script(
        """window.shifted = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) window.shifted += entry.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    page.goto(f"{live_server}/territoires/departement/35")
    page.wait_for_selector(READY, timeout=PATIENCE)
    assert page.evaluate("window.shifted") < 0.05


def test_a_shaded_commune_tells_its_figures_and_leads_to_its_page(
    page: Page, live_server: str, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1280, "height": 860})
    page.goto(f"{live_server}/territoires/departement/48")
    page.wait_for_selector(READY, timeout=PATIENCE)
    box = page.locator("#map canvas").bounding_box()
    assert box is not None
    # Some way off the middle of the Lozère, where no initiative of the sample stands.
    page.mouse.click(box["x"] + box["width"] * 0.42, box["y"] + box["height"] * 0.4)
    card = page.locator("#map .map-card")
    expect(card).to_contain_text(re.compile("initiative"))
    card.get_by_role("link").click()
    expect(page.locator(".breadcrumb")).to_contain_text("Lozère")
    assert re.search(r"/territoires/commune/48\d{3}$", page.url)
    assert complaints == []


@pytest.mark.parametrize(
    ("path", "plate", "below"),
    [
        ("/territoires/region/53", ".territory-plate", "#membres"),
        ("/initiatives?territory=commune:35238", ".detail .plate", ".nearby"),
    ],
)
def test_the_map_stays_above_what_stands_below_it(
    page: Page, live_server: str, path: str, plate: str, below: str
) -> None:
    page.goto(live_server + path)
    if path.startswith("/initiatives"):
        page.locator(".card-title a").first.click()
    page.locator(below).scroll_into_view_if_needed()
    page.mouse.wheel(0, 600)
    edges = f"""() => document.querySelector("{plate}").getBoundingClientRect().bottom
        <= document.querySelector("{below}").getBoundingClientRect().top"""
    page.wait_for_function("scrollY > 300")
    assert page.evaluate(edges)


def test_without_scripts_the_page_is_whole(plain_page: Page, live_server: str) -> None:
    plain_page.goto(f"{live_server}/territoires")
    plain_page.get_by_role("link", name="Bretagne").first.click()
    plain_page.get_by_role("link", name="Pour 10 000 hab.").click()
    expect(plain_page.locator("[aria-sort=descending]")).to_contain_text("Pour 10")
    plain_page.locator(".territory-table").get_by_role("link", name="Ille-et-Vilaine").click()
    expect(plain_page.locator("h1")).to_have_text("Ille-et-Vilaine")
    plain_page.get_by_role("link", name="Voir la liste").click()
    expect(plain_page.locator(".chip-chosen")).to_contain_text("Ille-et-Vilaine")
    plain_page.get_by_role("link", name="Page du territoire").click()
    expect(plain_page.locator("h1")).to_have_text("Ille-et-Vilaine")


def test_a_former_commune_leads_to_that_of_today(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/territoires/commune/93059")
    assert page.url.endswith("/territoires/commune/93066?depuis=93059")
    expect(page.locator("[data-notice=origin]")).to_contain_text("Pierrefitte-sur-Seine")


def test_an_initiative_links_to_its_territories(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/initiatives?territory=commune:35238")
    page.locator(".card-title a").first.click()
    page.locator(".facts").get_by_role("link", name="Rennes", exact=True).click()
    expect(page.locator("h1")).to_have_text("Rennes")
