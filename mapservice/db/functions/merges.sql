-- Initiatives that a moderator took for one and the same. All follows from the rows of `merge`: the status
-- of what is merged, its place in the queue, and who counts for what.

CREATE OR REPLACE FUNCTION merge_head(asked uuid) RETURNS uuid
    LANGUAGE sql STABLE
    SET search_path FROM CURRENT
AS $$
    SELECT coalesce((SELECT ancestor FROM merge_line
                      WHERE member = asked
                        AND NOT EXISTS (SELECT FROM merge WHERE merge.initiative = ancestor)), asked)
$$;
COMMENT ON FUNCTION merge_head IS
    'Where an initiative is found now: the one that it was merged into, however far, else itself.';

CREATE OR REPLACE FUNCTION merge_tree(asked uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE
    SET search_path FROM CURRENT
AS $$
    SELECT asked UNION SELECT member FROM merge_line WHERE ancestor = asked
$$;
COMMENT ON FUNCTION merge_tree IS
    'All initiatives whose supports count for this one: itself, and what is merged into it, however far.';

-- Supports come and go side by side, a change of what is merged goes alone. Both say so before they
-- lock any row of `initiative` or `proposal`: so they never wait for one another in a ring.
CREATE OR REPLACE FUNCTION merge_beside() RETURNS void
    LANGUAGE sql
    SET search_path FROM CURRENT
AS $$ SELECT pg_advisory_xact_lock_shared(hashtext('merge')) $$;
COMMENT ON FUNCTION merge_beside IS
    'Before a support changes: others may do the same meanwhile, nobody may merge. Until the transaction '
    'ends.';

CREATE OR REPLACE FUNCTION merge_alone() RETURNS void
    LANGUAGE sql
    SET search_path FROM CURRENT
AS $$ SELECT pg_advisory_xact_lock(hashtext('merge')) $$;
COMMENT ON FUNCTION merge_alone IS
    'Before anything is merged or parted: nobody may change a support meanwhile. Until the transaction '
    'ends.';

CREATE OR REPLACE FUNCTION merge_hold() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION merge_hold IS 'Calls merge_alone() or merge_beside(), as its argument says.';

CREATE OR REPLACE FUNCTION merge_before() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION merge_before IS
    'Notes what an initiative was before it is merged (former, queued_at). Raises check_violation for a '
    'target that is not public.';

CREATE OR REPLACE FUNCTION merge_after_insert() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION merge_after_insert IS
    'Makes an initiative a merged one, and counts the supports of all above it anew.';

CREATE OR REPLACE FUNCTION merge_after_delete() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION merge_after_delete IS
    'Parts an initiative from what it was merged into: it has its former status and its place in the '
    'queue again, and supports are counted anew.';

-- An import above all writes a status to what is merged.
CREATE OR REPLACE FUNCTION initiative_merged() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION initiative_merged IS
    'Lets a merged initiative keep its status: another one that is written to it becomes the status it '
    'has once parted. Raises check_violation for a status merged without a row of merge.';
