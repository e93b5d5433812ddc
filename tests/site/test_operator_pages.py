"""Legal and help pages: what settings tell, what nobody told, the operator's own text, mails."""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mapservice.accounts.people.routes import EXTENSION, AccountExtensions
from mapservice.errors import ConfigurationError
from mapservice.mail import service as mail
from mapservice.settings import Settings
from mapservice.site.operator_pages import routes
from mapservice.site.operator_pages.model import OperatorPage
from mapservice.site.operator_pages.service import shortcomings

PATHS = [f"/{page}" for page in OperatorPage]
UNTOLD, UNTOLD_EN = "non renseigné par l’exploitant", "not told by the operator"
TOLD: dict[str, Any] = {
    "operator_name": "Association des <Lavoirs>",
    "operator_address": "3 rue du Puits, 22580 Plouha",
    "operator_registration": "RNA W222000000",
    "publication_director": "Anne Le Goff",
    "contact_email": "bonjour@lavoirs.example",
    "contact_phone": "+33 2 00 00 00 00",
    "hosting": "Hébergeur Armor, 1 quai Nord, Brest",
    "legal_date": "2026-11-30",
}


def words_of(client: FlaskClient, path: str) -> str:
    """What a person reads of the main part of a page."""
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    found = re.search(r"<main.*?</main>", answer.text, re.DOTALL)
    assert found
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


@pytest.mark.parametrize("path", ["/", "/initiatives", "/methode", "/connexion", "/nulle-part"])
def test_every_page_links_to_them(client: FlaskClient, path: str) -> None:
    foot = client.get(path).text.partition("<footer")[2]
    assert [one for one in PATHS if f'href="{one}"' not in foot] == []


@pytest.mark.parametrize("path", PATHS)
def test_each_has_one_title_in_both_languages(client: FlaskClient, path: str) -> None:
    french, english = (client.get(f"{path}?lang={language}").text for language in ("fr", "en"))
    titles = [re.findall(r"<h1>(.*?)</h1>", page) for page in (french, english)]
    assert [len(found) for found in titles] == [1, 1]
    assert '<html lang="fr">' in french
    assert '<html lang="en">' in english
    if path != "/contact":
        assert titles[0] != titles[1]


@pytest.mark.parametrize("path", ["/mentions-legales", "/confidentialite", "/contact"])
def test_what_is_not_set_is_said_not_to_be_told(client: FlaskClient, path: str) -> None:
    assert UNTOLD in words_of(client, path)
    assert UNTOLD_EN in words_of(client, f"{path}?lang=en")


def test_what_is_set_is_told_and_escaped(served: Callable[..., FlaskClient]) -> None:
    client = served(**TOLD, log_days=12)
    told = words_of(client, "/mentions-legales")
    for name, value in TOLD.items():
        assert (value if name != "legal_date" else "30 novembre 2026") in told, name
    privacy = words_of(client, "/confidentialite")
    assert "12 jours" in privacy
    for words in (told, privacy, words_of(client, "/contact")):
        assert UNTOLD not in words
    assert "mailto:bonjour@lavoirs.example" in client.get("/contact").text


def test_privacy_names_what_every_room_keeps_and_every_cookie(
    app: Flask, client: FlaskClient
) -> None:
    page = client.get("/confidentialite").text
    told = {name for names in re.findall(r'data-kept="([^"]+)"', page) for name in names.split()}
    extensions: AccountExtensions = app.extensions[EXTENSION]
    assert {one.name for one in extensions.providers} <= told
    assert {"<code>personne</code>", "<code>langue</code>"} <= set(
        re.findall(r"<code>\w+</code>", page)
    )


def test_privacy_tells_the_days_that_the_purges_use(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = words_of(client, "/confidentialite")
    assert f"leur texte {mail.BODY_DAYS} jours, leur objet {mail.ROW_DAYS} jours" in words
    monkeypatch.setitem(routes.KEPT_DAYS, "mail_text", 1)
    assert "leur texte 1 jour," in words_of(client, "/confidentialite")


def test_privacy_names_the_hosts_that_browsers_ask(served: Callable[..., FlaskClient]) -> None:
    assert "ne demande rien à personne d’autre" in words_of(served(), "/confidentialite")
    outside = served(basemap="https://tiles.example/{z}/{x}/{y}.png")
    assert "https://tiles.example" in words_of(outside, "/confidentialite")


@pytest.mark.parametrize(
    ("standing", "words", "foot"),
    [
        ("no_audit", "Aucun audit de ce site n’a été fait.", "non conforme (pas d’audit)"),
        ("not_conformant", "Ce site n’est pas conforme au RGAA 4.1.", "non conforme"),
        ("partial", "partiellement conforme au RGAA 4.1.", "partiellement conforme"),
        ("full", "totalement conforme au RGAA 4.1.", "totalement conforme"),
    ],
)
def test_accessibility_says_what_an_audit_found_and_no_more(
    served: Callable[..., FlaskClient], standing: str, words: str, foot: str
) -> None:
    client = served(accessibility=standing)
    assert words in words_of(client, "/accessibilite")
    assert f"Accessibilité\u00a0: {foot}</a>" in client.get("/").text
    assert (UNTOLD in words_of(client, "/accessibilite").partition("Ce que nous")[0]) == (
        standing != "no_audit"
    )


@contextmanager
def folder_of(tmp_path: Path, **files: str) -> Iterator[str]:
    for name, text in files.items():
        (tmp_path / f"{name.replace('_', '-')}.md").write_text(text, encoding="utf-8")
    yield str(tmp_path)


def test_an_operators_file_takes_the_place_of_the_generated_page(
    served: Callable[..., FlaskClient], tmp_path: Path
) -> None:
    text = (
        "# Qui nous sommes\n\n## L’équipe\n\nTrois [voisins](https://example.org).\n\n"
        "<script>alert(1)</script> [piège](javascript:alert(1))\n\n|a|b|\n|-|-|\n|1|2|\n"
    )
    with folder_of(tmp_path, mentions_legales=text) as folder:
        client = served(pages=folder)
        page = client.get("/mentions-legales").text
        assert "<h1>Qui nous sommes</h1>" in page
        assert "<h2>L’équipe</h2>" in page
        assert "<td>1</td>" in page
        assert "<script>alert" not in page
        assert 'href="javascript' not in page
        assert UNTOLD in words_of(client, "/contact")
        (tmp_path / "mentions-legales.md").write_text("Sans titre.", encoding="utf-8")
        assert "<h1>Mentions légales</h1>" in client.get("/mentions-legales").text


def test_english_readers_get_the_english_file_or_are_told_that_there_is_none(
    served: Callable[..., FlaskClient], tmp_path: Path
) -> None:
    with folder_of(tmp_path, aide="# Coup de main\n\nAppelez-nous.") as folder:
        client = served(pages=folder)
        alone = client.get("/aide?lang=en").text
        assert "This page exists in French only." in alone
        assert re.search(r'<div lang="fr">\s*<h1>Coup de main</h1>', alone)
        (tmp_path / "aide.en.md").write_text("# A hand\n\nCall us.", encoding="utf-8")
        both = client.get("/aide?lang=en").text
        assert "<h1>A hand</h1>" in both
        assert "in French only" not in both


def test_the_doctor_is_told_of_all_that_is_missing(tmp_path: Path) -> None:
    bare = list(shortcomings(Settings()))
    assert [one for one in bare if one.startswith("MAPSERVICE_HOSTING is not set")]
    assert list(shortcomings(Settings(**TOLD, log_days=12))) == []
    (tmp_path / "mentions_legales.md").write_text("x")
    (tmp_path / "aide.md").write_bytes(b"\xff\xfe")
    found = "\n".join(shortcomings(Settings(**TOLD, log_days=12, pages=str(tmp_path))))
    assert "mentions_legales.md is the name of no page" in found
    assert "aide.md is no UTF-8 text" in found
    gone = Settings(**TOLD, log_days=12, pages=str(tmp_path / "gone"))
    assert "is no folder" in next(shortcomings(gone))


@pytest.mark.parametrize(
    ("name", "value"),
    [("LEGAL_DATE", "hier"), ("LEGAL_DATE", "20261130"), ("ACCESSIBILITY", "oui")],
)
def test_a_setting_that_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"MAPSERVICE_{name}"):
        Settings.from_env({f"MAPSERVICE_{name}": value})


def test_every_mail_names_who_writes_and_where_their_duties_are_told() -> None:
    values = {"link": "https://map.test/confirmer/x", "hours": 2}
    for operator, name in (("", "Initiatives locales"), ("Les Lavoirs", "Les Lavoirs")):
        site = mail.letterhead(Settings(public_url="https://map.test", operator_name=operator))
        written = mail.write(site, "sign_in", "ana@example.org", values)
        for part in (written.text, written.html):
            assert name in part
            assert "https://map.test/mentions-legales" in part
            assert "https://map.test/confidentialite" in part
        assert "\n-- \n" in written.text
