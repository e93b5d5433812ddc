-- What waits for moderators, and what they decided.

CREATE OR REPLACE FUNCTION decision_stays() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'decisions are kept as they were taken';
END
$$;
COMMENT ON FUNCTION decision_stays IS 'Raises insufficient_privilege: decisions are kept as they were taken.';

-- The initiative alone may change, where two that are the same become one.
CREATE OR REPLACE FUNCTION burst_stays() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    IF to_jsonb(OLD) - 'initiative' <> to_jsonb(NEW) - 'initiative' THEN
        RAISE insufficient_privilege USING MESSAGE = 'what was decided about a burst is kept as it was written';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION burst_stays IS
    'Raises insufficient_privilege for a change of a burst that was decided about, save of its '
    'initiative.';

-- At commit, when the row of the initiative is held already: before that, who withdraws a support would be
-- waited for in a ring.
CREATE OR REPLACE FUNCTION burst_waits() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    IF NEW.state = 'open' THEN
        INSERT INTO waiting (kind, id, initiative, since) VALUES ('burst', NEW.id, NEW.initiative, NEW.found_at)
            ON CONFLICT DO NOTHING;
        PERFORM waiting_refresh(ARRAY[NEW.initiative]);
    ELSE
        DELETE FROM waiting WHERE kind = 'burst' AND id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION burst_waits IS
    'Puts an open burst into the queue of moderators, and takes one that is decided out of it.';

-- A place in doubt concerns where it is shown meanwhile, each of its candidates, and its point. What is known
-- to no more than an EPCI that straddles concerns each département and région in which that has a commune. A series
-- of events concerns the territories of all its dates.
CREATE OR REPLACE FUNCTION waiting_areas(kind text, asked uuid) RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path FROM CURRENT
AS $$
    WITH known AS (
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
         UNION
        SELECT commune, epci, departement, region FROM event WHERE kind = 'event' AND series = asked
         UNION
        SELECT commune, epci, departement, region FROM local_group WHERE kind = 'group' AND id = asked
         UNION
        SELECT commune, epci, departement, region
          FROM group_message AS message
          JOIN local_group ON local_group.id = message.local_group
         WHERE kind = 'message' AND message.id = asked
         UNION
        SELECT commune, epci, departement, region
          FROM group_message AS message
          JOIN event ON event.id = message.event
         WHERE kind = 'message' AND message.id = asked
    ), concerned AS (
        SELECT commune, epci, departement, region FROM known
         UNION
        SELECT NULL, known.epci, part.departement,
               part.region
          FROM known JOIN epci_part AS part ON part.epci = known.epci
         WHERE known.commune IS NULL AND (known.departement IS NULL OR known.region IS NULL)
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
COMMENT ON FUNCTION waiting_areas IS
    'The territories that an item of the queue concerns ("region:53"), with "all", and with "none" where '
    'it concerns none.';

-- They are held, so that who moves one meanwhile is waited for, or waits.
CREATE OR REPLACE FUNCTION waiting_refresh(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION waiting_refresh IS 'Makes the queue say what waiting_now says about these initiatives.';

-- Looks again at the initiatives of rows whose columns (first argument) changed, where one that was
-- or is there waits (second argument).
CREATE OR REPLACE FUNCTION waiting_after_write() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION waiting_after_write IS
    'Refreshes the queue for the initiatives of rows that a statement changed. Arguments: the columns '
    'that matter, and the condition under which a row waits.';

CREATE OR REPLACE FUNCTION waiting_after_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    IF NEW.status <> OLD.status OR EXISTS (SELECT FROM waiting WHERE initiative = NEW.id) THEN
        PERFORM waiting_refresh(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION waiting_after_change IS
    'Refreshes the queue for an initiative whose status or place changed.';

-- A change of status is heard of already (`waiting_after_change`); a new row that is pending is here.
CREATE OR REPLACE FUNCTION waiting_after_insert() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION waiting_after_insert IS 'Puts new initiatives that are pending into the queue.';

CREATE OR REPLACE FUNCTION subject_waiting_refresh(subject text, asked uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    due timestamptz := CASE subject
        WHEN 'event' THEN (SELECT queued_at FROM event_series WHERE id = asked)
        WHEN 'group' THEN (SELECT queued_at FROM local_group WHERE id = asked)
        WHEN 'message' THEN (SELECT queued_at FROM group_message WHERE id = asked) END;
BEGIN
    IF due IS NULL THEN
        DELETE FROM waiting WHERE kind = subject AND id = asked;
        RETURN;
    END IF;
    INSERT INTO waiting AS kept (kind, id, event_series, local_group, since)
    VALUES (subject, asked,
            CASE subject WHEN 'event' THEN asked
                         WHEN 'message' THEN (SELECT event.series FROM group_message AS message
                                                JOIN event ON event.id = message.event
                                               WHERE message.id = asked) END,
            CASE subject WHEN 'group' THEN asked
                         WHEN 'message' THEN (SELECT local_group FROM group_message WHERE id = asked) END, due)
        ON CONFLICT (kind, id) DO UPDATE SET since = excluded.since WHERE kept.since <> excluded.since;
    DELETE FROM waiting_area WHERE kind = subject AND id = asked;
    INSERT INTO waiting_area (area, since, kind, id)
    SELECT area, due, subject, asked FROM waiting_areas(subject, asked) AS area;
END
$$;
COMMENT ON FUNCTION subject_waiting_refresh IS
    'Makes the queue of moderators say whether a series of events (event), a group (group) or what was '
    'written to one, or about an event (message), waits, and which territories it concerns.';

CREATE OR REPLACE FUNCTION waiting_after_load() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM waiting_refresh(array_agg(DISTINCT initiative)) FROM waiting WHERE initiative IS NOT NULL;
    PERFORM subject_waiting_refresh(kind, id) FROM waiting WHERE kind IN ('event', 'group', 'message');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION waiting_after_load IS
    'Refreshes the whole queue after a load of territories, which may give candidates other parents.';
