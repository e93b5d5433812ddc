"""Which single-byte encoding a French text is in, judged by how plausibly it reads.

UTF-8 proves itself, byte by byte; single bytes prove nothing: the é of Mac Roman is a Ž of CP1252
and an Ä of CP850. Every place in the file where UTF-8 fails is read in each encoding and weighed
with the letters around it. charset-normalizer 3.5 was tried first, on 216 French texts of 5 to
40,000 signs: it read 119 right, for want of length above all; this reads all of them
(`tests/imports/test_reading_encodings.py`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Python's names, the likelier first: where two read alike, the first one is meant.
SINGLE_BYTE = ("cp1252", "mac_roman", "cp850", "iso8859_15")
DEFAULT = SINGLE_BYTE[0]
# That many places tell; a file has more of the same.
MAX_PLACES = 4_000
HIGH_BYTES = re.compile(rb"[\x80-\xff]")

# How often French uses a letter decides little; that it does use it, much.
_LETTERS = {
    **dict.fromkeys("éèàêçôîûâùïëœ", 10),
    **dict.fromkeys("ÉÈÀÇÊÔÎÂÙŒ", 8),
    **dict.fromkeys("ÿüöäñáíóúæãõßøåÛÏËÜÖÄÆÑÁ", 2),
}
_QUOTES = frozenset("’‘“”«»–—…•€°№²³½¼©®™·")
_SPACES = frozenset("\u00a0\u202f")
# A diaeresis parts a vowel from the one before it; â, ê and ô stand for a lost s.
_VOWELS = frozenset("aeiou")
_IMPLAUSIBLE = -12


@dataclass(frozen=True, slots=True)
class EncodingGuess:
    """The encoding of the lines that are no UTF-8; `rival` where another reads as well.

    `mixed`: other lines of the file are UTF-8.
    """

    encoding: str
    rival: str = ""
    mixed: bool = False

    def __str__(self) -> str:
        among = "UTF-8, some lines " if self.mixed else ""
        doubt = f" (in doubt: it reads as well in {self.rival})" if self.rival else ""
        return f"{among}{self.encoding}{doubt}"


def guess(lines: Iterable[bytes]) -> EncodingGuess | None:
    """That of a file's lines, None where all of them are UTF-8."""
    scores = dict.fromkeys(SINGLE_BYTE, 0)
    places = 0
    mixed = False
    for line in lines:
        if line.isascii():
            continue
        if is_utf8(line):
            mixed = True
            continue
        for encoding in SINGLE_BYTE:
            scores[encoding] += plausibility(line, encoding)
        places += len(HIGH_BYTES.findall(line))
        if places >= MAX_PLACES:
            break
    if not places:
        return None
    first, second = sorted(SINGLE_BYTE, key=lambda name: -scores[name])[:2]
    is_close = scores[second] > 0 and scores[first] - scores[second] < 4
    same = {first, second} == {"cp1252", "iso8859_15"}  # alike but for eight signs
    return EncodingGuess(first, second if is_close and not same else "", mixed)


def is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def plausibility(line: bytes, encoding: str) -> int:
    """The higher, the more a line reads like French in this encoding."""
    text = line.decode(encoding, "replace")
    return sum(
        _plausible(text[i - 1] if i else " ", text[i], text[i + 1] if i + 1 < len(text) else " ")
        for i in range(len(text))
        if not text[i].isascii()
    )


def _plausible(before: str, sign: str, after: str) -> int:
    within = before.isalpha() and after.isalpha()
    if sign == "’":
        return 6 if within else 1
    if sign in _SPACES:
        return -2 if within else 3
    if sign in _QUOTES:
        return -8 if within else 3
    if sign not in _LETTERS:
        return _IMPLAUSIBLE
    # A capital within small letters, or the reverse, is a misreading.
    weight = _LETTERS[sign]
    if sign.isupper():
        if before.isalpha() and before.islower():
            return _IMPLAUSIBLE
        return weight if after.isalpha() or before.isalpha() else weight // 2
    if after.isalpha() and after.isupper():
        return _IMPLAUSIBLE
    if not before.isalpha() and not after.isalpha():
        return weight if sign == "à" else -4
    if before.lower() in _VOWELS and sign in "âêô":
        return -4
    return weight + (3 if before.lower() in _VOWELS and sign in "ëï" else 0)
