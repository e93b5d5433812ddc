"""What a filter asks for, in words: for titles, subjects of mails and pictures of shared links."""

from mapservice.i18n import audience_label, day, days_asked_label, quoted, status_label, theme_label
from mapservice.i18n import gettext as _
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.params import NamedTerritory


def filter_parts(filters: InitiativeFilters) -> list[str]:
    """Each restriction in a few words, none for a filter that finds all. The order is no part."""
    names = (ref.name if isinstance(ref, NamedTerritory) else "" for ref in filters.territory)
    return [
        *([quoted(filters.q)] if filters.q else []),
        *(theme_label(theme) for theme in filters.theme),
        *(status_label(status) for status in filters.status),
        *(name or str(ref) for name, ref in zip(names, filters.territory, strict=True)),
        *([_("autour d’un lieu")] if filters.near else []),
        *([_("dans le cadre de la carte")] if filters.bbox else []),
        *([_("depuis le %(day)s", day=day(filters.since))] if filters.since else []),
        *([_("avant le %(day)s", day=day(filters.until))] if filters.until else []),
        *([_("selon la précision du lieu")] if filters.precision else []),
        *([days_asked_label(filters.when)] if filters.when else []),
        *([_("ouvert maintenant")] if filters.open else []),
        *([_("accessible en fauteuil roulant")] if filters.access else []),
        *(f"#{tag}" for tag in filters.tag),
        *(audience_label(one) for one in filters.audience),
        *(_("%(name)s : %(value)s", name=one.name, value=one.text) for one in filters.attr),
    ]


def filter_words(filters: InitiativeFilters) -> str:
    return ", ".join(filter_parts(filters)) or _("toute la France")


def listing_title(filters: InitiativeFilters) -> str:
    """What a list or a map of the filter is called where nothing else stands beside it."""
    parts = filter_parts(filters)
    if not parts:
        return _("Initiatives locales")
    return _("Initiatives : %(place)s", place=", ".join(parts))
