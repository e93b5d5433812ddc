"""What the values of closed vocabularies are called, keyed by the value itself.

So a label needs nothing of the room that owns the vocabulary; a test holds that none is missing.
"""

from mapservice.i18n.text import gettext as _


def theme_label(theme: str) -> str:
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


def status_label(status: str) -> str:
    return {
        "draft": _("brouillon"),
        "pending": _("en attente"),
        "published": _("en cours"),
        "rejected": _("refusée"),
        "done": _("réalisée"),
        "archived": _("archivée"),
        "merged": _("réunie à une autre"),
    }[status]


def reason_words(reason: str) -> str:
    """What somebody finds wrong with an initiative."""
    return {
        "false": _("C’est faux ou trompeur"),
        "hateful": _("C’est haineux ou insultant"),
        "private": _("Cela expose la vie privée de quelqu’un"),
        "duplicate": _("Elle existe déjà"),
        "place": _("Le lieu n’est pas le bon"),
        "other": _("Autre chose"),
    }[reason]


# Dashboards and pages of territories.


def figure_label(figure: str) -> str:
    """What a map of dashboards shows, as its key names it."""
    return {
        "initiatives": _("Initiatives"),
        "rate": _("Initiatives pour 10 000 habitants, taux lissé"),
        "supporters": _("Soutiens"),
        "local": _("Soutiens d’ici, part lissée"),
        "recent": _("Nouvelles en 90 jours"),
        "change": _("Évolution sur un an"),
        "silent": _("Communes silencieuses, part lissée"),
        "last": _("Dernière initiative"),
    }[figure]


def territory_kind_label(level: str) -> str:
    """In a list of places: a commune is named by itself."""
    return {
        "region": _("région"),
        "departement": _("département"),
        "epci": _("intercommunalité"),
        "commune": "",
    }[level]
