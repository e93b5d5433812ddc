"""What the values of closed vocabularies are called, keyed by the value itself.

So a label needs nothing of the room that owns the vocabulary; a test holds that none is missing.
"""

from mapservice.i18n.phrases import Translate
from mapservice.i18n.phrases import gettext as _


def theme_label(theme: str, _: Translate = _) -> str:
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


def status_label(status: str, _: Translate = _) -> str:
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


# The rooms that answer: moderation, publishing, notifications.


def case_kind_label(kind: str) -> str:
    """A kind of case in the queue of moderators, as the heading of many."""
    return {
        "proposal": _("Propositions"),
        "edit": _("Modifications"),
        "appeal": _("Recours"),
        "report": _("Signalements"),
        "place": _("Lieux à décider"),
        "burst": _("Rafales de soutiens"),
    }[kind]


def verdict_label(verdict: str) -> str:
    """What a moderator's decision did to an initiative."""
    return {
        "publish": _("publiée"),
        "keep": _("gardée telle quelle"),
        "reject": _("refusée"),
        "ask": _("renvoyée à son auteur"),
        "merge": _("réunie à une autre"),
        "unmerge": _("séparée à nouveau"),
        "place": _("lieu décidé"),
        "unplace": _("lieu remis en attente"),
        "close": _("signalement clos"),
    }[verdict]


# --- Of accounts and contributions ---


def scale_label(scale: str) -> str:
    """Whom an initiative concerns, as the form of a proposal offers it."""
    return {
        "commune": _("Une commune ou un quartier"),
        "epci": _("Une intercommunalité"),
        "departement": _("Un département"),
        "region": _("Une région"),
        "national": _("Toute la France"),
    }[scale]


def proposal_field_label(name: str) -> str:
    """A field of a proposal, as its history names it."""
    return {
        "title": _("titre"),
        "summary": _("résumé"),
        "description": _("description"),
        "theme": _("thème"),
        "scale": _("échelle"),
        "place": _("lieu"),
    }[name]


def api_scope_label(scope: str) -> str:
    """What an API key with this scope opens."""
    return {
        "read:moderation": _("Lire ce qui attend dans mes territoires (JSON, CSV)"),
        "read:coordination": _("Lire le bilan de la semaine de mes territoires (JSON)"),
        "write:initiatives": _("Proposer et modifier mes initiatives, relues comme les autres"),
        "export": _("Commander des exports même quand la file est pleine, gardés 7 jours"),
    }[scope]


# --- Of dashboards and pages of territories ---


def level_label(level: str) -> str:
    return {
        "commune": _("Commune"),
        "epci": _("Intercommunalité"),
        "departement": _("Département"),
        "region": _("Région"),
    }[level]


def levels_label(level: str) -> str:
    """Many territories of a level."""
    return {
        "region": _("régions"),
        "departement": _("départements"),
        "epci": _("intercommunalités"),
        "commune": _("communes"),
    }[level]


def by_level_label(level: str) -> str:
    """What a table or a map is divided by."""
    return {
        "region": _("par région"),
        "departement": _("par département"),
        "epci": _("par intercommunalité"),
        "commune": _("par commune"),
    }[level]


def figure_label(figure: str) -> str:
    return {
        "initiatives": _("Initiatives"),
        "rate": _("Initiatives pour 10 000 habitants"),
        "supporters": _("Soutiens"),
        "local": _("Soutiens d’ici"),
        "recent": _("Nouvelles en 90 jours"),
        "change": _("Évolution sur un an"),
        "silent": _("Communes silencieuses"),
        "last": _("Dernière initiative"),
    }[figure]


def figure_legend_label(figure: str) -> str:
    """What the colours of a map stand for: of some figures a smoothed value."""
    smoothed = {
        "rate": _("Initiatives pour 10 000 habitants, taux lissé"),
        "local": _("Soutiens d’ici, part lissée"),
        "silent": _("Communes silencieuses, part lissée"),
    }
    return smoothed.get(figure) or figure_label(figure)


def silence_label(kind: str) -> str:
    """A way in which territories are silent."""
    return {
        "empty": _("Rien encore"),
        "lately": _("Plus rien depuis 90 jours"),
        "below": _("Bien moins qu’attendu"),
    }[kind]
