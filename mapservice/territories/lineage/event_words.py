"""What happened to a commune, said in a few words: French first, English for machine doors.

French phrases agree with "commune" and continue its name: "Pierrefitte-sur-Seine, fusionnée avec
Saint-Denis le 1er janvier 2025".
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from mapservice.territories.lineage.events import CommuneEvent, EventKind, EventUnit
from mapservice.territories.lineage.model import LineageStep, plain
from mapservice.territories.model import leading_article, of_commune

MAX_NAMES = 5


class EventLanguage(StrEnum):
    FRENCH = "fr"
    ENGLISH = "en"


KINDS: dict[EventKind, tuple[str, str]] = {
    EventKind.RENAME: ("changement de nom", "change of name"),
    EventKind.CREATION: ("création", "creation"),
    EventKind.RETURN: ("rétablissement", "re-establishment"),
    EventKind.SUPPRESSION: ("suppression", "suppression"),
    EventKind.MERGER: ("fusion simple", "merger"),
    EventKind.NEW_COMMUNE: ("création d'une commune nouvelle", "creation of a commune nouvelle"),
    EventKind.ASSOCIATION: ("fusion-association", "merger by association"),
    EventKind.FULL_MERGER: (
        "passage de la fusion-association à la fusion simple",
        "merger by association made a full merger",
    ),
    EventKind.END_OF_DELEGUEES: (
        "suppression de communes déléguées",
        "suppression of communes déléguées",
    ),
    EventKind.CHANGE_OF_DEPARTEMENT: ("changement de département", "change of département"),
    EventKind.CHANGE_OF_SEAT: ("transfert du chef-lieu", "transfer of the seat"),
    EventKind.ASSOCIEE_TO_DELEGUEE: (
        "commune associée devenue déléguée",
        "commune associée made a déléguée",
    ),
    EventKind.RETURN_OF_DELEGUEE: (
        "rétablissement d'une commune déléguée",
        "re-establishment of a commune déléguée",
    ),
    EventKind.NEW_DELEGUEE: ("création d'une commune déléguée", "creation of a commune déléguée"),
    EventKind.OTHER: ("autre événement", "other event"),
}

# By what happened to the commune that is spoken of. {others}: the other communes before it or
# after it; {into}: the commune it turned into; {parts}: its associées or déléguées.
PHRASES: dict[str, tuple[str, str]] = {
    "renamed": ("renommée {into} le {date}", "renamed {into} on {date}"),
    "moved": (
        "passée du code {old} au code {new} le {date}, en changeant de département",
        "recoded from {old} to {new} on {date}, on a change of département",
    ),
    "reseated": (
        "passée du code {old} au code {new} le {date}, en changeant de chef-lieu",
        "recoded from {old} to {new} on {date}, on a transfer of its seat",
    ),
    "merged": ("fusionnée avec {others} le {date}", "merged with {others} on {date}"),
    "merged_as": (
        "fusionnée avec {others} pour former {into} le {date}",
        "merged with {others} into {into} on {date}",
    ),
    "associated": (
        "associée par fusion à la commune {others} le {date}",
        "merged by association with {others} on {date}",
    ),
    "joined": ("rejointe par {others} le {date}", "joined by {others} on {date}"),
    "joined_as": (
        "rejointe par {others} le {date}, sous le nom {into}",
        "joined by {others} on {date}, under the name {into}",
    ),
    "formed": (
        "née de la fusion de plusieurs communes ({others}) le {date}",
        "formed from {others} on {date}",
    ),
    "split": (
        "divisée le {date} : {others} de nouveau à part",
        "split on {date}: {others} on their own again",
    ),
    "split_up": (
        "divisée le {date} entre {others}",
        "split on {date} into {others}",
    ),
    "returned": ("rétablie le {date}, séparée {of}", "re-established on {date}, out of {others}"),
    "gave": (
        "amputée d'une partie de son territoire le {date} pour créer {others}",
        "cut on {date} to create {others}",
    ),
    "created": (
        "créée le {date} sur le territoire {of}",
        "created on {date} from ground of {others}",
    ),
    "entered": (
        "entrée dans le code officiel géographique le {date}",
        "entered in the official code on {date}",
    ),
    "left": (
        "sortie du code officiel géographique le {date}",
        "removed from the official code on {date}",
    ),
    "shared_out": (
        "supprimée le {date}, son territoire partagé entre {others}",
        "abolished on {date}, its ground shared between {others}",
    ),
    "grew": (
        "agrandie le {date} d'une partie du territoire {of}",
        "enlarged on {date} by ground of {others}",
    ),
    "absorbed_parts": (
        "fusion devenue simple le {date} (communes associées : {parts})",
        "made a full merger on {date} (associated communes: {parts})",
    ),
    "lost_parts": (
        "communes déléguées supprimées le {date} : {parts}",
        "communes déléguées abolished on {date}: {parts}",
    ),
    "other": ("{kind} le {date}", "{kind} on {date}"),
}

# fmt: off
_MONTHS = {
    EventLanguage.FRENCH: (
        "janvier", "février", "mars", "avril", "mai", "juin",
        "juillet", "août", "septembre", "octobre", "novembre", "décembre",
    ),
    EventLanguage.ENGLISH: (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
}
# fmt: on


def kind_words(kind: EventKind, language: EventLanguage = EventLanguage.FRENCH) -> str:
    """INSEE's name of the kind of event, or nearly."""
    return KINDS[kind][list(EventLanguage).index(language)]


def day_words(day: date, language: EventLanguage = EventLanguage.FRENCH) -> str:
    """ "1er janvier 2025"; "1 January 2025"."""
    first = "1er" if language is EventLanguage.FRENCH else "1"
    number = first if day.day == 1 else str(day.day)
    return f"{number} {_MONTHS[language][day.month - 1]} {day.year}"


def tell(event: CommuneEvent, code: str, language: EventLanguage = EventLanguage.FRENCH) -> str:
    """The event as it touched the commune of that code, before or after it.

    "fusionnée avec Saint-Denis le 1er janvier 2025"
    """
    role, others = _role(event, code)
    into = _into(event, code)
    before = [unit.code for unit in event.before]
    return PHRASES[role][list(EventLanguage).index(language)].format(
        date=day_words(event.day, language),
        kind=kind_words(event.kind, language),
        others=names_of(others, language),
        of=_of(others),
        into=into.name if into else "",
        parts=names_of(event.parts(), language),
        old=before[0] if before else "",
        new=into.code if into else "",
    )


def tell_way(steps: Sequence[LineageStep], language: EventLanguage = EventLanguage.FRENCH) -> str:
    """The steps that led elsewhere, in their order: "fusionnée avec A le …, puis rétablie le …".

    What a commune went through under one code (new names, others that joined it) is left out.
    """
    telling = telling_steps(steps)
    spoken_of = plain(telling[0].origin.name) if telling else ""
    told = []
    for step in telling:
        # Re-established under the name that is spoken of, and nothing else came of it.
        outcomes = {plain(state.name) for state in step.outcomes}
        back = step.event.kind is EventKind.RETURN and outcomes == {spoken_of}
        words = tell(step.event, step.outcomes[0].code if back else step.origin.code, language)
        # Once its ground is another commune's, the commune spoken of is named.
        same = back or plain(step.origin.name) == spoken_of
        told.append(words if same else f"{step.origin.name} {words}")
        spoken_of = spoken_of if back else plain(step.origin.name)
    return (", puis " if language is EventLanguage.FRENCH else ", then ").join(told)


def telling_steps(steps: Sequence[LineageStep]) -> tuple[LineageStep, ...]:
    """Those that led to another code, or to none or several."""
    return tuple(step for step in steps if [o.code for o in step.outcomes] != [step.origin.code])


def names_of(units: Sequence[EventUnit], language: EventLanguage = EventLanguage.FRENCH) -> str:
    """ "A, B et C"; beyond five, "A, B, C, D et 4 autres"."""
    names = [unit.name for unit in units]
    link, rest = (" et ", "autres") if language is EventLanguage.FRENCH else (" and ", "others")
    if len(names) > MAX_NAMES:
        kept = MAX_NAMES - 1
        names = [*names[:kept], f"{len(names) - kept} {rest}"]
    return link.join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _of(units: Sequence[EventUnit]) -> str:
    """ "de Rennes", "du Mans", "d'Orsay et de Bures-sur-Yvette"; French only."""
    named = [of_commune(unit.name, leading_article(unit.name)) for unit in units]
    return " et ".join(part for part in (", ".join(named[:-1]), *named[-1:]) if part)


def _into(event: CommuneEvent, code: str) -> EventUnit | None:
    """What the commune turned into; itself where it came out of the event."""
    own = [row.after for row in event.movements if row.leaves and row.leaves.code == code]
    after = [unit for unit in event.after if unit in own] or list(event.after)
    kept = [unit for unit in after if unit.code == code]
    return next(iter(kept or after), None)


def _role(event: CommuneEvent, code: str) -> tuple[str, Sequence[EventUnit]]:
    """What happened to that commune, and the other communes to name."""
    was = next((unit for unit in event.before if unit.code == code), None)
    given = [unit for unit in event.before if unit.code != code]
    stays = any(unit.code == code for unit in event.after)
    match event.kind:
        case EventKind.RENAME:
            return "renamed", ()
        case EventKind.CHANGE_OF_DEPARTEMENT | EventKind.CHANGE_OF_SEAT:
            return ("moved" if event.kind is EventKind.CHANGE_OF_DEPARTEMENT else "reseated"), ()
        case EventKind.MERGER | EventKind.NEW_COMMUNE | EventKind.ASSOCIATION:
            return _merger_role(event, code, was, given)
        case EventKind.RETURN | EventKind.CREATION:
            if was is None and not event.before:
                return "entered", ()
            again = event.kind is EventKind.RETURN
            if was is None:
                return ("returned" if again else "created"), event.before
            if not stays:
                return "split_up", event.after
            return ("split" if again else "gave"), _without(event.after, event.before)
        case EventKind.SUPPRESSION:
            if stays:
                return "grew", _without(event.before, event.after)
            return ("shared_out", event.after) if event.after else ("left", ())
        case EventKind.FULL_MERGER:
            return ("absorbed_parts" if event.parts() else "other"), ()
        case EventKind.END_OF_DELEGUEES:
            return ("lost_parts" if event.parts() else "other"), ()
        case _:
            return "other", ()


def _merger_role(
    event: CommuneEvent, code: str, was: EventUnit | None, given: Sequence[EventUnit]
) -> tuple[str, Sequence[EventUnit]]:
    into = _into(event, code)
    absorber = next((unit for unit in event.before if into and unit.code == into.code), None)
    keeps_name = bool(into and absorber and plain(absorber.name) == plain(into.name))
    if not given:
        return "other", ()
    if was is None:
        return "formed", given
    if into and into.code == code:
        return ("joined" if keeps_name else "joined_as"), given
    if not keeps_name or absorber is None:
        return "merged_as", given
    return ("associated" if event.kind is EventKind.ASSOCIATION else "merged"), [absorber]


def _without(units: Sequence[EventUnit], others: Sequence[EventUnit]) -> list[EventUnit]:
    """Those whose code is not among the others'."""
    codes = {unit.code for unit in others}
    return [unit for unit in units if unit.code not in codes]
