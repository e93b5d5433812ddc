-- Groups: how many belong to them, and which wait for a moderator.

-- Whoever changes a row of members holds the group's row first, so that counts are exact and nobody takes the last
-- organiser away beside somebody else who does the same.
CREATE OR REPLACE FUNCTION group_members_counted() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    asked uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.local_group ELSE NEW.local_group END;
BEGIN
    PERFORM FROM local_group WHERE id = asked FOR NO KEY UPDATE;
    UPDATE local_group
       SET members = counted.members,
           organisers = counted.organisers,
           succession_since = CASE WHEN counted.organisers = 0 THEN coalesce(succession_since, now()) END,
           handed_over_at = CASE WHEN counted.organisers = 0 THEN handed_over_at END
      FROM (SELECT count(*) FILTER (WHERE standing IN ('member', 'editor', 'organiser')) AS members,
                   count(*) FILTER (WHERE standing = 'organiser') AS organisers
              FROM group_member WHERE local_group = asked) AS counted
     WHERE id = asked;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION group_members_counted IS
    'Keeps the counts of a group, and since when it has no organiser (succession_since), with its members.';

CREATE OR REPLACE FUNCTION group_waiting_refresh(asked uuid) RETURNS void
    LANGUAGE sql
    SET search_path FROM CURRENT
AS $$
    SELECT subject_waiting_refresh('group', asked)
$$;
COMMENT ON FUNCTION group_waiting_refresh IS
    'What subject_waiting_refresh() does, under its former name: nothing calls it any more.';

CREATE OR REPLACE FUNCTION group_waits() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM subject_waiting_refresh('group', NEW.id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION group_waits IS
    'Puts a group that waits into the queue of moderators, and takes one that is decided out of it.';
