"""The form of an event asks for what its answers so far call for."""

from playwright.sync_api import Page, expect

ASKED_LATER = ("until", "online_url", "capacity", "max_seats", "question", "registration_url")


def shown(page: Page) -> set[str]:
    return {name for name in ("place", *ASKED_LATER) if page.locator(f"#{name}").is_visible()}


def test_each_answer_brings_its_questions(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/evenements/proposer")
    assert shown(page) == {"place"}
    page.select_option("#repeat", "weekly")
    assert shown(page) == {"place", "until"}
    page.locator('label[for="mode-both"]').click()
    assert shown(page) == {"place", "until", "online_url"}
    page.locator('label[for="mode-online"]').click()
    assert shown(page) == {"until", "online_url"}
    page.select_option("#registration", "external")
    assert shown(page) == {"until", "online_url", "registration_url"}
    page.select_option("#registration", "approval")
    assert shown(page) == {"until", "online_url", "capacity", "max_seats", "question"}
    page.select_option("#repeat", "")
    page.select_option("#registration", "none")
    page.locator('label[for="mode-place"]').click()
    assert shown(page) == {"place"}


def test_what_was_refused_stays_in_sight(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/evenements/proposer")
    page.select_option("#registration", "open")
    page.locator("#capacity").fill("beaucoup")
    page.locator('button[value="preview"]').click()
    expect(page.locator("#mistakes")).to_be_visible()
    page.select_option("#registration", "none")
    expect(page.locator("#capacity")).to_be_visible()


def test_a_pin_marks_the_place_whose_street_nobody_knows(
    page: Page, live_server: str, complaints: list[str]
) -> None:
    page.goto(f"{live_server}/evenements/proposer")
    expect(page.locator(".map")).to_have_attribute("data-state", "ready", timeout=60_000)
    page.locator("#title").fill("Atelier vélo")
    page.locator('label[for="theme-mobilite"]').click()
    page.locator("#place").press_sequentially("Rennes")
    page.locator(".suggestion", has_text="Rennes").first.click()
    expect(page.locator('input[name="choice"]')).to_have_value("commune:35238")
    page.locator("#place").fill("12 rue des Mésanges, Rennes")
    page.locator("#starts").fill("2030-05-12T18:30")
    page.locator("#ends").fill("2030-05-12T20:30")
    page.locator('button[value="preview"]').click()
    expect(page.locator(".check .notice")).to_contain_text(
        "La commune est connue, pas l’endroit exact"
    )
    expect(page.locator(".map")).to_have_attribute("data-state", "ready", timeout=60_000)
    page.locator(".map canvas").click()
    expect(page.locator('input[name="lon"]')).not_to_have_value("")
    page.locator(".propose-text > summary").click()
    page.locator('button[value="preview"]').click()
    expect(page.locator("[data-understood]")).to_contain_text("l’endroit exact de l’épingle")
    expect(page.locator(".check .notice")).to_have_count(0)
    assert complaints == []
