-- Calendars learn that the rule of a series has changed, also where none of its dates did.
ALTER TABLE event_series
    ADD COLUMN retimes integer NOT NULL DEFAULT 0 CHECK (retimes >= 0),
    ADD COLUMN retimed_at timestamptz;
