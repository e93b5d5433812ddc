"""What a query says outright: codes, département, région, arrondissement, country, noise."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mapservice.geocoding.matching.gazetteer import Gazetteer
from mapservice.geocoding.matching.normalise import normalise
from mapservice.geocoding.matching.tokens import (
    QueryField,
    QueryToken,
    TokenGap,
    TokenSegment,
    segments,
    tokenise,
)
from mapservice.geocoding.matching.vocabulary import (
    AREA_KINDS,
    COUNTRIES,
    LINKERS,
    MONTHS,
    ROMAN,
    STREET_TYPES,
    WHOLE_WORDS,
)
from mapservice.geocoding.model import GeocodeQuery

_CODE = re.compile(r"2[ab]\d{3}|\d{5}")
_DEPARTEMENT_NUMBER = re.compile(r"2[ab]|\d{2}|9[78]\d")
_ORDINAL = re.compile(r"(\d{1,2})(?:er|e|eme|ieme|nd|nde|de)?")
_CODE_FIELD = re.compile(
    r"(?<![0-9A-Za-z])(2[ABab] ?\d{3}|\d{2} \d{3}|\d{4,5})(?:\.0+)?(?![0-9])", re.ASCII
)
_DEPARTEMENT_WORDS = frozenset(("departement", "dept", "dep", "dpt"))
_ARTICLES = frozenset(("le", "la", "les", "l"))
_AND = frozenset(("et", "ou"))
_LINKERS_BUT_AND = LINKERS - _AND
_BEHIND_AREAS = AREA_KINDS | WHOLE_WORDS
_ARRONDISSEMENT_WORDS = frozenset(("arrondissement", "arrondissements", "arrdt", "arr", "ardt"))
_BOX_WORDS = frozenset(("bp", "cs", "tsa", "boite"))
_FRANCE = frozenset(("france", "fr", "fra", "f"))


@dataclass(frozen=True, slots=True)
class CodeCandidate:
    """Five characters that may be a postcode or an INSEE code. A weak one lost a leading zero."""

    value: str
    position: int
    firm: bool = True


@dataclass(frozen=True, slots=True)
class AreaHint:
    """A département or région that the text gives; a firm one also speaks against others.

    `named` tells a name from a number; words [start, end) hold it, -1 for a field of its own.
    """

    code: str
    firm: bool
    start: int = -1
    end: int = -1
    named: bool = False


@dataclass(slots=True)
class QueryReading:
    """All that was read in one query before any commune is looked for."""

    tokens: list[QueryToken]
    codes: list[CodeCandidate] = field(default_factory=list)
    citycode: str = ""
    context: str = ""
    departements: list[AreaHint] = field(default_factory=list)
    regions: list[AreaHint] = field(default_factory=list)
    arrondissement: int | None = None
    cedex: bool = False
    country: str = ""
    skipped: set[int] = field(default_factory=set)
    segments: list[TokenSegment] = field(default_factory=list)
    has_city_field: bool = False

    @property
    def firm_codes(self) -> list[str]:
        return [code.value for code in self.codes if code.firm]


def read(query: GeocodeQuery, gazetteer: Gazetteer) -> QueryReading:
    """Read a query against the codes and département names that the gazetteer knows."""
    tokens = tokenise(query.text)
    codes: list[CodeCandidate] = []
    # A city in the postcode's field goes where it belongs, and a postcode in the city's.
    for value in filter(None, (query.postcode, query.city)):
        code = _code_in(value)
        if code:
            codes.append(CodeCandidate(code, -1))
            value = _CODE_FIELD.sub(" ", value)
        tokens.extend(tokenise(value, QueryField.CITY))
    tokens = _respelt(tokens, gazetteer)
    reading = QueryReading(tokens, codes, citycode=_code_in(query.citycode), context=query.context)
    reading.has_city_field = any(token.field is QueryField.CITY for token in tokens)
    _read_noise(reading, gazetteer)
    _read_codes(reading, gazetteer)
    _read_departements(reading, gazetteer)
    if query.departement:
        _read_departement_field(reading, query.departement, gazetteer)
    _read_arrondissement(reading)
    outside = {code.position for code in reading.codes if code.firm}
    # Dashes with spaces around may stand inside a name: "Arzacq - Arraziguet".
    bridged = {
        i
        for i, token in enumerate(tokens)
        if token.gap is TokenGap.DASH
        and any(left + right in gazetteer.by_name for left, right in _around(tokens, i))
    }
    reading.segments = segments(tokens, outside, reading.skipped, bridged)
    _read_areas(reading, gazetteer)
    # Where the last segment is a mere département or région, the one before it is the town's.
    areas = {(h.start, h.end) for h in (*reading.departements, *reading.regions) if h.named}
    ends = {s.field: s.end for s in reading.segments if (s.start, s.end) not in areas}
    reading.segments = [
        replace(segment, last=True) if ends.get(segment.field) == segment.end else segment
        for segment in reading.segments
    ]
    return reading


def _respelt(tokens: list[QueryToken], gazetteer: Gazetteer) -> list[QueryToken]:
    """ "Bar / Aube" read as "Bar sur Aube", if there is one, then "Havre (Le)" as "Le Havre"."""
    spelt: list[QueryToken] = []
    for i, token in enumerate(tokens):
        if token.gap is TokenGap.DASH and any(
            f"{left}sur{right}" in gazetteer.by_name for left, right in _around(tokens, i)
        ):
            spelt.append(QueryToken("sur", TokenGap.SPACE, token.field, token.bracketed))
            token = replace(token, gap=TokenGap.SPACE)
        spelt.append(token)
    for i, token in enumerate(spelt):
        if token.word in _ARTICLES and i > 0 and _is_bracketed_alone(spelt, i):
            # The name begins at a clear cut or behind a number.
            start = i - 1
            while not (
                start == 0
                or spelt[start].gap is TokenGap.STRONG
                or spelt[start - 1].word[0].isdigit()
            ):
                start -= 1
            article = replace(token, gap=spelt[start].gap, bracketed=False)
            name = [replace(spelt[start], gap=TokenGap.SPACE), *spelt[start + 1 : i]]
            return [*spelt[:start], article, *name, *spelt[i + 1 :]]
    return spelt


def _around(tokens: list[QueryToken], i: int) -> Iterator[tuple[str, str]]:
    """Compact words that end before a token and those that begin with it, up to four of each."""
    lefts = ["".join(t.word for t in tokens[k:i]) for k in range(max(0, i - 4), i)]
    rights = [
        "".join(t.word for t in tokens[i:k]) for k in range(i + 1, min(len(tokens), i + 4) + 1)
    ]
    return ((left, right) for left in lefts for right in rights)


def _code_in(value: str) -> str:
    """The code that a field holds, its lost zero given back: "1000.0" gives "01000"."""
    found = _CODE_FIELD.search(value[:80])
    return found[1].replace(" ", "").upper().zfill(5) if found else ""


def _read_noise(reading: QueryReading, gazetteer: Gazetteer) -> None:
    """Mark cedex, post-office boxes and the country as words that name no town."""
    tokens = reading.tokens
    for i, token in enumerate(tokens):
        following = tokens[i + 1].word if i + 1 < len(tokens) else ""
        if token.word in ("cedex", "cdx"):
            reading.cedex = True
            reading.skipped.add(i)
            if following.isdigit() and len(following) <= 2:
                reading.skipped.add(i + 1)
        elif token.word in _BOX_WORDS and (following[:1].isdigit() or following == "n"):
            # "BP 12", "CS n° 12".
            reading.skipped.update((i, i + 1))
            if following == "n" and i + 2 < len(tokens) and tokens[i + 2].word[0].isdigit():
                reading.skipped.add(i + 2)
    if len(tokens) < 2:
        reading.country = COUNTRIES.get(tokens[0].word, "") if tokens else ""
        return
    last = tokens[-1]
    if last.word in _FRANCE and last.gap is not TokenGap.HYPHEN:
        # "Île-de-France" ends in no country.
        if "".join(token.word for token in tokens[-3:]) not in gazetteer.region_names:
            reading.skipped.add(len(tokens) - 1)
    elif last.word in COUNTRIES and (last.gap >= TokenGap.DASH or last.bracketed):
        reading.country = COUNTRIES[last.word]


def _read_codes(reading: QueryReading, gazetteer: Gazetteer) -> None:
    """Codes of five signs; only where there is none, spaced ones, then those that lost a zero."""
    tokens, codes = reading.tokens, reading.codes
    for i, token in enumerate(tokens):
        if i not in reading.skipped and _CODE.fullmatch(token.word):
            codes.append(CodeCandidate(token.word.upper(), i))
    if not codes:
        # "35 000 Rennes": two digits, a space, three digits that make a known postcode.
        for i in range(len(tokens) - 1):
            left, right = tokens[i], tokens[i + 1]
            value = left.word + right.word
            is_code = len(left.word) == 2 and right.gap is TokenGap.SPACE and _CODE.fullmatch(value)
            if is_code and value in gazetteer.by_postcode:
                reading.skipped.add(i)
                codes.append(CodeCandidate(value, i + 1))
    if not codes:
        # Four digits that a spreadsheet may have left of a code; a year is none.
        for i, token in enumerate(tokens):
            if len(token.word) != 4 or not token.word.isdigit() or i in reading.skipped:
                continue
            is_year = i > 0 and tokens[i - 1].word in MONTHS
            value = "0" + token.word
            if not is_year and (value in gazetteer.by_postcode or value in gazetteer.by_code):
                codes.append(CodeCandidate(value, i, firm=False))
    # Known ones first.
    codes.sort(
        key=lambda code: (
            code.value not in gazetteer.by_postcode and code.value not in gazetteer.by_code
        )
    )


def _read_departements(reading: QueryReading, gazetteer: Gazetteer) -> None:
    """Département numbers: in brackets or after "dept" firm, alone at an end of the line weak."""
    tokens = reading.tokens
    for i, token in enumerate(tokens):
        code = token.word.upper()
        if i in reading.skipped or code not in gazetteer.departements:
            continue
        if _is_bracketed_alone(tokens, i):
            reading.departements.append(AreaHint(code, True, i, i + 1))
            reading.skipped.add(i)
        elif i > 0 and tokens[i - 1].word in _DEPARTEMENT_WORDS:
            reading.departements.append(AreaHint(code, True, i - 1, i + 1))
            reading.skipped.update((i - 1, i))
        elif not reading.firm_codes and (
            i == len(tokens) - 1 or (i == 0 and tokens[1].word not in STREET_TYPES)
        ):
            reading.departements.append(AreaHint(code, False, i, i + 1))


def _is_bracketed_alone(tokens: list[QueryToken], i: int) -> bool:
    closed = (
        i + 1 == len(tokens) or not tokens[i + 1].bracketed or tokens[i + 1].gap is TokenGap.STRONG
    )
    return tokens[i].bracketed and tokens[i].gap is TokenGap.STRONG and closed


def _read_departement_field(reading: QueryReading, value: str, gazetteer: Gazetteer) -> None:
    """A département's name or number, or a région's name, in a field of its own."""
    spelt = normalise(value)
    numbers = [
        w.upper().zfill(2) for w in spelt.split() if w.upper().zfill(2) in gazetteer.departements
    ]
    compact = spelt.replace(" ", "")
    code = gazetteer.departement_names.get(compact, "") or (numbers[0] if numbers else "")
    if code:
        reading.departements.append(AreaHint(code, True))
    elif compact in gazetteer.region_names:
        reading.regions.append(AreaHint(gazetteer.region_names[compact], True))


def _read_arrondissement(reading: QueryReading) -> None:
    """ "13e arrondissement", "arrondissement 13"; "Paris 13e" is read with the city's name."""
    tokens = reading.tokens
    for i, token in enumerate(tokens):
        if token.word not in _ARRONDISSEMENT_WORDS:
            continue
        for j in (i - 1, i + 1):
            number = ordinal(tokens[j].word) if 0 <= j < len(tokens) else None
            if number:
                reading.arrondissement = number
                reading.skipped.update((i, j))
                return


def ordinal(word: str) -> int | None:
    """1 to 20 written "13", "13e", "13eme", "xiii" or "xiiie"; None for anything else."""
    digits = _ORDINAL.fullmatch(word)
    if digits:
        number = int(digits[1])
        return number if 1 <= number <= 20 else None
    return ROMAN.get(word) or (ROMAN.get(word[:-1]) if word.endswith("e") else None)


def _read_areas(reading: QueryReading, gazetteer: Gazetteer) -> None:
    """Names of départements and régions: a whole segment, or the end of one.

    More of them may stand before it: "Bretagne et Normandie".
    """
    tokens = reading.tokens
    numbers = {hint.start for hint in reading.departements if not hint.named}
    for segment in reading.segments:
        end = segment.end
        # What may stand behind the last name: "Bretagne entière", "Isère 38".
        while end > segment.start and (tokens[end - 1].word in _BEHIND_AREAS or end - 1 in numbers):
            end -= 1
        while end > segment.start:
            start = _read_area(reading, segment, end, gazetteer)
            if start is None:
                break
            # Another name may be listed before this one.
            while start and tokens[start - 1].word in _LINKERS_BUT_AND:
                start -= 1
            end = start - 1 if start and tokens[start - 1].word in _AND else 0


def _read_area(
    reading: QueryReading, segment: TokenSegment, end: int, gazetteer: Gazetteer
) -> int | None:
    """Note the longest area's name that ends there, and tell where it begins; None without one."""
    for start in range(segment.start, min(end, segment.start + 12)):
        tokens = reading.tokens[start:end]
        compact = "".join(token.word for token in tokens)
        firm = tokens[0].bracketed and tokens[0].gap is TokenGap.STRONG
        departement = gazetteer.departement_names.get(compact)
        if departement:
            reading.departements.append(AreaHint(departement, firm, start, end, named=True))
        region = gazetteer.region_names.get(compact)
        if region:
            reading.regions.append(AreaHint(region, firm, start, end, named=True))
        if departement or region:
            return start
    return None
