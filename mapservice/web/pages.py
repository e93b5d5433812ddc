"""What templates may call: words for numbers, dates, themes and places; links to assets."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from urllib.parse import urlencode

from babel.numbers import format_decimal, get_group_symbol
from flask import Flask
from flask_babel import format_date, get_locale

from mapservice.accounts.roles.permissions import own_roles
from mapservice.geocoding.matching.normalise import fold
from mapservice.geocoding.matching.vocabulary import STREET_TYPES
from mapservice.geocoding.model import Precision
from mapservice.i18n.text import gettext as _
from mapservice.initiatives.filters import Filters
from mapservice.initiatives.model import Status, Theme
from mapservice.initiatives.queries import Initiative
from mapservice.rollups.territory_model import vintage
from mapservice.settings import Settings
from mapservice.territories.model import Level
from mapservice.territories.names import at_territory, in_departement, in_region, of_commune
from mapservice.web.assets import asset
from mapservice.web.params import base_url


def register(app: Flask, settings: Settings) -> None:
    app.jinja_env.globals.update(asset=asset, settings=settings, query_string=query_string)
    app.jinja_env.filters.update(
        vintage=vintage,
        number_fr=number,
        rounded=rounded,
        date_fr=day,
        period_fr=period,
        theme_label=theme_label,
        status_label=status_label,
    )
    app.jinja_env.globals.update(
        precision_words=precision_words,
        place_name=place_name,
        distance_words=distance_words,
        metres_words=metres_words,
        of_name=lambda place: of_commune(place.name, place.article),
        at_territory=at_territory,
        of_commune=of_commune,
        base_url=base_url,
        own_roles=own_roles,
    )


def query_string(filters: Filters, **changes: object) -> str:
    """The filters' canonical query string with some of them changed; None takes one away."""
    texts = dict(filters.to_pairs())
    for name, value in changes.items():
        texts.pop(name, None)
        if value not in (None, "", (), []):
            texts[name] = _text(value)
    return f"?{urlencode(texts, safe=',:')}" if texts else ""


def number(value: float) -> str:
    """As the language of the request writes it."""
    locale = str(get_locale())
    if isinstance(value, int):  # of which a table has hundreds; Babel takes 60 µs for one
        return f"{value:,}".replace(",", _between_thousands(locale))
    return _decimal(value, locale)


@lru_cache(maxsize=8192)
def _decimal(value: float, locale: str) -> str:
    return str(format_decimal(value, locale=locale))


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


def theme_label(theme: str) -> str:
    return {
        Theme.ENVIRONNEMENT: _("Environnement"),
        Theme.ALIMENTATION: _("Alimentation"),
        Theme.MOBILITE: _("Mobilité"),
        Theme.HABITAT: _("Habitat"),
        Theme.SOLIDARITE: _("Solidarité"),
        Theme.EDUCATION: _("Éducation"),
        Theme.CULTURE: _("Culture"),
        Theme.ECONOMIE: _("Économie locale"),
        Theme.AUTRE: _("Autre"),
    }[Theme(theme)]


def status_label(status: str) -> str:
    return {
        Status.DRAFT: _("brouillon"),
        Status.PENDING: _("en attente"),
        Status.PUBLISHED: _("en cours"),
        Status.REJECTED: _("refusée"),
        Status.DONE: _("réalisée"),
        Status.ARCHIVED: _("archivée"),
        Status.MERGED: _("réunie à une autre"),
    }[Status(status)]


def precision_words(initiative: Initiative) -> str:
    """Where it is, in words that claim no more than is known."""
    precision = initiative.precision
    if precision is Precision.POINT:
        if _names_street(initiative.place_text):
            return _("à cette adresse, %(commune)s", commune=initiative.commune_name)
        return _("au point indiqué, %(commune)s", commune=initiative.commune_name)
    if precision is Precision.COMMUNE:
        name, article = initiative.commune_name or "", initiative.commune_article or ""
        return _("dans la commune %(of_name)s", of_name=of_commune(name, article))
    if precision is Precision.EPCI:
        return _("quelque part dans %(epci)s", epci=initiative.epci_name)
    if precision is Precision.DEPARTEMENT:
        name, article = initiative.departement_name or "", initiative.departement_article or ""
        return _("quelque part %(in_name)s", in_name=in_departement(name, article))
    if precision is Precision.REGION:
        name, article = initiative.region_name or "", initiative.region_article or ""
        return _("quelque part %(in_name)s", in_name=in_region(name, article))
    if precision is Precision.NATIONAL:
        return _("partout en France")
    return _("lieu à préciser")


def area_words(level: Level, name: str, article: str) -> str:
    """Somewhere in a territory: "quelque part en Bretagne"; `name` and `article` as kept."""
    if level is Level.COMMUNE:
        return _("quelque part dans la commune %(of_name)s", of_name=of_commune(name, article))
    if level is Level.EPCI:
        return _("quelque part dans %(epci)s", epci=name)
    in_name = in_departement if level is Level.DEPARTEMENT else in_region
    return _("quelque part %(in_name)s", in_name=in_name(name, article))


def _names_street(text: str) -> bool:
    """Whether a street is written: its type before a name, or soon after a house number.

    A postcode and a commune are none, even the commune of Rue (80).
    """
    words = re.findall(r"\w+", fold(text))
    types = [n for n, word in enumerate(words) if word in STREET_TYPES]
    named = any(words[n + 1].isalpha() for n in types if n + 1 < len(words))
    numbered = any(
        re.fullmatch(r"\d{1,4}[a-d]?", word) for n in types for word in words[max(n - 3, 0) : n]
    )
    return named or numbered


def distance_words(initiative: Initiative) -> str:
    """How far it is from the position asked for; "" unless it truly stands at a point."""
    if initiative.distance is None or initiative.precision is not Precision.POINT:
        return ""
    return _("à %(distance)s", distance=metres_words(initiative.distance))


def metres_words(metres: float) -> str:
    """ "450 m", "2,3 km", "18 km": no finer than people walk or ride."""
    if metres < 1000:
        return _("%(count)s m", count=number(max(10, round(metres, -1))))
    return _("%(count)s km", count=number(round(metres / 1000, 1 if metres < 10_000 else None)))


def place_name(initiative: Initiative) -> str:
    """The name of the finest territory known, or ""."""
    names = (
        initiative.commune_name,
        initiative.epci_name if initiative.precision is Precision.EPCI else None,
        initiative.departement_name,
        initiative.region_name,
    )
    return next((name for name in names if name), "")


def _text(value: object) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(str(part) for part in value)
    return str(value)
