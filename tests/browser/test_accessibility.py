"""Every page: no rule of axe-core is broken and nothing is wider than the window.

Both languages, both widths, light and dark. A new page has to be named here.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.db.engine import make_engine
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.browser import pages
from tests.site.test_plain_words import visible

pytestmark = pytest.mark.long

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The others show what is there without a map: drawing each of them would take minutes.
MAPS = re.compile(r"/vendor/maplibre-gl/.*\.mjs|/dessins/|/coordination[^?]*[.]svg")
WITH_MAP = ("/", "/autour-de-moi?near=-1.68,48.11&radius=20000")
# With some signs around it, which name it.
PLAIN_SPACE = re.compile(r".{0,20} [:;!?»].{0,9}|« .{0,20}")
# What samples say, which is theirs to space.
BY_PEOPLE = """
SELECT concat_ws(' ', title, summary, description, place_text) FROM initiative
 UNION ALL SELECT concat_ws(' ', title, summary, description, place_text) FROM event
 UNION ALL SELECT concat_ws(' ', name, summary, description) FROM local_group
 UNION ALL SELECT text FROM post"""
LOOKS = ((390, "fr-FR", "dark"), (1280, "en-GB", "light"))


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


@pytest.fixture(scope="module")
def inner(sample_url: str) -> Iterator[Flask]:
    """The service on the same database, to make things by."""
    app = create_app(Settings(database_url=sample_url, public_url="http://map.test"))
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture(scope="module")
def engine_here(sample_url: str) -> Iterator[Engine]:
    """That of the service before the browser; what is made here goes again."""
    engine = make_engine(sample_url)
    yield engine
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM initiative USING proposal WHERE id = initiative"))
        connection.execute(text("TRUNCATE person, local_group, delivery, tally CASCADE"))
    engine.dispose()


@pytest.fixture(scope="module")
def named(inner: Flask, engine_here: Engine) -> Mapping[str, str]:
    return pages.make(inner, engine_here)


def test_every_page_is_looked_at(inner: Flask, named: Mapping[str, str]) -> None:
    paths = inner.url_map.bind("map.test")
    asked = {one.format(**named).partition("?")[0] for one in (*pages.OPEN, *pages.OWN)}
    seen = {paths.match(path)[0] for path in asked - {pages.NOWHERE}}
    known = {
        rule.endpoint
        for rule in inner.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and not rule.rule.startswith("/api/")
        and not {rule.endpoint, rule.endpoint.partition(".")[0]} & pages.NO_PAGE
    }
    assert known - seen == set()


def test_no_french_page_or_mail_has_a_plain_space_before_its_signs(
    inner: Flask, engine_here: Engine, named: Mapping[str, str]
) -> None:
    client = inner.test_client()
    client.set_cookie("personne", named["session"], domain="map.test")
    told = {}
    for path in (*pages.OPEN, *pages.OWN):
        answer = client.get(
            path.format(**named), base_url="http://map.test", headers={"Accept-Language": "fr"}
        )
        if answer.mimetype == "text/html":
            told[path] = visible(answer.text)
    with engine_here.connect() as connection:
        by_people = " ".join(connection.execute(text(BY_PEOPLE)).scalars())
        for mail in connection.execute(text("SELECT kind, subject, text, html FROM delivery")):
            told[f"mail {mail.kind}"] = f"{mail.subject}\n{mail.text}\n{visible(mail.html)}"
    assert len(told) > 100
    bad = [
        f"{where}: {found[0]!r}"
        for where, words in told.items()
        for found in PLAIN_SPACE.finditer(words)
        if found[0].strip() not in by_people
    ]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize(("width", "locale", "scheme"), LOOKS)
def test_no_rule_is_broken_and_nothing_overflows(
    browser: Browser,
    live_server: str,
    named: Mapping[str, str],
    width: int,
    locale: str,
    scheme: Any,
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    context = browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        base_url=live_server,
    )
    page = context.new_page()
    page.route(MAPS, only_where_it_is_waited_for)
    told = {path: look(page, path.format(**named), width) for path in pages.OPEN}
    context.add_cookies([{"name": "personne", "value": named["session"], "url": live_server}])
    told |= {f"own {path}": look(page, path.format(**named), width) for path in pages.OWN}
    context.close()
    assert {path: found for path, found in told.items() if found} == {}


def only_where_it_is_waited_for(route: Route) -> None:
    address = urlsplit(route.request.frame.url)
    here = f"{address.path}?{address.query}" if address.query else address.path
    if here in WITH_MAP:
        route.continue_()
    else:
        route.abort()


def look(page: Page, path: str, width: int) -> list[str]:
    answer = page.goto(path)
    assert answer is not None
    assert answer.ok is (path not in (pages.NOWHERE, pages.DEAD_LINK)), (path, answer.status)
    if path in WITH_MAP:
        page.wait_for_function("() => document.getElementById('map').dataset.state")
    wide = page.evaluate("document.documentElement.scrollWidth")
    return violations(page) + ([f"{wide} pixels wide"] if wide > width else [])
