"""Practical facts in words: hours, days and prices as people read them, in their language.

Hours and days are those of the place; where its clock is not that of Paris, the words say whose.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlsplit

from babel.dates import get_day_names, get_month_names

from mapservice.i18n import LANGUAGE, LOCALES, format_date, ngettext
from mapservice.i18n import gettext as _
from mapservice.i18n import number as number_words
from mapservice.initiatives import opening_hours
from mapservice.initiatives.facts import InitiativeFacts
from mapservice.initiatives.local_days import FRANCE, is_holiday, now, zone_of
from mapservice.initiatives.opening_hours import HOLIDAY, LAST, HoursDay, HoursRule, stretches
from mapservice.initiatives.queries import Initiative

DAY = opening_hours.DAY
# From here on the hours after midnight are those of the day after.
MINUTES_OF_HOUR = 60


@dataclass(frozen=True, slots=True)
class OpenState:
    """Whether it is open at a moment, as far as its hours tell.

    `is_open` None: that day is a public holiday, or may be one, and its hours do not speak of it.
    """

    moment: datetime
    is_open: bool | None


def hours_lines(text: str) -> list[str]:
    """Opening hours, a line a rule; the last line says so where nobody told of holidays."""
    hours = opening_hours.parse(text)
    lines = [_rule_words(rule) for rule in hours.rules]
    if not hours.tells_holidays:
        lines.append(_("jours fériés : non précisé"))
    return [line[:1].upper() + line[1:] for line in lines]


def open_state(initiative: Initiative, moment: datetime | None = None) -> OpenState | None:
    """Now, or at a moment, by the clock of its place; None where its hours are not told.

    Nor is anything said of what is over, or does not take place on that day.
    """
    facts = initiative.facts
    if not facts.opening_hours or initiative.status != "published":
        return None
    here = (moment or now()).astimezone(zone_of(initiative.area))
    hours = opening_hours.parse(facts.opening_hours)
    before = here - timedelta(days=1)
    spans: list[bool | None] = []
    today_is_holiday = is_holiday(here.date(), initiative.area)
    # A night is not taken to last into a holiday.
    nights = ((before, DAY),) if today_is_holiday is False else ()
    for at, late in ((here, 0), *nights):
        if not _takes_place(facts, at.date()):
            spans.append(False)
            continue
        holiday = is_holiday(at.date(), initiative.area)
        if holiday is None or (holiday and not hours.tells_holidays):
            # The night of yesterday only matters where it lasts until now.
            spans.append(None if not late else False)
            continue
        keys = opening_hours.moment_keys(at, is_holiday=holiday)
        spans.append(
            any(first <= key + late < end for first, end in hours.minutes() for key in keys)
        )
    if True in spans:
        return OpenState(here, True)
    return OpenState(here, None if None in spans else False)


def state_words(initiative: Initiative, state: OpenState) -> str:
    """ "Ouvert lundi 30 novembre à 14 h 05", which stays true wherever the page is kept."""
    values = {
        "day": format_date(state.moment.date(), "EEEE d MMMM", locale=_locale()),
        "time": clock_words(state.moment.time()),
    }
    if state.is_open is None:
        words = _("Le %(day)s est férié : horaires non précisés", **values)
    elif state.is_open:
        words = _("Ouvert le %(day)s à %(time)s", **values)
    else:
        words = _("Fermé le %(day)s à %(time)s", **values)
    return f"{words}{zone_words(initiative)}"


def zone_words(initiative: Initiative) -> str:
    """ ", heure locale (La Réunion)" where clocks differ from those of Paris, else ""."""
    if initiative.area == FRANCE or zone_of(initiative.area) is zone_of(FRANCE):
        return ""
    return _(", heure locale (%(place)s)", place=initiative.region_name)


def days_words(facts: InitiativeFacts) -> str:
    """ "mardi 12 mai 2026, de 10 h à 12 h", "du 12 mai 2026 au 14 mai 2026"; "" without days."""
    if facts.start_day is None or facts.end_day is None:
        return ""
    if facts.start_day == facts.end_day:
        day = format_date(facts.start_day, "EEEE d MMMM y", locale=_locale())
        if facts.start_time and facts.end_time:
            start, end = clock_words(facts.start_time), clock_words(facts.end_time)
            return _("%(day)s, de %(start)s à %(end)s", day=day, start=start, end=end)
        if facts.start_time:
            return _("%(day)s à %(start)s", day=day, start=clock_words(facts.start_time))
        if facts.end_time:
            return _("%(day)s, jusqu’à %(end)s", day=day, end=clock_words(facts.end_time))
        return day
    return _(
        "du %(first)s au %(last)s",
        first=_day_and_time(facts.start_day, facts.start_time),
        last=_day_and_time(facts.end_day, facts.end_time),
    )


def short_days(facts: InitiativeFacts) -> str:
    """The same for a card: "mar. 12 mai", "12 – 14 mai"; the year where it is another one."""
    if facts.start_day is None or facts.end_day is None:
        return ""
    year = "" if facts.end_day.year == now().year else " y"
    if facts.start_day == facts.end_day:
        return str(format_date(facts.start_day, f"EEE d MMM{year}", locale=_locale()))
    first = format_date(facts.start_day, f"d MMM{year}", locale=_locale())
    last = format_date(facts.end_day, f"d MMM{year}", locale=_locale())
    return f"{first} – {last}"


def is_past(initiative: Initiative) -> bool:
    """Whether the last of its days is over where it takes place."""
    end = initiative.facts.end_day
    return end is not None and end < now().astimezone(zone_of(initiative.area)).date()


def clock_words(moment: time) -> str:
    """ "14 h", "14 h 30"; "14:30" in English."""
    return _clock(moment.hour * MINUTES_OF_HOUR + moment.minute)


def host_of(address: str) -> str:
    """The host of a web address, as a link to it is read."""
    return (urlsplit(address).hostname or address).removeprefix("www.")


def _takes_place(facts: InitiativeFacts, day: date) -> bool:
    if facts.start_day is None or facts.end_day is None:
        return True
    return facts.start_day <= day <= facts.end_day


def _day_and_time(day: date, moment: time | None) -> str:
    words = str(format_date(day, "d MMMM y", locale=_locale()))
    return _("%(day)s à %(time)s", day=words, time=clock_words(moment)) if moment else words


def _rule_words(rule: HoursRule) -> str:
    months = _months(rule.months)
    if rule.always:
        told = _("ouvert jour et nuit, tous les jours, jours fériés compris")
    else:
        hours = [
            _("%(start)s – %(end)s", start=_clock(first), end=_clock(end))
            for first, end in rule.spans
        ]
        days = _days(rule.days)
        spans = _listed(hours) if hours else _("fermé")
        told = _("%(days)s : %(hours)s", days=days, hours=spans)
    return f"{months}, {told}" if months else told


def _months(months: Sequence[int]) -> str:
    if not months:
        return ""
    names = get_month_names("wide", locale=_locale())
    parts = []
    for first, last in stretches(months, 12, 1):
        if first == last:
            parts.append(_("en %(month)s", month=names[first]))
        else:
            parts.append(
                _("de %(first)s à %(last)s", first=names[first], last=names[last])
                if names[first][:1] not in "aeoé" or LANGUAGE.get() != "fr"
                else _("d’%(first)s à %(last)s", first=names[first], last=names[last])
            )
    return _listed(parts)


def _days(days: Sequence[HoursDay]) -> str:
    if not days:
        return _("tous les jours")
    names = get_day_names("wide", locale=_locale())
    plain = [one.day for one in days if not one.numbers and one.day != HOLIDAY]
    parts = []
    if len(plain) == HOLIDAY:
        parts.append(_("tous les jours"))
    else:
        for first, last in stretches(plain, HOLIDAY):
            if first == last:
                parts.append(names[first])
            elif (last - first) % HOLIDAY == 1:
                parts += [names[first], names[last]]
            else:
                parts.append(_("du %(first)s au %(last)s", first=names[first], last=names[last]))
    for one in days:
        if one.numbers:
            parts.append(
                _(
                    "%(order)s %(day)s du mois",
                    order=_listed([_order(number) for number in one.numbers]),
                    day=names[one.day],
                )
            )
    if any(one.day == HOLIDAY for one in days):
        parts.append(_("jours fériés"))
    return _listed(parts)


def _order(number: int) -> str:
    return {
        1: _("premier"),
        2: _("deuxième"),
        3: _("troisième"),
        4: _("quatrième"),
        5: _("cinquième"),
        LAST: _("dernier"),
    }[number]


def _listed(parts: Iterable[str]) -> str:
    told = list(parts)
    if len(told) < 2:
        return "".join(told)
    return _("%(first)s et %(last)s", first=", ".join(told[:-1]), last=told[-1])


def _clock(minutes: int) -> str:
    hour, minute = divmod(minutes if minutes <= DAY else minutes - DAY, MINUTES_OF_HOUR)
    if LANGUAGE.get() == "fr":
        return f"{hour}\u00a0h\u00a0{minute:02}" if minute else f"{hour}\u00a0h"
    return f"{hour}:{minute:02}"


def _locale() -> str:
    return LOCALES[LANGUAGE.get()]


def places_words(taken: int, places: int) -> str:
    """How many places of a need are left, in words."""
    left = places - taken
    if left <= 0:
        return _("complet")
    return ngettext(
        "%(left)s place libre sur %(places)s",
        "%(left)s places libres sur %(places)s",
        left,
        left=number_words(left),
        places=number_words(places),
    )
