"""What browser tests share: what the console said, who else was asked, a page without scripts."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the console reported as an error or a warning, and what scripts threw."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # Software rendering is slow to read pixels back; the browser says so, the page did not.
        if message.type in ("error", "warning") and "GPU stall" not in message.text:
            found.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@pytest.fixture
def strangers(page: Page, live_server: str) -> list[str]:
    """Requests that left for another host."""
    found: list[str] = []
    own = urlsplit(live_server).netloc

    def note(request: Request) -> None:
        if urlsplit(request.url).netloc not in ("", own):
            found.append(request.url)

    page.on("request", note)
    return found


@pytest.fixture
def plain_page(page: Page) -> Iterator[Page]:
    """A page of a browser that runs no script."""
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(locale="fr-FR", java_script_enabled=False)
    yield context.new_page()
    context.close()
