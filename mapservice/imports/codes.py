"""Postcodes, INSEE codes and départements as spreadsheets leave them."""

import re

from mapservice.imports.text import folded

DIGITS_ONLY = re.compile(r"([0-9]+)(?:[.,]0+)?")
POSTCODE_WITHIN = re.compile(r"(?<![\dA-Za-z])(?:fr?-? ?)?(\d{5})(?!\d)", re.IGNORECASE | re.ASCII)
INSEE = re.compile(r"(?:[0-9]{2}|2[AB])[0-9]{3}")
SHORT_INSEE = re.compile(r"[1-9][0-9]{3}")
DEPARTEMENT = re.compile(r"(?:dep(?:artement)?\.? )?([0-9]{1,3}|2[ab])(?:\.0+)?(?:\s*[-–:(].*)?")


def bare_number(text: str) -> str:
    """Digits without the spaces inside and the ".0" that a spreadsheet added, else ""."""
    match = DIGITS_ONLY.fullmatch("".join(text.split()))
    return match.group(1) if match else ""


def read_postcode(text: str) -> tuple[str, str]:
    """The five digits of a postcode, and the other words of the cell ("79000 Niort").

    A zero lost at the front is given back. Both are "" where there is no postcode.
    """
    digits = bare_number(text)
    if len(digits) == 5:
        return digits, ""
    if SHORT_INSEE.fullmatch(digits):
        return f"0{digits}", ""
    match = None if digits else POSTCODE_WITHIN.search(text)
    if not match:
        return "", ""
    rest = f"{text[: match.start()]} {text[match.end() :]}".strip(" ,;-()")
    return match.group(1), " ".join(rest.split())


def read_citycode(text: str) -> str:
    """An INSEE code of five signs, its lost zero given back, else ""."""
    compact = "".join(text.split()).upper()
    if INSEE.fullmatch(compact):
        return compact
    digits = bare_number(text)
    if len(digits) == 5:
        return digits
    return f"0{digits}" if SHORT_INSEE.fullmatch(digits) else ""


def read_departement(text: str) -> str:
    """The code of a département where the cell begins with it, else the cell as typed."""
    match = DEPARTEMENT.fullmatch(folded(text).strip())
    return match.group(1).upper().zfill(2) if match else text


def looks_like_code(text: str) -> bool:
    """Whether a cell holds a postcode or an INSEE code rather than a name."""
    return bool(read_citycode(text))
