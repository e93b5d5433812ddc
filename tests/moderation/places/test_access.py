"""Who gets in, and whose forms are believed."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.settings import Settings, retired_settings
from mapservice.web.edge import SERVICES, Services
from tests.moderation.places.conftest import Person, kept

QUEUE = "/moderation/lieux"
NOBODY = "01970000-0000-7000-8000-000000000000"
DOORS = [
    ("GET", QUEUE),
    ("GET", f"{QUEUE}/{NOBODY}"),
    ("POST", f"{QUEUE}/{NOBODY}"),
    ("POST", f"{QUEUE}/{NOBODY}/attente"),
]


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
def test_without_a_role_the_pages_do_not_exist(client: FlaskClient, method: str, path: str) -> None:
    """Nor do they ask for a password: there is none any more."""
    for given in (None, ("Ana", "clef des essais")):
        answer = client.open(path, method=method, auth=given)
        assert answer.status_code == 404
        assert "WWW-Authenticate" not in answer.headers


def test_the_password_of_former_versions_opens_nothing(
    database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAPSERVICE_REVIEW_KEY", "clef")
    monkeypatch.setenv("MAPSERVICE_DATABASE_URL", database_url)
    app = create_app(Settings.from_env())
    services: Services = app.extensions[SERVICES]
    try:
        answer = app.test_client().get(QUEUE, auth=("Ana", "clef"))
        assert answer.status_code == 404
        (words,) = retired_settings()
        assert "MAPSERVICE_REVIEW_KEY is no longer read" in words
        assert "mapservice users grant" in words
    finally:
        services.dispose()


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
