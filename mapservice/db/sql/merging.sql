-- Duplicates that are one, appeals, and all that waits in one queue.

ALTER TABLE initiative DROP CONSTRAINT initiative_status_check;
ALTER TABLE initiative ADD CONSTRAINT initiative_status_check
    CHECK (status IN ('draft', 'pending', 'published', 'rejected', 'done', 'archived', 'merged'));

-- A row is an initiative that a moderator took for the same as another one. All follows from it by
-- trigger: its status, its place in the queue, and who counts for what. Without the row, all is as
-- if it had never been there.
CREATE TABLE merge (
    initiative uuid        PRIMARY KEY REFERENCES initiative ON DELETE CASCADE,
    target     uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    former     text        NOT NULL CHECK (former <> 'merged'),
    queued_at  timestamptz,
    merged_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (initiative <> target)
);
CREATE INDEX merge_target ON merge (target);
COMMENT ON COLUMN merge.target IS 'Was public and itself merged into nothing when the row was made: so there are no rings.';
COMMENT ON COLUMN merge.former IS 'The status it has again once parted; what an import or an author says meanwhile.';
COMMENT ON COLUMN merge.queued_at IS 'Since when it waited for a moderator; waits again once parted.';

-- Whose supports count for whom: each initiative with all that is merged into it, however far, and
-- with itself. Those that nothing is merged into are not here.
CREATE TABLE merge_line (
    ancestor uuid NOT NULL REFERENCES initiative ON DELETE CASCADE,
    member   uuid NOT NULL REFERENCES initiative ON DELETE CASCADE,
    PRIMARY KEY (ancestor, member)
);
CREATE INDEX merge_line_member ON merge_line (member);

-- Where an initiative is found now: the one that it ended up in, else itself.
CREATE FUNCTION merge_head(asked uuid) RETURNS uuid
    LANGUAGE sql STABLE
AS $$
    SELECT coalesce((SELECT ancestor FROM merge_line
                      WHERE member = asked
                        AND NOT EXISTS (SELECT FROM merge WHERE merge.initiative = ancestor)), asked)
$$;

-- All that counts for an initiative, itself first of all.
CREATE FUNCTION merge_tree(asked uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE
AS $$
    SELECT asked UNION SELECT member FROM merge_line WHERE ancestor = asked
$$;

-- Supports come and go side by side, a change of what is merged goes alone. Both say so before they
-- lock any row of `initiative` or `proposal`: so they never wait for one another in a ring.
CREATE FUNCTION merge_beside() RETURNS void
    LANGUAGE sql
AS $$ SELECT pg_advisory_xact_lock_shared(hashtext('merge')) $$;

CREATE FUNCTION merge_alone() RETURNS void
    LANGUAGE sql
AS $$ SELECT pg_advisory_xact_lock(hashtext('merge')) $$;

CREATE FUNCTION merge_hold() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_ARGV[0] = 'alone' THEN
        PERFORM merge_alone();
    ELSE
        PERFORM merge_beside();
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER merge_hold BEFORE INSERT OR UPDATE OR DELETE ON support
    FOR EACH STATEMENT EXECUTE FUNCTION merge_hold('beside');
-- What is deleted may be what others were merged into: these come back.
CREATE TRIGGER merge_hold BEFORE DELETE ON initiative
    FOR EACH STATEMENT EXECUTE FUNCTION merge_hold('alone');
CREATE TRIGGER merge_hold BEFORE INSERT OR DELETE ON merge
    FOR EACH STATEMENT EXECUTE FUNCTION merge_hold('alone');

-- Rows of one person that were made nameless while their initiatives were one.
ALTER TABLE support ADD COLUMN twin uuid;
COMMENT ON COLUMN support.twin IS
    'Of an erased person with supports of several initiatives that are one: the same in these, random.';

-- Who counts for what, each person once: of several supports, one that tells a commune, and its own first.
CREATE VIEW support_once AS
SELECT initiative, commune
  FROM support
 WHERE withdrawn_at IS NULL AND held_at IS NULL
   AND NOT EXISTS (SELECT FROM merge_line WHERE ancestor = support.initiative)
 UNION ALL
SELECT initiative, commune
  FROM (SELECT DISTINCT ON (line.ancestor, coalesce(person, twin, id)) line.ancestor AS initiative, commune
          FROM merge_line AS line
          JOIN support ON support.initiative = line.member
         WHERE withdrawn_at IS NULL AND held_at IS NULL
         ORDER BY line.ancestor, coalesce(person, twin, id), commune IS NULL, line.member <> line.ancestor,
                  confirmed_at DESC, id) AS once;

CREATE OR REPLACE VIEW support_local AS
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
          FROM support_once
         WHERE commune IS NOT NULL
         GROUP BY initiative, commune) AS given
  JOIN initiative ON initiative.id = given.initiative
 WHERE initiative.precision NOT IN ('national', 'none')
 GROUP BY given.initiative;

CREATE OR REPLACE VIEW support_difference AS
SELECT id AS initiative, coalesce(supported_here, 0) AS supported_here, coalesce(counted, 0) AS counted,
       coalesce(told_here, 0) AS told_here, coalesce(told, 0) AS told,
       coalesce(local_here, 0) AS local_here, coalesce(local, 0) AS local
  FROM (SELECT id, supported_here, told_here, local_here FROM initiative
         WHERE supported_here > 0 OR told_here > 0) AS kept
  FULL JOIN (SELECT initiative AS id, count(*) AS counted FROM support_once GROUP BY initiative)
            AS recounted USING (id)
  LEFT JOIN (SELECT initiative AS id, told, local FROM support_local) AS around USING (id)
 WHERE (coalesce(supported_here, 0), coalesce(told_here, 0), coalesce(local_here, 0))
       <> (coalesce(counted, 0), coalesce(told, 0), coalesce(local, 0));

-- Counts anew; the caller holds their rows. What a source brought along stays where it is: nobody
-- knows whether these are the same people.
CREATE FUNCTION support_recount(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE initiative
       SET supporters = supporters - supported_here + coalesce(counted, 0),
           supported_here = coalesce(counted, 0),
           told_here = coalesce(told, 0), local_here = coalesce(local, 0)
      FROM unnest(ids) AS asked (identifier)
      LEFT JOIN (SELECT initiative, count(*) AS counted FROM support_once
                  WHERE initiative = ANY (ids) GROUP BY initiative) AS recounted
             ON recounted.initiative = asked.identifier
      LEFT JOIN (SELECT * FROM support_local WHERE initiative = ANY (ids)) AS around
             ON around.initiative = asked.identifier
     WHERE id = identifier
       AND (supported_here, told_here, local_here)
           <> (coalesce(counted, 0), coalesce(told, 0), coalesce(local, 0));
END
$$;

-- As before; what others are merged into is counted anew, for a person may count by another support.
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
                         GROUP BY initiative, commune, coalesce(person, twin, id)
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
       SET supporters = supporters + delta, supported_here = supported_here + delta,
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

CREATE FUNCTION merge_before() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM initiative WHERE id = NEW.target AND is_public(status)) THEN
        RAISE check_violation USING MESSAGE = 'merged into what is not public', CONSTRAINT = 'merge_target';
    END IF;
    SELECT status, proposal.queued_at INTO NEW.former, NEW.queued_at
      FROM initiative LEFT JOIN proposal ON proposal.initiative = initiative.id
     WHERE initiative.id = NEW.initiative;
    RETURN NEW;
END
$$;
CREATE TRIGGER merge_before BEFORE INSERT ON merge FOR EACH ROW EXECUTE FUNCTION merge_before();

CREATE FUNCTION merge_after_insert() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO merge_line (ancestor, member)
    SELECT above.id, below.id
      FROM (SELECT NEW.target AS id UNION SELECT ancestor FROM merge_line WHERE member = NEW.target) AS above
     CROSS JOIN (SELECT NEW.target AS id UNION SELECT merge_tree(NEW.initiative)) AS below
        ON CONFLICT DO NOTHING;
    UPDATE initiative SET status = 'merged' WHERE id = NEW.initiative;
    UPDATE proposal SET queued_at = NULL WHERE initiative = NEW.initiative AND queued_at IS NOT NULL;
    PERFORM support_recount(array_agg(DISTINCT ancestor)) FROM merge_line WHERE member = NEW.target;
    RETURN NULL;
END
$$;
CREATE TRIGGER merge_insert AFTER INSERT ON merge FOR EACH ROW EXECUTE FUNCTION merge_after_insert();

CREATE FUNCTION merge_after_delete() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    above uuid[];
BEGIN
    SELECT array_agg(ancestor) INTO above
      FROM (SELECT OLD.target AS ancestor
             UNION
            SELECT ancestor FROM merge_line WHERE member = OLD.initiative AND ancestor <> OLD.initiative
             UNION
            SELECT ancestor FROM merge_line WHERE member = OLD.target) AS known;
    DELETE FROM merge_line
     WHERE ancestor = ANY (above) AND member IN (SELECT merge_tree(OLD.initiative));
    DELETE FROM merge_line AS own
     WHERE own.ancestor = ANY (above) AND own.member = own.ancestor
       AND NOT EXISTS (SELECT FROM merge_line AS other
                        WHERE other.ancestor = own.ancestor AND other.member <> own.ancestor);
    UPDATE initiative SET status = OLD.former WHERE id = OLD.initiative AND status = 'merged';
    UPDATE proposal SET queued_at = OLD.queued_at
     WHERE initiative = OLD.initiative AND OLD.queued_at IS NOT NULL;
    PERFORM support_recount(above);
    RETURN NULL;
END
$$;
CREATE TRIGGER merge_delete AFTER DELETE ON merge FOR EACH ROW EXECUTE FUNCTION merge_after_delete();

-- Who gives a merged initiative another status, an import above all, says what it is once parted.
CREATE FUNCTION initiative_merged() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE merge SET former = NEW.status WHERE initiative = NEW.id AND NEW.status <> 'merged';
    IF FOUND THEN
        NEW.status := 'merged';
    ELSIF NEW.status = 'merged' AND NOT EXISTS (SELECT FROM merge WHERE initiative = NEW.id) THEN
        RAISE check_violation USING MESSAGE = 'merged into nothing', CONSTRAINT = 'initiative_merged';
    END IF;
    RETURN NEW;
END
$$;
-- By its name before `initiative_state` and `initiative_touch`.
CREATE TRIGGER initiative_merged BEFORE UPDATE OF status ON initiative
    FOR EACH ROW WHEN (NEW.status <> OLD.status AND 'merged' IN (NEW.status, OLD.status))
    EXECUTE FUNCTION initiative_merged();

-- Every decision is in one log, those about what was imported too (they have no version: 0).
ALTER TABLE decision
    DROP CONSTRAINT decision_verdict_check,
    ADD CONSTRAINT decision_verdict_check
        CHECK (verdict IN ('publish', 'keep', 'reject', 'ask', 'merge', 'unmerge', 'place', 'unplace', 'close')),
    ADD COLUMN target uuid,
    ADD COLUMN report uuid,
    ADD CONSTRAINT decision_target_check CHECK ((verdict IN ('merge', 'unmerge')) = (target IS NOT NULL));
CREATE INDEX decision_target ON decision (target, id) WHERE target IS NOT NULL;
COMMENT ON COLUMN decision.target IS 'Of a merge and its undoing: what it was merged into. No foreign key.';
COMMENT ON COLUMN decision.report IS 'The report that it closed, or that led to it. No foreign key.';

-- What an author answers to a rejection, once for each.
CREATE TABLE appeal (
    decision   bigint      PRIMARY KEY,
    initiative uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    words      text        NOT NULL CHECK (length(words) BETWEEN 1 AND 2000),
    made_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX appeal_initiative ON appeal (initiative);
COMMENT ON COLUMN appeal.decision IS
    'The rejection, in the log. The appeal is open while its proposal is rejected and waits.';

-- All that waits for moderators, whatever it is, kept by triggers from `waiting_now`. Who looks at
-- one has it for some minutes.
CREATE TABLE waiting (
    kind          text        NOT NULL CHECK (kind IN ('proposal', 'edit', 'appeal', 'report', 'place', 'burst')),
    id            uuid        NOT NULL,
    initiative    uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    since         timestamptz NOT NULL,
    claimed_by    text,
    claimed_until timestamptz,
    PRIMARY KEY (kind, id),
    CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
);
CREATE INDEX waiting_initiative ON waiting (initiative);
CREATE INDEX waiting_id ON waiting (id);
COMMENT ON COLUMN waiting.id IS 'That of the report or the burst; of the initiative where that is what waits.';

-- The same, once for each territory that it concerns, for 'all', and for 'none' where it concerns none:
-- so a page of anybody's queue is the beginning of a range, however many wait.
CREATE TABLE waiting_area (
    area  text        NOT NULL,
    since timestamptz NOT NULL,
    kind  text        NOT NULL,
    id    uuid        NOT NULL,
    PRIMARY KEY (area, since, kind, id),
    FOREIGN KEY (kind, id) REFERENCES waiting ON DELETE CASCADE
);
CREATE INDEX waiting_area_kind ON waiting_area (area, kind, since, id);
CREATE INDEX waiting_area_item ON waiting_area (kind, id);
COMMENT ON COLUMN waiting_area.area IS 'Such as region:53.';

-- What is merged waits for nothing until it is parted.
CREATE VIEW waiting_now AS
SELECT CASE WHEN is_public(initiative.status) THEN 'edit'
            WHEN initiative.status = 'rejected' THEN 'appeal' ELSE 'proposal' END AS kind,
       initiative.id, initiative.id AS initiative, proposal.queued_at AS since
  FROM proposal JOIN initiative ON initiative.id = proposal.initiative
 WHERE proposal.queued_at IS NOT NULL AND initiative.status <> 'merged'
 UNION ALL
SELECT 'report', report.id, report.initiative, report.created_at
  FROM report JOIN initiative ON initiative.id = report.initiative
 WHERE report.state = 'open' AND initiative.status <> 'merged'
 UNION ALL
SELECT 'place', initiative.id, initiative.id, record.matched_at
  FROM location_match AS record JOIN initiative ON initiative.id = record.initiative
 WHERE record.review = 'waiting' AND initiative.status <> 'merged';

-- A place in doubt concerns where it is shown meanwhile, each of its candidates, and its point.
CREATE FUNCTION waiting_areas(kind text, asked uuid) RETURNS SETOF text
    LANGUAGE sql STABLE
AS $$
    WITH concerned AS (
        SELECT commune, epci, departement, region FROM initiative WHERE id = asked
         UNION
        SELECT place.code, place.epci, place.departement, place.region
          FROM location_match AS record
         CROSS JOIN LATERAL jsonb_array_elements(record.candidates) AS candidate
          JOIN territory AS place ON place.level = 'commune' AND place.code = candidate ->> 'commune'
         WHERE kind = 'place' AND record.initiative = asked
         UNION
        SELECT place.code, place.epci, place.departement, place.region
          FROM location_match AS record
          JOIN territory AS place
            ON place.level = 'commune'
           AND ST_Intersects(place.outline, ST_SetSRID(ST_MakePoint(
                   (record.query ->> 'lon')::float8, (record.query ->> 'lat')::float8), 4326))
         WHERE kind = 'place' AND record.initiative = asked AND record.query ->> 'lon' IS NOT NULL
    )
    SELECT named.level || ':' || named.code
      FROM concerned
     CROSS JOIN LATERAL (VALUES ('commune', commune), ('epci', epci), ('departement', departement),
                                ('region', region)) AS named (level, code)
     WHERE named.code IS NOT NULL
     UNION
    SELECT 'all'
     UNION
    SELECT 'none' WHERE NOT EXISTS (SELECT FROM concerned WHERE region IS NOT NULL)
$$;

-- Makes the queue say what `waiting_now` says about these initiatives. They are held, so that who
-- moves one meanwhile is waited for, or waits.
CREATE FUNCTION waiting_refresh(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM FROM initiative WHERE id = ANY (ids) ORDER BY id FOR SHARE;
    DELETE FROM waiting
     WHERE initiative = ANY (ids) AND kind <> 'burst'
       AND NOT EXISTS (SELECT FROM waiting_now AS due
                        WHERE due.initiative = ANY (ids) AND (due.kind, due.id) = (waiting.kind, waiting.id));
    INSERT INTO waiting AS kept (kind, id, initiative, since)
    SELECT kind, id, initiative, since FROM waiting_now WHERE initiative = ANY (ids)
        ON CONFLICT (kind, id) DO UPDATE SET since = excluded.since WHERE kept.since <> excluded.since;
    DELETE FROM waiting_area AS kept
     USING waiting
     WHERE waiting.initiative = ANY (ids) AND (kept.kind, kept.id) = (waiting.kind, waiting.id)
       AND (kept.since <> waiting.since
            OR kept.area NOT IN (SELECT waiting_areas(waiting.kind, waiting.initiative)));
    INSERT INTO waiting_area (area, since, kind, id)
    SELECT area, waiting.since, waiting.kind, waiting.id
      FROM waiting
     CROSS JOIN LATERAL waiting_areas(waiting.kind, waiting.initiative) AS area
     WHERE waiting.initiative = ANY (ids)
        ON CONFLICT DO NOTHING;
END
$$;

-- Looks again at the initiatives of rows whose columns (first argument) changed, where one that was
-- or is there waits (second argument).
CREATE FUNCTION waiting_after_write() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    ids uuid[];
    was CONSTANT text := format('SELECT initiative, %s FROM removed', TG_ARGV[0]);
    is_ CONSTANT text := format('SELECT initiative, %s FROM added', TG_ARGV[0]);
BEGIN
    EXECUTE format('SELECT array_agg(DISTINCT initiative) FROM (%s) AS changed WHERE %s',
                   CASE TG_OP WHEN 'INSERT' THEN is_
                              ELSE format('(%1$s EXCEPT %2$s) UNION ALL (%2$s EXCEPT %1$s)', was, is_) END,
                   TG_ARGV[1])
       INTO ids;
    IF ids IS NOT NULL THEN
        PERFORM waiting_refresh(ids);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER waiting_insert AFTER INSERT ON proposal REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('queued_at', 'queued_at IS NOT NULL');
CREATE TRIGGER waiting_update AFTER UPDATE ON proposal REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('queued_at', 'queued_at IS NOT NULL');
CREATE TRIGGER waiting_insert AFTER INSERT ON report REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('id, state, created_at', 'state = ''open''');
CREATE TRIGGER waiting_update AFTER UPDATE ON report REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('id, state, created_at', 'state = ''open''');
CREATE TRIGGER waiting_insert AFTER INSERT ON location_match REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('review', 'review = ''waiting''');
CREATE TRIGGER waiting_update AFTER UPDATE ON location_match REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write(
        'review, matched_at, candidates, query', 'review = ''waiting''');

CREATE FUNCTION waiting_after_change() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status <> OLD.status OR EXISTS (SELECT FROM waiting WHERE initiative = NEW.id) THEN
        PERFORM waiting_refresh(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER waiting_change AFTER UPDATE OF status, precision, point, commune, epci, departement, region
    ON initiative FOR EACH ROW
    WHEN ((OLD.status, OLD.commune, OLD.epci, OLD.departement, OLD.region)
          IS DISTINCT FROM (NEW.status, NEW.commune, NEW.epci, NEW.departement, NEW.region))
    EXECUTE FUNCTION waiting_after_change();

CREATE FUNCTION waiting_after_load() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM waiting_refresh(array_agg(DISTINCT initiative)) FROM waiting;
    RETURN NULL;
END
$$;
-- Another set of territories gives candidates other parents.
CREATE TRIGGER waiting_load AFTER INSERT ON territory_load
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_load();

-- Claims are for all kinds.
DROP INDEX proposal_queue;
ALTER TABLE proposal DROP COLUMN claimed_by, DROP COLUMN claimed_until;

-- What waits already.
SELECT waiting_refresh(array_agg(DISTINCT initiative)) FROM waiting_now;
