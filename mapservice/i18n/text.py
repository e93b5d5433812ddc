"""Phrases for people in the language of the request; msgids are the French texts."""

from typing import Any

from flask_babel import gettext as babel_gettext
from flask_babel import ngettext as babel_ngettext


def gettext(message: str, **values: Any) -> str:
    return str(babel_gettext(message, **values))


def ngettext(one: str, several: str, number: int, **values: Any) -> str:
    """`number` chooses the form; what it reads like is among the values."""
    return str(babel_ngettext(one, several, number, **values))
