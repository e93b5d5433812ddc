"""What templates may call: words for numbers, dates, themes and places; links to assets."""

from collections.abc import Iterable
from datetime import date, datetime
from urllib.parse import urlencode

from flask import Flask
from flask_babel import format_date, format_decimal

from mapservice.geocoding.model import Precision
from mapservice.http.assets import asset
from mapservice.http.words import gettext as _
from mapservice.initiatives.filters import Filters
from mapservice.initiatives.model import Status, Theme
from mapservice.initiatives.queries import Initiative
from mapservice.settings import Settings
from mapservice.territories.names import in_departement, in_region, of_commune


def register(app: Flask, settings: Settings) -> None:
    app.jinja_env.globals.update(
        asset=asset, settings=settings, query_string=query_string, lang="fr"
    )
    app.jinja_env.filters.update(
        number_fr=number,
        date_fr=day,
        theme_label=theme_label,
        status_label=status_label,
    )
    app.jinja_env.globals.update(precision_words=precision_words, place_name=place_name)


def query_string(filters: Filters, **changes: object) -> str:
    """The filters' canonical query string with some of them changed; None takes one away."""
    texts = dict(filters.to_pairs())
    for name, value in changes.items():
        texts.pop(name, None)
        if value not in (None, "", (), []):
            texts[name] = _text(value)
    return f"?{urlencode(texts, safe=',:')}" if texts else ""


def number(value: float) -> str:
    return str(format_decimal(value))


def day(value: date | datetime) -> str:
    return str(format_date(value, "long"))


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
    }[Status(status)]


def precision_words(initiative: Initiative) -> str:
    """Where it is, in words that claim no more than is known."""
    precision = initiative.precision
    if precision is Precision.POINT:
        return _("à cette adresse, %(commune)s", commune=initiative.commune_name)
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
