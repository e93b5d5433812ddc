-- What a person decided about a place. It stays when the place is put back into the queue: `review`
-- says whether it is in force, `decision` what was decided last, by whom, and what it replaced.
ALTER TABLE location_match ADD COLUMN decision jsonb CHECK (jsonb_typeof(decision) = 'object');
COMMENT ON COLUMN location_match.decision IS
    '{choice, code, lon, lat, note, by, at, before: {precision, code, lon, lat}, withdrawn: {by, at}, former: {…}}';
CREATE INDEX location_match_decided ON location_match (decided_at DESC, initiative) WHERE review = 'decided';
