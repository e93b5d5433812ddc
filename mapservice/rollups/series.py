"""Figures by communes of any year → by today's communes, a CSV file at a time."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from mapservice.errors import InvalidInput, SourceError
from mapservice.geocoding.csv_dialect import CsvDialectHints, CsvTable
from mapservice.territories.lineage.model import CommuneLineage

REBASED_COLUMNS = ("code", "name")
# A sum is of today's commune; the others keep the code that they had, and their figures.
OPEN_COLUMNS = ("status", "candidates")


@dataclass(frozen=True, slots=True)
class SeriesColumns:
    """Which columns hold what. `year`: of the official code, as on 1 January; None: each code means
    what it meant when it was last in use."""

    code: str
    values: tuple[str, ...]
    year: int | None = None


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """Figures of one commune of today, or of a code that no one of them can claim.

    `status` is sum, split (with its heirs as candidates) or unknown.
    """

    code: str
    name: str
    sums: tuple[Decimal, ...]
    status: str
    candidates: tuple[str, ...] = ()


def rebase_file(
    lineage: CommuneLineage, source: Path, series: SeriesColumns, target: Path
) -> list[SeriesLine]:
    """Writes a row for each commune of today, then the codes that remain open; returns the latter.

    The figures of a commune that was split are not shared out (see `CommuneLineage.rebase`), so the
    columns of the target sum up to those of the source. Raises InvalidInput, SourceError.
    """
    try:
        with source.open("rb") as opened:
            table = CsvTable.read(opened, source.name, CsvDialectHints())
            lines = list(rebased(lineage, _read(table, series), series.year))
    except OSError as error:
        raise SourceError(f"{source.name} cannot be read: {error.strerror}") from None
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([*REBASED_COLUMNS, *series.values, *OPEN_COLUMNS])
        for line in lines:
            figures = [format(figure, "f") for figure in line.sums]
            candidates = "|".join(line.candidates)
            writer.writerow([line.code, line.name, *figures, line.status, candidates])
    return [line for line in lines if line.status != "sum"]


def rebased(
    lineage: CommuneLineage, rows: Iterable[tuple[str, tuple[Decimal, ...]]], year: int | None
) -> Iterator[SeriesLine]:
    """Rows of one code are summed first; today's communes come in the order of their codes."""
    on = date(year, 1, 1) if year else None
    given: dict[str, tuple[Decimal, ...]] = {}
    for code, values in rows:
        given[code] = _plus(given.get(code), values)
    sums: dict[str, tuple[Decimal, ...]] = {}
    names: dict[str, str] = {}
    still_open: dict[str, SeriesLine] = {}
    for code, values in given.items():
        heirs = lineage.successors(code, on)
        if len(heirs) == 1:
            names[heirs[0].code] = heirs[0].name
            sums[heirs[0].code] = _plus(sums.get(heirs[0].code), values)
        else:
            known = lineage.resolve(code, on)
            still_open[code] = SeriesLine(
                code,
                known.name if known else "",
                values,
                "split" if heirs else "unknown",
                tuple(commune.code for commune in heirs),
            )
    for code in sorted(sums):
        yield SeriesLine(code, names[code], sums[code], "sum")
    yield from (still_open[code] for code in sorted(still_open))


def _plus(left: tuple[Decimal, ...] | None, right: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
    return tuple(a + b for a, b in zip(left, right, strict=True)) if left else right


def _read(table: CsvTable, series: SeriesColumns) -> Iterator[tuple[str, tuple[Decimal, ...]]]:
    """Code and figures of each row; an empty cell counts for nothing."""
    code = table.position(series.code, "--column")
    places = [table.position(name, "--value") for name in series.values]
    for number, row in enumerate(table.rows(), start=1):
        figures = []
        for place in places:
            try:
                figure = Decimal("".join(row[place].split()).replace(",", ".") or "0")
            except InvalidOperation:
                figure = Decimal("NaN")
            if not figure.is_finite():
                raise InvalidInput(
                    table.columns[place], f"row {number}: {row[place][:40]!r} is no number"
                )
            figures.append(figure)
        yield row[code].strip().upper().zfill(5), tuple(figures)
