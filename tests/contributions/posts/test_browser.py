"""In a real browser: news with a photo are given, followed, and their author is written to.

Both languages, a phone and a desk; pages have no violation that axe finds, and nothing wider than
the screen. `MAPSERVICE_TEST_SHOTS` names a folder for pictures of what was seen.
"""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.db.engine import make_engine
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.people.mailbox import last_link, mails_to
from tests.accounts.roles import cast
from tests.browser.test_accessibility import violations
from tests.browser.test_offline import serving
from tests.contributions.posts.author import AUTHOR, FAN, published
from tests.media.sender import one_photo
from tests.notifications.subscriptions.readers import DIGEST_DAY, digests, tell

pytestmark = pytest.mark.long

LOOKS = [("fr-FR", 390), ("fr-FR", 1280), ("en-GB", 390), ("en-GB", 1280)]
SECRET = "the same for both"
WORDS = {
    "fr-FR": {
        "send": "Envoyer cette nouvelle",
        "waits": "Votre nouvelle attend d’être relue.",
        "accept": "Accepter",
        "follow": "Suivre cette initiative",
        "write": "Écrire au porteur",
        "sent": "Votre message est parti.",
        "answered": "Votre réponse est partie.",
        "done": "C’est réalisé",
        "own": "Suivre",
        "submit": "Envoyer",
    },
    "en-GB": {
        "send": "Send this news",
        "waits": "Your news is waiting to be read.",
        "accept": "Accept",
        "follow": "Follow this initiative",
        "write": "Write to the author",
        "sent": "Your message has been sent.",
        "answered": "Your reply has been sent.",
        "done": "It is done",
        "own": "Follow",
        "submit": "Send",
    },
}
TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
def place(sample_url: str) -> Iterator[tuple[str, Engine, UUID, str]]:
    """Where it is served, its database, a public initiative, and the session of its author."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    engine = make_engine(sample_url)
    app = create_app(Settings(database_url=sample_url, public_url=base, secret_key=SECRET))
    client = app.test_client()
    made = published(client, engine)
    cast.grant(engine, AUTHOR, "admin")
    cookie = client.get_cookie("personne")
    assert cookie is not None
    with serving(sample_url, port, public_url=base, secret_key=SECRET):
        yield base, engine, made, cookie.value
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM initiative WHERE id = :id"), {"id": made})
        connection.execute(text("TRUNCATE person, delivery, tally CASCADE"))
    engine.dispose()
    services: Services = app.extensions[SERVICES]
    services.dispose()


def opened(browser: Browser, base: str, locale: str, width: int) -> BrowserContext:
    return browser.new_context(
        locale=locale,
        base_url=base,
        viewport={"width": width, "height": 844},
        reduced_motion="reduce",
        timezone_id="Europe/Paris",
    )


def seen(page: Page, name: str, locale: str, width: int) -> None:
    assert violations(page) == [], name
    assert not page.evaluate(TOO_WIDE), name
    folder = os.environ.get("MAPSERVICE_TEST_SHOTS")
    if folder:
        path = Path(folder) / f"{name}-{locale[:2]}-{width}.png"
        page.screenshot(path=path, full_page=True)


@pytest.mark.parametrize(("locale", "width"), LOOKS)
def test_news_are_given_followed_and_answered(
    browser: Browser,
    place: tuple[str, Engine, UUID, str],
    tmp_path: Path,
    locale: str,
    width: int,
) -> None:
    base, engine, made, session = place
    words = WORDS[locale]
    photo = tmp_path / "verger.jpg"
    photo.write_bytes(one_photo()[0])
    author = opened(browser, base, locale, width)
    cookie: Any = {"name": "personne", "value": session, "url": base}
    author.add_cookies([cookie])
    visitor = opened(browser, base, locale, width)

    # Somebody follows, by mail.
    page = visitor.new_page()
    page.goto(f"/initiatives/{made}")
    page.get_by_role("link", name=words["follow"]).click()
    seen(page, "suivre", locale, width)
    page.locator("#email").fill(FAN)
    page.get_by_role("button", name=words["own"], exact=True).click()
    page.wait_for_url("**/connexion/envoyee")
    page.goto(last_link(engine, FAN))
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/compte*")
    expect(page.locator("main")).to_contain_text("Un verger derrière la mairie")
    seen(page, "compte", locale, width)

    # The author gives news, a moderator reads it.
    page = author.new_page()
    page.goto(f"/initiatives/{made}/nouvelles")
    page.locator("#text").fill("Les dix premiers pommiers sont plantés.\n\nMerci à la pluie.")
    page.locator("#photos").set_input_files(photo)
    page.locator("#alt").fill("Des voisins plantent un pommier")
    page.get_by_role("button", name=words["send"]).click()
    expect(page.locator("[role=status]").first).to_contain_text(words["waits"])
    seen(page, "donner", locale, width)
    page.goto("/moderation?kind=post")
    page.locator(".card-title a").first.click()
    seen(page, "moderer", locale, width)
    page.get_by_role("button", name=re.compile(words["accept"])).click()
    page.wait_for_url("**/moderation*")

    # It is told, and shown.
    assert tell(engine, DIGEST_DAY) == 1
    assert "Les dix premiers pommiers" in digests(engine, FAN)[-1].text
    page = visitor.new_page()
    page.goto(f"/initiatives/{made}#nouvelles")
    shown = page.locator("#nouvelles .post")
    expect(shown).to_contain_text("Les dix premiers pommiers sont plantés.")
    expect(shown.get_by_alt_text("Des voisins plantent un pommier")).to_be_visible()
    seen(page, "initiative", locale, width)

    # A message goes, and its answer comes back.
    page.get_by_role("link", name=words["write"]).click()
    page.locator("#text").fill("Puis-je venir samedi ?")
    seen(page, "contacter", locale, width)
    page.get_by_role("button", name=words["submit"], exact=True).click()
    expect(page.locator("[role=status]").first).to_contain_text(words["sent"], timeout=30_000)
    (mail,) = [one for one in mails_to(engine, AUTHOR) if one.kind == "message"]
    found = re.search(r"https?://\S+/repondre/\S+", mail.text)
    assert found
    page = opened(browser, base, locale, width).new_page()
    page.goto(urlsplit(found[0]).path)
    seen(page, "repondre", locale, width)
    page.locator("#text").fill("Bien sûr, à dix heures.")
    page.get_by_role("button", name=words["submit"], exact=True).click()
    expect(page.locator("[role=status]").first).to_contain_text(words["answered"], timeout=30_000)
    seen(page, "repondu", locale, width)
    page.context.close()
    (back,) = [one for one in mails_to(engine, FAN) if one.kind == "message"]
    assert "Bien sûr, à dix heures." in back.text
    assert AUTHOR not in back.text + back.html

    # It is done, with its words.
    page = author.new_page()
    page.goto(f"/initiatives/{made}/suivi")
    page.get_by_role("link", name=words["done"]).click()
    page.locator("#text").fill("Trente pommiers, et une fête chaque automne.")
    seen(page, "clore", locale, width)
    page.get_by_role("button", name=words["done"]).click()
    page.wait_for_url(f"**/initiatives/{made}/suivi")
    page.goto("/moderation?kind=post")
    page.locator(".card-title a").first.click()
    page.get_by_role("button", name=re.compile(words["accept"])).click()
    page.wait_for_url("**/moderation*")
    page.goto(f"/initiatives/{made}")
    expect(page.locator(".closing")).to_contain_text("Trente pommiers")
    seen(page, "realisee", locale, width)
    author.close()
    visitor.close()
