"""Sessions end: by themselves, by their owner, by the operator; what TLS adds to their cookie."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from mapservice.app import create_app
from mapservice.cli.main import cli
from mapservice.errors import ConfigurationError
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.people.mailbox import sign_in, token_of

EMAIL = "ann@example.org"
ACCOUNT = "/compte"


@pytest.fixture
def make(database_url: str, engine: Engine) -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def make(**more: Any) -> Flask:
        settings = {"database_url": database_url, "public_url": "http://map.test", **more}
        made.append(create_app(Settings(**settings)))
        return made[-1]

    yield make
    for app in made:
        services: Services = app.extensions[SERVICES]
        services.dispose()


def is_in(client: FlaskClient) -> bool:
    return client.get(ACCOUNT).status_code == 200


def signed_in(app: Flask, engine: Engine) -> FlaskClient:
    client = app.test_client()
    sign_in(client, engine, EMAIL)
    return client


def test_however_often_it_is_used_a_session_ends(app: Flask, engine: Engine) -> None:
    client = signed_in(app, engine)
    for days, still in ((89, True), (91, False)):
        with engine.begin() as connection:
            connection.execute(
                text(
                    """UPDATE session SET created_at = now() - make_interval(days => :days),
                              last_used_at = now() - interval '2 hours',
                              expires_at = now() + interval '30 days'"""
                ),
                {"days": days},
            )
        assert is_in(client) == still
        if still:  # its use has renewed it, up to its absolute end
            with engine.connect() as connection:
                left = text("SELECT extract(epoch FROM expires_at - now()) / 86400 FROM session")
                assert 0.9 < float(connection.execute(left).scalar_one()) <= 1.0


def test_a_session_that_is_not_used_ends(app: Flask, engine: Engine) -> None:
    client = signed_in(app, engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE session SET expires_at = now() - interval '1 second'"))
    assert not is_in(client)


def test_the_account_lists_browsers_and_ends_one_of_them(app: Flask, engine: Engine) -> None:
    here, there = signed_in(app, engine), signed_in(app, engine)
    page = here.get(ACCOUNT).text
    assert page.count("Un autre navigateur") == 1
    assert page.count("Ce navigateur") == 1
    name = page.split('name="session" value="')[1].split('"')[0]
    with engine.connect() as connection:
        digests = connection.execute(text("SELECT encode(digest, 'hex') FROM session")).scalars()
        assert name not in set(digests)
    form = {"token": token_of(page), "session": name}
    assert here.post("/compte/connexions", data=form).status_code == 303
    assert (is_in(here), is_in(there)) == (True, False)


def test_nobody_ends_a_session_of_somebody_else(app: Flask, engine: Engine) -> None:
    here, there = signed_in(app, engine), signed_in(app, engine)
    page = here.get(ACCOUNT).text
    name = page.split('name="session" value="')[1].split('"')[0]
    stranger = app.test_client()
    sign_in(stranger, engine, "bob@example.org")
    token = token_of(stranger.get(ACCOUNT).text)
    stranger.post("/compte/connexions", data={"token": token, "session": name})
    assert (is_in(here), is_in(there)) == (True, True)


def test_signing_out_everywhere(app: Flask, engine: Engine) -> None:
    here, there = signed_in(app, engine), signed_in(app, engine)
    stranger = app.test_client()
    sign_in(stranger, engine, "bob@example.org")
    form = {"token": token_of(here.get(ACCOUNT).text)}
    done = here.post("/deconnexion/partout", data=form)
    assert (done.status_code, done.headers["Location"]) == (303, "/")
    assert (is_in(here), is_in(there), is_in(stranger)) == (False, False, True)
    assert there.post("/deconnexion/partout").status_code == 403


def test_the_operator_ends_sessions(
    app: Flask, engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAPSERVICE_DATABASE_URL", database_url)
    here, there = signed_in(app, engine), signed_in(app, engine)
    stranger = app.test_client()
    sign_in(stranger, engine, "bob@example.org")

    def run(*words: str) -> Any:
        return CliRunner().invoke(cli, ["accounts", *words])

    assert len(run("sessions", EMAIL).output.splitlines()) == 2
    assert run("sign-out").exit_code == 2
    assert run("sign-out", EMAIL).output == "ended: 2 sessions\n"
    assert (is_in(here), is_in(there), is_in(stranger)) == (False, False, True)
    assert run("sign-out", "--everybody").output == "ended: 1 sessions\n"
    assert not is_in(stranger)
    assert "has never signed in" in str(run("sign-out", "nobody@example.org").exception)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO second_factor (person, secret) SELECT id, 'x' FROM person")
        )
    with capture_logs() as told:
        assert run("forget-second-factor", EMAIL).output == f"taken away: {EMAIL}\n"
        assert run("forget-second-factor", EMAIL).output == f"there was none: {EMAIL}\n"
    with engine.connect() as connection:
        person = str(connection.execute(text("SELECT id FROM person LIMIT 1")).scalar_one())
    assert [(one["event"], one["had_one"]) for one in told] == [
        ("second_factor_forgotten", True),
        ("second_factor_forgotten", False),
    ]
    assert told[0]["by"]
    assert EMAIL not in str(told)
    assert len(told[0]["person"]) == len(person)


def test_behind_tls_the_cookie_is_that_of_this_host_alone(
    make: Callable[..., Flask], engine: Engine
) -> None:
    app = make(public_url="https://map.test", trusted_proxies="loopback")
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    client = signed_in(app, engine)
    cookie = client.get_cookie("__Host-personne")
    assert cookie
    assert (cookie.secure, cookie.path, cookie.http_only) == (True, "/", True)
    assert client.get_cookie("personne") is None
    page = client.get("https://localhost/compte", headers=proxied)
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    # What a subdomain can set is not looked at.
    planted = app.test_client()
    planted.set_cookie("personne", cookie.value)
    assert planted.get("https://localhost/compte", headers=proxied).status_code == 303


def test_without_tls_nothing_is_said_of_it(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/methode").headers


def test_a_new_key_signs_and_the_former_one_still_holds(
    make: Callable[..., Flask], engine: Engine
) -> None:
    before = make(secret_key="of last year")
    client = signed_in(before, engine)
    form = {"token": token_of(client.get(ACCOUNT).text), "locale": "fr", "name": "Ann"}
    cookie = client.get_cookie("personne")
    assert cookie

    def sent(app: Flask) -> int:
        other = app.test_client()
        other.set_cookie("personne", cookie.value)
        return other.post(ACCOUNT, data=form).status_code

    assert sent(make(secret_key="of this year", former_secret_key="of last year")) == 303
    assert sent(make(secret_key="of this year")) == 403
    new = make(secret_key="of this year", former_secret_key="of last year")
    other = new.test_client()
    other.set_cookie("personne", cookie.value)
    form["token"] = token_of(other.get(ACCOUNT).text)
    assert sent(before) == 403
    assert sent(make(secret_key="of this year")) == 303


def test_secrets_come_from_files(tmp_path: Any) -> None:
    file = tmp_path / "key"
    file.write_text("a key in a file\n")
    found = Settings.from_env({"MAPSERVICE_SECRET_KEY_FILE": str(file)})
    assert found.secret_key == "a key in a file"
    with pytest.raises(ConfigurationError, match="are both set"):
        Settings.from_env(
            {"MAPSERVICE_SECRET_KEY_FILE": str(file), "MAPSERVICE_SECRET_KEY": "another"}
        )
    with pytest.raises(ConfigurationError, match=r"MAPSERVICE_SMTP_URL_FILE: .* cannot be read"):
        Settings.from_env({"MAPSERVICE_SMTP_URL_FILE": str(tmp_path / "none")})
