-- A support that nobody confirmed here is none: what a source tells of supports stands apart. And who
-- erases their account takes their supports along, as the page of erasure always said.

-- Made nameless by an erasure under the former rule. The triggers take them out of every count.
DELETE FROM support WHERE person IS NULL;

ALTER TABLE initiative
    ADD COLUMN source_supporters integer CHECK (source_supporters >= 0);
COMMENT ON COLUMN initiative.source_supporters IS
    'Supports that the source of an imported initiative tells; nobody confirmed them here. Null: it tells nothing.';

-- A published figure changes, so those who harvest must hear of it (`changed_at`); yet nobody edited
-- the initiative today (`updated_at`).
ALTER TABLE initiative DISABLE TRIGGER initiative_touch;
UPDATE initiative
   SET source_supporters = supporters - supported_here, supporters = supported_here,
       changed_at = clock_timestamp()
 WHERE supporters <> supported_here;
ALTER TABLE initiative ENABLE TRIGGER initiative_touch;

DROP TRIGGER initiative_moved ON initiative;
DROP VIEW support_difference;

-- Who counts for what, each person once: of several supports, one that tells a commune, and its own first.
CREATE OR REPLACE VIEW support_once AS
SELECT initiative, commune
  FROM support
 WHERE withdrawn_at IS NULL AND held_at IS NULL
   AND NOT EXISTS (SELECT FROM merge_line WHERE ancestor = support.initiative)
 UNION ALL
SELECT initiative, commune
  FROM (SELECT DISTINCT ON (line.ancestor, person) line.ancestor AS initiative, commune
          FROM merge_line AS line
          JOIN support ON support.initiative = line.member
         WHERE withdrawn_at IS NULL AND held_at IS NULL
         ORDER BY line.ancestor, person, commune IS NULL, line.member <> line.ancestor,
                  confirmed_at DESC, id) AS once;

ALTER TABLE support
    DROP COLUMN mailbox,
    DROP COLUMN twin,
    ALTER COLUMN person SET NOT NULL;
COMMENT ON COLUMN support.person IS 'Who confirmed it; it goes with their account.';

ALTER TABLE initiative DROP COLUMN supported_here;
COMMENT ON COLUMN initiative.supporters IS 'How many rows of `support` count, each person once.';
COMMENT ON COLUMN initiative.told_here IS
    'How many of `supporters` told their commune; none where there is no "here": a place that is all of France, or none.';

CREATE TRIGGER initiative_moved AFTER UPDATE OF precision, point, commune, epci, departement, region ON initiative
    FOR EACH ROW WHEN (OLD.supporters > 0
        AND (OLD.precision, OLD.commune, OLD.epci, OLD.departement, OLD.region)
            IS DISTINCT FROM (NEW.precision, NEW.commune, NEW.epci, NEW.departement, NEW.region))
    EXECUTE FUNCTION initiative_moved();

-- Initiatives whose count is not that of their supports: none, unless somebody wrote past the triggers.
CREATE VIEW support_difference AS
SELECT id AS initiative, coalesce(supporters, 0) AS supporters, coalesce(counted, 0) AS counted,
       coalesce(told_here, 0) AS told_here, coalesce(told, 0) AS told,
       coalesce(local_here, 0) AS local_here, coalesce(local, 0) AS local
  FROM (SELECT id, supporters, told_here, local_here FROM initiative
         WHERE supporters > 0 OR told_here > 0) AS kept
  FULL JOIN (SELECT initiative AS id, count(*) AS counted FROM support_once GROUP BY initiative)
            AS recounted USING (id)
  LEFT JOIN (SELECT initiative AS id, told, local FROM support_local) AS around USING (id)
 WHERE (coalesce(supporters, 0), coalesce(told_here, 0), coalesce(local_here, 0))
       <> (coalesce(counted, 0), coalesce(told, 0), coalesce(local, 0));

-- Counts anew; the caller holds their rows.
CREATE OR REPLACE FUNCTION support_recount(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
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

-- Adds to the counts what a statement changed, and counts again who is local. Rows are locked in one
-- order; what others are merged into is counted anew, for a person may count by another support.
CREATE OR REPLACE FUNCTION support_count() RETURNS trigger
    LANGUAGE plpgsql
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

CREATE OR REPLACE FUNCTION support_after_truncate() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE initiative SET supporters = 0, told_here = 0, local_here = 0 WHERE supporters > 0;
    RETURN NULL;
END
$$;

-- As before, and tells harvesters of what a source says of supports. A support that comes or goes changes
-- a published figure, so they hear of it; yet nobody edited the initiative.
CREATE OR REPLACE FUNCTION initiative_touch() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    edited boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.changed_at := clock_timestamp();
        RETURN NEW;
    END IF;
    edited := (NEW.title, NEW.summary, NEW.theme, NEW.status, NEW.scale, NEW.commune, NEW.epci, NEW.departement,
               NEW.region, NEW.precision, NEW.created_at, NEW.created_period, NEW.updated_at,
               NEW.source_platform, NEW.source_url, NEW.source_licence, NEW.description)
              IS DISTINCT FROM
              (OLD.title, OLD.summary, OLD.theme, OLD.status, OLD.scale, OLD.commune, OLD.epci, OLD.departement,
               OLD.region, OLD.precision, OLD.created_at, OLD.created_period, OLD.updated_at,
               OLD.source_platform, OLD.source_url, OLD.source_licence, OLD.description)
              OR ST_AsBinary(NEW.anchor) IS DISTINCT FROM ST_AsBinary(OLD.anchor);
    IF edited OR (NEW.supporters, NEW.source_supporters) IS DISTINCT FROM (OLD.supporters, OLD.source_supporters) THEN
        NEW.changed_at := clock_timestamp();
    END IF;
    IF edited AND NEW.updated_at = OLD.updated_at
       AND NEW.source_digest IS NOT DISTINCT FROM OLD.source_digest THEN
        NEW.updated_at := greatest(NEW.changed_at, NEW.created_at, OLD.updated_at);
    END IF;
    RETURN NEW;
END
$$;
