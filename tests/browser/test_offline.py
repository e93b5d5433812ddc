"""Installed and offline, in a real browser: what is shown without a network, and of when it is."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.long

PATIENCE = 30_000
LOOKS = [("fr-FR", 390), ("en-GB", 1280)]
WORDS = {
    "fr-FR": {
        "offline": "Vous êtes hors ligne. Cette page date du",
        "absent": "cette page n’est pas gardée sur cet appareil",
        "save": "Enregistrer pour plus tard",
        "saved": "Enregistrée sur cet appareil",
        "copy": "copie du",
        "remove": "Enlever de cet appareil",
        "none": "Rien encore.",
    },
    "en-GB": {
        "offline": "You are offline. This page is of",
        "absent": "this page is not kept on this device",
        "save": "Save for later",
        "saved": "Saved on this device",
        "copy": "copy of",
        "remove": "Remove from this device",
        "none": "Nothing yet.",
    },
}
KEPT = """async (name) => {
  const cache = await caches.open(name);
  return Promise.all((await cache.keys()).map(async (key) => {
    const copy = await cache.match(key);
    const { pathname, search } = new URL(key.url);
    const told = (name) => copy.headers.get(name) ?? "";
    return [pathname + search, told("Cache-Control"), told("X-Kept-At"), await copy.text()];
  }));
}"""
# Whether each line of the words can be read: nothing lies on it.
UNCOVERED = """(band) => [...band.querySelector("p").getClientRects()].every((line) =>
  [0.15, 0.85].every((down) => band.contains(
    document.elementFromPoint(line.left + 20, line.top + line.height * down))))"""
AREA, SAVED = "mapservice-area", "mapservice-saved"


@contextmanager
def visitor(browser: Browser, base: str, locale: str, width: int) -> Iterator[Page]:
    context = browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 844},
        base_url=base,
        reduced_motion="reduce",
        timezone_id="Europe/Paris",
    )
    yield context.new_page()
    context.close()


def kept(page: Page, name: str) -> list[list[str]]:
    found: list[list[str]] = page.evaluate(KEPT, name)
    return [one for one in found if not one[0].startswith("/sw.js")]


def until(page: Page, question: str, arg: Any = None) -> None:
    """Waits for the answer to be true; `wait_for_function` would take any promise for one."""
    end = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(question, arg):
        assert time.monotonic() < end, question
        page.wait_for_timeout(50)


def wait_for_worker(page: Page) -> None:
    until(page, "navigator.serviceWorker.controller?.state === 'activated'")


def wait_for_list(page: Page, path: str) -> None:
    """Until the list that is kept is that of this address."""
    until(
        page,
        """async (path) => (await (await caches.open("mapservice-area")).keys())
             .some((key) => key.url.endsWith(path))""",
        path,
    )


def open_home(page: Page) -> None:
    page.goto("/")
    wait_for_worker(page)
    wait_for_list(page, "/")


def titles(page: Page) -> list[str]:
    return page.locator("#results .card-title").all_inner_texts()


def first_initiative(page: Page) -> str:
    path = page.locator("#results .card-title a").first.get_attribute("href")
    assert path is not None
    return path


@pytest.mark.parametrize(("locale", "width"), LOOKS)
def test_the_last_list_is_read_without_a_network_and_says_of_when(
    browser: Browser, live_server: str, locale: str, width: int
) -> None:
    words = WORDS[locale]
    with visitor(browser, live_server, locale, width) as page:
        open_home(page)
        seen = titles(page)
        assert len(seen) > 5
        page.context.set_offline(True)
        page.reload()
        band = page.locator(".offline-band")
        expect(band).to_contain_text(words["offline"])
        assert re.search(r"\d{1,2} \w+ 20\d\d.{1,6}\d\d:\d\d", band.inner_text())
        assert titles(page) == seen
        expect(page.locator("#map")).to_be_hidden()
        assert band.evaluate(UNCOVERED)
        # Another list is not passed off as this one.
        page.goto("/initiatives?theme=culture")
        expect(page.locator(".offline-band")).to_contain_text(words["absent"])
        expect(page.locator("[data-last-list] [data-at]")).to_contain_text(words["copy"])
        page.locator("[data-last-list] a").click()
        expect(page.locator(".offline-band")).to_contain_text(words["offline"])
        assert titles(page) == seen
        page.context.set_offline(False)
        page.goto("/")
        expect(page.locator(".offline-band")).to_have_count(0)


def test_the_list_of_the_last_frame_of_the_map_is_the_one_that_is_kept(
    browser: Browser, live_server: str
) -> None:
    with visitor(browser, live_server, "fr-FR", 1280) as page:
        open_home(page)
        page.wait_for_selector("#map[data-state=ready]", timeout=PATIENCE)
        page.locator(".far a").nth(4).click()
        until(
            page,
            """async () => (await (await caches.open("mapservice-area")).keys())
                 .some((key) => key.url.includes("/initiatives?bbox="))""",
        )
        seen = titles(page)
        assert len(kept(page, AREA)) == 1
        page.context.set_offline(True)
        page.goto("/")
        expect(page.locator(".offline-band")).to_contain_text("hors ligne")
        assert titles(page) == seen


@pytest.mark.parametrize(("locale", "width"), LOOKS)
def test_a_saved_initiative_is_read_without_a_network(
    browser: Browser, live_server: str, locale: str, width: int
) -> None:
    words = WORDS[locale]
    with visitor(browser, live_server, locale, width) as page:
        open_home(page)
        path = first_initiative(page)
        page.goto(path)
        title = page.locator("h1").inner_text()
        button = page.get_by_role("button", name=words["save"])
        button.click()
        saved = page.get_by_role("button", name=words["saved"])
        expect(saved).to_have_attribute("aria-pressed", "true", timeout=PATIENCE)
        page.context.set_offline(True)
        page.goto("/enregistrees")
        row = page.locator("[data-saved-list] li")
        expect(row).to_have_count(1)
        expect(row).to_contain_text(title)
        expect(row).to_contain_text(words["copy"])
        row.get_by_role("link").click()
        expect(page.locator("h1")).to_have_text(title)
        expect(page.locator(".offline-band")).to_contain_text(words["offline"])
        drawn = page.locator(".map-drawing img")
        assert drawn.evaluate("one => one.complete && one.naturalWidth > 0")
        page.goto("/enregistrees")
        row.get_by_role("button", name=words["remove"]).click()
        expect(row).to_have_count(0)
        expect(page.locator("[data-none]")).to_contain_text(words["none"])
        assert kept(page, SAVED) == []


def test_what_is_kept_is_what_anybody_sees(browser: Browser, live_server: str) -> None:
    """A session, whosever it is, makes pages private: they are fetched again without it."""
    with visitor(browser, live_server, "fr-FR", 1280) as page:
        cookie: Any = {"name": "personne", "value": "somebody", "url": live_server}
        page.context.add_cookies([cookie])
        open_home(page)
        path = first_initiative(page)
        page.goto(path)
        page.get_by_role("button", name="Enregistrer pour plus tard").click()
        expect(page.locator("[data-save] button")).to_have_attribute("aria-pressed", "true")
        page.goto("/autour-de-moi?near=-1.68,48.11")
        page.goto("/connexion")
        copies = kept(page, AREA) + [one for one in kept(page, SAVED) if one[0] == path]
        assert [urlsplit(one[0]).path for one in copies] == ["/", path]
        for _, caching, moment, text in copies:
            assert caching == "no-cache"
            assert moment
            assert "<h1>" in text
        every = page.evaluate(
            """async () => (await Promise.all((await caches.keys()).map(async (name) =>
                 (await (await caches.open(name)).keys()).map((key) => key.url)))).flat()"""
        )
        assert not [
            one for one in every if re.search("tiles|near=|connexion|basemap|preuve|autour", one)
        ]


def test_browsers_find_the_manifest_whole_and_the_site_installable(
    page: Page, live_server: str
) -> None:
    page.goto(live_server)
    wait_for_worker(page)
    session = page.context.new_cdp_session(page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert urlsplit(manifest["url"]).path == "/manifest.webmanifest"
    faults = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # What the tests' own contexts are: private windows.
    assert [one["errorId"] for one in faults if one["errorId"] != "in-incognito"] == []


@contextmanager
def serving(url: str, port: int, **settings: str) -> Iterator[None]:
    """The service by itself on this port, with settings of its own."""
    environ = os.environ | {
        "DATABASE_URL": url,
        "MAPSERVICE_DATABASE_URL": url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        **{f"MAPSERVICE_{name.upper()}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "python:mapservice.gunicorn_conf"]
    server = subprocess.Popen(command, cwd=REPOSITORY, env=environ)
    try:
        ready = False
        while not ready:
            assert server.poll() is None
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=10).close()
                ready = True
            except OSError:
                time.sleep(0.2)
        yield
    finally:
        server.terminate()
        server.wait()


SHELLS = """async () => (await caches.keys()).filter((name) => name.includes("shell"))"""


def test_a_new_version_takes_over_and_the_switch_takes_all_away(
    browser: Browser, sample_url: str
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    with serving(sample_url, port):
        context: BrowserContext = browser.new_context(base_url=base, locale="fr-FR")
        page = context.new_page()
        page.goto("/enregistrees")
        wait_for_worker(page)
        (former,) = page.evaluate(SHELLS)
    with serving(sample_url, port, site_name="Les lavoirs"):
        page.goto("/enregistrees")
        expect(page.locator(".brand-name")).to_have_text("Les lavoirs")
        until(
            page,
            """async (former) => {
              const shells = (await caches.keys()).filter((name) => name.includes("shell"));
              return shells.length === 1 && shells[0] !== former;
            }""",
            former,
        )
        wait_for_worker(page)
        context.set_offline(True)
        page.goto("/methode")
        expect(page.locator(".brand-name")).to_have_text("Les lavoirs")
        context.set_offline(False)
    with serving(sample_url, port, offline="off"):
        page.goto("/enregistrees")
        until(
            page,
            """async () => !(await navigator.serviceWorker.getRegistration("/"))
                 && (await caches.keys()).every((name) => name === "mapservice-saved")""",
        )
        page.goto("/")
        assert page.evaluate("navigator.serviceWorker.controller") is None
        expect(page.locator("#results .card").first).to_be_visible()
        context.close()


def test_a_notification_shows_what_came_and_leads_to_its_list(
    browser: Browser, live_server: str
) -> None:
    with visitor(browser, live_server, "fr-FR", 390) as page:
        page.context.grant_permissions(["notifications"], origin=live_server)
        session = page.context.new_cdp_session(page)
        found: list[str] = []

        def note(told: dict[str, Any]) -> None:
            found.extend(one["registrationId"] for one in told["registrations"])

        session.on("ServiceWorker.workerRegistrationUpdated", note)
        session.send("ServiceWorker.enable")
        open_home(page)
        payload = (
            '{"title": "2 initiatives nouvelles", "body": "Un lavoir",'
            ' "url": "/initiatives?theme=culture", "lang": "fr", "tag": "t"}'
        )
        session.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": live_server, "registrationId": found[-1], "data": payload},
        )
        shown = """async () => {
          const registration = await navigator.serviceWorker.ready;
          const [one] = await registration.getNotifications();
          return one && [one.title, one.body, one.data.url, one.lang];
        }"""
        until(page, shown)
        assert page.evaluate(shown) == [
            "2 initiatives nouvelles",
            "Un lavoir",
            "/initiatives?theme=culture",
            "fr",
        ]
