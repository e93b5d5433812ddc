-- Tiles of events and of groups read these alone, and what is near is found by place and time at once.
CREATE INDEX event_tile ON event (((starts_at AT TIME ZONE 'UTC')::date), cell)
    INCLUDE (id, starts_at, ends_at, starts_local, ends_local, zone, theme, precision, mode, anchor_3857)
    WHERE status IN ('published', 'moved', 'done') AND cell IS NOT NULL;
CREATE INDEX event_long ON event (cell)
    INCLUDE (id, starts_at, ends_at, starts_local, ends_local, zone, theme, precision, mode, anchor_3857)
    WHERE status IN ('published', 'moved', 'done') AND ends_at - starts_at > interval '1 day';
CREATE INDEX event_place_and_time ON event USING gist (anchor_3857, tstzrange(starts_at, ends_at))
    WHERE status IN ('published', 'moved', 'done');
DROP INDEX event_anchor;
CREATE INDEX local_group_tile ON local_group (cell)
    INCLUDE (id, theme, precision, openness, last_sign_at, anchor_3857)
    WHERE status = 'published';
