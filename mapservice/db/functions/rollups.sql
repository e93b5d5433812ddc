-- Counts by territory, month, theme and grid cell, as base plus deltas: of initiatives, groups and events, each in a
-- column of its own, so that a sum of one never takes in another.
--
-- Triggers append what each statement changed to `rollup_delta`, in the writer's transaction and without
-- touching a shared row, so writers never wait for one another. Readers add base and deltas in one
-- snapshot. `rollup_compact()` folds the deltas into the base.

CREATE OR REPLACE FUNCTION rollup_finest_zoom() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 14;
COMMENT ON FUNCTION rollup_finest_zoom IS
    'The finest grid that rollup_cell keeps: tiles of zoom z use cells of zoom z + 3, up to tile zoom 11.';

CREATE OR REPLACE FUNCTION rollup_month(at timestamptz) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(date_trunc('month', at AT TIME ZONE 'UTC')::date, 'infinity'::date);
COMMENT ON FUNCTION rollup_month IS
    'The month (UTC) under which a moment is counted, as its first day; infinity for null: what has no '
    'known day is in no month, and is counted beside them.';

CREATE OR REPLACE FUNCTION rollup_month_number(month date) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN isfinite(month)
                THEN CAST(extract(year FROM month) * 12 + extract(month FROM month) - 1 AS integer)
                ELSE -1 END;
COMMENT ON FUNCTION rollup_month_number IS
    'A month as rollup_series holds it: months since January of the year 0; -1 for infinity and '
    '-infinity.';

CREATE OR REPLACE FUNCTION rollup_measured_sql(counted text, source text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path FROM CURRENT
AS $$
    SELECT format(CASE counted
        WHEN 'initiative' THEN $statement$
            SELECT sign, commune, epci, departement, region, cell >> 20 AS cell, status, theme,
                   rollup_month(created_at) AS month, 1 AS initiatives, supporters, told_here AS told,
                   local_here AS local, coalesce(ST_X(anchor_3857)::bigint, 0) AS x,
                   coalesce(ST_Y(anchor_3857)::bigint, 0) AS y, 0 AS groups, 0 AS events
              FROM (%s) AS changed
        $statement$
        WHEN 'local_group' THEN $statement$
            SELECT sign, commune, epci, departement, region, NULL::bigint AS cell, status, theme,
                   rollup_month(published_at) AS month, 0 AS initiatives, 0 AS supporters, 0 AS told,
                   0 AS local, 0::bigint AS x, 0::bigint AS y, 1 AS groups, 0 AS events
              FROM (%s) AS changed
        $statement$
        WHEN 'event' THEN $statement$
            SELECT sign, commune, epci, departement, region, NULL::bigint AS cell, status, theme,
                   rollup_month(starts_at) AS month, 0 AS initiatives, 0 AS supporters, 0 AS told,
                   0 AS local, 0::bigint AS x, 0::bigint AS y, 0 AS groups, 1 AS events
              FROM (%s) AS changed
        $statement$
    END, source)
$$;
COMMENT ON FUNCTION rollup_measured_sql IS
    'A query that says what each row of another counts for, and where. The other one yields columns of '
    'initiative, local_group or event, whichever the first argument names, and sign, 1 for a row that '
    'came and -1 for one that went. Null for any other table.';

CREATE OR REPLACE FUNCTION rollup_append_sql(source text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path FROM CURRENT
AS $$
    SELECT format($statement$
        INSERT INTO rollup_delta (commune, epci, departement, region, cell, status, theme, month,
                                  initiatives, supporters, told, local, sum_x, sum_y, groups, events)
        SELECT commune, epci, departement, region, cell, status, theme, month,
               sum(sign * initiatives), sum(sign * supporters), sum(sign * told), sum(sign * local),
               sum(sign * x), sum(sign * y), sum(sign * groups), sum(sign * events)
          FROM (%s) AS measured
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
        HAVING sum(sign * initiatives) <> 0 OR sum(sign * supporters) <> 0 OR sum(sign * told) <> 0
            OR sum(sign * local) <> 0 OR sum(sign * x) <> 0 OR sum(sign * y) <> 0
            OR sum(sign * groups) <> 0 OR sum(sign * events) <> 0
    $statement$, source)
$$;
COMMENT ON FUNCTION rollup_append_sql IS
    'The statement that appends to rollup_delta what a query changed. The query yields what '
    'rollup_measured_sql() makes.';

CREATE OR REPLACE FUNCTION rollup_after_write() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    EXECUTE rollup_append_sql(rollup_measured_sql(TG_TABLE_NAME, CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM added'
        WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM removed'
        ELSE 'SELECT -1 AS sign, * FROM removed UNION ALL SELECT 1, * FROM added' END));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION rollup_after_write IS
    'Appends to rollup_delta what a statement changed in initiative, local_group or event.';

CREATE OR REPLACE FUNCTION rollup_append_all() RETURNS void
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    counted text;
BEGIN
    FOREACH counted IN ARRAY ARRAY['initiative', 'event', 'local_group'] LOOP
        EXECUTE rollup_append_sql(rollup_measured_sql(counted, format('SELECT 1 AS sign, * FROM %I', counted)));
    END LOOP;
END
$$;
COMMENT ON FUNCTION rollup_append_all IS 'Appends to rollup_delta all that is there to be counted.';

-- What is left in the other tables is counted again. Once the deltas are empty no transaction that wrote some is open
-- any more, so that a writer's rows are either seen here, or counted by its own trigger later.
CREATE OR REPLACE FUNCTION rollup_after_truncate() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('rollup_compact'));
    TRUNCATE rollup, rollup_series, rollup_cell, rollup_delta;
    PERFORM rollup_append_all();
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION rollup_after_truncate IS
    'Forgets all counts when a table that is counted is emptied, and counts the others again.';

-- One at a time; readers and writers go on meanwhile: the deltas vanish and the base changes in one instant.
-- Each series of which a month changed is written anew; one of which no month is left goes, though there
-- may still be what has no day, or groups and events, of which there is no series.
CREATE OR REPLACE FUNCTION rollup_compact() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
    ), summed AS MATERIALIZED (
        SELECT place.level, status, coalesce(theme, '') AS theme, coalesce(month, '-infinity'::date) AS month,
               place.code, sum(initiatives) AS initiatives, sum(supporters) AS supporters, sum(told) AS told,
               sum(local) AS local, sum(groups) AS groups, sum(events) AS events
          FROM taken
         CROSS JOIN LATERAL (VALUES ('country', 'FR'), ('region', region), ('departement', departement),
                                    ('epci', epci), ('commune', commune)) AS place (level, code)
         WHERE place.code IS NOT NULL
         GROUP BY place.level, place.code, status, CUBE (theme, month)
        HAVING sum(initiatives) <> 0 OR sum(supporters) <> 0 OR sum(told) <> 0 OR sum(local) <> 0
            OR sum(groups) <> 0 OR sum(events) <> 0
    ), territories AS (
        INSERT INTO rollup AS base (level, status, theme, month, code, initiatives, supporters, told, local,
                                    groups, events)
        SELECT level, status, theme, month, code, initiatives, supporters, told, local, groups, events
          FROM summed
            ON CONFLICT (level, theme, month, status, code) DO UPDATE
           SET initiatives = base.initiatives + excluded.initiatives,
               supporters = base.supporters + excluded.supporters,
               told = base.told + excluded.told,
               local = base.local + excluded.local,
               groups = base.groups + excluded.groups,
               events = base.events + excluded.events
    ), touched AS (
        SELECT DISTINCT level, theme, status, code FROM summed
         WHERE month > '-infinity' AND month < 'infinity'
           AND (initiatives <> 0 OR supporters <> 0 OR told <> 0 OR local <> 0)
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
    DELETE FROM rollup WHERE initiatives = 0 AND supporters = 0 AND groups = 0 AND events = 0;
    DELETE FROM rollup_cell WHERE initiatives = 0;
    WITH touched AS (
        SELECT * FROM unnest(levels, themes, statuses, codes) AS one (level, theme, status, code)
    ), due AS (
        SELECT own.*
          FROM touched
         CROSS JOIN LATERAL (
               SELECT * FROM rollup_series_due AS one
                WHERE one.level = touched.level AND one.theme = touched.theme
                  AND one.status = touched.status AND one.code = touched.code
               OFFSET 0) AS own
    ), gone AS (
        DELETE FROM rollup_series AS kept
         USING touched
         WHERE (kept.level, kept.theme, kept.status, kept.code)
             = (touched.level, touched.theme, touched.status, touched.code)
           AND NOT EXISTS (
               SELECT FROM rollup
                WHERE rollup.level = touched.level AND rollup.theme = touched.theme
                  AND rollup.status = touched.status AND rollup.code = touched.code
                  AND month > '-infinity' AND month < 'infinity' AND initiatives <> 0)
    )
    INSERT INTO rollup_series AS kept
    SELECT * FROM due
        ON CONFLICT (level, theme, status, code) DO UPDATE
       SET months = excluded.months, initiatives = excluded.initiatives,
           supporters = excluded.supporters, told = excluded.told, local = excluded.local;
    RETURN folded;
END
$$;
COMMENT ON FUNCTION rollup_compact IS
    'Folds rollup_delta into rollup, rollup_series and rollup_cell; returns how many deltas it folded.';

-- All communes of France are read at once, in the order of the key: row by row from pages all over the table that
-- takes twice as long as from pages that hold it together. Readers see the old rows until this ends.
CREATE OR REPLACE FUNCTION rollup_sort_series() RETURNS boolean
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    series bigint;
    leaps bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('rollup_compact'));
    SELECT count(*), count(*) FILTER (WHERE page <> former)
      INTO series, leaps
      FROM (SELECT page, lag(page) OVER (ORDER BY level, theme, status, code) AS former
              FROM (SELECT level, theme, status, code, (ctid::text::point)[0] AS page
                      FROM rollup_series) AS stored) AS read;
    IF leaps * 4 < series THEN
        RETURN false;
    END IF;
    WITH taken AS (
        DELETE FROM rollup_series RETURNING *
    )
    INSERT INTO rollup_series SELECT * FROM taken ORDER BY level, theme, status, code;
    RETURN true;
END
$$;
COMMENT ON FUNCTION rollup_sort_series IS
    'Writes rollup_series anew in the order of its key where every fourth row or more stands on another page '
    'than the one before it; returns whether it did.';

-- Waits for a compaction before it takes any table.
CREATE OR REPLACE FUNCTION rollup_rebuild() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('rollup_compact'));
    -- In the order in which a load of territories writes them.
    LOCK TABLE initiative, event, local_group IN SHARE ROW EXCLUSIVE MODE;
    TRUNCATE rollup, rollup_series, rollup_cell, rollup_delta;
    PERFORM rollup_append_all();
    -- Tiles and pages may be kept that were made of the counts of before.
    PERFORM pg_notify('tile_changes', '*');
    RETURN rollup_compact();
END
$$;
COMMENT ON FUNCTION rollup_rebuild IS
    'Forgets all counts and counts initiatives, groups and events again, while writers wait; returns how '
    'many deltas that made.';
