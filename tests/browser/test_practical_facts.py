"""Practical facts before a person: the form, the chips, "Je participe", with scripts or without.

In the service with the sample, left as it was.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from mapservice.i18n import catalogue
from mapservice.initiatives.facts import InitiativeFacts, Wheelchair
from tests.accounts.people.mailbox import last_link
from tests.browser.test_accessibility import violations
from tests.browser.test_map import PATIENCE, open_map
from tests.web.population import Made, insert

pytestmark = pytest.mark.long

ADDRESS = "mia@example.org"
TODAY = datetime.now(UTC).date()
FAIR = Made(
    title="La foire aux graines",
    commune="35238",
    created_at=datetime.now(UTC).isoformat(),
    facts=InitiativeFacts(
        start_day=TODAY - timedelta(days=1),
        end_day=TODAY + timedelta(days=8),
        wheelchair=Wheelchair.YES,
        is_free=True,
        tags=("graines",),
    ),
)
WAYS = {
    "fr-1280-js": ("fr-FR", 1280, True),
    "en-390-js": ("en-GB", 390, True),
    "fr-390-plain": ("fr-FR", 390, False),
}


@pytest.fixture
def sample_engine(sample_url: str) -> Iterator[Engine]:
    engine = make_engine(sample_url)
    clean(engine)
    with engine.begin() as connection:
        insert(connection, [FAIR])
    yield engine
    clean(engine)
    engine.dispose()


def clean(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM initiative WHERE id = :id"), {"id": FAIR.id})
        connection.execute(
            text("DELETE FROM initiative WHERE id IN (SELECT initiative FROM proposal)")
        )
        connection.execute(text("TRUNCATE person, delivery, tally CASCADE"))


@pytest.fixture(params=WAYS)
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    locale, width, scripts = WAYS[request.param]
    context = browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 844},
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    context.set_default_timeout(20_000)
    yield context
    context.close()


def said(visit: BrowserContext, phrase: str) -> str:
    """A phrase in the language of the visit."""
    language = visit.pages[0].locator("html").get_attribute("lang") or "fr"
    return str(catalogue(language).gettext(phrase))


def test_facts_are_folded_filled_in_and_seen_in_words(
    visit: BrowserContext, live_server: str, sample_engine: Engine
) -> None:
    page = visit.new_page()
    page.goto(f"{live_server}/proposer")
    hours = page.locator("#opening_hours")
    assert not hours.is_visible(), "proposing stays as short as before"
    page.locator("#facts > summary").click()
    assert hours.is_visible()
    page.locator("#title").fill("Un verger derrière la mairie")
    page.locator("label[for=theme-alimentation]").click()
    page.locator("#place").fill("Rennes")
    page.keyboard.press("Escape")
    hours.fill("quand on veut")
    page.locator("label[for=audience-familles]").click()
    page.locator("label[for=audience-enfants]").click()
    page.get_by_label(said(visit, "Votre adresse électronique")).fill(ADDRESS)
    page.get_by_role("button", name=said(visit, "Continuer")).click()
    expect(page.locator("#opening_hours-error")).to_be_visible()
    assert hours.input_value() == "quand on veut", "nothing typed is lost"
    hours.fill("mercredi 14h-18h, fermé les jours fériés")
    page.get_by_role("button", name=said(visit, "Continuer")).click()
    seen = page.locator(".check-facts")
    expect(seen).to_be_visible()
    told = re.sub(r"\s", " ", seen.inner_text())
    english = page.locator("html").get_attribute("lang") == "en"
    assert ("Wednesday: 14:00 – 18:00" if english else "Mercredi : 14 h – 18 h") in told
    assert ("children, families" if english else "enfants, familles") in told


def test_a_draft_keeps_the_facts_too(
    browser: Browser, live_server: str, sample_engine: Engine
) -> None:
    context = browser.new_context(locale="fr-FR", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{live_server}/proposer")
    page.locator("#title").fill("Un verger derrière la mairie")
    page.locator("#facts > summary").click()
    page.locator("#opening_hours").fill("samedi 10h-12h")
    page.locator("#free").check()
    page.locator("label[for=audience-aines]").click()
    page.reload()
    assert not page.locator("#opening_hours").is_visible()
    page.locator("[data-draft-take]").click()
    assert page.locator("#opening_hours").input_value() == "samedi 10h-12h"
    assert page.locator("#opening_hours").is_visible()
    ticked = page.locator("#facts input[type=checkbox]:checked")
    assert [box.get_attribute("value") for box in ticked.all()] == ["1", "aines"]
    context.close()


def test_chips_narrow_the_list_and_are_taken_back(
    visit: BrowserContext, live_server: str, sample_engine: Engine
) -> None:
    page = visit.new_page()
    page.goto(f"{live_server}/initiatives")
    fair = page.locator(f'[data-id="{FAIR.id}"]')
    chip = page.locator('[data-key="when-today"]')
    for name in ("when-today", "access-wheelchair"):
        page.locator(f'[data-key="{name}"]').click()
        expect(page.locator(f'[data-key="{name}"]')).to_have_attribute("aria-current", "true")
    expect(fair).to_be_visible()
    assert "when=today" in page.url
    page.locator('[data-key="open-now"]').click()
    expect(fair).to_have_count(0)  # it tells no hours
    page.locator('[data-key="open-now"]').click()
    expect(fair).to_be_visible()
    page.goto(f"{live_server}/initiatives?tag=graines")
    expect(fair).to_be_visible()
    expect(page.locator(".card[data-id]")).to_have_count(1)
    expect(chip).to_be_visible()


def test_the_map_follows_the_chips(
    browser: Browser, live_server: str, sample_engine: Engine
) -> None:
    context = browser.new_context(locale="fr-FR", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    open_map(page, f"{live_server}/")
    asked = "/tiles/initiatives/"
    with page.expect_request(
        lambda one: asked in one.url and "when=today" in one.url, timeout=PATIENCE
    ):
        page.locator('[data-key="when-today"]').click()
    expect(page.locator('[data-key="when-today"]')).to_have_attribute("aria-current", "true")
    expect(page.locator(f'[data-id="{FAIR.id}"]')).to_be_visible()
    page.wait_for_function("() => location.search.includes('when=today')")
    context.close()


def test_a_place_is_taken_by_mail_and_given_back_with_one_click(
    visit: BrowserContext, live_server: str, sample_engine: Engine
) -> None:
    with sample_engine.begin() as connection:
        need = connection.execute(
            text(
                "INSERT INTO need (initiative, words, day, places)"
                " VALUES (:id, 'Dix paires de mains', current_date + 12, 10) RETURNING id"
            ),
            {"id": FAIR.id},
        ).scalar_one()
    page = visit.new_page()
    page.goto(f"{live_server}/initiatives/{FAIR.id}")
    page.locator("#besoins a.button").click()
    page.locator("#email").fill(ADDRESS)
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/connexion/envoyee")
    page.goto(live_server + last_link(sample_engine, ADDRESS))
    page.get_by_role("button", name=said(visit, "Je participe")).click()
    page.wait_for_url(f"**/besoins/{need}?fait=inscrit")
    expect(page.locator("[data-places]")).to_contain_text("9")
    page.get_by_role("button", name=said(visit, "Je ne viens plus")).click()
    page.wait_for_url(f"**/besoins/{need}?fait=quitte")
    expect(page.locator("[data-places]")).to_contain_text("10")


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_on_what_is_new(
    browser: Browser, live_server: str, sample_engine: Engine, dark: bool
) -> None:
    context = browser.new_context(
        locale="fr-FR",
        viewport={"width": 390, "height": 844},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"{live_server}/proposer")
    page.locator("#facts > summary").click()

    assert violations(page) == []
    for address in (f"/initiatives/{FAIR.id}", "/initiatives?when=today&access=wheelchair"):
        page.goto(live_server + address)

        assert violations(page) == [], address
    context.close()
