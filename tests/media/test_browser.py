"""The whole way of a photo in a real browser: at both widths, in both languages, with and without
JavaScript."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from mapservice.web.edge import SESSION_COOKIE
from tests.accounts.people.mailbox import last_link
from tests.accounts.roles.admins import admin_session
from tests.browser.test_accessibility import AXE, violations
from tests.media import pictures
from tests.media.conftest import RunningService

pytestmark = pytest.mark.long

ADDRESS = "ana@example.org"
LOOKS = [
    pytest.param(390, "fr-FR", True, id="telephone"),
    pytest.param(1280, "en-GB", True, id="desk"),
    pytest.param(390, "en-GB", False, id="telephone without scripts"),
    pytest.param(1280, "fr-FR", False, id="desk without scripts"),
]
SHIFT = """() => new Promise(done => {
  let sum = 0;
  const add = entry => entry.hadRecentInput || (sum += entry.value);
  new PerformanceObserver(list => list.getEntries().forEach(add))
    .observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => done(sum), 400);
})"""


@pytest.fixture
def here(running: RunningService) -> Iterator[Engine]:
    engine = make_engine(running.url)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE initiative, person, delivery, tally CASCADE"))
    yield engine
    engine.dispose()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "verger.jpg", tmp_path / "pre.png", tmp_path / "plan.svg"]
    made[0].write_bytes(pictures.jpeg(1600, 1200))
    made[1].write_bytes(pictures.as_bytes(pictures.two_colours(900, 1200), "PNG"))
    made[2].write_bytes(pictures.SVG)
    return made


def context_of(
    browser: Browser, running: RunningService, width: int, locale: str, scripts: bool
) -> BrowserContext:
    return browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 900},
        base_url=running.base,
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )


def checked(page: Page, width: int, scripts: bool) -> None:
    """Nothing is broken, and nothing is wider than the window."""
    if scripts and AXE.exists():
        assert violations(page) == [], page.url
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url


def all_shown(page: Page, selector: str) -> list[dict[str, Any]]:
    """The pictures, once they are there."""
    found: list[dict[str, Any]] = []
    for one in page.locator(selector).all():
        one.scroll_into_view_if_needed()
        page.wait_for_function("img => img.complete", arg=one.element_handle())
        found.append(
            one.evaluate("i => ({ width: i.naturalWidth, alt: i.alt, src: i.currentSrc })")
        )
    return found


def follow(what: Locator) -> None:
    """Presses it, and waits for the page that it leads to."""
    with what.page.expect_navigation():
        what.click()


@pytest.mark.parametrize(("width", "locale", "scripts"), LOOKS)
def test_a_photo_goes_from_the_form_to_the_list(
    browser: Browser,
    running: RunningService,
    here: Engine,
    files: list[Path],
    width: int,
    locale: str,
    scripts: bool,
) -> None:
    context = context_of(browser, running, width, locale, scripts)
    page = context.new_page()
    page.goto("/proposer")
    page.locator("#title").fill("Un verger derrière la mairie")
    page.locator("label[for=theme-alimentation]").click()
    page.locator("#place").fill("Rennes")
    page.keyboard.press("Escape")
    page.locator("#email").fill(ADDRESS)
    # A file that is no photo is named, the two others stay.
    page.locator("#photos").set_input_files(files)
    checked(page, width, scripts)
    follow(page.locator("button[value=preview]").last)
    assert "plan.svg" in page.locator("#photos-error").inner_text()
    assert page.locator(".photo-draft").count() == 2
    checked(page, width, scripts)
    follow(page.locator("button[value=preview]").last)
    # The check shows both, asks what they show, and sends.
    drafts = page.locator(".check-photos .photo-draft")
    assert drafts.count() == 2
    drafts.nth(0).locator("input[name^=alt]").fill("Des pommiers en fleur")
    if scripts:
        assert [one["width"] for one in all_shown(page, ".photo-draft img")] == [320, 320]
    checked(page, width, scripts)
    follow(page.locator("button[value=send]"))
    assert page.url.endswith("/connexion/envoyee")
    page.goto(last_link(here))
    follow(page.locator("main form button").first)
    assert page.url.endswith("/suivi")

    # The author's page: what stays in view, by a click or by numbers; the order; one more.
    follow(page.locator("a[href$='/photos']"))
    first = page.locator(".author-photo").nth(0)
    if scripts:
        box = first.locator(".focal img").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
        assert first.locator("[name=focal_x]").input_value() == "25"
    else:
        first.locator("[name=focal_x]").fill("25")
        first.locator("[name=focal_y]").fill("75")
    follow(first.locator("button[value=save]"))
    checked(page, width, scripts)
    follow(page.locator(".author-photo").nth(1).locator("button[value=up]"))
    page.locator("#photos").set_input_files(files[:1])
    follow(page.locator("form[enctype] button"))
    assert page.locator(".author-photo").count() == 3
    follow(page.locator(".author-photo").nth(0).locator("button[value=remove]"))
    assert page.locator(".author-photo").count() == 2
    with here.connect() as connection:
        kept = connection.execute(text("SELECT alt, focal_x, focal_y FROM photo ORDER BY position"))
        assert [tuple(row) for row in kept] == [("Des pommiers en fleur", 25, 75), ("", 50, 50)]
        made = connection.execute(text("SELECT id FROM initiative")).scalar_one()

    # A moderator sees them with what is said about them, and publishes.
    _person, secret = admin_session(here, "Eva")
    reviewing = context_of(browser, running, width, locale, scripts)
    reviewing.add_cookies([{"name": SESSION_COOKIE, "value": secret, "url": running.base}])
    review = reviewing.new_page()
    review.goto(f"/moderation/{made}")
    assert review.locator(".case-photo img").first.get_attribute("alt") == "Des pommiers en fleur"
    checked(review, width, scripts)
    follow(review.locator("#verdict button[value=publish]"))
    assert "decided=" in review.url
    reviewing.close()

    # Everybody sees them: on its page, and on its card.
    page.goto(f"/initiatives/{made}")
    checked(page, width, scripts)
    if scripts:
        shown = all_shown(page, ".photo img")
        assert shown[0]["alt"] == "Des pommiers en fleur"
        assert all(one["width"] > 0 for one in shown)
        assert page.evaluate(SHIFT) < 0.01
    page.goto("/initiatives")
    card = page.locator(".card-picture img")
    assert card.get_attribute("alt") == "Des pommiers en fleur"
    if scripts:
        assert all_shown(page, ".card-picture img")[0]["width"] > 0
        assert card.evaluate("i => getComputedStyle(i).objectPosition") == "25% 75%"
        assert page.evaluate(SHIFT) < 0.01
    checked(page, width, scripts)
    context.close()


def test_a_file_that_is_too_heavy_is_named_before_it_is_sent(
    browser: Browser, running: RunningService, here: Engine, tmp_path: Path
) -> None:
    heavy = tmp_path / "film.jpg"
    heavy.write_bytes(bytes(21_000_000))
    context = context_of(browser, running, 1280, "fr-FR", True)
    page = context.new_page()
    page.goto("/proposer")
    page.locator("#photos").set_input_files(heavy)
    error = page.locator("#photos-error")
    assert error.inner_text() == "«\u00a0film.jpg\u00a0» est trop lourde\u00a0: 20 Mo au plus."
    assert page.locator("#photos").evaluate("i => i.files.length") == 0
    context.close()
