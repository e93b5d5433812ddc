-- What a source says beyond the fields of an initiative. Beside it, so that tiles, lists and counts, which read
-- `initiative`, stay as small as they are.
CREATE TABLE initiative_detail (
    initiative uuid  PRIMARY KEY REFERENCES initiative ON DELETE CASCADE,
    attributes jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    withheld   jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(withheld) = 'object'),
    shape      geometry(Geometry, 4326)
);

CREATE TABLE import_source (
    platform   text        PRIMARY KEY CHECK (length(platform) BETWEEN 1 AND 200),
    trusted    boolean     NOT NULL DEFAULT false,
    owner      uuid        REFERENCES person ON DELETE SET NULL,
    mapping    jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(mapping) = 'object'),
    licence    text        NOT NULL DEFAULT '' CHECK (length(licence) <= 300),
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX import_source_owner ON import_source (owner) WHERE owner IS NOT NULL;

CREATE TABLE import_run (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform     text        NOT NULL,
    file_name    text        NOT NULL CHECK (length(file_name) <= 300),
    state        text        NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed', 'undone')),
    person       uuid        REFERENCES person ON DELETE SET NULL,
    started_by   text        NOT NULL DEFAULT '',
    is_moderated boolean     NOT NULL DEFAULT false,
    is_snapshot  boolean     NOT NULL DEFAULT false,
    started_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    undone_at    timestamptz,
    reading      jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(reading) = 'object'),
    counts       jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(counts) = 'object'),
    report       text        NOT NULL DEFAULT '',
    CHECK ((state = 'undone') = (undone_at IS NOT NULL))
);
CREATE INDEX import_run_platform ON import_run (platform, id);
CREATE INDEX import_run_person ON import_run (person) WHERE person IS NOT NULL;

-- No reference to `initiative`: what a run made and somebody deleted since needs no undoing.
CREATE TABLE import_change (
    run        bigint NOT NULL REFERENCES import_run ON DELETE CASCADE,
    initiative uuid   NOT NULL,
    former     jsonb  CHECK (jsonb_typeof(former) = 'object'),
    PRIMARY KEY (run, initiative)
);
CREATE INDEX import_change_initiative ON import_change (initiative, run);

-- Files that people sent, from their upload to the end of their import.
CREATE TABLE import_upload (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    person     uuid        REFERENCES person ON DELETE CASCADE,
    sent_by    text        NOT NULL DEFAULT '',
    file_name  text        NOT NULL CHECK (length(file_name) <= 300),
    state      text        NOT NULL DEFAULT 'sent'
                           CHECK (state IN ('sent', 'checking', 'checked', 'accepted', 'importing', 'done',
                                            'undoing', 'undone', 'failed')),
    options    jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
    preview    jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(preview) = 'object'),
    done_rows  bigint      NOT NULL DEFAULT 0,
    total_rows bigint      NOT NULL DEFAULT 0,
    attempts   smallint    NOT NULL DEFAULT 0,
    reason     text        NOT NULL DEFAULT '',
    run        bigint      REFERENCES import_run ON DELETE SET NULL,
    sent_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX import_upload_sent ON import_upload (sent_at);
CREATE INDEX import_upload_run ON import_upload (run) WHERE run IS NOT NULL;
CREATE INDEX import_upload_person ON import_upload (person) WHERE person IS NOT NULL;

-- Finds the rows of one file in another: a hash, which takes titles of any length and four bytes of each.
CREATE INDEX initiative_likeness ON initiative USING hash (lower(title || chr(31) || place_text))
    WHERE source_platform <> '';
