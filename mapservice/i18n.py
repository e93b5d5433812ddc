"""French first, English second: phrases, typography, and every label in one place.

It needs no framework: pages, mails and reports read the same phrases, in the language that
`LANGUAGE` holds. The web edge sets it for each request.
"""

import re
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date as babel_date
from babel.dates import format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent, get_group_symbol
from babel.support import Translations

LANGUAGE: ContextVar[str] = ContextVar("LANGUAGE", default="fr")
# Dates and numbers are written as in Britain, which is nearer to France in both.
LOCALES = {"fr": "fr", "en": "en_GB"}
# The time zone of days that people name.
PARIS = ZoneInfo("Europe/Paris")
# The first of a month as CLDR writes it in French, at the end or before the month.
_FIRST = re.compile(r"(?<![0-9])1(?=[ \u00a0][^\W\d]|$)")
CATALOGUES = Path(__file__).resolve().parent / "translations"
SOURCE_LANGUAGE = "fr"
Translate = Callable[..., str]

# --- Phrases; msgids are the French texts ---------------------------------------------------------


NO_BREAK = "\u00a0"
# A percent sign before a bracket or a letter stands for a value. Not the narrow space of books:
# our font, and those of mail programs, need not have it.
_HELD = re.compile(r"[ \u00a0\u202f](?=[:;!?»]|%(?![(a-z]))|(?<=«)[ \u00a0\u202f]")


@lru_cache(maxsize=8192)
def french_spacing(phrase: str) -> str:
    """With no-break spaces where French wants them, so that no line begins with a colon.

    Of a phrase of ours, never of what somebody wrote, an address or code.
    """
    return _HELD.sub(NO_BREAK, phrase)


class UnlistedFrench(Translations):
    """French phrases in no catalogue: each is its own translation, typed with plain spaces."""

    def gettext(self, message: str) -> str:
        return french_spacing(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return french_spacing(super().ngettext(msgid1, msgid2, n))


@cache
def catalogue(language: str) -> Translations:
    """Read from a `.po` file. That of English lists every phrase, and so serves for French too."""
    is_french = language == SOURCE_LANGUAGE
    listed = "en" if is_french else language
    with (CATALOGUES / listed / "LC_MESSAGES" / "messages.po").open("rb") as file:
        phrases = read_po(file, locale=listed)
    if is_french:
        for phrase in phrases:
            forms = phrase.id
            spaced = french_spacing(forms) if isinstance(forms, str) else map(french_spacing, forms)
            phrase.string = spaced if isinstance(spaced, str) else tuple(spaced)
    compiled = BytesIO()
    write_mo(compiled, phrases)
    compiled.seek(0)
    found = Translations(compiled)
    if is_french:
        found.add_fallback(UnlistedFrench())
    return found


def translator(language: str) -> Translate:
    """`gettext` in a language that is given: for mails and reports, which no request writes."""
    words = catalogue(language)

    def translate(message: str, **values: object) -> str:
        return words.gettext(message) % values if values else words.gettext(message)

    return translate


def gettext(message: str, **values: Any) -> str:
    """In the language of the request, in French where there is none."""
    found = str(catalogue(LANGUAGE.get()).gettext(message))
    return found % values if values else found


def ngettext(one: str, several: str, number: int, **values: Any) -> str:
    """`number` chooses the form; what it reads like is among the values."""
    found = catalogue(LANGUAGE.get()).ngettext(one, several, number)
    return str(found % ({"num": number} | values))


def listed(phrase: str) -> str:
    """Marks a phrase for the catalogue, which `gettext` translates elsewhere."""
    return phrase


# --- Typography -----------------------------------------------------------------------------------

COLONS = {"fr": f"{NO_BREAK}: ", "en": ": "}
QUOTES = {"fr": ("«\u00a0", "\u00a0»"), "en": ("“", "”")}
UNITS = {
    "fr": ("octets", "ko", "Mo", "Go"),
    "en": ("bytes", "kB", "MB", "GB"),
}
THOUSAND = 1000


def quoted(text: str, language: str = "") -> str:
    """Between the quotes of a language, that of the request unless one is given."""
    before, after = QUOTES[language or LANGUAGE.get()]
    return f"{before}{text}{after}"


def colon() -> str:
    """With the spaces around it."""
    return COLONS[LANGUAGE.get()]


def percent(value: float, digits: int = 0) -> str:
    """Of a share out of a hundred: 12.3 is "12 %" in French and "12%" in English."""
    pattern = "#,##0." + "#" * digits if digits else "#,##0"
    gap = NO_BREAK if LANGUAGE.get() == "fr" else ""
    return str(format_percent(value / 100, f"{pattern}{gap}%", locale=_locale()))


def file_size(count: int) -> str:
    """In decimal units: 1,500,000 is "1,5 Mo" in French and "1.5 MB" in English."""
    units = UNITS[LANGUAGE.get()]
    power = 0
    value = float(count)
    while value >= THOUSAND and power < len(units) - 1:
        value, power = value / THOUSAND, power + 1
    written = format_decimal(round(value, 1 if power else 0), locale=_locale())
    return f"{written}{NO_BREAK}{units[power]}"


def number(value: float) -> str:
    """As the language of the request writes it."""
    if isinstance(value, int):  # of which a table has hundreds; Babel takes 60 µs for one
        return f"{value:,}".replace(",", _between_thousands(_locale()))
    return _decimal(value, _locale())


@lru_cache(maxsize=8192)
def _decimal(value: float, locale: str) -> str:
    return str(format_decimal(value, locale=locale))


@lru_cache
def _between_thousands(locale: str) -> str:
    return str(get_group_symbol(locale))


def _locale() -> str:
    return LOCALES[LANGUAGE.get()]


def rounded(value: float) -> int:
    """To two digits, for figures that are estimates: 21,734 → 22,000."""
    return int(float(f"{value:.1e}"))


def format_date(value: date | datetime, pattern: str, locale: str) -> str:
    """As Babel writes it, and the first of a month as the French do: "1er décembre 2026"."""
    # Moments that are equal may be of different days: only days are looked up.
    return _day_words(value.date() if isinstance(value, datetime) else value, pattern, locale)


@lru_cache(maxsize=8192)
def _day_words(value: date, pattern: str, locale: str) -> str:
    words = str(babel_date(value, pattern, locale=_parsed(locale)))
    if locale.startswith("fr"):
        return _FIRST.sub("1er", words)
    return words


@cache
def _parsed(locale: str) -> Locale:
    """Babel reads the name of a locale anew each time, which takes longer than the date."""
    return Locale.parse(locale)


def day(value: date | datetime) -> str:
    """A moment is written as the day that it was in Paris; without a zone it is one of UTC."""
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(PARIS)
    return format_date(value, "long", locale=_locale())


def clock_words(local: datetime, language: str = "") -> str:
    """ "18 h 30" in French, "18:30" in English."""
    language = language or LANGUAGE.get()
    if language == "fr":
        return f"{local.hour}\u00a0h" + (f"\u00a0{local.minute:02d}" if local.minute else "")
    return str(format_time(local.time(), "HH:mm", locale=LOCALES[language]))


def period(told: str) -> str:
    """A year or a month in ISO 8601 as people write it: "2022", "mars 2022"."""
    year, _hyphen, month = told.partition("-")
    if not month:
        return year
    return format_date(date(int(year), int(month), 1), "LLLL yyyy", locale=_locale())


def metres_words(metres: float) -> str:
    """ "450 m", "2,3 km", "18 km": no finer than people walk or ride."""
    if metres < 1000:
        return gettext("%(count)s m", count=number(max(10, round(metres, -1))))
    kilometres = round(metres / 1000, 1 if metres < 10_000 else None)
    return gettext("%(count)s km", count=number(kilometres))


# --- Labels ---------------------------------------------------------------------------------------
#
# What the values of closed vocabularies are called, keyed by the value itself: a label needs
# nothing of the room that owns the vocabulary. A test holds that none is missing.


def theme_label(theme: str, _: Translate = gettext) -> str:
    """In the language of the request, or of the translator that is given."""
    return {
        "environnement": _("Environnement"),
        "alimentation": _("Alimentation"),
        "mobilite": _("Mobilité"),
        "habitat": _("Habitat"),
        "solidarite": _("Solidarité"),
        "education": _("Éducation"),
        "culture": _("Culture"),
        "economie": _("Économie locale"),
        "autre": _("Autre"),
    }[theme]


def status_label(status: str, _: Translate = gettext) -> str:
    """In the language of the request, or of the translator that is given."""
    return {
        "draft": _("brouillon"),
        "pending": _("en attente"),
        "published": _("en cours"),
        "rejected": _("refusée"),
        "done": _("réalisée"),
        "archived": _("archivée"),
        "merged": _("réunie à une autre"),
    }[status]


def audience_label(audience: str, _: Translate = gettext) -> str:
    """Whom an initiative is for; in the language of the request, or of the translator."""
    return {
        "tous": _("tous publics"),
        "enfants": _("enfants"),
        "jeunes": _("jeunes"),
        "familles": _("familles"),
        "adultes": _("adultes"),
        "aines": _("aînés"),
    }[audience]


def wheelchair_label(access: str) -> str:
    """Access for wheelchairs, as somebody told it."""
    return {
        "yes": gettext("accessible en fauteuil roulant"),
        "limited": gettext("accessible en partie en fauteuil roulant"),
        "no": gettext("pas accessible en fauteuil roulant"),
    }[access]


def days_asked_label(when: str) -> str:
    """Days that a filter asks for."""
    return {
        "today": gettext("aujourd’hui"),
        "tomorrow": gettext("demain"),
        "weekend": gettext("ce week-end"),
        "week": gettext("cette semaine"),
        "fortnight": gettext("d’ici deux semaines"),
        "monday": gettext("lundi"),
        "tuesday": gettext("mardi"),
        "wednesday": gettext("mercredi"),
        "thursday": gettext("jeudi"),
        "friday": gettext("vendredi"),
        "saturday": gettext("samedi"),
        "sunday": gettext("dimanche"),
    }[when]


def reason_words(reason: str) -> str:
    """What somebody finds wrong with an initiative."""
    return {
        "false": gettext("C’est faux ou trompeur"),
        "hateful": gettext("C’est haineux ou insultant"),
        "private": gettext("Cela expose la vie privée de quelqu’un"),
        "duplicate": gettext("C’est un doublon : elle est déjà sur le site"),
        "place": gettext("Le lieu n’est pas le bon"),
        "other": gettext("Autre chose"),
    }[reason]


# The rooms that answer: moderation, publishing, notifications.


def case_kind_label(kind: str) -> str:
    """A kind of case in the queue of moderators, as the heading of many."""
    return {
        "proposal": gettext("Propositions"),
        "edit": gettext("Modifications"),
        "appeal": gettext("Recours"),
        "report": gettext("Signalements"),
        "place": gettext("Lieux à décider"),
        "burst": gettext("Rafales de soutiens"),
        "event": gettext("Événements"),
        "group": gettext("Groupes"),
        "post": gettext("Nouvelles et commentaires"),
        "message": gettext("Messages aux membres et aux inscrits"),
    }[kind]


def post_kind_label(kind: str, _: Translate = gettext) -> str:
    """What an author or somebody else said about an initiative."""
    return {
        "news": _("Nouvelle"),
        "closing": _("Mot de la fin"),
        "thanks": _("Remerciement aux soutiens"),
        "comment": _("Commentaire"),
    }[kind]


def verdict_label(verdict: str) -> str:
    """What a moderator's decision did to an initiative."""
    return {
        "publish": gettext("publiée"),
        "keep": gettext("gardée telle quelle"),
        "reject": gettext("refusée"),
        "ask": gettext("renvoyée à son auteur"),
        "merge": gettext("réunie à une autre"),
        "unmerge": gettext("séparée à nouveau"),
        "place": gettext("lieu décidé"),
        "unplace": gettext("lieu remis en attente"),
        "close": gettext("signalement clos"),
        "photo": gettext("photo refusée"),
        "post": gettext("nouvelle ou commentaire accepté"),
        "unpost": gettext("nouvelle, commentaire ou message refusé"),
        "archive": gettext("archivé"),
        "attendance": gettext("liste de présence exportée"),
    }[verdict]


# --- Of accounts and contributions ---


def scale_label(scale: str) -> str:
    """Whom an initiative concerns, as the form of a proposal offers it."""
    return {
        "commune": gettext("Une commune ou un quartier"),
        "epci": gettext("Une intercommunalité"),
        "departement": gettext("Un département"),
        "region": gettext("Une région"),
        "national": gettext("Toute la France"),
    }[scale]


def proposal_field_label(name: str) -> str:
    """A field of a proposal, as its history names it."""
    return {
        "title": gettext("titre"),
        "summary": gettext("résumé"),
        "description": gettext("description"),
        "theme": gettext("thème"),
        "scale": gettext("échelle"),
        "place": gettext("lieu"),
        "photos": gettext("photos"),
        "facts": gettext("informations pratiques"),
        "needs": gettext("besoins"),
    }[name]


def api_scope_label(scope: str) -> str:
    """What an API key with this scope opens."""
    return {
        "read:moderation": gettext("Lire ce qui attend dans mes territoires (JSON, CSV)"),
        "read:coordination": gettext("Lire le bilan de la semaine de mes territoires (JSON)"),
        "write:initiatives": gettext(
            "Proposer et modifier mes initiatives, relues comme les autres"
        ),
        "export": gettext("Commander des exports même quand la file est pleine, gardés 7 jours"),
    }[scope]


# --- Of dashboards and pages of territories ---


def level_label(level: str) -> str:
    return {
        "commune": gettext("Commune"),
        "epci": gettext("Intercommunalité"),
        "departement": gettext("Département"),
        "region": gettext("Région"),
    }[level]


def levels_label(level: str) -> str:
    """Many territories of a level."""
    return {
        "region": gettext("régions"),
        "departement": gettext("départements"),
        "epci": gettext("intercommunalités"),
        "commune": gettext("communes"),
    }[level]


def by_level_label(level: str) -> str:
    """What a table or a map is divided by."""
    return {
        "region": gettext("par région"),
        "departement": gettext("par département"),
        "epci": gettext("par intercommunalité"),
        "commune": gettext("par commune"),
    }[level]


def figure_label(figure: str) -> str:
    return {
        "initiatives": gettext("Initiatives"),
        "rate": gettext("Initiatives pour 10 000 habitants"),
        "supporters": gettext("Soutiens"),
        "local": gettext("Soutiens d’ici"),
        "recent": gettext("Nouvelles en 90 jours"),
        "change": gettext("Évolution sur un an"),
        "silent": gettext("Communes silencieuses"),
        "last": gettext("Dernière initiative"),
    }[figure]


def figure_legend_label(figure: str) -> str:
    """What the colours of a map stand for: of some figures a smoothed value."""
    smoothed = {
        "rate": gettext("Initiatives pour 10 000 habitants, taux lissé"),
        "local": gettext("Soutiens d’ici, part lissée"),
        "silent": gettext("Communes silencieuses, part lissée"),
    }
    return smoothed.get(figure) or figure_label(figure)


def silence_label(kind: str) -> str:
    """A way in which territories are silent."""
    return {
        "empty": gettext("Rien encore"),
        "lately": gettext("Plus rien depuis 90 jours"),
        "below": gettext("Bien moins qu’attendu"),
    }[kind]
