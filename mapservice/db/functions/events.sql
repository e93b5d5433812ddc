-- Events: which wait for a moderator, and what a load of territories changes of them.

CREATE OR REPLACE FUNCTION event_waiting_refresh(asked uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    due timestamptz := (SELECT queued_at FROM event_series WHERE id = asked);
BEGIN
    IF due IS NULL THEN
        DELETE FROM waiting WHERE kind = 'event' AND id = asked;
        RETURN;
    END IF;
    INSERT INTO waiting AS kept (kind, id, event_series, since) VALUES ('event', asked, asked, due)
        ON CONFLICT (kind, id) DO UPDATE SET since = excluded.since WHERE kept.since <> excluded.since;
    DELETE FROM waiting_area WHERE kind = 'event' AND id = asked;
    INSERT INTO waiting_area (area, since, kind, id)
    WITH known AS (
        SELECT DISTINCT commune, epci, departement, region FROM event WHERE series = asked
    ), concerned AS (
        SELECT commune, epci, departement, region FROM known
         UNION
        SELECT NULL, known.epci, part.departement, part.region
          FROM known JOIN epci_part AS part ON part.epci = known.epci
         WHERE known.commune IS NULL AND (known.departement IS NULL OR known.region IS NULL)
    )
    SELECT named.level || ':' || named.code, due, 'event', asked
      FROM concerned
     CROSS JOIN LATERAL (VALUES ('commune', commune), ('epci', epci), ('departement', departement),
                                ('region', region)) AS named (level, code)
     WHERE named.code IS NOT NULL
     UNION
    SELECT 'all', due, 'event', asked
     UNION
    SELECT 'none', due, 'event', asked WHERE NOT EXISTS (SELECT FROM concerned WHERE region IS NOT NULL);
END
$$;
COMMENT ON FUNCTION event_waiting_refresh IS
    'Makes the queue of moderators say whether a series of events waits, and which territories it concerns.';

CREATE OR REPLACE FUNCTION event_series_waits() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM event_waiting_refresh(NEW.id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION event_series_waits IS
    'Puts a series whose text waits into the queue of moderators, and takes one that is decided out of it.';

CREATE OR REPLACE FUNCTION event_touch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    NEW.changed_at := greatest(clock_timestamp(), OLD.changed_at);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION event_touch IS 'Dates a change of what is published of an event or a group by the clock (changed_at).';
