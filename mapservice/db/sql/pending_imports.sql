-- What an import leaves pending waits for moderators like what is proposed here.
--
-- Each function pins its search_path: a restored dump runs it under an empty one.

-- Whatever is pending waits: what has a proposal since that was queued, what was imported since it is
-- here with that status. What is merged waits for nothing until it is parted.
CREATE OR REPLACE VIEW waiting_now AS
SELECT CASE WHEN is_public(initiative.status) THEN 'edit'
            WHEN initiative.status = 'rejected' THEN 'appeal' ELSE 'proposal' END AS kind,
       initiative.id, initiative.id AS initiative, proposal.queued_at AS since
  FROM proposal JOIN initiative ON initiative.id = proposal.initiative
 WHERE proposal.queued_at IS NOT NULL AND initiative.status <> 'merged'
 UNION ALL
SELECT 'proposal', initiative.id, initiative.id, initiative.state_since
  FROM initiative
 WHERE initiative.status = 'pending'
   AND NOT EXISTS (SELECT FROM proposal WHERE proposal.initiative = initiative.id)
 UNION ALL
SELECT 'report', report.id, report.initiative, report.created_at
  FROM report JOIN initiative ON initiative.id = report.initiative
 WHERE report.state = 'open' AND initiative.status <> 'merged'
 UNION ALL
SELECT 'place', initiative.id, initiative.id, record.matched_at
  FROM location_match AS record JOIN initiative ON initiative.id = record.initiative
 WHERE record.review = 'waiting' AND initiative.status <> 'merged';

-- A change of status is heard of already (`waiting_change`); a new row that is pending is here.
CREATE FUNCTION waiting_after_insert() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = public, pg_catalog
AS $$
DECLARE
    ids uuid[];
BEGIN
    SELECT array_agg(id) INTO ids FROM added WHERE status = 'pending';
    IF ids IS NOT NULL THEN
        PERFORM waiting_refresh(ids);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION waiting_after_insert() IS 'Puts new rows that are pending into the queue of moderators.';
CREATE TRIGGER waiting_insert AFTER INSERT ON initiative REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_insert();

-- What was imported pending before.
SELECT waiting_refresh(ids)
  FROM (SELECT array_agg(id) AS ids FROM initiative
         WHERE status = 'pending'
           AND NOT EXISTS (SELECT FROM proposal WHERE proposal.initiative = initiative.id)) AS imported
 WHERE ids IS NOT NULL;
