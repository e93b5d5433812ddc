"""One spelling for every way of writing a French place name, and a key for how it sounds."""

import re
import unicodedata

MAX_LENGTH = 400
"""Characters kept of a query: of a longer one its head and, mostly, its tail, where towns stand."""

_LIGATURES = str.maketrans(
    {"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "đ": "d", "ł": "l", "ı": "i"}
    | dict.fromkeys("’‘ʼ`´′ʹ＇‛", "'")
    | dict.fromkeys("‐‑‒–—―−﹣－", "-")
)
_MARKS = re.compile(
    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_ASCII = re.compile(r"[\x00-\x7f]*")
# Few letters belong to the number before them ("13eme", "12bis"), more of them do not ("44Nantes").
_WORD = re.compile(
    r"2[ab]\d{3}(?!\d)|\d{5}(?!\d)|\d+(?!\d)[a-z]{0,4}(?![a-z])|\d+(?!\d)|[a-z]+",
    re.ASCII,  # the digits of other scripts are in no name and no code
)
_NOTRE_DAME = re.compile(r"\bn\. ?d\b\.?")
_ABBREVIATIONS = {
    "st": ("saint",),
    "ste": ("sainte",),
    "sts": ("saints",),
    "stes": ("saintes",),
    "s": ("sur",),
    "ss": ("sous",),
    "lez": ("les",),
    "mt": ("mont",),
    "mts": ("monts",),
    "nd": ("notre", "dame"),
    "pce": ("provence",),
}


def fold(text: str) -> str:
    """Lower case, no accents or ligatures; punctuation stays, dashes and apostrophes unified."""
    folded = _shorten(text)
    if _ASCII.fullmatch(folded):
        folded = folded.lower().replace("`", "'")
    else:
        plain = folded.lower().translate(_LIGATURES)
        decomposed = unicodedata.normalize("NFKD", plain)
        folded = _shorten(_MARKS.sub("", decomposed).lower().translate(_LIGATURES))
    return _NOTRE_DAME.sub("nd", folded) if "n." in folded else folded


def _shorten(text: str) -> str:
    if len(text) <= MAX_LENGTH:
        return text
    head = MAX_LENGTH // 4
    return f"{text[:head]} {text[head + 1 - MAX_LENGTH :]}"


def words(folded: str) -> list[tuple[str, int, int]]:
    """The words of a folded text, each with its place (start, end) in it, abbreviations spelt out.

    A slash between two letters reads "sur" ("Chalon/Saône"), as does a lone "s" ("s/Saône").
    """
    found: list[tuple[str, int, int]] = []
    for match in _WORD.finditer(folded):
        start, end = match.span()
        if found and start - found[-1][2] == 1 and folded[start - 1] == "/":
            before = found[-1][0]
            if before not in ("sur", "sous") and before.isalpha() and folded[start].isalpha():
                found.append(("sur", start, start))
        spelt_out = _ABBREVIATIONS.get(match[0]) or (match[0],)
        found.extend((word, start, end) for word in spelt_out)
    return found


def normalise(text: str) -> str:
    """Lower-case ASCII words apart by one space: "Chalon s/ Saône" gives "chalon sur saone"."""
    return " ".join(word for word, _, _ in words(fold(text)))


# Rules in order: spelling that French does not sound, longest first.
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"[^a-z]", ""),
        (r"saint(?=[^e])", "sin"),
        (r"eaux?", "o"),
        (r"aux?", "o"),
        (r"(?<=[a-z])(?:ault|aud|aut|ot|os|op|oz)$", "o"),
        (r"oeu|eu", "e"),
        (r"ph", "f"),
        (r"sch|sh|tch", "ch"),
        (r"qu|q|k|c(?=[aourltbdmns])|ck|cc(?=[aou])", "k"),
        (r"ch", "x"),
        (r"sc(?=[eiy])|c(?=[eiy])|[cs]s|ti(?=on)", "s"),
        (r"gu(?=[eiy])", "g"),
        (r"g(?=[eiy])", "j"),
        (r"gn", "n"),
        (r"y|ill|ll(?=[aeiou])", "i"),
        (r"h|w", ""),
        (r"z", "s"),
        (r"ei(?=[nm])|ai(?=[nm])", "i"),
        (r"ai|ei|er$|ez$|et$|ee?s?$|es$", "e"),
        (r"e[nm](?=[^aeiou]|$)", "an"),
        (r"a[m](?=[bp])", "an"),
        (r"o[m](?=[bp])", "on"),
        (r"([a-z])\1+", r"\1"),
        (r"(?<=[a-z]{2})[tdspxe]+$", ""),
    )
)


def phonetic(text: str) -> str:
    """How a name sounds in French, roughly: "Pierreffitte" and "Pierrefite" share one key."""
    key = normalise(text).replace(" ", "")
    for pattern, sound in _SOUNDS:
        key = pattern.sub(sound, key)
    return key
