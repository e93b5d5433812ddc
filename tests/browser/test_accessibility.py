"""No rule of axe-core is broken: every page, both widths, both languages, light and dark."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PAGES = (
    "/",
    "/initiatives",
    "/initiatives?theme=culture&q=cinéma",
    "/autour-de-moi",
    "/autour-de-moi?near=-1.68,48.11&radius=20000",
    "/territoires",
    "/territoires/commune/35238",
    "/territoires/departement/35",
    "/coordination",
    "/coordination/departement/35?figure=change&par=epci",
    "/coordination/region/53?avec=region:28",
    "/coordination/region/53/silence",
    "/suivre?territory=commune:35238",
    "/methode",
    "/nulle-part",
)
# Of the others the map is the same; waiting for each to be drawn would take minutes.
WITH_MAP = ("/", "/autour-de-moi?near=-1.68,48.11&radius=20000")
LOOKS = (
    (390, "fr-FR", "light"),
    (390, "en-GB", "dark"),
    (1280, "fr-FR", "dark"),
    (1280, "en-GB", "light"),
)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """What axe finds, each with the first elements that it concerns."""
    # Not by a script element, which the page's own content policy would refuse.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, { runOnly: { type: 'tag', values: rules } })", RULES
    )
    assert len(found["passes"]) > 20
    return [
        f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in found["violations"]
    ]


@pytest.mark.parametrize(("width", "locale", "scheme"), LOOKS)
def test_no_rule_is_broken(
    browser: Browser, live_server: str, width: int, locale: str, scheme: Any
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    context = browser.new_context(
        locale=locale, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page = context.new_page()
    paths = [*PAGES, _an_initiative(page, live_server)]
    try:
        told = {path: _check(page, live_server, path) for path in paths}
    finally:
        context.close()
    assert {path: found for path, found in told.items() if found} == {}


def _check(page: Page, base: str, path: str) -> list[str]:
    page.goto(base + path)
    if path in WITH_MAP:
        page.wait_for_function("() => document.getElementById('map').dataset.state")
    return violations(page)


def _an_initiative(page: Page, live_server: str) -> str:
    answer = page.request.get(f"{live_server}/initiatives.geojson?limit=1&precision=point")
    return f"/initiatives/{answer.json()['features'][0]['id']}"
