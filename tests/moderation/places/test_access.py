"""Who gets in, and whose forms are believed."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.accounts.roles.permissions import WRONG_KEYS
from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.conftest import REVIEW_KEY
from tests.moderation.places.conftest import Person, kept

QUEUE = "/moderation/lieux"
SECRET_KEY = "the same in both"
NOBODY = "01970000-0000-7000-8000-000000000000"
DOORS = [
    ("GET", QUEUE),
    ("GET", f"{QUEUE}/{NOBODY}"),
    ("POST", f"{QUEUE}/{NOBODY}"),
    ("POST", f"{QUEUE}/{NOBODY}/attente"),
]
People = Callable[..., Person]


def test_these_are_all_the_doors(review_app: Flask) -> None:
    rules = {
        (method, rule.rule)
        for rule in review_app.url_map.iter_rules()
        if rule.endpoint.startswith("review.")
        for method in (rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}
    }
    shown = {(method, path.replace(NOBODY, "<uuid:identifier>")) for method, path in DOORS}
    assert rules == shown


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_without_a_key_the_pages_do_not_exist(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method, auth=("Ana", ""))
    assert answer.status_code == 404
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_every_door_asks_for_name_and_password(
    review_app: Flask, engine: Engine, method: str, path: str
) -> None:
    answer = review_app.test_client().open(path, method=method)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("name", "key", "address"),
    [
        ("Ana", "wrong", "198.51.100.1"),
        ("Ana", "", "198.51.100.2"),
        ("", "clef des essais", "198.51.100.3"),
        ("   ", "clef des essais", "198.51.100.4"),
        ("A" * 101, "clef des essais", "198.51.100.5"),
        ("Ana\x07", "clef des essais", "198.51.100.6"),
    ],
)
def test_a_wrong_password_or_no_name_is_refused(
    people: People, engine: Engine, name: str, key: str, address: str
) -> None:
    assert people(name, key=key, address=address).get(QUEUE).status_code == 401


def test_other_schemes_and_broken_headers_are_refused(review_app: Flask, engine: Engine) -> None:
    client = review_app.test_client()
    for header in ("Bearer clef", "Basic !!!", "Basic /w==", "Basic", "Digest a=b"):
        answer = client.get(
            QUEUE,
            headers={"Authorization": header},
            environ_base={"REMOTE_ADDR": f"198.51.101.{len(header)}"},
        )
        assert answer.status_code == 401


def test_after_some_wrong_passwords_an_address_has_to_wait(people: People, doubts: Engine) -> None:
    here, there = "203.0.113.7", "203.0.113.8"
    for _ in range(WRONG_KEYS.tries):
        assert people(key="guess", address=here).get(QUEUE).status_code == 401
    refused = people(address=here).get(QUEUE)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= WRONG_KEYS.seconds
    assert people(address=there).get(QUEUE).status_code == 200


@pytest.fixture
def second_process(database_url: str) -> Iterator[Flask]:
    """The same service behind a proxy: another process shares nothing with it but the database."""
    settings = Settings(
        database_url=database_url,
        review_key=REVIEW_KEY,
        secret_key=SECRET_KEY,
        trusted_proxies="10.0.0.0/24",
    )
    app = create_app(settings)
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


def test_wrong_passwords_are_counted_over_all_processes(
    review_app: Flask, second_process: Flask, doubts: Engine
) -> None:
    review_app.config["SECRET_KEY"] = SECRET_KEY
    here = {"REMOTE_ADDR": "2001:db8::1"}
    neighbour = {"REMOTE_ADDR": "2001:db8::ffff"}
    stranger = {"REMOTE_ADDR": "2001:db8:0:1::1"}
    apps = (review_app, second_process)
    for number in range(WRONG_KEYS.tries):
        wrong = apps[number % 2].test_client()
        assert wrong.get(QUEUE, auth=("Ana", "guess"), environ_base=here).status_code == 401
    for app in apps:
        right = {"auth": ("Ana", REVIEW_KEY)}
        seen = [
            app.test_client().get(QUEUE, environ_base=where, **right).status_code
            for where in (here, neighbour, stranger)
        ]
        assert seen == [429, 429, 200], "one household is one visitor, the next is another"


def test_behind_a_proxy_of_ours_the_visitors_address_counts(
    second_process: Flask, people: People, doubts: Engine
) -> None:
    client, proxy = second_process.test_client(), {"REMOTE_ADDR": "10.0.0.2"}
    for _ in range(WRONG_KEYS.tries):
        client.get(
            QUEUE,
            auth=("Ana", "guess"),
            headers={"X-Forwarded-For": "81.2.69.99"},
            environ_base=proxy,
        )
    for visitor, status in (("81.2.69.99", 429), ("81.2.69.98", 200)):
        headers = people().headers() | {"X-Forwarded-For": visitor}
        answer = client.get(QUEUE, headers=headers, environ_base=proxy)
        assert answer.status_code == status
    forged = people().headers() | {"X-Forwarded-For": "81.2.69.99"}
    direct = client.get(QUEUE, headers=forged, environ_base={"REMOTE_ADDR": "81.2.69.97"})
    assert direct.status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_post_comes_from_our_own_page(
    doubts: Engine, ana: Person, headers: dict[str, str], status: int
) -> None:
    before = kept(doubts, "homonyms")
    form = {"token": ana.token(), "choice": "commune:93066"}
    assert ana.post(f"{QUEUE}/{before.id}", form, headers).status_code == status
    assert (kept(doubts, "homonyms") == before) == (status == 403)


@pytest.mark.parametrize("path", ["", "/attente"])
def test_a_form_without_its_own_token_changes_nothing(
    doubts: Engine, ana: Person, ben: Person, path: str
) -> None:
    before = kept(doubts, "homonyms")
    token = ana.token()
    for forged in ("", "x", token[:-2], token.replace(".", "", 1), ben.token()):
        answer = ana.post(
            f"{QUEUE}/{before.id}{path}", {"token": forged, "choice": "commune:93066"}
        )
        assert answer.status_code == 403
        assert "Rien n’a été enregistré." in answer.text
    assert kept(doubts, "homonyms") == before


def test_pages_are_private_and_strict(doubts: Engine, ana: Person) -> None:
    for path in (QUEUE, f"{QUEUE}/{kept(doubts, 'sea').id}", f"{QUEUE}/nowhere"):
        answer = ana.get(path)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert answer.headers["Cache-Control"] == "no-store"
    page = ana.get(f"{QUEUE}/{kept(doubts, 'sea').id}").text
    assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", page)
    assert not re.search(r"<script(?![^>]*(src=|application/json))", page)
