"""From an idea to the map, in a real browser: with scripts or not, on a phone or at a desk."""

from collections.abc import Iterator

import mapbox_vector_tile
import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from tests.browser.test_accessibility import AXE, violations
from tests.conftest import REVIEW_KEY
from tests.http.population import Made, insert
from tests.people.mailbox import last_link, mails_to

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


@pytest.fixture(params=[(390, True), (1280, True), (390, False)], ids=str)
def visitor(browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Page, bool]]:
    """A page, and whether it runs scripts."""
    width, scripts = request.param
    context = browser.new_context(
        locale="fr-FR", viewport={"width": width, "height": 844}, java_script_enabled=scripts
    )
    yield context.new_page(), scripts
    context.close()


def moderator(browser: Browser, like: BrowserContext, scripts: bool) -> BrowserContext:
    size = like.pages[0].viewport_size
    return browser.new_context(
        locale="fr-FR",
        viewport=size,
        java_script_enabled=scripts,
        http_credentials={"username": "Eva", "password": REVIEW_KEY},
    )


def fill_in(page: Page, place: str) -> None:
    page.get_by_label("Titre").fill(TITLE)
    page.get_by_label("Description").fill("Nous cherchons **dix** voisins.")
    page.locator("label", has_text="Alimentation").click()
    page.get_by_label("Commune ou adresse").fill(place)
    page.get_by_label("Votre adresse électronique").fill(ADDRESS)
    page.keyboard.press("Escape")


def test_from_an_idea_to_the_map(
    visitor: tuple[Page, bool], browser: Browser, live_server: str, sample_engine: Engine
) -> None:
    page, scripts = visitor
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{live_server}/proposer")
    fill_in(page, "Pierrefitte-sur-Seine")
    page.get_by_role("button", name="Continuer").click()
    page.locator("[data-understood]").wait_for()
    assert page.locator("[data-understood]").text_content() == "dans la commune de Saint-Denis"
    assert "« Pierrefitte-sur-Seine » en fait partie" in page.locator(".check").inner_text()
    assert "Le verger de la mairie" in page.locator(".alike").inner_text()
    page.get_by_role("button", name="Envoyer ma proposition").click()
    page.wait_for_url("**/connexion/envoyee")
    page.goto(live_server + last_link(sample_engine))
    page.get_by_role("button", name="Envoyer ma proposition").click()
    page.wait_for_url("**/suivi")
    assert page.locator("[data-status]").get_attribute("data-status") == "pending"
    identifier = page.url.split("/")[-2]
    assert page.request.get(f"{live_server}/initiatives/{identifier}").status == 404
    publish(browser, page.context, scripts, live_server)
    assert mails_to(sample_engine)[-1].kind == "proposal_published"
    page.goto(f"{live_server}/initiatives?territory=commune:{SAINT_DENIS}")
    assert page.get_by_role("link", name=TITLE).first.is_visible()
    assert identifier in drawn(page, live_server, sample_engine, identifier)
    assert problems == []


def publish(browser: Browser, like: BrowserContext, scripts: bool, live_server: str) -> None:
    """By the keyboard where there are scripts, else by the button."""
    context = moderator(browser, like, scripts)
    page = context.new_page()
    page.goto(f"{live_server}/moderation")
    page.get_by_role("button", name="Relire la suivante").click()
    page.locator("#verdict").wait_for()
    if scripts:
        page.wait_for_load_state("load")
        page.keyboard.press("p")
    else:
        page.get_by_role("button", name="Publier").click()
    page.wait_for_url("**decided=*")
    assert page.get_by_role("status").inner_text().startswith(f"« {TITLE} » : publiée.")
    context.close()


def drawn(page: Page, live_server: str, engine: Engine, identifier: str) -> set[str]:
    """The ids in the tile of zoom 14 where maps show it."""
    with engine.connect() as connection:
        column, row = connection.execute(text(TILE), {"id": identifier}).one()
    answer = page.context.request.get(f"{live_server}/tiles/initiatives/14/{column}/{row}.pbf")
    layers = mapbox_vector_tile.decode(answer.body()).values()
    return {one["properties"].get("id", "") for layer in layers for one in layer["features"]}


TILE = """
SELECT CAST(floor((ST_X(anchor) + 180) / 360 * 16384) AS integer),
       CAST(floor((1 - asinh(tan(radians(ST_Y(anchor)))) / pi()) / 2 * 16384) AS integer)
  FROM initiative WHERE id = :id"""


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
        http_credentials={"username": "Eva", "password": REVIEW_KEY},
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
    page.get_by_role("button", name="Envoyer ma proposition").click()
    page.wait_for_url("**/connexion/envoyee")
    page.goto(live_server + last_link(sample_engine))
    page.get_by_role("button", name="Envoyer ma proposition").click()
    page.wait_for_url("**/suivi")
    identifier = page.url.split("/")[-2]
    for path in (
        f"/initiatives/{identifier}/suivi",
        f"/initiatives/{identifier}/modifier",
        f"/initiatives/{identifier}/historique",
        "/compte",
        "/moderation",
        f"/moderation/{identifier}",
    ):
        page.goto(live_server + path)
        found[path] = look(page, width)
    context.close()
    assert {path: told for path, told in found.items() if told} == {}


def look(page: Page, width: int) -> list[str]:
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    return violations(page)
