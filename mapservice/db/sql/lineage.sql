-- What happened to communes since 1943: one row per movement of INSEE's file, in order of days.
-- Columns *_before are null for what no commune existed for, *_after for ground that left the code.
CREATE TABLE commune_event (
    id          integer PRIMARY KEY,
    day         date    NOT NULL,
    kind        text    NOT NULL CHECK (kind ~ '^[0-9]{2}$'),
    type_before text    CHECK (type_before IN ('COM', 'COMA', 'COMD', 'ARM')),
    code_before text,
    name_before text,
    type_after  text    CHECK (type_after IN ('COM', 'COMA', 'COMD', 'ARM')),
    code_after  text,
    name_after  text,
    CHECK (num_nulls(type_before, code_before, name_before) IN (0, 3)),
    CHECK (num_nulls(type_after, code_after, name_after) IN (0, 3)),
    CHECK (code_before IS NOT NULL OR code_after IS NOT NULL)
);
COMMENT ON TABLE commune_event IS 'INSEE, code officiel géographique, "mouvements de communes".';
COMMENT ON COLUMN commune_event.day IS 'First day of the state after.';
COMMENT ON COLUMN commune_event.kind IS 'INSEE''s MOD: 10 rename, 21 re-establishment, 32 commune nouvelle, …';
CREATE INDEX commune_event_before ON commune_event (code_before);
CREATE INDEX commune_event_after ON commune_event (code_after);
