"""A coordinator's ODS file in a browser: from upload to undo, with and without scripts."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Connection, Engine, text

from mapservice.app import create_app
from mapservice.db.engine import make_engine
from mapservice.geocoding.service import Locator
from mapservice.imports import upload_work, uploads
from mapservice.settings import Settings, default_home
from mapservice.web.edge import SERVICES, Services
from tests.accounts.people.mailbox import sign_in
from tests.accounts.roles import cast
from tests.browser.test_accessibility import violations
from tests.imports.test_reading_formats import ods, ods_row

pytestmark = pytest.mark.long

COORDINATOR = "nolwenn@example.org"
ROWS = (
    ("Nom du projet", "Commune", "Code postal", "Budget", "Public", "Référent", "Observations"),
    ("Four à pain des Horizons", "Rennes", "35000", "1200", "Tous", "Léa Martin", "Démarre en mai"),
    ("Haie du collège", "Brest", "29200", "350,50", "Jeunes", "Paul Durand", ""),
    ("Ressourcerie du port", "Saint-Malo", "35400", "8000", "Tous", "", "Local à trouver"),
    ("Fête de quartier", "Saint-Denis", "", "90", "Tous", "", ""),
    ("Verger de la mairie", "Caen", "14000", "500", "Tous", "", ""),
    ("Total", "", "", "10140,50", "", "", ""),
)
WAYS = {"fr-1280-js": ("fr-FR", 1280, True), "en-390-plain": ("en-GB", 390, False)}


@pytest.fixture
def inner(sample_url: str) -> Iterator[Flask]:
    """The service on the same database, to sign in by."""
    app = create_app(Settings(database_url=sample_url, public_url="http://map.test"))
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def engine_here(sample_url: str) -> Iterator[Engine]:
    engine = make_engine(sample_url)
    yield engine
    with engine.begin() as connection:
        sent = connection.execute(text("DELETE FROM import_upload RETURNING text(id)")).scalars()
        for one in sent:
            shutil.rmtree(uploads.folder(default_home()) / one, ignore_errors=True)
        connection.execute(text("TRUNCATE person, delivery, tally, import_run CASCADE"))
        connection.execute(text("TRUNCATE import_source"))
    engine.dispose()


@pytest.fixture
def work(engine_here: Engine, locator: Locator) -> Callable[[], int]:
    """What the worker does with what waits; the service before the browser has none here."""

    def built(_connection: Connection) -> Locator:
        return locator

    return lambda: upload_work.work(engine_here, default_home(), built)


@pytest.mark.parametrize("way", WAYS)
def test_a_coordinator_goes_from_upload_to_undo(
    browser: Browser,
    live_server: str,
    inner: Flask,
    engine_here: Engine,
    work: Callable[[], int],
    tmp_path: Path,
    way: str,
) -> None:
    locale, width, scripts = WAYS[way]
    french = locale == "fr-FR"
    client = inner.test_client()
    sign_in(client, engine_here, COORDINATOR)
    cast.grant(engine_here, COORDINATOR, "coordinator", "region:53")
    cookie = client.get_cookie("personne")
    assert cookie is not None
    context = browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 900},
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    context.add_cookies([{"name": "personne", "value": cookie.value, "url": live_server}])
    page = context.new_page()

    def press(fr: str, en: str) -> None:
        page.get_by_role("button", name=fr if french else en, exact=True).click()

    def shown(state: str) -> None:
        """Once the worker is through; the page looks again by itself, without scripts too."""
        work()
        expect(page.locator(f"[data-state={state}]")).to_be_visible(timeout=60_000)
        look(page, tmp_path / f"{way}-{state}.png", scripts)

    page.goto(f"{live_server}/importer")
    look(page, tmp_path / f"{way}-start.png", scripts)
    file = ods(tmp_path / "Actions 2024.ods", "".join(ods_row(*row) for row in ROWS))
    page.locator("input[type=file]").set_input_files(file)
    press("Lire ce fichier", "Read this file")
    expect(page.locator("[data-state=sent]")).to_be_visible()
    shown("checked")
    created = page.locator("[data-outcome=created] .figure")
    expect(created).to_have_text("3")
    expect(page.locator("[data-outcome=lost] .figure")).to_have_text("2")
    expect(page.locator("[data-outcome=aside] .figure")).to_have_text("1")
    titles = page.locator("select").nth(0)
    assert titles.input_value() == "title"

    # What was checked is imported at once: nobody presses twice.
    press("Importer", "Import")
    shown("done")
    with engine_here.connect() as connection:
        statement = text(
            "SELECT title, status FROM initiative WHERE source_platform = 'actions_2024'"
        )
        found = {row.title: row.status for row in connection.execute(statement)}
    assert found == dict.fromkeys((row[0] for row in ROWS[1:4]), "pending")

    page.locator("details.importer-undo summary").click()
    press("Oui, tout annuler", "Yes, undo it all")
    shown("undone")
    with engine_here.connect() as connection:
        assert connection.execute(statement).all() == []
    context.close()


SOURCES = """
INSERT INTO import_source (platform, connector, address, licence, attribution, rhythm, sweep_state,
                           sweep_reason, tried_at)
VALUES ('carto', 'gogocarto', 'https://carto.example.org/', 'ODbL 1.0', 'Le réseau', 'daily',
        'waits', '', '2026-11-29T02:07:00Z'),
       ('maisons', 'france-services', 'https://www.data.gouv.fr/x.csv', 'Licence Ouverte 2.0', '',
        'weekly', 'failed', 'www.data.gouv.fr answers 404', '2026-11-28T02:07:00Z')"""
WAITING = """
INSERT INTO import_run (platform, file_name, state, started_by, is_snapshot, counts, reading)
VALUES ('carto', 'gogocarto.ndjson', 'waits', 'nightly sweep', true,
        '{"gone": 31, "public": 120, "rows": 95}',
        '{"gone": ["Le verger du Moulin", "La recyclerie de la rue de Saint-Malo"]}')"""


@pytest.mark.parametrize("way", WAYS)
def test_an_administrator_decides_about_a_sweep_that_waits(
    browser: Browser, live_server: str, inner: Flask, engine_here: Engine, tmp_path: Path, way: str
) -> None:
    locale, width, scripts = WAYS[way]
    client = inner.test_client()
    sign_in(client, engine_here, COORDINATOR)
    cast.grant(engine_here, COORDINATOR, "admin")
    with engine_here.begin() as connection:
        connection.execute(text(SOURCES))
        connection.execute(text(WAITING))
    cookie = client.get_cookie("personne")
    assert cookie is not None
    context = browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 900},
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    context.add_cookies([{"name": "personne", "value": cookie.value, "url": live_server}])
    page = context.new_page()
    page.goto(f"{live_server}/importer")
    page.locator(".importer-waiting summary").click()
    expect(page.get_by_text("La recyclerie de la rue de Saint-Malo")).to_be_visible()
    look(page, tmp_path / f"{way}-sources.png", scripts)
    page.get_by_role("button", name="Y renoncer" if scripts else "Give it up").click()
    expect(page.locator(".importer-waiting")).to_have_count(0)
    with engine_here.connect() as connection:
        found = text("SELECT state FROM import_run WHERE platform = 'carto'")
        state = connection.execute(found).scalar_one()
    assert state == "dropped"
    context.close()


def look(page: Page, shot: Path, scripts: bool) -> None:
    """Nothing is wider than the window, and no rule of axe is broken."""
    page.screenshot(path=shot, full_page=True)
    if scripts:
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert violations(page) == []
