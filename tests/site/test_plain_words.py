"""Citizens' pages speak plainly: the words that docs/words.md rules out are on none of them."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice import i18n
from tests.web.population import Made, insert

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATES = REPOSITORY / "templates"
# Pages and mails of those who coordinate, moderate or write programs; the page on methods.
OF_A_TRADE = {
    "about", "about.html", "coordination", "exports", "moderation", "ogc", "reports", "review",
    "roles", "tokens/page.html", "trust", "weekly_digest", "mail/briefing.html",
    "mail/briefing.txt", "mail/_briefing_words.txt", "mail/role.html", "mail/role.txt",
    "mail/report.html", "mail/report.txt",
}  # fmt: skip
# Python whose phrases stand on citizens' pages.
ROOMS = ("site", "contributions/proposals", "contributions/supports", "initiatives", "web")
ROOMS_TOO = ("accounts/people", "notifications/subscriptions", "notifications/feeds", "static_maps")
RULED_OUT = {
    "fr": r"silencieu|\bjetons?\b|rayon adapté|\badapté\b|coordination|\bcourrier\b(?! \(Déf)"
    r"|abonnement|cluster|grappe|centroïde|\bancre|rafale|lissée?\b|tuile|\bpush\b|\bcache\b"
    r"|service worker|géocod|back-office|workflow|\bbbox\b",
    "en": r"\bsilent\b|\btokens?\b|adapted radius|coordination figures|subscription|cluster"
    r"|centroid|\banchor|\bbursts?\b|smoothed|\btiles?\b|\bpush\b|\bcache\b|service worker"
    r"|geocod|back office|workflow|\bbbox\b",
}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "_n": (1, 2)}
PAGES = (
    "/",
    "/initiatives",
    "/initiatives?theme=culture&q=zzz",
    "/initiatives/{one}",
    "/initiatives/{one}/soutenir",
    "/initiatives/{one}/signaler",
    "/autour-de-moi",
    "/autour-de-moi?near=-1.68,48.11",
    "/recherche?q=plouha",
    "/territoires",
    "/territoires/commune/35238",
    "/territoires/departement/35",
    "/territoires/region/53",
    "/proposer",
    "/suivre?territory=commune:35238",
    "/connexion",
    "/connexion/envoyee",
    "/mentions-legales",
    "/confidentialite",
    "/accessibilite",
    "/aide",
    "/contact",
    "/nulle-part",
)
# The way of coordinators into their pages, and what is said of them where they are meant.
ALLOWED = {"Coordination"}


def phrases() -> Iterator[tuple[str, str]]:
    """Where each phrase of citizens' templates and rooms stands, and its French."""
    for path in sorted(TEMPLATES.rglob("*.*")):
        name = path.relative_to(TEMPLATES).as_posix()
        if path.suffix in (".html", ".txt") and not {name, name.split("/")[0]} & OF_A_TRADE:
            yield from found(path, "jinja2")
    for room in ROOMS + ROOMS_TOO:
        for path in sorted((REPOSITORY / "mapservice" / room).rglob("*.py")):
            yield from found(path, "python")


def filled(text: str) -> str:
    """As people read it: without the names of what is filled in."""
    return re.sub(r"%\(\w+\)s|\{\w+\}", "1", text)


def found(path: Path, method: str) -> Iterator[tuple[str, str]]:
    for line, message, _, _ in extract_from_file(method, str(path), keywords=KEYWORDS):
        for text in [message] if isinstance(message, str) else message:
            yield f"{path.relative_to(REPOSITORY)}:{line}", text


def test_the_phrases_of_citizens_have_no_office_word_in_either_language() -> None:
    english = i18n.catalogue("en")
    looked_at = list(phrases())
    assert len(looked_at) > 500
    bad = []
    for where, text in looked_at:
        if text in ALLOWED or "Pour qui " in text:
            continue
        for language, words in (("fr", text), ("en", str(english.gettext(text)))):
            if said := re.search(RULED_OUT[language], filled(words), re.IGNORECASE):
                bad.append(f"{where}: {said[0]!r} in {words!r}")
    assert bad == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_citizens_page_says_one(client: FlaskClient, engine: Engine, language: str) -> None:
    one = Made(commune="35238", theme="culture")
    with engine.begin() as connection:
        insert(connection, [one])
    said = {}
    for path in PAGES:
        page = client.get(path.format(one=one.id), headers={"Accept-Language": language}).text
        if words := re.findall(RULED_OUT[language], visible(page), re.IGNORECASE):
            said[path] = words
    assert said == {}


def visible(page: str) -> str:
    """What a person reads, less the link of coordinators and the notice for them."""
    page = re.sub(r"<(script|style)\b.*?</\1>|<!--.*?-->", " ", page, flags=re.DOTALL)
    read = html.unescape(re.sub(r"<[^>]+>", "\n", page))
    return "\n".join(line for line in read.splitlines() if line.strip() not in ALLOWED)


def test_the_words_ruled_out_stand_in_the_style_page() -> None:
    """So that who meets the test finds the word to use instead."""
    page = (REPOSITORY / "docs" / "words.md").read_text(encoding="utf-8")
    for word in ("silencieuse", "jeton", "rayon adapté", "chiffres de coordination", "courrier"):
        assert word in page
