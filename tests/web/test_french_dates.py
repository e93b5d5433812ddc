"""The first of a month is written as the French do, at every place that writes a date."""

import re
from datetime import date
from pathlib import Path

import pytest

from mapservice import i18n
from mapservice.i18n import format_date


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("long", "1er décembre 2026"),
        ("full", "mardi 1er décembre 2026"),
        ("EEE d MMM", "mar. 1er déc."),
        ("d MMMM", "1er décembre"),
        ("d", "1er"),
    ],
)
def test_the_first_is_premier(pattern: str, words: str) -> None:
    assert format_date(date(2026, 12, 1), pattern, locale="fr") == words


@pytest.mark.parametrize(
    ("day", "words"),
    [(11, "11 décembre 2026"), (21, "21 décembre 2026"), (31, "31 décembre 2026")],
)
def test_other_days_are_plain(day: int, words: str) -> None:
    assert format_date(date(2026, 12, day), "long", locale="fr") == words
    assert format_date(date(2021, 12, day), "LLLL yyyy", locale="fr") == "décembre 2021"


def test_english_has_no_such_form() -> None:
    assert format_date(date(2026, 12, 1), "long", locale="en_GB") == "1 December 2026"


def test_no_other_file_writes_dates_by_itself() -> None:
    house = Path(i18n.__file__).parent
    plain = re.compile(r"from babel\.dates import [^\n]*\bformat_(date|datetime)\b")
    others = [path for path in house.rglob("*.py") if plain.search(path.read_text("utf-8"))]
    assert others == [house / "i18n.py"]
