"""How many initiatives a circle holds, by theme: what a page about a place says first.

A circle is some ranges of Z-order codes. What lies in cells wholly inside it is counted in an index
that holds all it takes; distances are worked out for what lies in cells at its edge alone.
"""

from dataclasses import replace

from psycopg.types.numeric import Float8
from sqlalchemy import Connection

from mapservice.db.text import PreparedSql, array_text, fetch_one
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid_cover import circle_cover
from mapservice.initiatives.near import ScaleBounds

# OFFSET 0 keeps the planner from turning the scan of each range round.
BY_THEME = """
    SELECT coalesce(array_agg(theme), '{}'), coalesce(array_agg(matches), '{}')
      FROM (SELECT theme, count(*) AS matches
              FROM (SELECT theme, status
                      FROM unnest(%(inner_first)s::bigint[], %(inner_end)s::bigint[])
                               AS span (first, "end")
                     CROSS JOIN LATERAL (
                           SELECT theme, status
                             FROM initiative
                            WHERE cell >= span.first AND cell < span."end" OFFSET 0) AS held
                     UNION ALL
                    SELECT theme, status
                      FROM unnest(%(edge_first)s::bigint[], %(edge_end)s::bigint[])
                               AS span (first, "end")
                     CROSS JOIN LATERAL (
                           SELECT theme, status, anchor
                             FROM initiative
                            WHERE cell >= span.first AND cell < span."end" OFFSET 0) AS cut
                     WHERE ST_DWithin(anchor::geography,
                               ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography,
                               %(radius)s)) AS met
             WHERE status = ANY(%(statuses)s)
             GROUP BY theme) AS counted"""
_BY_THEME = PreparedSql.of(BY_THEME, {})


def by_theme(connection: Connection, filters: InitiativeFilters) -> list[tuple[str, int]] | None:
    """As if the filter named no theme. None where it says more than a circle and statuses."""
    near, radius = filters.near, filters.radius
    plain = replace(filters, near=None, radius=None, theme=())
    if near is None or not radius or plain.territory or not plain.counted:
        return None
    stretch = ScaleBounds.around(near.lon, near.lat, radius)
    if stretch is None:
        return None
    covered = circle_cover(near, radius * stretch.least, radius * stretch.most)
    inner, edge = covered.inner << covered.shift, covered.edge << covered.shift
    themes, matches = fetch_one(
        connection,
        _BY_THEME,
        inner_first=array_text(inner.first),
        inner_end=array_text(inner.end),
        edge_first=array_text(edge.first),
        edge_end=array_text(edge.end),
        lon=Float8(near.lon),
        lat=Float8(near.lat),
        radius=Float8(radius),
        statuses=array_text(filters.statuses),
    )
    return list(zip(themes, matches, strict=True))
