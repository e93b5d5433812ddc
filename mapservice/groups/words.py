"""What a group is and how one stands with it, in words that claim no more than is known."""

from datetime import datetime
from typing import cast

from mapservice.groups.model import (
    EventAudience,
    GroupMessage,
    GroupOpenness,
    GroupState,
    LocalGroup,
    MemberStanding,
    MessageAudience,
    MessageState,
    OrganisationMistake,
)
from mapservice.i18n import PARIS, clock_words, day, ngettext, number
from mapservice.i18n import gettext as _
from mapservice.initiatives.model import Scale
from mapservice.initiatives.place_words import distance_words, precision_words
from mapservice.initiatives.queries import Initiative


def place_words(group: LocalGroup) -> str:
    """Where it is; a group of a whole territory is said to be that, not to be somewhere in it."""
    if str(group.precision) == str(group.area):
        name = {
            Scale.EPCI: group.epci_name,
            Scale.DEPARTEMENT: group.departement_name,
            Scale.REGION: group.region_name,
        }.get(group.area)
        whole = area_words(group.area, name or "")
        if whole:
            return whole
    return precision_words(cast("Initiative", group))


def area_words(area: Scale, name: str) -> str:
    """A whole territory; "" for a place within a commune."""
    return {
        Scale.COMMUNE: "",
        Scale.EPCI: _("toute l’intercommunalité : %(name)s", name=name),
        Scale.DEPARTEMENT: _("tout le département : %(name)s", name=name),
        Scale.REGION: _("toute la région : %(name)s", name=name),
        Scale.NATIONAL: _("partout en France"),
    }[area]


def how_far(group: LocalGroup) -> str:
    """How far it is from the position asked for; "" unless it truly stands at a point."""
    return distance_words(cast("Initiative", group))


def state_words(group: LocalGroup, now: datetime) -> str:
    """What there is to know of its life; "" for a group that is simply there."""
    state = group.state(now)
    if state is GroupState.ARCHIVED and group.archived_at:
        return _("Ce groupe est archivé depuis le %(day)s.", day=day(group.archived_at))
    if state is GroupState.DORMANT and group.is_from_elsewhere:
        return _(
            "Nous n’en avons pas de nouvelles depuis le %(day)s ;"
            " %(source)s en sait peut-être plus.",
            day=day(group.last_sign_at),
            source=group.source,
        )
    if state is GroupState.DORMANT:
        return _(
            "En sommeil : aucun signe de ses organisateurs depuis le %(day)s.",
            day=day(group.last_sign_at),
        )
    return ""


def state_label(state: str) -> str:
    return {"active": _("actif"), "dormant": _("en sommeil"), "archived": _("archivé")}[state]


def status_label(status: str) -> str:
    return {
        "draft": _("brouillon"),
        "pending": _("en attente"),
        "published": _("publié"),
        "archived": _("archivé"),
        "rejected": _("refusé"),
    }[status]


def openness_label(openness: str) -> str:
    return {
        GroupOpenness.OPEN: _("ouvert à toutes et tous"),
        GroupOpenness.MODERATED: _("adhésion sur demande"),
        GroupOpenness.INVITATION: _("adhésion sur invitation"),
    }[GroupOpenness(openness)]


def standing_label(standing: str) -> str:
    return {
        MemberStanding.REQUESTED: _("demande à décider"),
        MemberStanding.FOLLOWER: _("suit le groupe"),
        MemberStanding.MEMBER: _("membre"),
        MemberStanding.EDITOR: _("rédige"),
        MemberStanding.ORGANISER: _("organise"),
        MemberStanding.BANNED: _("exclu"),
    }[MemberStanding(standing)]


def own_standing_words(standing: str) -> str:
    """To the person themselves."""
    return {
        MemberStanding.REQUESTED: _("Votre demande attend qu’un organisateur y réponde."),
        MemberStanding.FOLLOWER: _("Vous suivez ce groupe."),
        MemberStanding.MEMBER: _("Vous êtes membre de ce groupe."),
        MemberStanding.EDITOR: _("Vous rédigez la page de ce groupe."),
        MemberStanding.ORGANISER: _("Vous organisez ce groupe."),
        MemberStanding.BANNED: _("Ce groupe ne prend pas de nouveaux membres."),
    }[MemberStanding(standing)]


def audience_label(audience: str) -> str:
    """Whom a message is for, as its author chooses."""
    return {
        str(MessageAudience.TEAM): _("qui organise et rédige"),
        str(MessageAudience.MEMBERS): _("tous les membres"),
        str(MessageAudience.EVERYONE): _("les membres et qui suit le groupe"),
        str(EventAudience.COMING): _("les personnes qui ont une place"),
        str(EventAudience.WAITING): _("les personnes en attente d’une place ou d’une réponse"),
        str(EventAudience.REGISTERED): _("toutes les personnes inscrites"),
    }[audience]


def message_state_label(state: str) -> str:
    return {
        MessageState.HELD: _("attend d’être relu"),
        MessageState.SENT: _("envoyé"),
        MessageState.REFUSED: _("refusé"),
    }[MessageState(state)]


def sent_words(message: GroupMessage) -> str:
    """To how many a message that was sent has gone, and whose mail of the day it waits for."""
    told, waiting = message.recipients - message.waiting, message.waiting
    parts = []
    if told:
        gone = ngettext(
            "envoyé à %(count)s personne",
            "envoyé à %(count)s personnes",
            told,
            count=number(told),
        )
        parts.append(gone)
    elif not waiting:
        parts.append(_("envoyé à personne"))
    if waiting:
        later = ngettext(
            "dans le prochain courriel du jour d’une personne",
            "dans le prochain courriel du jour de %(count)s personnes",
            waiting,
            count=number(waiting),
        )
        parts.append(later)
    return ", ".join(parts)


def moment_words(moment: datetime) -> str:
    """A day and an hour in Paris."""
    local = moment.astimezone(PARIS)
    return _("%(day)s à %(clock)s", day=day(moment), clock=clock_words(local))


def organisation_words(organisation: str) -> str:
    """Its number as it was told; that there is such an organisation, nobody has checked."""
    if organisation.startswith("W"):
        return _("association n° RNA %(number)s", number=organisation)
    groups = " ".join(organisation[start : start + 3] for start in (0, 3, 6))
    return _("organisation n° SIREN %(number)s", number=groups)


def organisation_mistake_words(mistake: OrganisationMistake) -> str:
    if mistake is OrganisationMistake.CHECK_DIGIT:
        return _("Ce SIREN contient une faute : son dernier chiffre ne correspond pas aux autres.")
    return _("Un numéro RNA (W et neuf signes) ou un SIREN (neuf chiffres).")
