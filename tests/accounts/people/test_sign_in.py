"""Signing in by a mailed link, and links that do not work."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.accounts.people.service import digest
from mapservice.errors import InvalidInput
from mapservice.mail.service import AddressMistake, EmailAddress
from mapservice.web.edge import SESSION_COOKIE as COOKIE
from tests.accounts.people.mailbox import (
    ADDRESS,
    ask_for_link,
    fill_in,
    last_link,
    mails_to,
    press,
    sign_in,
    token_of,
)

ANOTHER = "ben@example.org"


def secret_of(client: FlaskClient) -> str:
    cookie = client.get_cookie(COOKIE)
    assert cookie
    return cookie.value


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_a_mailed_link_signs_in_after_a_press(client: FlaskClient, engine: Engine) -> None:
    answer = ask_for_link(client)
    assert (answer.status_code, answer.location) == (303, "/connexion/envoyee")
    assert client.get("/compte").location == "/connexion?suite=%2Fcompte"
    link = last_link(engine)
    shown = client.get(link)
    assert shown.status_code == 200
    assert ADDRESS in shown.text
    assert client.get_cookie(COOKIE) is None
    done = press(client, link)
    assert (done.status_code, done.location) == (303, "/compte")
    assert ADDRESS in client.get("/compte").text


def test_opening_a_link_any_number_of_times_uses_nothing_up(
    client: FlaskClient, engine: Engine
) -> None:
    ask_for_link(client)
    link = last_link(engine)
    for method in ("GET", "HEAD", "GET"):
        assert client.open(link, method=method).status_code == 200
    assert press(client, link).status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    client: FlaskClient, engine: Engine
) -> None:
    header = sign_in(client, engine).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(header.split("; "))
    assert "Secure" not in header


def test_behind_tls_the_cookie_is_secure(client: FlaskClient, engine: Engine) -> None:
    ask_for_link(client)
    done = press(client, last_link(engine), base_url="https://map.test")
    assert "Secure" in done.headers["Set-Cookie"].split("; ")


def test_the_database_keeps_no_secret(client: FlaskClient, engine: Engine) -> None:
    sign_in(client, engine)
    link = last_link(engine).rpartition("/")[2]
    with engine.connect() as connection:
        tokens = connection.execute(text("SELECT digest FROM token")).scalars().all()
        sessions = connection.execute(text("SELECT digest FROM session")).scalars().all()
    assert [bytes(one) for one in tokens] == [digest(link)]
    assert [bytes(one) for one in sessions] == [digest(secret_of(client))]


def test_known_and_unknown_addresses_get_the_same_answer(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    sign_in(client, engine)
    known, unknown = (ask_for_link(app.test_client(), one) for one in (ADDRESS, ANOTHER))
    assert (known.status_code, known.location) == (unknown.status_code, unknown.location)
    assert known.data == unknown.data
    assert set(known.headers.keys()) == set(unknown.headers.keys())
    assert len(mails_to(engine, ANOTHER)) == 1


def test_a_link_works_once(app: Flask, client: FlaskClient, engine: Engine) -> None:
    ask_for_link(client)
    link = last_link(engine)
    first, second = app.test_client(), app.test_client()
    page = token_of(first.get(link).text)
    assert first.post(link, data={"token": page}).status_code == 303
    replayed = second.post(link, data={"token": page})
    assert replayed.status_code == 410
    assert "ne sert plus" in replayed.text
    assert second.get_cookie(COOKIE) is None
    assert count(engine, "session") == 1


def test_of_two_presses_at_once_one_counts(app: Flask, client: FlaskClient, engine: Engine) -> None:
    ask_for_link(client)
    link = last_link(engine)
    token = token_of(client.get(link).text)

    def once(_: int) -> int:
        return app.test_client().post(link, data={"token": token}).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(once, range(6))) == [303, *[410] * 5]
    assert count(engine, "session") == 1


@pytest.mark.parametrize(
    "secret", ["x", "A" * 43, "A" * 3000, "é", "'; DROP TABLE person", "<script>alert(1)"]
)
def test_a_foreign_link_does_nothing_and_says_so(
    client: FlaskClient, engine: Engine, secret: str
) -> None:
    token = token_of(client.get("/connexion").text)
    path = f"/confirmer/{secret}"
    for answer in (client.get(path), client.post(path, data={"token": token})):
        assert answer.status_code == 410
        assert "ne sert plus" in answer.text
        assert "<script>alert" not in answer.text
    assert client.get_cookie(COOKIE) is None


def test_an_expired_link_does_nothing(client: FlaskClient, engine: Engine) -> None:
    ask_for_link(client)
    link = last_link(engine)
    token = token_of(client.get(link).text)
    with engine.begin() as connection:
        connection.execute(text("UPDATE token SET expires_at = now()"))
    assert client.get(link).status_code == 410
    assert client.post(link, data={"token": token}).status_code == 410


def test_a_link_of_a_purpose_that_nobody_knows_does_nothing(
    client: FlaskClient, engine: Engine
) -> None:
    ask_for_link(client)
    link = last_link(engine)
    token = token_of(client.get(link).text)
    with engine.begin() as connection:
        connection.execute(text("UPDATE token SET purpose = 'unheard'"))
    assert client.get(link).status_code == 410
    assert client.post(link, data={"token": token}).status_code == 410


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}]
)
def test_another_site_can_neither_ask_nor_confirm(
    client: FlaskClient, engine: Engine, headers: dict[str, str]
) -> None:
    token = token_of(client.get("/connexion").text)
    form = {"token": token, "email": ADDRESS}
    assert client.post("/connexion", data=form, headers=headers).status_code == 403
    assert mails_to(engine) == []
    ask_for_link(client)
    link = last_link(engine)
    assert client.post(link, data={"token": token}, headers=headers).status_code == 403
    assert client.post(link, data={}).status_code == 403
    assert client.get(link).status_code == 200


def test_signing_in_again_replaces_the_session(client: FlaskClient, engine: Engine) -> None:
    sign_in(client, engine)
    former = secret_of(client)
    ask_again = token_of(client.get("/compte").text)
    client.post("/connexion", data={"token": ask_again, "email": ADDRESS})
    press(client, last_link(engine))
    assert secret_of(client) != former
    assert count(engine, "session") == 1


def test_signing_out_ends_the_session_everywhere(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    sign_in(client, engine)
    stolen = app.test_client()
    stolen.set_cookie(COOKIE, secret_of(client))
    assert stolen.get("/compte").status_code == 200
    done = fill_in(client, "/compte", {}, to="/deconnexion")
    assert (done.status_code, done.location) == (303, "/")
    assert client.get_cookie(COOKIE) is None
    assert stolen.get("/compte").status_code == 303


def test_an_expired_session_is_none(client: FlaskClient, engine: Engine) -> None:
    sign_in(client, engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE session SET expires_at = now()"))
    assert client.get("/compte").status_code == 303


def test_a_session_in_use_goes_on(client: FlaskClient, engine: Engine) -> None:
    sign_in(client, engine)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE session SET last_used_at = now() - interval '2 hours',"
                " expires_at = now() + interval '1 day'"
            )
        )
    client.get("/compte")
    with engine.connect() as connection:
        statement = text("SELECT expires_at > now() + interval '29 days' FROM session")
        assert connection.execute(statement).scalar_one() is True


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/initiatives?theme=culture", "/initiatives?theme=culture"),
        ("https://evil.example/", "/compte"),
        ("//evil.example/", "/compte"),
        ("/\\evil.example", "/compte"),
        ("/a\r\nSet-Cookie: x=1", "/compte"),
        ("javascript:alert(1)", "/compte"),
    ],
)
def test_one_goes_back_to_a_page_of_ours_alone(
    client: FlaskClient, engine: Engine, asked: str, location: str
) -> None:
    fill_in(client, "/connexion", {"email": ADDRESS, "suite": asked})
    assert press(client, last_link(engine)).location == location


def test_one_mailbox_is_one_person(app: Flask, engine: Engine) -> None:
    for spelling in ("Ana@Example.org", "ana+carte@example.org", "ana@example.org"):
        ask_for_link(app.test_client(), spelling)
    assert count(engine, "person") == 1


def test_mail_goes_to_the_address_that_was_proved(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    sign_in(client, engine, "ana+carte@example.org")
    ask_for_link(app.test_client(), "ana@example.org")
    assert mails_to(engine, "ana@example.org") == []
    assert len(mails_to(engine, "ana+carte@example.org")) == 2


def test_the_first_of_two_addresses_that_is_proved_counts(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    ask_for_link(client, "ana+a@example.org")
    ask_for_link(client, "ana+b@example.org")
    press(client, last_link(engine, "ana+b@example.org"))
    assert "ana+b@example.org" in client.get("/compte").text
    other = app.test_client()
    assert other.get(last_link(engine, "ana+a@example.org")).status_code == 410


@pytest.mark.parametrize(
    ("typed", "mistake"),
    [
        ("", AddressMistake.SYNTAX),
        ("ana", AddressMistake.SYNTAX),
        ("ana@", AddressMistake.SYNTAX),
        ("ana@localhost", AddressMistake.SYNTAX),
        ("ana@example.org\nBcc: ben@example.org", AddressMistake.SYNTAX),
        ("ana@example.org, ben@example.org", AddressMistake.SYNTAX),
        ("<script>@example.org", AddressMistake.SYNTAX),
        ("analé@example.org", AddressMistake.SYNTAX),
        ("a" * 65 + "@example.org", AddressMistake.SYNTAX),
        ("ana@mailinator.com", AddressMistake.DISPOSABLE),
        ("ana@inbox.MAILINATOR.com", AddressMistake.DISPOSABLE),
    ],
)
def test_an_address_that_is_none_is_refused(typed: str, mistake: AddressMistake) -> None:
    with pytest.raises(InvalidInput) as refused:
        EmailAddress.parse(typed)
    assert refused.value.reason == mistake


@pytest.mark.parametrize(
    ("typed", "address", "key"),
    [
        (" Ana@Example.ORG ", "Ana@example.org", "ana@example.org"),
        ("ana+carte@example.org", "ana+carte@example.org", "ana@example.org"),
        ("ana@société.fr", "ana@xn--socit-esab.fr", "ana@xn--socit-esab.fr"),
    ],
)
def test_an_address_is_kept_as_mail_needs_it(typed: str, address: str, key: str) -> None:
    assert EmailAddress.parse(typed) == EmailAddress(address, key)


@pytest.mark.parametrize("typed", ["ana", "ana@mailinator.com", '"><script>alert(1)</script>@x'])
def test_the_form_comes_back_with_what_was_typed(
    client: FlaskClient, engine: Engine, typed: str
) -> None:
    answer = ask_for_link(client, typed)
    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.text
    assert "<script>alert" not in answer.text
    assert count(engine, "person") == 0


def test_without_a_public_address_no_link_is_mailed_to_a_host_that_a_request_names(
    bare_app: Flask, engine: Engine
) -> None:
    client = bare_app.test_client()
    token = token_of(client.get("/connexion").text)
    form = {"token": token, "email": ADDRESS}
    evil = client.post("/connexion", data=form, base_url="http://evil.example")
    assert evil.status_code == 503
    assert mails_to(engine) == []
    assert client.post("/connexion", data=form, base_url="http://127.0.0.1:8000").location
    assert "http://127.0.0.1:8000/confirmer/" in mails_to(engine)[0].text


def test_pages_with_secrets_in_their_address_are_kept_nowhere(
    client: FlaskClient, engine: Engine
) -> None:
    ask_for_link(client)
    for path in (last_link(engine), "/confirmer/x", "/connexion", "/compte"):
        headers = client.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex"
