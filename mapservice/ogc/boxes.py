"""Initiatives of a box: what maps and GIS ask for most, a page and how many there are in all.

A box is some ranges of Z-order codes. Pages go from range to range, so that one costs the same
whether the box holds a hundred or a million; and cells that lie wholly in the box are counted
already (`rollup_cell`). Statements are made once for each form of request and stay prepared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from psycopg.types.numeric import Float8, Int4, Int8
from sqlalchemy import Connection, and_

from mapservice.db.engine import PreparedSql, array_text, compiled, fetch_bytes, fetch_one, fill
from mapservice.initiatives.conditions import where
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import GRID_STEPS
from mapservice.initiatives.grid_cover import COLUMN_BITS, ROW_BITS, cover, sides
from mapservice.ogc.features import (
    ItemsPage,
    as_features,
    chosen_first,
    items_page,
    own_columns,
    paged,
    rows_of,
)
from mapservice.ogc.parameters import BY_PLACE, ItemsRequest
from mapservice.ogc.selection import identity, source_of
from mapservice.territories.coordinates import BBox
from mapservice.tiles.queries import LAST_KEPT_ZOOM

FINEST_ZOOM = LAST_KEPT_ZOOM + GRID_STEPS
KEPT_STATEMENTS = 256
KEPT_BOXES = 64

# What of an edge's cells lies in the box. The code of a place tells its position within 2.4 m: only
# those that near to a side are looked at more closely.
_IN_BOX = """
                      cell & {column} BETWEEN %(west_cell)s AND %(east_cell)s
                      AND cell & {row} BETWEEN %(north_cell)s AND %(south_cell)s
                      AND (cell & {column} > %(within_west)s AND cell & {column} < %(within_east)s
                           AND cell & {row} > %(within_north)s AND cell & {row} < %(within_south)s
                           OR ST_X(anchor) BETWEEN %(west)s AND %(east)s
                              AND ST_Y(anchor) BETWEEN %(south)s AND %(north)s)"""
IN_BOX = fill(_IN_BOX, {"column": str(COLUMN_BITS), "row": str(ROW_BITS)})

# Ranges come in order and so do the rows of each: reading stops with the page, nothing is sorted.
# A lateral query with a limit can be joined in one way only, row after row of what is before it.
# At the edge the index alone tells which rows are meant: most others need not be fetched.
CHOSEN = """
    SELECT {columns}
      FROM unnest(%(first)s::bigint[], %(end)s::bigint[], %(inside)s::boolean[])
               AS span (first, "end", inside)
     CROSS JOIN LATERAL (
           (SELECT {columns}
              FROM initiative
             WHERE span.inside AND cell >= span.first AND cell < span."end" {beyond}
               AND {conditions}
             ORDER BY cell, id
             LIMIT %(size)s + 1)
           UNION ALL
           SELECT {columns}
             FROM (SELECT id
                     FROM initiative
                    WHERE NOT span.inside AND cell >= span.first AND cell < span."end" {beyond}
                      AND {conditions}
                      AND {in_box}
                    ORDER BY cell, id
                    LIMIT %(size)s + 1) AS cut
             JOIN initiative USING (id)) AS initiative
     LIMIT %(size)s + 1"""
BEYOND = "AND (cell, id) > (%(cell)s, %(id)s)"

# One index scan a range, which OFFSET 0 keeps the planner from turning round.
MATCHED = """
           coalesce((SELECT sum(initiatives)
                       FROM {inner}
                      CROSS JOIN LATERAL (
                            SELECT initiatives
                              FROM rollup_cell
                             WHERE zoom = %(zoom)s
                               AND cell >= span.first AND cell < span."end"
                               AND {counted} OFFSET 0) AS kept), 0)
         + coalesce((SELECT sum(initiatives)
                       FROM {inner}
                      CROSS JOIN LATERAL (
                            SELECT initiatives
                              FROM rollup_delta
                             WHERE cell >= span.first << %(delta_shift)s
                               AND cell < span."end" << %(delta_shift)s
                               AND {counted} OFFSET 0) AS changed), 0)
         + (SELECT count(*)
              FROM unnest(%(edge_first)s::bigint[], %(edge_end)s::bigint[]) AS span (first, "end")
             CROSS JOIN LATERAL (
                   SELECT
                     FROM initiative
                    WHERE cell >= span.first AND cell < span."end"
                      AND {counted}
                      AND {in_box}
                   OFFSET 0) AS cut)"""
INNER = """unnest(%(inner_first)s::bigint[], %(inner_end)s::bigint[]) AS span (first, "end")"""
# A page, each row with how many there are in all: of one moment, and known also without rows.
COUNTED = """
    SELECT page.*, counted.matched
      FROM (SELECT text({matched}) AS matched) AS counted
      LEFT JOIN ({page}) AS page ON true"""


def is_boxed(request: ItemsRequest) -> bool:
    """Whether a request says a box, themes and statuses alone, by which cells are counted."""
    box = request.filters.bbox
    return (
        request.collection.is_initiatives
        and request.order == BY_PLACE
        and request.is_plain
        and box is not None
        and box.west <= box.east
        and request.filters.counted_within
        and not request.filters.territory
    )


def items(connection: Connection, request: ItemsRequest, base_url: str) -> ItemsPage:
    """One page; the first one also counts."""
    position: dict[str, Any] = {}
    if request.cursor is not None:
        cell, identifier = request.cursor.values
        position = {"cell": Int8(cell), "id": identity(identifier, "cursor")}
    result = fetch_bytes(
        connection,
        _paged(_form(request), request.cursor is not None, base_url),
        size=Int8(request.limit),
        **_place(_box(request)),
        **position,
    )
    column = [result.get_value(row, 0) for row in range(result.ntuples)]
    features = [feature for feature in column if feature is not None]
    matched = result.get_value(0, result.nfields - 1)
    return items_page(
        features,
        lambda at: [_text(result.get_value(at, 1)), _text(result.get_value(at, 2))],
        request.limit,
        None if matched is None else int(matched),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def matched(connection: Connection, request: ItemsRequest) -> int:
    """How many there are in all."""
    (count,) = fetch_one(connection, _counting(_form(request).filters), **_place(_box(request)))
    return int(count)


def _form(request: ItemsRequest) -> ItemsRequest:
    """The parts of a request that its statement depends on: not its box, cursor or limit."""
    filters = replace(request.filters, bbox=None)
    return replace(request, filters=filters, cursor=None, limit=0)


@lru_cache(KEPT_STATEMENTS)
def _paged(form: ItemsRequest, beyond: bool, base_url: str) -> PreparedSql:
    conditions, values = compiled(and_(*where(form.filters)), "chosen_")
    rows = rows_of(source_of(form.collection, base_url), form)
    texts = {
        "columns": own_columns(rows),
        "conditions": conditions,
        "beyond": BEYOND if beyond else "",
        "in_box": IN_BOX,
    }
    shown, more = compiled(rows)
    features = as_features(form, rows, chosen_first(fill(CHOSEN, texts), shown))
    counted, known = ("NULL", {}) if beyond else _matched(form.filters)
    page = fill(COUNTED, {"matched": counted, "page": paged(form, features)})
    return PreparedSql.of(page, values | more | known)


@lru_cache(KEPT_STATEMENTS)
def _counting(filters: InitiativeFilters) -> PreparedSql:
    counted, values = _matched(filters)
    return PreparedSql.of(f"SELECT {counted}", values)


def _matched(filters: InitiativeFilters) -> tuple[str, dict[str, Any]]:
    """SQL of how many match. Themes are compared only where some are asked for."""
    statuses, values = _one_of("status", filters.statuses)
    themes, more = _one_of("theme", filters.theme)
    counted = " AND ".join(text for text in (statuses, themes) if text)
    return fill(MATCHED, {"inner": INNER, "counted": counted, "in_box": IN_BOX}), values | more


def _one_of(column: str, words: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Spelt out: PostgreSQL takes a bound array to pieces again for each row."""
    values = {f"{column}_{number}": str(word) for number, word in enumerate(words)}
    either = " OR ".join(f"{column} = %({name})s" for name in values)
    return f"({either})" if either else "", values


@lru_cache(KEPT_BOXES)
def _place(box: BBox) -> Mapping[str, Any]:
    """The values that statements take of a box: its sides, and ranges of codes.

    Cached, as the pages of one box are asked for one after the other.
    """
    covered = cover(box, FINEST_ZOOM)
    edge = covered.edge << covered.shift
    around = sides(box)
    inner = covered.inner << covered.shift
    # In the order of their codes; 1 where all that lies in a range lies in the box, else 0.
    ranges = sorted(
        [(first, end, 1) for first, end in zip(inner.first, inner.end, strict=True)]
        + [(first, end, 0) for first, end in zip(edge.first, edge.end, strict=True)]
    )
    return {
        "west": Float8(box.west),
        "south": Float8(box.south),
        "east": Float8(box.east),
        "north": Float8(box.north),
        **_cells(("west_cell", "east_cell", "north_cell", "south_cell"), around.touched),
        **_cells(("within_west", "within_east", "within_north", "within_south"), around.within),
        "first": array_text(first for first, _, _ in ranges),
        "end": array_text(end for _, end, _ in ranges),
        "inside": array_text(inside for _, _, inside in ranges),
        "zoom": Int4(covered.zoom),
        "inner_first": array_text(covered.inner.first),
        "inner_end": array_text(covered.inner.end),
        "delta_shift": Int4(2 * (FINEST_ZOOM - covered.zoom)),
        "edge_first": array_text(edge.first),
        "edge_end": array_text(edge.end),
    }


def _cells(names: Sequence[str], codes: Sequence[int]) -> dict[str, Int8]:
    return {name: Int8(code) for name, code in zip(names, codes, strict=True)}


def _box(request: ItemsRequest) -> BBox:
    box = request.filters.bbox
    assert box is not None, "asked by is_boxed"
    return box
