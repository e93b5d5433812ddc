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
