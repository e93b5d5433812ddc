"""Any messy file of initiatives read as `SourceRow`s; placing and saving come after."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from mapservice.errors import SourceError
from mapservice.imports.attributes import (
    AttributeColumn,
    attribute_columns,
    consent_columns,
    is_filled,
    spare_columns,
)
from mapservice.imports.column_evidence import (
    ColumnAssignment,
    ColumnMapping,
    assign,
    title_candidates,
)
from mapservice.imports.columns import (
    FACT_REASON,
    ROW_NUMBERS,
    WITHHELD,
    check_mapping,
    count_recognised,
    seen_columns,
    withheld_columns,
)
from mapservice.imports.leftovers import RowHabits, why_no_record
from mapservice.imports.points import (
    Pair,
    choose_projection,
    read_number,
    read_pair,
)
from mapservice.imports.readers.content import FileContent, format_of, load_content
from mapservice.imports.readers.delimited import read_delimited
from mapservice.imports.readers.geojson import read_geojson
from mapservice.imports.readers.geopackage import read_geopackage
from mapservice.imports.readers.markup import read_gpx, read_kml
from mapservice.imports.readers.own_download import is_own_download, own_download
from mapservice.imports.readers.shapefile import read_shapefile
from mapservice.imports.readers.shapes import first_vertex, read_shape
from mapservice.imports.readers.tables import SourceRecord, SourceTable
from mapservice.imports.readers.workbooks import read_parquet, read_workbook
from mapservice.imports.row_facts import fact_columns
from mapservice.imports.rows import (
    NumberedRecord,
    RowReader,
    numbered_records,
    read_row,
    read_rows,
)
from mapservice.imports.territory import bearer_is_place, context_commune
from mapservice.imports.text import one_line, words_of
from mapservice.imports.titles import NamesTerritory, no_territory
from mapservice.initiatives.model import SourceRow

SAMPLED_ROWS = 2_000
SAMPLED_POINTS = 500
# Of each column, before anything is saved.
SHOWN_ROWS = 5
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
    and `separator` say how a text was read, `mapping` what becomes of each column, `unused` those
    that hold nothing. `sample` are some first rows.
    """

    file_name: str
    platform: str
    columns: Mapping[str, str]
    total: int
    problems: tuple[str, ...]
    context_commune: str
    encoding: str
    separator: str
    unused: tuple[str, ...]
    title_doubt: str
    mapping: tuple[ColumnMapping, ...]
    sample: tuple[SourceRecord, ...]
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

    @property
    def places(self) -> Iterator[SourceRow]:
        """The same without what no field takes: for callers that look at points alone."""
        return read_rows(self._table, replace(self._reading, attributes=(), facts=None))

    @property
    def records(self) -> Iterator[NumberedRecord]:
        """What `row` makes the rows of, for callers that share them out."""
        return numbered_records(self._table, self._reading)

    def row(self, record: NumberedRecord) -> SourceRow:
        """One of the rows."""
        return read_row(record, self._reading)


def read_file(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    names_territory: NamesTerritory = no_territory,
    *,
    may_lack_title: bool = False,
) -> SourceFile:
    """Open a table, a workbook or a map (`docs/imports.md` lists the formats), also within gzip or
    zip.

    `mapping` names the column of a field ({"title": "Intitulé"}); "" leaves a field out.
    `names_territory` tells names of territories from titles. `may_lack_title`: a file whose title
    is in doubt is opened too, for somebody who is to choose; `title_doubt` then says why.
    Raises InvalidInput for a mapping that does not fit the file and SourceError, naming the
    part at fault, for a file that cannot be read.
    """
    mapping = mapping or {}
    content, table = open_table(path, mapping)
    chosen = check_mapping(mapping, table.columns)
    withheld = withheld_columns(chosen)
    shown = [column for column in table.columns if column not in withheld]
    chosen = {name: column for name, column in chosen.items() if column not in withheld}
    sample = list(islice(table.records(), SAMPLED_ROWS))
    roles = assign(shown, sample, chosen, names_territory)
    columns = roles.columns

    # Where no column is named like a title, the first words of a description may stand in for it;
    # not where one is so named and holds something else.
    sources = TITLE_SOURCES if not roles.no_titles else ("title",)
    title_doubt = ""
    if not any(source in columns for source in sources):
        doubts = "".join(f"; {column!r} {why}" for column, why in roles.no_titles.items())
        found = [
            column
            for column in title_candidates(shown, sample, names_territory)
            if column not in roles.no_titles
        ]
        could = f" It could be {' or '.join(map(repr, found))}." if found else ""
        title_doubt = f"no column for the title{doubts}.{could}"
        if not may_lack_title:
            raise SourceError(
                f"{content.name}: no column for the title{doubts};"
                f" columns are {seen_columns(table.columns)}.{could}"
                " Name it with --mapping title=COLUMN"
            )

    # A source that its rows do not name is called by the file's name without extensions.
    stem = path.name.partition(".")[0] or path.stem
    platform = (table.platform or "_".join(words_of(stem).split()))[:80] or "fichier"
    pairs = [pair for record in sample if (pair := _written_pair(columns, record))]
    names = " ".join(columns.get(name, "") for name in ("lon", "lat", "point"))
    projection = choose_projection(pairs[:SAMPLED_POINTS], names)
    # What a field reads without keeping its words stays as an attribute too.
    is_place = bearer_is_place(columns, sample)
    vague = ("theme", "status", "scale", *(() if is_place else ("bearer",)))
    also = [columns[name] for name in vague if name in columns]
    habits = RowHabits.of(columns, sample)
    entries = [record for record in sample if not why_no_record(record, habits)]
    # What was taken from here was permitted, and other sources of the list asked nobody.
    is_own_list = any(record.own_id for record in sample)
    consents = tuple(
        replace(one, is_answered=is_filled(one.column, entries))
        for one in (() if is_own_list else consent_columns(table.columns))
        if is_filled(one.column, entries) or table.total > len(sample)
    )
    kept = [
        replace(one, is_personal=True) if one.column in withheld else one
        for one in attribute_columns(table.columns, columns, entries, also)
        if (is_filled(one.column, sample) or table.total > len(sample))
        and one.column not in roles.no_ids
    ]
    facts = fact_columns(kept, columns)
    reading = RowReader(
        columns=columns,
        projection=projection,
        context_commune=context_commune(columns, table.records(), platform),
        bearer_is_place=is_place,
        habits=habits,
        attributes=tuple(kept),
        consents=consents,
        facts=facts,
        period_start=roles.period_start,
        spare=spare_columns(list(columns.values()), kept),
    )

    # What was concluded about the whole file, for its report.
    decisions: list[str] = []
    if projection:
        named = columns.get("lon") or columns.get("point") or "geometry"
        decisions.append(f"{named}: coordinates read as {projection.name} (EPSG:{projection.epsg})")
    if reading.context_commune:
        column = columns["arrondissement"]
        decisions.append(f"{column}: every row belongs to the commune {reading.context_commune}")
    if "title" not in columns and not title_doubt:
        stand_in = next(columns[source] for source in TITLE_SOURCES if source in columns)
        decisions.append(
            f"{stand_in}: its first words stand in for titles, as no column holds them"
        )
    for one in consents:
        what = "of its contacts" if one.of_contacts else "of a row"
        decisions.append(f"{one.column}: read as consent to the publication {what}")
    if reading.bearer_is_place:
        decisions.append(f"{columns['bearer']}: the bearer names the place")
    told = _mappings(table.columns, roles, chosen, kept, sample, facts.names, withheld)
    return SourceFile(
        file_name=path.name,
        platform=platform,
        columns=columns,
        total=table.total,
        problems=(*table.problems, *roles.problems, *decisions),
        context_commune=reading.context_commune,
        encoding=content.encoding,
        separator=table.separator,
        unused=tuple(one.column for one in told if not one.field),
        title_doubt=title_doubt,
        mapping=told,
        sample=tuple(sample[:SHOWN_ROWS]),
        _table=table,
        _reading=reading,
    )


def open_table(path: Path, mapping: Mapping[str, str]) -> tuple[FileContent, SourceTable]:
    """A file of any format as rows, its columns not yet understood. Raises SourceError."""
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
        case "workbook":
            table = read_workbook(content, count_recognised)
        case "parquet":
            table = read_parquet(content)
        case "kml":
            table = read_kml(content)
        case "gpx":
            table = read_gpx(content)
        case "shapefile":
            table = read_shapefile(content)
    return content, own_download(table) if is_own_download(table) else table


def empty_file(name: str, platform: str) -> SourceFile:
    """What a source gives that has nothing any more."""
    return SourceFile(
        file_name=name,
        platform=platform,
        columns={},
        total=0,
        problems=(),
        context_commune="",
        encoding="",
        separator="",
        unused=(),
        title_doubt="",
        mapping=(),
        sample=(),
        _table=SourceTable((), lambda: iter(()), 0),
        _reading=RowReader({}),
    )


def _mappings(
    columns: Sequence[str],
    roles: ColumnAssignment,
    asked: Mapping[str, str],
    kept: Sequence[AttributeColumn],
    sample: Sequence[SourceRecord],
    facts: frozenset[str],
    withheld: frozenset[str],
) -> tuple[ColumnMapping, ...]:
    """What becomes of each column, in the order of the file."""
    fields = {column: name for name, column in roles.columns.items()}
    attributes = {one.column: one for one in kept}
    doubts: dict[str, str] = roles.no_titles | roles.no_ids
    for name, refused in roles.refused.items():
        for column in refused:
            doubts.setdefault(column, f"its cells do not look like {name}")
    found = []
    for column in columns:
        name = fields.get(column, "")
        attribute = attributes.get(column)
        name = ROW_NUMBERS if column in roles.no_ids and not name else name
        if name in asked or column in withheld:
            reason = "as asked"
        elif name == ROW_NUMBERS:
            reason = "row numbers"
        elif name:
            reason = roles.by_cells.get(name, "by its name")
        else:
            reason = "kept as it is" if attribute else "holds nothing"
            reason = FACT_REASON if column in facts else reason
        if name and attribute:
            reason += "; its words are kept too"
        examples: dict[str, None] = {}
        for record in sample:
            if cell := one_line(record.values.get(column, "")[:500])[:80]:
                examples[cell] = None
            if len(examples) == SHOWN_ROWS:
                break
        found.append(
            ColumnMapping(
                column=column,
                field=WITHHELD
                if column in withheld
                else name or ("attribute" if attribute else ""),
                reason=reason,
                kind=str(attribute.kind) if attribute else "",
                doubt=doubts.get(column, "") if name in ("", "title", ROW_NUMBERS) else "",
                is_personal=attribute is not None and attribute.is_personal,
                examples=tuple(examples),
            )
        )
    return tuple(found)


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
