"""The language of a page: asked for by `?lang=`, remembered in a cookie, else as the browser says.

French is what everybody gets who asks for nothing, crawlers among them, so the bare address of a
page is its French one and `?lang=en` its English one. Machine doors speak French alone: their
words are those of the initiatives, and their answers need not vary.
"""

from typing import Any
from urllib.parse import urlencode

from babel.support import Translations
from flask import Flask, Response, g, request
from flask_babel import Babel, Domain
from werkzeug.datastructures import ImmutableMultiDict

from mapservice.errors import InvalidInput
from mapservice.i18n.locale import LANGUAGE
from mapservice.i18n.phrases import catalogue
from mapservice.web.problems import is_machine_path

FRENCH, ENGLISH = "fr", "en"
LANGUAGES = (FRENCH, ENGLISH)
# Dates and numbers are written as in Britain, which is nearer to France in both.
LOCALES = {FRENCH: "fr", ENGLISH: "en_GB"}
PARAMETER = "lang"
COOKIE = "langue"
YEAR_SECONDS = 31_536_000


class PoCatalogues(Domain):
    """Reads the `.po` files themselves: nothing is compiled beforehand, so nothing can be stale."""

    def get_translations(self) -> Translations:
        return catalogue(chosen())


def register(app: Flask) -> None:
    Babel(app, locale_selector=lambda: LOCALES[chosen()])
    app.extensions["babel"].instance.domain_instance = PoCatalogues()
    app.before_request(_choose)
    app.after_request(_remember)
    app.teardown_request(_forget)
    app.context_processor(
        lambda: {
            "lang": chosen(),
            "in_language": in_language,
            "has_languages": not is_machine_path(request.path) if request else False,
        }
    )


def chosen() -> str:
    """That of the present request."""
    return str(g.get("language", FRENCH)) if g else FRENCH


def in_language(language: str) -> str:
    """The address of this page in a language, as a switch links it."""
    return f"{request.path}?{urlencode([*request.args.items(multi=True), (PARAMETER, language)])}"


def _choose() -> None:
    """Sets the language, and takes the parameter away before the routes read theirs."""
    LANGUAGE.set(FRENCH)
    if is_machine_path(request.path):
        return
    asked = request.args.get(PARAMETER)
    if asked is not None and asked not in LANGUAGES:
        raise InvalidInput(PARAMETER, f"must be one of {', '.join(LANGUAGES)}")
    if asked:
        others = ((k, v) for k, v in request.args.items(multi=True) if k != PARAMETER)
        request.args = ImmutableMultiDict(others)
        g.language_asked = asked
    g.language = asked or _remembered() or request.accept_languages.best_match(LANGUAGES, FRENCH)
    LANGUAGE.set(g.language)


def _remembered() -> str | None:
    kept = request.cookies.get(COOKIE)
    return kept if kept in LANGUAGES else None


def _remember(response: Response) -> Response:
    if is_machine_path(request.path):
        return response
    response.vary.update(("Accept-Language", "Cookie"))
    response.headers.setdefault("Content-Language", chosen())
    asked = g.get("language_asked")
    if asked and response.status_code < 400:
        response.set_cookie(
            COOKIE, asked, max_age=YEAR_SECONDS, secure=request.is_secure, httponly=True,
            samesite="Lax",
        )  # fmt: skip
    return response


def _forget(_error: Any) -> None:
    """Threads outlive requests."""
    LANGUAGE.set(FRENCH)
