-- Files that jobs make, and reports that come each month.

CREATE TABLE export (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    format      text        NOT NULL CHECK (format IN ('gpkg', 'fgb', 'parquet', 'report.zip')),
    filter      text        NOT NULL,
    state       text        NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed')),
    base_url    text        NOT NULL,
    done_rows   bigint      NOT NULL DEFAULT 0,
    total_rows  bigint,
    bytes       bigint,
    attempts    smallint    NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    expires_at  timestamptz,
    kept        interval    NOT NULL DEFAULT interval '24 hours',
    CHECK ((state IN ('done', 'failed')) = (finished_at IS NOT NULL)),
    CHECK ((finished_at IS NOT NULL) = (expires_at IS NOT NULL)),
    CHECK ((state = 'done') = (bytes IS NOT NULL))
);
CREATE UNIQUE INDEX export_unfinished ON export (format, filter, base_url) WHERE state IN ('queued', 'running');
CREATE INDEX export_expiry ON export (expires_at);

CREATE TABLE report_schedule (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    person      uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    view        text        NOT NULL CHECK (length(view) <= 2000),
    base_url    text        NOT NULL,
    leave_key   bytea       NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    created_at  timestamptz NOT NULL DEFAULT now(),
    ordered_for date        NOT NULL CHECK (extract(day FROM ordered_for) = 1),
    told_for    date        NOT NULL CHECK (extract(day FROM told_for) = 1),
    export      uuid,
    UNIQUE (person, view),
    CHECK (told_for <= ordered_for)
);
CREATE INDEX report_schedule_due ON report_schedule (ordered_for, id);
CREATE INDEX report_schedule_untold ON report_schedule (id) WHERE told_for < ordered_for;
