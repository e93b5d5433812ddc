"""From looking near Rennes to an idea of one's own on the map, in both languages, and all by mail.

Pierrefitte-sur-Seine is part of Saint-Denis (93066) since 2025.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message

import mapbox_vector_tile
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from mapservice.i18n import catalogue
from mapservice.mail.service import send_due
from mapservice.mail.transport import transport_of
from tests.accounts.roles.cast import grant
from tests.browser.test_map import open_map
from tests.mail.conftest import settings_for
from tests.mail.post_office import PostOffice
from tests.notifications.subscriptions.readers import tell
from tests.web.population import Made, column_row, insert

pytestmark = pytest.mark.long

RENNES, SAINT_DENIS, PIERREFITTE = "35238", "93066", "93059"
ILE_DE_FRANCE = "region:11"
READER, AUTHOR, MODERATOR = "zoe@example.org", "ana@example.org", "eva@example.org"
OVEN = Made(
    title="Le four à pain des Horizons",
    theme="alimentation",
    precision="point",
    commune=RENNES,
    lon=-1.672,
    lat=48.0995,
    supporters=3,
)
CHOIR = Made(title="Une chorale au Blosne", theme="culture", commune=RENNES)
ORCHARD = Made(title="Le verger de la mairie", commune=SAINT_DENIS)
TITLE = "Un verger derrière la mairie"

WAYS = {
    "fr-1280-js": ("fr-FR", 1280, True),
    "en-390-js": ("en-GB", 390, True),
    "fr-390-plain": ("fr-FR", 390, False),
}


@dataclass
class Visit:
    """One person's browser. `say` gives a phrase of the interface in their language."""

    page: Page
    base: str
    scripts: bool
    say: Callable[[str], str]
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def open(self, address: str) -> None:
        answer = self.page.goto(self.base + address if address.startswith("/") else address)
        assert answer is not None
        assert answer.ok, f"{address}: {answer.status}"
        self.check()

    def press(self, words: str) -> None:
        self.page.get_by_role("button", name=self.say(words), exact=True).click()

    def fill(self, label: str, value: str) -> None:
        self.page.get_by_label(self.say(label)).fill(value)

    def check(self) -> None:
        """The page is no wider than the window, and in the language asked for."""
        size = self.page.viewport_size
        assert size is not None
        self.page.wait_for_load_state()  # a heading may stand there before its stylesheet does
        assert self.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        language = "en" if self.say("Soutenir") == "Support" else "fr"
        expect(self.page.locator("html")).to_have_attribute("lang", language)

    def heading(self, words: str) -> None:
        expect(self.page.locator("h1")).to_have_text(words)
        self.check()


@dataclass(frozen=True)
class World:
    """The service, its database, and the post office that its mails go to."""

    base: str
    engine: Engine
    office: PostOffice

    def mail(self, recipient: str, words: str) -> str:
        """Sends what is due; returns the text of the last one for somebody that says this."""
        send_due(self.engine, transport_of(settings_for(self.office.url, timeout_ms=10_000)))
        texts = [plain(mail) for mail in self.office.taken if mail["To"] == recipient]
        return [one for one in texts if words in one][-1]

    def link(self, recipient: str) -> str:
        found = re.search(r"http://\S+/confirmer/[\w-]+", self.mail(recipient, "/confirmer/"))
        assert found
        return found[0]


@pytest.fixture
def world(live_server: str, sample_url: str) -> Iterator[World]:
    """The sample and three initiatives more, which are gone afterwards."""
    engine = make_engine(sample_url)
    clear(engine)
    with engine.begin() as connection:
        insert(connection, [OVEN, CHOIR, ORCHARD])
    with PostOffice() as office:
        yield World(live_server, engine, office)
    clear(engine)
    engine.dispose()


def clear(engine: Engine) -> None:
    titles = [one.title for one in (OVEN, CHOIR, ORCHARD)]
    with engine.begin() as connection:
        connection.execute(
            text(
                "DELETE FROM initiative WHERE title = ANY(:titles)"
                " OR id IN (SELECT initiative FROM proposal)"
            ),
            {"titles": titles},
        )
        connection.execute(text("TRUNCATE person, delivery, tally CASCADE"))


@pytest.mark.parametrize("way", WAYS)
def test_from_a_look_around_to_an_idea_on_the_map(world: World, browser: Browser, way: str) -> None:
    locale, width, scripts = WAYS[way]
    say = catalogue(locale[:2]).gettext

    @contextmanager
    def visit() -> Iterator[Visit]:
        with context_of(browser, locale, width, scripts) as context:
            person = Visit(context.new_page(), world.base, scripts, say)
            yield person
            assert person.complaints == []

    with visit() as reader:
        find_near_rennes(reader)
        support(reader, world)
        follow_pierrefitte(reader)
    with visit() as author, visit() as moderator:
        identifier = propose(author, world)
        publish(moderator, world)
        assert TITLE in world.mail(AUTHOR, f"/initiatives/{identifier}")
        see_it_everywhere(author, world, identifier)
    assert tell(world.engine) == 1
    assert world.mail(READER, f"- {TITLE} (")


@contextmanager
def context_of(
    browser: Browser, locale: str, width: int, scripts: bool
) -> Iterator[BrowserContext]:
    context = browser.new_context(
        locale=locale, viewport={"width": width, "height": 844}, java_script_enabled=scripts
    )
    yield context
    context.close()


def plain(mail: Message) -> str:
    """Its text, for who reads no HTML."""
    (part,) = (one for one in mail.walk() if one.get_content_type() == "text/plain")
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def find_near_rennes(visit: Visit) -> None:
    page = visit.page
    visit.open("/")
    page.locator(".nav a[href='/autour-de-moi']").click()
    visit.fill("Une adresse ou une commune", "Rennes")
    page.keyboard.press("Enter")
    page.wait_for_url("**near=*")
    titles = page.locator("#results .card-title")
    for one in (OVEN, CHOIR):
        expect(titles.filter(has_text=one.title)).to_be_visible()
    page.locator("[data-key=alimentation]").click()
    page.wait_for_url("**theme=alimentation*")
    expect(titles.filter(has_text=OVEN.title)).to_be_visible()
    expect(titles.filter(has_text=CHOIR.title)).to_have_count(0)
    visit.check()
    page.get_by_role("link", name=OVEN.title).click()
    visit.heading(OVEN.title)


def support(visit: Visit, world: World) -> None:
    page = visit.page
    before = supporters(world)
    page.get_by_role("link", name=visit.say("Soutenir"), exact=True).click()
    visit.heading(visit.say("Soutenir une initiative"))
    visit.fill("Votre adresse électronique", READER)
    visit.fill("Votre commune (facultatif)", "Rennes")
    visit.press("Soutenir")
    page.wait_for_url("**/connexion/envoyee")
    visit.check()
    assert supporters(world) == before
    visit.open(world.link(READER))
    visit.press("Je soutiens")
    status = page.get_by_role("status")
    expect(status).to_have_text(visit.say("Votre soutien est compté. Merci."))
    visit.check()
    assert supporters(world) == before + 1


def supporters(world: World) -> int:
    with world.engine.connect() as connection:
        statement = text("SELECT supporters FROM initiative WHERE id = :id")
        return int(connection.execute(statement, {"id": OVEN.id}).scalar_one())


def follow_pierrefitte(visit: Visit) -> None:
    """Its former code leads to the commune that it is part of, and says why."""
    page = visit.page
    visit.open(f"/territoires/commune/{PIERREFITTE}")
    assert f"/territoires/commune/{SAINT_DENIS}?" in page.url
    visit.heading("Saint-Denis")
    expect(page.locator("main")).to_contain_text("Pierrefitte-sur-Seine")
    page.get_by_role("link", name=visit.say("Suivre (courriel)")).first.click()
    visit.press("Suivre")
    page.wait_for_url("**/compte#mes-suivis")
    expect(page.locator(".follow-list")).to_contain_text("Saint-Denis")
    visit.check()


def propose(visit: Visit, world: World) -> str:
    """Returns the id of what now waits."""
    page, say = visit.page, visit.say
    visit.open("/")
    page.locator(".propose-way").click()
    visit.heading(say("Proposer une initiative"))
    visit.fill("Titre", TITLE)
    page.locator("label", has_text=say("Alimentation")).click()
    visit.fill("Commune ou adresse", "Pierrefitte-sur-Seine")
    visit.fill("Votre adresse électronique", AUTHOR)
    page.keyboard.press("Escape")
    visit.press("Continuer")
    understood = page.locator("[data-understood]")
    expect(understood).to_have_attribute("data-understood", f"commune:{SAINT_DENIS}")
    expect(understood).to_contain_text("Saint-Denis")
    part_of = say("« %(name)s » en fait partie aujourd’hui.") % {"name": "Pierrefitte-sur-Seine"}
    expect(page.locator(".check")).to_contain_text(part_of)
    expect(page.locator(".alike .card-title", has_text=ORCHARD.title)).to_be_visible()
    visit.check()
    visit.press("Envoyer, puis confirmer par courriel")
    page.wait_for_url("**/connexion/envoyee")
    visit.open(world.link(AUTHOR))
    visit.press("Envoyer ma proposition")
    page.wait_for_url("**/suivi")
    visit.heading(TITLE)
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "pending")
    identifier = page.url.split("/")[-2]
    assert page.request.get(f"{world.base}/initiatives/{identifier}").status == 404
    return identifier


def publish(visit: Visit, world: World) -> None:
    """By the keyboard where there are scripts, else by the button."""
    page = visit.page
    grant(world.engine, MODERATOR, "moderator", ILE_DE_FRANCE)
    visit.open("/connexion?suite=/moderation")
    visit.fill("Votre adresse électronique", MODERATOR)
    visit.press("Recevoir un lien")
    page.wait_for_url("**/connexion/envoyee")
    visit.open(world.link(MODERATOR))
    visit.press("Me connecter")
    page.wait_for_url("**/moderation")
    visit.open(f"/moderation?territory=commune:{SAINT_DENIS}")
    page.get_by_role("link", name=TITLE).click()
    page.locator("#verdict").wait_for()
    visit.heading(TITLE)
    if visit.scripts:
        page.wait_for_load_state("load")
        page.keyboard.press("p")
    else:
        page.get_by_role("button", name=visit.say("Publier")).click()
    page.wait_for_url("**decided=*")
    visit.check()


def see_it_everywhere(visit: Visit, world: World, identifier: str) -> None:
    page, place = visit.page, f"territory=commune:{SAINT_DENIS}"
    link = f"a[href$='/initiatives/{identifier}']"
    for path in (f"/initiatives?{place}", f"/territoires/commune/{SAINT_DENIS}"):
        visit.open(path)
        expect(page.locator(link).first).to_be_visible()
    feed = page.request.get(f"{world.base}/initiatives.atom?{place}").text()
    assert identifier in feed
    assert TITLE in feed
    lon, lat = anchor(world, identifier)
    assert identifier in in_tile(page, world, lon, lat)
    visit.open(f"/?{place}")
    if visit.scripts:
        open_map(page, f"{world.base}/#15/{lat}/{lon}")
        page.locator("#map canvas").click()
        expect(page.locator(f"#map {link}")).to_be_visible()
    else:
        expect(page.locator(f"#results {link}")).to_be_visible()
        drawing = page.locator(".map-drawing img")
        assert page.request.get(world.base + str(drawing.get_attribute("src"))).ok


def anchor(world: World, identifier: str) -> tuple[float, float]:
    """Where maps show it, EPSG:4326."""
    with world.engine.connect() as connection:
        statement = text("SELECT ST_X(anchor), ST_Y(anchor) FROM initiative WHERE id = :id")
        lon, lat = connection.execute(statement, {"id": identifier}).one()
    return lon, lat


def in_tile(page: Page, world: World, lon: float, lat: float) -> set[str]:
    """The ids that the tile of zoom 14 shows."""
    column, row = column_row(14, lon, lat)
    answer = page.request.get(f"{world.base}/tiles/initiatives/14/{column}/{row}.pbf")
    layers = mapbox_vector_tile.decode(answer.body()).values()
    return {one["properties"].get("id", "") for layer in layers for one in layer["features"]}
