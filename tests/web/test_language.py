"""French and English: which one a page is in, that it says so, and that no phrase was forgotten."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.i18n import CATALOGUES
from tests.web.population import Made, insert

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = re.compile(r"%\(\w+\)s|\{\w+\}")
ENGLISH = {"Accept-Language": "en-GB,en;q=0.8"}
FRENCH_TEXT = Made(
    id="0197f000-0000-4000-8000-000000000001",
    title="Un jardin",
    commune="35238",
    theme="environnement",
    supporters=1234,
)


def phrases() -> set[str | tuple[str, ...]]:
    """What code and templates wrap, as scripts/translate finds it."""
    words = {"_": None, "gettext": None, "ngettext": (1, 2), "_n": (1, 2)}
    found: set[str | tuple[str, ...]] = set()
    for folder, method, pattern in (
        ("mapservice", "python", "**.py"),
        ("templates", "jinja2", "**.html"),
        ("templates", "jinja2", "**.txt"),
    ):
        extracted = extract_from_dir(
            REPOSITORY / folder, [(pattern, method)], {pattern: {}}, words, ("",)
        )
        found |= {message for _, _, message, _, _ in extracted if message}
    return found


def catalogue() -> dict[str | tuple[str, ...], Message]:
    with (CATALOGUES / "en" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return {
            message.id if isinstance(message.id, str) else tuple(message.id): message
            for message in read_po(file, "en")
            if message.id
        }


def test_every_phrase_has_its_english() -> None:
    """Run scripts/translate and fill in what it lists."""
    known = catalogue()
    wanted = phrases()
    assert len(wanted) > 500
    without = [one for one in wanted if one not in known or not all(forms(known[one].string))]
    assert without == []


def test_english_puts_in_the_same_values() -> None:
    for message in catalogue().values():
        assert not message.fuzzy, message.id
        asked = [set(HERE.findall(form)) for form in forms(message.id)]
        told = [set(HERE.findall(form)) for form in forms(message.string)]
        assert all(values <= asked[-1] | asked[0] for values in told), message.id
        assert told[-1] >= asked[-1], message.id


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ("",))


@pytest.fixture
def one(client: FlaskClient, engine: Engine) -> FlaskClient:
    with engine.begin() as connection:
        insert(connection, [FRENCH_TEXT])
    return client


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/initiatives",
        f"/initiatives/{FRENCH_TEXT.id}",
        "/autour-de-moi",
        "/autour-de-moi?near=-1.68,48.11",
        "/territoires",
        "/territoires/commune/35238",
        "/territoires/departement/79",
        "/methode",
        "/nulle-part",
    ],
)
def test_a_page_says_its_language_and_links_the_other(one: FlaskClient, path: str) -> None:
    joint = "&" if "?" in path else "?"
    french = one.get(path)
    assert '<html lang="fr">' in french.text
    assert french.headers["Content-Language"] == "fr"
    assert {"Accept-Language", "Cookie"} <= set(french.headers["Vary"].split(", "))
    english = one.get(f"{path}{joint}lang=en")
    assert '<html lang="en">' in english.text
    assert english.headers["Content-Language"] == "en"
    switch = re.search(r'class="language" href="([^"]+)"', french.text)
    assert switch
    assert switch[1].endswith("lang=en")
    one.delete_cookie("langue")


def test_a_choice_is_remembered(one: FlaskClient) -> None:
    chosen = one.get("/initiatives?lang=en")
    cookie = chosen.headers["Set-Cookie"]
    assert "langue=en" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert '<html lang="en">' in one.get("/initiatives").text
    one.get("/?lang=fr")
    assert '<html lang="fr">' in one.get("/initiatives", headers=ENGLISH).text
    one.delete_cookie("langue")


def test_without_a_choice_the_browser_says(one: FlaskClient) -> None:
    page = one.get("/initiatives", headers=ENGLISH)
    assert '<html lang="en">' in page.text
    assert "Set-Cookie" not in page.headers
    assert '<html lang="fr">' in one.get("/initiatives").text
    assert '<html lang="fr">' in one.get("/", headers={"Accept-Language": "de"}).text


def test_words_numbers_dates_and_places_are_those_of_the_language(one: FlaskClient) -> None:
    french = one.get("/initiatives").text
    english = one.get("/initiatives", headers=ENGLISH).text
    assert "1\u202f234 soutiens" in french
    assert "1,234 supporters" in english
    assert "15 janvier 2026" in french
    assert "15 January 2026" in english
    assert "dans la commune de Rennes" in french
    assert "in the commune of Rennes" in english
    assert "Environnement" in french
    assert "Environment" in english
    place = one.get("/territoires/commune/72181", headers=ENGLISH).text
    assert "Nothing yet in Le Mans. Why not you?" in place


def test_scripts_get_their_words_in_the_language_too(one: FlaskClient) -> None:
    words = r'id="map-words">([^<]+)<'
    english = re.search(words, one.get("/", headers=ENGLISH).text)
    french = re.search(words, one.get("/").text)
    assert english
    assert french
    assert '"zoomIn": "Zoom in"' in english[1]
    assert '"zoomIn": "Zoomer"' in french[1]


def test_the_next_request_of_a_thread_starts_anew(one: FlaskClient) -> None:
    one.get("/territoires/commune/72181", headers=ENGLISH)
    assert "au Mans" in one.get("/territoires/commune/72181").text


def test_machine_doors_speak_french_alone(one: FlaskClient) -> None:
    feed = one.get("/initiatives.atom", headers=ENGLISH)
    assert "Environnement" in feed.text
    assert "Cookie" not in feed.headers.get("Vary", "")
    assert one.get("/initiatives.atom?lang=en").status_code == 400


def test_another_language_is_refused_by_name(one: FlaskClient) -> None:
    answer = one.get("/initiatives?lang=de")
    assert answer.status_code == 400
    assert "lang" in answer.text


def test_a_phrase_is_safe_where_its_template_escapes_and_its_values_are_not(
    client: FlaskClient,
) -> None:
    page = "{{ _('Vous & nous, 5%%') }}|{{ _('de %(name)s', name=name) }}"
    unescaped = "{% autoescape false %}" + page + "{% endautoescape %}"
    with client.application.test_request_context("/"):
        for source, name in ((page, "&lt;b&gt;"), (unescaped, "<b>")):
            template = client.application.jinja_env.from_string(source)
            for _ in range(2):
                assert template.render(name="<b>") == f"Vous & nous, 5%|de {name}"
