"""Phrases for people in the language of the request; msgids are the French texts."""

from typing import Any

from flask_babel import gettext as babel_gettext


def gettext(message: str, **values: Any) -> str:
    return str(babel_gettext(message, **values))
