-- ActivityPub: what has to be told elsewhere is noted in the transaction that changes it.

-- As for mail.
CREATE OR REPLACE FUNCTION wake_federation() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM procrastinate_defer_jobs_v1(ARRAY[
        ROW('default', 'send_activities', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1]);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION wake_federation IS
    'Asks the worker to tell other servers: the job is there when the writer commits.';

-- Nothing is noted while federation is off, or while nobody has ever been told anything. Whoever reads the changes
-- looks at what is there then, so one change stands for several. A load of many is no news of each.
CREATE OR REPLACE FUNCTION federation_after_write() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    noted bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM federation_key WHERE is_on)
       OR NOT (EXISTS (SELECT FROM federation_follower) OR EXISTS (SELECT FROM federation_note)) THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'initiative' AND TG_OP = 'INSERT' THEN
        INSERT INTO federation_change (kind, subject, is_bulk)
        SELECT 'initiative', id, count(*) OVER () > 50 FROM added WHERE is_public(status);
    ELSIF TG_TABLE_NAME = 'initiative' AND TG_OP = 'UPDATE' THEN
        INSERT INTO federation_change (kind, subject, is_bulk)
        SELECT 'initiative', added.id, count(*) OVER () > 50
          FROM added JOIN removed ON removed.id = added.id
         WHERE (is_public(added.status) OR is_public(removed.status))
           AND (added.status, added.title, added.summary, added.description, added.theme, added.place_text,
                added.precision, added.commune, added.epci, added.departement, added.region, added.source_platform,
                added.source_url, added.source_licence, ST_AsBinary(added.point))
               IS DISTINCT FROM
               (removed.status, removed.title, removed.summary, removed.description, removed.theme,
                removed.place_text, removed.precision, removed.commune, removed.epci, removed.departement,
                removed.region, removed.source_platform, removed.source_url, removed.source_licence,
                ST_AsBinary(removed.point));
    ELSIF TG_TABLE_NAME = 'initiative' THEN
        INSERT INTO federation_change (kind, subject, is_bulk)
        SELECT 'initiative', id, true FROM removed WHERE is_public(status);
    ELSIF TG_OP = 'INSERT' THEN
        -- Of a new series the next date alone is told.
        INSERT INTO federation_change (kind, subject, series, is_bulk)
        SELECT 'event', first.id, first.series, count(*) OVER () > 50
          FROM (SELECT DISTINCT ON (series) id, series
                  FROM added WHERE status NOT IN ('draft', 'pending', 'rejected')
                 ORDER BY series, starts_at, id) AS first;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO federation_change (kind, subject, series, is_bulk)
        SELECT 'event', added.id, added.series, false
          FROM added JOIN removed ON removed.id = added.id
         WHERE (added.status NOT IN ('draft', 'pending', 'rejected')
                OR removed.status NOT IN ('draft', 'pending', 'rejected'))
           AND (added.status <> removed.status OR added.changed_at <> removed.changed_at);
    ELSE
        INSERT INTO federation_change (kind, subject, series, is_bulk)
        SELECT 'event', id, series, false FROM removed WHERE status NOT IN ('draft', 'pending', 'rejected');
    END IF;
    GET DIAGNOSTICS noted = ROW_COUNT;
    IF noted > 0 THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[
            ROW('default', 'send_activities', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1]);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION federation_after_write IS
    'Notes public initiatives and events that a statement added, changed or took away, to be told to other servers.';
