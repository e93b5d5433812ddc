"""An area drawn by clicks is followed from beside the map."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.long

READY = "() => document.getElementById('map').dataset.state === 'ready'"
AROUND_RENNES = ((0.35, 0.35), (0.65, 0.35), (0.5, 0.65))


def test_three_corners_make_an_area_that_one_button_follows(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/suivre?territory=commune:35238")
    page.wait_for_function(READY, timeout=60_000)
    follows = page.locator('[data-draw="follow"]')
    expect(follows).to_be_hidden()
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    assert box is not None
    for right, down in AROUND_RENNES:
        page.mouse.click(box["x"] + box["width"] * right, box["y"] + box["height"] * down)
    expect(follows).to_be_visible()
    page.locator('[data-draw="undo"]').click()
    expect(follows).to_be_hidden()
    page.mouse.click(
        box["x"] + box["width"] * AROUND_RENNES[2][0],
        box["y"] + box["height"] * AROUND_RENNES[2][1],
    )
    # It is the form's own button: without an address the browser asks for one, and stays.
    follows.click()
    assert page.evaluate("document.activeElement.id") == "email"
    page.locator("#email").fill("zoe@example.org")
    with page.expect_request(lambda one: one.method == "POST") as sent:
        follows.click()
    posted = sent.value.post_data or ""
    assert posted.count("%2C") + posted.count(",") >= 3, posted
    assert "area=" in posted
    assert page.url.startswith(live_server)
