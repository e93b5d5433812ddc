-- Answers of an outside address API, shared by all workers; without lon, it knew nothing.
CREATE TABLE provider_answer (
    digest      text        PRIMARY KEY,
    lon         float8      CHECK (lon BETWEEN -180 AND 180),
    lat         float8      CHECK (lat BETWEEN -90 AND 90),
    score       float8      CHECK (score BETWEEN 0 AND 1),
    type        text,
    citycode    text,
    attribution text,
    fetched_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (num_nulls(lon, lat, score, type, citycode, attribution) IN (0, 6))
);
COMMENT ON COLUMN provider_answer.digest IS 'Of the provider''s address and the text that was asked.';
CREATE INDEX provider_answer_fetched ON provider_answer (fetched_at);

-- Whom a point is owed to, when it came with neither the row nor a person's choice.
ALTER TABLE location_match ADD COLUMN attribution text NOT NULL DEFAULT '';
