-- The months of each territory in one row, as arrays that are read whole: all communes of France over
-- any period are some 50,000 rows and not 400,000. So `rollup.last`, which told of one thing only, goes.

-- Nobody folds anything in meanwhile: the series would lack it.
SELECT pg_advisory_xact_lock(hashtext('rollup_compact'));

CREATE FUNCTION rollup_month_number(month date) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT CAST(extract(year FROM month) * 12 + extract(month FROM month) - 1 AS integer) $$;

CREATE TABLE rollup_series (
    level text NOT NULL,
    theme text NOT NULL,
    status text NOT NULL,
    code text NOT NULL,
    months bytea NOT NULL,
    initiatives bytea NOT NULL,
    supporters bytea NOT NULL,
    told bytea NOT NULL,
    local bytea NOT NULL,
    PRIMARY KEY (level, theme, status, code)
);
COMMENT ON TABLE rollup_series IS 'Months of `rollup`, one row a territory, theme and status: big-endian integers side by side, by month.';
COMMENT ON COLUMN rollup_series.months IS 'int4: months since the year 0';
COMMENT ON COLUMN rollup_series.initiatives IS 'int4';
COMMENT ON COLUMN rollup_series.supporters IS 'int8';
COMMENT ON COLUMN rollup_series.told IS 'int4';
COMMENT ON COLUMN rollup_series.local IS 'int4';

-- What `rollup_series` holds, as the months say it.
CREATE VIEW rollup_series_due AS
SELECT level, theme, status, code,
       string_agg(int4send(rollup_month_number(month)), '' ORDER BY month) AS months,
       string_agg(int4send(initiatives), '' ORDER BY month) AS initiatives,
       string_agg(int8send(supporters), '' ORDER BY month) AS supporters,
       string_agg(int4send(told), '' ORDER BY month) AS told,
       string_agg(int4send(local), '' ORDER BY month) AS local
  FROM rollup
 WHERE month > '-infinity'
 GROUP BY level, theme, status, code;

INSERT INTO rollup_series SELECT * FROM rollup_series_due ORDER BY level, theme, status, code;
ANALYZE rollup_series;

ALTER TABLE rollup
    DROP CONSTRAINT rollup_pkey,
    DROP COLUMN last,
    ADD PRIMARY KEY (level, theme, month, status, code) INCLUDE (initiatives, supporters, told, local);

CREATE OR REPLACE FUNCTION rollup_after_truncate() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    TRUNCATE rollup, rollup_series, rollup_cell, rollup_delta;
    RETURN NULL;
END
$$;

-- As before `rollup.last`, and then writes anew each series of which a month changed.
CREATE OR REPLACE FUNCTION rollup_compact() RETURNS bigint
    LANGUAGE plpgsql
AS $$
DECLARE
    folded bigint;
    levels text[];
    themes text[];
    statuses text[];
    codes text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('rollup_compact'));
    WITH taken AS (
        DELETE FROM rollup_delta RETURNING *
    ), territories AS (
        INSERT INTO rollup AS base (level, status, theme, month, code, initiatives, supporters, told, local)
        SELECT place.level, status, coalesce(theme, ''), coalesce(month, '-infinity'::date), place.code,
               sum(initiatives), sum(supporters), sum(told), sum(local)
          FROM taken
         CROSS JOIN LATERAL (VALUES ('country', 'FR'), ('region', region), ('departement', departement),
                                    ('epci', epci), ('commune', commune)) AS place (level, code)
         WHERE place.code IS NOT NULL
         GROUP BY place.level, place.code, status, CUBE (theme, month)
        HAVING sum(initiatives) <> 0 OR sum(supporters) <> 0 OR sum(told) <> 0 OR sum(local) <> 0
            ON CONFLICT (level, theme, month, status, code) DO UPDATE
           SET initiatives = base.initiatives + excluded.initiatives,
               supporters = base.supporters + excluded.supporters,
               told = base.told + excluded.told,
               local = base.local + excluded.local
        RETURNING level, theme, status, code, month
    ), touched AS (
        SELECT DISTINCT level, theme, status, code FROM territories WHERE month > '-infinity'
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
    SELECT (SELECT count(*) FROM taken),
           array_agg(level), array_agg(theme), array_agg(status), array_agg(code)
      INTO folded, levels, themes, statuses, codes
      FROM touched;
    WITH gone AS (
        DELETE FROM rollup WHERE initiatives = 0 AND supporters = 0
        RETURNING level, theme, status, code, month
    )
    DELETE FROM rollup_series AS kept
     USING gone
     WHERE gone.month = '-infinity'
       AND (kept.level, kept.theme, kept.status, kept.code)
         = (gone.level, gone.theme, gone.status, gone.code);
    DELETE FROM rollup_cell WHERE initiatives = 0;
    INSERT INTO rollup_series AS kept
    SELECT due.*
      FROM unnest(levels, themes, statuses, codes) AS touched (level, theme, status, code)
     CROSS JOIN LATERAL (
           SELECT * FROM rollup_series_due AS own
            WHERE own.level = touched.level AND own.theme = touched.theme
              AND own.status = touched.status AND own.code = touched.code
           OFFSET 0) AS due
        ON CONFLICT (level, theme, status, code) DO UPDATE
       SET months = excluded.months, initiatives = excluded.initiatives,
           supporters = excluded.supporters, told = excluded.told, local = excluded.local;
    RETURN folded;
END
$$;

-- As before; forgets the series too, and waits for a compaction before it takes any table.
CREATE OR REPLACE FUNCTION rollup_rebuild() RETURNS bigint
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('rollup_compact'));
    LOCK TABLE initiative IN SHARE ROW EXCLUSIVE MODE;
    TRUNCATE rollup, rollup_series, rollup_cell, rollup_delta;
    EXECUTE rollup_append_sql('SELECT 1 AS sign, * FROM initiative');
    RETURN rollup_compact();
END
$$;

-- Else its month would have no number, or be taken for that of all months. Last, as readers too come to
-- the rollups first.
ALTER TABLE initiative
    ADD CONSTRAINT initiative_created_at_check CHECK (created_at >= '0001-01-01' AND created_at < 'infinity');
