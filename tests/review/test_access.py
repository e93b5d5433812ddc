"""Who gets in, and whose forms are believed."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.http.attempts import MAX_ADDRESSES, MAX_FAILURES, WAIT_SECONDS, Attempts
from tests.review.conftest import Person, kept

QUEUE = "/moderation/lieux"
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
    for _ in range(MAX_FAILURES):
        assert people(key="guess", address=here).get(QUEUE).status_code == 401
    refused = people(address=here).get(QUEUE)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= WAIT_SECONDS
    assert people(address=there).get(QUEUE).status_code == 200


def test_behind_a_proxy_of_ours_the_visitors_address_counts(
    review_app: Flask, people: People, doubts: Engine
) -> None:
    client, proxy = review_app.test_client(), {"REMOTE_ADDR": "10.0.0.2"}
    for _ in range(MAX_FAILURES):
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


class TestAttempts:
    def test_a_wait_ends(self) -> None:
        now = [0.0]
        attempts = Attempts(lambda: now[0])
        for _ in range(MAX_FAILURES):
            assert attempts.seconds_to_wait("192.0.2.1") == 0
            attempts.failed("192.0.2.1")
        assert attempts.seconds_to_wait("192.0.2.1") > 0
        now[0] = WAIT_SECONDS + 1.0
        assert attempts.seconds_to_wait("192.0.2.1") == 0
        attempts.failed("192.0.2.1")
        assert attempts.seconds_to_wait("192.0.2.1") == 0

    def test_the_right_password_forgives(self) -> None:
        attempts = Attempts(lambda: 0.0)
        for _ in range(MAX_FAILURES - 1):
            attempts.failed("192.0.2.1")
        attempts.succeeded("192.0.2.1")
        attempts.failed("192.0.2.1")
        assert attempts.seconds_to_wait("192.0.2.1") == 0

    def test_a_network_of_ipv6_is_one_visitor(self) -> None:
        attempts = Attempts(lambda: 0.0)
        for n in range(MAX_FAILURES):
            attempts.failed(f"2001:db8::{n}")
        assert attempts.seconds_to_wait("2001:db8::ffff") > 0
        assert attempts.seconds_to_wait("2001:db8:0:1::1") == 0

    def test_memory_is_bounded(self) -> None:
        attempts = Attempts(lambda: 0.0)
        for n in range(MAX_ADDRESSES + 100):
            for _ in range(MAX_FAILURES):
                attempts.failed(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
        assert len(attempts._failures) == MAX_ADDRESSES
        assert attempts.seconds_to_wait("10.0.0.0") == 0
        assert attempts.seconds_to_wait("10.0.16.99") > 0


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
