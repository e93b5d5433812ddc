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
