"""Columns confirmed, contradicted or told by what they hold."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mapservice.imports.attributes import kind_of
from mapservice.imports.codes import looks_like_code, read_citycode, read_postcode
from mapservice.imports.columns import (
    FORM_MOMENTS,
    NOT_OF_A_TITLE,
    OTHER_MEANINGS,
    PURPOSES,
    QUESTION_RANK,
    ColumnCandidate,
    candidates,
    is_field_name,
    plain_name,
    title_order,
)
from mapservice.imports.dates import read_date
from mapservice.imports.points import in_france, read_number, read_pair
from mapservice.imports.readers.shapes import looks_like_shape
from mapservice.imports.readers.tables import SourceRecord
from mapservice.imports.row_facts import is_day_of_event, is_period
from mapservice.imports.text import is_placeholder
from mapservice.imports.titles import (
    MOST_LISTED,
    PLAIN_NAMES,
    NamesTerritory,
    could_be_titles,
    no_territory,
    why_no_title,
)
from mapservice.imports.words import EPCI_NAME, read_scale, read_status

Test = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What becomes of one column, and why: shown before anything is saved.

    `field` is a field of `SourceRow`, "attribute" for what stays as it is, "" for what holds
    nothing. `kind` is that of an attribute, `doubt` what speaks against the choice, `examples` some
    cells that are not empty.
    """

    column: str
    field: str
    reason: str
    kind: str = ""
    doubt: str = ""
    is_personal: bool = False
    examples: tuple[str, ...] = ()


@dataclass(slots=True)
class ColumnAssignment:
    """Roles given so far: column by field, columns refused by field, and what to report.

    `no_titles` says why a column that is named like one holds no titles, `by_cells` what told the
    column of a field where no name did. `period_start` is named like a day of creation, and begins
    a period.
    """

    columns: dict[str, str]
    refused: dict[str, list[str]] = field(default_factory=dict)
    no_titles: dict[str, str] = field(default_factory=dict)
    no_ids: dict[str, str] = field(default_factory=dict)
    by_cells: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    period_start: str = ""

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
# Of the answers to a question of a form.
FEW_ANSWERS = 0.2


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
            _choose(chosen, name, columns, options, sample)
    for name in ("lat", "lon"):
        _give(chosen, mapping, name, "point", read_pair, sample)
    _give(chosen, mapping, "address", "point", read_pair, sample)
    _give(chosen, mapping, "point", "shape", looks_like_shape, sample)
    _give(chosen, mapping, "postcode", "city", _is_name, sample)
    _give(chosen, mapping, "citycode", "city", _is_name, sample)
    where = chosen.columns.get("address", "")
    if plain_name(where) in ("ou", "where") and "city" not in chosen.columns:
        cells = values_of(where, sample)
        if cells and share(cells, lambda cell: _is_known_town(cell, names_territory)) >= SURE:
            chosen.columns["city"] = chosen.columns.pop("address")
            chosen.by_cells["city"] = BY_CELLS["city"][1]
    if "external_id" not in mapping:
        _refuse_numbering(chosen, sample)
    towns = [option.column for option in named["city"]]
    _give_codes(chosen, mapping, towns, sample)
    choose_by_cells(chosen, columns, mapping, sample, names_territory)
    for name, told in chosen.by_cells.items():
        chosen.problems.append(f"{chosen.columns[name]}: read as {name} by its cells: {told}")
    # What was not believed, and what became of it.
    doubts = [(column, f"no title, it {why}") for column, why in chosen.no_titles.items()]
    doubts += chosen.no_ids.items()
    for name, refused in chosen.refused.items():
        doubts += [(column, f"its cells do not look like {name}") for column in refused]
    for column, why in doubts:
        holder = next((key for key, held in chosen.columns.items() if held == column), "")
        outcome = f"read as {holder}" if holder else "kept as it is"
        outcome = "not kept" if column in chosen.no_ids else outcome
        chosen.problems.append(f"{column}: {why}; {outcome}")
    return chosen


NUMBERING = frozenset({"n", "no", "num", "numero", "numero ligne", "ligne", "rang"})


def _refuse_numbering(chosen: ColumnAssignment, sample: Sequence[SourceRecord]) -> None:
    """ "N°" that counts the rows of its sheet is no id: a row more at the top, and each number is
    another's, with what people have written there since."""
    column = chosen.columns.get("external_id", "")
    if plain_name(column) not in NUMBERING:
        return
    # Of tables in a database it is their key. Between the rows may stand totals and headings.
    cells = values_of(column, [record for record in sample if record.line])
    numbers = [number for one in cells if (number := read_number(one)) is not None]
    is_told = len(numbers) > 1 and len(numbers) >= ENOUGH * len(cells)
    if is_told and numbers == list(range(1, len(numbers) + 1)):
        del chosen.columns["external_id"]
        chosen.no_ids[column] = "counts its rows (1, 2, 3…): no id of their source"


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


def choose_by_cells(
    chosen: ColumnAssignment,
    columns: Sequence[str],
    mapping: Mapping[str, str],
    sample: Sequence[SourceRecord],
    names_territory: NamesTerritory,
) -> None:
    """Fields that no column is named like, by what cells hold, where that leaves no doubt.

    Only what names a place, and the title: a date or a number without a name means nothing.
    """
    free = {
        column: values
        for column in columns
        if chosen.is_free(column)
        and column not in chosen.no_titles
        and OTHER_MEANINGS.isdisjoint(plain_name(column).split())
        and len(values := values_of(column, sample)) >= FEWEST_CELLS
    }
    wanted = [name for name in BY_CELLS if name not in chosen.columns and name not in mapping]
    knows_places = any(name in chosen.columns for name in ("city", "citycode"))
    for name in wanted:
        if name in ("city", "citycode") and knows_places:
            continue
        test, told = BY_CELLS[name]
        fitting = [
            column
            for column, values in free.items()
            if sum(bool(test(cell, names_territory)) for cell in values) >= SURE * len(values)
            and (name != "city" or len(set(values)) > 1)
        ]
        if len(fitting) == 1:
            chosen.columns[name] = fitting[0]
            chosen.by_cells[name] = told
            del free[fitting[0]]
    _choose_axes(chosen, mapping, free)
    if "title" not in chosen.columns and "title" not in mapping and not chosen.no_titles:
        _choose_evident_title(chosen, columns, free, sample, names_territory)


def _is_known_code(cell: str, names_territory: NamesTerritory) -> bool:
    # A round number of thousands is a sum of money: no commune has such a code.
    return looks_like_code(cell) and not cell.endswith("000") and names_territory(cell.strip())


def _is_known_town(cell: str, names_territory: NamesTerritory) -> bool:
    return _is_name(cell) and not EPCI_NAME.match(cell) and names_territory(cell)


def _is_pair_in_france(cell: str, _names: NamesTerritory) -> bool:
    pair = read_pair(cell)
    return pair is not None and (in_france(*pair) or in_france(pair[1], pair[0]))


FEWEST_CELLS = 3
SURE = 0.9
BY_CELLS: dict[str, tuple[Callable[[str, NamesTerritory], object], str]] = {
    "shape": (lambda cell, _names: looks_like_shape(cell), "geometries"),
    "point": (_is_pair_in_france, "pairs of coordinates in France"),
    "citycode": (_is_known_code, "INSEE codes of communes"),
    "city": (_is_known_town, "names of communes"),
}


def _choose_axes(
    chosen: ColumnAssignment, mapping: Mapping[str, str], free: Mapping[str, Sequence[str]]
) -> None:
    """Two columns of degrees that together lie in France, where no other two do."""
    names = ("lat", "lon", "point", "shape")
    if any(name in chosen.columns or name in mapping for name in names):
        return
    degrees = {
        column: numbers
        for column, values in free.items()
        if (numbers := [read_number(cell) for cell in values])
        and all(number is not None for number in numbers)
        and share(values, lambda cell: len(cell.replace(",", ".").partition(".")[2]) >= 3) >= SURE
    }
    pairs = [
        (lat, lon)
        for lat, lats in degrees.items()
        for lon, lons in degrees.items()
        if lat != lon
        and len(lats) == len(lons)
        and all(
            in_france(x, y)
            for x, y in zip(lons, lats, strict=True)
            if x is not None and y is not None
        )
    ]
    if len(pairs) == 1:
        for name, column in zip(("lat", "lon"), pairs[0], strict=True):
            chosen.columns[name] = column
            chosen.by_cells[name] = "degrees that lie in France together with another column"


def _choose_evident_title(
    chosen: ColumnAssignment,
    columns: Sequence[str],
    free: Mapping[str, Sequence[str]],
    sample: Sequence[SourceRecord],
    names_territory: NamesTerritory,
) -> None:
    """The one column of short texts that differ from row to row; none where two could be meant."""
    found = [
        column
        for column in title_candidates(columns, sample, names_territory)
        if column in free
        and kind_of(column) is None
        and REMARKS.isdisjoint(plain_name(column).split())
    ]
    could = [column for column in found if _reads_like_titles(free[column])]
    # Without a header, a column of short names may be who does it or what it is called.
    rivals = [
        column
        for column in found
        if UNNAMED_COLUMN.fullmatch(column)
        and column not in could
        and len(set(free[column])) >= SURE * len(free[column])
    ]
    if len(could) == 1 and not rivals:
        chosen.columns["title"] = could[0]
        chosen.by_cells["title"] = "the only short texts that differ from row to row"


UNNAMED_COLUMN = re.compile(r"colonne \d+")


def _reads_like_titles(values: Sequence[str]) -> bool:
    lengths = sorted(len(value) for value in values)
    # Two words may be a person; a sentence is a remark or a description.
    several_words = share(values, lambda text: len(text.split()) >= 3)
    sentences = share(values, lambda text: text.rstrip().endswith((".", "!")))
    addresses = share(values, ADDRESS.match)
    distinct = len({value.casefold() for value in values}) / len(values)
    return (
        distinct >= SURE
        and 6 <= lengths[len(lengths) // 2] <= 120
        and several_words >= ENOUGH
        and addresses < 0.2
        and sentences < 0.3
    )


REMARKS = frozenset(
    [
        *("observation", "observations", "remarque", "remarques", "note", "notes", "avis", "motif"),
        *("comment", "comments", "commentaire", "commentaires", "reponse", "question", "suivi"),
    ]
)


ADDRESS = re.compile(
    r"\d{1,4}[ ,]|(?:rue|avenue|av\.?|place|boulevard|bd|chemin|route|impasse|quai|all[ée]e|cours"
    r"|square|lieu[- ]dit)\b",
    re.IGNORECASE,
)


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
    for option in title_order(options, columns):
        if not chosen.is_free(option.column):
            continue
        values = values_of(option.column, distinct)
        why = _why_no_title(option.column, values, names_territory, of_persons=of_persons)
        if not values:
            empty = empty or option.column
        elif why:
            chosen.no_titles[option.column] = why
        else:
            chosen.columns["title"] = option.column
            _tell_passed(chosen, options, option, distinct, names_territory)
            return
    if empty and not chosen.no_titles:
        chosen.columns["title"] = empty


def _why_no_title(
    column: str, values: Sequence[str], names_territory: NamesTerritory, *, of_persons: bool
) -> str:
    if of_persons and plain_name(column) == "nom":
        return "stands beside first names: it holds persons"
    # A header that stands in the file once more says nothing about its cells.
    others = [cell for cell in values if plain_name(cell[:200]) != plain_name(column)]
    if len(others) > 1 and share(others, is_field_name) >= ENOUGH:
        return "holds names of columns: the table may lie on its side"
    is_plain = plain_name(column) in PLAIN_NAMES
    return why_no_title(values, names_territory, is_plain=is_plain)


def _tell_passed(
    chosen: ColumnAssignment,
    options: Sequence[ColumnCandidate],
    taken: ColumnCandidate,
    distinct: Sequence[SourceRecord],
    names_territory: NamesTerritory,
) -> None:
    """Says which columns of a surer name were passed over, and why."""
    for option in options[: options.index(taken)]:
        column = option.column
        if chosen.is_free(column) and column not in chosen.no_titles:
            if why := why_no_title(values_of(column, distinct), names_territory):
                chosen.no_titles[column] = why
            else:
                told = f"{taken.column}: taken for title, as {column!r} names who does it"
                if plain_name(column) in PURPOSES:
                    told = f"{taken.column}: taken for title, as {column!r} says what it is for"
                chosen.problems.append(told)


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
    columns: Sequence[str],
    options: Sequence[ColumnCandidate],
    sample: Sequence[SourceRecord],
) -> None:
    """The first candidate whose cells agree; else the first that is empty in the sample."""
    empty = ""
    for option in options:
        if not chosen.is_free(option.column):
            continue
        if name == "created_on" and (
            is_period(option.column, columns) or is_day_of_event(option.column, columns)
        ):
            # The first of the days on which it takes place, not that on which it came to be.
            if share(values_of(option.column, sample), read_date) >= ENOUGH:
                chosen.period_start = chosen.period_start or option.column
            continue
        if (
            name == "created_on"
            and plain_name(option.column) in FORM_MOMENTS
            and name in chosen.refused
        ):
            # Another column asks when it began: this one is when somebody answered.
            continue
        values = values_of(option.column, sample)
        # What is typed into a form is a date, or whatever else somebody has to say.
        enough = FEW_ANSWERS if option.rank[0] == QUESTION_RANK else ENOUGH
        # A "type" that says Commune or EPCI is a scale, not a theme.
        is_extent = name == "theme" and share(values, read_scale) >= 0.8
        if not values:
            empty = empty or option.column
        elif share(values, TESTS.get(name, bool)) >= enough and not is_extent:
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
