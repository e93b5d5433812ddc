-- A series holds when it takes place; what takes place stands in its occurrences, of which a single event has one.
CREATE TABLE event_series (
    id           uuid        PRIMARY KEY DEFAULT uuid_v7(),
    form         uuid        UNIQUE,
    person       uuid        REFERENCES person ON DELETE SET NULL,
    continues    uuid        REFERENCES event_series ON DELETE SET NULL,
    starts_local timestamp   NOT NULL,
    duration     interval    NOT NULL CHECK (duration > interval '0' AND duration <= interval '31 days'),
    zone         text        NOT NULL CHECK (zone ~ '^[A-Za-z_]+/[A-Za-z_]+$'),
    rrule        text        NOT NULL DEFAULT '' CHECK (length(rrule) <= 300),
    exdates      timestamp[] NOT NULL DEFAULT '{}',
    rdates       timestamp[] NOT NULL DEFAULT '{}',
    made_until   timestamptz,
    revision     integer     NOT NULL DEFAULT 1 CHECK (revision > 0),
    queued_at    timestamptz,
    submitted_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    reason       text        NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    source       text        NOT NULL DEFAULT ''
);
CREATE INDEX event_series_person ON event_series (person) WHERE person IS NOT NULL;
CREATE INDEX event_series_continues ON event_series (continues) WHERE continues IS NOT NULL;
CREATE INDEX event_series_source ON event_series (source) WHERE source <> '';
CREATE INDEX event_series_made ON event_series (made_until) WHERE rrule <> '';

CREATE TABLE event (
    id               uuid        PRIMARY KEY DEFAULT uuid_v7(),
    series           uuid        NOT NULL REFERENCES event_series ON DELETE CASCADE,
    recurrence_id    timestamp   NOT NULL,
    changed_alone    boolean     NOT NULL DEFAULT false,
    status           text        NOT NULL CHECK (status IN ('draft', 'pending', 'published', 'moved', 'postponed', 'cancelled',
                                                            'done', 'rejected')),
    title            text        NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    summary          text        NOT NULL DEFAULT '' CHECK (length(summary) <= 500),
    description      text        NOT NULL DEFAULT '' CHECK (length(description) <= 20000),
    theme            text        NOT NULL CHECK (theme IN ('environnement', 'alimentation', 'mobilite', 'habitat', 'solidarite', 'education', 'culture', 'economie', 'autre')),
    initiative       uuid        REFERENCES initiative ON DELETE SET NULL,
    starts_at        timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL,
    zone             text        NOT NULL,
    starts_local     timestamp   NOT NULL,
    ends_local       timestamp   NOT NULL,
    mode             text        NOT NULL CHECK (mode IN ('place', 'online', 'both')),
    online_url       text        NOT NULL DEFAULT '' CHECK (online_url = '' OR online_url ~ '^https?://'),
    place_text       text        NOT NULL DEFAULT '' CHECK (length(place_text) <= 1000),
    precision        text        NOT NULL CHECK (precision IN ('point', 'commune', 'epci', 'departement', 'region', 'national', 'none')),
    point            geometry(Point, 4326),
    commune          text,
    epci             text,
    departement      text,
    region           text,
    anchor           geometry(Point, 4326),
    anchor_3857      geometry(Point, 3857),
    cell             bigint      GENERATED ALWAYS AS (grid_cell(anchor_3857)) STORED,
    search           tsvector    GENERATED ALWAYS AS (
                         setweight(to_tsvector('french_unaccent', title), 'A')
                         || setweight(to_tsvector('french_unaccent', summary), 'B')
                         || setweight(to_tsvector('french_unaccent', left(description, 4000)), 'C')) STORED,
    registration     text        NOT NULL DEFAULT 'none' CHECK (registration IN ('none', 'open', 'approval', 'external')),
    registration_url text        NOT NULL DEFAULT '' CHECK (registration_url = '' OR registration_url ~ '^https?://'),
    capacity         integer     CHECK (capacity >= 0),
    max_seats        smallint    NOT NULL DEFAULT 1 CHECK (max_seats BETWEEN 1 AND 10),
    question         text        NOT NULL DEFAULT '' CHECK (length(question) <= 300),
    former_starts_at timestamptz,
    former_place     text        NOT NULL DEFAULT '',
    note             text        NOT NULL DEFAULT '' CHECK (length(note) <= 2000),
    sequence         integer     NOT NULL DEFAULT 0 CHECK (sequence >= 0),
    created_at       timestamptz NOT NULL DEFAULT now(),
    changed_at       timestamptz NOT NULL DEFAULT now(),
    cancelled_at     timestamptz,
    UNIQUE (series, recurrence_id),
    CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '32 days'),
    CHECK ((point IS NOT NULL) = (precision = 'point')),
    CHECK (point IS NULL OR coalesce(ST_X(point) BETWEEN -180 AND 180 AND ST_Y(point) BETWEEN -85 AND 85, false)),
    CHECK (precision NOT IN ('point', 'commune') OR commune IS NOT NULL),
    CHECK (precision IN ('point', 'commune') OR commune IS NULL),
    CHECK ((anchor IS NULL) = (precision IN ('national', 'none'))),
    CHECK (mode <> 'online' OR precision = 'none'),
    CHECK ((registration = 'external') = (registration_url <> '')),
    CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL))
);
-- The planner takes exact distances for dear and would start workers for a page of twenty rows, which takes fifty
-- times as long as reading them.
ALTER TABLE event SET (parallel_workers = 0);
-- What lists and maps show; an end within the key lets those that are over be passed by without their rows.
CREATE INDEX event_starts ON event (starts_at, ends_at, id) WHERE status IN ('published', 'moved', 'done');
CREATE INDEX event_anchor ON event USING gist (anchor_3857) WHERE status IN ('published', 'moved', 'done');
CREATE INDEX event_cell ON event (cell, starts_at) WHERE status IN ('published', 'moved', 'done');
CREATE INDEX event_search ON event USING gin (search);
CREATE INDEX event_commune ON event (commune, starts_at) WHERE commune IS NOT NULL;
CREATE INDEX event_epci ON event (epci, starts_at) WHERE epci IS NOT NULL;
CREATE INDEX event_departement ON event (departement, starts_at) WHERE departement IS NOT NULL;
CREATE INDEX event_region ON event (region, starts_at) WHERE region IS NOT NULL;
CREATE INDEX event_initiative ON event (initiative, starts_at) WHERE initiative IS NOT NULL;
CREATE INDEX event_ends ON event (ends_at) WHERE status IN ('published', 'moved');
-- What calendars still have to be told.
CREATE INDEX event_gone ON event (changed_at) WHERE status IN ('cancelled', 'postponed');

CREATE TABLE event_registration (
    id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    event         uuid        NOT NULL REFERENCES event ON DELETE CASCADE,
    person        uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    state         text        NOT NULL CHECK (state IN ('requested', 'confirmed', 'waiting', 'offered', 'declined',
                                                        'cancelled', 'attended')),
    seats         smallint    NOT NULL CHECK (seats BETWEEN 1 AND 10),
    name          text        NOT NULL DEFAULT '' CHECK (length(name) <= 60),
    is_public     boolean     NOT NULL DEFAULT false,
    answer        text        NOT NULL DEFAULT '' CHECK (length(answer) <= 1000),
    created_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    waits_since   timestamptz,
    offered_seats smallint,
    offered_until timestamptz,
    reminded_at   timestamptz,
    leave_key     bytea       NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    UNIQUE (event, person),
    CHECK ((state = 'offered') = (offered_until IS NOT NULL)),
    CHECK ((state = 'offered') = (offered_seats IS NOT NULL)),
    CHECK (state NOT IN ('waiting', 'offered') OR waits_since IS NOT NULL)
);
CREATE INDEX event_registration_person ON event_registration (person);
CREATE INDEX event_registration_waiting ON event_registration (event, waits_since, id) WHERE state = 'waiting';
CREATE INDEX event_registration_offered ON event_registration (offered_until) WHERE state = 'offered';

CREATE TABLE event_calendar (
    person     uuid        PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    digest     bytea       NOT NULL UNIQUE CHECK (length(digest) = 32),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A mail whose words are made when it is sent, by the room that `renderer` names.
ALTER TABLE delivery
    ADD COLUMN renderer text NOT NULL DEFAULT '',
    ADD COLUMN payload  jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(payload) = 'object');

-- A case, and a decision, is about an initiative or about a series of events.
ALTER TABLE waiting
    ALTER COLUMN initiative DROP NOT NULL,
    ADD COLUMN event_series uuid REFERENCES event_series ON DELETE CASCADE,
    DROP CONSTRAINT waiting_kind_check,
    ADD CONSTRAINT waiting_kind_check CHECK (kind IN ('proposal', 'edit', 'appeal', 'report', 'place', 'burst', 'post', 'event')),
    ADD CONSTRAINT waiting_subject_check CHECK ((kind = 'event') = (event_series IS NOT NULL)
                                            AND (kind = 'event') = (initiative IS NULL));
CREATE INDEX waiting_event_series ON waiting (event_series) WHERE event_series IS NOT NULL;

ALTER TABLE decision
    ALTER COLUMN initiative DROP NOT NULL,
    ADD COLUMN event_series uuid,
    ADD CONSTRAINT decision_subject_check CHECK (num_nonnulls(initiative, event_series) = 1);
CREATE INDEX decision_event_series ON decision (event_series, id) WHERE event_series IS NOT NULL;
