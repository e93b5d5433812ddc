-- Counts of supports: kept in `initiative` in the transaction of whoever changes a support.

CREATE OR REPLACE FUNCTION support_recount(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    UPDATE initiative
       SET supporters = coalesce(counted, 0),
           told_here = coalesce(told, 0), local_here = coalesce(local, 0)
      FROM unnest(ids) AS asked (identifier)
      LEFT JOIN (SELECT initiative, count(*) AS counted FROM support_once
                  WHERE initiative = ANY (ids) GROUP BY initiative) AS recounted
             ON recounted.initiative = asked.identifier
      LEFT JOIN (SELECT * FROM support_local WHERE initiative = ANY (ids)) AS around
             ON around.initiative = asked.identifier
     WHERE id = identifier
       AND (supporters, told_here, local_here)
           <> (coalesce(counted, 0), coalesce(told, 0), coalesce(local, 0));
END
$$;
COMMENT ON FUNCTION support_recount IS
    'Counts the supports of these initiatives anew; the caller holds their rows.';

CREATE OR REPLACE FUNCTION support_recount_local(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION support_recount_local IS
    'Counts anew how many supporters of these initiatives are local; the caller holds their rows.';

-- Rows are locked in one order, so that statements about several initiatives never wait for one another in
-- a ring; the lock makes the sum one of the latest. What others are merged into is counted anew, for a
-- person may count by another support.
CREATE OR REPLACE FUNCTION support_count() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    ids    uuid[];
    deltas integer[];
    above  uuid[];
BEGIN
    EXECUTE format($statement$
        SELECT array_agg(initiative), array_agg(delta)
          FROM (SELECT initiative, sum(delta)::integer AS delta
                  FROM (SELECT initiative, sum(sign) AS delta
                          FROM (%s) AS changed
                         WHERE withdrawn_at IS NULL AND held_at IS NULL
                         GROUP BY initiative, commune, person
                        HAVING sum(sign) <> 0) AS by_who
                 GROUP BY initiative) AS summed
    $statement$, CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM added'
        WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM removed'
        ELSE 'SELECT -1 AS sign, * FROM removed UNION ALL SELECT 1, * FROM added' END)
       INTO ids, deltas;
    IF ids IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(DISTINCT ancestor) INTO above FROM merge_line WHERE member = ANY (ids);
    PERFORM FROM initiative WHERE id = ANY (ids || above) ORDER BY id FOR NO KEY UPDATE;
    UPDATE initiative
       SET supporters = supporters + delta,
           told_here = coalesce(told, 0), local_here = coalesce(local, 0)
      FROM unnest(ids, deltas) AS changed (identifier, delta)
      LEFT JOIN (SELECT * FROM support_local WHERE initiative = ANY (ids)) AS recounted
             ON recounted.initiative = changed.identifier
     WHERE id = identifier AND id <> ALL (coalesce(above, '{}'))
       AND (delta, told_here, local_here) <> (0, coalesce(told, 0), coalesce(local, 0));
    IF above IS NOT NULL THEN
        PERFORM support_recount(above);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION support_count IS
    'Adds to the counts of initiatives what a statement changed in support, and counts anew who is local.';

CREATE OR REPLACE FUNCTION support_after_truncate() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    UPDATE initiative SET supporters = 0, told_here = 0, local_here = 0 WHERE supporters > 0;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION support_after_truncate IS 'Sets all counts of supports to 0 when support is emptied.';

CREATE OR REPLACE FUNCTION initiative_moved() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM support_recount_local(ARRAY[NEW.id]);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION initiative_moved IS
    'Counts anew who is local to an initiative that moved: it has other neighbours.';

CREATE OR REPLACE FUNCTION support_after_load() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION support_after_load IS
    'Counts anew who is local after a load of territories: neighbours may have become strangers, also '
    'where an initiative stayed.';
