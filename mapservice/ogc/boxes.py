"""Initiatives of a box: what maps and GIS ask for most, a page and how many there are in all.

A box is some ranges of Z-order codes. Pages go from range to range, so that one costs the same
whether the box holds a hundred or a million; and cells that lie wholly in the box are counted
already (`rollup_cell`). Statements are made once for each form of request and stay prepared.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from psycopg.types.numeric import Float8, Int4, Int8
from sqlalchemy import Connection, and_

from mapservice.db.text import Prepared, compiled, fetch_one, fill
from mapservice.initiatives.conditions import where
from mapservice.initiatives.exports import JOINED
from mapservice.initiatives.filters import BBox, Filters
from mapservice.initiatives.model import Theme
from mapservice.maps.cover import Cover, cover
from mapservice.maps.model import GRID_STEPS
from mapservice.maps.queries import LAST_KEPT_ZOOM
from mapservice.ogc.features import as_features, chosen_first, rows_of
from mapservice.ogc.parameters import BY_PLACE, ItemsRequest
from mapservice.ogc.selection import identity
from mapservice.ogc.sources import source_of

FINEST_ZOOM = LAST_KEPT_ZOOM + GRID_STEPS
KEPT_STATEMENTS = 256

# Ranges come in order and so do the rows of each: reading stops with the page. COALESCE has the
# planner take the exact test for one that half of the rows pass, not one that hardly any does.
CHOSEN = """
    SELECT initiative.*
      FROM unnest(%(first)s::bigint[], %(end)s::bigint[]) WITH ORDINALITY
               AS span (first, "end", number)
     CROSS JOIN LATERAL (
           SELECT *
             FROM initiative
            WHERE cell >= span.first AND cell < span."end" {beyond}
              AND {conditions}
              AND coalesce(ST_X(anchor) BETWEEN %(west)s AND %(east)s
                           AND ST_Y(anchor) BETWEEN %(south)s AND %(north)s, false)
            ORDER BY cell, id
            LIMIT %(size)s + 1) AS initiative
     ORDER BY span.number, initiative.cell, initiative.id
     LIMIT %(size)s + 1"""
BEYOND = "AND (cell, id) > (%(cell)s, %(id)s)"

# One index scan a range, which OFFSET 0 keeps the planner from turning round.
MATCHED = """
    SELECT coalesce((SELECT sum(initiatives)
                       FROM {inner}
                      CROSS JOIN LATERAL (
                            SELECT initiatives, status, theme
                              FROM rollup_cell
                             WHERE zoom = %(zoom)s
                               AND cell >= span.first AND cell < span."end" OFFSET 0) AS kept
                      WHERE {counted}), 0)
         + coalesce((SELECT sum(initiatives)
                       FROM {inner}
                      CROSS JOIN LATERAL (
                            SELECT initiatives, status, theme
                              FROM rollup_delta
                             WHERE cell >= span.first << %(delta_shift)s
                               AND cell < span."end" << %(delta_shift)s OFFSET 0) AS changed
                      WHERE {counted}), 0)
         + (SELECT count(*)
              FROM unnest(%(edge_first)s::bigint[], %(edge_end)s::bigint[]) AS span (first, "end")
             CROSS JOIN LATERAL (
                   SELECT anchor, status, theme
                     FROM initiative
                    WHERE cell >= span.first AND cell < span."end" OFFSET 0) AS cut
             WHERE {counted}
               AND ST_X(anchor) BETWEEN %(west)s AND %(east)s
               AND ST_Y(anchor) BETWEEN %(south)s AND %(north)s)"""
MATCHED_TEXTS = {
    "inner": """unnest(%(inner_first)s::bigint[], %(inner_end)s::bigint[])
                            AS span (first, "end")""",
    "counted": "status = ANY(%(statuses)s) AND theme = ANY(%(themes)s)",
}


def is_boxed(request: ItemsRequest) -> bool:
    """Whether all it says is a box, themes and statuses: what cells are counted by."""
    box = request.filters.bbox
    return (
        request.collection.level is None
        and request.order == BY_PLACE
        and request.is_plain
        and box is not None
        and box.west <= box.east
        and _is_counted(replace(request.filters, bbox=None))
    )


def _is_counted(filters: Filters) -> bool:
    return filters.counted and not filters.territory


def page(connection: Connection, request: ItemsRequest, base_url: str) -> tuple[Any, ...]:
    """The row of `exports.JOINED`."""
    box = _box(request)
    covered = cover(box, FINEST_ZOOM)
    spans = covered.all << covered.shift
    return fetch_one(
        connection,
        _paged(_form(request), request.cursor is not None, base_url),
        first=_array(spans.first),
        end=_array(spans.end),
        size=Int8(request.limit),
        **_sides(box),
        **_position(request),
    )


def matched(connection: Connection, request: ItemsRequest) -> int:
    """How many there are in all."""
    box = _box(request)
    covered = cover(box, FINEST_ZOOM)
    (count,) = fetch_one(
        connection,
        _MATCHED,
        **_counted_spans(covered),
        **_sides(box),
        statuses=[str(status) for status in request.filters.statuses],
        themes=[str(theme) for theme in request.filters.theme or tuple(Theme)],
    )
    return int(count)


_MATCHED = Prepared.of(fill(MATCHED, MATCHED_TEXTS), {})


def _form(request: ItemsRequest) -> ItemsRequest:
    """What makes its statement another than that of other requests."""
    filters = replace(request.filters, bbox=None)
    return replace(request, filters=filters, cursor=None, limit=0)


@lru_cache(KEPT_STATEMENTS)
def _paged(form: ItemsRequest, beyond: bool, base_url: str) -> Prepared:
    conditions, values = compiled(and_(*where(form.filters)), "chosen_")
    texts = {"conditions": conditions, "beyond": BEYOND if beyond else ""}
    rows = rows_of(source_of(form.collection, base_url), form)
    shown, more = compiled(rows)
    features = as_features(form, rows, chosen_first(fill(CHOSEN, texts), shown))
    return Prepared.of(fill(JOINED, {"features": features}), values | more)


def _position(request: ItemsRequest) -> dict[str, Any]:
    if request.cursor is None:
        return {}
    cell, identifier = request.cursor.values
    return {"cell": Int8(cell), "id": identity(identifier, "cursor")}


def _counted_spans(covered: Cover) -> dict[str, Any]:
    edge = covered.edge << covered.shift
    return {
        "zoom": Int4(covered.zoom),
        "inner_first": _array(covered.inner.first),
        "inner_end": _array(covered.inner.end),
        "delta_shift": Int4(2 * (FINEST_ZOOM - covered.zoom)),
        "edge_first": _array(edge.first),
        "edge_end": _array(edge.end),
    }


def _array(numbers: Sequence[int]) -> str:
    """As PostgreSQL writes an array: as a list its type would follow the size of its numbers."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _box(request: ItemsRequest) -> BBox:
    box = request.filters.bbox
    assert box is not None, "asked by is_boxed"
    return box


def _sides(box: BBox) -> dict[str, Float8]:
    sides = {"west": box.west, "south": box.south, "east": box.east, "north": box.north}
    return {name: Float8(side) for name, side in sides.items()}
