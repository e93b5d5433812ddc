-- Events: which wait for a moderator, and what a load of territories changes of them.

CREATE OR REPLACE FUNCTION event_waiting_refresh(asked uuid) RETURNS void
    LANGUAGE sql
    SET search_path FROM CURRENT
AS $$
    SELECT subject_waiting_refresh('event', asked)
$$;
COMMENT ON FUNCTION event_waiting_refresh IS
    'What subject_waiting_refresh() does, under its former name: nothing calls it any more.';

CREATE OR REPLACE FUNCTION event_series_waits() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM subject_waiting_refresh('event', NEW.id);
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
