"""Tiles of initiatives, made whole by PostGIS: no geometry passes through Python.

The layer shows each initiative once: alone where few lie in a cell of the tile's grid, else within
the cluster of that cell. A tile is a range of Z-order codes (`cell`), so that neighbouring tiles
share none and lose none. Far zooms read counts kept per cell (`rollup_cell`), whose cost does not
grow with the number of initiatives; near ones count in an index that holds all they need.

A statement is made once for each zoom and filter and stays prepared; a tile's numbers are bound.
"""

from functools import lru_cache
from typing import Any

from psycopg.types.numeric import Int4, Int8
from sqlalchemy import Connection, Select, and_, literal_column, select

from mapservice.db.engine import PreparedSql, compiled, fetch_one, fill
from mapservice.db.tables import initiative
from mapservice.initiatives.conditions import where
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import CELL_ZOOM, GRID_STEPS, Tile, deinterleave
from mapservice.initiatives.model import Theme

# The nearest zoom served from kept counts; their finest grid is that of tiles of this zoom.
LAST_KEPT_ZOOM = 11
# From this zoom on, a tile shows every initiative by itself, as far as FEATURE_BUDGET goes.
DETAIL_ZOOM = 14
FEATURE_BUDGET = 1500
EXTENT = 4096
HALF_METRES = 20037508.342789244
# A cluster stands at the middle of its members, but no nearer to the edge of its cell than this
# share of the cell, lest the rings of neighbours cover each other, or the names between them.
CLUSTER_MARGIN = 0.25
# Maps that people look at differ in few filters; each has a statement a zoom.
KEPT_STATEMENTS = 512

THEME_COLUMNS = ", ".join(str(theme) for theme in Theme)
NO_THEMES = ", ".join(f"NULL::integer AS {theme}" for theme in Theme)
THEME_COUNTS = ",\n           ".join(
    f"(sum(initiatives) FILTER (WHERE theme = '{theme}'))::integer AS {theme}" for theme in Theme
)
THEME_PAIRS = ", ".join(f"'{theme}', {theme}" for theme in Theme)
# Column and row of each of the 64 cells of a square, by its place in Z order.
_PLACES = [deinterleave(place) for place in range(64)]
COLUMN_OF = "(ARRAY[" + ",".join(str(x) for x, _ in _PLACES) + "])"
ROW_OF = "(ARRAY[" + ",".join(str(y) for _, y in _PLACES) + "])"

# Members of each cell by theme: kept counts and what changed since. `x` and `y` are sums of
# positions within the cell, 0 to 1 from its upper left corner.
KEPT = """
    SELECT cell, theme, initiatives,
           (sum_x + initiatives * {half}) / {size} - initiatives * (%(x)s * 8 + {column}) AS x,
           (initiatives * {half} - sum_y) / {size} - initiatives * (%(y)s * 8 + {row}) AS y
      FROM (SELECT cell, theme, status, initiatives, sum_x, sum_y
              FROM rollup_cell
             WHERE zoom = {grid_zoom} AND cell >= %(first)s AND cell < %(end)s
             UNION ALL
            SELECT cell >> {delta_shift}, theme, status, initiatives, sum_x, sum_y
              FROM rollup_delta
             WHERE cell >= %(first_delta)s AND cell < %(end_delta)s) AS kept
     WHERE status = ANY(%(statuses)s) AND theme = ANY(%(themes)s)"""

# The same, counted now. The six bits below a cell's code tell where in it a member lies.
LIVE = """
    SELECT cell >> {shift} AS cell, theme, 1 AS initiatives,
           ({column_of}[1 + (cell >> {inner_shift} & 63)] + 0.5) / 8 AS x,
           ({row_of}[1 + (cell >> {inner_shift} & 63)] + 0.5) / 8 AS y
      FROM ({hits} AND cell >= %(first_code)s AND cell < %(end_code)s) AS hit"""

# Thin cells are spent first, so that a budget never hides a village to show a city; a cell is
# either shown whole or counted whole.
SHOWN = """
    WITH counted AS (
        {counted}
    ), clustered AS (
        SELECT cell, sum(initiatives)::integer AS count,
               sum(x) / sum(initiatives) AS x, sum(y) / sum(initiatives) AS y,
               sum(sum(initiatives)) OVER (ORDER BY sum(initiatives), cell) AS running,
               {theme_counts}
          FROM counted
         GROUP BY cell
        HAVING sum(initiatives) > 0
    ), shown AS (
        SELECT NULL::text AS id, NULL::text AS title, NULL::text AS theme, NULL::text AS status,
               NULL::text AS precision, NULL::text AS territory, cell, count,
               (%(x)s * 8 + {column} + least(greatest(x, {margin}), 1 - {margin})) * {size}
                   - {half} AS x,
               {half} - {size}
                   * (%(y)s * 8 + {row} + least(greatest(y, {margin}), 1 - {margin})) AS y,
               {themes}
          FROM clustered
         WHERE count > {alone} OR running > {budget}
         UNION ALL
        SELECT member.*, {no_themes}
          FROM clustered
         CROSS JOIN LATERAL ({members}) AS member
         WHERE clustered.count <= {alone} AND clustered.running <= {budget}
    )"""

# Members of one cell. OFFSET 0 keeps the planner from asking wider indexes once for each cell.
MEMBERS = """
    SELECT initiative.id::text AS id, title, theme, status, precision,
           CASE WHEN precision <> 'point'
                THEN coalesce(commune, epci, departement, region) END AS territory,
           cell >> {shift} AS cell, 1 AS count, ST_X(anchor_3857) AS x, ST_Y(anchor_3857) AS y
      FROM ({narrow}
                AND initiative.cell >= clustered.cell << {shift}
                AND initiative.cell < (clustered.cell + 1) << {shift}
             OFFSET 0) AS initiative
     WHERE {conditions}"""

# In a query of its own, or the envelope would be made again for each feature.
ENVELOPE = "(SELECT ST_TileEnvelope({z}, %(x)s, %(y)s))"

# A near tile that shows each initiative by itself, and how many there are.
EACH = """
    SELECT count(*), ST_AsMVT(feature, 'initiatives', {extent}, 'geom')
      FROM (SELECT id::text, title, theme, status, precision,
                   CASE WHEN precision <> 'point'
                        THEN coalesce(commune, epci, departement, region) END AS territory,
                   1 AS count,
                   ST_AsMVTGeom(anchor_3857, {envelope}, {extent}, 0, false) AS geom
              FROM (SELECT * FROM initiative
                     WHERE {conditions} AND cell >= %(first_code)s AND cell < %(end_code)s
                     ORDER BY cell, id
                     LIMIT {limit}) AS initiative) AS feature"""

AS_MVT = """
    SELECT ST_AsMVT(feature, 'initiatives', {extent}, 'geom')
      FROM (SELECT id, title, theme, status, precision, territory, count, {themes},
                   ST_AsMVTGeom(ST_SetSRID(ST_MakePoint(x, y), 3857), {envelope}, {extent},
                                0, false) AS geom
              FROM shown
             ORDER BY count DESC, id) AS feature"""

AS_GEOJSON = """
    SELECT json_build_object('type', 'FeatureCollection', 'features',
               coalesce(json_agg(json_build_object(
                   'type', 'Feature',
                   'id', coalesce(id, concat_ws('/', {z}, cell)),
                   'geometry', ST_AsGeoJSON(ST_Transform(point, 4326), 6)::json,
                   'properties', json_strip_nulls(json_build_object(
                       'id', id, 'title', title, 'theme', theme, 'status', status,
                       'precision', precision, 'territory', territory, 'count', count,
                       {pairs})))
               ORDER BY count DESC, id), '[]'::json))::text
      FROM (SELECT *, ST_SetSRID(ST_MakePoint(x, y), 3857) AS point FROM shown) AS placed"""


def initiatives_mvt(connection: Connection, tile: Tile, filters: InitiativeFilters) -> bytes:
    """The layer `initiatives` of one tile; b"" when nothing lies there."""
    if tile.z >= DETAIL_ZOOM:
        count, content = _run(connection, tile, _each(tile.z, filters))
        if count <= FEATURE_BUDGET:
            return bytes(content)
    (content,) = _run(connection, tile, _grouped(tile.z, filters, AS_MVT))
    return bytes(content)


def initiatives_geojson(connection: Connection, tile: Tile, filters: InitiativeFilters) -> str:
    """The same features as a GeoJSON collection, EPSG:4326."""
    (content,) = _run(connection, tile, _grouped(tile.z, filters, AS_GEOJSON))
    return str(content)


def _run(connection: Connection, tile: Tile, statement: PreparedSql) -> tuple[Any, ...]:
    return fetch_one(connection, statement, **_place(tile))


def _place(tile: Tile) -> dict[str, Int4 | Int8]:
    """Where the tile is, in its own numbers and in those of the grids below it."""
    first, end = tile.cells(tile.z + GRID_STEPS)
    first_code, end_code = tile.cells(CELL_ZOOM)
    shift = 2 * (CELL_ZOOM - LAST_KEPT_ZOOM - GRID_STEPS)
    return {
        "x": Int4(tile.x),
        "y": Int4(tile.y),
        "first": Int8(first),
        "end": Int8(end),
        "first_code": Int8(first_code),
        "end_code": Int8(end_code),
        "first_delta": Int8(first_code >> shift),
        "end_delta": Int8(end_code >> shift),
    }


@lru_cache(KEPT_STATEMENTS)
def _each(zoom: int, filters: InitiativeFilters) -> PreparedSql:
    """One by one as far as the budget goes; `count` is beyond it where that is not enough."""
    conditions, values = compiled(and_(*where(filters)))
    texts = {"conditions": conditions, "limit": str(FEATURE_BUDGET + 1)}
    return PreparedSql.of(fill(EACH, texts | _numbers(zoom)), values)


@lru_cache(KEPT_STATEMENTS)
def _grouped(zoom: int, filters: InitiativeFilters, output: str) -> PreparedSql:
    kept = filters.counted and not filters.territory and zoom <= LAST_KEPT_ZOOM
    counted, values = _kept(filters) if kept else _live(filters)
    members, bound = _members(filters)
    texts = {"counted": counted, "members": members, "pairs": THEME_PAIRS}
    return PreparedSql.of(fill(SHOWN + output, texts | _numbers(zoom)), values | bound)


def _members(filters: InitiativeFilters) -> tuple[str, dict[str, Any]]:
    indexed = InitiativeFilters(theme=filters.theme, status=filters.status)
    narrow: Select[Any] = (
        select(literal_column("initiative.*")).select_from(initiative).where(*where(indexed))
    )
    texts: dict[str, str] = {}
    texts["narrow"], values = compiled(narrow, "narrow_")
    texts["conditions"], more = compiled(and_(*where(filters)), "member_")
    return fill(MEMBERS, texts), values | more


def _kept(filters: InitiativeFilters) -> tuple[str, dict[str, Any]]:
    return KEPT, {
        "statuses": [str(status) for status in filters.statuses],
        "themes": [str(theme) for theme in filters.theme or tuple(Theme)],
    }


def _live(filters: InitiativeFilters) -> tuple[str, dict[str, Any]]:
    hits, values = compiled(
        select(initiative.c.cell, initiative.c.theme).where(*where(filters)), "hit_"
    )
    return fill(LIVE, {"hits": hits}), values


def _numbers(zoom: int) -> dict[str, str]:
    """What the templates need to know of a zoom: numbers of ours, never text of a request."""
    shift = 2 * (CELL_ZOOM - GRID_STEPS - zoom)
    place = "1 + (cell - %(first)s)"
    return {
        "theme_counts": THEME_COUNTS,
        "themes": THEME_COLUMNS,
        "no_themes": NO_THEMES,
        "column_of": COLUMN_OF,
        "row_of": ROW_OF,
        "column": f"{COLUMN_OF}[{place}]",
        "row": f"{ROW_OF}[{place}]",
        "envelope": fill(ENVELOPE, {"z": str(zoom)}),
        "z": str(zoom),
        "size": repr(2 * HALF_METRES / 2 ** (zoom + GRID_STEPS)),
        "half": repr(HALF_METRES),
        "margin": str(CLUSTER_MARGIN),
        "grid_zoom": str(zoom + GRID_STEPS),
        "delta_shift": str(2 * (LAST_KEPT_ZOOM - zoom)),
        "shift": str(shift),
        "inner_shift": str(shift - 2 * GRID_STEPS),
        "alone": str(_alone(zoom)),
        "budget": str(FEATURE_BUDGET),
        "extent": str(EXTENT),
    }


def _alone(zoom: int) -> int:
    """Up to how many initiatives a cell shows one by one: more as its ground grows smaller."""
    if zoom >= DETAIL_ZOOM:
        return FEATURE_BUDGET
    return 1 if zoom < 9 else 3
