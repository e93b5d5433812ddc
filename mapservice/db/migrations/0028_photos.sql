-- The files of a photo lie in the store (`media/storage.py`) before its row is there, and go after it is gone.
CREATE TABLE photo (
    id            uuid        PRIMARY KEY DEFAULT uuid_v7(),
    name          text        NOT NULL UNIQUE CHECK (name ~ '^[0-9a-f]{32}$'),
    initiative    uuid        REFERENCES initiative ON DELETE CASCADE,
    form          uuid,
    person        uuid        REFERENCES person ON DELETE CASCADE,
    position      smallint    NOT NULL DEFAULT 0 CHECK (position >= 0),
    state         text        NOT NULL CHECK (state IN ('draft', 'waiting', 'public', 'refused')),
    widths        smallint[]  NOT NULL CHECK (cardinality(widths) >= 1),
    width         smallint    NOT NULL CHECK (width > 0),
    height        smallint    NOT NULL CHECK (height > 0),
    shared_width  smallint    NOT NULL CHECK (shared_width > 0),
    shared_height smallint    NOT NULL CHECK (shared_height > 0),
    shared_bytes  integer     NOT NULL CHECK (shared_bytes > 0),
    alt           text        NOT NULL DEFAULT '' CHECK (length(alt) <= 300),
    credit        text        NOT NULL DEFAULT '' CHECK (length(credit) <= 120),
    focal_x       smallint    NOT NULL DEFAULT 50 CHECK (focal_x BETWEEN 0 AND 100),
    focal_y       smallint    NOT NULL DEFAULT 50 CHECK (focal_y BETWEEN 0 AND 100),
    added_at      timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz,
    reason        text        NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    CONSTRAINT photo_place CHECK ((state = 'draft') = (initiative IS NULL)),
    CONSTRAINT photo_form_check CHECK ((state = 'draft') = (form IS NOT NULL)),
    CONSTRAINT photo_end CHECK ((state IN ('draft', 'refused')) = (expires_at IS NOT NULL)),
    CONSTRAINT photo_reason CHECK ((state = 'refused') = (reason <> ''))
);
CREATE INDEX photo_shown ON photo (initiative, position, id) WHERE state = 'public';
CREATE INDEX photo_initiative ON photo (initiative) WHERE initiative IS NOT NULL;
CREATE INDEX photo_form ON photo (form) WHERE form IS NOT NULL;
CREATE INDEX photo_person ON photo (person) WHERE person IS NOT NULL;
CREATE INDEX photo_expires ON photo (expires_at) WHERE expires_at IS NOT NULL;

-- What a deleted row leaves to be done: its files.
CREATE TABLE photo_removal (
    name       text        PRIMARY KEY,
    files      text[]      NOT NULL,
    removed_at timestamptz NOT NULL DEFAULT now()
);

-- The photos that a version shows: {"id", "alt", "credit"} of each, in their order.
ALTER TABLE initiative_revision
    ADD COLUMN photos jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(photos) = 'array');

ALTER TABLE report ADD COLUMN photo uuid REFERENCES photo ON DELETE SET NULL;
CREATE INDEX report_photo ON report (photo) WHERE photo IS NOT NULL;

ALTER TABLE decision
    DROP CONSTRAINT decision_verdict_check,
    ADD CONSTRAINT decision_verdict_check CHECK (verdict IN ('publish', 'keep', 'reject', 'ask', 'merge', 'unmerge',
                                                             'place', 'unplace', 'close', 'photo')),
    ADD CONSTRAINT decision_photo_check CHECK (verdict <> 'photo' OR reason <> '');
