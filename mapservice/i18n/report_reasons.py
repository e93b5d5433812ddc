"""What people find wrong with an initiative, in words."""

from mapservice.contributions.supports.model import Reason
from mapservice.i18n.text import gettext as _


def reason_words(reason: Reason) -> str:
    return {
        Reason.FALSE: _("C’est faux ou trompeur"),
        Reason.HATEFUL: _("C’est haineux ou insultant"),
        Reason.PRIVATE: _("Cela expose la vie privée de quelqu’un"),
        Reason.DUPLICATE: _("Elle existe déjà"),
        Reason.PLACE: _("Le lieu n’est pas le bon"),
        Reason.OTHER: _("Autre chose"),
    }[reason]
