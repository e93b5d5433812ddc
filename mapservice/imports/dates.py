"""Dates as French files write them, brought to ISO 8601: as much of a date as is written.

A year alone stays a year ("2022") and a month a month ("2022-03"): the day is unknown.
"""

import re
from datetime import UTC, date, datetime, timedelta

from mapservice.imports.text import folded

FIRST_YEAR, LAST_YEAR = 1900, 2100
# POSIX: two digits up to 68 are of this century.
CENTURY_TURN = 69
# Excel's day 0; its serials from 1990 to 2064. A smaller one is a year with a sign too many
# ("20200") rather than a day of 1955, with which every slider of months would begin.
EXCEL_EPOCH = date(1899, 12, 30)
EXCEL_SERIALS = range(32_874, 60_000)

YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[t\s].*)?")
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
DAY_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})(?:[t\s,].*)?")
MONTH_YEAR = re.compile(r"(\d{1,2})[-/.](\d{4})")
DAY_WORD = re.compile(
    r"(?:[a-z]+\.?,? )?(?:le )?(\d{1,2})(?:er|st|nd|rd|th)?[ -]([a-z]+)\.?,?[ -](\d{4}|\d{2})"
    r"(?:\s.*)?"
)
WORD_DAY = re.compile(r"(?:[a-z]+, )?([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?:\s.*)?")
WORD_YEAR = re.compile(r"([a-z]+)\.?[ -](\d{4}|\d{2})")
NUMBER = re.compile(r"(\d{4,13})(?:[.,]\d*)?")

# Beginnings that tell the months apart, French then English.
MONTHS = {
    1: ("janv", "jan"),
    2: ("fevr", "fev", "feb"),
    3: ("mars", "mar"),
    4: ("avr", "apr"),
    5: ("mai", "may"),
    6: ("juin", "jun"),
    7: ("juil", "jul"),
    8: ("aou", "aug"),
    9: ("sept", "sep"),
    10: ("oct",),
    11: ("nov",),
    12: ("dec",),
}


def read_date(text: str) -> str | None:
    """What `text` writes of a date, None where it writes none: "2015-03-21", "2015-03" or "2015".

    Day before month. Excel serials and Unix times are days too.
    """
    words = " ".join(folded(text[:80]).replace("'", "").split())
    found = None
    if match := YEAR_FIRST.fullmatch(words) or COMPACT.fullmatch(words):
        year, month, day = match.groups()
        found = _date(year, int(month), day)
    elif match := DAY_FIRST.fullmatch(words):
        day, month, year = match.groups()
        found = _date(year, int(month), day)
    elif match := MONTH_YEAR.fullmatch(words):
        found = _date(match.group(2), int(match.group(1)), None)
    # What is no date in digits (a month 20) may still be one in words, or a number of days.
    if found is None:
        if match := DAY_WORD.fullmatch(words):
            found = _date(match.group(3), _month(match.group(2)), match.group(1))
        elif match := WORD_DAY.fullmatch(words):
            found = _date(match.group(3), _month(match.group(1)), match.group(2))
        elif match := WORD_YEAR.fullmatch(words):
            found = _date(match.group(2), _month(match.group(1)), None)
    if found is None and (match := NUMBER.fullmatch(words)):
        # A bare year, an Excel serial, or seconds or milliseconds since 1970.
        digits, number = match.group(1), int(match.group(1))
        if len(digits) == 4:
            found = digits
        elif number in EXCEL_SERIALS:
            found = (EXCEL_EPOCH + timedelta(days=number)).isoformat()
        elif len(digits) in (10, 13):
            seconds = number if len(digits) == 10 else number // 1000
            found = datetime.fromtimestamp(seconds, UTC).date().isoformat()
    if found is None or not FIRST_YEAR <= int(found[:4]) <= LAST_YEAR:
        return None
    return found


def is_serial(cell: str) -> bool:
    """Whether a cell may be a day that a spreadsheet has left as a number (45717)."""
    return cell.isdigit() and int(cell) in EXCEL_SERIALS


def is_day(written: str) -> bool:
    """Whether a date is a whole one, not a year or a month alone."""
    return len(written) == len("2015-03-21")


def is_future(written: str, now: datetime) -> bool:
    """Whether all of a date (day, month or year) lies ahead, wherever on Earth it was written."""
    latest = (now.astimezone(UTC) + timedelta(hours=14)).date().isoformat()
    return written > latest[: len(written)]


def first_day(written: str) -> str:
    """The first day of a year or month; a day as it is, and "" for no date."""
    return written + "-01-01"[len(written) - 4 :] if written else ""


def _month(word: str) -> int:
    return next((number for number, starts in MONTHS.items() if word.startswith(starts)), 0)


def _date(year: str, month: int, day: str | None) -> str | None:
    """`day` None where a month is all that is written."""
    full = int(year)
    if len(year) == 2:
        full += 2000 if full < CENTURY_TURN else 1900
    try:
        written = date(full, month, int(day or "1")).isoformat()
    except ValueError:
        return None
    return written if day else written[: len("2015-03")]
