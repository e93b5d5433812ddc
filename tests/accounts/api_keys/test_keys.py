"""Keys: made, shown once, known by their first signs, ended, taken back, erased."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.accounts.api_keys import bearer, service
from mapservice.accounts.api_keys.model import MAX_TOKENS, ApiKeyScope
from mapservice.cli.main import cli
from mapservice.i18n import PARIS
from mapservice.web.forms import RateLimit
from tests.accounts.api_keys.keys import call, end, key
from tests.accounts.people.mailbox import ADDRESS, fill_in, mails_to, sign_in, token_of

PAGE = "/compte/jetons"
FORM: dict[str, Any] = {
    "name": "QGIS de l’équipe",
    "scope": ["read:moderation", "export"],
    "days": "90",
}


def shown(page: str) -> str:
    """The secret on the page that has just made one."""
    found = re.search(r"mapservice_[\w-]{43}", page)
    assert found, page
    return found[0]


class TestThePage:
    def test_a_key_is_shown_once_and_its_owner_is_mailed(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        made = fill_in(client, PAGE, FORM)
        assert made.status_code == 200
        assert made.headers["Cache-Control"] == "no-store"
        secret = shown(made.text)
        later = client.get(PAGE).text
        assert secret not in later
        assert secret[:15] + "…" in later
        assert "QGIS de l’équipe" in later
        mail = mails_to(engine)[-1]
        assert mail.subject.startswith("Une clé a été créée\u00a0: QGIS de l’équipe")
        assert secret not in mail.text + mail.html
        assert secret[:15] in mail.text
        assert "read:moderation, export" in mail.html
        assert "1 clé en service" in client.get("/compte").text

    def test_only_its_digest_is_kept(self, client: FlaskClient, engine: Engine) -> None:
        sign_in(client, engine)
        secret = key(engine, ADDRESS)
        with engine.connect() as connection:
            row = connection.execute(text("SELECT api_token::text FROM api_token")).scalar_one()
        assert secret[15:] not in row

    def test_a_form_that_is_sent_twice_makes_one_key(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        form = FORM | {"form": "01970000-0000-7000-8000-000000000000"}
        assert fill_in(client, PAGE, form).status_code == 200
        again = fill_in(client, PAGE, form)
        assert again.status_code == 409
        assert not re.search(r"mapservice_[\w-]{43}", again.text)

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("name", "", "Donnez un nom"),
            ("name", "x" * 61, "Donnez un nom"),
            ("scope", [], "au moins une chose"),
            ("scope", ["write:everything"], "au moins une chose"),
            ("days", "", "durées proposées"),
            ("days", "3650", "durées proposées"),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field(
        self, client: FlaskClient, engine: Engine, field: str, value: Any, words: str
    ) -> None:
        sign_in(client, engine)
        refused = fill_in(client, PAGE, {**FORM, field: value})
        assert refused.status_code == 400
        assert words in refused.text
        assert f'id="{field}-error"' in refused.text

    def test_nobody_has_too_many(self, client: FlaskClient, engine: Engine) -> None:
        sign_in(client, engine)
        for _ in range(MAX_TOKENS):
            key(engine, ADDRESS)
        assert fill_in(client, PAGE, FORM).status_code == 409
        end(engine)
        assert fill_in(client, PAGE, FORM).status_code == 200, "those that ended do not count"

    def test_a_form_of_another_site_makes_none(self, client: FlaskClient, engine: Engine) -> None:
        sign_in(client, engine)
        assert client.post(PAGE, data=FORM).status_code == 403
        token = token_of(client.get(PAGE).text)
        sent = {**FORM, "token": token}
        assert (
            client.post(PAGE, data=sent, headers={"Sec-Fetch-Site": "cross-site"}).status_code
            == 403
        )

    def test_taking_one_back_ends_it_at_once(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        secret, other = key(engine, ADDRESS), key(engine, ADDRESS, name="autre")
        stranger = app.test_client()
        sign_in(stranger, engine, "other@example.org")
        revoke = re.findall(rf"{PAGE}/[\w-]+/retirer", client.get(PAGE).text)[1]
        fill_in(stranger, PAGE, {}, to=revoke)
        tool = app.test_client()
        assert call(tool, secret, "/api/token").status_code == 200, "it is not theirs to end"
        assert fill_in(client, PAGE, {}, to=revoke).status_code == 303
        assert call(tool, secret, "/api/token").status_code == 401
        assert call(tool, other, "/api/token").status_code == 200

    def test_erasing_the_account_ends_all_and_the_export_tells_of_them(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        secret = key(engine, ADDRESS, ApiKeyScope.EXPORT)
        (told,) = client.get("/compte/donnees").get_json()["tokens"]
        assert (told["name"], told["prefix"], told["scopes"]) == ("outil", secret[:15], ["export"])
        fill_in(client, "/compte/effacer", {})
        assert call(app.test_client(), secret, "/api/token").status_code == 401
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM api_token")).scalar_one() == 0

    def test_a_key_that_outlived_its_owner_opens_nothing_and_goes(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        secret = key(engine, ADDRESS)
        with engine.begin() as connection:
            erased = "email = NULL, email_key = NULL, erased_at = now()"
            connection.execute(text(f"UPDATE person SET {erased}"))
        assert call(app.test_client(), secret, "/api/token").status_code == 401
        service.forget(engine)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM api_token")).scalar_one() == 0


class TestUse:
    def test_a_key_says_what_it_is_and_its_use_is_noted_by_the_day(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        secret = key(engine, ADDRESS, ApiKeyScope.EXPORT)
        told = call(app.test_client(), secret, "/api/token").get_json()
        assert (told["name"], told["scopes"], told["roles"]) == ("outil", ["export"], [])
        with engine.connect() as connection:
            used = connection.execute(text("SELECT last_used_on FROM api_token")).scalar_one()
        assert used == datetime.now(PARIS).date()

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "Bearer",
            "Bearer mapservice_" + "x" * 43,
            "Bearer ' OR true --",
            "Bearer mapservice_é",
            "Bearer mapservice_" + "x" * 5000,
            "Basic RXZhOmNsZWY=",
        ],
    )
    def test_what_is_no_key_is_refused_with_a_challenge(
        self, client: FlaskClient, header: str | None
    ) -> None:
        headers = {"Authorization": header.encode().decode("latin-1")} if header else {}
        refused = client.get("/api/token", headers=headers)
        assert refused.status_code == 401
        assert refused.content_type == "application/problem+json"
        assert refused.headers["WWW-Authenticate"].startswith('Bearer realm="api"')
        assert refused.headers["Cache-Control"] == "no-store"

    def test_one_that_has_ended_is_refused_and_forgotten_a_month_later(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        secret = key(engine, ADDRESS)
        end(engine)
        refused = call(app.test_client(), secret, "/api/token")
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
        service.forget(engine)
        assert "Finie depuis" in client.get(PAGE).text
        end(engine, timedelta(days=31))
        service.forget(engine)
        assert "Finie depuis" not in client.get(PAGE).text

    def test_a_scope_that_a_key_lacks_is_named(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        secret = key(engine, ADDRESS, ApiKeyScope.EXPORT)
        refused = call(app.test_client(), secret, "/api/moderation")
        assert refused.status_code == 403
        assert refused.content_type == "application/problem+json"
        assert refused.headers["WWW-Authenticate"] == (
            'Bearer realm="api", error="insufficient_scope", scope="read:moderation"'
        )

    def test_each_key_has_a_limit_of_its_own(
        self,
        app: Flask,
        client: FlaskClient,
        engine: Engine,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(bearer, "ANY_SCOPE", RateLimit(2))
        sign_in(client, engine)
        busy, other = key(engine, ADDRESS), key(engine, ADDRESS)
        tool = app.test_client()
        assert [call(tool, busy, "/api/token").status_code for _ in range(3)] == [200, 200, 429]
        waiting = call(tool, busy, "/api/token")
        assert 0 < int(waiting.headers["Retry-After"]) <= 3600
        assert waiting.content_type == "application/problem+json"
        assert call(tool, other, "/api/token").status_code == 200


class TestCommands:
    @pytest.fixture(autouse=True)
    def at_the_database(self, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("MAPSERVICE_DATABASE_URL", database_url)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["users", "token", *words])

    def test_a_key_is_made_listed_and_taken_back(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        made = self.run(
            "create", ADDRESS, "--name", "moisson", "--scope", "export", "--days", "365"
        )
        secret = made.stdout.strip()
        assert call(app.test_client(), secret, "/api/token").get_json()["name"] == "moisson"
        assert mails_to(engine)[-1].kind == "token"
        listed = self.run("list", ADDRESS).output
        assert listed.startswith(f"{secret[:15]}\tmoisson\texport\t")
        assert self.run("revoke", ADDRESS, secret[:15]).exit_code == 0
        assert call(app.test_client(), secret, "/api/token").status_code == 401
        assert self.run("revoke", ADDRESS, secret[:15]).exit_code == 1

    def test_who_has_not_signed_in_has_none(self, engine: Engine) -> None:
        refused = self.run("create", "new@example.org", "--name", "x", "--scope", "export")
        assert refused.exit_code == 1
        assert "Nobody has signed in as new@example.org" in str(refused.exception)
