"""Columns confirmed or contradicted by what they hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mapservice.imports.codes import looks_like_code, read_citycode, read_postcode
from mapservice.imports.columns import NOT_OF_A_TITLE, ColumnCandidate, candidates, plain_name
from mapservice.imports.dates import read_date
from mapservice.imports.points import read_number, read_pair
from mapservice.imports.readers.shapes import looks_like_shape
from mapservice.imports.readers.tables import SourceRecord
from mapservice.imports.text import is_placeholder
from mapservice.imports.titles import (
    MOST_LISTED,
    PLAIN_NAMES,
    NamesTerritory,
    could_be_titles,
    no_territory,
    why_no_title,
)
from mapservice.imports.words import read_scale, read_status

Test = Callable[[str], object]


@dataclass(slots=True)
class ColumnAssignment:
    """Roles given so far: column by field, columns refused by field, and what to report.

    `no_titles` says why a column that is named like one holds no titles.
    """

    columns: dict[str, str]
    refused: dict[str, list[str]] = field(default_factory=dict)
    no_titles: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def is_free(self, column: str) -> bool:
        """Whether no field holds the column yet."""
        return column not in self.columns.values()


def _is_number(text: str) -> bool:
    return read_number(text) is not None


def _is_words(text: str) -> bool:
    return not _is_number(text) and not text.startswith(("http://", "https://"))


def _is_name(text: str) -> bool:
    return not looks_like_code(text) and not _is_number(text)


# What most cells of a column must be for its name to be believed.
TESTS: dict[str, Test] = {
    "summary": _is_words,
    "description": _is_words,
    "theme": lambda text: not _is_number(text),
    "status": read_status,
    "scale": read_scale,
    "created_on": read_date,
    "updated_on": read_date,
    "url": lambda text: text.startswith(("http://", "https://", "www.")),
    "address": lambda text: "@" not in text and "://" not in text,
    "city": _is_name,
    "postcode": lambda text: read_postcode(text)[0],
    "citycode": read_citycode,
    "lat": _is_number,
    "lon": _is_number,
    "point": read_pair,
    "shape": looks_like_shape,
}
ENOUGH = 0.5


def assign(
    columns: Sequence[str],
    sample: Sequence[SourceRecord],
    mapping: Mapping[str, str],
    names_territory: NamesTerritory = no_territory,
) -> ColumnAssignment:
    """The column of each field, what was contradicted by its cells, and what to report.

    `mapping` is believed against its cells, which is reported; a field mapped to "" stays without
    a column.
    """
    chosen = ColumnAssignment({name: column for name, column in mapping.items() if column})
    named = candidates(columns)
    for name, options in named.items():
        if name in mapping:
            # A column that was asked for is taken even if its cells speak against it.
            column = chosen.columns.get(name, "")
            values = values_of(column, _distinct(sample)) if column else []
            why = f"holds cells that do not look like {name}"
            if name == "title":
                why = why_no_title(values, names_territory)
            elif not values or share(values, TESTS.get(name, bool)) >= ENOUGH:
                why = ""
            if why:
                chosen.problems.append(f"{column}: taken for {name} as asked, though it {why}")
        elif name == "title":
            _choose_title(chosen, columns, options, sample, names_territory)
        else:
            _choose(chosen, name, options, sample)
    for name in ("lat", "lon"):
        _give(chosen, mapping, name, "point", read_pair, sample)
    _give(chosen, mapping, "address", "point", read_pair, sample)
    _give(chosen, mapping, "point", "shape", looks_like_shape, sample)
    _give(chosen, mapping, "postcode", "city", _is_name, sample)
    _give(chosen, mapping, "citycode", "city", _is_name, sample)
    towns = [option.column for option in named["city"]]
    _give_codes(chosen, mapping, towns, sample)
    # What was not believed, and what became of it.
    doubts = [(column, f"no title, it {why}") for column, why in chosen.no_titles.items()]
    for name, refused in chosen.refused.items():
        doubts += [(column, f"its cells do not look like {name}") for column in refused]
    for column, why in doubts:
        holder = next((key for key, held in chosen.columns.items() if held == column), "")
        outcome = f"read as {holder}" if holder else "not used"
        chosen.problems.append(f"{column}: {why}; {outcome}")
    return chosen


def title_candidates(
    columns: Sequence[str], sample: Sequence[SourceRecord], names_territory: NamesTerritory
) -> list[str]:
    """Columns whose cells could be titles: what a refusal suggests."""
    distinct = _distinct(sample)
    found = [
        column
        for column in columns
        if NOT_OF_A_TITLE.isdisjoint(plain_name(column).split())
        and could_be_titles(values_of(column, distinct), names_territory)
    ]
    return found[:MOST_LISTED]


def _distinct(sample: Sequence[SourceRecord]) -> list[SourceRecord]:
    """Each record once: rows that are repeated whole say nothing of a column."""
    return list({tuple(record.values.values()): record for record in sample}.values())


def _choose_title(
    chosen: ColumnAssignment,
    columns: Sequence[str],
    options: Sequence[ColumnCandidate],
    sample: Sequence[SourceRecord],
    names_territory: NamesTerritory,
) -> None:
    """The surest by name whose cells can be titles; none rather than one that is doubtful."""
    distinct = _distinct(sample)
    of_persons = any(plain_name(column).split()[-1:] == ["prenom"] for column in columns)
    empty = ""
    for option in options:
        if not chosen.is_free(option.column):
            continue
        values = values_of(option.column, distinct)
        is_plain = plain_name(option.column) in PLAIN_NAMES
        why = why_no_title(values, names_territory, is_plain=is_plain)
        if of_persons and plain_name(option.column) == "nom":
            why = "stands beside first names: it holds persons"
        if not values:
            empty = empty or option.column
        elif why:
            chosen.no_titles[option.column] = why
        else:
            chosen.columns["title"] = option.column
            return
    if empty and not chosen.no_titles:
        chosen.columns["title"] = empty


def values_of(column: str, sample: Sequence[SourceRecord]) -> list[str]:
    """The cells of a column that hold something."""
    cells = (record.values.get(column, "").strip()[:500] for record in sample)
    return [cell for cell in cells if cell and not is_placeholder(cell)]


def share(values: Sequence[str], test: Test) -> float:
    """The part of `values` that pass, 0 for none at all."""
    return sum(bool(test(value)) for value in values) / len(values) if values else 0.0


def _choose(
    chosen: ColumnAssignment,
    name: str,
    options: Sequence[ColumnCandidate],
    sample: Sequence[SourceRecord],
) -> None:
    """The first candidate whose cells agree; else the first that is empty in the sample."""
    empty = ""
    for option in options:
        if not chosen.is_free(option.column):
            continue
        values = values_of(option.column, sample)
        # A "type" that says Commune or EPCI is a scale, not a theme.
        is_extent = name == "theme" and share(values, read_scale) >= 0.8
        if not values:
            empty = empty or option.column
        elif share(values, TESTS.get(name, bool)) >= ENOUGH and not is_extent:
            chosen.columns[name] = option.column
            return
        else:
            chosen.refused.setdefault(name, []).append(option.column)
    if empty:
        chosen.columns[name] = empty


def _give(
    chosen: ColumnAssignment,
    mapping: Mapping[str, str],
    refused: str,
    name: str,
    test: Test,
    sample: Sequence[SourceRecord],
) -> None:
    """A column that `refused` could not use goes to `name`, where its cells suit that."""
    for column in chosen.refused.get(refused, []):
        if name in chosen.columns or name in mapping or not chosen.is_free(column):
            continue
        if share(values_of(column, sample), test) >= ENOUGH:
            chosen.columns[name] = column


def _give_codes(
    chosen: ColumnAssignment,
    mapping: Mapping[str, str],
    towns: Sequence[str],
    sample: Sequence[SourceRecord],
) -> None:
    """A town column of five digits holds postcodes (most end in 0) or INSEE codes (few do)."""
    for column in towns:
        values = values_of(column, sample)
        if share(values, looks_like_code) < ENOUGH or not chosen.is_free(column):
            continue
        order = ["citycode", "postcode"]
        if share(values, lambda code: code.endswith("0")) >= ENOUGH:
            order.reverse()
        free = [name for name in order if name not in chosen.columns and name not in mapping]
        if free:
            chosen.columns[free[0]] = column
