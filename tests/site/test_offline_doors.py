"""The manifest and the service worker as machines read them; pages of a session are private."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.errors import ConfigurationError
from mapservice.settings import Settings
from mapservice.site.offline_routes import short_name
from tests.accounts.people.mailbox import sign_in


def png_size(content: bytes) -> tuple[int, int]:
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def test_the_manifest_is_whole_and_each_of_its_addresses_answers(
    served: Callable[..., FlaskClient],
) -> None:
    client = served(site_name="Les lavoirs de Plouha")
    answer = client.get("/manifest.webmanifest")
    assert answer.content_type == "application/manifest+json"
    told = json.loads(answer.text)
    assert (told["name"], told["short_name"]) == ("Les lavoirs de Plouha", "Les lavoirs")
    assert (told["id"], told["start_url"], told["scope"]) == ("/", "/", "/")
    assert told["display"] == "standalone"
    assert {(one["sizes"], one["purpose"]) for one in told["icons"]} == {
        (sizes, purpose) for sizes in ("192x192", "512x512") for purpose in ("any", "maskable")
    }
    for one in told["icons"]:
        icon = client.get(one["src"], buffered=True)
        assert icon.content_type == one["type"]
        assert "x".join(map(str, png_size(icon.data))) == one["sizes"]
    assert len(told["shortcuts"]) == 3
    for one in told["shortcuts"]:
        assert client.get(one["url"]).status_code == 200
    english = client.get("/manifest.webmanifest", headers={"Accept-Language": "en"}).get_json(
        force=True
    )
    assert (told["lang"], english["lang"]) == ("fr", "en")
    assert told["description"] != english["description"]


@pytest.mark.parametrize("path", ["/", "/initiatives", "/methode", "/nulle-part"])
def test_every_page_names_the_manifest_and_the_colours_of_light_and_dark(
    client: FlaskClient, path: str
) -> None:
    answer = client.get(path)
    assert '<link rel="manifest" href="/manifest.webmanifest">' in answer.text
    assert len(re.findall(r'<meta name="theme-color"[^>]*prefers-color-scheme', answer.text)) == 2
    policy = answer.headers["Content-Security-Policy"]
    assert "manifest-src 'self'" in policy
    assert "worker-src 'self'" in policy


def constants(script: str) -> dict[str, Any]:
    return {
        name: json.loads(value)
        for name, value in re.findall(r"^const ([A-Z]+) = (.*);$", script, re.MULTILINE)
        if value[0] in '"[{'
    }


@pytest.mark.parametrize("path", ["/", "/initiatives", "/territoires/region/53", "/enregistrees"])
def test_pages_that_are_kept_have_their_stylesheet_in_the_shell(
    client: FlaskClient, path: str
) -> None:
    shell = constants(client.get("/sw.js").text)["SHELL"]
    (sheet,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', client.get(path).text)
    (font,) = re.findall(r'<link rel="preload" href="([^"]+)" as="font"', client.get(path).text)
    assert {sheet, font} <= set(shell)


def test_the_worker_is_asked_for_anew_and_names_files_that_are_there(client: FlaskClient) -> None:
    answer = client.get("/sw.js")
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    told = constants(answer.text)
    assert set(told) >= {"VERSION", "SHELL", "FALLBACK", "WORDS"}
    for path in told["SHELL"]:
        if not path.startswith("/vendor/"):  # npm's files may be absent here
            kept = client.get(path, buffered=True)
            assert kept.status_code == 200, path
            assert "no-store" not in kept.headers["Cache-Control"]
    assert set(told["FALLBACK"].values()) <= set(told["SHELL"])
    assert set(told["WORDS"]) == {"fr", "en"}
    assert all("{when}" in words["kept"] for words in told["WORDS"].values())


def test_another_shell_is_another_worker_and_the_same_shell_the_same(
    served: Callable[..., FlaskClient],
) -> None:
    first, second = (served().get("/sw.js").text for _ in range(2))
    assert first == second
    renamed = served(site_name="Autrement").get("/sw.js").text
    assert constants(renamed)["VERSION"] != constants(first)["VERSION"]


def test_the_switch_gives_a_worker_that_takes_itself_away(
    served: Callable[..., FlaskClient],
) -> None:
    client = served(offline="off")
    worker = client.get("/sw.js")
    assert worker.status_code == 200
    assert "registration.unregister()" in worker.text
    assert 'addEventListener("fetch"' not in worker.text
    assert 'data-offline="off"' in client.get("/").text
    with pytest.raises(ConfigurationError, match="MAPSERVICE_OFFLINE"):
        Settings.from_env({"MAPSERVICE_OFFLINE": "perhaps"})


def test_pages_of_a_session_are_private(app: Flask, engine: Engine, client: FlaskClient) -> None:
    for path in ("/", "/initiatives", "/methode"):
        assert client.get(path).headers["Cache-Control"] == "no-cache"
    sign_in(client, engine, "ana@example.org")
    for path in ("/", "/initiatives", "/methode"):
        assert client.get(path).headers["Cache-Control"] == "private, no-cache"
    assert "Set-Cookie" not in app.test_client().get("/enregistrees").headers


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Initiatives locales", "Initiatives"),
        ("Plouha", "Plouha"),
        ("Intercommunalité du Trégor", "Intercommuna"),
        ("Ici et là, oui", "Ici et là,"),
    ],
)
def test_the_name_under_the_icon_is_made_of_whole_words(name: str, short: str) -> None:
    assert short_name(name) == short
