-- Who let an offered seat go by is told so, and not that they left.
ALTER TABLE event_registration
    ADD COLUMN lapsed_at timestamptz,
    ADD CONSTRAINT event_registration_lapsed_check CHECK (lapsed_at IS NULL OR state = 'cancelled');
