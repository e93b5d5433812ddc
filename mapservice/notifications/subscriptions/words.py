"""Subscriptions in words of any language: for pages, and for mails written outside a request.

`_` is the translator of the language; its name lets the catalogues find every phrase here.
"""

from babel.numbers import format_decimal

from mapservice.geocoding.model import Precision
from mapservice.i18n import (
    Translate,
    audience_label,
    format_date,
    quoted,
    status_label,
    theme_label,
)
from mapservice.initiatives.queries import Initiative
from mapservice.notifications.subscriptions.model import SubjectNames, SubscriptionSubject

SHOWN_OF_ATTRIBUTE = 60  # characters of a column's name or value


def subject_words(
    subject: SubscriptionSubject, names: SubjectNames, locale: str, _: Translate
) -> str:
    """ "Rennes · Mobilité · « vélo »"; never empty."""
    filters = subject.filters
    parts = list(names.territories)
    if filters.near and filters.radius:
        km = format_decimal(round(filters.radius / 1000, 1), locale=locale)
        around = names.around or f"{filters.near.lat:.4f}, {filters.near.lon:.4f}"
        parts.append(_("à moins de %(km)s km d’un point choisi (%(place)s)", km=km, place=around))
    if filters.bbox:
        parts.append(_("dans un rectangle de la carte"))
    if subject.area:
        parts.append(_("dans une zone dessinée sur la carte"))
    if not parts:
        parts.append(_("Toute la France"))
    parts += [theme_label(theme, _) for theme in filters.theme]
    if filters.q:
        parts.append(quoted(filters.q, locale))
    # Rarely used: the status, the precision of places, dates of creation.
    parts += [status_label(status, _) for status in filters.status]
    if filters.precision:
        parts.append(_("lieux connus avec une certaine précision"))
    if filters.access:
        parts.append(_("accessibles en fauteuil roulant"))
    parts += [f"#{tag}" for tag in filters.tag]
    parts += [audience_label(one, _) for one in filters.audience]
    # Written to an address that nobody has confirmed yet: no room for a text of one's own.
    parts += [
        _("%(name)s : %(value)s", name=_short(one.name), value=_short(one.text))
        for one in filters.attr
    ]
    if filters.since:
        day = format_date(filters.since, "long", locale=locale)
        parts.append(_("créées depuis le %(day)s", day=day))
    if filters.until:
        day = format_date(filters.until, "long", locale=locale)
        parts.append(_("créées avant le %(day)s", day=day))
    words = " · ".join(parts)
    return words[:1].upper() + words[1:]


def _short(words: str) -> str:
    return words if len(words) <= SHOWN_OF_ATTRIBUTE else words[:SHOWN_OF_ATTRIBUTE] + "…"


def place_words(initiative: Initiative, _: Translate) -> str:
    """The finest territory that it is known to be in."""
    if initiative.precision is Precision.NATIONAL:
        return _("partout en France")
    precision = initiative.precision
    level = "commune" if precision is Precision.POINT else str(precision)
    return getattr(initiative, f"{level}_name", None) or _("lieu à préciser")
