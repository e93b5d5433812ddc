"""Figures of territories as a table file: the same columns as CSV and as XLSX."""

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np

from mapservice.dashboards.group_event_queries import GatheringFigures
from mapservice.dashboards.model import AreaFigures, Floats, SilenceKind, SilentAreas

Cell = str | int | float | None

COLUMNS = (
    "code",
    "name",
    "population",
    "initiatives",
    "per_10000_inhabitants",
    "supporters",
    "supports_with_commune",
    "supports_local",
    "new_90_days",
    "new_same_90_days_last_year",
    "communes",
    "silent_communes",
    "months_since_last",
    "expected",
    "expected_low",
    "expected_high",
    "silence",
    "beyond_chance",
    "undated",
    "population_year",
    "partial",
    "known_to_the_whole_epci_alone",
    "groups",
    "events_coming",
    "events_past",
)


def rows(
    areas: AreaFigures,
    names: Sequence[str],
    silence: SilentAreas | None,
    gatherings: GatheringFigures,
) -> Iterator[tuple[Cell, ...]]:
    """A row a territory; what is not known is None. `gatherings` are of the same territories."""
    blank: list[Cell] = [None] * len(areas)
    expected: list[Sequence[Cell]] = [blank] * 5
    if silence is not None:
        kinds = list(blank)
        for kind in SilenceKind:
            for at in silence.at[kind]:
                kinds[at] = str(kind)
        limits = silence.sisters.limits(areas.population)
        beyond: list[Cell] = [int(told) for told in silence.telling]
        mean = _floats(np.round(limits.mean, 2))
        expected = [mean, limits.low.tolist(), limits.high.tolist(), kinds, beyond]
    columns: list[Sequence[Cell]] = [
        areas.codes,
        names,
        [None if people < 0 else people for people in areas.population.tolist()],
        areas.initiatives.tolist(),
        _floats(areas.rate),
        blank if areas.supporters is None else areas.supporters.tolist(),
        blank if areas.told is None else areas.told.tolist(),
        blank if areas.local is None else areas.local.tolist(),
        areas.recent.tolist(),
        areas.before.tolist(),
        blank if areas.communes is None else areas.communes.tolist(),
        blank if areas.silent is None else areas.silent.tolist(),
        blank if areas.months is None else _floats(areas.months),
        *expected,
        blank if areas.undated is None else areas.undated.tolist(),
        blank if areas.year is None else [year or None for year in areas.year.tolist()],
        [0] * len(areas) if areas.partial is None else areas.partial.astype(int).tolist(),
        [0] * len(areas) if areas.epci_alone is None else areas.epci_alone.tolist(),
        gatherings.groups.tolist(),
        gatherings.events_coming.tolist(),
        gatherings.events_past.tolist(),
    ]
    return zip(*columns, strict=True)


def to_csv(lines: Iterator[tuple[Cell, ...]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(lines)
    return out.getvalue().encode()


def to_xlsx(lines: Iterator[tuple[Cell, ...]], title: str) -> bytes:
    """One sheet; text stays text, codes with a leading zero too, and formulas are never made."""
    import xlsxwriter  # its 13 MB are loaded when the first workbook is asked for

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        # Excel refuses some signs in the name of a sheet, and more than 31 of them.
        name = "".join(" " if sign in "[]:*?/\\" else sign for sign in title)[:31].strip("'")
        sheet = book.add_worksheet(name or "1")
        sheet.freeze_panes(1, 2)
        sheet.set_column(1, 1, 32)
        sheet.write_row(0, 0, COLUMNS, book.add_format({"bold": True}))
        held = list(lines)
        for number, line in enumerate(held, start=1):
            sheet.write_row(number, 0, line)
        sheet.autofilter(0, 0, len(held), len(COLUMNS) - 1)
    return out.getvalue()


def _floats(values: Floats) -> list[Cell]:
    """None for NaN."""
    return [None if value != value else value for value in values.tolist()]
