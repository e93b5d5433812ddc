-- A date that nobody told is unknown. Kept dates stay as they are: whether an import invented one is
-- seen when its file is imported again, which sets it right.

-- Nobody folds anything in meanwhile.
SELECT pg_advisory_xact_lock(hashtext('rollup_compact'));

ALTER TABLE initiative
    ALTER COLUMN created_at DROP NOT NULL,
    ALTER COLUMN created_at DROP DEFAULT,
    ALTER COLUMN updated_at DROP NOT NULL,
    ALTER COLUMN updated_at DROP DEFAULT,
    ADD COLUMN created_period text
        CONSTRAINT initiative_created_period_check CHECK (created_period ~ '^[0-9]{4}(-(0[1-9]|1[0-2]))?$'),
    ADD CONSTRAINT initiative_created_once_check CHECK (created_at IS NULL OR created_period IS NULL);
COMMENT ON COLUMN initiative.created_at IS 'The day that somebody told, or the moment if that was here; null: unknown.';
COMMENT ON COLUMN initiative.created_period IS 'A year or a month (ISO 8601, "2022" or "2022-03") where no day was told.';
COMMENT ON COLUMN initiative.updated_at IS 'As its source tells, or since when it stands so here; null: unknown. Our own clock is `changed_at`.';

-- Newest first, and unknown last: what is unknown stands for a moment before all others, so that an order
-- and what follows a cursor are plain ranges of one index.
DROP INDEX initiative_recent, initiative_theme, initiative_status, initiative_commune, initiative_epci,
           initiative_departement, initiative_region;
CREATE INDEX initiative_recent ON initiative (coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_theme ON initiative (theme, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_status ON initiative (status, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC)
    WHERE status NOT IN ('published', 'done');
CREATE INDEX initiative_commune ON initiative (commune, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_epci ON initiative (epci, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_departement ON initiative (departement, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_region ON initiative (region, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
-- For comparisons that must not take unknown for early, and for oldest first.
CREATE INDEX initiative_created ON initiative (created_at, id);

-- As before, and sees where an initiative comes from. A date of its source is left to its source: one that
-- is unknown stays so, and an import writes what the source tells.
CREATE OR REPLACE FUNCTION initiative_touch() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.changed_at := clock_timestamp();
    ELSIF (NEW.title, NEW.summary, NEW.theme, NEW.status, NEW.scale, NEW.commune, NEW.epci, NEW.departement,
           NEW.region, NEW.precision, NEW.supporters, NEW.created_at, NEW.created_period, NEW.updated_at,
           NEW.source_platform, NEW.source_url, NEW.source_licence, NEW.description)
          IS DISTINCT FROM
          (OLD.title, OLD.summary, OLD.theme, OLD.status, OLD.scale, OLD.commune, OLD.epci, OLD.departement,
           OLD.region, OLD.precision, OLD.supporters, OLD.created_at, OLD.created_period, OLD.updated_at,
           OLD.source_platform, OLD.source_url, OLD.source_licence, OLD.description)
          OR public.ST_AsBinary(NEW.anchor) IS DISTINCT FROM public.ST_AsBinary(OLD.anchor) THEN
        NEW.changed_at := clock_timestamp();
        IF NEW.updated_at = OLD.updated_at AND NEW.source_digest IS NOT DISTINCT FROM OLD.source_digest THEN
            NEW.updated_at := greatest(NEW.changed_at, NEW.created_at, OLD.updated_at);
        END IF;
    END IF;
    RETURN NEW;
END
$$;

-- A name that changes is seen in every initiative there; no initiative was changed by anybody.
CREATE OR REPLACE FUNCTION territory_renamed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_catalog
AS $$
BEGIN
    IF NEW.level = 'commune' THEN
        UPDATE initiative SET changed_at = clock_timestamp() WHERE commune = NEW.code;
    ELSE
        UPDATE initiative SET changed_at = clock_timestamp() WHERE region = NEW.code;
    END IF;
    RETURN NULL;
END
$$;

-- What has no known day is in no month: it is counted beside them, under a month that never comes.
CREATE OR REPLACE FUNCTION rollup_month(at timestamptz) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(date_trunc('month', at AT TIME ZONE 'UTC')::date, 'infinity'::date);
COMMENT ON TABLE rollup IS
    'Sums kept at four grains: theme '''' stands for all themes, month ''-infinity'' for all initiatives, ''infinity'' for those without a known day.';

CREATE OR REPLACE FUNCTION rollup_month_number(month date) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN isfinite(month)
                THEN CAST(extract(year FROM month) * 12 + extract(month FROM month) - 1 AS integer)
                ELSE -1 END;

CREATE OR REPLACE VIEW rollup_series_due AS
SELECT level, theme, status, code,
       string_agg(int4send(rollup_month_number(month)), '' ORDER BY month) AS months,
       string_agg(int4send(initiatives), '' ORDER BY month) AS initiatives,
       string_agg(int8send(supporters), '' ORDER BY month) AS supporters,
       string_agg(int4send(told), '' ORDER BY month) AS told,
       string_agg(int4send(local), '' ORDER BY month) AS local
  FROM rollup
 WHERE month > '-infinity' AND month < 'infinity'
 GROUP BY level, theme, status, code;

-- As before, and forgets the series of which no month is left, though there still is what has no day.
CREATE OR REPLACE FUNCTION rollup_compact() RETURNS bigint
    LANGUAGE plpgsql SET search_path = public, pg_catalog
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
        SELECT DISTINCT level, theme, status, code FROM territories
         WHERE month > '-infinity' AND month < 'infinity'
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
    DELETE FROM rollup WHERE initiatives = 0 AND supporters = 0;
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
                  AND month > '-infinity' AND month < 'infinity')
    )
    INSERT INTO rollup_series AS kept
    SELECT * FROM due
        ON CONFLICT (level, theme, status, code) DO UPDATE
       SET months = excluded.months, initiatives = excluded.initiatives,
           supporters = excluded.supporters, told = excluded.told, local = excluded.local;
    RETURN folded;
END
$$;

ANALYZE initiative;
