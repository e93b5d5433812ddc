-- What figures of coordination read, at any size: indexes that hold all they need, and local shares.

-- Kept local shares: who backs an initiative, says where they live, and lives around it.

ALTER TABLE initiative
    ADD COLUMN told_here integer NOT NULL DEFAULT 0,
    ADD COLUMN local_here integer NOT NULL DEFAULT 0,
    -- Not held against `supported_here`: two writes of one statement change them one after the other.
    ADD CONSTRAINT initiative_local_here_check CHECK (local_here BETWEEN 0 AND told_here);
COMMENT ON COLUMN initiative.told_here IS
    'How many of `supported_here` told their commune; none where there is no "here": a place that is all of France, or none.';
COMMENT ON COLUMN initiative.local_here IS 'How many of `told_here` live around it.';

ALTER TABLE rollup
    ADD COLUMN told integer NOT NULL DEFAULT 0,
    ADD COLUMN local integer NOT NULL DEFAULT 0;
ALTER TABLE rollup_delta
    ADD COLUMN told integer NOT NULL DEFAULT 0,
    ADD COLUMN local integer NOT NULL DEFAULT 0;

-- Around: in the commune or its intercommunality; where the place is wider, in it. Codes that a
-- commune had before a merger count for it.
CREATE VIEW support_local AS
SELECT given.initiative, sum(given.supports)::integer AS told,
       coalesce(sum(given.supports) FILTER (WHERE EXISTS (
           SELECT FROM (SELECT given.commune AS code
                         UNION ALL
                        SELECT alias.commune FROM territory_alias AS alias
                         WHERE alias.code = given.commune) AS said
             JOIN territory AS home ON home.level = 'commune' AND home.code = said.code
            WHERE CASE WHEN initiative.epci IS NOT NULL THEN home.epci = initiative.epci
                       WHEN initiative.commune IS NOT NULL THEN home.code = initiative.commune
                       WHEN initiative.departement IS NOT NULL THEN home.departement = initiative.departement
                       ELSE home.region = initiative.region END)), 0)::integer AS local
  FROM (SELECT initiative, commune, count(*) AS supports
          FROM support
         WHERE withdrawn_at IS NULL AND held_at IS NULL AND commune IS NOT NULL
         GROUP BY initiative, commune) AS given
  JOIN initiative ON initiative.id = given.initiative
 WHERE initiative.precision NOT IN ('national', 'none')
 GROUP BY given.initiative;

-- Counts again who is local to these; the caller holds their rows.
CREATE FUNCTION support_recount_local(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE initiative
       SET told_here = coalesce(told, 0), local_here = coalesce(local, 0)
      FROM unnest(ids) AS asked (identifier)
      LEFT JOIN (SELECT * FROM support_local WHERE initiative = ANY (ids)) AS recounted
             ON recounted.initiative = asked.identifier
     WHERE id = identifier AND (told_here, local_here) <> (coalesce(told, 0), coalesce(local, 0));
END
$$;

-- As before, and counts again who is local, where a support came, went, or told another commune.
CREATE OR REPLACE FUNCTION support_count() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    ids    uuid[];
    deltas integer[];
BEGIN
    EXECUTE format($statement$
        SELECT array_agg(initiative), array_agg(delta)
          FROM (SELECT initiative, sum(delta)::integer AS delta
                  FROM (SELECT initiative, sum(sign) AS delta
                          FROM (%s) AS changed
                         WHERE withdrawn_at IS NULL AND held_at IS NULL
                         GROUP BY initiative, commune
                        HAVING sum(sign) <> 0) AS by_commune
                 GROUP BY initiative) AS summed
    $statement$, CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM added'
        WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM removed'
        ELSE 'SELECT -1 AS sign, * FROM removed UNION ALL SELECT 1, * FROM added' END)
       INTO ids, deltas;
    IF ids IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM FROM initiative WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE initiative
       SET supporters = supporters + delta, supported_here = supported_here + delta,
           told_here = coalesce(told, 0), local_here = coalesce(local, 0)
      FROM unnest(ids, deltas) AS changed (identifier, delta)
      LEFT JOIN (SELECT * FROM support_local WHERE initiative = ANY (ids)) AS recounted
             ON recounted.initiative = changed.identifier
     WHERE id = identifier
       AND (delta, told_here, local_here) <> (0, coalesce(told, 0), coalesce(local, 0));
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION support_after_truncate() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE initiative
       SET supporters = supporters - supported_here, supported_here = 0, told_here = 0, local_here = 0
     WHERE supported_here > 0;
    RETURN NULL;
END
$$;

-- Who moves has other neighbours.
CREATE FUNCTION initiative_moved() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM support_recount_local(ARRAY[NEW.id]);
    RETURN NULL;
END
$$;
CREATE TRIGGER initiative_moved AFTER UPDATE OF precision, point, commune, epci, departement, region ON initiative
    FOR EACH ROW WHEN (OLD.supported_here > 0
        AND (OLD.precision, OLD.commune, OLD.epci, OLD.departement, OLD.region)
            IS DISTINCT FROM (NEW.precision, NEW.commune, NEW.epci, NEW.departement, NEW.region))
    EXECUTE FUNCTION initiative_moved();

CREATE OR REPLACE VIEW support_difference AS
SELECT id AS initiative, coalesce(supported_here, 0) AS supported_here, coalesce(counted, 0) AS counted,
       coalesce(told_here, 0) AS told_here, coalesce(told, 0) AS told,
       coalesce(local_here, 0) AS local_here, coalesce(local, 0) AS local
  FROM (SELECT id, supported_here, told_here, local_here FROM initiative
         WHERE supported_here > 0 OR told_here > 0) AS kept
  FULL JOIN (SELECT initiative AS id, count(*) AS counted FROM support
              WHERE withdrawn_at IS NULL AND held_at IS NULL GROUP BY initiative) AS recounted USING (id)
  LEFT JOIN (SELECT initiative AS id, told, local FROM support_local) AS around USING (id)
 WHERE (coalesce(supported_here, 0), coalesce(told_here, 0), coalesce(local_here, 0))
       <> (coalesce(counted, 0), coalesce(told, 0), coalesce(local, 0));

-- Another set of territories may make neighbours of strangers, also where an initiative stayed.
CREATE FUNCTION support_after_load() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    ids uuid[];
BEGIN
    SELECT array_agg(id) INTO ids
      FROM (SELECT id FROM initiative
             WHERE id IN (SELECT initiative FROM support_difference)
             ORDER BY id FOR NO KEY UPDATE) AS held;
    PERFORM support_recount_local(ids);
    RETURN NULL;
END
$$;
CREATE TRIGGER support_load AFTER INSERT ON territory_load
    FOR EACH STATEMENT EXECUTE FUNCTION support_after_load();

-- The rollups follow: the functions of rollups.sql with two sums more.
CREATE OR REPLACE FUNCTION rollup_append_sql(source text) RETURNS text
    LANGUAGE sql IMMUTABLE
AS $$
    SELECT format($statement$
        INSERT INTO rollup_delta (commune, epci, departement, region, cell, status, theme, month,
                                  initiatives, supporters, told, local, sum_x, sum_y)
        SELECT commune, epci, departement, region, cell >> 20, status, theme, rollup_month(created_at),
               sum(sign), sum(sign * supporters), sum(sign * told_here), sum(sign * local_here),
               coalesce(sum(sign * x), 0), coalesce(sum(sign * y), 0)
          FROM (SELECT *, ST_X(anchor_3857)::bigint AS x, ST_Y(anchor_3857)::bigint AS y
                  FROM (%s) AS changed) AS located
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
        HAVING sum(sign) <> 0 OR sum(sign * supporters) <> 0 OR sum(sign * told_here) <> 0
            OR sum(sign * local_here) <> 0 OR sum(sign * x) <> 0 OR sum(sign * y) <> 0
    $statement$, source)
$$;

CREATE OR REPLACE VIEW rollup_delta_level AS
SELECT place.level, delta.status, delta.theme, delta.month, place.code, delta.initiatives, delta.supporters,
       delta.told, delta.local
  FROM rollup_delta AS delta
 CROSS JOIN LATERAL (VALUES ('country', 'FR'), ('region', delta.region), ('departement', delta.departement),
                            ('epci', delta.epci), ('commune', delta.commune)) AS place (level, code)
 WHERE place.code IS NOT NULL;

CREATE OR REPLACE FUNCTION rollup_compact() RETURNS bigint
    LANGUAGE plpgsql
AS $$
DECLARE
    folded bigint;
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

-- Of many territories sums are read from this index alone. The sums were read by the condition of
-- `rollup_empty` already, so that an update changes every index as it did before.
ALTER TABLE rollup
    DROP CONSTRAINT rollup_pkey,
    ADD PRIMARY KEY (level, theme, month, status, code) INCLUDE (initiatives, supporters, told, local);
-- Of a few: theirs, and the last month of each in one step.
DROP INDEX rollup_code;
CREATE INDEX rollup_code ON rollup (level, theme, status, code, month);
-- An index alone can only tell of pages that were vacuumed since they changed.
ALTER TABLE rollup SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
-- Where a territory lies, and how many live there, without its outline.
CREATE INDEX territory_figures ON territory (level, code) INCLUDE (population, epci, departement, region);

-- Supports given before this migration.
SELECT support_recount_local(array_agg(initiative ORDER BY initiative)) FROM support_difference;
