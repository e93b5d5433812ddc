-- When each territory last saw something, kept beside its sums: else 377,000 months were read for it.

ALTER TABLE rollup ADD COLUMN last date;
COMMENT ON COLUMN rollup.last IS 'Of the sum of all months (month = -infinity): the last one that holds something.';

UPDATE rollup AS whole
   SET last = held.month
  FROM (SELECT level, theme, status, code, max(month) AS month
          FROM rollup
         WHERE month > '-infinity' AND initiatives > 0
         GROUP BY level, theme, status, code) AS held
 WHERE whole.month = '-infinity'
   AND (whole.level, whole.theme, whole.status, whole.code)
     = (held.level, held.theme, held.status, held.code);

ALTER TABLE rollup
    DROP CONSTRAINT rollup_pkey,
    ADD PRIMARY KEY (level, theme, month, status, code)
        INCLUDE (initiatives, supporters, told, local, last);

-- As before, and keeps the last months: one that gained something may be the last, and where the last
-- one lost all it held, the one before it is looked up.
CREATE OR REPLACE FUNCTION rollup_compact() RETURNS bigint
    LANGUAGE plpgsql
AS $$
DECLARE
    folded bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('rollup_compact'));
    WITH taken AS (
        DELETE FROM rollup_delta RETURNING *
    ), monthly AS (
        SELECT place.level, place.code, status, theme, month, sum(initiatives) AS initiatives,
               sum(supporters) AS supporters, sum(told) AS told, sum(local) AS local
          FROM taken
         CROSS JOIN LATERAL (VALUES ('country', 'FR'), ('region', region), ('departement', departement),
                                    ('epci', epci), ('commune', commune)) AS place (level, code)
         WHERE place.code IS NOT NULL
         GROUP BY place.level, place.code, status, theme, month
    ), territories AS (
        INSERT INTO rollup AS base (level, status, theme, month, code, initiatives, supporters, told, local, last)
        SELECT level, status, coalesce(theme, ''), coalesce(month, '-infinity'::date), code,
               sum(initiatives), sum(supporters), sum(told), sum(local),
               CASE WHEN grouping(month) = 1 THEN max(month) FILTER (WHERE initiatives > 0) END
          FROM monthly
         GROUP BY level, code, status, CUBE (theme, month)
        HAVING sum(initiatives) <> 0 OR sum(supporters) <> 0 OR sum(told) <> 0 OR sum(local) <> 0
            OR (grouping(month) = 1 AND bool_or(initiatives > 0))
            ON CONFLICT (level, theme, month, status, code) DO UPDATE
           SET initiatives = base.initiatives + excluded.initiatives,
               supporters = base.supporters + excluded.supporters,
               told = base.told + excluded.told,
               local = base.local + excluded.local,
               last = greatest(base.last, excluded.last)
    ), cells AS (
        INSERT INTO rollup_cell AS base (zoom, cell, status, theme, initiatives, sum_x, sum_y)
        SELECT zoom, cell >> (2 * (rollup_finest_zoom() - zoom)), status, theme,
               sum(initiatives), sum(sum_x), sum(sum_y)
          FROM taken
         CROSS JOIN generate_series(3, rollup_finest_zoom()) AS zoom
         WHERE cell IS NOT NULL
         GROUP BY 1, 2, 3, 4
        HAVING sum(initiatives) <> 0 OR sum(sum_x) <> 0 OR sum(sum_y) <> 0
            ON CONFLICT (zoom, cell, status, theme) DO UPDATE
           SET initiatives = base.initiatives + excluded.initiatives,
               sum_x = base.sum_x + excluded.sum_x,
               sum_y = base.sum_y + excluded.sum_y
    )
    SELECT count(*) INTO folded FROM taken;
    WITH gone AS (
        DELETE FROM rollup WHERE initiatives = 0 AND supporters = 0
        RETURNING level, theme, status, code, month
    )
    UPDATE rollup AS whole
       SET last = (SELECT max(held.month)
                     FROM rollup AS held
                    WHERE held.level = whole.level AND held.theme = whole.theme
                      AND held.status = whole.status AND held.code = whole.code
                      AND held.month > '-infinity' AND held.initiatives > 0)
      FROM gone
     WHERE whole.month = '-infinity' AND whole.initiatives <> 0 AND whole.last = gone.month
       AND (whole.level, whole.theme, whole.status, whole.code)
         = (gone.level, gone.theme, gone.status, gone.code);
    DELETE FROM rollup_cell WHERE initiatives = 0;
    RETURN folded;
END
$$;
