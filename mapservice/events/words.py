"""When and where an event takes place, in words that claim no more than is known."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import cast

from mapservice.events.model import NO_LENGTH, Event, EventMode, is_whole_days
from mapservice.events.recurrence import PARIS, wall_time
from mapservice.i18n import LANGUAGE, LOCALES, clock_words, format_date, translator
from mapservice.i18n import gettext as _
from mapservice.initiatives.place_words import distance_words, precision_words
from mapservice.initiatives.queries import Initiative

DAY = timedelta(days=1)
CLOCKS = {
    "Europe/Paris": "Paris",
    "America/Guadeloupe": "Guadeloupe",
    "America/Martinique": "Martinique",
    "America/Cayenne": "Cayenne",
    "Indian/Reunion": "La Réunion",
    "America/Miquelon": "Saint-Pierre-et-Miquelon",
    "Indian/Mayotte": "Mayotte",
    "America/St_Barthelemy": "Saint-Barthélemy",
    "America/Marigot": "Saint-Martin",
    "Pacific/Wallis": "Wallis-et-Futuna",
    "Pacific/Tahiti": "Tahiti",
    "Pacific/Noumea": "Nouméa",
}


def when_words(event: Event, language: str = "", *, former: bool = False) -> str:
    """ "samedi 5 décembre 2026, de 14 h à 16 h 30", by the clock there.

    The clock is named where it is not that of Paris, and for what is online, which people join from
    anywhere. `former`: when it was to begin before it was moved.
    """
    language = language or LANGUAGE.get()
    _ = translator(language)
    if former:
        if event.former_starts_at is None:
            return ""
        return moment_words(event.former_starts_at, event.zone, language)
    words = span_words(event.starts_local, event.ends_local, language)
    return words + _clock_named(event, language)


def span_words(begins: datetime, ends: datetime, language: str = "") -> str:
    """ "samedi 5 décembre 2026, de 14 h à 16 h 30", of two wall times of one clock."""
    language = language or LANGUAGE.get()
    _ = translator(language)
    if ends - begins <= NO_LENGTH:
        return _(
            "%(day)s à %(clock)s",
            day=_day(begins, language),
            clock=clock_words(begins, language),
        )
    if is_whole_days(begins, ends):
        last = ends - DAY
        if last.date() == begins.date():
            return _("%(day)s, toute la journée", day=_day(begins, language))
        return _(
            "du %(begins)s au %(ends)s", begins=_day(begins, language), ends=_day(last, language)
        )
    if begins.date() == ends.date():
        return _(
            "%(day)s, de %(begins)s à %(ends)s",
            day=_day(begins, language),
            begins=clock_words(begins, language),
            ends=clock_words(ends, language),
        )
    return _(
        "du %(begins)s au %(ends)s",
        begins=f"{_day(begins, language)} {clock_words(begins, language)}",
        ends=f"{_day(ends, language)} {clock_words(ends, language)}",
    )


def day_and_hours(event: Event, language: str = "") -> tuple[str, str]:
    """`when_words` in two parts, for where the day is shown already: all in the second, if it ends
    on another day."""
    language = language or LANGUAGE.get()
    _ = translator(language)
    begins, ends = event.starts_local, event.ends_local
    if is_whole_days(begins, ends) and ends - begins == DAY:
        return _day(begins, language), _("toute la journée") + _clock_named(event, language)
    if not event.has_told_end:
        hour = _("à %(clock)s", clock=clock_words(begins, language))
        return _day(begins, language), hour + _clock_named(event, language)
    if begins.date() != ends.date():
        return "", when_words(event, language)
    hours = _(
        "de %(begins)s à %(ends)s",
        begins=clock_words(begins, language),
        ends=clock_words(ends, language),
    )
    return _day(begins, language), hours + _clock_named(event, language)


def day_words(event: Event, language: str) -> str:
    """The day it begins, by the clock there: "mardi 8 décembre"."""
    return str(format_date(event.starts_local, "EEEE d MMMM", locale=LOCALES[language]))


def moment_words(moment: datetime, zone: str, language: str = "") -> str:
    """A day and an hour, by the clock of a zone."""
    language = language or LANGUAGE.get()
    local = wall_time(moment, zone)
    _ = translator(language)
    return _("%(day)s à %(clock)s", day=_day(local, language), clock=clock_words(local, language))


def short_day(local: datetime, language: str = "") -> tuple[str, str, str]:
    """Day of the week, day and month, for the sign of a date on a card."""
    locale = LOCALES[language or LANGUAGE.get()]
    return (
        str(format_date(local, "EEE", locale=locale)),
        str(local.day),
        str(format_date(local, "MMM", locale=locale)),
    )


def weekdays(language: str = "") -> list[tuple[str, str]]:
    """The days of a week from Monday, each whole and short: ("lundi", "lun.")."""
    locale = LOCALES[language or LANGUAGE.get()]
    monday = date(2026, 11, 30)
    week = [monday + timedelta(days=n) for n in range(7)]
    return [
        (format_date(day, "EEEE", locale=locale), format_date(day, "EEE", locale=locale))
        for day in week
    ]


def one_card_per_series(found: Sequence[Event]) -> list[tuple[Event, list[Event]]]:
    """Events in the order of their first date, each with the later ones that are on other days.

    A date that has another hour, place, title or status than the first is a card of its own.
    """
    cards: dict[tuple[object, ...], list[Event]] = {}
    for one in found:
        duration = one.ends_local - one.starts_local
        about = (one.title, one.summary, one.theme, one.status, one.mode)
        place = (one.place_text, one.precision, one.lon, one.lat, one.commune)
        alike = (one.series, one.starts_local.time(), duration, *about, *place)
        cards.setdefault(alike, []).append(one)
    return [(first, later) for first, *later in cards.values()]


def place_words(event: Event) -> str:
    """Where it takes place; what is online has no place."""
    if event.mode is EventMode.ONLINE:
        return _("en ligne")
    words = precision_words(cast("Initiative", event))
    if event.mode is EventMode.BOTH:
        return _("%(place)s, et en ligne", place=words)
    return words


def how_far(event: Event) -> str:
    """How far it is from the position asked for; "" unless it truly stands at a point."""
    return distance_words(cast("Initiative", event))


def zone_choices() -> list[tuple[str, str]]:
    return [(zone, CLOCKS[zone]) for zone in CLOCKS]


def _day(local: datetime, language: str) -> str:
    return str(format_date(local, "full", locale=LOCALES[language]))


def _clock_named(event: Event, language: str) -> str:
    _ = translator(language)
    if event.zone == PARIS and event.mode is EventMode.PLACE:
        return ""
    return str(_(" (heure de %(town)s)", town=CLOCKS[event.zone]))


def event_status_label(status: str) -> str:
    return {
        "draft": _("brouillon"),
        "pending": _("en attente"),
        "published": _("publié"),
        "moved": _("déplacé"),
        "postponed": _("reporté"),
        "cancelled": _("annulé"),
        "done": _("terminé"),
        "rejected": _("refusé"),
    }[status]


def registration_state_label(state: str) -> str:
    return {
        "requested": _("demande à décider"),
        "confirmed": _("inscription confirmée"),
        "waiting": _("en liste d’attente"),
        "offered": _("place proposée"),
        "declined": _("demande refusée"),
        "cancelled": _("désinscription"),
        "attended": _("présence notée"),
    }[state]
