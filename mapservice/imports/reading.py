"""Any messy file of initiatives read as `SourceRow`s; placing and saving come after."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from mapservice.errors import SourceError
from mapservice.imports.column_evidence import ColumnAssignment, assign, title_candidates
from mapservice.imports.columns import check_mapping, count_recognised, seen_columns
from mapservice.imports.leftovers import RowHabits
from mapservice.imports.points import (
    FrenchProjection,
    Pair,
    choose_projection,
    read_number,
    read_pair,
)
from mapservice.imports.readers.content import FileContent, format_of, load_content
from mapservice.imports.readers.delimited import read_delimited
from mapservice.imports.readers.geojson import read_geojson
from mapservice.imports.readers.geopackage import read_geopackage
from mapservice.imports.readers.shapes import first_vertex, read_shape
from mapservice.imports.readers.tables import SourceRecord, SourceTable
from mapservice.imports.rows import RowReader, read_rows
from mapservice.imports.territory import bearer_is_place, context_commune
from mapservice.imports.text import words_of
from mapservice.imports.titles import NamesTerritory, no_territory
from mapservice.initiatives.model import SourceRow

SAMPLED_ROWS = 2_000
SAMPLED_POINTS = 500
# A row needs one of these for its title.
TITLE_SOURCES = ("title", "summary", "description")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of initiatives, opened and understood, its rows not yet read.

    `columns` gives the column of each recognised field (the fields of `SourceRow`, and
    `point`, `bearer`). `platform` is a name for the source, from the file's. `context_commune`
    is the INSEE code of the commune that every row belongs to where the file as a whole tells
    (a list of Paris's arrondissements without a town column), else "": no other commune may be
    taken from an address then. `problems` are those of the file; each row has its own. `encoding`
    and `separator` say how a text was read, `unused` which columns no field took.
    """

    platform: str
    columns: Mapping[str, str]
    total: int
    problems: tuple[str, ...]
    context_commune: str
    encoding: str
    separator: str
    unused: tuple[str, ...]
    _table: SourceTable
    _reading: RowReader

    @property
    def may_have_points(self) -> bool:
        """False for a delimited text without a column for them."""
        return not self.separator or not {"lat", "lon", "point", "shape"}.isdisjoint(self.columns)

    @property
    def rows(self) -> Iterator[SourceRow]:
        """The rows from the first one, read as they are asked for.

        Raises SourceError if the file changes or breaks underneath.
        """
        return read_rows(self._table, self._reading)


def read_file(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    names_territory: NamesTerritory = no_territory,
) -> SourceFile:
    """Open a CSV, GeoJSON, GeoJSONSeq or GeoPackage file, also within gzip or zip.

    `mapping` names the column of a field ({"title": "Intitulé"}); "" leaves a field out.
    `names_territory` tells names of territories from titles.
    Raises InvalidInput for a mapping that does not fit the file and SourceError, naming the
    part at fault, for a file that cannot be read.
    """
    content = load_content(path)
    table = _open_table(content, mapping or {})
    chosen = check_mapping(mapping or {}, table.columns)
    sample = list(islice(table.records(), SAMPLED_ROWS))
    roles = assign(table.columns, sample, chosen, names_territory)
    columns = roles.columns
    _require_title(content.name, table.columns, roles, sample, names_territory)
    platform = _platform(path)
    projection = _projection(columns, sample)
    reading = RowReader(
        columns=columns,
        projection=projection,
        context_commune=context_commune(columns, table.records(), platform),
        bearer_is_place=bearer_is_place(columns, sample),
        habits=RowHabits.of(columns, sample),
    )
    used = set(columns.values())
    return SourceFile(
        platform=platform,
        columns=columns,
        total=table.total,
        problems=(*table.problems, *roles.problems, *_decisions(reading)),
        context_commune=reading.context_commune,
        encoding=content.encoding,
        separator=table.separator,
        unused=tuple(column for column in table.columns if column not in used),
        _table=table,
        _reading=reading,
    )


def _open_table(content: FileContent, mapping: Mapping[str, str]) -> SourceTable:
    match format_of(content):
        case "gpkg":
            return read_geopackage(content, partial(_has_title, mapping))
        case "json":
            return read_geojson(content)
        case "csv":
            return read_delimited(content, count_recognised)


def _has_title(mapping: Mapping[str, str], columns: Sequence[str]) -> bool:
    """Whether a layer has a title by its columns' names, or the one that `mapping` asks for."""
    return mapping.get("title") in columns or "title" in assign(columns, [], {}).columns


def _require_title(
    name: str,
    columns: Sequence[str],
    roles: ColumnAssignment,
    sample: Sequence[SourceRecord],
    names_territory: NamesTerritory,
) -> None:
    """Refuses a file without a column for the title, and one whose only ones hold something else.

    Where no column is named like a title, the first words of a description may stand in for it.
    """
    if "title" in roles.columns:
        return
    if not roles.no_titles and any(source in roles.columns for source in TITLE_SOURCES):
        return
    doubts = "".join(f"; {column!r} {why}" for column, why in roles.no_titles.items())
    found = [
        column
        for column in title_candidates(columns, sample, names_territory)
        if column not in roles.no_titles
    ]
    could = f" It could be {' or '.join(map(repr, found))}." if found else ""
    raise SourceError(
        f"{name}: no column for the title{doubts}; columns are {seen_columns(columns)}.{could}"
        " Name it with --mapping title=COLUMN"
    )


def _platform(path: Path) -> str:
    """The file's name without extensions, as words joined by "_"."""
    stem = path.name.partition(".")[0] or path.stem
    return "_".join(words_of(stem).split())[:80] or "fichier"


def _projection(
    columns: Mapping[str, str], sample: Sequence[SourceRecord]
) -> FrenchProjection | None:
    pairs = [pair for record in sample if (pair := _written_pair(columns, record))]
    names = " ".join(columns.get(name, "") for name in ("lon", "lat", "point"))
    return choose_projection(pairs[:SAMPLED_POINTS], names)


def _written_pair(columns: Mapping[str, str], record: SourceRecord) -> Pair | None:
    if record.point:
        return record.point
    shape = record.shape or read_shape(record.values.get(columns.get("shape", ""), ""))
    if shape is not None and not shape.is_empty:
        return first_vertex(shape)
    x, y = (read_number(record.values.get(columns.get(name, ""), "")) for name in ("lon", "lat"))
    if x is not None and y is not None:
        return x, y
    return read_pair(record.values.get(columns.get("point", ""), ""))


def _decisions(reading: RowReader) -> Iterator[str]:
    """What was concluded about the whole file, for its report."""
    columns = reading.columns
    if reading.projection:
        named = columns.get("lon") or columns.get("point") or "geometry"
        projection = reading.projection
        yield f"{named}: coordinates read as {projection.name} (EPSG:{projection.epsg})"
    if reading.context_commune:
        column = columns["arrondissement"]
        yield f"{column}: every row belongs to the commune {reading.context_commune}"
    if reading.bearer_is_place:
        yield f"{columns['bearer']}: the bearer names the place"
