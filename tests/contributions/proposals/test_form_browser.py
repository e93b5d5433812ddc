"""The form in a real browser: suggestions, the pin, the draft, what it says of mistakes."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from tests.browser.test_accessibility import AXE, violations
from tests.web.population import Made, insert

pytestmark = pytest.mark.long

ADDRESS = "ana@example.org"
TITLE = "Un verger derrière la mairie"
SAINT_DENIS = "93066"

CLEAN = (
    """
    DELETE FROM initiative
     WHERE id IN (SELECT initiative FROM proposal) OR title = 'Le verger de la mairie'""",
    "TRUNCATE person, delivery, tally CASCADE",
)


@pytest.fixture
def sample_engine(sample_url: str) -> Iterator[Engine]:
    """That of the service before the browser, with one idea more; left as it was."""
    engine = make_engine(sample_url)
    clean(engine)
    with engine.begin() as connection:
        insert(connection, [Made(title="Le verger de la mairie", commune=SAINT_DENIS)])
    yield engine
    clean(engine)
    engine.dispose()


def clean(engine: Engine) -> None:
    with engine.begin() as connection:
        for statement in CLEAN:
            connection.execute(text(statement))


def fill_in(page: Page, place: str) -> None:
    page.get_by_label("Titre").fill(TITLE)
    page.get_by_label("Description").fill("Nous cherchons **dix** voisins.")
    page.locator("label", has_text="Alimentation").click()
    page.get_by_label("Commune ou adresse").fill(place)
    page.get_by_label("Votre adresse électronique").fill(ADDRESS)
    page.keyboard.press("Escape")


def test_a_choice_from_the_list_leaves_no_doubt(
    page: Page, live_server: str, sample_engine: Engine
) -> None:
    page.goto(f"{live_server}/proposer")
    fill_in(page, "")
    page.get_by_label("Commune ou adresse").press_sequentially("Saint-Denis")
    page.locator(".suggestion", has_text="Seine-Saint-Denis").first.click()
    assert page.get_by_label("Commune ou adresse").input_value() == "Saint-Denis (93)"
    page.get_by_role("button", name="Continuer").click()
    understood = page.locator("[data-understood]")
    assert understood.get_attribute("data-understood") == f"commune:{SAINT_DENIS}"


def test_enter_goes_on_to_the_next_field_and_the_check_shows_all_of_the_text(
    page: Page, live_server: str, sample_engine: Engine
) -> None:
    page.goto(f"{live_server}/proposer")
    fill_in(page, "")
    place = page.get_by_label("Commune ou adresse")
    place.press_sequentially("Rennes")
    page.locator(".suggestion").first.wait_for()
    place.press("Enter")
    assert page.url == f"{live_server}/proposer"
    assert page.get_by_role("button", name="Continuer").is_visible()
    assert not page.evaluate("document.activeElement === document.querySelector('[name=place]')")
    page.get_by_label("Nom affiché").fill("Ana")
    page.get_by_role("button", name="Continuer").click()
    check = page.locator("section.check")
    assert "Nous cherchons dix voisins." in check.inner_text()
    assert check.locator("strong", has_text="dix").is_visible()
    assert "Nom affiché : Ana" in check.inner_text().replace("\xa0", " ")


def test_a_former_commune_chosen_from_the_list_stays_written_so(
    page: Page, live_server: str, sample_engine: Engine
) -> None:
    page.goto(f"{live_server}/proposer")
    fill_in(page, "")
    page.get_by_label("Commune ou adresse").press_sequentially("Pierrefitte-sur-S")
    row = page.locator(".suggestion", has_text="Pierrefitte-sur-Seine")
    assert "aujourd’hui Saint-Denis, Seine-Saint-Denis" in row.first.inner_text()
    row.first.click()
    assert page.get_by_label("Commune ou adresse").input_value() == "Pierrefitte-sur-Seine (93)"
    page.get_by_role("button", name="Continuer").click()
    understood = page.locator("[data-understood]")
    assert understood.get_attribute("data-understood") == f"commune:{SAINT_DENIS}"
    assert page.get_by_text("« Pierrefitte-sur-Seine » en fait partie aujourd’hui.").is_visible()


def test_a_pin_is_put_and_moved_by_keys_and_taken_away(
    page: Page, live_server: str, sample_engine: Engine
) -> None:
    page.goto(f"{live_server}/proposer?commune={SAINT_DENIS}")
    page.locator("#map[data-state=ready]").wait_for()
    page.locator("#map canvas").click(position={"x": 150, "y": 110})
    lon = page.locator("input[name=lon]")
    first = float(lon.input_value())
    page.get_by_role("button", name="Épingle").press("ArrowLeft")
    assert float(lon.input_value()) < first
    page.get_by_label("L’enlever").check()
    assert lon.input_value() == ""
    assert page.locator(".propose-pin").count() == 0


def test_what_was_typed_is_there_after_the_window_was_closed(
    page: Page, live_server: str, sample_engine: Engine
) -> None:
    page.goto(f"{live_server}/proposer")
    fill_in(page, "Rennes")
    other = page.context.new_page()
    page.close()
    other.goto(f"{live_server}/proposer")
    other.get_by_role("button", name="Reprendre").click()
    assert other.get_by_label("Titre").input_value() == TITLE
    assert other.get_by_label("Commune ou adresse").input_value() == "Rennes"
    assert other.locator("#theme-alimentation").is_checked()
    assert other.get_by_label("Votre adresse électronique").input_value() == ""
    other.reload()
    other.locator("#draft").get_by_role("button", name="Effacer").click()
    other.reload()
    assert not other.get_by_role("button", name="Reprendre").is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_no_rule_of_accessibility_is_broken(
    browser: Browser, live_server: str, sample_engine: Engine, width: int, scheme: str
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    context = browser.new_context(
        locale="fr-FR",
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(f"{live_server}/proposer")
    found = {"form": look(page, width)}
    page.get_by_role("button", name="Continuer").click()
    page.locator("#mistakes").wait_for()
    found["mistakes"] = look(page, width)
    fill_in(page, "Saint-Denis")
    page.locator("[name=title]").fill(TITLE)
    page.get_by_role("button", name="Continuer").click()
    page.locator(".check").wait_for()
    found["check"] = look(page, width)
    page.get_by_label("Seine-Saint-Denis").first.check()
    page.get_by_role("button", name="Voir ce lieu").click()
    page.locator(f'[data-understood="commune:{SAINT_DENIS}"]').wait_for()
    context.close()
    assert {path: told for path, told in found.items() if told} == {}


def look(page: Page, width: int) -> list[str]:
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    return violations(page)
