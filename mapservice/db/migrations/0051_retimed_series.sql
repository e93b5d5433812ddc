-- Calendars learn that the rule of a series has changed, also where none of its dates did.
ALTER TABLE event_series
    ADD COLUMN sequence_base integer NOT NULL DEFAULT 0 CHECK (sequence_base >= 0),
    ADD COLUMN retimed_at timestamptz;
