"""Marks that French and English set differently: percent and colon, quotes, sizes of files."""

from flask import Flask
from flask_babel import format_decimal, format_percent, get_locale

from mapservice.i18n import phrases

NO_BREAK = "\u00a0"
COLONS = {"fr": f"{NO_BREAK}: ", "en": ": "}
UNITS = {
    "fr": ("octets", "ko", "Mo", "Go"),
    "en": ("bytes", "kB", "MB", "GB"),
}
THOUSAND = 1000


def register(app: Flask) -> None:
    app.jinja_env.globals.update(colon=colon)
    app.jinja_env.filters.update(
        percent=percent, quoted=lambda text: phrases.quoted(text, _language()), file_size=file_size
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
