"""The report on each row of an import, and the file of them for spreadsheets."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path


class RowOutcome(StrEnum):
    """What became of a row.

    `to_review` is saved as well, but its place waits for a person. So is `repeated`, which waits
    for a moderator: it may be the same as another row. `merged` is wholly the same as an earlier
    row of the file, `skipped` no initiative at all: a total, a heading, an empty row.
    `elsewhere` stands here already, from another source. `gone` is no row: what a file lacks that
    is the whole of its source, archived.
    """

    IMPORTED = "imported"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    TO_REVIEW = "to_review"
    REPEATED = "repeated"
    REJECTED = "rejected"
    MERGED = "merged"
    SKIPPED = "skipped"
    ELSEWHERE = "elsewhere"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class RowReport:
    """One line of the report. `reason` says why a row was rejected or waits, or what was mended.

    `territory` is the code of the finest one that is known, of the level `precision` says; `lon`,
    `lat` (EPSG:4326) are the point that is shown, where there is a true one. `status` is that of
    the initiative, "" where nothing is saved: `pending` waits for a moderator. `row` counts
    from 1 and is 0 of what is no row; `line` is that of the sheet, as reasons name rows too.
    """

    row: int
    outcome: RowOutcome
    source_id: str
    title: str
    place: str
    precision: str = ""
    commune: str = ""
    match_status: str = ""
    score: float | None = None
    reason: str = ""
    territory: str = ""
    lon: float | None = None
    lat: float | None = None
    status: str = ""
    line: int = 0


DELIMITER = ";"


def inert(cell: str) -> str:
    """What a spreadsheet would run as a formula, as text: OWASP, "CSV Injection"."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


@contextmanager
def written_report(path: Path) -> Iterator[Callable[[RowReport], None]]:
    """A report on each row, whole or not there."""
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.DictWriter(
            opened, [field.name for field in fields(RowReport)], delimiter=DELIMITER
        )
        writer.writeheader()

        def write(report: RowReport) -> None:
            cells = asdict(report)
            cells |= {
                name: inert(cells[name]) for name in ("title", "place", "reason", "source_id")
            }
            writer.writerow(cells)

        yield write
    draft.replace(path)
