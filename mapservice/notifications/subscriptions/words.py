"""What is followed, in words of any language: for pages, and for mails that no request writes.

`_` is the translator of the language, so that every phrase here stands in the catalogues.
"""

from babel.dates import format_date
from babel.numbers import format_decimal

from mapservice.geocoding.model import Precision
from mapservice.i18n.phrases import Translate, quoted
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.queries import Initiative
from mapservice.notifications.subscriptions.model import SubjectNames, SubscriptionSubject
from mapservice.publishing.reports.words import THEMES


def subject_words(
    subject: SubscriptionSubject, names: SubjectNames, locale: str, _: Translate
) -> str:
    """ "Rennes · Mobilité · « vélo »"; never empty."""
    filters = subject.filters
    parts = [
        *_places(subject, names, locale, _),
        *(_(THEMES[theme]) for theme in filters.theme),
        *([quoted(filters.q, locale)] if filters.q else []),
        *_others(filters, locale, _),
    ]
    words = " · ".join(parts)
    return words[:1].upper() + words[1:]


def place_words(initiative: Initiative, _: Translate) -> str:
    """The finest territory that it is known to lie in."""
    if initiative.precision is Precision.NATIONAL:
        return _("partout en France")
    precision = initiative.precision
    level = "commune" if precision is Precision.POINT else str(precision)
    return getattr(initiative, f"{level}_name", None) or _("lieu à préciser")


def _places(
    subject: SubscriptionSubject, names: SubjectNames, locale: str, _: Translate
) -> list[str]:
    filters = subject.filters
    found = list(names.territories)
    if filters.near and filters.radius:
        km = format_decimal(round(filters.radius / 1000, 1), locale=locale)
        around = names.around or f"{filters.near.lat:.4f}, {filters.near.lon:.4f}"
        found.append(_("à moins de %(km)s km d’un point choisi (%(place)s)", km=km, place=around))
    if filters.bbox:
        found.append(_("dans un rectangle de la carte"))
    if subject.area:
        found.append(_("dans une zone dessinée sur la carte"))
    return found or [_("Toute la France")]


def _others(filters: InitiativeFilters, locale: str, _: Translate) -> list[str]:
    """What few follow: the status, the accuracy of places, dates of creation."""
    states = {
        "published": _("en cours"),
        "done": _("réalisée"),
        "archived": _("archivée"),
    }
    found = [states[status] for status in filters.status]
    if filters.precision:
        found.append(_("lieux connus avec une certaine précision"))
    if filters.since:
        day = format_date(filters.since, "long", locale=locale)
        found.append(_("créées depuis le %(day)s", day=day))
    if filters.until:
        day = format_date(filters.until, "long", locale=locale)
        found.append(_("créées avant le %(day)s", day=day))
    return found
