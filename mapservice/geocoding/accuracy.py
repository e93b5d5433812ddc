"""How often a geocoded file is right, by kind and status, and its misses."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mapservice.errors import InvalidInput
from mapservice.geocoding.model import MatchStatus

EXPECTED_COLUMN = "expected_insee"
# The first of these that a file has tells the kinds apart.
KIND_COLUMNS = ("source", "kind")

Row = Mapping[str, str]


@dataclass(slots=True)
class AccuracyTally:
    """Rows of one kind: how many, and how many with the right first answer, by status."""

    rows: dict[MatchStatus, int] = field(default_factory=dict)
    right: dict[MatchStatus, int] = field(default_factory=dict)

    def add(self, status: MatchStatus, *, is_right: bool) -> None:
        self.rows[status] = self.rows.get(status, 0) + 1
        self.right[status] = self.right.get(status, 0) + is_right

    def line(self, kind: str) -> str:
        total, right = sum(self.rows.values()), sum(self.right.values())
        parts = [f"{kind:<24}{right:>6} of {total:>5} {right / total:>8.2%}"]
        parts += [
            f"{status} {self.right[status]}/{self.rows[status]}"
            for status in MatchStatus
            if self.rows.get(status)
        ]
        return "  ".join(parts)


def accuracy(path: Path) -> Iterator[str]:
    """Lines of the report on a file that `geocode_file` wrote.

    `expected_insee` holds the right codes, separated by `|`. Raises InvalidInput without it.
    """
    with path.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    if not rows or EXPECTED_COLUMN not in rows[0]:
        raise InvalidInput("--report", f"the file has no column {EXPECTED_COLUMN}, or no rows")
    column = next((name for name in KIND_COLUMNS if name in rows[0]), "")
    overall, tallies = AccuracyTally(), dict[str, AccuracyTally]()
    for row in rows:
        status, right = MatchStatus(row["status"]), _is_right(row)
        overall.add(status, is_right=right)
        tallies.setdefault(row.get(column) or "all", AccuracyTally()).add(status, is_right=right)
    yield from (tallies[kind].line(kind) for kind in sorted(tallies))
    yield overall.line("overall")
    for number, row in enumerate(rows, start=1):
        if not _is_right(row):
            asked = row.get("query", "")[:80]
            answer = f"{row['insee'] or 'nothing'} {row['name']}".strip()
            yield f"row {number}: {asked!r} gave {answer} ({row['status']}),"
            yield f"    not {row[EXPECTED_COLUMN]}"


def _is_right(row: Row) -> bool:
    return row["insee"] in row[EXPECTED_COLUMN].split("|")
