"""Rows of a table that are no record: totals, headings of groups, the header again, blank ones."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from mapservice.imports.points import read_number
from mapservice.imports.readers.tables import SourceRecord
from mapservice.imports.text import folded, is_placeholder, words_of

TOTAL = re.compile(r"(?:sous |sub )?tota(?:l|ux)(?: genera(?:l|ux))?|grand total|subtotal|totals")
# Words that also begin titles: believed only beside numbers and nothing else.
SUM = re.compile(r"ensemble|somme|cumul|moyenne|nombre total|sum|average")
# Without one of these no label is any of them.
OF_A_TOTAL = re.compile("tota|ensemble|somme|cumul|moyenne|sum|average")
OF_A_GROUP = re.compile(rf"(?:{TOTAL.pattern})(?: d| de| des| du| par| pour| of| for| \w+)?\b.*")
# What a form says of its own columns: "(obligatoire)", "[liste]", "ex. : Rennes", "en €".
EXPLANATION = re.compile(
    r"\s*(?:\(.*\)\*?|\[.*\]|(?:ex(?:emple)?|par exemple|e\.g|example)\s*[.:]+.*"
    r"|en (?:k?€|euros?|%|jours|heures|m²|km|ha)\b.*|obligatoire|facultatif|texte libre"
    r"|(?:au )?format\b.*|(?:jj|dd)/mm/(?:aaaa|yyyy)|liste d[eé]roulante|oui ?/ ?non)\s*",
    re.IGNORECASE,
)
NOTE = re.compile(r"\s*(?:sources?|champ|notes?|lecture|nb|legende)\s*:", re.IGNORECASE)
# What a sum is of: money, people, or the rows themselves ("25 initiatives").
UNIT = re.compile(
    r"k?€|%|\$|euros?\b|eur\b|hab\b"
    r"|\b(?:initiative|projet|action|ligne|dossier|structure|association|participant)s?\b",
    re.IGNORECASE,
)
# In a table that is as wide as that, a row of one cell is a heading or a note.
WIDE = 4
# Signs by which a header that is repeated may differ from itself: spaces, points.
LOOSELY = 8
TEXT_FIELDS = ("description", "summary", "address", "url")

# Of schema.org, in JSON-LD.
PERSON_TYPES = frozenset({"Person", "https://schema.org/Person", "http://schema.org/Person"})


@dataclass(frozen=True, slots=True)
class RowHabits:
    """How the rows of a file are usually filled: columns by field, and how many cells."""

    columns: Mapping[str, str]
    filled: float

    @classmethod
    def of(cls, columns: Mapping[str, str], sample: Sequence[SourceRecord]) -> "RowHabits":
        counts = [filled for record in sample if (filled := len(_filled(record))) > 1]
        return cls(columns, median(counts) if counts else 0)


def why_no_record(record: SourceRecord, habits: RowHabits) -> str:
    """Why a row cannot become an initiative, or ""."""
    cells = _filled(record)
    if record.point or record.shape or record.rejected:
        return ""
    if not any(cell.strip() for cell in record.values.values()):
        return "an empty row"
    if not cells:
        return ""
    # Most cells are longer than the name of their column, or shorter: not worth reading.
    same = sum(
        abs(len(cell) - len(column)) <= LOOSELY and words_of(cell[:200]) == _words_of_column(column)
        for column, cell in cells.items()
    )
    if same >= 2 and same >= 0.6 * len(cells):
        return "the header once more"
    explained = sum(EXPLANATION.fullmatch(cell) is not None for cell in cells.values())
    if explained >= 2 and explained >= 0.6 * len(cells):
        return "explains the columns: not an initiative"
    if _is_total(cells, habits.columns):
        return "a row of totals"
    if record.values.get("@type", "").rpartition(":")[2] in PERSON_TYPES:
        return "describes a person: not an initiative"
    width = len(record.values)
    is_note = width > 1 and any(NOTE.match(cell) for cell in cells.values())
    if len(cells) == 1 and (is_note or (width >= WIDE and habits.filled >= WIDE)):
        return "nothing but one cell: a heading or a note, not an initiative"
    return ""


@lru_cache(maxsize=2_000)
def _words_of_column(column: str) -> str:
    return words_of(column)


def _filled(record: SourceRecord) -> dict[str, str]:
    return {
        column: cell
        for column, cell in record.values.items()
        if cell and not cell.isspace() and not is_placeholder(cell)
    }


def _is_total(cells: Mapping[str, str], columns: Mapping[str, str]) -> bool:
    """By a word for it, where all else are numbers or nothing speaks of an initiative."""
    if all(columns.get(name) in cells for name in ("lon", "lat")):
        return False
    if not OF_A_TOTAL.search(folded(" ".join(cell[:80] for cell in cells.values()))):
        return False
    # The words of a cell without the number that may follow ("TOTAL : 200").
    words = {column: re.sub(r"[\d ]+$", "", words_of(cell[:80])) for column, cell in cells.items()}
    totals = [column for column, label in words.items() if TOTAL.fullmatch(label)]
    sums = [column for column, label in words.items() if SUM.fullmatch(label)]
    groups = [column for column, label in words.items() if OF_A_GROUP.fullmatch(label)]
    texts = [
        column
        for column, cell in cells.items()
        if column not in (*totals, *sums) and not _is_number(cell)
    ]
    numbers = len(cells) - len(texts) - len(totals) - len(sums)
    title = columns.get("title", "")
    untitled = title not in cells or _is_number(cells[title])
    says_more = any(columns.get(name) in texts for name in TEXT_FIELDS)
    if totals and (not texts or (not says_more and (untitled or title in totals))):
        return True
    if groups and numbers and set(texts) <= set(groups):
        return not any(columns.get(name) in cells for name in ("postcode", "citycode"))
    if groups and numbers and untitled and not says_more:
        return True
    named = any(columns.get(name) in cells for name in ("postcode", "citycode", "city"))
    return bool(sums and numbers and not texts and not named)


def _is_number(cell: str) -> bool:
    return read_number(UNIT.sub("", cell)) is not None
