-- What stood when moderators last saw an event or a group, so that they see what was changed since.
ALTER TABLE event_series
    ADD COLUMN before_change jsonb;
ALTER TABLE local_group
    ADD COLUMN before_change jsonb;
