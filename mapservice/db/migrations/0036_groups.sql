-- A group; who organises it stands in group_member, and `organisers` counts them (a trigger). One without any is in
-- succession: that is what `succession_since` says, whoever deleted the last row.
CREATE TABLE local_group (
    id               uuid        PRIMARY KEY DEFAULT uuid_v7(),
    form             uuid        UNIQUE,
    status           text        NOT NULL CHECK (status IN ('draft', 'pending', 'published', 'archived', 'rejected')),
    name             text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    summary          text        NOT NULL DEFAULT '' CHECK (length(summary) <= 500),
    description      text        NOT NULL DEFAULT '' CHECK (length(description) <= 20000),
    theme            text        NOT NULL CHECK (theme IN ('environnement', 'alimentation', 'mobilite', 'habitat', 'solidarite', 'education', 'culture', 'economie', 'autre')),
    openness         text        NOT NULL CHECK (openness IN ('open', 'moderated', 'invitation')),
    organisation     text        NOT NULL DEFAULT '' CHECK (organisation ~ '^(W[0-9][0-9A-Z][0-9]{7}|[0-9]{9})?$'),
    place_text       text        NOT NULL DEFAULT '' CHECK (length(place_text) <= 1000),
    area             text        NOT NULL DEFAULT 'commune' CHECK (area IN ('commune', 'epci', 'departement', 'region', 'national')),
    precision        text        NOT NULL CHECK (precision IN ('point', 'commune', 'epci', 'departement', 'region', 'national', 'none')),
    point            geometry(Point, 4326),
    commune          text,
    epci             text,
    departement      text,
    region           text,
    anchor           geometry(Point, 4326),
    anchor_3857      geometry(Point, 3857),
    search           tsvector    GENERATED ALWAYS AS (
                         setweight(to_tsvector('french_unaccent', name), 'A')
                         || setweight(to_tsvector('french_unaccent', summary), 'B')
                         || setweight(to_tsvector('french_unaccent', left(description, 4000)), 'C')) STORED,
    members          integer     NOT NULL DEFAULT 0 CHECK (members >= 0),
    organisers       integer     NOT NULL DEFAULT 0 CHECK (organisers >= 0),
    succession_since timestamptz DEFAULT now(),
    handed_over_at   timestamptz,
    last_sign_at     timestamptz NOT NULL DEFAULT now(),
    revision         integer     NOT NULL DEFAULT 1 CHECK (revision > 0),
    queued_at        timestamptz,
    submitted_at     timestamptz NOT NULL DEFAULT now(),
    published_at     timestamptz,
    archived_at      timestamptz,
    reason           text        NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    source           text        NOT NULL DEFAULT '',
    changed_at       timestamptz NOT NULL DEFAULT now(),
    CHECK ((point IS NOT NULL) = (precision = 'point')),
    CHECK (point IS NULL OR coalesce(ST_X(point) BETWEEN -180 AND 180 AND ST_Y(point) BETWEEN -85 AND 85, false)),
    CHECK (precision NOT IN ('point', 'commune') OR commune IS NOT NULL),
    CHECK (precision IN ('point', 'commune') OR commune IS NULL),
    CHECK ((anchor IS NULL) = (precision IN ('national', 'none'))),
    CHECK ((status = 'archived') = (archived_at IS NOT NULL)),
    CHECK (status NOT IN ('published', 'archived') OR published_at IS NOT NULL),
    CONSTRAINT local_group_succession_check CHECK ((organisers = 0) = (succession_since IS NOT NULL)),
    CHECK (handed_over_at IS NULL OR succession_since IS NOT NULL)
);
-- As of events: exact distances are dear, and pages are short.
ALTER TABLE local_group SET (parallel_workers = 0);
CREATE INDEX local_group_published ON local_group (published_at DESC, id DESC) WHERE status IN ('published', 'archived');
CREATE INDEX local_group_anchor ON local_group USING gist (anchor_3857) WHERE status IN ('published', 'archived');
CREATE INDEX local_group_search ON local_group USING gin (search);
CREATE INDEX local_group_commune ON local_group (commune) WHERE commune IS NOT NULL;
CREATE INDEX local_group_epci ON local_group (epci) WHERE epci IS NOT NULL;
CREATE INDEX local_group_departement ON local_group (departement) WHERE departement IS NOT NULL;
CREATE INDEX local_group_region ON local_group (region) WHERE region IS NOT NULL;
CREATE INDEX local_group_succession ON local_group (succession_since) WHERE succession_since IS NOT NULL;
CREATE INDEX local_group_source ON local_group (source) WHERE source <> '';

-- Who left has no row. What is not confirmed by its mailed link is in token alone.
CREATE TABLE group_member (
    id             uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    local_group    uuid        NOT NULL REFERENCES local_group ON DELETE CASCADE,
    person         uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    standing       text        NOT NULL CHECK (standing IN ('requested', 'follower', 'member', 'editor', 'organiser', 'banned')),
    name           text        NOT NULL DEFAULT '' CHECK (length(name) <= 60),
    is_public      boolean     NOT NULL DEFAULT false,
    shares_address boolean     NOT NULL DEFAULT false,
    offered_by     uuid        REFERENCES group_member ON DELETE SET NULL,
    offered_until  timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    changed_at     timestamptz NOT NULL DEFAULT now(),
    leave_key      bytea       NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    UNIQUE (local_group, person),
    CHECK (offered_until IS NULL OR standing IN ('member', 'editor'))
);
CREATE INDEX group_member_person ON group_member (person);
CREATE INDEX group_member_offered_by ON group_member (offered_by) WHERE offered_by IS NOT NULL;

-- What an organiser of both lets belong to a group.
ALTER TABLE event_series ADD COLUMN local_group uuid REFERENCES local_group ON DELETE SET NULL;
CREATE INDEX event_series_local_group ON event_series (local_group) WHERE local_group IS NOT NULL;

CREATE TABLE group_initiative (
    initiative  uuid        PRIMARY KEY REFERENCES initiative ON DELETE CASCADE,
    local_group uuid        NOT NULL REFERENCES local_group ON DELETE CASCADE,
    added_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX group_initiative_local_group ON group_initiative (local_group);

-- A case, and a decision, may be about a group too.
ALTER TABLE waiting
    ADD COLUMN local_group uuid REFERENCES local_group ON DELETE CASCADE,
    DROP CONSTRAINT waiting_kind_check,
    ADD CONSTRAINT waiting_kind_check CHECK (kind IN ('proposal', 'edit', 'appeal', 'report', 'place', 'burst', 'post', 'event', 'group')),
    DROP CONSTRAINT waiting_subject_check,
    ADD CONSTRAINT waiting_subject_check CHECK ((kind = 'event') = (event_series IS NOT NULL)
                                            AND (kind = 'group') = (local_group IS NOT NULL)
                                            AND (kind IN ('event', 'group')) = (initiative IS NULL));
CREATE INDEX waiting_local_group ON waiting (local_group) WHERE local_group IS NOT NULL;

ALTER TABLE decision
    ADD COLUMN local_group uuid,
    DROP CONSTRAINT decision_verdict_check,
    ADD CONSTRAINT decision_verdict_check CHECK (verdict IN ('publish', 'keep', 'reject', 'ask', 'merge', 'unmerge',
                                                             'place', 'unplace', 'close', 'photo', 'post', 'unpost',
                                                             'archive')),
    DROP CONSTRAINT decision_subject_check,
    ADD CONSTRAINT decision_subject_check CHECK (num_nonnulls(initiative, event_series, local_group) = 1);
CREATE INDEX decision_local_group ON decision (local_group, id) WHERE local_group IS NOT NULL;
