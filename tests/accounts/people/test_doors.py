"""What floods, robots and forged forms meet at every public form."""

import base64
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.web import forms
from mapservice.web.forms import HOUR
from tests.accounts.people.mailbox import (
    ADDRESS,
    ask_for_link,
    fill_in,
    mails_to,
    sign_in,
    solution,
    token_of,
)
from tests.conftest import REPOSITORY

FLOOD = """
import sys
from mapservice.app import create_app
from mapservice.settings import Settings
app = create_app(Settings(database_url=sys.argv[1], public_url="http://map.test", secret_key="k"))
client = app.test_client()
token = client.get("/connexion").text.split('name="token" value="')[1].split('"')[0]
for number in range(500):
    form = {"token": token, "email": f"person{sys.argv[2]}x{number}@example.org"}
    print(client.post("/connexion", data=form).status_code)
"""


def packed(client: FlaskClient, **changes: Any) -> str:
    """A solution with some of it changed."""
    values = json.loads(base64.b64decode(solution(client))) | changes
    return base64.b64encode(json.dumps(values).encode()).decode()


def from_address(address: str) -> dict[str, Any]:
    return {"environ_base": {"REMOTE_ADDR": address}}


@pytest.mark.long
def test_a_thousand_sign_ups_from_one_address_in_a_minute_are_held_back(
    engine: Engine, database_url: str
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FLOOD, database_url, str(number)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        )
        for number in range(2)
    ]
    statuses = [one for process in processes for one in process.communicate()[0].split()]
    assert len(statuses) == 1000
    assert statuses.count(b"303") == forms.WITHOUT_PROOF.tries
    assert statuses.count(b"429") == 1000 - forms.WITHOUT_PROOF.tries
    with engine.connect() as connection:
        sent = connection.execute(text("SELECT count(*) FROM delivery")).scalar_one()
    assert sent == forms.WITHOUT_PROOF.tries


def test_the_refusal_says_when_to_come_back(client: FlaskClient) -> None:
    for number in range(forms.WITHOUT_PROOF.tries):
        assert ask_for_link(client, f"person{number}@example.org").status_code == 303
    answer = ask_for_link(client)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= HOUR
    assert "Trop de demandes" in answer.text
    assert f'value="{ADDRESS}"' in answer.text


def test_who_proves_work_may_send_more(client: FlaskClient) -> None:
    for number in range(forms.WITHOUT_PROOF.tries):
        ask_for_link(client, f"person{number}@example.org")
    form = {"email": ADDRESS, forms.PROOF_FIELD: solution(client)}
    assert fill_in(client, "/connexion", form).status_code == 303
    replayed = fill_in(client, "/connexion", form | {"email": "ben@example.org"})
    assert replayed.status_code == 429


def test_even_with_proofs_a_network_has_its_limit(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MAX_NUMBER", 50)
    statuses = [
        fill_in(
            client,
            "/connexion",
            {"email": f"p{number}@example.org", forms.PROOF_FIELD: solution(client)},
        ).status_code
        for number in range(forms.PER_NETWORK.tries + 3)
    ]
    assert statuses == [303] * forms.PER_NETWORK.tries + [429] * 3


def test_one_mailbox_is_not_flooded_from_many_networks(client: FlaskClient, engine: Engine) -> None:
    statuses = [
        ask_for_link(client, f"ana+{number}@example.org", **from_address(f"203.0.113.{number}"))
        for number in range(forms.PER_EMAIL.tries + 2)
    ]
    expected = [303] * forms.PER_EMAIL.tries + [429] * 2
    assert [answer.status_code for answer in statuses] == expected


def test_networks_are_counted_apart_and_ipv6_by_its_household(client: FlaskClient) -> None:
    def ask(number: int, address: str) -> int:
        email = f"person{number}@example.org"
        return ask_for_link(client, email, **from_address(address)).status_code

    for number in range(forms.WITHOUT_PROOF.tries):
        assert ask(number, f"2001:db8:0:1::{number:x}") == 303
    assert ask(90, "2001:db8:0:1:ffff::1") == 429
    assert ask(91, "2001:db8:0:2::1") == 303
    assert ask(92, "198.51.100.1") == 303
    for number in range(forms.WITHOUT_PROOF.tries - 1):
        assert ask(100 + number, "::ffff:198.51.100.1") == 303
    assert ask(130, "198.51.100.1") == 429
    assert ask(131, "::ffff:198.51.100.2") == 303


def test_a_count_fades_with_time(engine: Engine) -> None:
    with engine.begin() as connection:
        for _ in range(9):
            before = forms.count_try(connection, b"k", HOUR)
        connection.execute(text("UPDATE tally SET ends_at = ends_at - interval '1 hour'"))
        after = forms.count_try(connection, b"k", HOUR)
        connection.execute(text("UPDATE tally SET ends_at = ends_at - interval '1 day'"))
        fresh = forms.count_try(connection, b"k", HOUR)
    assert before.count >= 9
    assert 1 <= after.count <= 10
    assert after.count == pytest.approx(1 + 9 * after.seconds_left / HOUR, abs=0.1)
    assert fresh.count == 1


def test_tries_at_once_are_all_counted(engine: Engine) -> None:
    def once(_: int) -> float:
        with engine.begin() as connection:
            return forms.count_try(connection, b"k", 86_400).count

    with ThreadPoolExecutor(8) as pool:
        counts = sorted(pool.map(once, range(40)))
    assert counts == [float(number) for number in range(1, 41)]


def test_no_address_is_kept_of_who_was_counted(client: FlaskClient, engine: Engine) -> None:
    ask_for_link(client, **from_address("203.0.113.77"))
    with engine.connect() as connection:
        keys = [bytes(one) for one in connection.execute(text("SELECT key FROM tally")).scalars()]
    assert keys
    assert all(b"203.0.113" not in key and b"ana" not in key for key in keys)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": -1},
        {"number": 10**9},
        {"number": "7"},
        {"number": True},
        {"signature": "0" * 64},
        {"signature": "é\ud800"},
        {"challenge": "0" * 64},
        {"challenge": None},
        {"salt": "abc?expires=99999999999&"},
        {"salt": "\ud800"},
        {"salt": ["x"]},
    ],
)
def test_a_forged_proof_proves_nothing(
    app: Flask, client: FlaskClient, changes: dict[str, Any]
) -> None:
    forged = packed(client, **changes)
    with app.test_request_context():
        assert forms.spend_proof(forged) is False


def test_digits_cannot_move_from_the_number_into_the_expiry(
    app: Flask, client: FlaskClient
) -> None:
    right = json.loads(base64.b64decode(solution(client)))
    digits = str(right["number"])
    spliced = packed(client, **right | {"salt": right["salt"] + digits[0], "number": 0})
    with app.test_request_context():
        assert forms.spend_proof(spliced) is False


def test_an_expired_proof_proves_nothing(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "GOOD_SECONDS", -1)
    expired = solution(client)
    with app.test_request_context():
        assert forms.spend_proof(expired) is False


@pytest.mark.parametrize(
    "packed", ["", "none", "e30=", "W10=", "bnVsbA==", "MQ==", "%", "é", "A" * 9999]
)
def test_what_is_no_proof_is_none(app: Flask, engine: Engine, packed: str) -> None:
    with app.test_request_context():
        assert forms.spend_proof(packed) is False


def test_a_proof_is_good_once_even_at_the_same_moment(app: Flask, client: FlaskClient) -> None:
    found = solution(client)

    def spend(_: int) -> bool:
        with app.test_request_context():
            return forms.spend_proof(found)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(spend, range(6))) == 1


def test_a_robot_that_fills_in_every_field_is_refused(client: FlaskClient, engine: Engine) -> None:
    form = {"email": ADDRESS, forms.HONEYPOT: "https://spam.example"}
    assert fill_in(client, "/connexion", form).status_code == 400
    assert mails_to(engine) == []


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "A" * 5000])
def test_a_form_of_another_is_refused(client: FlaskClient, engine: Engine, token: str) -> None:
    answer = client.post("/connexion", data={"token": token, "email": ADDRESS})
    assert answer.status_code == 403
    assert "expiré" in answer.text
    assert mails_to(engine) == []


def test_a_form_made_before_signing_in_is_refused_after(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    before = token_of(client.get("/connexion").text)
    sign_in(client, engine)
    assert client.post("/deconnexion", data={"token": before}).status_code == 403
    assert client.get("/compte").status_code == 200


def test_the_challenge_is_never_cached(client: FlaskClient) -> None:
    first, second = client.get("/preuve.json"), client.get("/preuve.json")
    assert first.headers["Cache-Control"] == "no-store"
    assert first.get_json() != second.get_json()
