"""The phrases of a language, for pages and for mails, which are written without a request."""

from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from mapservice.i18n.locale import LANGUAGE

CATALOGUES = Path(__file__).resolve().parent.parent / "translations"
SOURCE_LANGUAGE = "fr"
Translate = Callable[..., str]
QUOTES = {"fr": ("«\u00a0", "\u00a0»"), "en": ("“", "”")}


@cache
def catalogue(language: str) -> Translations:
    """Read from the `.po` file itself; French phrases are their own translation."""
    if language == SOURCE_LANGUAGE:
        return Translations()
    path = CATALOGUES / language / "LC_MESSAGES" / "messages.po"
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def quoted(text: str, language: str = SOURCE_LANGUAGE) -> str:
    """Between the quotes of a language."""
    before, after = QUOTES[language]
    return f"{before}{text}{after}"


def translator(locale: str) -> Translate:
    words = catalogue(locale)

    def translate(message: str, **values: object) -> str:
        return words.gettext(message) % values if values else words.gettext(message)

    return translate


def gettext(message: str, **values: object) -> str:
    """In the language of the request, in French where there is none; it needs no framework."""
    return translator(LANGUAGE.get())(message, **values)
