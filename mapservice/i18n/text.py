"""Phrases for people in the language of the request; msgids are the French texts."""

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from babel.numbers import format_decimal as babel_decimal
from babel.numbers import get_group_symbol
from flask import Flask
from flask_babel import format_date, format_decimal, format_percent, get_locale
from flask_babel import gettext as babel_gettext
from flask_babel import ngettext as babel_ngettext

from mapservice.i18n import phrases


def gettext(message: str, **values: Any) -> str:
    return str(babel_gettext(message, **values))


def ngettext(one: str, several: str, number: int, **values: Any) -> str:
    """`number` chooses the form; what it reads like is among the values."""
    return str(babel_ngettext(one, several, number, **values))


# --- Numbers -------------------------------------------------------------------------------------

NO_BREAK = "\u00a0"
COLONS = {"fr": f"{NO_BREAK}: ", "en": ": "}
UNITS = {
    "fr": ("octets", "ko", "Mo", "Go"),
    "en": ("bytes", "kB", "MB", "GB"),
}
THOUSAND = 1000


def register(app: Flask) -> None:
    app.jinja_env.globals.update(colon=colon, metres_words=metres_words)
    app.jinja_env.filters.update(
        percent=percent,
        quoted=quoted,
        file_size=file_size,
        number_fr=number,
        rounded=rounded,
        date_fr=day,
        period_fr=period,
    )


def percent(value: float, digits: int = 0) -> str:
    """Of a share out of a hundred: 12.3 is "12 %" in French and "12%" in English."""
    pattern = "#,##0." + "#" * digits if digits else "#,##0"
    gap = NO_BREAK if _language() == "fr" else ""
    return str(format_percent(value / 100, f"{pattern}{gap}%"))


def quoted(text: str) -> str:
    return phrases.quoted(text, _language())


def colon() -> str:
    """With the spaces around it."""
    return COLONS[_language()]


def file_size(count: int) -> str:
    """In decimal units: 1,500,000 is "1,5 Mo" in French and "1.5 MB" in English."""
    units = UNITS[_language()]
    power = 0
    value = float(count)
    while value >= THOUSAND and power < len(units) - 1:
        value, power = value / THOUSAND, power + 1
    return f"{format_decimal(round(value, 1 if power else 0))}{NO_BREAK}{units[power]}"


def _language() -> str:
    locale = get_locale()
    return locale.language if locale and locale.language in COLONS else "fr"


def number(value: float) -> str:
    """As the language of the request writes it."""
    locale = str(get_locale())
    if isinstance(value, int):  # of which a table has hundreds; Babel takes 60 µs for one
        return f"{value:,}".replace(",", _between_thousands(locale))
    return _decimal(value, locale)


@lru_cache(maxsize=8192)
def _decimal(value: float, locale: str) -> str:
    return str(babel_decimal(value, locale=locale))


@lru_cache
def _between_thousands(locale: str) -> str:
    return str(get_group_symbol(locale))


def rounded(value: float) -> int:
    """To two digits, for figures that are estimates: 21,734 → 22,000."""
    return int(float(f"{value:.1e}"))


def day(value: date | datetime) -> str:
    return str(format_date(value, "long"))


def period(told: str) -> str:
    """A year or a month in ISO 8601 as people write it: "2022", "mars 2022"."""
    year, _hyphen, month = told.partition("-")
    if not month:
        return year
    return str(format_date(date(int(year), int(month), 1), "LLLL yyyy"))


def metres_words(metres: float) -> str:
    """ "450 m", "2,3 km", "18 km": no finer than people walk or ride."""
    if metres < 1000:
        return gettext("%(count)s m", count=number(max(10, round(metres, -1))))
    return gettext(
        "%(count)s km", count=number(round(metres / 1000, 1 if metres < 10_000 else None))
    )
