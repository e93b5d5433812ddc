"""Counts from the rollups: base plus the deltas not yet folded in, in one snapshot.

Of groups and events: `group_event_queries`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from mapservice.db.engine import Blocks, copy_rows, fill
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import InitiativeFilters, RollupScope
from mapservice.initiatives.model import Theme
from mapservice.rollups import epci_parts, group_event_queries
from mapservice.rollups.model import ALL_THEMES, COUNTRY, RollupDifference, RollupTotal
from mapservice.territories import epci_parts as territory_parts
from mapservice.territories.model import Level

COLUMNS = ("initiatives", "supporters", "undated")

# Sums by code at one level. `themes` is '{""}' for all of them, which the base keeps summed up.
# Kept counts of a level and what changed since, by theme, status and month.
KEPT = """
    SELECT code, theme, status, initiatives, supporters, 0 AS undated
      FROM rollup
     WHERE level = '{level}' AND theme = ANY(%(themes)s) AND {base_months}{among_base}
     UNION ALL
    SELECT {place}, CASE WHEN %(themes)s = '{""}'::text[] THEN '' ELSE theme END,
           status, initiatives, supporters, 0
      FROM rollup_delta
     WHERE {place} IS NOT NULL
       AND (%(themes)s = '{""}'::text[] OR theme = ANY(%(themes)s))
       AND {delta_months}{among_delta}{undated}"""

# The same of those without a known day, which are in no month.
UNDATED = """
     UNION ALL
    SELECT code, theme, status, 0, 0, initiatives
      FROM rollup
     WHERE level = '{level}' AND theme = ANY(%(themes)s) AND month = 'infinity'{among_base}
     UNION ALL
    SELECT {place}, CASE WHEN %(themes)s = '{""}'::text[] THEN '' ELSE theme END,
           status, 0, 0, initiatives
      FROM rollup_delta
     WHERE {place} IS NOT NULL
       AND (%(themes)s = '{""}'::text[] OR theme = ANY(%(themes)s))
       AND month = 'infinity'{among_delta}"""

COUNTS = """
    SELECT code, theme,
           sum(initiatives)::bigint AS initiatives, sum(supporters)::bigint AS supporters,
           sum(undated)::bigint AS undated
      FROM ({kept}) AS kept
     WHERE status = ANY(%(statuses)s)
     GROUP BY code, theme"""

# In one pass: of all communes of France, on the first page that anybody sees.
LIVELY = """
    SELECT count(*)
      FROM (SELECT FROM ({kept}) AS kept
             WHERE status = ANY(%(statuses)s)
             GROUP BY code
            HAVING sum(initiatives) > 0) AS lively"""

# `partial`: these are the figures of the part that lies in the territories asked for.
FIGURES = """
      WITH place AS MATERIALIZED ({places})
    SELECT place.code, place.name, place.population, place.departement, place.region,
           coalesce(counts.initiatives, 0) AS initiatives,
           coalesce(counts.supporters, 0) AS supporters,
           round(10000.0 * coalesce(counts.initiatives, 0) / nullif(place.population, 0), 4)
               AS per_10000_inhabitants,
           coalesce(counts.undated, 0) AS undated,
           place.population_year, place.partial,
           coalesce(gathering.groups, 0) AS groups,
           coalesce(gathering.events_coming, 0) AS events_coming,
           coalesce(gathering.events_past, 0) AS events_past{columns}
      FROM place
      LEFT JOIN ({counts}) AS counts USING (code)
      LEFT JOIN ({gatherings}) AS gathering USING (code)
     ORDER BY place.code"""

# As JSON writes what is true.
CSV = """
    SELECT code, name, population, departement, region, initiatives, supporters,
           per_10000_inhabitants, undated, population_year, CAST(partial AS text) AS partial,
           groups, events_coming, events_past
      FROM ({figures}) AS figure
     ORDER BY code"""

COMMUNES = "SELECT code FROM territory WHERE level = 'commune' AND {within}"

PLACES = """
    SELECT level, code, name, population, population_year, departement, region, false AS partial
      FROM territory
     WHERE level = '{level}' AND {within}"""

BY_CODE = """
    SELECT code, sum(initiatives) AS initiatives, sum(supporters) AS supporters,
           sum(undated) AS undated
      FROM ({counts}) AS by_theme
     GROUP BY code"""

OUTLINE = """(SELECT geom FROM territory_outline AS shown
             WHERE shown.level = '{level}' AND shown.code = place.code AND shown.zoom = {zoom})"""

# Figures are drawn on outlines that are right to half a pixel at this zoom.
OUTLINE_ZOOM = {Level.REGION: 6, Level.DEPARTEMENT: 6, Level.EPCI: 8, Level.COMMUNE: 8}


def figures_json(connection: Connection, level: Level, scope: RollupScope, now: datetime) -> str:
    """A JSON array, one object a territory; one without initiatives shows zeros.

    What has not ended yet, among events, is told as of `now`.
    """
    statement, values = _figures(level, scope, now)
    wrapped = fill(
        """
        SELECT coalesce(json_agg(row_to_json(figure)), '[]'::json)::text
          FROM ({figures}) AS figure""",
        {"figures": statement},
    )
    return str(connection.exec_driver_sql(wrapped, values).scalar_one())


def figures_geojson(
    connection: Connection, level: Level, scope: RollupScope, now: datetime
) -> Blocks:
    """The figures joined to simplified outlines, EPSG:4326, as rows of GeoJSON features."""
    zoom = OUTLINE_ZOOM[level]
    outline = fill(OUTLINE, {"level": level, "zoom": str(zoom)})
    if epci_parts.parted(level, scope):
        inside, _values = epci_parts.inside_of(scope)
        outline = territory_parts.outline("place", zoom, inside, outline)
    geojson = f", ST_AsGeoJSON(ST_Transform({outline}, 4326), 5)::json AS outline"
    statement, values = _figures(level, scope, now, columns=geojson)
    wrapped = fill(
        """
        SELECT json_build_object(
                   'type', 'Feature', 'id', code, 'geometry', outline,
                   'properties', json_build_object(
                       'code', code, 'name', name, 'population', population,
                       'population_year', population_year,
                       'departement', departement, 'region', region, 'partial', partial,
                       'initiatives', initiatives, 'supporters', supporters,
                       'per_10000_inhabitants', per_10000_inhabitants, 'undated', undated,
                       'groups', groups, 'events_coming', events_coming,
                       'events_past', events_past))::text
          FROM ({figures}) AS figure""",
        {"figures": statement},
    )
    return copy_rows(connection, f"COPY ({wrapped}) TO STDOUT", values)


def figures_csv(connection: Connection, level: Level, scope: RollupScope, now: datetime) -> Blocks:
    statement, values = _figures(level, scope, now)
    written = fill(CSV, {"figures": statement})
    return copy_rows(connection, f"COPY ({written}) TO STDOUT (FORMAT csv, HEADER)", values)


def total(connection: Connection, filters: InitiativeFilters) -> int:
    """How many initiatives match: from the rollups where they can tell, else counted."""
    if not filters.counted:
        return initiatives.count(connection, filters)
    return sum(count for _, count in _by_theme(connection, RollupScope.of(filters), (ALL_THEMES,)))


def facets(
    connection: Connection, filters: InitiativeFilters, most: int | None = None
) -> dict[Theme, int]:
    """Initiatives per theme under a filter, whatever themes it names; zeros included.

    Of what the rollups cannot tell, at most `most` in all are counted.
    """
    if filters.counted:
        rows = _by_theme(connection, RollupScope.of(filters), tuple(Theme))
    else:
        rows = initiatives.count_by_theme(connection, filters, most)
    counts = dict(rows)
    return {theme: counts.get(theme, 0) for theme in Theme}


def totals(connection: Connection, scope: RollupScope) -> RollupTotal:
    """Initiatives in all, and communes of the scope that have at least one."""
    inside, codes = within(Level.COMMUNE, scope)
    among = fill(COMMUNES, {"within": inside}) if scope.territories else ""
    everywhere = sum(count for _, count in _by_theme(connection, scope, (ALL_THEMES,)))
    lively, values = _counts(
        Level.COMMUNE, scope, tuple(scope.themes or (ALL_THEMES,)), among, template=LIVELY
    )
    return RollupTotal(everywhere, connection.exec_driver_sql(lively, values | codes).scalar_one())


def differences(connection: Connection) -> list[RollupDifference]:
    """Recounts from the base table; empty when every kept count is right."""
    rows = connection.execute(text(CHECK)).all()
    return [RollupDifference(*row) for row in rows]


def _by_theme(
    connection: Connection, scope: RollupScope, themes: tuple[str, ...]
) -> list[tuple[str, int]]:
    """Sums by theme over the territories of a scope, all of one level."""
    level = str(scope.territories[0].level) if scope.territories else COUNTRY
    codes = [ref.code for ref in scope.territories] or ["FR"]
    chosen = themes if not scope.themes or themes != (ALL_THEMES,) else scope.themes
    counts, values = _counts(level, scope, tuple(chosen))
    statement = fill(
        """
        SELECT theme, sum(initiatives)::bigint FROM ({counts}) AS counts
         WHERE code = ANY(%(codes)s) GROUP BY theme""",
        {"counts": counts},
    )
    rows = connection.exec_driver_sql(statement, values | {"codes": codes})
    return [(theme, count) for theme, count in rows]


def counts_by_code(
    level: str, scope: RollupScope, among: str = "", *, undated: bool = False
) -> tuple[str, dict[str, Any]]:
    """SQL of `code, initiatives, supporters, undated`, one row a territory with any; its values.

    `among`, SQL of ours that selects codes, keeps it to these. `undated`, 0 unless it is asked
    for, is how many have no known day: they are among `initiatives` where the scope has no period,
    and left out of them where it has one.
    """
    themes = tuple(scope.themes or (ALL_THEMES,))
    counts, values = _counts(level, scope, themes, among, undated=undated)
    return fill(BY_CODE, {"counts": counts}), values


def _figures(
    level: Level, scope: RollupScope, now: datetime, columns: str = ""
) -> tuple[str, dict[str, Any]]:
    if epci_parts.parted(level, scope):
        inside, codes = epci_parts.inside_of(scope)
        places = territory_parts.places(inside)
        counts, values = part_counts(scope, inside, "place", undated=True)
        gatherings, more = group_event_queries.part_counts(scope, now, inside, "place")
    else:
        inside, codes = within(level, scope)
        places = fill(PLACES, {"level": level, "within": inside})
        among = "SELECT code FROM place" if scope.territories else ""
        counts, values = counts_by_code(level, scope, among, undated=True)
        gatherings, more = group_event_queries.counts_by_code(level, scope, now, among)
    texts = {"counts": counts, "gatherings": gatherings, "columns": columns, "places": places}
    return fill(FIGURES, texts), values | more | codes


def part_counts(
    scope: RollupScope, inside: str, places: str, *, undated: bool = False
) -> tuple[str, dict[str, Any]]:
    """As `counts_by_code`, of EPCI and parts of EPCI; `places` names the rows of `parts.places`."""
    texts = {"inside": inside, "places": places}
    wholly, values = counts_by_code(
        Level.EPCI, scope, fill(epci_parts.WHOLLY, texts), undated=undated
    )
    inner = fill(epci_parts.COMMUNES, texts)
    communes, _ = counts_by_code(Level.COMMUNE, scope, inner, undated=undated)
    return epci_parts.counts(COLUMNS, wholly, communes), values


def _counts(
    level: str,
    scope: RollupScope,
    themes: tuple[str, ...],
    among: str = "",
    template: str = COUNTS,
    *,
    undated: bool = False,
) -> tuple[str, dict[str, Any]]:
    whole = scope.since is None and scope.until is None
    months = "month >= %(since)s AND month < %(until)s"
    place = "'FR'" if level == COUNTRY else str(level)
    texts = {
        "level": str(level),
        "place": place,
        "among_base": f" AND code = ANY(ARRAY({among}))" if among else "",
        "among_delta": f" AND {place} = ANY(ARRAY({among}))" if among else "",
        "base_months": "month = '-infinity'" if whole else f"month > '-infinity' AND {months}",
        "delta_months": "true" if whole else months,
    }
    values: dict[str, Any] = {
        "level": str(level),
        "themes": [str(theme) for theme in themes],
        "statuses": [str(status) for status in scope.statuses],
    }
    if not whole:
        values["since"] = scope.since.isoformat() if scope.since else "0001-01-01"
        values["until"] = scope.until.isoformat() if scope.until else "infinity"
    kept = fill(KEPT, {"undated": UNDATED if undated else ""})
    return fill(fill(template, {"kept": kept}), texts), values


def within(
    level: Level, scope: RollupScope, table: str = "territory"
) -> tuple[str, dict[str, Any]]:
    """Keeps the territories that a scope names, or that lie in those it names."""
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for number, ref in enumerate(scope.territories):
        column = "code" if ref.level == level else str(ref.level)
        if column not in ("code", "epci", "departement", "region"):
            continue  # nothing of a wider level lies in a commune
        name = f"within_{number}"
        conditions.append(f"{table}.{column} = %({name})s")
        values[name] = ref.code
    if not scope.territories:
        return "true", {}
    return f"({' OR '.join(conditions)})" if conditions else "false", values


# Every kept count against a recount, both directions, rollups at their finest and summed grains;
# and what initiatives keep of their supports.
CHECK = """
WITH thing AS (
    SELECT region, departement, epci, commune, status, theme, rollup_month(created_at) AS month,
           1 AS initiatives, supporters, told_here AS told, local_here AS local,
           0 AS groups, 0 AS events
      FROM initiative
     UNION ALL
    SELECT region, departement, epci, commune, status, theme, rollup_month(published_at),
           0, 0, 0, 0, 1, 0
      FROM local_group
     UNION ALL
    SELECT region, departement, epci, commune, status, theme, rollup_month(starts_at),
           0, 0, 0, 0, 0, 1
      FROM event
), counted AS (
    SELECT place.level, place.code, status, coalesce(theme, '') AS theme,
           coalesce(month, '-infinity') AS month, sum(initiatives) AS initiatives,
           sum(supporters) AS supporters, sum(told) AS told, sum(local) AS local,
           sum(groups) AS groups, sum(events) AS events
      FROM thing
     CROSS JOIN LATERAL (VALUES ('country', 'FR'), ('region', region), ('departement', departement),
                                ('epci', epci), ('commune', commune)) AS place (level, code)
     WHERE place.code IS NOT NULL
     GROUP BY place.level, place.code, status, CUBE (theme, month)
), kept AS (
    SELECT level, code, status, theme, month, sum(initiatives) AS initiatives,
           sum(supporters) AS supporters, sum(told) AS told, sum(local) AS local,
           sum(groups) AS groups, sum(events) AS events
      FROM (SELECT level, code, status, theme, month, initiatives, supporters, told, local,
                   groups, events
              FROM rollup
             UNION ALL
            SELECT level, code, status, coalesce(theme, ''), coalesce(month, '-infinity'),
                   sum(initiatives), sum(supporters), sum(told), sum(local), sum(groups),
                   sum(events)
              FROM rollup_delta_level
             GROUP BY level, code, status, CUBE (theme, month)) AS both_parts
     GROUP BY level, code, status, theme, month
), counted_cell AS (
    SELECT zoom, cell >> (2 * (24 - zoom)) AS cell, status, theme, count(*) AS initiatives,
           sum(ST_X(anchor_3857)::bigint) AS sum_x, sum(ST_Y(anchor_3857)::bigint) AS sum_y
      FROM initiative CROSS JOIN generate_series(3, rollup_finest_zoom()) AS zoom
     WHERE cell IS NOT NULL
     GROUP BY 1, 2, 3, 4
), kept_cell AS (
    SELECT zoom, cell, status, theme, sum(initiatives) AS initiatives,
           sum(sum_x) AS sum_x, sum(sum_y) AS sum_y
      FROM (SELECT zoom, cell, status, theme, initiatives, sum_x, sum_y FROM rollup_cell
             UNION ALL
            SELECT zoom, cell >> (2 * (rollup_finest_zoom() - zoom)), status, theme,
                   initiatives, sum_x, sum_y
              FROM rollup_delta CROSS JOIN generate_series(3, rollup_finest_zoom()) AS zoom
             WHERE cell IS NOT NULL) AS both_parts
     GROUP BY 1, 2, 3, 4
), compared (place, key, what, kept, counted) AS (
    SELECT 'rollup', concat_ws(' ', level, code, status, theme, month), one.*
      FROM kept FULL JOIN counted USING (level, code, status, theme, month)
     CROSS JOIN LATERAL (VALUES ('initiatives', kept.initiatives, counted.initiatives),
                                ('supporters', kept.supporters, counted.supporters),
                                ('told', kept.told, counted.told),
                                ('local', kept.local, counted.local),
                                ('groups', kept.groups, counted.groups),
                                ('events', kept.events, counted.events)) AS one
     UNION ALL
    SELECT 'rollup_cell', concat_ws(' ', zoom, cell, status, theme), one.*
      FROM kept_cell FULL JOIN counted_cell USING (zoom, cell, status, theme)
     CROSS JOIN LATERAL (VALUES ('initiatives', kept_cell.initiatives, counted_cell.initiatives),
                                ('x', kept_cell.sum_x, counted_cell.sum_x),
                                ('y', kept_cell.sum_y, counted_cell.sum_y)) AS one
     UNION ALL
    SELECT 'rollup_series', concat_ws(' ', level, code, status, theme), 'rows as its months say',
           CAST((kept.*) IS NOT DISTINCT FROM (due.*) AS integer), 1
      FROM rollup_series AS kept
      FULL JOIN rollup_series_due AS due USING (level, theme, status, code)
     UNION ALL
    SELECT 'initiative', CAST(initiative AS text), one.*
      FROM support_difference
     CROSS JOIN LATERAL (VALUES ('supporters', supporters, counted),
                                ('told_here', told_here, told),
                                ('local_here', local_here, local)) AS one
)
SELECT place, concat_ws(' ', key, what), coalesce(kept, 0)::bigint, coalesce(counted, 0)::bigint
  FROM compared
 WHERE coalesce(kept, 0) <> coalesce(counted, 0)
 LIMIT 1000
"""
