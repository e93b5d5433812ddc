"""Signing in with a real browser: with scripts, without, at the widths of a phone and a desk."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page, Request
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from mapservice.web import forms
from tests.accounts.people.mailbox import last_link

pytestmark = pytest.mark.long

ADDRESS = "ana@example.org"


@pytest.fixture
def sample_engine(sample_url: str) -> Iterator[Engine]:
    """That of the service before the browser, without people."""
    engine = make_engine(sample_url)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE person, delivery, tally CASCADE"))
    yield engine
    engine.dispose()


@pytest.fixture(params=[(390, True), (1280, True), (390, False)], ids=str)
def visitor(browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Page, bool]]:
    """A page, and whether it runs scripts."""
    width, scripts = request.param
    context = browser.new_context(
        locale="fr-FR", viewport={"width": width, "height": 844}, java_script_enabled=scripts
    )
    yield context.new_page(), scripts
    context.close()


def proof_in(request: Request) -> str:
    return parse_qs(request.post_data or "").get(forms.PROOF_FIELD, [""])[0]


def test_the_whole_way_in_and_out(
    visitor: tuple[Page, bool], live_server: str, sample_engine: Engine
) -> None:
    page, scripts = visitor
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.goto(f"{live_server}/compte")
    page.get_by_label("Votre adresse électronique").fill(ADDRESS)
    with page.expect_request(lambda request: request.method == "POST") as posted:
        page.get_by_role("button", name="Recevoir un lien").click()
    page.wait_for_url("**/connexion/envoyee")
    assert solves(proof_in(posted.value)) is scripts
    page.goto(live_server + last_link(sample_engine))
    page.get_by_role("button", name="Me connecter").click()
    page.wait_for_url("**/compte")
    page.get_by_label("Nom affiché").fill("Ana")
    page.get_by_role("button", name="Enregistrer").click()
    page.wait_for_url("**/compte?change=1")
    assert page.get_by_role("status").inner_text() == "C’est enregistré."
    page.get_by_role("link", name="Effacer mon compte").click()
    page.get_by_role("button", name="Tout effacer").click()
    page.get_by_role("heading", name="Votre compte est effacé").wait_for()
    assert problems == []


def test_a_proof_that_was_ready_before_the_press_is_sent(
    page: Page, live_server: str, sample_engine: Engine
) -> None:
    page.goto(f"{live_server}/connexion")
    with page.expect_event("worker"):
        page.get_by_label("Votre adresse électronique").fill(ADDRESS)
    while page.workers:  # the worker ends once it has found the number
        page.evaluate("new Promise(requestAnimationFrame)")
    with page.expect_request(lambda request: request.method == "POST") as posted:
        page.get_by_role("button", name="Recevoir un lien").click()
    assert solves(proof_in(posted.value))


def solves(packed: str) -> bool:
    if not packed:
        return False
    found = json.loads(base64.b64decode(packed))
    answer = hashlib.sha256(f"{found['salt']}{found['number']}".encode()).hexdigest()
    return bool(answer == found["challenge"])


def test_pages_fit_and_every_field_has_a_label(
    browser: Browser, live_server: str, sample_engine: Engine
) -> None:
    for width in (390, 1280):
        context = browser.new_context(viewport={"width": width, "height": 844})
        page = context.new_page()
        for path in ("/connexion", "/connexion/envoyee", "/confirmer/x"):
            page.goto(live_server + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for field in page.locator("input:not([type=hidden]), select").all():
                assert field.evaluate("node => node.labels.length") == 1
        context.close()


def test_the_trap_is_out_of_sight_and_out_of_reach(
    page: Page, live_server: str, sample_engine: Engine
) -> None:
    page.goto(f"{live_server}/connexion")
    page.get_by_label("Votre adresse électronique").focus()
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.textContent.trim()")
    assert re.fullmatch("Recevoir un lien", focused)
    box = page.locator(".door-trap").bounding_box()
    assert box
    assert (box["width"], box["height"]) == (1, 1)
