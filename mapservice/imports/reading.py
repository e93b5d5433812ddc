"""Any messy file of initiatives read as `SourceRow`s; placing and saving come after."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mapservice.errors import SourceError
from mapservice.imports.column_evidence import assign, title_candidates
from mapservice.imports.columns import check_mapping, count_recognised, seen_columns
from mapservice.imports.leftovers import RowHabits
from mapservice.imports.points import (
    Pair,
    choose_projection,
    read_number,
    read_pair,
)
from mapservice.imports.readers.content import format_of, load_content
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
    mapping = mapping or {}
    content = load_content(path)
    match format_of(content):
        case "gpkg":
            # Layers with a title by their columns' names, or with the one that is asked for.
            asked = mapping.get("title")
            table = read_geopackage(
                content,
                lambda columns: asked in columns or "title" in assign(columns, [], {}).columns,
            )
        case "json":
            table = read_geojson(content)
        case "csv":
            table = read_delimited(content, count_recognised)
    chosen = check_mapping(mapping, table.columns)
    sample = list(islice(table.records(), SAMPLED_ROWS))
    roles = assign(table.columns, sample, chosen, names_territory)
    columns = roles.columns

    # Where no column is named like a title, the first words of a description may stand in for it;
    # not where one is so named and holds something else.
    sources = TITLE_SOURCES if not roles.no_titles else ("title",)
    if not any(source in columns for source in sources):
        doubts = "".join(f"; {column!r} {why}" for column, why in roles.no_titles.items())
        found = [
            column
            for column in title_candidates(table.columns, sample, names_territory)
            if column not in roles.no_titles
        ]
        could = f" It could be {' or '.join(map(repr, found))}." if found else ""
        raise SourceError(
            f"{content.name}: no column for the title{doubts};"
            f" columns are {seen_columns(table.columns)}.{could}"
            " Name it with --mapping title=COLUMN"
        )

    # The source is called by the file's name without extensions.
    stem = path.name.partition(".")[0] or path.stem
    platform = "_".join(words_of(stem).split())[:80] or "fichier"
    pairs = [pair for record in sample if (pair := _written_pair(columns, record))]
    names = " ".join(columns.get(name, "") for name in ("lon", "lat", "point"))
    projection = choose_projection(pairs[:SAMPLED_POINTS], names)
    reading = RowReader(
        columns=columns,
        projection=projection,
        context_commune=context_commune(columns, table.records(), platform),
        bearer_is_place=bearer_is_place(columns, sample),
        habits=RowHabits.of(columns, sample),
    )

    # What was concluded about the whole file, for its report.
    decisions: list[str] = []
    if projection:
        named = columns.get("lon") or columns.get("point") or "geometry"
        decisions.append(f"{named}: coordinates read as {projection.name} (EPSG:{projection.epsg})")
    if reading.context_commune:
        column = columns["arrondissement"]
        decisions.append(f"{column}: every row belongs to the commune {reading.context_commune}")
    if reading.bearer_is_place:
        decisions.append(f"{columns['bearer']}: the bearer names the place")
    used = set(columns.values())
    return SourceFile(
        platform=platform,
        columns=columns,
        total=table.total,
        problems=(*table.problems, *roles.problems, *decisions),
        context_commune=reading.context_commune,
        encoding=content.encoding,
        separator=table.separator,
        unused=tuple(column for column in table.columns if column not in used),
        _table=table,
        _reading=reading,
    )


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
