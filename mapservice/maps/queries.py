"""Tiles, made whole by PostGIS: no geometry passes through Python.

The layer `initiatives` shows each initiative once: alone where few lie in a cell of the tile's
grid, else within the cluster of that cell. A tile is a range of Z-order codes (`cell`), so that
neighbouring tiles share none and lose none. Far zooms read counts kept per cell (`rollup_cell`),
whose cost does not grow with the number of initiatives.
"""

from typing import Any

from sqlalchemy import Connection, Integer, case, cast, func, literal_column, select

from mapservice.db.tables import initiative
from mapservice.db.text import compiled, fill
from mapservice.initiatives.filters import Filters
from mapservice.initiatives.model import Theme
from mapservice.initiatives.queries import where
from mapservice.maps.model import CELL_ZOOM, GRID_STEPS, Tile

# The nearest zoom served from kept counts; their finest grid is that of tiles of this zoom.
LAST_KEPT_ZOOM = 11
# From this zoom on, a tile shows every initiative by itself, as far as FEATURE_BUDGET goes.
DETAIL_ZOOM = 14
FEATURE_BUDGET = 1500
EXTENT = 4096

THEME_COUNTS = ",\n           ".join(
    f"nullif(sum(initiatives) FILTER (WHERE theme = '{theme}'), 0)::integer AS {theme}"
    for theme in Theme
)
THEME_COLUMNS = ", ".join(str(theme) for theme in Theme)
NO_THEMES = ", ".join(f"NULL::integer AS {theme}" for theme in Theme)

# Clusters of a tile from kept counts and what changed since, then the few initiatives of cells
# so thin that they are shown one by one.
KEPT = """
    WITH kept AS (
        SELECT cell, theme, status, initiatives, sum_x, sum_y
          FROM rollup_cell
         WHERE zoom = %(grid_zoom)s AND cell >= %(first_cell)s AND cell < %(end_cell)s
         UNION ALL
        SELECT cell >> %(delta_shift)s, theme, status, initiatives, sum_x, sum_y
          FROM rollup_delta
         WHERE cell >= %(first_delta)s AND cell < %(end_delta)s
    ), clustered AS (
        SELECT cell, sum(initiatives)::integer AS count,
               sum(sum_x)::float8 / sum(initiatives) AS x,
               sum(sum_y)::float8 / sum(initiatives) AS y,
               {theme_counts}
          FROM kept
         WHERE status = ANY(%(statuses)s) AND theme = ANY(%(themes)s)
         GROUP BY cell
        HAVING sum(initiatives) > 0
    ), shown AS (
        SELECT NULL::text AS id, NULL::text AS title, NULL::text AS theme, NULL::text AS status,
               NULL::text AS precision, NULL::text AS territory, cell, count, x, y, {themes}
          FROM clustered
         WHERE count > %(alone)s
         UNION ALL
        SELECT hit.*, {no_themes}
          FROM clustered
         CROSS JOIN LATERAL ({hits}) AS hit
         WHERE clustered.count <= %(alone)s
    )"""

# The same from the base table. Thin cells are spent first, so that a budget never hides a village
# to show a city, and a cell is either shown whole or counted whole.
LIVE = """
    WITH hit AS MATERIALIZED (
        {hits}
    ), density AS (
        SELECT cell, count(*) AS members, sum(count(*)) OVER (ORDER BY count(*), cell) AS running
          FROM hit
         GROUP BY cell
    ), dense AS (
        SELECT cell FROM density WHERE members > %(alone)s OR running > %(budget)s
    ), shown AS (
        SELECT hit.*, {no_themes}
          FROM hit
         WHERE NOT EXISTS (SELECT FROM dense WHERE dense.cell = hit.cell)
         UNION ALL
        SELECT NULL, NULL, NULL, NULL, NULL, NULL, cell, sum(initiatives)::integer,
               avg(x), avg(y), {theme_counts}
          FROM (SELECT *, count AS initiatives FROM hit) AS member
         WHERE EXISTS (SELECT FROM dense WHERE dense.cell = member.cell)
         GROUP BY cell
    )"""

# A cluster stands at the middle of its members, but no nearer to the edge of its cell than this
# share of the cell, lest the rings of neighbours cover each other.
CLUSTER_MARGIN = 0.3
HALF = 20037508.342789244
CELL_METRES = "(40075016.685578488 / (8 * 2 ^ %(z)s::integer))"


def _kept_apart(axis: str) -> str:
    """SQL for a coordinate of a cluster; Z-order cells are aligned to the corner of the world."""
    corner = f"floor(({axis} + {HALF}) / {CELL_METRES}) * {CELL_METRES} - {HALF}"
    low = f"{corner} + {CLUSTER_MARGIN} * {CELL_METRES}"
    high = f"{corner} + {1 - CLUSTER_MARGIN} * {CELL_METRES}"
    return f"CASE WHEN id IS NULL THEN least(greatest({axis}, {low}), {high}) ELSE {axis} END"


AS_MVT = """
    SELECT ST_AsMVT(feature, 'initiatives', {extent}, 'geom')
      FROM (SELECT id, title, theme, status, precision, territory, count, {themes},
                   ST_AsMVTGeom(ST_SetSRID(ST_MakePoint({x}, {y}), 3857),
                                ST_TileEnvelope(%(z)s, %(x)s, %(y)s), {extent}, 0, false) AS geom
              FROM shown
             ORDER BY count DESC, id) AS feature"""

AS_GEOJSON = """
    SELECT json_build_object('type', 'FeatureCollection', 'features',
               coalesce(json_agg(json_build_object(
                   'type', 'Feature',
                   'id', coalesce(id, concat_ws('/', %(z)s::integer, cell)),
                   'geometry', ST_AsGeoJSON(ST_Transform(point, 4326), 6)::json,
                   'properties', json_strip_nulls(json_build_object(
                       'id', id, 'title', title, 'theme', theme, 'status', status,
                       'precision', precision, 'territory', territory, 'count', count,
                       {pairs})))
               ORDER BY count DESC, id), '[]'::json))::text
      FROM (SELECT *, ST_SetSRID(ST_MakePoint({x}, {y}), 3857) AS point FROM shown) AS placed"""


def initiatives_mvt(connection: Connection, tile: Tile, filters: Filters) -> bytes:
    """The layer `initiatives` of one tile; b"" when nothing lies there."""
    return bytes(_run(connection, tile, filters, AS_MVT))


def initiatives_geojson(connection: Connection, tile: Tile, filters: Filters) -> str:
    """The same features as a GeoJSON collection, EPSG:4326."""
    return str(_run(connection, tile, filters, AS_GEOJSON))


def _run(connection: Connection, tile: Tile, filters: Filters, output: str) -> Any:
    kept = filters.counted and not filters.territory and tile.z <= LAST_KEPT_ZOOM
    statement, values = _kept(tile, filters) if kept else _live(tile, filters)
    texts = {
        "extent": str(EXTENT),
        "themes": THEME_COLUMNS,
        "pairs": _pairs(),
        "x": _kept_apart("x"),
        "y": _kept_apart("y"),
    }
    values |= {"z": tile.z, "x": tile.x, "y": tile.y}
    return connection.exec_driver_sql(statement + fill(output, texts), values).scalar_one()


def _kept(tile: Tile, filters: Filters) -> tuple[str, dict[str, Any]]:
    grid_zoom = tile.z + GRID_STEPS
    finest = LAST_KEPT_ZOOM + GRID_STEPS
    first_cell, end_cell = tile.cells(grid_zoom)
    first_delta, end_delta = tile.cells(finest)
    statement, values = _statement(KEPT, tile, filters, "clustered.cell")
    return statement, values | {
        "grid_zoom": grid_zoom,
        "first_cell": first_cell,
        "end_cell": end_cell,
        "first_delta": first_delta,
        "end_delta": end_delta,
        "delta_shift": 2 * (finest - grid_zoom),
        "statuses": [str(status) for status in filters.statuses],
        "themes": [str(theme) for theme in filters.theme or tuple(Theme)],
    }


def _live(tile: Tile, filters: Filters) -> tuple[str, dict[str, Any]]:
    statement, values = _statement(LIVE, tile, filters, None)
    return statement, values | {"budget": FEATURE_BUDGET}


def _statement(
    template: str, tile: Tile, filters: Filters, cell: str | None
) -> tuple[str, dict[str, Any]]:
    """Fills a template with the matching initiatives of the tile, or of one `cell` of its grid."""
    shift = 2 * (CELL_ZOOM - GRID_STEPS - tile.z)
    query = select(*_columns(shift)).where(*where(filters))
    if cell is None:
        first, end = tile.cells(CELL_ZOOM)
        query = query.where(initiative.c.cell >= first, initiative.c.cell < end)
    statement, values = compiled(query)
    if cell is not None:
        statement += f" AND initiative.cell >= {cell} << {shift}"
        statement += f" AND initiative.cell < ({cell} + 1) << {shift}"
    texts = {
        "hits": statement,
        "theme_counts": THEME_COUNTS,
        "themes": THEME_COLUMNS,
        "no_themes": NO_THEMES,
    }
    return fill(template, texts), values | {"alone": _alone(tile.z)}


def _columns(shift: int) -> list[Any]:
    own = initiative.c
    finest = func.coalesce(own.commune, own.epci, own.departement, own.region)
    return [
        func.text(own.id).label("id"),
        own.title,
        own.theme,
        own.status,
        own.precision,
        case((own.precision != "point", finest)).label("territory"),
        literal_column(f"initiative.cell >> {shift}").label("cell"),
        cast(1, Integer).label("count"),
        func.ST_X(own.anchor_3857).label("x"),
        func.ST_Y(own.anchor_3857).label("y"),
    ]


def _alone(zoom: int) -> int:
    """Up to how many initiatives a cell shows one by one: more as its ground grows smaller."""
    if zoom >= DETAIL_ZOOM:
        return FEATURE_BUDGET
    return 1 if zoom < 9 else 3


def _pairs() -> str:
    return ", ".join(f"'{theme}', {theme}" for theme in Theme)
