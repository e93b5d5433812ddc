"""Every page: readable without a script, by keyboard, at phone width, in the dark, by machines."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.long

READING_PAGES = ["/initiatives", "/initiatives?theme=culture", "/methode", "/nulle-part"]
PAGES = ["/", *READING_PAGES]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_one_heading_named_landmarks_and_no_inline_code(
    page: Page, live_server: str, path: str
) -> None:
    html = page.request.get(live_server + path).text()
    assert len(re.findall(r"<h1[ >]", html)) == 1
    assert len(re.findall(r"<main[ >]", html)) == 1
    assert '<html lang="fr">' in html
    assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", html)
    assert not re.search(r"<script(?![^>]*(src=|application/(ld\+)?json))", html)


@pytest.mark.parametrize("path", READING_PAGES)
def test_pages_to_read_load_no_script_but_that_which_passes_them_on(
    page: Page, live_server: str, path: str
) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(live_server + path)
    scripts = {one.partition("?")[0] for one in loaded if ".js" in one or ".mjs" in one}
    passed_on = {f"{live_server}/static/js/share.js"}
    assert scripts == (passed_on if path.startswith("/initiatives") else set())


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_a_page_without_scrolling_sideways(
    page: Page, live_server: str, path: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(live_server + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


INK_WITHIN = """async (style) => {
  await document.fonts.load(`${style} 100px "Atkinson Hyperlegible Next Variable"`, "08");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 160;
  const context = canvas.getContext("2d");
  context.font = `${style} 100px "Atkinson Hyperlegible Next Variable"`;
  const inked = (text) => {
    context.clearRect(0, 0, 160, 160);
    context.fillText(text, 40, 120);
    const box = context.measureText(text);
    const middle = 40 + (box.actualBoundingBoxRight - box.actualBoundingBoxLeft) / 2;
    const data = context.getImageData(middle - 4, 120 - 42, 8, 16).data;
    return data.filter((part, index) => index % 4 === 3 && part > 40).length;
  };
  return { zero: inked("0"), eight: inked("8") };
}"""


@pytest.mark.parametrize("style", ["400", "700", "italic 400"])
def test_a_zero_has_no_slash(page: Page, live_server: str, style: str) -> None:
    """Nothing stands in its middle, where an eight has its waist."""
    page.goto(f"{live_server}/methode")
    inked = page.evaluate(INK_WITHIN, style)
    assert inked["zero"] == 0
    assert inked["eight"] > 0


@pytest.mark.parametrize("path", ["/", "/initiatives"])
@pytest.mark.parametrize("width", [390, 1280])
def test_themes_stand_in_one_row(page: Page, live_server: str, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{live_server}{path}")
    tops = page.locator(".theme-row .chip").evaluate_all(
        "chips => chips.map(chip => chip.getBoundingClientRect().top)"
    )
    assert len(tops) == 9
    assert len(set(tops)) == 1


def test_all_themes_of_the_list_are_in_sight_on_a_desk(page: Page, live_server: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{live_server}/initiatives")
    row = page.locator(".theme-row")
    assert row.evaluate("row => row.scrollWidth <= row.clientWidth")


def test_counts_of_intercommunalites_stand_in_columns(page: Page, live_server: str) -> None:
    """Also of one that straddles the border of the département, of which more is said."""
    page.goto(f"{live_server}/territoires/departement/35")
    rows = page.locator(".name-list li")
    straddling = rows.filter(has_text="partie en Ille-et-Vilaine")
    assert straddling.count() >= 2
    rights = page.locator(".name-list .number").evaluate_all(
        "counts => counts.map(count => Math.round(count.getBoundingClientRect().right))"
    )
    assert len(rights) == rows.count()
    assert len(set(rights)) <= 4


@pytest.mark.parametrize("width", [390, 1280])
def test_the_theme_that_is_chosen_is_in_sight(page: Page, live_server: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1200})
    page.route(re.compile(r"maplibre-gl\.mjs"), lambda route: route.abort())
    page.goto(f"{live_server}/?theme=autre")
    expect(page.locator("[data-key=autre]")).to_be_in_viewport(ratio=1)
    page.locator("[data-key=economie]").click()
    expect(page.locator("[data-key=economie]")).to_have_attribute("aria-current", "true")
    expect(page.locator("[data-key=economie]")).to_be_in_viewport(ratio=1)
    expect(page.locator("[data-key=autre]")).to_be_in_viewport(ratio=1)


def test_every_field_has_a_label(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/initiatives")
    unnamed = page.locator("input:not([type=hidden]), select").evaluate_all(
        "fields => fields.filter(f => !f.labels.length).map(f => f.name)"
    )
    assert unnamed == []


def test_the_first_key_offers_to_skip_to_the_content(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/initiatives")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_dark_mode_is_dark_on_every_surface(page: Page, live_server: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{live_server}/initiatives")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", paper)) < 64


def test_without_scripts_the_home_page_is_a_list_with_working_filters(
    plain_page: Page, live_server: str
) -> None:
    plain_page.goto(live_server)
    before = plain_page.locator("#results").get_attribute("data-total")
    plain_page.locator("[data-key=culture]").click()
    assert plain_page.url.endswith("/?theme=culture")
    after = plain_page.locator("#results").get_attribute("data-total")
    assert before is not None
    assert after is not None
    assert 0 < int(after) < int(before)
    plain_page.locator("#results .card a").first.click()
    expect(plain_page.locator(".plate-place")).to_be_visible()


def test_a_search_by_form_keeps_the_theme(plain_page: Page, live_server: str) -> None:
    plain_page.goto(f"{live_server}/initiatives?theme=culture")
    plain_page.locator("#q").fill("cinéma")
    plain_page.locator("#q").press("Enter")
    assert "theme=culture" in plain_page.url
    expect(plain_page.locator("h1")).to_contain_text("cinéma")
    themes = plain_page.locator("#results .card").evaluate_all(
        "cards => cards.map(c => c.dataset.theme)"
    )
    assert set(themes) == {"culture"}


def test_the_next_page_of_the_list_shows_other_initiatives(
    plain_page: Page, live_server: str
) -> None:
    identifiers = "cards => cards.map(c => c.dataset.id)"
    plain_page.goto(f"{live_server}/initiatives")
    first = plain_page.locator(".card").evaluate_all(identifiers)
    plain_page.locator("a[rel=next]").click()
    second = plain_page.locator(".card").evaluate_all(identifiers)
    assert set(first).isdisjoint(second)


def test_an_empty_commune_invites(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/initiatives?territory=commune:22222&until=1900-01-01")
    expect(page.locator(".empty-title")).to_have_text(
        "Rien encore à Plouha. Et si c’était vous\u00a0?"
    )


def test_a_missing_page_says_so_and_leads_back(page: Page, live_server: str) -> None:
    answer = page.goto(f"{live_server}/nulle-part")
    assert answer is not None
    assert answer.status == 404
    expect(page.locator("main a.primary")).to_have_attribute("href", "/")
