"""What kinds of hands are called."""

from mapservice.contributions.needs.model import NeedSkill
from mapservice.i18n import gettext as _


def skill_label(skill: str) -> str:
    return {
        NeedSkill.ANY: _("toutes les bonnes volontés"),
        NeedSkill.BUILDING: _("bricolage et travaux"),
        NeedSkill.GARDENING: _("jardinage et plantation"),
        NeedSkill.COOKING: _("cuisine"),
        NeedSkill.TRANSPORT: _("conduite et transport"),
        NeedSkill.WELCOME: _("accueil et animation"),
        NeedSkill.TEACHING: _("transmettre un savoir"),
        NeedSkill.DIGITAL: _("informatique"),
        NeedSkill.DESIGN: _("affiches, photos, écriture"),
        NeedSkill.PAPERWORK: _("démarches et comptes"),
        NeedSkill.LANGUAGES: _("langues"),
        NeedSkill.CARE: _("soin et premiers secours"),
    }[NeedSkill(skill)]
