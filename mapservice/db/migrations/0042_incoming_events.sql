-- Events that come in from elsewhere: the key, the page and the licence at their source, and what undoing a run restores.
ALTER TABLE event_series
    ADD COLUMN source_id       text        CHECK (length(source_id) BETWEEN 1 AND 300),
    ADD COLUMN source_url      text        NOT NULL DEFAULT '' CHECK (length(source_url) <= 2000),
    ADD COLUMN source_licence  text        NOT NULL DEFAULT '' CHECK (length(source_licence) <= 300),
    ADD COLUMN source_digest   text,
    ADD COLUMN source_sequence integer     NOT NULL DEFAULT 0 CHECK (source_sequence >= 0),
    ADD COLUMN source_changed_at timestamptz,
    ADD CONSTRAINT event_series_key_check CHECK (source_id IS NULL OR source <> '');
CREATE UNIQUE INDEX event_series_source_id ON event_series (source, source_id) WHERE source_id IS NOT NULL;

CREATE TABLE import_event_change (
    run    bigint NOT NULL REFERENCES import_run ON DELETE CASCADE,
    series uuid   NOT NULL,
    former jsonb  CHECK (jsonb_typeof(former) = 'object'),
    PRIMARY KEY (run, series)
);
CREATE INDEX import_event_change_series ON import_event_change (series, run);
