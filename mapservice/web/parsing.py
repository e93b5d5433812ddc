"""Numbers as requests write them, read strictly: what is malformed names its parameter."""

import math
import re

from mapservice.errors import InvalidInput

MAX_LIMIT = 10_000


def parse_limit(text: str, maximum: int = MAX_LIMIT) -> int:
    """A number of rows from 1 to `maximum`; more is a request for all, so it is refused."""
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidInput("limit", f"must be a whole number from 1 to {maximum}")
    if not 1 <= int(text) <= maximum:
        raise InvalidInput("limit", f"must lie between 1 and {maximum}")
    return int(text)


def parse_numbers(field: str, text: str, count: int, form: str) -> list[float]:
    """So many numbers between commas; `form` says what they are. Raises InvalidInput."""
    parts = text.split(",")
    if len(parts) != count:
        raise InvalidInput(field, f"must be {form}")
    return [parse_number(field, part) for part in parts]


# Python also reads digits of other scripts, "1_000" and "nan".
_NUMBER = re.compile(r"[0-9.eE+-]{1,40}")


def parse_number(field: str, text: str) -> float:
    """A finite decimal number in ASCII. Raises InvalidInput naming the field."""
    try:
        number = float(text) if _NUMBER.fullmatch(text.strip()) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInput(field, f"{text[:40]!r} is not a number")
    return number


def plain_number(number: float) -> str:
    """The shortest text that reads back as the same number."""
    return repr(number).removesuffix(".0")
