"""The queue in a real browser: at phone and desk width, with and without scripts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from mapservice.geocoding.service import Locator
from mapservice.imports.fixtures.service import sample_options
from mapservice.imports.service import ImportOptions, import_file
from mapservice.web.edge import SESSION_COOKIE
from tests.accounts.roles.admins import admin_session
from tests.moderation.places.conftest import DOUBTS, IN_ORDER, RENNES, SAINT_MALO, kept

pytestmark = pytest.mark.long

QUEUE = "/moderation/lieux"
PATIENCE = 30_000  # ms: the map is drawn in software here
PHONE, DESK = 390, 1280


@pytest.fixture
def cases(sample_url: str, locator: Locator, tmp_path: Path) -> Iterator[Engine]:
    """The sample with `DOUBTS`, which the public does not see."""
    path = tmp_path / "doubts.csv"
    path.write_text(DOUBTS, encoding="utf-8")
    platform, licence = sample_options()
    engine = make_engine(sample_url)
    list(
        import_file(
            engine, locator, path, ImportOptions(platform=platform, licence=licence)
        ).reports
    )
    with engine.begin() as connection:
        connection.execute(text(IN_ORDER))
        connection.execute(text(f"UPDATE initiative SET status = 'pending' WHERE {OURS}"))
    yield engine
    with engine.begin() as connection:
        connection.execute(text(f"DELETE FROM initiative WHERE {OURS}"))
    engine.dispose()


OURS = "source_id IN ('homonyms', 'postcode', 'elsewhere', 'sea', 'nothing')"


@pytest.fixture
def cookie(sample_url: str, live_server: str) -> Iterator[Any]:
    """Of an administrator's session."""
    engine = make_engine(sample_url)
    person, secret = admin_session(engine, "Ana")
    yield {"name": SESSION_COOKIE, "value": secret, "url": live_server}
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM person WHERE id = :id"), {"id": person})
    engine.dispose()


@pytest.fixture(params=[PHONE, DESK])
def desk(
    browser: Browser, live_server: str, cookie: Any, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """A page of somebody signed in, whose console must stay silent."""
    context = browser.new_context(
        base_url=live_server,
        locale="fr-FR",
        viewport={"width": request.param, "height": 844},
    )
    context.add_cookies([cookie])
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: (
            complaints.append(said.text)
            if said.type in ("error", "warning") and "GPU stall" not in said.text
            else None
        ),
    )
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def plain(browser: Browser, live_server: str, cookie: Any) -> Iterator[Page]:
    """The same person in a browser that runs no script."""
    context = browser.new_context(
        base_url=live_server,
        java_script_enabled=False,
        locale="fr-FR",
    )
    context.add_cookies([cookie])
    yield context.new_page()
    context.close()


def open_case(page: Page, engine: Engine, case: str) -> None:
    page.goto(f"{QUEUE}/{kept(engine, case).id}")
    page.wait_for_selector("#map[data-state=ready]", timeout=PATIENCE)


def is_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def test_pages_fit_and_every_field_has_a_label(desk: Page, cases: Engine) -> None:
    desk.goto(QUEUE)
    assert not is_sideways(desk)
    open_case(desk, cases, "elsewhere")
    assert not is_sideways(desk)
    unnamed = desk.locator("input:not([type=hidden]), select").evaluate_all(
        "fields => fields.filter(f => !f.labels.length).map(f => f.name)"
    )
    assert unnamed == []


def test_the_map_shows_the_candidates_and_the_point(desk: Page, cases: Engine) -> None:
    open_case(desk, cases, "elsewhere")
    expect(desk.locator(".case-mark")).to_have_text(["1"])
    expect(desk.locator(".case-pin")).to_be_visible()
    desk.locator(".case-mark").click()
    expect(desk.locator(f"input[value='commune:{RENNES}']")).to_be_checked()
    expect(desk.locator(".case-mark")).to_have_attribute("aria-pressed", "true")


def test_a_decision_is_taken_undone_and_taken_again(desk: Page, cases: Engine) -> None:
    open_case(desk, cases, "elsewhere")
    desk.get_by_label("Le point donné est juste").check()
    desk.get_by_role("button", name="Décider").click()
    expect(desk.get_by_role("status")).to_contain_text("le point donné (Saint-Malo)")
    assert kept(cases, "elsewhere").commune == SAINT_MALO
    desk.get_by_role("button", name="Annuler").click()
    expect(desk.locator(".case")).to_have_attribute("data-review", "waiting")
    assert kept(cases, "elsewhere").commune == RENNES
    desk.get_by_label("Lieu inconnu").check()
    desk.get_by_role("button", name="Décider").click()
    expect(desk.get_by_role("status")).to_contain_text("lieu inconnu")
    assert kept(cases, "elsewhere").shown == "none"


def test_another_commune_is_suggested(desk: Page, cases: Engine) -> None:
    open_case(desk, cases, "nothing")
    desk.locator("#commune").press_sequentially("plouh")
    expect(desk.locator("#suggestion-0")).to_contain_text("Plouha")
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("Enter")
    expect(desk.locator("input[value='commune:22222']")).to_be_checked()
    desk.get_by_role("button", name="Décider").click()
    expect(desk.get_by_role("status")).to_contain_text("Plouha")
    assert kept(cases, "nothing").commune == "22222"


def test_all_works_without_a_script(plain: Page, cases: Engine) -> None:
    plain.goto(f"{QUEUE}?territory=none")
    plain.get_by_role("link", name="Un coin de nature").click()
    plain.locator("#commune").fill("22580 plouha")
    plain.get_by_role("button", name="Chercher").click()
    plain.get_by_label("Plouha").check()
    plain.get_by_label("Note").fill("d’après le blog")
    plain.get_by_role("button", name="Décider").click()
    expect(plain.get_by_role("status")).to_contain_text("Plouha")
    assert kept(cases, "nothing").decision["note"] == "d’après le blog"
    plain.get_by_role("button", name="Annuler").click()
    assert kept(cases, "nothing").review == "waiting"


def test_the_keyboard_is_enough(desk: Page, cases: Engine) -> None:
    open_case(desk, cases, "homonyms")
    desk.locator("#choice-1").focus()
    desk.keyboard.press("ArrowDown")
    expect(desk.locator("#choice-2")).to_be_checked()
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("status")).to_contain_text("Un jardin à Saint-Denis")
    assert kept(cases, "homonyms").commune == "93066"
