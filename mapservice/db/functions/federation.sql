-- ActivityPub: what has to be told elsewhere is noted in the transaction that changes it.

-- One turn of the worker is enough for all that waits, and mail goes out between turns. A job that waits is kept
-- from being fetched until the writer commits: what is written now is there when it runs. One that is being fetched
-- may look too early, so that it counts for nothing.
CREATE OR REPLACE FUNCTION ask_to_send_activities() RETURNS void
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM FROM procrastinate_jobs
      WHERE task_name = 'send_activities' AND status = 'todo' AND scheduled_at IS NULL
      ORDER BY id LIMIT 1
        FOR KEY SHARE SKIP LOCKED;
    IF NOT FOUND THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[
            ROW('default', 'send_activities', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1]);
    END IF;
END;
$$;
COMMENT ON FUNCTION ask_to_send_activities IS
    'Asks the worker to tell other servers once the writer commits, unless one such job waits already.';

CREATE OR REPLACE FUNCTION wake_federation() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM ask_to_send_activities();
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION wake_federation IS
    'Asks the worker to tell other servers: the job is there when the writer commits.';

CREATE OR REPLACE FUNCTION federation_concerns(what text, which uuid, of_series uuid) RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path FROM CURRENT
AS $$
    SELECT EXISTS (SELECT FROM federation_note WHERE kind = what AND subject = which)
        OR EXISTS (SELECT FROM federation_change WHERE kind = what AND (subject = which OR series = of_series))
        OR of_series IS NOT NULL
           AND EXISTS (SELECT FROM federation_note JOIN event ON event.id = federation_note.subject
                        WHERE federation_note.kind = 'event' AND event.series = of_series);
$$;
COMMENT ON FUNCTION federation_concerns IS
    'Whether others were told of a thing or a date of its series, or are to be.';

-- Nothing is noted while federation is off, or while nobody has ever been told anything. Whoever reads the changes
-- looks at what is there then, so one change stands for several. A load of many is no news of each.
CREATE OR REPLACE FUNCTION federation_after_write() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    noted bigint;
    -- A load is made of many statements, of one thing each maybe; whoever loads says that it is one.
    is_load boolean := coalesce(current_setting('mapservice.is_load', true), '') = 'on';
BEGIN
    IF NOT EXISTS (SELECT FROM federation_key WHERE is_on)
       OR NOT (EXISTS (SELECT FROM federation_follower) OR EXISTS (SELECT FROM federation_note)) THEN
        RETURN NULL;
    END IF;
    -- Of many at once only what somebody was told of matters. The worker may be telling of it just now, in a
    -- transaction of its own: as long as that has not committed, the change that it tells is seen here.
    IF TG_TABLE_NAME = 'initiative' AND TG_OP = 'INSERT' THEN
        INSERT INTO federation_change (kind, subject, is_bulk)
        SELECT 'initiative', id, is_bulk
          FROM (SELECT id, is_load OR count(*) OVER () > 50 AS is_bulk
                  FROM added WHERE is_public(status)) AS told
         WHERE NOT is_bulk OR federation_concerns('initiative', id, NULL);
    ELSIF TG_TABLE_NAME = 'initiative' AND TG_OP = 'UPDATE' THEN
        INSERT INTO federation_change (kind, subject, is_bulk)
        SELECT 'initiative', id, is_bulk
          FROM (SELECT added.id, is_load OR count(*) OVER () > 50 AS is_bulk
                  FROM added JOIN removed ON removed.id = added.id
                 WHERE (is_public(added.status) OR is_public(removed.status))
                   AND (added.status, added.title, added.summary, added.description, added.theme, added.place_text,
                        added.precision, added.commune, added.epci, added.departement, added.region,
                        added.source_platform, added.source_url, added.source_licence, ST_AsBinary(added.point))
                       IS DISTINCT FROM
                       (removed.status, removed.title, removed.summary, removed.description, removed.theme,
                        removed.place_text, removed.precision, removed.commune, removed.epci, removed.departement,
                        removed.region, removed.source_platform, removed.source_url, removed.source_licence,
                        ST_AsBinary(removed.point))) AS told
         WHERE NOT is_bulk OR federation_concerns('initiative', id, NULL);
    ELSIF TG_TABLE_NAME = 'initiative' THEN
        INSERT INTO federation_change (kind, subject, is_bulk)
        SELECT 'initiative', id, true
          FROM removed WHERE is_public(status) AND federation_concerns('initiative', id, NULL);
    ELSIF TG_OP = 'INSERT' THEN
        -- Of a new series the next date alone is told.
        INSERT INTO federation_change (kind, subject, series, is_bulk)
        SELECT 'event', id, series, is_bulk
          FROM (SELECT first.id, first.series, is_load OR count(*) OVER () > 50 AS is_bulk
                  FROM (SELECT DISTINCT ON (series) id, series
                          FROM added WHERE status NOT IN ('draft', 'pending', 'rejected')
                         ORDER BY series, starts_at, id) AS first) AS told
         WHERE NOT is_bulk OR federation_concerns('event', id, series);
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO federation_change (kind, subject, series, is_bulk)
        SELECT 'event', added.id, added.series, is_load
          FROM added JOIN removed ON removed.id = added.id
         WHERE (added.status NOT IN ('draft', 'pending', 'rejected')
                OR removed.status NOT IN ('draft', 'pending', 'rejected'))
           AND (added.status <> removed.status OR added.changed_at <> removed.changed_at)
           AND (NOT is_load OR federation_concerns('event', added.id, added.series));
    ELSE
        INSERT INTO federation_change (kind, subject, series, is_bulk)
        SELECT 'event', id, series, is_load
          FROM removed
         WHERE status NOT IN ('draft', 'pending', 'rejected')
           AND (NOT is_load OR federation_concerns('event', id, series));
    END IF;
    GET DIAGNOSTICS noted = ROW_COUNT;
    IF noted > 0 THEN
        PERFORM ask_to_send_activities();
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION federation_after_write IS
    'Notes public initiatives and events that a statement added, changed or took away, to be told to other servers.';
