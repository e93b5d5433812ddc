"""A person chooses notifications in a browser; what the browser's vendor gives is stood in for."""

import json
import socket
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import text

from mapservice.app import create_app
from mapservice.db.engine import make_engine
from mapservice.notifications.push import service as push
from mapservice.notifications.push.encryption import VapidKey
from mapservice.notifications.push.transport import PushTransport
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.people.mailbox import sign_in
from tests.browser.test_accessibility import violations
from tests.browser.test_offline import serving
from tests.notifications.push.vendor import vendor
from tests.notifications.subscriptions.readers import RENNES, follow

pytestmark = pytest.mark.long

ANA = "ana@example.org"
# What a browser does when it is asked: headless ones have no push service of their own.
STAND_IN = """({ endpoint, p256dh, auth }) => {
  const bytes = (text) => Uint8Array.from(
    atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0)).buffer;
  const given = (options) => ({
    endpoint, options, unsubscribe: async () => true,
    getKey: (name) => bytes(name === "auth" ? auth : p256dh),
  });
  PushManager.prototype.subscribe = async (options) => {
    const key = new Uint8Array(options.applicationServerKey);
    sessionStorage.setItem("key", String.fromCharCode(...key));
    return given(options);
  };
  PushManager.prototype.getSubscription = async () => {
    const key = sessionStorage.getItem("key");
    const buffer = Uint8Array.from(key ?? "", (one) => one.charCodeAt(0)).buffer;
    return key && given({ applicationServerKey: buffer });
  };
}"""


def test_a_device_is_added_marked_told_and_ended(browser: Browser, sample_url: str) -> None:
    key = VapidKey.make()
    with vendor() as shop, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        settings = Settings(
            database_url=sample_url,
            public_url=f"http://127.0.0.1:{port}",
            vapid_key=key.text,
            push_hosts=shop.netloc,
            secret_key="the same for both",
        )
        app, engine = create_app(settings), make_engine(sample_url)
        client = app.test_client()
        sign_in(client, engine, ANA)
        follow(client, engine, f"?territory=commune:{RENNES}", ANA)
        session = client.get_cookie("personne")
        assert session is not None
        phone = shop.browser("phone")
        told = {
            "vapid_key": key.text,
            "push_hosts": shop.netloc,
            "public_url": settings.public_url,
            "secret_key": settings.secret_key,
        }
        with serving(sample_url, port, **told):
            context = browser.new_context(locale="fr-FR", base_url=settings.public_url)
            context.grant_permissions(["notifications"], origin=settings.public_url)
            cookie: Any = {"name": "personne", "value": session.value, "url": settings.public_url}
            context.add_cookies([cookie])
            page = context.new_page()
            page.add_init_script(f"({STAND_IN})({json.dumps(phone.form)})")
            page.goto("/compte")
            page.get_by_role("button", name="Recevoir des notifications ici").click()
            row = page.locator("[data-device]")
            expect(row).to_contain_text("(celui-ci)", use_inner_text=True, timeout=60_000)
            expect(row).to_contain_text("127.0.0.1")
            expect(page.locator(".push")).to_contain_text("Elles ne viennent plus par courriel")
            assert violations(page) == []
            with engine.begin() as connection:
                person = connection.execute(text("SELECT person FROM push_endpoint")).scalar_one()
                payload = {"title": "Du nouveau", "body": "", "url": "/", "lang": "fr"}
                assert push.enqueue(connection, person, payload, None)
            push.send_due(engine, PushTransport.of(key, settings))
            assert phone.read(shop.bodies("phone")[0])["title"] == "Du nouveau"
            row.get_by_role("button", name="Arrêter").click()
            expect(row).to_have_count(0)
            context.close()
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE person, delivery, tally CASCADE"))
        engine.dispose()
        services: Services = app.extensions[SERVICES]
        services.dispose()
