"""The search box in a browser: a plain form, and a combobox whose options are its answer."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.long


@pytest.mark.parametrize("path", ["/", "/initiatives", "/recherche"])
@pytest.mark.parametrize(
    ("words", "address"),
    [
        ("Rennes", "/territoires/commune/35238"),
        ("75011", "/territoires/commune/75056"),
        ("Bretagne", "/territoires/region/53"),
    ],
)
def test_without_a_script_a_place_is_gone_to(
    plain_page: Page, live_server: str, path: str, words: str, address: str
) -> None:
    plain_page.goto(live_server + path)
    plain_page.locator("#q").fill(words)
    plain_page.locator("#q").press("Enter")
    plain_page.wait_for_url(f"{live_server}{address}")


def test_enter_goes_to_the_place_with_a_script_too(page: Page, live_server: str) -> None:
    page.goto(live_server)
    page.locator("#q").press_sequentially("Finistère")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server}/territoires/departement/29")


def test_options_are_the_answer_and_are_gone_to(
    page: Page, live_server: str, complaints: list[str], strangers: list[str]
) -> None:
    page.goto(f"{live_server}/recherche")
    box = page.locator("#q")
    box.press_sequentially("Bretag")
    expect(page.locator("#suggestion-0")).to_contain_text("Bretagne")
    expect(page.locator("#suggestion-0")).to_contain_text("région")
    told = page.request.get(f"{live_server}/recherche.json?q=Bretag").json()
    found = len(told["places"]) + len(told["themes"]) + min(3, len(told["initiatives"]))
    expect(page.locator(".suggestion")).to_have_count(found + 1)
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "suggestion-0")
    box.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    box.press("Backspace")
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("ArrowDown")
    box.press("Enter")
    page.wait_for_url(f"{live_server}/territoires/region/53")
    assert (complaints, strangers) == ([], [])


def test_a_theme_and_an_initiative_are_options_too(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/recherche")
    page.locator("#q").press_sequentially("vélo")
    theme = page.locator(".suggestion").filter(has_text=re.compile("thème"))
    expect(theme).to_contain_text("Mobilité")
    expect(
        page.locator(".suggestion").filter(has_text=re.compile("initiative,"))
    ).not_to_have_count(0)
    theme.click()
    page.wait_for_url(f"{live_server}/initiatives?theme=mobilite")


def test_the_last_option_searches_for_the_words(page: Page, live_server: str) -> None:
    page.goto(live_server)
    page.locator("#q").press_sequentially("compost")
    page.locator(".suggestion").last.click()
    page.wait_for_url(re.compile("/recherche.q=compost"))
    expect(page.locator("#results .card").first).to_be_visible()


def test_a_view_beside_the_label_point_of_a_tinted_commune_is_not_called_empty(
    page: Page, live_server: str
) -> None:
    """Rennes has its own, known to the commune alone; the view is in its north-west."""
    page.goto(f"{live_server}/#14.5/48.1255/-1.7000")
    title = page.locator("#results-title")
    expect(title).to_contain_text("quelque part par ici", timeout=60_000)
    expect(page.locator("#results .area-links")).to_contain_text("Rennes")
    expect(page.locator("#results")).not_to_contain_text("Rien encore")
