"""The report on each row of an import, as a file for spreadsheets."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

from mapservice.imports.service import RowReport


@contextmanager
def written_report(path: Path) -> Iterator[Callable[[RowReport], None]]:
    """A report on each row, whole or not there."""
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.DictWriter(opened, [field.name for field in fields(RowReport)], delimiter=";")
        writer.writeheader()

        def write(report: RowReport) -> None:
            cells = asdict(report)
            # What a spreadsheet would run: OWASP, "CSV Injection".
            for name in ("title", "place", "reason", "source_id"):
                if str(cells[name]).startswith(("=", "+", "-", "@", "\t", "\r")):
                    cells[name] = f"'{cells[name]}"
            writer.writerow(cells)

        yield write
    draft.replace(path)
