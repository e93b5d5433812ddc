-- What is listed is nine rows of ten, so that an index of it by status leads the planner astray: beside
-- a circle or a box it would read all of it. What is rare stays found at once.
DROP INDEX initiative_status;
CREATE INDEX initiative_status ON initiative (status, created_at DESC, id DESC)
    WHERE status NOT IN ('published', 'done');

-- Codes stand in JSON as they are (`db/json_text.py`).
ALTER TABLE territory ADD CONSTRAINT territory_code_plain CHECK (code ~ '^[0-9A-Z]+$');
