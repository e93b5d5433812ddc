"""Tiles of initiatives, made whole by PostGIS: no geometry passes through Python.

The layer shows each initiative once: alone where few lie in a cell of the tile's grid, else within
the cluster of that cell. A tile is a range of Z-order codes (`cell`), so that neighbouring tiles
share none and lose none. Far zooms read counts kept per cell (`rollup_cell`), whose cost does not
grow with the number of initiatives; near ones count in an index that holds all they need.
"""

from typing import Any

from sqlalchemy import Connection, Select, and_, literal_column, select

from mapservice.db.tables import initiative
from mapservice.db.text import compiled, fill
from mapservice.initiatives.filters import Filters
from mapservice.initiatives.model import Theme
from mapservice.initiatives.queries import where
from mapservice.maps.model import CELL_ZOOM, GRID_STEPS, Tile, deinterleave

# The nearest zoom served from kept counts; their finest grid is that of tiles of this zoom.
LAST_KEPT_ZOOM = 11
# From this zoom on, a tile shows every initiative by itself, as far as FEATURE_BUDGET goes.
DETAIL_ZOOM = 14
FEATURE_BUDGET = 1500
EXTENT = 4096
HALF_METRES = 20037508.342789244
# A cluster stands at the middle of its members, but no nearer to the edge of its cell than this
# share of the cell, lest the rings of neighbours cover each other.
CLUSTER_MARGIN = 0.15

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
           (sum_x + initiatives * {half}) / {size} - initiatives * ({x} * 8 + {column}) AS x,
           (initiatives * {half} - sum_y) / {size} - initiatives * ({y} * 8 + {row}) AS y
      FROM (SELECT cell, theme, status, initiatives, sum_x, sum_y
              FROM rollup_cell
             WHERE zoom = {grid_zoom} AND cell >= %(first_cell)s AND cell < %(end_cell)s
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
      FROM ({hits}) AS hit"""

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
               ({x} * 8 + {column} + least(greatest(x, {margin}), 1 - {margin})) * {size}
                   - {half} AS x,
               {half} - {size}
                   * ({y} * 8 + {row} + least(greatest(y, {margin}), 1 - {margin})) AS y,
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

AS_MVT = """
    SELECT ST_AsMVT(feature, 'initiatives', {extent}, 'geom')
      FROM (SELECT id, title, theme, status, precision, territory, count, {themes},
                   ST_AsMVTGeom(ST_SetSRID(ST_MakePoint(x, y), 3857),
                                ST_TileEnvelope({z}, {x}, {y}), {extent}, 0, false) AS geom
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


def initiatives_mvt(connection: Connection, tile: Tile, filters: Filters) -> bytes:
    """The layer `initiatives` of one tile; b"" when nothing lies there."""
    return bytes(_run(connection, tile, filters, AS_MVT))


def initiatives_geojson(connection: Connection, tile: Tile, filters: Filters) -> str:
    """The same features as a GeoJSON collection, EPSG:4326."""
    return str(_run(connection, tile, filters, AS_GEOJSON))


def _run(connection: Connection, tile: Tile, filters: Filters, output: str) -> Any:
    kept = filters.counted and not filters.territory and tile.z <= LAST_KEPT_ZOOM
    counted, values = _kept(tile, filters) if kept else _live(tile, filters)
    members, bound = _members(filters)
    texts = {"counted": counted, "members": members, "pairs": THEME_PAIRS}
    statement = fill(SHOWN + output, texts | _numbers(tile))
    return connection.exec_driver_sql(statement, values | bound).scalar_one()


def _members(filters: Filters) -> tuple[str, dict[str, Any]]:
    indexed = Filters(theme=filters.theme, status=filters.status)
    narrow: Select[Any] = (
        select(literal_column("initiative.*")).select_from(initiative).where(*where(indexed))
    )
    texts: dict[str, str] = {}
    texts["narrow"], values = compiled(narrow, "narrow_")
    texts["conditions"], more = compiled(and_(*where(filters)), "member_")
    return fill(MEMBERS, texts), values | more


def _kept(tile: Tile, filters: Filters) -> tuple[str, dict[str, Any]]:
    first_cell, end_cell = tile.cells(tile.z + GRID_STEPS)
    first_delta, end_delta = tile.cells(LAST_KEPT_ZOOM + GRID_STEPS)
    return KEPT, {
        "first_cell": first_cell,
        "end_cell": end_cell,
        "first_delta": first_delta,
        "end_delta": end_delta,
        "statuses": [str(status) for status in filters.statuses],
        "themes": [str(theme) for theme in filters.theme or tuple(Theme)],
    }


def _live(tile: Tile, filters: Filters) -> tuple[str, dict[str, Any]]:
    first, end = tile.cells(CELL_ZOOM)
    query = select(initiative.c.cell, initiative.c.theme).where(
        *where(filters), initiative.c.cell >= first, initiative.c.cell < end
    )
    hits, values = compiled(query)
    return fill(LIVE, {"hits": hits}), values


def _numbers(tile: Tile) -> dict[str, str]:
    """What the templates need to know of the tile: numbers of ours, never text of a request."""
    shift = 2 * (CELL_ZOOM - GRID_STEPS - tile.z)
    place = f"1 + (cell - {tile.cells(tile.z + GRID_STEPS)[0]})"
    return {
        "theme_counts": THEME_COUNTS,
        "themes": THEME_COLUMNS,
        "no_themes": NO_THEMES,
        "column_of": COLUMN_OF,
        "row_of": ROW_OF,
        "column": f"{COLUMN_OF}[{place}]",
        "row": f"{ROW_OF}[{place}]",
        "z": str(tile.z),
        "x": str(tile.x),
        "y": str(tile.y),
        "size": repr(2 * HALF_METRES / 2 ** (tile.z + GRID_STEPS)),
        "half": repr(HALF_METRES),
        "margin": str(CLUSTER_MARGIN),
        "grid_zoom": str(tile.z + GRID_STEPS),
        "delta_shift": str(2 * (LAST_KEPT_ZOOM - tile.z)),
        "shift": str(shift),
        "inner_shift": str(shift - 2 * GRID_STEPS),
        "alone": str(_alone(tile.z)),
        "budget": str(FEATURE_BUDGET),
        "extent": str(EXTENT),
    }


def _alone(zoom: int) -> int:
    """Up to how many initiatives a cell shows one by one: more as its ground grows smaller."""
    if zoom >= DETAIL_ZOOM:
        return FEATURE_BUDGET
    return 1 if zoom < 9 else 3
