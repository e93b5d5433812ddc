"""Notifications of what is followed: to a local push service, read as the browser reads them."""

import dataclasses
import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.notifications.push import service as push
from mapservice.notifications.push.encryption import VapidKey
from mapservice.notifications.push.model import MAX_DEVICES
from mapservice.notifications.push.transport import PushTransport, refuse
from mapservice.notifications.subscriptions import service
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.people.mailbox import sign_in
from tests.notifications.push.vendor import Browser, Vendor, vendor
from tests.notifications.subscriptions.readers import (
    DIGEST_DAY,
    RENNES,
    count,
    digests,
    follow,
    publish,
)
from tests.web.population import Made

KEY = VapidKey.make()
ANA, ZOE = "ana@example.org", "zoe@example.org"


@pytest.fixture
def shop() -> Iterator[Vendor]:
    with vendor() as told:
        yield told


@pytest.fixture
def settings(database_url: str, shop: Vendor) -> Settings:
    return Settings(
        database_url=database_url,
        public_url="http://map.test",
        vapid_key=KEY.text,
        push_hosts=shop.netloc,
        contact_email="bonjour@lavoirs.example",
    )


@pytest.fixture
def pushing(settings: Settings, engine: Engine) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def ana(pushing: Flask, engine: Engine) -> FlaskClient:
    client = pushing.test_client()
    sign_in(client, engine, ANA)
    follow(client, engine, f"?territory=commune:{RENNES}", ANA)
    return client


def add(client: FlaskClient, browser: Browser) -> int:
    token = client.get("/compte").text.partition('name="token" value="')[2].partition('"')[0]
    return client.post("/suivre/notifications", data={"token": token, **browser.form}).status_code


def post(client: FlaskClient, path: str, **fields: str) -> int:
    token = client.get("/compte").text.partition('name="token" value="')[2].partition('"')[0]
    return client.post(path, data={"token": token, **fields}).status_code


def tell(engine: Engine, settings: Settings, days: int = 0) -> int:
    return service.tell(engine, settings, DIGEST_DAY + timedelta(days=days))


def deliver(engine: Engine, settings: Settings) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE push_message SET next_try_at = now()"))
    push.send_due(engine, PushTransport.of(KEY, settings))


def test_news_goes_to_the_device_encrypted_for_it_and_not_by_mail(
    ana: FlaskClient, engine: Engine, settings: Settings, shop: Vendor
) -> None:
    phone = shop.browser("phone")
    assert add(ana, phone) == 204
    publish(engine, Made(title="Un lavoir à relever", commune=RENNES), Made(commune=RENNES))
    assert tell(engine, settings) == 1
    deliver(engine, settings)
    (path, headers, body) = shop.received[0]
    assert len(shop.received) == 1
    assert b"lavoir" not in body
    told = phone.read(body)
    assert told["title"] == "2 initiatives nouvelles · Initiatives locales"
    assert "Un lavoir à relever" in told["body"]
    assert told["url"] == f"/initiatives?territory=commune:{RENNES}"
    assert told["lang"] == "fr"
    assert path == "/phone"
    assert headers["Content-Encoding"] == "aes128gcm"
    assert headers["TTL"] == "172800"
    assert headers["Authorization"].endswith(f"k={KEY.public}")
    assert digests(engine, ANA) == []
    assert count(engine, "push_message") == 0
    assert tell(engine, settings) == 0


def test_mail_comes_too_for_who_wants_both_and_alone_without_a_device(
    ana: FlaskClient, engine: Engine, settings: Settings, shop: Vendor
) -> None:
    phone = shop.browser("phone")
    add(ana, phone)
    assert post(ana, "/suivre/notifications/courriel", courriel="oui") == 303
    publish(engine, Made(commune=RENNES))
    tell(engine, settings)
    deliver(engine, settings)
    assert (len(shop.received), len(digests(engine, ANA))) == (1, 1)
    with engine.connect() as connection:
        device = connection.execute(text("SELECT id FROM push_endpoint")).scalar_one()
    assert post(ana, "/suivre/notifications/courriel", courriel="non") == 303
    assert post(ana, f"/suivre/notifications/{device}/arreter") == 303
    publish(engine, Made(commune=RENNES))
    tell(engine, settings, 1)
    deliver(engine, settings)
    assert (len(shop.received), len(digests(engine, ANA))) == (1, 2)


@pytest.mark.parametrize("status", [404, 410])
def test_a_device_that_is_gone_is_forgotten_and_its_news_mailed(
    ana: FlaskClient, engine: Engine, settings: Settings, shop: Vendor, status: int
) -> None:
    add(ana, shop.browser("phone"))
    shop.answers["phone"] = status
    publish(engine, Made(title="Un four à pain", commune=RENNES))
    tell(engine, settings)
    deliver(engine, settings)
    assert count(engine, "push_endpoint") == 0
    assert count(engine, "push_message") == 0
    (mail,) = digests(engine, ANA)
    assert "Un four à pain" in mail.text


def test_one_device_of_two_is_enough(
    ana: FlaskClient, engine: Engine, settings: Settings, shop: Vendor
) -> None:
    phone, desk = shop.browser("phone"), shop.browser("desk")
    add(ana, phone)
    add(ana, desk)
    shop.answers["phone"] = 410
    publish(engine, Made(commune=RENNES))
    tell(engine, settings)
    deliver(engine, settings)
    assert len(shop.bodies("desk")) == 1
    assert digests(engine, ANA) == []
    assert count(engine, "push_endpoint") == 1


def test_a_vendor_that_is_away_is_asked_again_and_given_up_in_the_end(
    ana: FlaskClient, engine: Engine, settings: Settings, shop: Vendor
) -> None:
    phone = shop.browser("phone")
    add(ana, phone)
    shop.answers["phone"], shop.retry_after = 503, "7200"
    publish(engine, Made(commune=RENNES))
    tell(engine, settings)
    deliver(engine, settings)
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT next_try_at - now() AS wait, last_error FROM push_message")
        ).one()
    assert timedelta(hours=1, minutes=50) < row.wait <= timedelta(hours=2)
    assert row.last_error == "HTTP 503"
    assert push.send_due(engine, PushTransport.of(KEY, settings)) is False
    shop.answers.clear()
    deliver(engine, settings)
    assert phone.read(shop.bodies("phone")[-1])["title"].startswith("1 initiative nouvelle")
    assert digests(engine, ANA) == []

    shop.answers["phone"] = 500
    publish(engine, Made(commune=RENNES))
    tell(engine, settings, 1)
    with engine.begin() as connection:
        connection.execute(text("UPDATE push_message SET give_up_at = now()"))
    deliver(engine, settings)
    assert count(engine, "push_message") == 0
    assert len(digests(engine, ANA)) == 1


def test_a_dead_line_is_tried_again(
    ana: FlaskClient, engine: Engine, settings: Settings, shop: Vendor
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        netloc = f"127.0.0.1:{held.getsockname()[1]}"
    wider = dataclasses.replace(settings, push_hosts=f"{shop.netloc} {netloc}")
    add(ana, shop.browser("phone"))
    with engine.begin() as connection:
        moved = text("UPDATE push_endpoint SET endpoint = :endpoint")
        connection.execute(moved, {"endpoint": f"http://{netloc}/phone"})
    publish(engine, Made(commune=RENNES))
    tell(engine, settings)
    deliver(engine, wider)
    assert count(engine, "push_message") == 1
    assert digests(engine, ANA) == []


def test_a_name_that_leads_inside_is_not_asked_and_the_news_is_mailed(
    ana: FlaskClient,
    engine: Engine,
    settings: Settings,
    shop: Vendor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.8", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: inside)
    monkeypatch.setattr("socket.create_connection", lambda *_: pytest.fail("was asked"))
    transport = PushTransport.of(KEY, settings)
    add(ana, shop.browser("phone"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE push_endpoint SET endpoint = 'https://rebound.example/x'"))
    publish(engine, Made(commune=RENNES))
    tell(engine, settings)
    push.send_due(engine, transport)
    assert count(engine, "push_message") == 0
    assert len(digests(engine, ANA)) == 1


def test_without_a_key_nothing_is_offered_and_what_waits_is_mailed(
    ana: FlaskClient, engine: Engine, settings: Settings, shop: Vendor
) -> None:
    add(ana, shop.browser("phone"))
    publish(engine, Made(commune=RENNES))
    tell(engine, settings)
    push.send_due(engine, refuse)
    assert len(digests(engine, ANA)) == 1
    publish(engine, Made(commune=RENNES))
    tell(engine, dataclasses.replace(settings, vapid_key=""), 1)
    assert (count(engine, "push_message"), len(digests(engine, ANA))) == (0, 2)


def test_only_who_is_signed_in_adds_a_device_by_a_form_of_ours(
    pushing: Flask, ana: FlaskClient, engine: Engine, shop: Vendor
) -> None:
    form = shop.browser("phone").form
    assert pushing.test_client().post("/suivre/notifications", data=form).status_code == 303
    assert ana.post("/suivre/notifications", data=form).status_code == 403
    bad = dataclasses.replace(shop.browser("phone"), endpoint="https://10.0.0.8/x")
    assert add(ana, bad) == 400
    assert count(engine, "push_endpoint") == 0
    for number in range(MAX_DEVICES):
        assert add(ana, shop.browser(f"phone-{number}")) == 204
    assert add(ana, shop.browser("one-more")) == 409
    assert count(engine, "push_endpoint") == MAX_DEVICES


def test_a_browser_belongs_to_who_signed_in_there_last(
    pushing: Flask, ana: FlaskClient, engine: Engine, settings: Settings, shop: Vendor
) -> None:
    shared = shop.browser("shared")
    add(ana, shared)
    publish(engine, Made(title="Pour Ana", commune=RENNES))
    tell(engine, settings)
    zoe = pushing.test_client()
    sign_in(zoe, engine, ZOE)
    assert add(zoe, shared) == 204
    deliver(engine, settings)
    assert shop.received == []
    (mail,) = digests(engine, ANA)
    assert "Pour Ana" in mail.text
    device = text("SELECT id FROM push_endpoint")
    with engine.connect() as connection:
        identifier = connection.execute(device).scalar_one()
    assert post(ana, f"/suivre/notifications/{identifier}/arreter") == 303
    assert count(engine, "push_endpoint") == 1


def test_it_is_exported_and_erased_with_the_person_and_ends_with_the_mailed_link(
    ana: FlaskClient, engine: Engine, settings: Settings, shop: Vendor
) -> None:
    phone = shop.browser("phone")
    add(ana, phone)
    kept: dict[str, Any] = json.loads(ana.get("/compte/donnees").text)
    assert phone.endpoint in json.dumps(kept)
    publish(engine, Made(commune=RENNES))
    tell(engine, settings)
    assert count(engine, "push_message") == 1
    assert post(ana, "/compte/effacer") in (200, 303)
    for table in ("push_endpoint", "push_message", "follower"):
        assert count(engine, table) == 0
    deliver(engine, settings)
    assert shop.received == []


@pytest.mark.parametrize("person", [True, False])
def test_the_pages_offer_it_where_a_key_is_set(
    pushing: Flask, ana: FlaskClient, client: FlaskClient, person: bool
) -> None:
    page = (ana if person else pushing.test_client()).get("/suivre").text
    assert (f'data-push="{KEY.public}"' in page) is person
    assert ("Une fois connecté" in page) is not person
    assert "data-push" not in client.get("/suivre").text
    assert "Une fois connecté" not in client.get("/suivre").text
    assert "notifications" in pushing.test_client().get("/confidentialite").text
    assert "notifications" not in client.get("/confidentialite").text


def test_a_long_list_is_cut_to_what_one_record_holds() -> None:
    body = "é" * 5000
    written = push.fitting({"title": "x", "body": body, "url": "/", "lang": "fr", "tag": "t"})
    assert len(written.encode()) <= 3993
    assert json.loads(written)["body"].endswith("…")
