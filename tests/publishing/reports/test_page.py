"""The page by itself, in a browser without a network."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Connection

from mapservice.publishing.reports import page as report_page
from tests.browser.test_accessibility import violations
from tests.publishing.reports.conftest import BASE, HOSTILE, Reading

SIZES = ((390, 844), (1280, 900))
# What a document or its style loads by itself; links of people are not.
LOADED = re.compile(
    r"""(?:\bsrc|\bsrcset|<link[^>]*\bhref)\s*=\s*["']?([^"'\s>]+)|url\(["']?([^"')]+)"""
)
SCRIPT = re.compile(r"<script([^>]*)>.*?</script>", re.DOTALL)


@pytest.fixture
def report_file(snapshot: Connection, reading: Reading, tmp_path: Path) -> Path:
    path = tmp_path / "rapport.html"
    path.write_text(
        report_page.render(snapshot, reading("territory=departement:35")), encoding="utf-8"
    )
    return path


@pytest.fixture(params=SIZES, ids=("phone", "desktop"))
def offline(
    browser: Browser, report_file: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[Page, list[str]]]:
    """The file opened from the disk, the network off, and all that went wrong or was asked for."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, locale="fr-FR")
    context.set_offline(True)
    page, seen = context.new_page(), []
    page.on("console", lambda message: seen.append(f"{message.type} {message.text}"))
    page.on("pageerror", lambda error: seen.append(f"error {error}"))
    page.on("requestfailed", lambda one: seen.append(f"failed {one.url}"))
    page.on("request", lambda one: seen.append(one.url) if one.url[:5] != "data:" else None)
    page.goto(report_file.as_uri())
    yield page, seen
    context.close()


def test_it_loads_nothing_and_complains_of_nothing(
    offline: tuple[Page, list[str]], report_file: Path
) -> None:
    page, seen = offline
    page.locator(".leaflet-interactive").first.wait_for()
    page.locator(".leaflet-control-zoom-in").click()
    assert seen == [report_file.as_uri()]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert (wide, page.evaluate("document.fonts.check('1rem \"Atkinson Hyperlegible Next\"')")) == (
        0,
        True,
    )
    box = page.locator(".table")
    assert box.evaluate("one => one.scrollWidth - one.clientWidth") == 0


def test_nothing_in_it_names_a_place_to_load_from(report_file: Path) -> None:
    html = report_file.read_text(encoding="utf-8")
    marked_up = SCRIPT.sub("", html)
    loaded = {one or two for one, two in LOADED.findall(marked_up)}
    assert {address.partition(":")[0] for address in loaded} <= {"data", "#default#VML"}, loaded
    assert {match[1] for match in SCRIPT.finditer(html)} == {""}
    # What Leaflet names: namespaces, its site for a credit not shown, and bugs in comments.
    hosts = set(re.findall(r"https?://([\w.-]+)", html)) - {BASE.rpartition("/")[2]}
    assert hosts <= {"www.w3.org", "leafletjs.com", "bugs.chromium.org", "bugzilla.mozilla.org"}


def test_an_area_tells_what_the_table_tells(offline: tuple[Page, list[str]]) -> None:
    page, _seen = offline
    page.evaluate(
        """() => {
            const map = Object.values(window).find((one) => one instanceof L.Map);
            map.eachLayer((layer) => {
                if (!layer.feature || layer.feature.id !== "35003") return;
                layer.fire("click", {latlng: layer.getBounds().getCenter()}, true);
            });
        }"""
    )
    card = page.locator(".leaflet-popup .card")
    row = page.locator("#t35003 td").all_inner_texts()
    assert card.locator("dd").all_inner_texts() == row
    assert card.locator("strong").inner_text() == page.locator("#t35003 th").inner_text()
    assert card.locator("li a").all_inner_texts() == ["Lavoir", "Four à pain", "Verger"]


def test_the_colour_of_an_area_is_that_of_its_row(offline: tuple[Page, list[str]]) -> None:
    page, _seen = offline
    differing = page.evaluate(
        """() => {
            const map = Object.values(window).find((one) => one instanceof L.Map);
            const found = [];
            let areas = 0;
            map.eachLayer((layer) => {
                const swatch = layer.feature
                    && document.querySelector(`#t${layer.feature.id} .swatch`);
                if (!swatch) return;
                areas += 1;
                const probe = document.createElement("i");
                probe.style.color = layer.options.fillColor;
                document.body.append(probe);
                const drawn = getComputedStyle(probe).color;
                const told = getComputedStyle(swatch);
                const hatched = layer.options.fillColor === "url(#hatch)";
                const plain = told.backgroundImage === "none";
                if (hatched ? plain : told.backgroundColor !== drawn) found.push(layer.feature.id);
            });
            return [areas, found];
        }"""
    )
    assert differing == [332, []]


def test_rows_are_sorted_by_a_click(offline: tuple[Page, list[str]]) -> None:
    page, _seen = offline
    page.get_by_role("button", name="Habitants").click()
    assert page.locator("tbody tr th").first.inner_text() == "Rennes"
    page.get_by_role("button", name="Commune").click()
    assert page.locator("tbody tr th").first.inner_text() == "Acigné"
    assert page.locator("thead th").first.get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="Commune").click()
    assert page.locator("thead th").first.get_attribute("aria-sort") == "descending"


def test_a_title_is_never_markup(offline: tuple[Page, list[str]]) -> None:
    page, _seen = offline
    assert page.title().startswith("Les initiatives en Ille-et-Vilaine")
    assert page.locator(".foremost a").first.inner_text() == HOSTILE


@pytest.mark.long
def test_it_breaks_no_rule_of_axe(offline: tuple[Page, list[str]]) -> None:
    page, _seen = offline
    page.locator(".leaflet-interactive").first.wait_for()
    assert violations(page) == []
