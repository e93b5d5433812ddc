"""Events in a browser: list, map, page, registering and leaving, without scripts too."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from mapservice.events import fixtures
from mapservice.geocoding.service import Locator
from mapservice.groups import fixtures as group_fixtures
from tests.accounts.people.mailbox import last_link, mails_to

pytestmark = pytest.mark.long

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = ((390, "fr-FR", "dark"), (1280, "en-GB", "light"))
ADDRESS = "venir@example.org"
SHOWN = """() => {
  const { map } = document.getElementById("map");
  return map?.getLayer("events") && map.queryRenderedFeatures({ layers: ["events"] }).length > 0;
}"""


@pytest.fixture(scope="module")
def events(sample_url: str, locator: Locator) -> Iterator[Engine]:
    """The sample's events before the browser; they go again."""
    engine = make_engine(sample_url)
    with engine.begin() as connection:
        fixtures.load_sample(connection, locator, datetime.now(UTC))
    yield engine
    with engine.begin() as connection:
        fixtures.remove(connection)
        connection.execute(text("TRUNCATE person, delivery, tally CASCADE"))
    engine.dispose()


def one(engine: Engine, title: str) -> str:
    """The path of an event with this title."""
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT id FROM event WHERE title = :title ORDER BY starts_at LIMIT 1"),
            {"title": title},
        ).scalar_one()
    return f"/evenements/{found}"


def test_without_scripts_one_finds_registers_and_leaves(
    plain_page: Page, live_server: str, events: Engine
) -> None:
    page = plain_page
    page.goto(f"{live_server}/evenements?q=couture")
    page.locator(".card-title a").first.click()
    assert "Atelier couture" in page.locator("h1").inner_text()
    page.get_by_role("link", name="S’inscrire").click()
    page.fill("#email", ADDRESS)
    page.fill("#name", "Zoé")
    page.get_by_role("button", name="M’inscrire").click()
    page.goto(live_server + last_link(events, ADDRESS))
    page.get_by_role("button", name="Confirmer mon inscription").click()
    assert "confirmée, 1 place" in page.locator("[role=status]").inner_text()
    page.get_by_role("button", name="Je ne viens plus").click()
    assert page.get_by_role("button", name="M’inscrire").is_visible()
    assert [mail.kind for mail in mails_to(events, ADDRESS)] == ["event_register", "event_seat"]


@pytest.mark.long
@pytest.mark.parametrize(("width", "locale", "scheme"), LOOKS)
def test_no_rule_is_broken_and_nothing_overflows(
    browser: Browser, live_server: str, events: Engine, width: int, locale: str, scheme: Any
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    context = browser.new_context(
        locale=locale, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page = context.new_page()
    event = one(events, "Atelier couture : réparer plutôt que jeter")
    wrong = []
    for path in (
        "/evenements",
        "/evenements?when=weekend&vue=carte",
        "/evenements?q=zzxqyyv",
        event,
        f"{event}/inscription",
        "/evenements/proposer",
        "/territoires/commune/75056",
    ):
        page.goto(live_server + path)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = page.evaluate(
            "rules => axe.run(document, { runOnly: { type: 'tag', values: rules } })", RULES
        )
        wrong += [
            f"{path} {rule['id']}: {[node['html'][:120] for node in rule['nodes'][:3]]}"
            for rule in found["violations"]
        ]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"{path} is wider than {width}")
    context.close()
    assert wrong == []


@pytest.mark.long
def test_the_map_shows_rings_that_lead_to_events(
    page: Page, live_server: str, events: Engine
) -> None:
    page.goto(f"{live_server}/evenements?vue=carte")
    page.wait_for_function(SHOWN, timeout=60_000)
    shown = page.evaluate(
        "document.getElementById('map').map.getStyle().layers"
        ".filter((one) => one.source === 'initiatives' && one.layout?.visibility !== 'none').length"
    )
    assert shown == 0


KINDS_SHOWN = """() => {
  const { map } = document.getElementById("map");
  if (!map?.isStyleLoaded()) return null;
  const drawn = (id) => map.getLayer(id) && map.getLayoutProperty(id, "visibility") !== "none";
  return ["singles", "events", "groups"].filter(drawn).join();
}"""
SPOT = """() => {
  const { map } = document.getElementById("map");
  const spots = map.queryRenderedFeatures({ layers: ["groups"] });
  const one = spots.find(({ properties }) => properties.id);
  const { x, y } = map.project(one.geometry.coordinates);
  const box = map.getContainer().getBoundingClientRect();
  return { id: one.properties.id, name: one.properties.name, x: box.x + x, y: box.y + y + 10 };
}"""


@pytest.mark.parametrize("width", [390, 1280])
def test_the_map_switches_between_initiatives_events_and_groups(
    browser: Browser, live_server: str, events: Engine, locator: Locator, width: int
) -> None:
    with events.begin() as connection:
        group_fixtures.load_sample(connection, locator, datetime.now(UTC))
    context = browser.new_context(locale="fr-FR", viewport={"width": width, "height": 844})
    page = context.new_page()
    shows = f"shown => ({KINDS_SHOWN})() === shown"
    try:
        page.goto(live_server)
        page.wait_for_function(shows, arg="singles", timeout=60_000)
        if width == 390:  # one button, which covers no ground
            page.locator(".kind-toggle").click()
        for kind in ("evenements", "groupes"):
            key = page.locator(f"[data-key=voir-{kind}]")
            size = key.bounding_box()
            assert size
            assert size["height"] >= 44
            key.focus()
            page.keyboard.press("Enter")
            page.wait_for_url(f"**/*{kind}*")
            expect(page.locator(f"[data-key=voir-{kind}]")).to_be_focused()
        page.wait_for_function(shows, arg="singles,events,groups", timeout=60_000)
        assert "voir=initiatives,evenements,groupes" in page.url
        called = page.locator("#map canvas").get_attribute("aria-label")
        assert called
        assert "groupes" in called
        expect(page.locator("#map-events .card").first).to_be_attached()
        expect(page.locator(".legend-evenements")).to_be_attached()
        for kind in ("initiatives", "evenements"):
            page.locator(f"[data-key=voir-{kind}]").click()
            expect(page.locator(f"[data-key=voir-{kind}][aria-current]")).to_have_count(0)
        page.wait_for_function(shows, arg="groups", timeout=60_000)
        expect(page.locator("#results")).to_have_count(0)
        page.wait_for_function(
            "document.getElementById('map').map.queryRenderedFeatures({ layers: ['groups'] })"
            ".some(({ properties }) => properties.id)",
            timeout=60_000,
        )
        spot = page.evaluate(SPOT)
        page.mouse.click(spot["x"], spot["y"])
        card = page.locator(".map-card-groups")
        expect(card).to_contain_text(spot["name"])
        expect(card.locator(f"a[href='/groupes/{spot['id']}']").first).to_be_attached()
        page.go_back()
        page.wait_for_function(shows, arg="events,groups", timeout=60_000)
    finally:
        context.close()
        with events.begin() as connection:
            group_fixtures.remove(connection)


# The names shown of towns, how many signs there are, and the names that lie over the middle of one.
UNDER_SIGNS = """async () => {
  const { SPOTS } = await import("/static/js/town-names.js");
  const map = document.getElementById("map").map;
  const layers = ["events", "groups"].filter((id) => map.getLayer(id));
  const rendered = () => map.queryRenderedFeatures({ layers });
  const soon = () => new Promise((done) => setTimeout(done, 100));
  for (let n = 0; n < 300 && !(rendered().length && map.loaded()); n++) await soon();
  const signs = rendered().filter(({ properties }) => properties.precision !== "point")
    .map(({ geometry }) => map.project(geometry.coordinates));
  const context = document.createElement("canvas").getContext("2d");
  const labels = map.queryRenderedFeatures({ layers: ["town-labels"] });
  const names = labels.map(({ geometry, properties }) => {
    const { name, size, spot } = properties;
    const { anchor, offset } = SPOTS[spot];
    context.font = `500 ${size}px "Atkinson Hyperlegible Next Variable"`;
    const wide = context.measureText(name).width;
    const { x, y } = map.project(geometry.coordinates);
    const back = anchor.endsWith("left") ? 0 : anchor.endsWith("right") ? wide : wide / 2;
    const up = anchor.startsWith("top") ? 0 : anchor.startsWith("bottom") ? size : size / 2;
    const [left, top] = [x + offset[0] * size - back, y + offset[1] * size - up];
    return { name, left, top, right: left + wide, bottom: top + size };
  });
  const over = ({ left, right, top, bottom }, { x, y }) =>
    left < x + 5 && x - 5 < right && top < y + 5 && y - 5 < bottom;
  return [names.map(({ name }) => name), signs.length,
    names.filter((name) => signs.some((sign) => over(name, sign))).map(({ name }) => name)];
}"""


def test_names_of_towns_keep_clear_of_signs(page: Page, live_server: str, events: Engine) -> None:
    page.set_viewport_size({"width": 1280, "height": 820})
    page.goto(f"{live_server}/evenements?vue=carte")
    page.wait_for_selector("#map[data-state=ready]", timeout=60_000)
    names, signs, hidden = page.evaluate(UNDER_SIGNS)
    assert min(len(names), signs) > 5
    assert hidden == []
