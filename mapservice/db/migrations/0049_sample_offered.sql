-- The made-up sample is offered to a new service once: what somebody removed does not come back at the next start.
CREATE TABLE sample_offered (
    only_one   boolean     PRIMARY KEY DEFAULT true CHECK (only_one),
    offered_at timestamptz NOT NULL DEFAULT now()
);
-- A database that was served before has had it.
INSERT INTO sample_offered (only_one)
SELECT true WHERE EXISTS (SELECT FROM initiative) OR EXISTS (SELECT FROM person);
