-- Initiatives, how their places were understood, and those that left public view.

CREATE TABLE initiative (
    id                uuid        PRIMARY KEY DEFAULT uuid_v7(),
    title             text        NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    summary           text        NOT NULL DEFAULT '' CHECK (length(summary) <= 500),
    description       text        NOT NULL DEFAULT '' CHECK (length(description) <= 20000),
    theme             text        NOT NULL CHECK (theme IN ('environnement', 'alimentation', 'mobilite', 'habitat', 'solidarite', 'education', 'culture', 'economie', 'autre')),
    scale             text        NOT NULL CHECK (scale IN ('commune', 'epci', 'departement', 'region', 'national')),
    status            text        NOT NULL CHECK (status IN ('draft', 'pending', 'published', 'rejected', 'done', 'archived', 'merged')),
    -- Beyond these its month would have no number, or be taken for that of all months.
    created_at        timestamptz CHECK (created_at >= '0001-01-01' AND created_at < 'infinity'),
    updated_at        timestamptz,
    source_platform   text        NOT NULL DEFAULT '',
    source_id         text,
    source_url        text        NOT NULL DEFAULT '' CHECK (source_url = '' OR source_url ~ '^https?://'),
    source_licence    text        NOT NULL DEFAULT '',
    source_digest     text,
    place_text        text        NOT NULL DEFAULT '' CHECK (length(place_text) <= 1000),
    precision         text        NOT NULL CHECK (precision IN ('point', 'commune', 'epci', 'departement', 'region', 'national', 'none')),
    point             geometry(Point, 4326),
    commune           text,
    epci              text,
    departement       text,
    region            text,
    anchor            geometry(Point, 4326),
    anchor_3857       geometry(Point, 3857),
    cell              bigint      GENERATED ALWAYS AS (grid_cell(anchor_3857)) STORED,
    supporters        integer     NOT NULL DEFAULT 0 CHECK (supporters >= 0),
    search            tsvector    GENERATED ALWAYS AS (
                          setweight(to_tsvector('french_unaccent', title), 'A')
                          || setweight(to_tsvector('french_unaccent', summary), 'B')
                          || setweight(to_tsvector('french_unaccent', left(description, 4000)), 'C')) STORED,
    changed_at        timestamptz NOT NULL DEFAULT now(),
    -- By the clock: `harvest_horizon()` tells up to which moment none is missing.
    state_since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    told_here         integer     NOT NULL DEFAULT 0,
    local_here        integer     NOT NULL DEFAULT 0,
    created_period    text        CHECK (created_period ~ '^[0-9]{4}(-(0[1-9]|1[0-2]))?$'),
    source_supporters integer     CHECK (source_supporters >= 0),
    UNIQUE (source_platform, source_id),
    CHECK (created_at <= updated_at),
    CHECK ((point IS NOT NULL) = (precision = 'point')),
    -- Neither empty nor NaN, nor beyond the edge of the map.
    CHECK (point IS NULL OR coalesce(ST_X(point) BETWEEN -180 AND 180 AND ST_Y(point) BETWEEN -85 AND 85, false)),
    CHECK (precision NOT IN ('point', 'commune') OR commune IS NOT NULL),
    CHECK (precision IN ('point', 'commune') OR commune IS NULL),
    CHECK (precision <> 'epci' OR epci IS NOT NULL),
    CHECK (precision <> 'departement' OR (departement IS NOT NULL AND epci IS NULL)),
    CHECK (precision <> 'region' OR (region IS NOT NULL AND departement IS NULL AND epci IS NULL)),
    CHECK (precision NOT IN ('national', 'none') OR (region IS NULL AND departement IS NULL AND epci IS NULL)),
    CHECK ((anchor IS NULL) = (precision IN ('national', 'none'))),
    -- Not held against `supporters`: two writes of one statement change them one after the other.
    CONSTRAINT initiative_local_here_check CHECK (local_here BETWEEN 0 AND told_here),
    CONSTRAINT initiative_created_once_check CHECK (created_at IS NULL OR created_period IS NULL)
);

-- One index for each order that the filter grammar offers, within each territory it can name. Newest first, and
-- unknown last: what is unknown stands for a moment before all others, so that an order and what follows a
-- cursor are plain ranges of one index.
CREATE INDEX initiative_recent ON initiative (coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_updated ON initiative (updated_at, id);
CREATE INDEX initiative_supported ON initiative (supporters DESC, id DESC);
CREATE INDEX initiative_theme ON initiative (theme, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
-- What is listed is nine rows of ten, so that an index of it by status leads the planner astray: beside a circle
-- or a box it would read all of it. What is rare is found at once.
CREATE INDEX initiative_status ON initiative (status, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC)
    WHERE status NOT IN ('published', 'done');
CREATE INDEX initiative_commune ON initiative (commune, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_epci ON initiative (epci, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_departement ON initiative (departement, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_region ON initiative (region, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
-- For comparisons that must not take unknown for early, and for oldest first.
CREATE INDEX initiative_created ON initiative (created_at, id);
CREATE INDEX initiative_changed ON initiative (changed_at, id);
CREATE INDEX initiative_state_since ON initiative (state_since, id);
-- Tiles and boxes are ranges of the grid. Pages of a box go along it, from one initiative to the next; counts
-- need what is included.
CREATE INDEX initiative_cell ON initiative (cell, id) INCLUDE (theme, status, anchor);
-- All that a near tile shows of an initiative, in the order of the grid: its rows lie all over the table, and
-- looking for them took half of the time (200 MB for a million). Beside `initiative_cell`, as counting takes
-- each entry of an index to pieces, and longer with more of them.
CREATE INDEX initiative_tile ON initiative (cell, id)
    INCLUDE (theme, status, anchor_3857, title, precision, commune, epci, departement, region);
CREATE INDEX initiative_anchor ON initiative USING gist (anchor_3857);
CREATE INDEX initiative_search ON initiative USING gin (search);
CREATE INDEX initiative_idea ON initiative USING gin (
    idea_keys(idea_area(precision, commune, epci, departement, region),
              tsvector_to_array(to_tsvector('french_unaccent', title)))
) WHERE status IN ('published', 'done');

-- How a place was understood, kept for ever beside its initiative.
CREATE TABLE location_match (
    initiative  uuid        PRIMARY KEY REFERENCES initiative ON DELETE CASCADE,
    query       jsonb       NOT NULL,
    parts       jsonb       NOT NULL,
    candidates  jsonb       NOT NULL DEFAULT '[]',
    status      text        NOT NULL CHECK (status IN ('certain', 'likely', 'ambiguous', 'none')),
    precision   text        NOT NULL,
    score       real        NOT NULL CHECK (score BETWEEN 0 AND 1),
    method      text        NOT NULL,
    reason      text        NOT NULL DEFAULT '',
    cog_year    smallint    NOT NULL,
    matched_at  timestamptz NOT NULL DEFAULT now(),
    review      text        NOT NULL DEFAULT 'none' CHECK (review IN ('none', 'waiting', 'decided')),
    decided_by  text,
    decided_at  timestamptz,
    attribution text        NOT NULL DEFAULT '',
    decision    jsonb       CHECK (jsonb_typeof(decision) = 'object'),
    CHECK ((review = 'decided') = (decided_by IS NOT NULL AND decided_at IS NOT NULL))
);
CREATE INDEX location_match_waiting ON location_match (matched_at, initiative) WHERE review = 'waiting';
CREATE INDEX location_match_decided ON location_match (decided_at DESC, initiative) WHERE review = 'decided';

-- Answers of an outside address API, shared by all workers.
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
CREATE INDEX provider_answer_fetched ON provider_answer (fetched_at);

CREATE TABLE removal (
    initiative uuid        PRIMARY KEY,
    removed_at timestamptz NOT NULL
);
CREATE INDEX removal_order ON removal (removed_at, initiative);
