"""A recurrence rule in words, in the language of the request or of a mail."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from babel.dates import get_day_names, get_month_names

from mapservice.events.model import Event, EventStatus
from mapservice.events.recurrence import DAYS, EventTimes, RecurrenceRule, wall_time
from mapservice.i18n import LANGUAGE, LOCALES, format_date

WEEKDAYS = (0, 1, 2, 3, 4)
WEEKEND = (5, 6)
FRENCH_NTH = {1: "1er", 2: "2e", 3: "3e", 4: "4e", 5: "5e", -1: "dernier", -2: "avant-dernier"}
# A rule's end is inclusive, that of a search is not.
ONE_SECOND = timedelta(seconds=1)
# Dates that are named as missing; of more their number.
MOST_MISSED = 3
ENGLISH_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}


def rule_words(times: EventTimes, language: str = "") -> str:
    """ "tous les mardis, jusqu’au 30 juin 2027"; "" for an event that takes place once.

    Both languages are written out rather than translated: word order and plurals depend on each
    part of the rule. A rule that has no plain words is told by its text.
    """
    rule = times.rule
    if rule is None:
        return ""
    if rule.until and (starts := times.starts(rule.until + ONE_SECOND)):
        # The last date itself: a rule may end on another day, or just before what continues it.
        rule = replace(rule, until=starts[-1])
    language = language or LANGUAGE.get()
    words = (_french if language == "fr" else _english)(rule, times.start, LOCALES[language])
    return words or rule.text(times.zone)


def series_words(
    times: EventTimes,
    dates: Sequence[Event],
    shown: Event,
    now: datetime,
    *,
    goes_on: bool = False,
    language: str = "",
) -> str:
    """The rule of a series as its dates bear it out: "tous les samedis, jusqu’au 10 avril 2027,
    sauf le 23 janvier 2027".

    `dates` are all of the series, `shown` the one whose page it is. "" where the rule does not give
    that one, or gives no other that takes place: it says nothing then. What the rule gives and does
    not take place (left out, called off, moved) is named, of the dates to come. `goes_on`: others
    follow it on other days or at other hours.
    """
    language = language or LANGUAGE.get()
    regular = [
        one.recurrence_id
        for one in dates
        if one.starts_local == one.recurrence_id
        and one.status not in (EventStatus.CANCELLED, EventStatus.REJECTED, EventStatus.POSTPONED)
    ]
    rule = times.rule
    if rule is None or len(regular) < 2 or shown.recurrence_id not in regular:
        return ""
    is_bounded = rule.until is not None or rule.count is not None
    if is_bounded:
        rule = replace(rule, until=regular[-1], count=None)
    words = rule_words(replace(times, rule=rule), language)
    wall = wall_time(now, times.zone)
    given = replace(times, excluded=()).starts(regular[-1] + ONE_SECOND)
    missed = [one for one in given if one > wall and one not in regular]
    locale = LOCALES[language]
    is_french = language == "fr"
    if len(missed) > MOST_MISSED:
        words += f", sauf {len(missed)} dates" if is_french else f", except {len(missed)} dates"
    elif missed:
        days = [format_date(one, "long", locale=locale) for one in missed]
        words += ", sauf le " if is_french else ", except on "
        words += _joined(days, "et le" if is_french else "and")
    if goes_on and is_bounded:
        words += (
            "\u00a0; ensuite, d’autres jours ou d’autres heures"
            if is_french
            else "; then on other days or at other hours"
        )
    return words


def _french(rule: RecurrenceRule, start: datetime, locale: str) -> str:
    n = rule.interval
    days = [(nth, DAYS.index(day)) for nth, day in rule.days]
    names: Mapping[int, str] = get_day_names(locale=locale)
    plain = sorted(day for nth, day in days if not nth)
    months = _joined([get_month_names(locale=locale)[one] for one in rule.months], "et")
    if rule.positions and not _is_setpos_day(rule):
        return ""
    if rule.frequency == "DAILY":
        if rule.month_days or days:
            return ""
        words = "tous les jours" if n == 1 else f"tous les {n} jours"
    elif rule.frequency == "WEEKLY":
        chosen = tuple(plain or [start.weekday()])
        if chosen == WEEKDAYS:
            told = "du lundi au vendredi"
            words = told if n == 1 else f"toutes les {n} semaines, {told}"
        elif n == 1:
            words = "tous les " + _joined([f"{names[day]}s" for day in chosen], "et")
        else:
            often = "une semaine sur deux" if n == 2 else f"toutes les {n} semaines"
            words = f"{often}, le " + _joined([str(names[day]) for day in chosen], "et le")
    else:
        each = "de chaque mois" if n == 1 else f"tous les {n} mois"
        if rule.frequency == "YEARLY":
            each = "chaque année" if n == 1 else f"tous les {n} ans"
            if days and not rule.months:
                return ""
            if not months and not rule.month_days:
                date = format_date(start, "d MMMM", locale=locale)
                return _ended_french(f"{each}, le {date}", rule, locale)
        day_words = _french_days(rule, start, names)
        if not day_words:
            return ""
        if rule.frequency == "YEARLY":
            words = f"{each}, {day_words} de {months}" if months else ""
        elif n == 1:
            words = f"{day_words} de {months}" if months else f"{day_words} {each}"
        else:
            words = f"{each}, {day_words}"
        return _ended_french(words, rule, locale) if words else ""
    if months:
        words += f", en {months}"
    return _ended_french(words, rule, locale)


def _french_days(rule: RecurrenceRule, start: datetime, table: Mapping[int, str]) -> str:
    numbered = _numbered(rule)
    if rule.month_days and rule.days:
        return ""
    if numbered:
        parts = []
        for nth, day in numbered:
            if nth not in FRENCH_NTH:
                return ""
            parts.append(f"{FRENCH_NTH[nth]} {table[day]}")
        return "le " + _joined(parts, "et le")
    if rule.days:
        return "tous les " + _joined(
            [f"{table[DAYS.index(day)]}s" for nth, day in rule.days if not nth], "et"
        )
    told = rule.month_days or (start.day,)
    parts = [
        "dernier jour" if one == -1 else "1er" if one == 1 else str(one)
        for one in told
        if one >= -1
    ]
    return "le " + _joined(parts, "et le") if len(parts) == len(told) else ""


def _ended_french(words: str, rule: RecurrenceRule, locale: str) -> str:
    if rule.until:
        return f"{words}, jusqu’au {format_date(rule.until, 'long', locale=locale)}"
    return f"{words}, {rule.count} fois" if rule.count else words


def _english(rule: RecurrenceRule, start: datetime, locale: str) -> str:
    n = rule.interval
    names = get_day_names(locale=locale)
    plain = sorted(DAYS.index(day) for nth, day in rule.days if not nth)
    months = _joined([get_month_names(locale=locale)[one] for one in rule.months], "and")
    if rule.positions and not _is_setpos_day(rule):
        return ""
    if rule.frequency == "DAILY":
        if rule.month_days or rule.days:
            return ""
        words = "every day" if n == 1 else f"every {n} days"
    elif rule.frequency == "WEEKLY":
        chosen = tuple(plain or [start.weekday()])
        told = (
            "Monday to Friday"
            if chosen == WEEKDAYS
            else _joined([str(names[day]) for day in chosen], "and")
        )
        often = "every" if n == 1 else "every other week on" if n == 2 else f"every {n} weeks on"
        words = f"{often} {told}"
    else:
        each = "every month" if n == 1 else f"every {n} months"
        if rule.frequency == "YEARLY":
            each = "every year" if n == 1 else f"every {n} years"
            if rule.days and not rule.months:
                return ""
            if not months and not rule.month_days:
                date = format_date(start, "d MMMM", locale=locale)
                return _ended_english(f"{each} on {date}", rule, locale)
        numbered = _numbered(rule)
        if rule.month_days and rule.days:
            return ""
        if numbered:
            if any(nth not in ENGLISH_NTH for nth, _ in numbered):
                return ""
            day_words = "on the " + _joined(
                [f"{ENGLISH_NTH[nth]} {names[day]}" for nth, day in numbered], "and the"
            )
        elif rule.days:
            day_words = "on every " + _joined([str(names[day]) for day in plain], "and")
        else:
            told_days = rule.month_days or (start.day,)
            if any(one < -1 for one in told_days):
                return ""
            day_words = "on the " + _joined(
                ["last day" if one == -1 else _ordinal(one) for one in told_days], "and the"
            )
        if rule.frequency == "YEARLY":
            words = f"{each} {day_words} of {months}" if months else ""
        else:
            words = f"{each} {day_words}" + (f" of {months}" if months else "")
        return _ended_english(words, rule, locale) if words else ""
    if months:
        words += f", in {months}"
    return _ended_english(words, rule, locale)


def _ended_english(words: str, rule: RecurrenceRule, locale: str) -> str:
    if rule.until:
        return f"{words}, until {format_date(rule.until, 'long', locale=locale)}"
    return f"{words}, {rule.count} times" if rule.count else words


def _is_setpos_day(rule: RecurrenceRule) -> bool:
    """ "The third of the Saturdays" is the third Saturday; other positions have no plain words."""
    return rule.frequency == "MONTHLY" and len(rule.days) == 1 and not rule.days[0][0]


def _numbered(rule: RecurrenceRule) -> list[tuple[int, int]]:
    """Ordinals with days of the week (Monday 0); empty where each such day is meant."""
    if rule.positions:
        day = DAYS.index(rule.days[0][1])
        return [(position, day) for position in rule.positions]
    found = [(nth, DAYS.index(day)) for nth, day in rule.days if nth]
    return found if len(found) == len(rule.days) else []


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 <= number % 100 <= 13 else ending}"


def _joined(parts: list[str], word: str) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"
