"""Initiatives as GeoJSON, CSV and typed rows, made by PostgreSQL and passed on as they come.

Properties have the same names at every machine door. The geometry is the true point or null: a
commune never becomes a pin.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    Numeric,
    Row,
    ScalarSelect,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY

from mapservice.db.engine import (
    Blocks,
    JsonNotNull,
    JsonSafeText,
    RawJson,
    compiled,
    copy_rows,
    feature_collection,
    fill,
    lines,
    object_text,
    value_text,
)
from mapservice.db.tables import import_source, initiative, initiative_detail, territory
from mapservice.initiatives.conditions import where
from mapservice.initiatives.facts import FACT_COLUMNS
from mapservice.initiatives.filters import InitiativeFilters, ListingCursor
from mapservice.initiatives.queries import after, cursor_at, order, sort_key

GEOJSON_DECIMALS = 6
# Begins each text of a sequence (RFC 8142), so that one cut short spoils no other.
RECORD_SEPARATOR = b"\x1e"

GEOMETRY = f"ST_AsGeoJSON(point, {GEOJSON_DECIMALS})"

# A row of this yields one feature as JSON text; the braces are filled with SQL, never with values.
FEATURE = """
    SELECT {id} AS id, {keys},
           concat('{"type":"Feature","id":', {id_text},
                  ',"geometry":', coalesce({geometry}, 'null'),
                  ',"properties":', {properties}, '}') AS feature
      FROM ({rows}) AS listed"""
# The rows of a page as features, and what tells where the next page begins.
PAGE = "SELECT feature, {keys} FROM ({features}) AS made"
# The columns of an initiative in files that hold a table, in order; its point comes last. Beyond
# the properties they have what makes a file whole: its text, and its id at its source.
FIELDS = (
    "id",
    "title",
    "summary",
    "theme",
    "status",
    "scale",
    "commune",
    "commune_name",
    "epci",
    "departement",
    "region",
    "region_name",
    "precision",
    "supporters",
    "created_at",
    "created_period",
    "updated_at",
    "url",
    "source",
    "source_url",
    "licence",
    "attribution",
    "source_supporters",
    *FACT_COLUMNS,
    "attributes",
    "description",
    "source_id",
)
# Columns of a row that are no properties.
INNER = ("point", "sort_key")

# An address without signs that JSON escapes; only one that somebody made up has others.
_PLAIN_ADDRESS = re.compile(r"[\w:/.\-\[\]]*", re.ASCII)
# Texts that people wrote, and the signs that begin what a spreadsheet would run.
WRITTEN = (
    *("title", "summary", "description", "source", "source_id", "licence", "attribution"),
    *("address", "price", "tags"),
)
FORMULA_SIGNS = "=+-@\t\r"
# Typed as text, lest GeoAlchemy2 turn it into EWKB on its way through SQL that needs a geometry.
POINT = type_coerce(initiative.c.point, Text)
_commune = territory.alias("commune_of")
_region = territory.alias("region_of")


def properties(base_url: str) -> list[ColumnElement[Any]]:
    """The public properties in order; `base_url` makes `url` absolute."""
    own = initiative.c
    kind = JsonNotNull() if _PLAIN_ADDRESS.fullmatch(base_url) else Text()
    # Whom to name, and under which licence, in the words of pages: "source (licence)"; null for
    # what began here.
    empty, opening, closing = (literal_column(text, Text()) for text in ("''", "' ('", "')'"))
    licence = func.coalesce(
        opening + _null_if_empty(own.source_licence) + closing, empty, type_=Text()
    )
    # A registered source says whom to name; any other is named itself.
    credit = func.coalesce(
        _credits().op("->>", return_type=Text())(own.source_platform),
        _null_if_empty(own.source_platform),
        type_=Text(),
    )
    # What its source says beyond these properties, as JSON; null where that is nothing.
    said = cast(initiative_detail.c.attributes, Text)
    attributes = func.nullif(said, literal_column("'{}'"), type_=RawJson())
    return [
        own.id,
        own.title,
        own.summary,
        own.theme,
        own.status,
        own.scale,
        own.commune,
        _commune.c.name.label("commune_name"),
        own.epci,
        own.departement,
        own.region,
        _region.c.name.label("region_name"),
        own.precision,
        own.supporters,
        utc_text(own.created_at).label("created_at"),
        own.created_period,
        utc_text(own.updated_at).label("updated_at"),
        type_coerce(literal(f"{base_url}/initiatives/") + func.text(own.id), kind).label("url"),
        _null_if_empty(own.source_platform).label("source"),
        _null_if_empty(own.source_url).label("source_url"),
        _null_if_empty(own.source_licence).label("licence"),
        (credit + licence).label("attribution"),
        own.source_supporters,
        *facts(),
        attributes.label("attributes"),
    ]


def table_columns(base_url: str) -> list[ColumnElement[Any]]:
    """What `FIELDS` names: the properties, and what only files have."""
    own = initiative.c
    text = _null_if_empty(own.description).label("description")
    return [*properties(base_url), text, own.source_id]


def facts() -> list[ColumnElement[Any]]:
    """What visitors need to know, null where nobody told; lists with commas between.

    None of the parts of a list has a comma of its own, so that one text serves all formats.
    """
    own = initiative.c
    comma = literal_column("','", Text())
    return [
        own.address,
        own.opening_hours,
        type_coerce(func.text(own.start_day), JsonSafeText()).label("start_day"),
        type_coerce(func.text(own.end_day), JsonSafeText()).label("end_day"),
        type_coerce(_minute(own.start_time), JsonSafeText()).label("start_time"),
        type_coerce(_minute(own.end_time), JsonSafeText()).label("end_time"),
        own.is_free,
        own.price,
        own.wheelchair,
        own.website,
        func.array_to_string(own.tags, comma, type_=Text()).label("tags"),
        func.array_to_string(own.audience, comma, type_=JsonSafeText()).label("audience"),
    ]


def _credits() -> ScalarSelect[Any]:
    """Whom registered sources ask to be named, by the source: one object, read once a statement,
    so that no row costs a look-up in a table."""
    own = import_source.c
    return (
        select(func.jsonb_object_agg(own.platform, own.attribution))
        .where(own.attribution != literal_column("''"))
        .scalar_subquery()
    )


def _minute(moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """A time of day as people write it, 14:30."""
    return func.left(func.text(moment), literal_column("5"))


def _null_if_empty(column: ColumnElement[str]) -> ColumnElement[Any]:
    """Null for an empty text: nothing was given."""
    return func.nullif(column, literal_column("''"), type_=Text())


def with_names() -> FromClause:
    """Initiatives, and what `properties` needs of their commune, région and source.

    PostgreSQL leaves out a join that a query takes nothing of.
    """
    return (
        initiative.outerjoin(initiative_detail, initiative_detail.c.initiative == initiative.c.id)
        .outerjoin(
            _commune, and_(_commune.c.level == "commune", _commune.c.code == initiative.c.commune)
        )
        .outerjoin(
            _region, and_(_region.c.level == "region", _region.c.code == initiative.c.region)
        )
    )


def features(filters: InitiativeFilters, base_url: str) -> Select[Any]:
    """One row a feature: `id`, `geometry` (EPSG:4326 or null) and the properties."""
    return _listed(filters, properties(base_url))


def _listed(filters: InitiativeFilters, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    return (
        select(*columns, POINT.label("point"), sort_key(filters).label("sort_key"))
        .select_from(with_names())
        .where(*where(filters))
        .order_by(*order(filters))
    )


@dataclass(frozen=True, slots=True)
class FeaturePage:
    """Features as JSON joined by commas (UTF-8), how many, and where the next page begins."""

    features: bytes
    returned: int
    next: ListingCursor | None


def geojson_page(
    connection: Connection,
    filters: InitiativeFilters,
    base_url: str,
    limit: int,
    cursor: ListingCursor | None,
) -> FeaturePage:
    """At most `limit` features from the cursor on."""
    rows = features(filters, base_url).where(*after(filters, cursor)).limit(limit + 1)
    statement, values = feature_sql(rows)
    text = fill(PAGE, {"keys": "sort_key, text(id)", "features": statement})
    found = connection.exec_driver_sql(text, values).all()
    joined, returned, keys = page_of(found, limit)
    return FeaturePage(joined, returned, cursor_at(filters, *keys) if keys else None)


def page_of(rows: Sequence[Sequence[Any]], limit: int) -> tuple[bytes, int, Sequence[Any] | None]:
    """Features joined by commas, how many, and the keys of the last if there is a next page.

    A row is a feature and its keys. One row more than the limit tells that there is a next page.
    """
    shown = rows[:limit]
    keys = shown[-1][1:] if len(rows) > limit else None
    return ",".join([row[0] for row in shown]).encode(), len(shown), keys


def geojson_stream(connection: Connection, filters: InitiativeFilters, base_url: str) -> Blocks:
    """A whole FeatureCollection, in blocks, with memory that does not grow with it."""
    return feature_collection(_copied_features(connection, filters, base_url))


def geojson_lines(
    connection: Connection, filters: InitiativeFilters, base_url: str, start: bytes = b""
) -> Blocks:
    """One feature a line, each after `start`; with `RECORD_SEPARATOR` that is RFC 8142."""
    return lines(_copied_features(connection, filters, base_url), start)


def csv_stream(
    connection: Connection, filters: InitiativeFilters, base_url: str, limit: int | None = None
) -> Blocks:
    """A header and a row each: `FIELDS`, then `lon` and `lat` (empty unless a true point)."""
    rows = _listed(filters, table_columns(base_url)).limit(limit).subquery("feature")
    columns = [inert(column) for column in rows.c if column.name not in INNER]
    statement, values = compiled(select(*columns, *degrees(rows.c.point)))
    return copy_rows(connection, f"COPY ({statement}) TO STDOUT (FORMAT csv, HEADER)", values)


def inert(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What people wrote, with an apostrophe first where a spreadsheet would take it for a formula.

    Source: OWASP, "CSV Injection". Truths are spelt out: true, false.
    """
    if isinstance(column.type, Boolean):
        return cast(column, Text).label(column.name)
    if column.name not in WRITTEN:
        return column
    armed = func.left(column, 1) == any_(literal(list(FORMULA_SIGNS), ARRAY(Text)))
    return case((armed, literal("'") + column), else_=column).label(column.name)


def degrees(point: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """The columns `lon` and `lat` of a table."""
    return [
        func.round(cast(axis(point), Numeric), GEOJSON_DECIMALS, type_=Numeric()).label(name)
        for name, axis in (("lon", func.ST_X), ("lat", func.ST_Y))
    ]


def typed_rows(
    connection: Connection, filters: InitiativeFilters, base_url: str, size: int
) -> Iterator[Sequence[Row[Any]]]:
    """`FIELDS` and `point` as WKB (EPSG:4326, or None), `size` rows at a time.

    The id is text; moments are datetimes without a zone, in UTC. The rows come through a cursor of
    the server's, so that memory does not grow with their number.
    """
    own = initiative.c
    plain: dict[str, ColumnElement[Any]] = {
        "id": func.text(own.id).label("id"),
        "created_at": func.timezone("UTC", own.created_at).label("created_at"),
        "updated_at": func.timezone("UTC", own.updated_at).label("updated_at"),
    }
    columns = [plain.get(column.name, column) for column in table_columns(base_url)]
    query: Select[Any] = (
        select(*columns, func.ST_AsBinary(POINT).label("point"))
        .select_from(with_names())
        .where(*where(filters))
        .order_by(*order(filters))
    )
    buffered = {"stream_results": True, "max_row_buffer": size}
    with connection.execute(query, execution_options=buffered) as rows:
        yield from rows.partitions(size)


def feature_sql(rows: Select[Any], prefix: str = "") -> tuple[str, dict[str, Any]]:
    """SQL that yields `id`, `sort_key` and `feature`, GeoJSON as text, for each of these rows."""
    statement, values = compiled(rows, prefix)
    own = [pair for pair in rows.selected_columns.items() if pair[0] not in INNER]
    texts = {
        "id": "id",
        "id_text": value_text("id", initiative.c.id),
        "keys": "sort_key",
        "geometry": GEOMETRY,
        "properties": object_text(own, FACT_COLUMNS),
        "rows": statement,
    }
    return fill(FEATURE, texts), values


def _copied_features(connection: Connection, filters: InitiativeFilters, base_url: str) -> Blocks:
    statement, values = feature_sql(features(filters, base_url))
    only = fill("SELECT feature FROM ({features}) AS made", {"features": statement})
    return copy_rows(connection, f"COPY ({only}) TO STDOUT", values)


def utc_text(moment: ColumnElement[Any]) -> ColumnElement[str]:
    """RFC 3339, whole seconds, of the years 1 to 9999; null of null.

    `to_char` takes six times as long.
    """
    quoted = cast(func.to_json(func.timezone("UTC", moment)), Text)
    return type_coerce(func.substr(quoted, 2, 19, type_=Text()) + "Z", JsonSafeText())
