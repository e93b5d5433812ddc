-- Organisers are told by mail that somebody asks to come, and not of each one apart.
ALTER TABLE event_registration
    ADD COLUMN requested_told_at timestamptz;

CREATE INDEX event_registration_requested ON event_registration (event) WHERE state = 'requested';
