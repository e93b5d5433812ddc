"""Opening hours in the syntax of OpenStreetMap: the part of it that days and hours can decide.

    Mo-Fr 09:00-12:00,14:00-18:00; Sa 10:00-12:00; PH off
    Apr-Oct We,Su 14:00-18:00
    Sa[1] 10:00-12:00
    24/7

Rules are separated by semicolons; one that comes later replaces, on the days that it names, what
came before (https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification). What else that
syntax knows (dates, weeks, school holidays, sunrise, comments, open ends) is refused by name: no
query could decide it, and hours that are half understood would be shown as more than is known.

Public holidays are open or closed only where a rule says so (PH, or 24/7). Without it nobody told,
and they are not said to be open.

`OpeningHours.minutes` is the same as ranges of whole numbers, for an index: see `day_key`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise

from mapservice.errors import InvalidInput

FIELD = "opening_hours"
MAX_LENGTH = 255

WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HOLIDAY = 7  # the day beside Monday (0) to Sunday (6)
DAY = 24 * 60  # minutes
# Of the days of one name in a month: the first to the fifth, and -1 for the last.
NUMBERS = (1, 2, 3, 4, 5)
LAST = -1
# Which of its name in its month a day is, and whether the last; 0 stands for any.
_PLACES = ((1, False), (2, False), (3, False), (4, False), (4, True), (5, True))

_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_NAME = rf"(?:{'|'.join((*WEEKDAYS, 'PH'))})"
_NAMED = rf"{_NAME}(?:-{_NAME}|\[[-0-9, ]*\])?"
_DAYS = re.compile(rf"{_NAMED}(?: ?, ?{_NAMED})*(?=$|[ :])")
_MONTH = "|".join(MONTHS)
_MONTHS = re.compile(
    rf"(?:{_MONTH})(?:-(?:{_MONTH}))?(?: ?, ?(?:{_MONTH})(?:-(?:{_MONTH}))?)*(?=$|[ :])"
)
# What others write, told apart so that the refusal can name it.
_BEYOND = (
    (re.compile(r"\bSH\b"), "school holidays (SH)"),
    (re.compile(r"sunrise|sunset|dawn|dusk", re.I), "sunrise and sunset"),
    (re.compile(r"\bweek\b", re.I), "numbers of weeks"),
    (re.compile(r"\beaster\b", re.I), "Easter"),
    (re.compile(r'"'), "comments"),
    (re.compile(r"\|\|"), "alternatives (||)"),
    (re.compile(r"\bunknown\b", re.I), "hours that are unknown"),
    (re.compile(r"[0-9]\+"), "open ends (18:00+)"),
    (re.compile(rf"(?:{_MONTH}) ?[0-9]{{1,2}}(?![0-9:])|\b(?:19|20)[0-9]{{2}}\b"), "dates"),
)


@dataclass(frozen=True, slots=True)
class HoursDay:
    """Days of one name: 0 is Monday, `HOLIDAY` a public holiday.

    `numbers` are which of them in a month (1 to 5, -1 for the last), or empty for all.
    """

    day: int
    numbers: tuple[int, ...] = ()

    def holds(self, number: int, *, is_last: bool) -> bool:
        return not self.numbers or number in self.numbers or (is_last and LAST in self.numbers)


@dataclass(frozen=True, slots=True)
class HoursRule:
    """One rule: in which months (1 to 12, empty for all), on which days, open when.

    `spans` are minutes since midnight, the end beyond 1440 where it is on the day after; none means
    closed. `days` empty means every day; `always` is 24/7.
    """

    months: tuple[int, ...] = ()
    days: tuple[HoursDay, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    always: bool = False

    def holds(self, month: int, day: int, number: int, *, is_last: bool) -> bool:
        """Whether it says something of such a day."""
        if self.months and month not in self.months:
            return False
        if self.always:
            return True
        if not self.days:
            return day != HOLIDAY
        return any(one.day == day and one.holds(number, is_last=is_last) for one in self.days)


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """`text` is the canonical spelling, which parses to the same rules."""

    text: str
    rules: tuple[HoursRule, ...] = field(compare=False)

    @property
    def tells_holidays(self) -> bool:
        """Whether a rule says what holds on public holidays."""
        return any(
            rule.always or any(one.day == HOLIDAY for one in rule.days) for rule in self.rules
        )

    @property
    def is_weekly(self) -> bool:
        """Whether all weeks of all months are alike."""
        return not any(rule.months or any(one.numbers for one in rule.days) for rule in self.rules)

    def spans(
        self, month: int, day: int, number: int, *, is_last: bool
    ) -> Sequence[tuple[int, int]]:
        """The minutes in which it is open that begin on such a day: the last rule decides."""
        told: Sequence[tuple[int, int]] = ()
        for rule in self.rules:
            if rule.holds(month, day, number, is_last=is_last):
                told = rule.spans
        return told

    def minutes(self) -> tuple[tuple[int, int], ...]:
        """All that is open as half-open ranges of `day_key` plus minutes, sorted and apart.

        A year's months and a month's weeks are spelt out only where a rule tells them apart.
        """
        months = range(1, 13) if any(rule.months for rule in self.rules) else (0,)
        numbered = any(one.numbers for rule in self.rules for one in rule.days)
        ranges = []
        for month in months:
            for place, (number, is_last) in enumerate(_PLACES if numbered else ((0, False),)):
                for day in range(HOLIDAY + 1):
                    start = day_key(month, place + 1 if numbered else 0, day)
                    told = self.spans(month, day, number, is_last=is_last)
                    ranges += [(start + first, start + end) for first, end in told]
        return tuple(_apart(sorted(ranges)))

    def is_open(self, moment: datetime, *, is_holiday: bool, was_holiday: bool) -> bool:
        """At a local moment; `was_holiday` is about the day before, whose night may last.

        It is not taken to last into a holiday: nobody told.
        """
        keys = moment_keys(moment, is_holiday=is_holiday)
        if not is_holiday:
            before = moment - timedelta(days=1)
            keys += [key + DAY for key in moment_keys(before, is_holiday=was_holiday)]
        return any(first <= key < end for first, end in self.minutes() for key in keys)


def day_key(month: int, place: int, day: int) -> int:
    """Where the minutes of a kind of day begin. Two days long, so that no night runs into another.

    `month` 0 stands for hours that are the same in all months; `place` 0 for those that are the
    same in all weeks, else 1 to 6 tell which of its name in its month a day is (4 and not the last,
    4 and the last are two).
    """
    return ((month * 7 + place) * 8 + day) * 2 * DAY


def day_keys(day: date, *, is_holiday: bool) -> list[int]:
    """The four keys that a date has: of any month and its own, of any week and its own."""
    number = (day.day - 1) // 7 + 1
    is_last = (day + timedelta(days=7)).month != day.month
    place = _PLACES.index((number, is_last)) + 1
    name = HOLIDAY if is_holiday else day.weekday()
    return [day_key(month, at, name) for month in (0, day.month) for at in (0, place)]


def moment_keys(moment: datetime, *, is_holiday: bool) -> list[int]:
    minute = moment.hour * 60 + moment.minute
    return [key + minute for key in day_keys(moment.date(), is_holiday=is_holiday)]


def parse(text: str) -> OpeningHours:
    """Raises InvalidInput naming what is not understood."""
    written = " ".join(text.replace("–", "-").replace("—", "-").split())
    if len(written) > MAX_LENGTH:
        raise InvalidInput(FIELD, f"is longer than {MAX_LENGTH} characters")
    for pattern, words in _BEYOND:
        if pattern.search(written):
            raise InvalidInput(FIELD, f"{words} are not understood here")
    rules = [_rule(part.strip()) for part in written.split(";") if part.strip()]
    if not rules:
        raise InvalidInput(FIELD, "has no rule such as Mo-Fr 09:00-18:00")
    return OpeningHours("; ".join(map(spelt, rules)), tuple(rules))


_DAY_LIST = rf"{_NAME}(?:[-,]{_NAME})*"
# What people write, in French and English, as the syntax has it; the longer first.
_WORDS = (
    (r"24 ?h?(?:eures)? ?(?:/|sur) ?24|jour et nuit|day and night", "24/7"),
    (r"7 ?j?(?:ours)? ?(?:/|sur) ?7", ""),
    (r"tous les jours|chaque jour|every day|daily", "Mo-Su"),
    (r"(?:les |le )?jours? f[ée]ri[ée]s?|f[ée]ri[ée]s?|(?:public |bank )?holidays?", "PH"),
    (r"ferm[ée]e?s?|closed", "off"),
    (r"mars\b|march", "Mar"),
    (r"(?:lundi|lun|monday|mon)s?\b\.?", "Mo"),
    (r"(?:mardi|mar|tuesday|tues?)s?\b\.?", "Tu"),
    (r"(?:mercredi|mer|wednesday|wed)s?\b\.?", "We"),
    (r"(?:jeudi|jeu|thursday|thu(?:rs?)?)s?\b\.?", "Th"),
    (r"(?:vendredi|ven|friday|fri)s?\b\.?", "Fr"),
    (r"(?:samedi|sam|saturday|sat)s?\b\.?", "Sa"),
    (r"(?:dimanche|dim|sunday|sun)s?\b\.?", "Su"),
    (r"janvier|january", "Jan"),
    (r"f[ée]vrier|february", "Feb"),
    (r"avril|april", "Apr"),
    (r"mai\b", "May"),
    (r"juin|june", "Jun"),
    (r"juillet|july", "Jul"),
    (r"ao[ûu]t|august", "Aug"),
    (r"septembre|september", "Sep"),
    (r"octobre|october", "Oct"),
    (r"novembre|november", "Nov"),
    (r"d[ée]cembre|december", "Dec"),
)
_SPOKEN = re.compile(
    r"\b(?:" + "|".join(f"(?P<w{at}>{words})" for at, (words, _) in enumerate(_WORDS)) + ")",
    re.IGNORECASE,
)
_ORDER_WORDS = (
    (r"premiers?|1ers?|first", 1),
    (r"deuxièmes?|seconds?|2e|second", 2),
    (r"troisièmes?|3e|third", 3),
    (r"quatrièmes?|4e|fourth", 4),
    (r"cinquièmes?|5e|fifth", 5),
    (r"derniers?|last", LAST),
)
_HOUR = re.compile(r"\b([0-9]{1,2}) ?(?:heures?|h)(?: ?([0-9]{2}))?(?![0-9])", re.I)


def understood(text: str) -> OpeningHours:
    """The syntax, or the same in plain words: "lundi-vendredi 9h-12h et 14h-18h, samedi 10h-12h".

    Raises InvalidInput as `parse` does. Words that name a day in two rules are refused: the second
    would replace the first, which nobody means by them.
    """
    try:
        return parse(text)
    except InvalidInput as error:
        refused = error
    told = text.replace("’", "'")
    # All at once, so that no sign is taken for a word: "Mar" is March.
    told = _SPOKEN.sub(lambda found: _WORDS[int((found.lastgroup or "w0")[1:])][1], told)
    told = _HOUR.sub(lambda hour: f"{int(hour[1]):02}:{hour[2] or '00'}", told)
    told = re.sub(r"\bd'|\b(?:du|des?|from|les?|the|on|en|in)\b", " ", told, flags=re.IGNORECASE)
    for words, number in _ORDER_WORDS:
        numbered = rf"\b(?:{words}) +({_NAME})(?: +(?:mois|month))?"
        told = re.sub(numbered, rf"\1[{number}]", told, flags=re.IGNORECASE)
    told = re.sub(r" *(?:\b(?:au|à|to|until)\b|[-–—]) *", "-", told)
    told = re.sub(r" *(?:\bet\b|\band\b|[&,]) *", ",", told)
    told = re.sub(rf"\boff *({_DAY_LIST})", r"\1 off", told)
    told = re.sub(rf"({_MONTH}),(?={_NAME})", r"\1 ", told)
    told = re.sub(rf"({_NAME}) +(?={_NAME})", r"\1,", told)
    told = re.sub(rf"([0-9]|off) *[,.;]? *(?={_NAME})", r"\1; ", told)
    told = re.sub(r"(?<=[a-zH]) *: *", " ", told).strip(" .,;")
    try:
        hours = parse(told)
    except InvalidInput:
        raise refused from None
    named = [(one.day, one.numbers, rule.months) for rule in hours.rules for one in rule.days]
    if len(named) > len(set(named)):
        raise InvalidInput(FIELD, "names a day twice: give all its hours together")
    return hours


def spelt(rule: HoursRule) -> str:
    """The canonical spelling of a rule."""
    parts = []
    if rule.months:
        parts.append(_named([month - 1 for month in rule.months], MONTHS))
    if rule.always:
        return " ".join([*parts, "24/7"])
    plain = [one.day for one in rule.days if not one.numbers and one.day != HOLIDAY]
    days = [_named(plain, WEEKDAYS)] if plain else []
    days += [
        f"{WEEKDAYS[one.day]}[{','.join(map(str, one.numbers))}]"
        for one in rule.days
        if one.numbers
    ]
    if any(one.day == HOLIDAY for one in rule.days):
        days.append("PH")
    if days:
        parts.append(",".join(days))
    parts.append(",".join(f"{_clock(first)}-{_clock(end)}" for first, end in rule.spans) or "off")
    return " ".join(parts)


def stretches(numbers: Sequence[int], length: int, first: int = 0) -> list[tuple[int, int]]:
    """Days or months that follow one another, each stretch by its first and last.

    One that ends with the week or the year goes on with the one that it begins with (Sa-Mo).
    """
    found = list(_runs(numbers))
    if len(found) > 1 and found[0][0] == first and found[-1][1] == first + length - 1:
        found = [*found[1:-1], (found[-1][0], found[0][1])]
    return found


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = None
    for at, number in enumerate(numbers):
        start = number if start is None else start
        if at + 1 == len(numbers) or numbers[at + 1] != number + 1:
            yield start, number
            start = None


def _named(numbers: Sequence[int], names: Sequence[str]) -> str:
    return ",".join(
        names[first] if first == last else f"{names[first]}-{names[last]}"
        for first, last in stretches(numbers, len(names))
    )


def _clock(minutes: int) -> str:
    # Until midnight is 24:00, and later on the day after its hour there.
    shown = minutes if minutes <= DAY else minutes - DAY
    return f"{shown // 60:02}:{shown % 60:02}"


def _rule(text: str) -> HoursRule:
    rest = text
    months: tuple[int, ...] = ()
    days: tuple[HoursDay, ...] = ()
    found = _MONTHS.match(rest)
    if found:
        months = _numbers(found.group(), MONTHS, first=1)
        rest = rest[found.end() :].lstrip(" :")
    if rest == "24/7":
        return HoursRule(months, spans=((0, DAY),), always=True)
    named = _DAYS.match(rest)
    if named:
        days = _named_days(named.group())
        rest = rest[named.end() :].lstrip(" :")
    if rest.lower() in ("off", "closed"):
        return HoursRule(months, days)
    if not rest:
        raise InvalidInput(FIELD, f"{text[:40]!r} tells no hours, such as 09:00-18:00")
    return HoursRule(months, days, _spans(rest))


def _spans(text: str) -> tuple[tuple[int, int], ...]:
    spans = []
    for part in text.split(","):
        found = _TIME.fullmatch(part.strip())
        if not found:
            raise InvalidInput(FIELD, f"{part.strip()[:40]!r} is no hours such as 09:00-18:00")
        opens, minute, closes, second = (int(digits) for digits in found.groups())
        first, end = opens * 60 + minute, closes * 60 + second
        if minute > 59 or second > 59 or first >= DAY or end > DAY:
            raise InvalidInput(FIELD, f"{part.strip()!r} is not on the clock")
        if first == end:
            raise InvalidInput(FIELD, f"{part.strip()!r} ends when it begins")
        spans.append((first, end if end > first else end + DAY))
    spans.sort()
    if any(later < end for (_, end), (later, _) in pairwise(spans)):
        raise InvalidInput(FIELD, "has hours that overlap")
    return tuple(spans)


def _named_days(text: str) -> tuple[HoursDay, ...]:
    days: set[HoursDay] = set()
    for part in re.split(r",(?![^\[]*\])", text):
        name, _, rest = part.strip().partition("[")
        if rest:
            if name == "PH":
                raise InvalidInput(FIELD, "public holidays have no number")
            days.add(HoursDay(WEEKDAYS.index(name), _order_numbers(rest.removesuffix("]"))))
        elif name == "PH":
            days.add(HoursDay(HOLIDAY))
        elif "PH" in name:
            raise InvalidInput(FIELD, "PH stands alone, as in Mo-Fr,PH")
        else:
            days |= {HoursDay(day) for day in _numbers(name, WEEKDAYS, first=0)}
    return tuple(sorted(days, key=lambda one: (one.day, one.numbers)))


def _order_numbers(text: str) -> tuple[int, ...]:
    numbers = set()
    for part in text.split(","):
        try:
            number = int(part)
        except ValueError:
            number = 0
        if number not in (*NUMBERS, LAST):
            raise InvalidInput(FIELD, f"{part.strip()[:10]!r} is not 1 to 5, nor -1 for the last")
        numbers.add(number)
    return tuple(sorted(numbers, key=lambda number: number % 10))


def _numbers(text: str, names: Sequence[str], *, first: int) -> tuple[int, ...]:
    """What names and ranges of names stand for; a range may go round (Nov-Feb, Sa-Mo)."""
    told: set[int] = set()
    for part in text.split(","):
        start, _, end = (name.strip() for name in part.partition("-"))
        here, there = names.index(start), names.index(end or start)
        length = (there - here) % len(names) + 1
        told |= {(here + step) % len(names) + first for step in range(length)}
    return tuple(sorted(told))


def _apart(ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    held: tuple[int, int] | None = None
    for first, end in ranges:
        if held and first <= held[1]:
            held = (held[0], max(held[1], end))
            continue
        if held:
            yield held
        held = (first, end)
    if held:
        yield held
