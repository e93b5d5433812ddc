"""SQL of the figures. `{name}` is filled in by `months` and `queries`; values are bound."""

FIRST_MONTH = """
SELECT min(month)
  FROM (SELECT min(month) AS month FROM rollup
         WHERE level = 'country' AND code = 'FR' AND theme = '' AND month > '-infinity'
           AND month < 'infinity'
         UNION ALL
        SELECT min(month) FROM rollup_delta WHERE month < 'infinity') AS either"""

# Of all territories of a level: who holds each, how many live there, and where their name stands.
PLACES = """
SELECT string_agg(code, ',' ORDER BY code),
       string_agg(coalesce(epci, ''), ',' ORDER BY code),
       string_agg(coalesce(departement, ''), ',' ORDER BY code),
       string_agg(coalesce(region, ''), ',' ORDER BY code),
       string_agg(int8send(CAST(coalesce(population, -1) AS bigint)), '' ORDER BY code),
       string_agg(int8send(CAST(coalesce(population_year, 0) AS bigint)), '' ORDER BY code),
       string_agg(int8send(CAST(ST_X(point) * 100000 AS bigint)), '' ORDER BY code),
       string_agg(int8send(CAST(ST_Y(point) * 100000 AS bigint)), '' ORDER BY code)
  FROM territory
 WHERE level = :level"""

# Sources of the figures, one row each: codes, how many entries each of them has (one where that is
# null), months of the entries, columns.
SUMS = """
SELECT {source} AS source, string_agg(code, ','), CAST(NULL AS bytea), CAST(NULL AS bytea){columns}
  FROM rollup
 WHERE level = '{level}' AND theme = ANY(%({kept_themes})s) AND status = ANY(%(statuses)s)
   AND month = '{month}' AND {kept}"""

KEPT = """
SELECT {source} AS source, string_agg(code, ','),
       string_agg(int4send(octet_length(months) / 4), ''),
       string_agg(months, ''){columns}
  FROM rollup_series
 WHERE level = '{level}' AND theme = ANY(%({kept_themes})s) AND status = ANY(%(statuses)s)
   AND {kept}"""

FRESH = """
SELECT {source} AS source, string_agg({place}, ','), CAST(NULL AS bytea),
       string_agg(int4send(rollup_month_number(month)), ''){columns}
  FROM rollup_delta
 WHERE status = ANY(%(statuses)s) AND {place} IS NOT NULL AND {fresh_themes} AND {fresh}"""

COUNTED = """
SELECT {source} AS source, string_agg(code, ','), CAST(NULL AS bytea), CAST(NULL AS bytea){columns}
  FROM (SELECT {place} AS code, CAST(count(*) AS integer) AS initiatives
          FROM initiative
         WHERE coalesce(created_at, '-infinity'::timestamptz) >= %({start})s
           AND coalesce(created_at, '-infinity'::timestamptz) < %({end})s AND {inside}
           AND status = ANY(%(statuses)s) AND {themes} AND {place} IS NOT NULL
         GROUP BY 1) AS counted"""

# One step in the index `rollup_code` for each status and theme.
UNTOUCHED = """
            SELECT asked.code, own.month
              FROM unnest(CAST(%(codes)s AS text[])) AS asked (code)
             CROSS JOIN unnest(CAST(%(themes)s AS text[])) AS chosen (theme)
             CROSS JOIN unnest(CAST(%(statuses)s AS text[])) AS state (status)
             CROSS JOIN LATERAL (
                   SELECT month
                     FROM rollup
                    WHERE level = '{level}' AND rollup.code = asked.code
                      AND rollup.theme = chosen.theme AND rollup.status = state.status
                      AND month > '-infinity' AND month < 'infinity' AND {bounds}
                    ORDER BY month DESC LIMIT 1) AS own
             WHERE asked.code NOT IN (SELECT {place} FROM rollup_delta WHERE {place} IS NOT NULL)"""

# The months that hold something, of those that something was added to or taken from since.
CHANGED = """
            SELECT code, month
              FROM (SELECT code, month, initiatives
                      FROM rollup
                     WHERE level = '{level}' AND theme = ANY(%(themes)s)
                       AND status = ANY(%(statuses)s) AND month > '-infinity'
                       AND month < 'infinity' AND {bounds}
                       AND code = ANY(ARRAY(SELECT DISTINCT {place} FROM rollup_delta
                                             WHERE {place} = ANY(%(codes)s)))
                     UNION ALL
                    SELECT {place}, month, initiatives
                      FROM rollup_delta
                     WHERE status = ANY(%(statuses)s) AND month < 'infinity' AND {bounds}
                       AND {fresh}
                       AND {place} = ANY(%(codes)s)) AS changed
             GROUP BY code, month
            HAVING sum(initiatives) > 0"""

LAST_MONTH = """
    SELECT code, max(month) AS month
      FROM ({untouched} UNION ALL {changed}) AS held
     WHERE code = ANY(%(codes)s)
     GROUP BY code"""

LAST_DAYS = """
SELECT code, latest.created_at
  FROM ({months}) AS known
 CROSS JOIN LATERAL (
       SELECT created_at
         FROM initiative
        WHERE {own}
          AND coalesce(created_at, '-infinity'::timestamptz) >= known.month AT TIME ZONE 'UTC'
          AND coalesce(created_at, '-infinity'::timestamptz)
              < (known.month + interval '1 month') AT TIME ZONE 'UTC'
          AND status = ANY(%(statuses)s) AND {themes}
        ORDER BY coalesce(created_at, '-infinity'::timestamptz) DESC LIMIT 1) AS latest"""

SERIES = """
SELECT month, CAST(sum(initiatives) AS bigint), CAST(sum(supporters) AS bigint)
  FROM (SELECT month, initiatives, supporters
          FROM rollup
         WHERE level = '{level}' AND code = %(code)s AND theme = ANY(%(themes)s)
           AND status = ANY(%(statuses)s) AND month > '-infinity' AND month < 'infinity'
         UNION ALL
        SELECT month, initiatives, supporters
          FROM rollup_delta
         WHERE {place} = %(code)s AND status = ANY(%(statuses)s) AND {fresh}
           AND month < 'infinity') AS kept
 GROUP BY month
 ORDER BY month"""

NAMES = """
SELECT code, name
  FROM unnest(CAST(:codes AS text[])) WITH ORDINALITY AS asked (code, place)
  JOIN territory USING (code)
 WHERE level = :level
 ORDER BY place"""

# Two long texts, parted by a sign that no name has, are read faster than many short ones.
ALL_NAMES = r"""
SELECT string_agg(code, E'\x1f'), string_agg(replace(name, E'\x1f', ' '), E'\x1f')
  FROM territory
 WHERE level = :level"""

WIDE_NAMES = """
SELECT level, code, name
  FROM territory
 WHERE level IN ('region', 'departement')
 ORDER BY level DESC, unaccent(name)"""
