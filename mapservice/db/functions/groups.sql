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
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    due timestamptz := (SELECT queued_at FROM local_group WHERE id = asked);
BEGIN
    IF due IS NULL THEN
        DELETE FROM waiting WHERE kind = 'group' AND id = asked;
        RETURN;
    END IF;
    INSERT INTO waiting AS kept (kind, id, local_group, since) VALUES ('group', asked, asked, due)
        ON CONFLICT (kind, id) DO UPDATE SET since = excluded.since WHERE kept.since <> excluded.since;
    DELETE FROM waiting_area WHERE kind = 'group' AND id = asked;
    INSERT INTO waiting_area (area, since, kind, id)
    WITH known AS (
        SELECT commune, epci, departement, region FROM local_group WHERE id = asked
    ), concerned AS (
        SELECT commune, epci, departement, region FROM known
         UNION
        SELECT NULL, known.epci, part.departement, part.region
          FROM known JOIN epci_part AS part ON part.epci = known.epci
         WHERE known.commune IS NULL AND (known.departement IS NULL OR known.region IS NULL)
    )
    SELECT named.level || ':' || named.code, due, 'group', asked
      FROM concerned
     CROSS JOIN LATERAL (VALUES ('commune', commune), ('epci', epci), ('departement', departement),
                                ('region', region)) AS named (level, code)
     WHERE named.code IS NOT NULL
     UNION
    SELECT 'all', due, 'group', asked
     UNION
    SELECT 'none', due, 'group', asked WHERE NOT EXISTS (SELECT FROM concerned WHERE region IS NOT NULL);
END
$$;
COMMENT ON FUNCTION group_waiting_refresh IS
    'Makes the queue of moderators say whether a group waits, and which territories it concerns.';

CREATE OR REPLACE FUNCTION group_waits() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM group_waiting_refresh(NEW.id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION group_waits IS
    'Puts a group that waits into the queue of moderators, and takes one that is decided out of it.';
