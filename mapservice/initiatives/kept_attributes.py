"""What a filter asks of the columns that sources keep beside the fields: `attr.NAME=value`.

A name is that of the column, as the page of an initiative shows it. A value is the whole of what
the column says, or a range of numbers or days, `10..20`, `10..`, `..2026-06-30`, with both ends.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Self

from mapservice.errors import InvalidInput

PREFIX = "attr."
MAX_NAME = 120  # more than the longest name that an import keeps
MAX_VALUE = 200
MAX_ASKED = 10

_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:[.,][0-9]{1,30})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_END = rf"(?:{_DAY.pattern}|{_NUMBER.pattern})?"
_RANGE = re.compile(rf"({_END})\.\.({_END})")
_YES, _NO = ("oui", "yes", "true"), ("non", "no", "false")


@dataclass(frozen=True, slots=True, order=True)
class AttributeAsked:
    """One column and what it is to say; `text` is the canonical form of the parameter's value."""

    name: str
    text: str

    @classmethod
    def parse(cls, parameter: str, text: str) -> Self:
        """Raises InvalidInput naming the parameter."""
        field = parameter[:50]
        # As imports keep names and cells: letters composed, blanks single.
        name = unicodedata.normalize("NFC", " ".join(parameter.removeprefix(PREFIX).split()))
        if not name:
            raise InvalidInput(field, "needs the name of a column, such as attr.Type=ferme")
        if len(name) > MAX_NAME or not name.isprintable():
            raise InvalidInput(field, "is not the name of a column")
        value = unicodedata.normalize("NFC", text.strip())
        if len(value) > MAX_VALUE:
            raise InvalidInput(field, f"is longer than {MAX_VALUE} characters")
        # A title of lists and mails says it: one line.
        if not value.isprintable():
            raise InvalidInput(field, "has a line break, or a character that no line can hold")
        asked = cls(name, value)
        asked._check_ends(field)
        return asked

    def _check_ends(self, field: str) -> None:
        if self.text == "..":
            raise InvalidInput(field, "needs an end of the range, such as 10.. or ..20")
        if self.ends is None:
            return
        first, last = self.ends
        if first is None or last is None:
            return
        if isinstance(first, date) is not isinstance(last, date):
            raise InvalidInput(field, "is a range of numbers or of days, not of both")
        if _position(first) > _position(last):
            raise InvalidInput(field, "must give the lower end of its range first")

    @property
    def parameter(self) -> str:
        return f"{PREFIX}{self.name}"

    @property
    def values(self) -> tuple[Any, ...]:
        """Each value that the text may stand for, as JSON has it: "12" is a text or a number."""
        found: list[Any] = [self.text]
        if _NUMBER.fullmatch(self.text):
            found.append(_number(self.text))
        if self.text.lower() in (*_YES, *_NO):
            found.append(self.text.lower() in _YES)
        return tuple(found)

    @property
    def ends(self) -> tuple[Decimal | date | None, Decimal | date | None] | None:
        """The ends of a range, both included; None where one value is asked for."""
        parts = _RANGE.fullmatch(self.text)
        if parts is None or not any(parts.groups()):
            return None
        try:
            first, last = (_end(part) for part in parts.groups())
        except ValueError:
            raise InvalidInput(self.parameter[:50], "has a day that no calendar knows") from None
        return first, last


def _end(text: str) -> Decimal | date | None:
    if not text:
        return None
    return date.fromisoformat(text) if _DAY.fullmatch(text) else _number(text)


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def _position(end: Decimal | date) -> Decimal:
    return Decimal(end.toordinal()) if isinstance(end, date) else end
