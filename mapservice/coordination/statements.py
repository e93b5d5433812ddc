"""SQL of the figures. `{name}` is filled in by `summing` and `queries`; values are bound.

Of many territories all sums are read from one index alone (`rollup_pkey` includes them); of a few,
`rollup_code` finds theirs.
"""

FIRST_MONTH = """
SELECT min(month)
  FROM (SELECT min(month) AS month FROM rollup
         WHERE level = 'country' AND code = 'FR' AND theme = '' AND month > '-infinity'
         UNION ALL
        SELECT min(month) FROM rollup_delta) AS either"""

AREA = "SELECT code, population FROM territory WHERE level = '{level}' AND ({which})"
COUNTRY_AREA = """
    SELECT 'FR' AS code, sum(population) AS population FROM territory WHERE level = 'region'"""

SISTERS = """CASE
        WHEN (SELECT epci FROM territory WHERE level = 'commune' AND code = %(own)s) IS NULL
        THEN departement =
             (SELECT departement FROM territory WHERE level = 'commune' AND code = %(own)s)
        ELSE epci = (SELECT epci FROM territory WHERE level = 'commune' AND code = %(own)s)
    END"""

COLUMNS = """
WITH area AS ({area}), counted AS (
    SELECT code, {sums}
      FROM ({parts}) AS part
     GROUP BY code
)
SELECT string_agg(code, ',' ORDER BY code),
       string_agg(int8send(population), '' ORDER BY code){told}
  FROM (SELECT * FROM area LEFT JOIN counted USING (code) ORDER BY code) AS figure"""
COLUMN = """,
       string_agg(int8send(CAST(coalesce({field}, 0) AS bigint)), '' ORDER BY code)"""

# Of all of a level only what is counted: where each stands among them is known already, so that
# nothing need be sorted.
COLUMNS_OF_ALL = """
SELECT string_agg(code, ','){told}
  FROM (SELECT code, {sums} FROM ({parts}) AS part GROUP BY code) AS counted
 WHERE code IS NOT NULL"""
COLUMN_OF_ALL = """,
       string_agg(int8send(CAST({field} AS bigint)), '')"""

ALL_OF_LEVEL = """
SELECT string_agg(code, ',' ORDER BY code),
       string_agg(int8send(CAST(population AS bigint)), '' ORDER BY code)
  FROM territory
 WHERE level = :level"""

AMONG = "{place} = ANY(ARRAY(SELECT code FROM area))"

KEPT = """
    SELECT code, {sums}
      FROM rollup
     WHERE level = '{level}' AND theme = ANY(%(themes)s) AND status = ANY(%(statuses)s)
       AND {months}"""

FRESH = """
    SELECT {place} AS code, {sums}
      FROM rollup_delta
     WHERE status = ANY(%(statuses)s) AND {place} IS NOT NULL AND {fresh_months}"""

COUNTED = """
    SELECT {place} AS code, {sums}
      FROM initiative
     WHERE created_at >= %({start})s AND created_at < %({end})s AND {inside}
       AND status = ANY(%(statuses)s) AND {themes} AND {place} IS NOT NULL
     GROUP BY 1"""

# Communes where nobody lives cannot be silent.
SILENT = """
WITH area AS (
    SELECT code, {part} AS part, {inside} AS inside
      FROM territory WHERE level = 'commune' AND population > 0 AND {joined}
), by_part AS MATERIALIZED (
    SELECT part, inside, count(*) AS communes,
           count(*) FILTER (WHERE lively.code IS NULL) AS silent
      FROM area LEFT JOIN ({lively}) AS lively USING (code)
     GROUP BY part, inside
)
SELECT string_agg(int8send(CAST(coalesce(communes, 0) AS bigint)), '' ORDER BY place),
       string_agg(int8send(CAST(coalesce(silent, 0) AS bigint)), '' ORDER BY place),
       (SELECT int8send(CAST(coalesce(sum(communes), 0) AS bigint)) FROM by_part WHERE inside),
       (SELECT int8send(CAST(coalesce(sum(silent), 0) AS bigint)) FROM by_part WHERE inside)
  FROM unnest(CAST(%(codes)s AS text[])) WITH ORDINALITY AS asked (part, place)
  LEFT JOIN (SELECT part, sum(communes) AS communes, sum(silent) AS silent
               FROM by_part GROUP BY part) AS told USING (part)"""

# Compaction leaves no row without an initiative: a row that is there holds some. So the index alone
# tells of all that nothing was added to since; the others are summed up.
LIVELY = """
    SELECT DISTINCT code
      FROM rollup
     WHERE level = 'commune' AND theme = ANY(%(themes)s) AND status = ANY(%(statuses)s)
       AND {base_months}
       AND code NOT IN (SELECT commune FROM rollup_delta WHERE commune IS NOT NULL)
     UNION ALL
    SELECT code
      FROM (SELECT code, initiatives
              FROM rollup
             WHERE level = 'commune' AND theme = ANY(%(themes)s) AND status = ANY(%(statuses)s)
               AND {base_months}
               AND code IN (SELECT commune FROM rollup_delta WHERE commune IS NOT NULL)
             UNION ALL
            SELECT commune, initiatives
              FROM rollup_delta
             WHERE commune IS NOT NULL AND status = ANY(%(statuses)s) AND {bounds} AND {fresh}
           ) AS changed
     GROUP BY code
    HAVING sum(initiatives) > 0"""

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
                      AND month > '-infinity' AND {bounds}
                    ORDER BY month DESC LIMIT 1) AS own
             WHERE asked.code NOT IN (SELECT {place} FROM rollup_delta WHERE {place} IS NOT NULL)"""

# The months that hold something, of those that something was added to or taken from since.
CHANGED = """
            SELECT code, month
              FROM (SELECT code, month, initiatives
                      FROM rollup
                     WHERE level = '{level}' AND theme = ANY(%(themes)s)
                       AND status = ANY(%(statuses)s) AND month > '-infinity' AND {bounds}
                       AND code = ANY(ARRAY(SELECT DISTINCT {place} FROM rollup_delta
                                             WHERE {place} IS NOT NULL AND {fresh_among}))
                     UNION ALL
                    SELECT {place}, month, initiatives
                      FROM rollup_delta
                     WHERE status = ANY(%(statuses)s) AND {bounds} AND {fresh}
                       AND {place} IS NOT NULL AND {fresh_among}) AS changed
             GROUP BY code, month
            HAVING sum(initiatives) > 0"""

LAST_MONTH = """
    SELECT code, max(month) AS month
      FROM ({untouched} UNION ALL {changed}) AS held
     WHERE code = ANY(%(codes)s)
     GROUP BY code"""

# Sums and last months of all in one pass: over the sums of all months, which know their last one,
# or over the months of a period. What changed since then is looked at anew.
COLUMNS_AND_LAST = """
WITH touched AS MATERIALIZED (
    SELECT code, max(month) AS month FROM ({changed}) AS held GROUP BY code
), counted AS (
    SELECT code, sum(initiatives) AS initiatives, sum(supporters) AS supporters,
           max(month) AS month
      FROM (SELECT code, CAST(initiatives AS integer) AS initiatives,
                   CAST(supporters AS float8) AS supporters, {last} AS month
              FROM rollup
             WHERE level = '{level}' AND theme = ANY(%(themes)s) AND status = ANY(%(statuses)s)
               AND {months}
             UNION ALL
            SELECT {place}, CAST(initiatives AS integer), CAST(supporters AS float8),
                   CAST(NULL AS date)
              FROM rollup_delta
             WHERE status = ANY(%(statuses)s) AND {place} IS NOT NULL AND {bounds} AND {fresh}
           ) AS part
     GROUP BY code
)
SELECT string_agg(code, ','),
       string_agg(int8send(CAST(initiatives AS bigint)), ''),
       string_agg(int8send(CAST(supporters AS bigint)), ''),
       string_agg(int8send({number}), '')
  FROM (SELECT code, initiatives, supporters,
               CASE WHEN code IN (SELECT {place} FROM rollup_delta WHERE {place} IS NOT NULL)
                    THEN touched.month ELSE counted.month END AS month
          FROM counted LEFT JOIN touched USING (code)) AS figure"""

# Months since the year 0; -1 for none.
MONTH_NUMBER = """coalesce(
           CAST(extract(year FROM month) * 12 + extract(month FROM month) - 1 AS bigint), -1)"""

LAST_MONTHS = """
SELECT string_agg(int8send({number}), '' ORDER BY code)
  FROM ({area}) AS area
  LEFT JOIN ({months}) AS known USING (code)"""

LAST_DAYS = """
SELECT code, latest.created_at
  FROM ({months}) AS known
 CROSS JOIN LATERAL (
       SELECT created_at
         FROM initiative
        WHERE {own} AND initiative.created_at >= known.month AT TIME ZONE 'UTC'
          AND initiative.created_at < (known.month + interval '1 month') AT TIME ZONE 'UTC'
          AND status = ANY(%(statuses)s) AND {themes}
        ORDER BY created_at DESC LIMIT 1) AS latest"""

SERIES = """
SELECT month, CAST(sum(initiatives) AS bigint), CAST(sum(supporters) AS bigint)
  FROM (SELECT month, initiatives, supporters
          FROM rollup
         WHERE level = '{level}' AND code = %(code)s AND theme = ANY(%(themes)s)
           AND status = ANY(%(statuses)s) AND month > '-infinity'
         UNION ALL
        SELECT month, initiatives, supporters
          FROM rollup_delta
         WHERE {place} = %(code)s AND status = ANY(%(statuses)s) AND {fresh}) AS kept
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
