-- Counts per territory and per grid cell, as base plus deltas.
--
-- Triggers append what each statement changed to `rollup_delta`, in the writer's transaction and
-- without touching a shared row, so writers never wait for one another. Readers add base and
-- deltas in one snapshot. `rollup_compact()` folds the deltas into the base.

CREATE TABLE rollup (
    level       text    NOT NULL CHECK (level IN ('country', 'region', 'departement', 'epci', 'commune')),
    status      text    NOT NULL,
    theme       text    NOT NULL,
    month       date    NOT NULL,
    code        text    NOT NULL,
    initiatives integer NOT NULL,
    supporters  bigint  NOT NULL,
    PRIMARY KEY (level, theme, month, status, code)
);
COMMENT ON TABLE rollup IS
    'Sums kept at four grains: theme '''' stands for all themes, month ''-infinity'' for all months.';
CREATE INDEX rollup_code ON rollup (level, code);
CREATE INDEX rollup_empty ON rollup (level) WHERE initiatives = 0 AND supporters = 0;

-- Grid of the vector tiles: cell is a Morton code at `zoom`; sums are metres in EPSG:3857.
CREATE TABLE rollup_cell (
    zoom        smallint NOT NULL,
    cell        bigint   NOT NULL,
    status      text     NOT NULL,
    theme       text     NOT NULL,
    initiatives integer  NOT NULL,
    sum_x       bigint   NOT NULL,
    sum_y       bigint   NOT NULL,
    PRIMARY KEY (zoom, cell, status, theme) INCLUDE (initiatives, sum_x, sum_y)
);
CREATE INDEX rollup_cell_empty ON rollup_cell (zoom) WHERE initiatives = 0;

CREATE TABLE rollup_delta (
    id          bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    commune     text,
    epci        text,
    departement text,
    region      text,
    cell        bigint,
    status      text    NOT NULL,
    theme       text    NOT NULL,
    month       date    NOT NULL,
    initiatives integer NOT NULL,
    supporters  bigint  NOT NULL,
    sum_x       bigint  NOT NULL,
    sum_y       bigint  NOT NULL
);
CREATE INDEX rollup_delta_cell ON rollup_delta (cell);
CREATE INDEX rollup_delta_commune ON rollup_delta (commune);

-- The finest grid kept: tiles of zoom z use cells of zoom z + 3, up to tile zoom 11.
CREATE FUNCTION rollup_finest_zoom() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 14 $$;

-- What a set of initiatives adds to the counts; months are those of UTC.
CREATE FUNCTION rollup_month(at timestamptz) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT date_trunc('month', at AT TIME ZONE 'UTC')::date $$;

-- The statement that appends what `source` changed: rows of `initiative` with a `sign` of 1 or -1.
CREATE FUNCTION rollup_append_sql(source text) RETURNS text
    LANGUAGE sql IMMUTABLE
AS $$
    SELECT format($statement$
        INSERT INTO rollup_delta (commune, epci, departement, region, cell, status, theme, month,
                                  initiatives, supporters, sum_x, sum_y)
        SELECT commune, epci, departement, region, cell >> 20, status, theme, rollup_month(created_at),
               sum(sign), sum(sign * supporters), coalesce(sum(sign * x), 0), coalesce(sum(sign * y), 0)
          FROM (SELECT *, ST_X(anchor_3857)::bigint AS x, ST_Y(anchor_3857)::bigint AS y
                  FROM (%s) AS changed) AS located
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
        HAVING sum(sign) <> 0 OR sum(sign * supporters) <> 0 OR sum(sign * x) <> 0 OR sum(sign * y) <> 0
    $statement$, source)
$$;

CREATE FUNCTION rollup_after_write() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE rollup_append_sql(CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM added'
        WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM removed'
        ELSE 'SELECT -1 AS sign, * FROM removed UNION ALL SELECT 1, * FROM added' END);
    RETURN NULL;
END
$$;

CREATE FUNCTION rollup_after_truncate() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    TRUNCATE rollup, rollup_cell, rollup_delta;
    RETURN NULL;
END
$$;

CREATE TRIGGER rollup_insert AFTER INSERT ON initiative
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();
CREATE TRIGGER rollup_update AFTER UPDATE ON initiative
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();
CREATE TRIGGER rollup_delete AFTER DELETE ON initiative
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();
CREATE TRIGGER rollup_truncate AFTER TRUNCATE ON initiative
    FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_truncate();

-- Changes spread over the levels, at the finest grain: the shape of `rollup` before summing.
CREATE VIEW rollup_delta_level AS
SELECT place.level, delta.status, delta.theme, delta.month, place.code, delta.initiatives, delta.supporters
  FROM rollup_delta AS delta
 CROSS JOIN LATERAL (VALUES ('country', 'FR'), ('region', delta.region), ('departement', delta.departement),
                            ('epci', delta.epci), ('commune', delta.commune)) AS place (level, code)
 WHERE place.code IS NOT NULL;

-- Folds the deltas into the base; returns how many it folded. One at a time; readers and writers
-- go on meanwhile: the deltas vanish and the base changes in one instant.
CREATE FUNCTION rollup_compact() RETURNS bigint
    LANGUAGE plpgsql
AS $$
DECLARE
    folded bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('rollup_compact'));
    WITH taken AS (
        DELETE FROM rollup_delta RETURNING *
    ), territories AS (
        INSERT INTO rollup AS base (level, status, theme, month, code, initiatives, supporters)
        SELECT place.level, status, coalesce(theme, ''), coalesce(month, '-infinity'::date), place.code,
               sum(initiatives), sum(supporters)
          FROM taken
         CROSS JOIN LATERAL (VALUES ('country', 'FR'), ('region', region), ('departement', departement),
                                    ('epci', epci), ('commune', commune)) AS place (level, code)
         WHERE place.code IS NOT NULL
         GROUP BY place.level, place.code, status, CUBE (theme, month)
        HAVING sum(initiatives) <> 0 OR sum(supporters) <> 0
            ON CONFLICT (level, theme, month, status, code) DO UPDATE
           SET initiatives = base.initiatives + excluded.initiatives,
               supporters = base.supporters + excluded.supporters
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
    DELETE FROM rollup WHERE initiatives = 0 AND supporters = 0;
    DELETE FROM rollup_cell WHERE initiatives = 0;
    RETURN folded;
END
$$;

-- Forgets all counts and counts again from the base table, while writers wait.
CREATE FUNCTION rollup_rebuild() RETURNS bigint
    LANGUAGE plpgsql
AS $$
BEGIN
    LOCK TABLE initiative IN SHARE ROW EXCLUSIVE MODE;
    TRUNCATE rollup, rollup_cell, rollup_delta;
    EXECUTE rollup_append_sql('SELECT 1 AS sign, * FROM initiative');
    RETURN rollup_compact();
END
$$;
