"""What a whole file says of its territory: arrondissements of one city, bearers as places."""

import re
from collections.abc import Iterator, Mapping, Sequence

from mapservice.imports.codes import bare_number
from mapservice.imports.column_evidence import share, values_of
from mapservice.imports.readers.tables import SourceRecord
from mapservice.imports.text import words_of
from mapservice.imports.words import read_scale

PARIS, MARSEILLE, LYON = "75056", "13055", "69123"
# Number of municipal arrondissements (INSEE).
ARRONDISSEMENTS = {PARIS: 20, MARSEILLE: 16, LYON: 9}
CITY_WORDS = {"paris": PARIS, "parisien": PARIS, "marseille": MARSEILLE, "lyon": LYON}
# INSEE and postal codes of the arrondissements of each city.
CODE_STARTS = {
    "751": PARIS, "750": PARIS, "132": MARSEILLE, "130": MARSEILLE, "6938": LYON, "6900": LYON
}  # fmt: skip
ARRONDISSEMENT = re.compile(
    r"(?:(?:paris|lyon|marseille) )?(\d{1,2}) ?(?:er?|eme|e|nd|ieme)?(?: arr[a-z]*)?", re.ASCII
)
PLACE_FIELDS = ("city", "citycode", "postcode", "address")

PUBLIC_BODY = re.compile(
    r"(?:commune|mairie|ville|cc|ca|cu|communaute|metropole|epci|petr|syndicat|departement"
    r"|region|conseil)\b"
)


def arrondissement_number(text: str) -> tuple[int | None, str]:
    """The number of an arrondissement cell, and its code where it is written as one.

    "12", "12e", "Paris 12e" and "12ème arrondissement" give 12; "75112" (INSEE) gives 12 and
    "75112", "75012" (postal) gives 12 alone.
    """
    digits = bare_number(text)
    start = next((start for start in CODE_STARTS if digits.startswith(start)), "")
    if len(digits) == 5 and start:
        is_insee = start in ("751", "132", "6938")
        return int(digits[len(start) :]), digits if is_insee else ""
    match = ARRONDISSEMENT.fullmatch(words_of(digits or text))
    return (int(match.group(1)), "") if match else (None, "")


def context_commune(
    columns: Mapping[str, str], records: Iterator[SourceRecord], file_stem: str
) -> str:
    """The one commune that all rows of a file can only belong to, else "".

    Only a file without a town is judged. Arrondissements past Marseille's 16 are those of
    Paris; below that, the codes or the name of the file have to tell.
    """
    column = columns.get("arrondissement", "")
    if not column or "city" in columns or "citycode" in columns:
        return ""
    cells = [record.values.get(column, "").strip()[:60] for record in records]
    filled = [cell for cell in cells if cell]
    if not filled:
        return ""
    # By INSEE or postal codes, where all cells hold those of one city.
    digits = [bare_number(cell) for cell in filled]
    coded = {
        next((city for start, city in CODE_STARTS.items() if code.startswith(start)), "")
        if len(code) == 5
        else ""
        for code in digits
    }
    if len(coded) == 1 and coded != {""}:
        return coded.pop()
    # By numbers, and the name of the file.
    numbers = [arrondissement_number(cell)[0] for cell in filled]
    within = [number for number in numbers if number and number <= ARRONDISSEMENTS[PARIS]]
    if len(within) < 0.9 * len(numbers) or not within:
        return ""
    if max(within) > ARRONDISSEMENTS[MARSEILLE]:
        return PARIS
    named = {CITY_WORDS[word] for word in words_of(file_stem).split() if word in CITY_WORDS}
    city = named.pop() if len(named) == 1 else ""
    return city if city and max(within) <= ARRONDISSEMENTS[city] else ""


def bearer_is_place(columns: Mapping[str, str], sample: Sequence[SourceRecord]) -> bool:
    """Whether the bearers of projects are themselves the places: public bodies, no address."""
    column = columns.get("bearer", "")
    if not column or any(name in columns for name in PLACE_FIELDS):
        return False
    profiles = values_of(columns.get("scale", ""), sample)
    bodies = [words_of(bearer) for bearer in values_of(column, sample)]
    return share(profiles, read_scale) >= 0.5 or share(bodies, PUBLIC_BODY.match) >= 0.5


def names_a_place(bearer: str, profile: str) -> bool:
    """False for a bearer that only repeats its kind ("SEM", "Association")."""
    return bool(bearer) and words_of(bearer) != words_of(profile[:300])
